"""Layers, losses and optimizers against PyTorch: outputs, states, gradients, and parameters after several steps."""

import numpy as np
import pytest

import nncore.nn as nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed; the extra `peers` brings it")

pytestmark = [pytest.mark.peer, pytest.mark.kernel]

TOLERANCES = {"float64": 1e-10, "float32": 1e-5}

PAIRS = {
    "lstm": (lambda *a, **k: nn.LSTM(*a, **k), torch.nn.LSTM),
    "gru": (lambda *a, **k: nn.GRU(*a, reset_after=True, **k), torch.nn.GRU),
    "elman tanh": (lambda *a, **k: nn.Elman(*a, **k), torch.nn.RNN),
    "elman relu": (
        lambda *a, **k: nn.Elman(*a, nonlinearity="relu", **k),
        lambda *a, **k: torch.nn.RNN(*a, nonlinearity="relu", **k),
    ),
}
# batch, steps, input, hidden, layers, bidirectional, bias, lengths
SIZES = [
    (1, 1, 3, 1, 1, False, True, None),
    (7, 5, 2, 5, 1, False, True, None),
    (7, 9, 5, 37, 1, False, True, [9, 1, 4, 5, 9, 2, 3]),
    (7, 6, 3, 5, 2, True, True, [6, 5, 1, 1, 2, 6, 4]),
    (5, 6, 4, 37, 2, False, False, None),
    (3, 4, 16, 16, 2, True, False, [2, 4, 3]),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small problems: PyTorch's threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=TOLERANCES)
def dtype(request):
    return request.param


@pytest.fixture
def torch_state():
    """Our state as PyTorch takes it, with gradients."""

    def convert(entry):
        arrays = entry if isinstance(entry, tuple) else (entry,)
        tensors = tuple(torch.tensor(a, requires_grad=True) for a in arrays)
        return tensors if isinstance(entry, tuple) else tensors[0]

    return convert


def load(module, net, prefix="0."):
    """Copy the network's parameters into a PyTorch module."""
    names = {k.removeprefix(prefix): torch.tensor(np.array(net[k])) for k in net.names() if k.startswith(prefix)}
    module.to(next(iter(names.values())).dtype).load_state_dict(names, strict=False)
    assert {n for n, _ in module.named_parameters()} == set(names)
    return module


def run(module, x, lengths, state):
    """Outputs and final state of a PyTorch recurrent module, packed when there are lengths."""
    if lengths is None:
        return module(x, state)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, final = module(packed, state)
    return torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0], final


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("kind", PAIRS)
def test_recurrent_layer(
    kind, sizes, dtype, rng, fill, gradient, random_state, state_arrays, torch_state, assert_close
):
    n, steps, features, hidden, depth, both, bias, lengths = sizes
    ours, theirs = PAIRS[kind]
    layers = [ours(features, hidden, depth, bidirectional=both, bias=bias)]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    module = load(theirs(features, hidden, depth, bidirectional=both, bias=bias, batch_first=True), net)
    state = random_state(layers, n, rng, dtype)
    x = rng.normal(size=(n, steps, features)).astype(dtype)
    y, final = net.forward(x, lengths=lengths, state=state, return_state=True)
    dy = rng.normal(size=y.shape).astype(dtype)
    dstate = random_state(layers, n, rng, dtype)
    dx, before = net.backward(dy, dstate=dstate, input_gradient=True, state_gradient=True)

    x_, state_ = torch.tensor(x, requires_grad=True), torch_state(state[0])
    y_, final_ = run(module, x_, lengths, state_)
    value = (y_ * torch.tensor(dy)).sum()
    for last, slope in zip(state_arrays([final_]), state_arrays(dstate), strict=True):
        value = value + (last * torch.tensor(slope)).sum()
    value.backward()

    tolerance = TOLERANCES[dtype]
    assert_close(y, y_.detach(), tolerance, "y")
    assert_close(dx, x_.grad, tolerance, "dx")
    for a, b in zip(state_arrays(final), state_arrays([final_]), strict=True):
        assert_close(a, b.detach(), tolerance, "state")
    for a, b in zip(state_arrays(before), state_arrays([state_]), strict=True):
        assert_close(a, b.grad, tolerance, "dstate")
    for name, parameter in module.named_parameters():
        assert_close(gradient(net, f"0.{name}"), parameter.grad, tolerance, name)


