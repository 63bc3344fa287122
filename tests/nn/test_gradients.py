"""Gradients in float64 against central differences, relative error at most 1e-6."""

import numpy as np
import pytest

import nncore.nn as nn

RELATIVE = 1e-6

RECURRENT = {
    "elman tanh": lambda *a, **k: nn.Elman(*a, **k),
    "elman relu": lambda *a, **k: nn.Elman(*a, nonlinearity="relu", **k),
    "lstm": lambda *a, **k: nn.LSTM(*a, **k),
    "gru": lambda *a, **k: nn.GRU(*a, **k),
    "gru reset after": lambda *a, **k: nn.GRU(*a, reset_after=True, **k),
}


def assert_gradient(actual, expected, name):
    error = np.linalg.norm(actual - expected)
    assert error <= RELATIVE * max(np.linalg.norm(expected), 1e-2), f"{name}: {actual} but {expected}"


@pytest.fixture
def check(rng, fill, gradient, random_state, state_arrays, differences):
    """check(layers, x, lengths, most): backward of a random weighting of y and final state against differences."""

    def check(layers, x, lengths=None, most=24, seed=5):
        net = fill(nn.Sequential(layers, dtype="float64", seed=seed), rng)
        state = random_state(layers, len(x), rng)
        shapes = [a.shape for a in state_arrays(state)]
        dstate_arrays = [rng.normal(size=s) for s in shapes]
        y_shape = net(x, lengths).shape
        dy = rng.normal(size=y_shape)
        again = iter(dstate_arrays)
        dstate = [tuple(next(again) for _ in e) if isinstance(e, tuple) else next(again) for e in state]

        def forward(network):
            return network.forward(x, lengths=lengths, state=state or None, return_state=True)

        def value():  # a new network draws the same dropout again
            twin = nn.Sequential(layers, dtype="float64", seed=seed)
            twin.parameters[:] = net.parameters
            y, final = forward(twin)
            return (y * dy).sum() + sum((a * b).sum() for a, b in zip(state_arrays(final), dstate_arrays, strict=True))

        forward(net)
        real = x.dtype.kind == "f"
        got = net.backward(dy, dstate=dstate or None, input_gradient=real, state_gradient=True)
        dx, before = got if real else (None, got)
        for name in net.names():
            places, expected = differences(value, net[name], rng, most)
            assert_gradient(gradient(net, name).ravel()[places], expected, name)
        if real:
            places, expected = differences(value, x, rng, most)
            assert_gradient(dx.ravel()[places], expected, "x")
        for array, slope in zip(state_arrays(state), state_arrays(before), strict=True):
            places, expected = differences(value, array, rng, most)
            assert_gradient(slope.ravel()[places], expected, "state")

    return check


# batch, steps, input, hidden, layers, bidirectional, bias, lengths
SIZES = [
    (1, 1, 3, 1, 1, False, True, None),
    (7, 5, 2, 5, 1, False, True, [5, 0, 1, 3, 5, 2, 1]),
    (7, 3, 5, 37, 1, False, True, None),
    (3, 4, 5, 5, 2, True, True, [4, 1, 0]),
    (7, 3, 1, 5, 1, False, False, None),
    (2, 4, 3, 37, 2, True, False, [3, 4]),
]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_layer(kind, sizes, check, rng):
    n, steps, features, hidden, depth, both, bias, lengths = sizes
    layer = RECURRENT[kind](features, hidden, depth, bidirectional=both, bias=bias)
    check([layer], rng.normal(size=(n, steps, features)), lengths, most=12)


@pytest.mark.parametrize("activation", [None, "relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus"])
@pytest.mark.parametrize(("n", "features", "units", "bias"), [(1, 1, 1, True), (7, 5, 37, True), (7, 37, 1, False)])
def test_dense(activation, n, features, units, bias, check, rng):
    check([nn.Dense(features, units, activation=activation, bias=bias)], rng.normal(size=(n, features)))


def test_dense_of_sequences(check, rng):
    check([nn.Dense(3, 5, "tanh"), nn.Dense(5, 2)], rng.normal(size=(4, 6, 3)), [6, 0, 1, 4])


@pytest.mark.parametrize("n", [2, 7, 33])
def test_batch_norm_while_training(n, check, rng):
    check([nn.Dense(3, 5), nn.BatchNorm(5), nn.Dense(5, 2, "tanh")], rng.normal(size=(n, 3)))


def test_batch_norm_of_uneven_sequences(check, rng):
    check([nn.GRU(3, 5), nn.BatchNorm(5)], rng.normal(size=(4, 5, 3)), [5, 0, 1, 3])


def test_embedding(check, rng):
    ids = rng.integers(6, size=(4, 5))
    ids[0] = ids[0, 0]  # a row that is used often
    check([nn.Embedding(6, 3), nn.LSTM(3, 4)], ids, [5, 0, 1, 3], most=40)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9])
