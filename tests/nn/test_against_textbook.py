"""Layers, losses and optimizers against nncore.textbook."""

import numpy as np
import pytest

import nncore.nn as nn
from nncore import textbook

pytestmark = pytest.mark.kernel

TOLERANCES = {"float64": 1e-10, "float32": 1e-5}

RECURRENT = {
    "elman tanh": lambda *a, **k: nn.Elman(*a, **k),
    "elman relu": lambda *a, **k: nn.Elman(*a, nonlinearity="relu", **k),
    "lstm": lambda *a, **k: nn.LSTM(*a, **k),
    "gru": lambda *a, **k: nn.GRU(*a, **k),
    "gru reset after": lambda *a, **k: nn.GRU(*a, reset_after=True, **k),
}
# batch, steps, input, hidden, layers, bidirectional, bias, lengths
SIZES = [
    (1, 1, 3, 1, 1, False, True, None),
    (7, 5, 2, 5, 1, False, True, [5, 0, 1, 3, 5, 2, 1]),
    (7, 4, 5, 37, 1, False, True, None),
    (3, 4, 5, 5, 2, True, True, [4, 1, 0]),
    (7, 3, 1, 5, 1, False, False, None),
    (2, 6, 4, 37, 2, True, False, [3, 6]),
    (9, 2, 19, 16, 3, False, True, None),
    (70, 2, 33, 70, 1, False, True, None),
]


@pytest.fixture(params=TOLERANCES)
def dtype(request):
    return request.param


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_layer_equals_the_textbook(kind, sizes, dtype, rng, fill, random_state, check_against_textbook):
    n, steps, features, hidden, depth, both, bias, lengths = sizes
    layers = [RECURRENT[kind](features, hidden, depth, bidirectional=both, bias=bias)]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    x = rng.normal(size=(n, steps, features)).astype(dtype)
    state = random_state(layers, n, rng, dtype)
    check_against_textbook(net, layers, x, lengths, state, rng, TOLERANCES[dtype])


@pytest.mark.parametrize("kind", RECURRENT)
def test_saturated_units_equal_the_textbook(kind, dtype, rng, fill, random_state, check_against_textbook):
    layers = [RECURRENT[kind](5, 19)]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    net.parameters[:] *= 0.3 if kind == "elman relu" else 3  # the one that has no bound would explode
    x = (100 * rng.normal(size=(7, 6, 5))).astype(dtype)
    tolerance = 10 * TOLERANCES[dtype]  # a unit that is not saturated is a difference of large numbers
    check_against_textbook(net, layers, x, None, random_state(layers, 7, rng, dtype), rng, tolerance)


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_long_sequence_equals_the_textbook(kind, dtype, rng, fill, random_state, check_against_textbook):
    layers = [RECURRENT[kind](3, 17)]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    net.parameters[:] *= 0.7  # remembers, but does not amplify rounding
    x = rng.normal(size=(3, 200, 3)).astype(dtype)
    state = random_state(layers, 3, rng, dtype)
    check_against_textbook(net, layers, x, [200, 1, 150], state, rng, TOLERANCES[dtype])


@pytest.mark.parametrize("activation", [None, "relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus"])
@pytest.mark.parametrize(("n", "features", "units", "bias"), [(1, 1, 1, True), (7, 5, 37, True), (300, 18, 3, False)])
def test_dense_equals_the_textbook(activation, n, features, units, bias, dtype, rng, fill, check_against_textbook):
    layers = [nn.Dense(features, units, activation=activation, bias=bias)]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    x = (2 * rng.normal(size=(n, features))).astype(dtype)
    check_against_textbook(net, layers, x, None, [], rng, TOLERANCES[dtype])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("outer", "inner"), [(19, 3), (5, 5)])
def test_a_decoder_shares_the_transpose_of_its_encoder(outer, inner, bias, dtype, rng, fill, check_against_textbook):
    layers = [nn.Dense(outer, inner, "tanh", bias=bias), nn.Dense(inner, outer, "sigmoid", tied="0.weight")]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    check_against_textbook(net, layers, rng.normal(size=(7, outer)).astype(dtype), None, [], rng, TOLERANCES[dtype])


@pytest.mark.parametrize("words", [11, 5])
def test_an_output_layer_shares_the_embedding(words, dtype, rng, fill, random_state, check_against_textbook):
    layers = [nn.Embedding(words, 5), nn.GRU(5, 5), nn.Dense(5, words, tied="0.weight")]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    ids, state = rng.integers(words, size=(4, 6)), random_state(layers, 4, rng, dtype)
    check_against_textbook(net, layers, ids, [6, 0, 1, 4], state, rng, TOLERANCES[dtype])