ACTIVATIONS = {
    None: torch.nn.Identity,
    "relu": torch.nn.ReLU,
    "leaky_relu": torch.nn.LeakyReLU,
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "elu": torch.nn.ELU,
    "softplus": torch.nn.Softplus,
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense(activation, bias, dtype, rng, fill, gradient, assert_close):
    net = fill(nn.Sequential([nn.Dense(19, 37, activation=activation, bias=bias)], dtype=dtype, seed=0), rng)
    module = load(torch.nn.Linear(19, 37, bias=bias), net)
    x, dy = (3 * rng.normal(size=(7, 19))).astype(dtype), rng.normal(size=(7, 37)).astype(dtype)
    x_ = torch.tensor(x, requires_grad=True)
    y_ = ACTIVATIONS[activation]()(module(x_))
    y_.backward(torch.tensor(dy))
    assert_close(net.forward(x), y_.detach(), TOLERANCES[dtype])
    assert_close(net.backward(dy, input_gradient=True), x_.grad, TOLERANCES[dtype])
    for name, parameter in module.named_parameters():
        assert_close(gradient(net, f"0.{name}"), parameter.grad, TOLERANCES[dtype], name)


def test_embedding(dtype, rng, fill, assert_close):
    net = fill(nn.Sequential([nn.Embedding(11, 5)], dtype=dtype, seed=0), rng)
    module = load(torch.nn.Embedding(11, 5), net)
    ids, dy = rng.integers(11, size=(7, 6)), rng.normal(size=(7, 6, 5)).astype(dtype)
    y_ = module(torch.tensor(ids))
    y_.backward(torch.tensor(dy))
    assert_close(net.forward(ids), y_.detach(), 0)
    net.backward(dy)
    expected = np.zeros_like(net.gradients)
    expected[:55] = module.weight.grad.numpy().ravel()
    assert_close(net.gradients, expected, TOLERANCES[dtype])


def test_batch_norm(dtype, rng, fill, gradient, assert_close):
    net = fill(nn.Sequential([nn.BatchNorm(5)], dtype=dtype, seed=0), rng)
    module = load(torch.nn.BatchNorm1d(5), net)
    for _ in range(3):
        x, dy = (4 * rng.normal(size=(7, 5)) + 2).astype(dtype), rng.normal(size=(7, 5)).astype(dtype)
        x_ = torch.tensor(x, requires_grad=True)
        y_ = module(x_)
        y_.backward(torch.tensor(dy))
        assert_close(net.forward(x), y_.detach(), TOLERANCES[dtype])
        assert_close(net.backward(dy, input_gradient=True), x_.grad, TOLERANCES[dtype])
    for name, parameter in module.named_parameters():  # both add up over the three
        assert_close(gradient(net, f"0.{name}"), parameter.grad, TOLERANCES[dtype], name)
    for name, buffer in module.named_buffers():
        assert_close(net.state_dict()[f"0.{name}"], buffer, TOLERANCES[dtype], name)
    assert_close(net(x), module.eval()(torch.tensor(x)).detach(), TOLERANCES[dtype])


LOSSES = {
    "mse": (nn.MSE(), torch.nn.MSELoss(), lambda rng: rng.normal(size=(7, 5))),
    "huber": (nn.Huber(0.7), torch.nn.HuberLoss(delta=0.7), lambda rng: rng.normal(size=(7, 5))),
    "cross entropy": (nn.CrossEntropy(), torch.nn.CrossEntropyLoss(), lambda rng: rng.integers(5, size=7)),
    "binary cross entropy": (
        nn.BinaryCrossEntropy(),
        torch.nn.BCEWithLogitsLoss(),
        lambda rng: rng.integers(2, size=(7, 5)).astype(float),
    ),
}


@pytest.mark.parametrize("size", [1, 30])
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name, size, dtype, rng, assert_close):
    ours, theirs, make_target = LOSSES[name]
    y, target = (size * rng.normal(size=(7, 5))).astype(dtype), make_target(rng)
    target = target.astype(dtype) if target.dtype.kind == "f" else target
    y_ = torch.tensor(y, requires_grad=True)
    value_ = theirs(y_, torch.tensor(target))
    value_.backward()
    value, dy = ours(y, target)
    assert_close(value, value_.detach(), TOLERANCES[dtype])
    assert_close(dy, y_.grad, TOLERANCES[dtype])


