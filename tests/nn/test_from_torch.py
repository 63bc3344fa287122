"""Networks from PyTorch: the same numbers, outputs and names back; what has no counterpart is refused."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

import nncore.nn as nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed; the extra `peers` brings it")

pytestmark = pytest.mark.peer

TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
RECURRENT = {
    "lstm": (torch.nn.LSTM, nn.LSTM, {}),
    "gru": (torch.nn.GRU, nn.GRU, {"reset_after": True}),
    "rnn": (torch.nn.RNN, nn.Elman, {}),
}


@pytest.fixture(autouse=True)
def torch_seed():
    torch.manual_seed(0)


@pytest.fixture(params=TOLERANCES, ids=str)
def dtype(request):
    return request.param


def comes_back(net, module):
    """The network gives the module's state_dict back: names, order, types, bits."""
    ours, theirs = net.to_torch_state_dict(), module.state_dict()
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.numpy().dtype, name
        assert ours[name].tobytes() == tensor.numpy().tobytes(), name
        assert ours[name].shape == tuple(tensor.shape), name
    loaded = module.load_state_dict({name: torch.from_numpy(array) for name, array in ours.items()}, strict=True)
    assert not loaded.missing_keys and not loaded.unexpected_keys
    return True


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("kind", RECURRENT)
def test_a_recurrent_module(kind, depth, both, bias, dtype, rng, assert_close):
    theirs, ours, own = RECURRENT[kind]
    module = theirs(3, 5, depth, bidirectional=both, bias=bias, batch_first=True, dtype=dtype)
    net = nn.from_torch(module)
    assert net.layers == (ours(3, 5, depth, bidirectional=both, bias=bias, **own),)
    assert str(net.dtype) == str(dtype).removeprefix("torch.")
    x = rng.normal(size=(4, 6, 3)).astype(net.dtype)
    expected, state = module(torch.from_numpy(x))
    y, (final,) = net(x, return_state=True)
    assert_close(y, expected.detach(), TOLERANCES[dtype])
    for a, b in zip(*((s if isinstance(s, tuple) else (s,)) for s in (final, state)), strict=True):
        assert_close(a, b.detach(), TOLERANCES[dtype])
    assert comes_back(net, module)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_weights_alone_tell_the_cell(kind):
    theirs, ours, own = RECURRENT[kind]
    for both in (False, True):
        state = theirs(3, 5, 2, bidirectional=both).state_dict()
        net = nn.from_torch(state)
        assert net.layers == (ours(3, 5, 2, bidirectional=both, **own),)
        assert np.array_equal(net["0.weight_hh_l1"], state["weight_hh_l1"])


def test_an_rnn_of_relu(rng, assert_close):
    module = torch.nn.RNN(3, 5, nonlinearity="relu", batch_first=True)
    x = rng.normal(size=(4, 6, 3)).astype(np.float32)
    assert_close(nn.from_torch(module)(x), module(torch.from_numpy(x))[0].detach(), 1e-5)
    with pytest.raises(ValueError, match="layers must be given"):  # tanh leaves the same weights
        nn.from_torch(module.state_dict())
    net = nn.from_torch(module.state_dict(), layers=[nn.Elman(3, 5, nonlinearity="relu")])
    assert_close(net(x), module(torch.from_numpy(x))[0].detach(), 1e-5)


ACTIVATIONS = [
    torch.nn.ReLU(),
    torch.nn.LeakyReLU(),
    torch.nn.Tanh(),
    torch.nn.Sigmoid(),
    torch.nn.ELU(),
    torch.nn.Softplus(),
]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_an_activation_becomes_part_of_the_dense_layer(activation, dtype, rng, assert_close):
    module = torch.nn.Sequential(torch.nn.Linear(4, 7), activation, torch.nn.Linear(7, 2, bias=False), activation)
    module.to(dtype)
    net = nn.from_torch(module)
    assert len(net.layers) == 2
    x = 3 * rng.normal(size=(5, 4)).astype(net.dtype)
    assert_close(net(x), module(torch.from_numpy(x)).detach(), TOLERANCES[dtype])
    assert comes_back(net, module)