@pytest.mark.parametrize(("n", "features"), [(2, 1), (7, 5), (65, 37)])
def test_batch_norm_equals_the_textbook(n, features, dtype, rng, fill, check_against_textbook, assert_close):
    layers = [nn.BatchNorm(features)]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    x = (3 * rng.normal(size=(n, features)) + 1).astype(dtype)
    check_against_textbook(net, layers, x, None, [], rng, TOLERANCES[dtype])
    buffers = net.state_dict()
    _, mean, variance = textbook.batch_norm(np.float64(x), np.ones(features), np.zeros(features))
    expected = textbook.batch_norm_running(np.zeros(features), mean)
    assert_close(buffers["0.running_mean"], expected, TOLERANCES[dtype])
    expected = textbook.batch_norm_running(np.ones(features), variance, n)
    assert_close(buffers["0.running_var"], expected, TOLERANCES[dtype])
    assert buffers["0.num_batches_tracked"] == 1
    running = buffers["0.running_mean"], buffers["0.running_var"]
    expected = textbook.batch_norm_inference(np.float64(x), *running, net["0.weight"], net["0.bias"])
    assert_close(net(x), expected, TOLERANCES[dtype])


def test_batch_norm_of_sequences_never_sees_padding(dtype, rng, fill, check_against_textbook):
    layers = [nn.Dense(3, 5, "tanh"), nn.BatchNorm(5), nn.Dense(5, 2)]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    x = rng.normal(size=(4, 6, 3)).astype(dtype)
    x[1, 2:] = 1e6
    check_against_textbook(net, layers, x, [6, 2, 0, 3], [], rng, TOLERANCES[dtype])


def test_embedding_to_last_step_equals_the_textbook(dtype, rng, fill, random_state, check_against_textbook):
    layers = [
        nn.Embedding(11, 4),
        nn.GRU(4, 6, 2, bidirectional=True, reset_after=True),
        nn.LSTM(12, 5),
        nn.LastStep(),
        nn.BatchNorm(5),
        nn.Dense(5, 3, activation="tanh"),
    ]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    ids = rng.integers(11, size=(6, 7))
    state = random_state(layers, 6, rng, dtype)
    tolerance = {"float64": 1e-10, "float32": 3e-5}[dtype]  # through seven layers
    check_against_textbook(net, layers, ids, [7, 1, 3, 6, 2, 7], state, rng, tolerance)