OPTIMIZERS = {
    "sgd": (lambda: nn.SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (
        lambda: nn.SGD(0.1, momentum=0.9, weight_decay=0.01),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    ),
    "nesterov": (
        lambda: nn.SGD(0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    ),
    "rmsprop": (lambda: nn.RMSprop(lr=0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
    "adam": (lambda: nn.Adam(lr=0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "adam with decay": (
        lambda: nn.Adam(lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
        lambda p: torch.optim.Adam(p, 0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    ),
    "adamw": (
        lambda: nn.AdamW(lr=0.01, weight_decay=0.1),
        lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1),
    ),
    "default rmsprop": (lambda: nn.RMSprop(), lambda p: torch.optim.RMSprop(p)),
    "default adam": (lambda: nn.Adam(), lambda p: torch.optim.Adam(p)),
    "default adamw": (lambda: nn.AdamW(), lambda p: torch.optim.AdamW(p)),
}


@pytest.mark.parametrize("max_norm", [None, 0.3])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_steps(name, max_norm, dtype, rng, fill, assert_close):
    ours, theirs = (make for make in OPTIMIZERS[name])
    net = fill(nn.Sequential([nn.Dense(5, 8, "tanh"), nn.Dense(8, 3)], dtype=dtype, seed=0), rng)
    first, last = load(torch.nn.Linear(5, 8), net), load(torch.nn.Linear(8, 3), net, "1.")
    module = torch.nn.Sequential(first, torch.nn.Tanh(), last)
    optimizer, optimizer_ = ours(), theirs(module.parameters())
    for step in range(6):
        x, labels = rng.normal(size=(7, 5)).astype(dtype), rng.integers(3, size=7)
        optimizer_.zero_grad()
        value_ = torch.nn.functional.cross_entropy(module(torch.tensor(x)), torch.tensor(labels))
        value_.backward()
        if max_norm is not None:
            torch.nn.utils.clip_grad_norm_(module.parameters(), max_norm)
        optimizer_.step()
        value = net.train_step(x, labels, nn.CrossEntropy(), optimizer, max_grad_norm=max_norm)
        assert_close(value, value_.detach(), TOLERANCES[dtype], f"step {step}")
        for key, parameter in [*first.named_parameters("0"), *last.named_parameters("1")]:
            assert_close(net[key], parameter.detach(), TOLERANCES[dtype], f"{key} after step {step}")


def test_clip_grad_norm(dtype, rng, gradient, assert_close):
    net = nn.Sequential([nn.Dense(19, 37)], dtype=dtype, seed=0)
    module = torch.nn.Linear(19, 37).to(getattr(torch, dtype))
    for name, parameter in module.named_parameters():
        values = rng.normal(size=tuple(parameter.shape)).astype(dtype)
        gradient(net, f"0.{name}")[...] = values
        parameter.grad = torch.tensor(values)
    for max_norm in (100.0, 1.5):
        expected = torch.nn.utils.clip_grad_norm_(module.parameters(), max_norm)
        assert_close(nn.clip_grad_norm(net, max_norm), expected, TOLERANCES[dtype])
        for name, parameter in module.named_parameters():
            assert_close(gradient(net, f"0.{name}"), parameter.grad, TOLERANCES[dtype], name)


def test_first_weights_have_the_distribution_of_torch():
    layers = [nn.Embedding(400, 30), nn.LSTM(30, 100), nn.Dense(100, 50), nn.BatchNorm(50)]
    net = nn.Sequential(layers, seed=1)
    torch.manual_seed(1)
    modules = torch.nn.Embedding(400, 30), torch.nn.LSTM(30, 100), torch.nn.Linear(100, 50), torch.nn.BatchNorm1d(50)
    for i, module in enumerate(modules):
        for name, parameter in module.named_parameters():
            ours, theirs = net[f"{i}.{name}"], parameter.detach().numpy()
            assert ours.shape == theirs.shape
            size, sure = theirs.std(), 6 / np.sqrt(theirs.size)  # six deviations of a mean
            assert abs(ours.mean() - theirs.mean()) <= sure * size, name
            assert abs(ours.std() - size) <= sure * size, name
            if i in (1, 2):  # uniform, with a sharp border
                assert 1 - sure < np.abs(ours).max() / np.abs(theirs).max() < 1 + sure, name
