"""Networks in ONNX files: ONNX Runtime computes what the network does, and what was written comes back."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest

import nncore.nn as nn

onnx = pytest.importorskip("onnx", reason="onnx is not installed; the extra `peers` brings it")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed; the extra `peers` brings it")

pytestmark = pytest.mark.peer

helper = onnx.helper


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.onnx"


def run(path, x):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {session.get_inputs()[0].name: x})
    return y


RECURRENT = {
    "lstm": lambda *a, **k: nn.LSTM(*a, **k),
    "gru, reset after": lambda *a, **k: nn.GRU(*a, reset_after=True, **k),
    "gru, reset before": lambda *a, **k: nn.GRU(*a, **k),
    "elman tanh": lambda *a, **k: nn.Elman(*a, **k),
    "elman relu": lambda *a, **k: nn.Elman(*a, nonlinearity="relu", **k),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("kind", RECURRENT)
def test_a_recurrent_layer_runs_and_comes_back(kind, depth, both, bias, path, rng, fill, assert_close):
    layer = RECURRENT[kind](3, 5, depth, bidirectional=both, bias=bias)
    net = fill(nn.Sequential([layer], seed=0), rng)
    nn.to_onnx(net, path)
    onnx.checker.check_model(path, full_check=True)
    for shape in ((4, 7, 3), (1, 1, 3)):
        x = rng.normal(size=shape).astype(np.float32)
        assert_close(run(path, x), net(x), 1e-5)
    comes_back(path, net)


def comes_back(path, net):
    other = nn.from_onnx(path)
    assert other.layers == net.layers
    assert other.dtype == net.dtype
    for name in net.names():
        assert other[name].tobytes() == net[name].tobytes(), name
    return other


LAYERS = {
    "rows": ([nn.Dense(4, 6, "relu"), nn.BatchNorm(6), nn.Dense(6, 2)], (5, 4), {}),
    "sequences of rows": ([nn.Dense(4, 6, "elu"), nn.BatchNorm(6), nn.Dense(6, 2)], (5, 3, 4), {"sequences": True}),
    "a bias only sometimes": ([nn.Dense(4, 4, bias=False), nn.Dense(4, 3, "tanh", bias=False)], (5, 4), {}),
    "the last step": ([nn.LSTM(4, 3), nn.LastStep(), nn.BatchNorm(3), nn.Dense(3, 2, "sigmoid")], (5, 3, 4), {}),
    "the last step at once": ([nn.LastStep(), nn.Dense(4, 2)], (5, 3, 4), {}),
    "between recurrent layers": (
        [nn.Dense(4, 3, "relu"), nn.GRU(3, 4, 2), nn.BatchNorm(4), nn.Elman(4, 3), nn.Dense(3, 2, bias=False)],
        (5, 3, 4),
        {},
    ),
    "two layers are not one of two": ([nn.LSTM(4, 4), nn.LSTM(4, 4), nn.LSTM(4, 4, 2)], (5, 3, 4), {}),
    "a table of ids": ([nn.Embedding(7, 3), nn.Dense(3, 2)], (5,), {}),
    "a table of sequences": ([nn.Embedding(7, 3), nn.LSTM(3, 4), nn.Dense(4, 7)], (5, 6), {}),
    "tied to a table": ([nn.Embedding(7, 3), nn.Dense(3, 3), nn.Dense(3, 7, tied="0.weight")], (5, 6), {}),
    "tied to a dense layer": ([nn.Dense(4, 2, "tanh"), nn.Dense(2, 4, tied="0.weight")], (5, 4), {}),
    "tied and square": ([nn.Dense(4, 4), nn.Dense(4, 4), nn.Dense(4, 4, tied="0.weight", bias=False)], (5, 4), {}),
    **{a: ([nn.Dense(4, 3, a)], (5, 4), {}) for a in ("relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus")},
}
LAYERS["tied sequences"] = (*LAYERS["tied to a dense layer"][:1], (5, 3, 4), {"sequences": True})
LAYERS["tied to a table"] = (*LAYERS["tied to a table"][:2], {"sequences": True})


@pytest.mark.parametrize("name", LAYERS)
def test_a_network_runs_and_comes_back(name, path, rng, fill, assert_close):
    layers, shape, settings = LAYERS[name]
    net = fill(nn.Sequential(layers, seed=0), rng)
    ids = isinstance(layers[0], nn.Embedding)
    x = rng.integers(7, size=shape) if ids else 2 * rng.normal(size=shape).astype(np.float32)
    for _ in range(2 * any(isinstance(layer, nn.BatchNorm) for layer in layers)):
        net.forward(x)  # moves the averages
    nn.to_onnx(net, path, **settings)
    onnx.checker.check_model(path, full_check=True)
    y = net(x)
    assert run(path, x).dtype == y.dtype
    assert_close(run(path, x), y, 1e-5)
    other = comes_back(path, net)
    assert np.array_equal(other(x), y)


@pytest.mark.parametrize("opset", range(17, 23))
def test_every_version_of_the_operators(opset, path, rng, fill, assert_close):
    layers = [
        nn.Embedding(5, 3),
        nn.GRU(3, 4),
        nn.LSTM(4, 4),
        nn.Elman(4, 4),
        nn.BatchNorm(4),
        nn.Dense(4, 2, "softplus"),
    ]
    net = fill(nn.Sequential(layers, seed=0), rng)
    nn.to_onnx(net, path, opset=opset)
    assert [o.version for o in onnx.load(path).opset_import] == [opset]
    ids = rng.integers(5, size=(3, 6))
    assert_close(run(path, ids), net(ids), 1e-5)
    comes_back(path, net)


def test_dropout_is_left_out(path, rng, assert_close):
    net = nn.Sequential([nn.Dense(3, 4), nn.Dropout(0.5), nn.Dense(4, 2)], seed=0)
    nn.to_onnx(net, str(path))
    x = rng.normal(size=(5, 3)).astype(np.float32)
    assert_close(run(path, x), net(x), 1e-5)
    assert nn.from_onnx(str(path)).layers == (nn.Dense(3, 4), nn.Dense(4, 2))


def test_float64_keeps_its_numbers(path, rng, fill, assert_close):
    net = fill(nn.Sequential([nn.Dense(3, 4, "tanh"), nn.BatchNorm(4)], dtype="float64", seed=0), rng)
    nn.to_onnx(net, path)
    x = rng.normal(size=(5, 3))
    assert_close(run(path, x), net(x), 1e-12)
    recurrent = fill(nn.Sequential([nn.GRU(3, 4, 2, bidirectional=True)], dtype="float64", seed=0), rng)
    for one in (net, recurrent):
        nn.to_onnx(one, path)
        comes_back(path, one)


def test_a_file_is_replaced_whole_or_not_at_all(path, monkeypatch):
    nn.to_onnx(nn.Sequential([nn.Dense(3, 4)], seed=0), path)
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        nn.to_onnx(nn.Sequential([nn.Dense(3, 5)], seed=0), path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    nn.to_onnx(nn.Sequential([nn.Dense(3, 5)], seed=0), path)
    assert nn.from_onnx(path).layers == (nn.Dense(3, 5),)
    with pytest.raises(FileNotFoundError):
        nn.to_onnx(nn.Sequential([nn.Dense(3, 5)]), path.parent / "none" / "net.onnx")
    with pytest.raises(FileNotFoundError):
        nn.from_onnx(path.parent / "none")


def test_what_is_refused_leaves_no_file(path):
    net = nn.Sequential([nn.LSTM(3, 4)])
    for call, error, message in [
        (lambda: nn.to_onnx("net", path), TypeError, "net must be a Sequential, but is a str"),
        (lambda: nn.to_onnx(net, path, opset=16), ValueError, "opset must be from 17 to 22, but is 16"),
        (lambda: nn.to_onnx(net, path, opset=23), ValueError, "opset must be from 17 to 22, but is 23"),
        (lambda: nn.to_onnx(net, path, opset=17.0), TypeError, "opset must be an integer"),
        (lambda: nn.to_onnx(net, path, sequences=False), ValueError, "sequences must be True"),
        (lambda: nn.to_onnx(net, path, sequences=1), TypeError, "sequences must be True or False"),
    ]:
        with pytest.raises(error, match=message):
            call()
    assert not path.exists()


def test_without_onnx_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "import nncore.nn as nn\n"
        "for call in (lambda: nn.to_onnx(nn.Sequential([nn.Dense(1, 1)]), 'x'), lambda: nn.from_onnx('x')):\n"
        "    try: call()\n"
        "    except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    lines = [f"{name} needs onnx: pip install 'nncore[onnx]'" for name in ("to_onnx", "from_onnx")]
    assert done.stdout.splitlines() == lines, done.stderr


def test_damaged_files_raise_and_never_crash(path, rng, fill):
    net = fill(
        nn.Sequential([nn.Embedding(3, 2), nn.GRU(2, 2, bidirectional=True), nn.LastStep(), nn.Dense(4, 2)]), rng
    )
    nn.to_onnx(net, path)
    whole = path.read_bytes()
    outcomes = set()
    for trial in range(300):
        data = bytearray(whole)
        if trial % 3:
            for place in rng.integers(len(whole), size=trial % 3):
                data[place] = rng.integers(256)
        else:
            del data[rng.integers(len(whole)) :]
        path.write_bytes(data)
        try:
            nn.from_onnx(path)
            outcomes.add("read")  # a number that is another one
        except (TypeError, ValueError) as error:
            outcomes.add(type(error))
    assert {"read", ValueError} <= outcomes
    for data in (b"", b"something else", b"PK\x03\x04"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=f"{path.name}' is damaged, or no ONNX file"):
            nn.from_onnx(path)


# Graphs of other programs


def tensor(name, value):
    return onnx.numpy_helper.from_array(np.asarray(value), name)


def write(path, nodes, arrays, shape, outputs=("y",), rank=None, opset=17):
    """A file with the input x and these nodes."""
    axes = [f"axis {k}" for k in range(rank or len(shape))]
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, axes) for name in outputs]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "graph", [x], values, [tensor(*item) for item in arrays.items()])
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("my.own", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def weights(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def exported(module, x, path, **settings):
    """What PyTorch's own exporter makes of a module."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; the extra `peers` brings it")
    buffer = io.BytesIO()
    with pytest.warns():  # deprecations of this exporter, the one that needs no further package
        torch.onnx.export(module.eval(), torch.from_numpy(x), buffer, dynamo=False, opset_version=17, **settings)
    path.write_bytes(buffer.getvalue())
    with torch.no_grad():
        y = module(torch.from_numpy(x))
    return y[0].numpy() if isinstance(y, tuple) else y.numpy()