def test_a_nested_module_of_everything(dtype, rng, assert_close):
    module = torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Identity()),
        torch.nn.BatchNorm1d(6),
        torch.nn.Flatten(),
        torch.nn.Linear(6, 3),
    ).to(dtype)
    for _ in range(3):
        module(torch.from_numpy(rng.normal(size=(9, 4))).to(dtype))
    net = nn.from_torch(module)
    assert net.layers == (nn.Dense(4, 6, "relu"), nn.Dropout(0.3), nn.BatchNorm(6), nn.Dense(6, 3))
    assert net["2.num_batches_tracked"] == 3
    x = rng.normal(size=(5, 4)).astype(net.dtype)
    assert_close(net(x), module.eval()(torch.from_numpy(x)).detach(), TOLERANCES[dtype])
    assert comes_back(net, module)


class Tagger(torch.nn.Module):
    """A module as people write them: the order in which it defines is not the order in which it computes."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(10, 4)
        self.table = torch.nn.Embedding(7, 3, padding_idx=0)
        self.recurrent = torch.nn.GRU(3, 5, bidirectional=True, batch_first=True)

    def forward(self, ids):
        return torch.tanh(self.head(self.recurrent(self.table(ids))[0][:, -1]))


TAGGER = [
    nn.Embedding(7, 3),
    nn.GRU(3, 5, reset_after=True, bidirectional=True),
    nn.LastStep(),
    nn.Dense(10, 4, "tanh"),
]


def test_a_module_of_another_class_with_its_layers(rng, assert_close):
    module, ids = Tagger(), rng.integers(7, size=(4, 6))
    with pytest.raises(ValueError, match=r"Tagger\) has no counterpart.*needs layers="):
        nn.from_torch(module)
    for source in (module, module.state_dict(), {k: v.numpy() for k, v in module.state_dict().items()}):
        net = nn.from_torch(source, layers=TAGGER)
        assert_close(net(ids), module(torch.from_numpy(ids)).detach(), 1e-5)
    assert next(iter(net.to_torch_state_dict())) == "table.weight"
    state = {name: torch.from_numpy(array) for name, array in net.to_torch_state_dict().items()}
    assert module.load_state_dict(state, strict=True)


def test_names_that_leave_a_choice_need_a_mapping(rng, assert_close):
    module = torch.nn.ModuleDict({"second": torch.nn.Linear(4, 4), "first": torch.nn.Linear(4, 4)})
    with pytest.raises(ValueError, match="leaves a choice between names.*give layers as a mapping"):
        nn.from_torch(module, layers=[nn.Dense(4, 4, "tanh"), nn.Dense(4, 4)])
    net = nn.from_torch(module, layers={"first": nn.Dense(4, 4, "tanh"), "": nn.Dropout(0.1), "second": nn.Dense(4, 4)})
    x = rng.normal(size=(5, 4)).astype(np.float32)
    expected = module["second"](torch.tanh(module["first"](torch.from_numpy(x))))
    assert_close(net(x), expected.detach(), 1e-5)
    assert set(net.to_torch_state_dict()) == set(module.state_dict())


def test_numbers_below_different_names_are_no_order():
    module = torch.nn.ModuleDict({k: torch.nn.Sequential(torch.nn.Linear(4, 4)) for k in ("second", "first")})
    with pytest.raises(ValueError, match="leaves a choice"):
        nn.from_torch(module.state_dict(), layers=[nn.Dense(4, 4)] * 2)
    with pytest.raises(ValueError, match="do not tell the order"):
        nn.from_torch(module.state_dict())


def test_numbers_are_not_sorted_as_text(tmp_path):
    module = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(12)))
    safetensors.numpy.save_file({k: v.numpy() for k, v in module.state_dict().items()}, tmp_path / "weights")
    layers = [nn.Dense(2, 2)] * 12
    for prefix in ("", "net.body."):
        state = {prefix + k: v for k, v in reversed(module.state_dict().items())}
        net = nn.from_torch(state, layers=layers)
        assert np.array_equal(net["10.weight"], module[10].weight.detach())
        assert list(net.to_torch_state_dict()) == [prefix + k for k in module.state_dict()]
    assert comes_back(nn.from_torch(tmp_path / "weights", layers=layers), module)


def test_a_shared_table_becomes_a_tied_layer(rng, assert_close):
    module = torch.nn.Sequential(torch.nn.Embedding(7, 3), torch.nn.Linear(3, 3), torch.nn.Linear(3, 7))
    module[2].weight = module[0].weight
    net = nn.from_torch(module)
    assert net.layers[2] == nn.Dense(3, 7, tied="0.weight")
    ids = rng.integers(7, size=5)
    assert_close(net(ids), module(torch.from_numpy(ids)).detach(), 1e-5)
    assert comes_back(net, module)
    state = {**module.state_dict(), "2.weight": torch.zeros(7, 3)}
    with pytest.raises(ValueError, match=r"layers\[2\], .*shares a weight, but the weights given differ"):
        nn.from_torch(state, layers=net.layers)


NATIVE = {
    "one index more behind an activation": (
        [nn.Dense(3, 4, "relu"), nn.Dropout(0.1), nn.Dense(4, 4, "elu", bias=False), nn.BatchNorm(4), nn.Dense(4, 2)],
        lambda: torch.nn.Sequential(
            torch.nn.Linear(3, 4),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.1),
            torch.nn.Linear(4, 4, bias=False),
            torch.nn.ELU(),
            torch.nn.BatchNorm1d(4),
            torch.nn.Linear(4, 2),
        ),
    ),
    "a module without weights for LastStep": (
        [nn.Embedding(5, 3), nn.LSTM(3, 4, 2, bidirectional=True), nn.LastStep(), nn.Dense(8, 2)],
        lambda: torch.nn.Sequential(
            torch.nn.Embedding(5, 3),
            torch.nn.LSTM(3, 4, 2, bidirectional=True),
            torch.nn.Identity(),
            torch.nn.Linear(8, 2),
        ),
    ),
}


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_network_made_here_goes_to_torch_and_back(name, precision, rng, fill):
    layers, twin = NATIVE[name]
    net = fill(nn.Sequential(layers, dtype=precision, seed=0), rng)
    state = net.to_torch_state_dict()
    module = twin().to(getattr(torch, precision))
    module.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=True)
    assert comes_back(net, module)
    for source in (state, module.state_dict(), module):
        other = nn.from_torch(source, layers=net.layers)
        assert other.layers == net.layers
        assert all(np.array_equal(other.state_dict()[k], v) for k, v in net.state_dict().items())


def test_a_tied_dense_layer_stands_under_both_names(rng, fill):
    net = fill(nn.Sequential([nn.Dense(3, 2, "tanh"), nn.Dense(2, 3, tied="0.weight")], seed=0), rng)
    state = net.to_torch_state_dict()
    assert list(state) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert np.array_equal(state["2.weight"], state["0.weight"].T)
    other = nn.from_torch(state, layers=net.layers)
    assert np.array_equal(other.parameters, net.parameters)
    with pytest.raises(ValueError, match=r"layers\[1\], .*shares a weight, but the weights given differ"):
        nn.from_torch({**state, "2.weight": state["2.weight"] + 1}, layers=net.layers)


def test_prefixes_name_the_layers():
    net = nn.Sequential([nn.LSTM(3, 4), nn.LastStep(), nn.Dense(4, 2)], seed=0)
    names = list(net.to_torch_state_dict(["encoder", "head"]))
    assert names == [f"encoder.{k}" for k in torch.nn.LSTM(3, 4).state_dict()] + ["head.weight", "head.bias"]
    assert list(nn.Sequential([nn.Dense(4, 2)]).to_torch_state_dict([""])) == ["weight", "bias"]
    for prefixes in (["encoder"], ["same", "same"]):
        with pytest.raises(ValueError, match="prefixes must be 2 different names"):
            net.to_torch_state_dict(prefixes)
    for prefixes in ("ab", [1, 2]):
        with pytest.raises(TypeError, match="prefixes must be a list of str"):
            net.to_torch_state_dict(prefixes)


def test_copies_and_files_keep_the_names(tmp_path):
    module = torch.nn.LSTM(3, 4)
    net = nn.from_torch(module)
    net.save(tmp_path / "net")
    for other in (net.copy(), copy.deepcopy(net), pickle.loads(pickle.dumps(net)), nn.load(tmp_path / "net")):
        assert comes_back(other, module)


def test_the_network_keeps_nothing_of_the_module():
    module = torch.nn.LSTM(3, 4)
    net = nn.from_torch(module)
    kept = net.to_torch_state_dict()
    net.parameters[:] = 0
    assert kept["weight_hh_l0"].any() and module.weight_hh_l0.any()


def test_a_file_needs_no_torch(tmp_path):
    module = torch.nn.GRU(3, 4, 2)
    safetensors.numpy.save_file({k: v.numpy() for k, v in module.state_dict().items()}, tmp_path / "weights")
    assert comes_back(nn.from_torch(tmp_path / "weights"), module)
    assert comes_back(nn.from_torch(str(tmp_path / "weights")), module)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import nncore.nn as nn\n"
        f"print(*nn.from_torch({str(tmp_path / 'weights')!r}).to_torch_state_dict())"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == list(module.state_dict()), done.stderr


def test_a_file_that_begins_like_a_pickle(tmp_path):
    module = torch.nn.LSTM(3, 4)
    for width in range(256):  # the first byte is the low one of the header's length
        arrays = {k: v.numpy() for k, v in module.state_dict().items()}
        safetensors.numpy.save_file(arrays, tmp_path / "weights", {"note": " " * width})
        if (tmp_path / "weights").read_bytes()[:1] == b"\x80":
            break
    else:
        pytest.fail("no width gives such a file")
    assert comes_back(nn.from_torch(tmp_path / "weights"), module)


def test_files_that_are_not_read(tmp_path):
    path = tmp_path / "weights.pt"
    for zipped in (True, False):
        torch.save(torch.nn.Linear(2, 2).state_dict(), path, _use_new_zipfile_serialization=zipped)
        with pytest.raises(ValueError, match="is a pickle of PyTorch, which is not read because unpickling can run"):
            nn.from_torch(path)
    path.write_bytes(b"something else")
    path = path.rename(tmp_path / "weights-float16")
    with pytest.raises(ValueError, match="is damaged, truncated or no safetensors file"):
        nn.from_torch(path)
    nn.Sequential([nn.Dense(2, 2)]).save(path)
    with pytest.raises(ValueError, match="is a file of nncore itself, which nncore.nn.load reads"):
        nn.from_torch(path)
    with pytest.raises(FileNotFoundError):
        nn.from_torch(tmp_path / "nothing")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(kind, tmp_path):
    from safetensors.torch import save_file

    module = torch.nn.Linear(2, 2).to(kind)
    save_file(module.state_dict(), tmp_path / "weights")
    for source in (module, module.state_dict(), tmp_path / "weights"):
        with pytest.raises(TypeError, match=r"must hold float32 or float64, but holds b?float16; convert it first"):
            nn.from_torch(source)
    assert nn.from_torch(module.float()).dtype == np.float32


def single(module):
    return torch.nn.Sequential(torch.nn.Linear(3, 4), module)


REFUSED_MODULES = {
    "another activation": (lambda: single(torch.nn.GELU()), r"module\['1'\] \(GELU\) has no counterpart"),
    "another slope": (lambda: single(torch.nn.LeakyReLU(0.2)), r"must have negative_slope=0.01, .*but has 0.2"),
    "another alpha": (lambda: single(torch.nn.ELU(0.5)), "must have alpha=1.0"),
    "another beta": (lambda: single(torch.nn.Softplus(2)), "must have beta=1.0"),
    "an activation alone": (lambda: torch.nn.ReLU(), r"module \(ReLU\) must follow a Linear"),
    "two activations": (lambda: torch.nn.Sequential(single(torch.nn.ReLU()), torch.nn.ReLU()), "must follow a Linear"),
    "an activation behind BatchNorm": (
        lambda: torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.ReLU()),
        r"module\['1'\] \(ReLU\) must follow a Linear",
    ),
    "projections": (
        lambda: torch.nn.LSTM(3, 4, proj_size=2),
        "must have proj_size=0, which nncore has alone, but has 2",
    ),
    "dropout inside": (lambda: torch.nn.LSTM(3, 4, 2, dropout=0.5), r"has dropout=0.5.*call module.eval\(\) first"),
    "a padding index": (lambda: torch.nn.Embedding(3, 4, padding_idx=0), "has padding_idx=0"),
    "a largest norm": (lambda: torch.nn.Embedding(3, 4, max_norm=1.0), "must have max_norm=None"),
    "another epsilon": (lambda: torch.nn.BatchNorm1d(3, eps=1e-3), "must have eps=1e-05"),
    "another momentum": (lambda: torch.nn.BatchNorm1d(3, momentum=0.2), "has momentum=0.2"),
    "no scale": (lambda: torch.nn.BatchNorm1d(3, affine=False), "must have affine=True"),
    "no averages": (lambda: torch.nn.BatchNorm1d(3, track_running_stats=False), "must have track_running_stats=True"),
    "a cell": (lambda: torch.nn.LSTMCell(3, 4), r"\(LSTMCell\) has no counterpart"),
    "a flattened sequence": (
        lambda: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LSTM(3, 4)),
        r"\(LSTM\) must not follow a Flatten",
    ),
    "flattening in the end": (lambda: single(torch.nn.Flatten()), "must not end with a Flatten"),
    "widths that do not fit": (
        lambda: torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Flatten(), torch.nn.Linear(12, 4)),
        r"layers\[1\] takes 12 features, but layers\[0\] gives 4",
    ),
    "nothing": (lambda: torch.nn.Sequential(), "module must not be empty"),
    "two types": (
        lambda: torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2, dtype=torch.float64)),
        "must hold floats of one type, but holds float32, float64",
    ),
}


@pytest.mark.parametrize("name", REFUSED_MODULES)
def test_what_has_no_counterpart_is_refused(name):
    make, message = REFUSED_MODULES[name]
    with pytest.raises(ValueError, match=message):
        nn.from_torch(make())


@pytest.mark.parametrize("name", ["dropout inside", "a padding index", "another momentum"])
def test_what_matters_in_training_alone_is_left_out_in_inference(name):
    module = REFUSED_MODULES[name][0]().eval()
    assert comes_back(nn.from_torch(module), module)


def test_a_gru_of_the_other_form_is_refused():
    ours = nn.Sequential([nn.GRU(3, 4)], seed=0)
    state = torch.nn.GRU(3, 4).state_dict()
    with pytest.raises(ValueError, match=r"layers\[0\] is a GRU with reset_after=False, another function than"):
        nn.from_torch(state, layers=[nn.GRU(3, 4)])
    with pytest.raises(ValueError, match=r"layers\[0\] is a GRU with reset_after=False, a function that PyTorch"):
        ours.to_torch_state_dict()
    for net in (ours, nn.Sequential([nn.GRU(3, 4, bias=False)])):
        with pytest.raises(ValueError, match=r"0\.\w+ belongs to a GRU with reset_after=False"):
            nn.from_torch(net.state_dict())


def states(*modules):
    return torch.nn.Sequential(*modules).state_dict()


DOUBTS = {
    "what stands between": (lambda: states(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 2)), "leave out"),
    "what stands before": (lambda: states(torch.nn.ReLU(), torch.nn.LSTM(2, 2)), "leave out numbers"),
    "what follows": (lambda: states(torch.nn.LSTM(3, 4), torch.nn.Linear(4, 2)), r"if nothing does, layers=\[nn.LSTM"),
    "names without order": (lambda: Tagger().state_dict(), "do not tell the order"),
    "a table or a matrix": (lambda: torch.nn.Embedding(3, 4).state_dict(), r"weight \(3, 4\) .*leave their kind open"),
    "something unknown": (lambda: {"weight": np.ones((2, 2, 2))}, "leave their kind open"),
    "no gates": (lambda: {"weight_ih_l0": np.ones((5, 3)), "weight_hh_l0": np.ones((5, 2))}, "leave their kind open"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_where_the_weights_leave_a_doubt_layers_are_asked_for(name):
    make, message = DOUBTS[name]
    with pytest.raises(ValueError, match=f"layers must be given.*{message}"):
        nn.from_torch(make())


def test_layers_that_the_error_proposes_are_accepted():
    state = states(torch.nn.LSTM(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    with pytest.raises(ValueError, match="if nothing does") as caught:
        nn.from_torch(state)
    layers = eval(str(caught.value).split("layers=", 1)[1], {"nn": nn})
    assert nn.from_torch(state, layers=layers).layers == (nn.LSTM(3, 4), nn.BatchNorm(4), nn.Dense(4, 2))


def test_a_single_linear_or_batch_norm_is_no_doubt():
    for module in (torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(3)):
        assert comes_back(nn.from_torch(module.state_dict()), module)


def without(state, name):
    return {key: value for key, value in state.items() if key != name}


LINEAR = {"0.weight": np.ones((4, 3), np.float32), "0.bias": np.ones(4, np.float32)}
MISFITS = {
    "another shape": (LINEAR, [nn.Dense(3, 5)], r"layers\[0\], Dense.*has weight \(5, 3\).*there is weight \(4, 3\)"),
    "no bias": (without(LINEAR, "0.bias"), [nn.Dense(3, 4)], r"under the name '0' there is weight \(4, 3\)$"),
    "a bias too many": (LINEAR, [nn.Dense(3, 4, bias=False)], r"there is weight \(4, 3\), bias \(4,\)"),
    "too few layers": ({**LINEAR, "1.weight": LINEAR["0.weight"]}, [nn.Dense(3, 4)], "layers must have 2 layers with"),
    "too many layers": (LINEAR, [nn.Dense(3, 4), nn.Dense(4, 2)], "layers must have 1 layers with weights, .*have 2"),
    "another name": (LINEAR, {"1": nn.Dense(3, 4)}, "layers have nothing for the arrays of '0'"),
    "a name too many": (LINEAR, {"0": nn.Dense(3, 4), "1": nn.Dense(4, 4)}, "under the name '1' there is nothing"),
    "names of one that fits none": (
        {"a.weight": LINEAR["0.weight"], "b.weight": np.ones((2, 4), np.float32)},
        [nn.Dense(3, 4, bias=False), nn.Dense(4, 3, bias=False)],
        r"layers\[1\], .*has weight \(3, 4\), which fits none of 'a': weight \(4, 3\); 'b': weight \(2, 4\)",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_layers_that_do_not_fit_are_refused(name):
    state, layers, message = MISFITS[name]
    with pytest.raises(ValueError, match=message):
        nn.from_torch(state, layers=layers)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (5, "module_or_state_dict_or_path must be a torch.nn.Module, a state_dict or the path .*but is a int"),
        (torch.ones(2), "but is a Tensor"),
        ({1: np.ones(2)}, "names of type str, but has 1"),
        ({"weight": np.ones((2, 2), int)}, "weight must hold float32 or float64, but holds int64"),
        ({"weight": np.ones((2, 2), complex)}, "weight must hold float32 or float64, but holds complex128"),
        ({"weight": [[1.0]]}, "weight must hold float32 or float64, but holds list"),
        ({"weight": torch.ones(2, 2, device="meta")}, "weight must be an ordinary tensor"),
        ({"weight": torch.eye(2).to_sparse()}, "weight must be an ordinary tensor"),
        ({"num_batches_tracked": np.ones(())}, "num_batches_tracked must be an integer, but is float64"),
    ],
)
def test_what_is_no_state_dict_is_a_type_error(state, message):
    with pytest.raises(TypeError, match=message):
        nn.from_torch(state)


@pytest.mark.parametrize("layers", [nn.Dense(3, 4), 5])
def test_layers_must_be_a_list(layers):
    with pytest.raises(TypeError, match="layers must be a list of layers"):
        nn.from_torch(LINEAR, layers=layers)


def test_arrays_of_another_byte_order_and_layout():
    weight = np.arange(12.0).reshape(4, 3)
    net = nn.from_torch({"weight": np.asfortranarray(weight).astype(">f8"), "bias": np.ones(8)[::2]})
    assert net.dtype == np.float64 and np.array_equal(net["0.weight"], weight)


@pytest.mark.parametrize("change", ["hook", "pre-hook", "forward"])
def test_a_module_that_computes_something_else_is_refused(change):
    part = torch.nn.Linear(3, 2)
    module = torch.nn.Sequential(part)
    if change == "hook":
        part.register_forward_hook(lambda module, given, y: y * 2)
    elif change == "pre-hook":
        part.register_forward_pre_hook(lambda module, given: (given[0] * 2,))
    else:
        part.forward = lambda x: x
    with pytest.raises(ValueError, match=r"module\['0'\] \(Linear\) must have no hooks and no forward of its own"):
        nn.from_torch(module)
    assert nn.from_torch(module.state_dict(), [nn.Dense(3, 2)])["0.weight"].shape == (2, 3)