def test_dropout_with_the_same_draw(p, check, rng):
    check([nn.Dense(3, 37), nn.Dropout(p), nn.Dense(37, 2)], rng.normal(size=(7, 3)))


def test_dropout_between_recurrent_layers(check, rng):
    check([nn.LSTM(3, 5), nn.Dropout(0.4), nn.GRU(5, 4, bidirectional=True)], rng.normal(size=(3, 4, 3)), [4, 2, 0])


def test_last_step(check, rng):
    layers = [nn.Elman(3, 5, bidirectional=True), nn.LastStep(), nn.Dense(10, 2)]
    check(layers, rng.normal(size=(7, 5, 3)), [5, 1, 2, 0, 3, 5, 1])


def test_tied_weight_gets_both_gradients(check, rng):
    layers = [nn.Embedding(7, 5), nn.LSTM(5, 5), nn.Dense(5, 7, tied="0.weight")]
    check(layers, rng.integers(7, size=(3, 4)), most=35)


def test_a_decoder_with_the_weight_of_its_encoder(check, rng):
    check([nn.Dense(7, 3, "tanh"), nn.Dense(3, 7, tied="0.weight")], rng.normal(size=(5, 7)))


LOSSES = {
    "mse": (nn.MSE(), lambda rng, shape: rng.normal(size=shape)),
    "huber": (nn.Huber(0.7), lambda rng, shape: rng.normal(size=shape)),
    "cross entropy": (nn.CrossEntropy(), lambda rng, shape: rng.integers(shape[-1], size=shape[:-1])),
    "binary cross entropy": (nn.BinaryCrossEntropy(), lambda rng, shape: rng.random(shape)),
}


@pytest.mark.parametrize("weights", [None, "rows", "steps"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (7, 37), (4, 5, 3)], ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name, shape, weights, rng, differences):
    loss, make_target = LOSSES[name]
    y, target = rng.normal(size=shape), make_target(rng, shape)
    sequences = len(shape) == 3
    lengths = [5, 0, 1, 3] if sequences else None
    w = None if weights is None else rng.random(shape[: 2 if sequences and weights == "steps" else 1]) + 0.1
    _, dy = loss(y, target, w, lengths)
    places, expected = differences(lambda: loss(y, target, w, lengths)[0], y, rng, most=60)
    assert_gradient(dy.ravel()[places], expected, "dy")


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_a_training_step(name, rng, fill, gradient, differences):
    loss, make_target = LOSSES[name]
    layers = [nn.GRU(3, 5), nn.Dense(5, 4)]
    net = fill(nn.Sequential(layers, dtype="float64", seed=0), rng)
    x, lengths = rng.normal(size=(3, 4, 3)), [4, 0, 2]
    target, weights = make_target(rng, (3, 4, 4)), rng.random((3, 4))
    twin = net.copy()
    net.train_step(x, target, loss, nn.SGD(0.1), lengths=lengths, weights=weights)
    for key in twin.names():
        expected_at = differences(
            lambda: loss(twin.forward(x, lengths=lengths), target, weights, lengths)[0], twin[key], rng, most=12
        )
        assert_gradient(gradient(net, key).ravel()[expected_at[0]], expected_at[1], key)


@pytest.mark.kernel
@pytest.mark.parametrize("lengths", [None, [3, 0, 2]])
@pytest.mark.parametrize("widths", [(5, 6, 7), (16, 6, 7), (8, 24, 16), (16, 16, 16), (64, 32, 48)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_input_gradient_of_several_recurrent_layers(widths, lengths, dtype):
    """Only the first may write where the caller wants it: against two networks, one after the other."""
    inputs, middle, hidden = widths
    lower, between, upper = nn.LSTM(inputs, middle), nn.Dense(middle, middle, activation="tanh"), nn.GRU(middle, hidden)
    whole = nn.Sequential([lower, between, upper], seed=0, dtype=dtype)
    parts = [nn.Sequential([lower], dtype=dtype), nn.Sequential([between, upper], dtype=dtype)]
    for name in whole.names():
        layer, rest = name.split(".", 1)
        part, index = (parts[0], 0) if layer == "0" else (parts[1], int(layer) - 1)
        part[f"{index}.{rest}"][...] = whole[name]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 4, inputs)).astype(dtype)
    y = whole.forward(x, lengths)
    dy = rng.standard_normal(y.shape).astype(dtype)
    dx = whole.backward(dy, input_gradient=True)
    between_y = parts[0].forward(x, lengths)
    np.testing.assert_array_equal(parts[1].forward(between_y, lengths), y)
    expected = parts[0].backward(parts[1].backward(dy, input_gradient=True), input_gradient=True)
    np.testing.assert_array_equal(dx, expected)
    for name in whole.names():
        layer, rest = name.split(".", 1)
        part, index = (parts[0], 0) if layer == "0" else (parts[1], int(layer) - 1)
        np.testing.assert_array_equal(whole.gradient(name), part.gradient(f"{index}.{rest}"))