def tagger(torch):
    class Tagger(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(7, 3)
            self.recurrent = torch.nn.LSTM(3, 5, 2, bidirectional=True, batch_first=True)
            self.head = torch.nn.Linear(10, 4)

        def forward(self, ids):
            return torch.tanh(self.head(self.recurrent(self.table(ids))[0][:, -1]))

    return Tagger()


OF_TORCH = {
    "a tagger": (
        tagger,
        (4, 6),
        [nn.Embedding(7, 3), nn.LSTM(3, 5, 2, bidirectional=True), nn.LastStep(), nn.Dense(10, 4, "tanh")],
    ),
    "rows": (
        lambda torch: torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(3, 4), torch.nn.ELU(), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)
        ),
        (5, 3),
        [nn.Dense(3, 4, "elu"), nn.BatchNorm(4), nn.Dense(4, 2)],
    ),
    "rows without bias": (
        lambda torch: torch.nn.Sequential(torch.nn.Linear(3, 4, bias=False), torch.nn.LeakyReLU()),
        (5, 3),
        [nn.Dense(3, 4, "leaky_relu", bias=False)],
    ),
    "sequences of rows": (
        lambda torch: torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Softplus()),
        (5, 6, 3),
        [nn.Dense(3, 4, "softplus")],
    ),
    "a gru": (lambda torch: torch.nn.GRU(3, 5, batch_first=True), (4, 6, 3), [nn.GRU(3, 5, reset_after=True)]),
    "a gru without bias": (
        lambda torch: torch.nn.GRU(3, 5, 2, bidirectional=True, bias=False, batch_first=True),
        (4, 6, 3),
        [nn.GRU(3, 5, 2, reset_after=True, bidirectional=True, bias=False)],
    ),
    "an rnn": (
        lambda torch: torch.nn.RNN(3, 5, 2, nonlinearity="relu", batch_first=True),
        (4, 6, 3),
        [nn.Elman(3, 5, 2, nonlinearity="relu")],
    ),
}