LOSSES = {
    "mse": (nn.MSE(), textbook.mse, lambda rng: rng.normal(size=(9, 5))),
    "huber": (
        nn.Huber(0.7),
        lambda y, t, w: textbook.huber(y, t, w, delta=0.7),
        lambda rng: rng.normal(size=(9, 5)),
    ),
    "cross entropy": (nn.CrossEntropy(), textbook.cross_entropy, lambda rng: rng.integers(5, size=9)),
    "binary cross entropy": (
        nn.BinaryCrossEntropy(),
        textbook.binary_cross_entropy,
        lambda rng: rng.random((9, 5)),
    ),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_loss_equals_the_textbook(name, weighted, dtype, rng, assert_close):
    loss, of_the_book, make_target = LOSSES[name]
    y, target = (3 * rng.normal(size=(9, 5))).astype(dtype), make_target(rng)
    if target.dtype.kind == "f":
        target = target.astype(dtype)
    weights = np.array([0, 1, 2, 0.5, 0, 1, 1, 3, 0.25], dtype) if weighted else None
    value, dy = loss(y, target, weights)
    expected, expected_dy = of_the_book(np.float64(y), target, weights)
    assert_close(value, expected, TOLERANCES[dtype])
    assert_close(dy, expected_dy, TOLERANCES[dtype])
    assert dy.dtype == dtype


@pytest.mark.parametrize("weights", [None, (4,), (4, 6)], ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_loss_of_sequences_is_over_their_valid_steps(name, weights, dtype, rng, assert_close):
    loss, of_the_book, _ = LOSSES[name]
    lengths = np.array([6, 0, 1, 4])
    y = rng.normal(size=(4, 6, 5)).astype(dtype)
    target = rng.integers(5, size=(4, 6)) if name == "cross entropy" else rng.random((4, 6, 5)).astype(dtype)
    w = None if weights is None else rng.random(weights).astype(dtype)
    valid = np.arange(6) < lengths[:, None]
    each = None if w is None else np.broadcast_to(w[:, None] if w.ndim == 1 else w, (4, 6))[valid]
    value, dy = loss(y, target, w, lengths)
    expected, expected_dy = of_the_book(np.float64(y[valid]), target[valid], each)
    assert_close(value, expected, TOLERANCES[dtype])
    assert_close(dy[valid], expected_dy, TOLERANCES[dtype])
    assert not dy[~valid].any()


def sgd(momentum, nesterov, decay):
    def book(w, g, slots, t):
        w, v = textbook.sgd_step(w, g, slots[0], 0.1, momentum=momentum, nesterov=nesterov, weight_decay=decay)
        return w, (v, slots[1])

    return nn.SGD(0.1, momentum=momentum, nesterov=nesterov, weight_decay=decay), book


def rmsprop(decay):
    def book(w, g, slots, t):
        w, s = textbook.rmsprop_step(w, g, slots[0], 0.01, weight_decay=decay)
        return w, (s, slots[1])

    return nn.RMSprop(lr=0.01, weight_decay=decay), book


def adam(cls, step, **settings):
    def book(w, g, slots, t):
        w, m, v = step(w, g, *slots, t, 0.01, **settings)
        return w, (m, v)

    return cls(lr=0.01, **settings), book


OPTIMIZERS = {
    "sgd": lambda: sgd(0, False, 0),
    "momentum and decay": lambda: sgd(0.9, False, 0.1),
    "nesterov": lambda: sgd(0.8, True, 0.1),
    "rmsprop": lambda: rmsprop(0.1),
    "adam": lambda: adam(nn.Adam, textbook.adam_step),
    "adam with decay": lambda: adam(nn.Adam, textbook.adam_step, betas=(0.8, 0.95), weight_decay=0.1),
    "adamw": lambda: adam(nn.AdamW, textbook.adamw_step),
    "adamw with more decay": lambda: adam(nn.AdamW, textbook.adamw_step, weight_decay=0.3, eps=1e-4),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_equals_the_textbook_over_steps(name, dtype, rng, fill, assert_close):
    optimizer, book_step = OPTIMIZERS[name]()
    net = fill(nn.Sequential([nn.Dense(5, 37), nn.Dense(37, 3)], dtype=dtype, seed=0), rng)
    w = np.float64(net.parameters)
    slots = (np.zeros_like(w), np.zeros_like(w))
    for t in range(1, 6):
        for key in net.names():  # padding has no gradient
            view = net[key]
            at = (view.ctypes.data - net.parameters.ctypes.data) // view.itemsize
            net.gradients[at : at + view.size] = rng.normal(size=view.size)
        w, slots = book_step(w, np.float64(net.gradients), slots, t)
        optimizer.step(net)
        assert_close(net.parameters, w, TOLERANCES[dtype], f"step {t}")


@pytest.mark.parametrize("max_norm", [0.5, 1e3])
def test_clipping_equals_the_textbook(max_norm, dtype, rng, assert_close):
    net = nn.Sequential([nn.Dense(50, 37)], dtype=dtype, seed=0)
    net.gradients[:] = rng.normal(size=net.gradients.size)
    expected, expected_norm = textbook.clip_grad_norm(np.float64(net.gradients), max_norm)
    norm = nn.clip_grad_norm(net, max_norm)
    assert_close(norm, expected_norm, TOLERANCES[dtype])
    assert_close(net.gradients, expected, TOLERANCES[dtype])


@pytest.mark.parametrize("max_norm", [None, 0.05])
def test_train_step_is_forward_loss_backward_clip_and_step(max_norm, dtype, rng, fill, assert_close):
    layers = [nn.LSTM(3, 5), nn.Dense(5, 4)]
    lengths, weights = np.array([6, 0, 2]), np.array([1, 2, 0.5])
    x, labels = rng.normal(size=(3, 6, 3)).astype(dtype), rng.integers(4, size=(3, 6))
    one = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    two, loss = one.copy(), nn.CrossEntropy()
    first, second = nn.SGD(0.5, momentum=0.9), nn.SGD(0.5, momentum=0.9)
    for _ in range(3):
        value = one.train_step(x, labels, loss, first, lengths=lengths, weights=weights, max_grad_norm=max_norm)
        two.gradients[:] = 0
        expected, dy = loss(two.forward(x, lengths=lengths), labels, weights, lengths)
        two.backward(dy)
        if max_norm is not None:
            nn.clip_grad_norm(two, max_norm)
        second.step(two)
        assert isinstance(value, float)
        assert_close(value, expected, TOLERANCES[dtype])
        assert_close(one.parameters, two.parameters, TOLERANCES[dtype])