@pytest.mark.parametrize("name", OF_TORCH)
def test_files_of_torch(name, path, rng, assert_close):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; the extra `peers` brings it")
    torch.manual_seed(0)
    make, shape, layers = OF_TORCH[name]
    x = rng.integers(7, size=shape) if len(shape) == 2 and name == "a tagger" else weights(rng, *shape)
    y = exported(make(torch), x, path)
    net = nn.from_onnx(path)
    assert net.layers == tuple(layers)
    assert_close(net(x), y, 1e-5)


def test_a_graph_with_time_first_becomes_batch_first(path, rng, assert_close):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; the extra `peers` brings it")
    x = weights(rng, 6, 4, 3)
    y = exported(torch.nn.LSTM(3, 5), x, path, dynamic_axes={"x": [0, 1]}, input_names=["x"])
    assert_close(nn.from_onnx(path)(x.swapaxes(0, 1)), y.swapaxes(0, 1), 1e-5)


def test_the_last_state_is_the_last_step(path, rng, assert_close):
    for node in ("Squeeze", "Gather"):
        index = np.array([0]) if node == "Squeeze" else np.array(-1)
        nodes = [
            helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
            helper.make_node("LSTM", ["t", "W", "R", "B"], ["", "h"], hidden_size=4),
            helper.make_node(node, ["h", "axis"], ["y"]),
        ]
        arrays = {"W": weights(rng, 1, 16, 3), "R": weights(rng, 1, 16, 4), "B": weights(rng, 1, 32), "axis": index}
        write(path, nodes, arrays, ["N", "T", 3], rank=2)
        net = nn.from_onnx(path)
        assert net.layers == (nn.LSTM(3, 4), nn.LastStep())
        x = weights(rng, 5, 6, 3)
        assert_close(net(x), run(path, x), 1e-5)


def test_directions_put_side_by_side_in_a_graph_of_fixed_shape(path, rng, assert_close):
    arrays = {"W": weights(rng, 2, 16, 3), "R": weights(rng, 2, 16, 4)}
    nodes = [
        helper.make_node("LSTM", ["x", "W", "R"], ["a"], hidden_size=4, direction="bidirectional"),
        helper.make_node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["b", "shape"], ["y"]),
    ]
    write(path, nodes, {**arrays, "shape": np.array([6, 5, 8])}, [6, 5, 3])
    x = weights(rng, 6, 5, 3)
    assert_close(nn.from_onnx(path)(x.swapaxes(0, 1)).swapaxes(0, 1), run(path, x), 1e-5)
    for shape, sizes in (
        ([5, 6, 8], [6, 5, 3]),
        ([6, 10, 4], [6, 5, 3]),
        ([6, 5, 8], ["T", "N", 3]),
        ([6, -1], [6, 5, 3]),
    ):
        write(path, nodes, {**arrays, "shape": np.array(shape)}, sizes)
        with pytest.raises(ValueError, match=r"\(Reshape\) must put the directions of a recurrent node side by side"):
            nn.from_onnx(path)


def test_a_gru_with_two_biases_that_resets_before(path, rng, assert_close):
    nodes = [
        helper.make_node("GRU", ["x", "W", "R", "B"], ["h"], hidden_size=4),
        helper.make_node("Squeeze", ["h", "axes"], ["y"]),
    ]
    arrays = {"W": weights(rng, 1, 12, 3), "R": weights(rng, 1, 12, 4), "B": weights(rng, 1, 24), "axes": np.array([1])}
    write(path, nodes, arrays, ["T", "N", 3])
    net = nn.from_onnx(path)
    assert net.layers == (nn.GRU(3, 4),)
    x = weights(rng, 6, 5, 3)
    assert_close(net(x.swapaxes(0, 1)).swapaxes(0, 1), run(path, x), 1e-5)


def test_dropout_and_constants_of_other_programs(path, rng, assert_close):
    value = tensor("value", weights(rng, 3, 4))
    nodes = [
        helper.make_node("Constant", [], ["W"], value=value),
        helper.make_node("Identity", ["W"], ["V"]),
        helper.make_node("Gemm", ["x", "V", "one"], ["a"]),
        helper.make_node("Dropout", ["a", "ratio"], ["b"]),
        helper.make_node("MatMul", ["b", "U"], ["c"]),
        helper.make_node("Add", ["u", "c"], ["d"]),
        helper.make_node("Relu", ["d"], ["y"]),
    ]
    arrays = {"one": np.ones((1,), np.float32), "U": weights(rng, 4, 2), "u": weights(rng, 1, 2)}
    write(path, nodes, {**arrays, "ratio": np.array(0.25, np.float32)}, ["N", 3])
    net = nn.from_onnx(path)
    assert net.layers == (nn.Dense(3, 4), nn.Dropout(0.25), nn.Dense(4, 2, "relu"))
    x = weights(rng, 5, 3)
    assert_close(net(x), run(path, x), 1e-5)


def one(kind, *inputs, **settings):
    return [helper.make_node(kind, ["x", *inputs], ["y"], **settings)]


GATES = np.ones((1, 4, 3), np.float32)
MATRIX = {"W": np.ones((3, 4), np.float32), "b": np.ones(4, np.float32)}
CELL = {"W": GATES, "R": GATES[:, :, :1], "B": np.ones((1, 8), np.float32), "n": np.array([2], np.int32)}
CELL.update({"h": np.ones((1, 2, 1), np.float32), "p": np.ones((1, 3), np.float32)})
ROWS, STEPS = ["N", 3], ["T", "N", 3]
REFUSED = {
    "another operator": (one("Softmax"), {}, ROWS, r"node 'y' \(Softmax\) has no counterpart"),
    "another domain": (one("Relu", domain="my.own"), {}, ROWS, r"\(Relu\) has no counterpart"),
    "an activation alone": (one("Relu"), {}, ROWS, r"\(Relu\) must follow a Gemm"),
    "two activations": (
        [helper.make_node("Gemm", ["x", "W"], ["a"]), *[helper.make_node("Tanh", [a], [b]) for a, b in ("ac", "cy")]],
        MATRIX,
        ROWS,
        r"node 'y' \(Tanh\) must follow a Gemm",
    ),
    "another slope": (
        [helper.make_node("Gemm", ["x", "W"], ["a"]), helper.make_node("LeakyRelu", ["a"], ["y"], alpha=0.2)],
        MATRIX,
        ROWS,
        r"\(LeakyRelu\) must have alpha=0.01, which nncore has alone, but has 0.2",
    ),
    "a residual": (
        [helper.make_node("Gemm", ["x", "V"], ["a"]), helper.make_node("Add", ["a", "x"], ["y"])],
        {"V": np.ones((3, 3), np.float32)},
        ROWS,
        r"\(Add\) must add a constant bias",
    ),
    "a sum alone": (one("Add", "b"), {"b": np.ones(3, np.float32)}, ROWS, r"\(Add\) must add the bias of a Gemm"),
    "a weight that is computed": (one("MatMul", "x"), {}, ROWS, r"\(MatMul\) must have a constant weight"),
    "a product from the left": (
        [helper.make_node("MatMul", ["W", "x"], ["y"])],
        MATRIX,
        ROWS,
        r"\(MatMul\) must have what comes from the input as its first input",
    ),
    "a weight of three axes": (one("MatMul", "W"), {"W": GATES}, ROWS, r"must have a matrix for its weight"),
    "a scaled product": (one("Gemm", "W", "b", alpha=2.0), MATRIX, ROWS, r"\(Gemm\) must have alpha=1 and beta=1"),
    "a bias that does not fit": (
        one("Gemm", "W", "b"),
        {**MATRIX, "b": np.ones(3, np.float32)},
        ROWS,
        r"\(Gemm\) must add 4 numbers, not \(3,\)",
    ),
    "layers that do not fit": (
        [helper.make_node("Gemm", ["x", "W"], ["a"]), helper.make_node("Gemm", ["a", "W"], ["y"])],
        MATRIX,
        ROWS,
        r"layers\[1\] takes 3 features, but layers\[0\] gives 4",
    ),
    "another epsilon": (
        one("BatchNormalization", *"abcd", epsilon=1e-3),
        dict.fromkeys("abcd", np.ones(3, np.float32)),
        ROWS,
        r"\(BatchNormalization\) must have epsilon=1e-5",
    ),
    "features that are time": (
        one("BatchNormalization", *"abcd"),
        dict.fromkeys("abcd", np.ones(3, np.float32)),
        ["N", "T", 3],
        "must have the features on its second axis",
    ),
    "another axis": (one("Flatten", axis=0), {}, ROWS, r"\(Flatten\) must leave"),
    "turned rows": (one("Transpose", perm=[1, 0]), {}, ROWS, "output 'y' has other axes than the input"),
    "nothing": (one("Identity"), {}, ROWS, "the graph computes nothing"),
    "a constant": ([helper.make_node("Identity", ["W"], ["y"])], MATRIX, ROWS, "'y' does not depend on an input"),
    "an input of one axis": (one("Relu"), {}, [3], "input 'x' must be"),
    "another step": (
        one("Gather", "first", axis=1),
        {"first": np.array(0)},
        ["N", "T", 3],
        r"\(Gather\) must take the last step",
    ),
    "time first to last": (
        [helper.make_node("LSTM", ["x", "W", "R"], ["a"]), helper.make_node("Identity", ["a"], ["y"])],
        CELL,
        STEPS,
        "has other axes",
    ),
    "lengths": (one("LSTM", "W", "R", "B", "n"), CELL, STEPS, r"\(LSTM\) has sequence_lens"),
    "a state": (one("LSTM", "W", "R", "B", "", "h"), CELL, STEPS, r"\(LSTM\) has initial_h other than zeros"),
    "peepholes": (one("LSTM", "W", "R", "B", "", "", "", "p"), CELL, STEPS, r"\(LSTM\) has P other than zeros"),
    "backwards": (one("LSTM", "W", "R", direction="reverse"), CELL, STEPS, "goes backwards alone"),
    "clipped": (one("LSTM", "W", "R", clip=1.0), CELL, STEPS, r"\(LSTM\) has clip"),
    "coupled": (one("LSTM", "W", "R", input_forget=1), CELL, STEPS, r"\(LSTM\) has input_forget"),
    "other gates": (
        one("LSTM", "W", "R", activations=["Relu", "Tanh", "Tanh"]),
        CELL,
        STEPS,
        r"\(LSTM\) has the activations relu, tanh, tanh",
    ),
    "another width": (one("LSTM", "W", "R", hidden_size=2), CELL, STEPS, r"\(LSTM\) must have hidden_size=1"),
    "no gates": (one("GRU", "W", "R"), CELL, STEPS, r"\(GRU\) must have W and R of 1 times 3 rows"),
    "no matrices": (one("GRU", "n", "R"), CELL, STEPS, r"\(GRU\) must have W and R of three axes"),
    "half a bias": (
        one("LSTM", "W", "R", "B"),
        {**CELL, "B": np.ones((1, 4), np.float32)},
        STEPS,
        r"\(LSTM\) must have B of shape \(1, 8\)",
    ),
    "rows in time": (one("LSTM", "W", "R"), CELL, ROWS, r"\(LSTM\) must have sequences with time first"),
    "two types": (
        [helper.make_node("Gemm", ["x", "W"], ["a"]), helper.make_node("Gemm", ["a", "D"], ["y"])],
        {**MATRIX, "D": np.ones((4, 2))},
        ROWS,
        "weights must be of one type",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_counterpart_is_refused(name, path):
    nodes, arrays, shape, message = REFUSED[name]
    write(path, nodes, arrays, shape)
    with pytest.raises(ValueError, match=f"net.onnx' does not hold a network of nncore: .*{message}"):
        nn.from_onnx(path)


def test_an_output_too_many_is_refused(path):
    nodes = [helper.make_node("Gemm", ["x", "W"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    write(path, nodes, MATRIX, ROWS, outputs=("y", "a"))
    with pytest.raises(ValueError, match="output 'a' is one more than a network has"):
        nn.from_onnx(path)


def test_old_operators_are_refused(path):
    write(path, one("Gemm", "W", "b"), MATRIX, ROWS, opset=8)
    with pytest.raises(ValueError, match="opset must be 9 or newer, but is 8"):
        nn.from_onnx(path)


def test_half_precision_is_a_type_error(path):
    write(path, one("Gemm", "W"), {"W": np.ones((3, 4), np.float16)}, ROWS)
    with pytest.raises(TypeError, match="weights must be float32 or float64, but are float16"):
        nn.from_onnx(path)
