"""Random networks, shapes and lengths against the textbook and against differences."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import nncore.nn as nn
from nncore import textbook

pytestmark = pytest.mark.kernel

BOUNDED = settings(max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
SMOOTH = [None, "tanh", "sigmoid", "softplus"]
KINKED = ["relu", "leaky_relu", "elu"]  # a difference across the kink is not the slope
sizes = st.integers(1, 6)


@st.composite
def recurrent_layers(draw, width, smooth):
    hidden, depth, both, bias = draw(st.tuples(sizes, st.integers(1, 2), st.booleans(), st.booleans()))
    shared = {"bidirectional": both, "bias": bias}
    kind = draw(st.sampled_from(["elman", "lstm", "gru"]))
    if kind == "elman":
        layer = nn.Elman(
            width, hidden, depth, nonlinearity="tanh" if smooth else draw(st.sampled_from(["tanh", "relu"])), **shared
        )
    elif kind == "lstm":
        layer = nn.LSTM(width, hidden, depth, **shared)
    else:
        layer = nn.GRU(width, hidden, depth, reset_after=draw(st.booleans()), **shared)
    return layer, hidden * (2 if both else 1)


@st.composite
def dense_layers(draw, width, smooth):
    units = draw(sizes)
    return nn.Dense(
        width, units, draw(st.sampled_from(SMOOTH if smooth else SMOOTH + KINKED)), bias=draw(st.booleans())
    ), units


@st.composite
def problems(draw, smooth=False):
    """Layers, an input that fits, and lengths or None."""
    n, steps, width = draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    layers = []
    if draw(st.booleans()):
        words = draw(sizes)
        layers.append(nn.Embedding(words, width))
        x = rng.integers(words, size=(n, steps))
    else:
        x = rng.normal(size=(n, steps, width))
    for _ in range(draw(st.integers(1, 3))):
        layer, width = draw(st.one_of(recurrent_layers(width, smooth), dense_layers(width, smooth)))
        layers.append(layer)
    if draw(st.booleans()):
        layers.append(nn.LastStep())
        layer, width = draw(dense_layers(width, smooth))
        layers.append(layer)
    lengths = draw(st.none() | st.lists(st.integers(0, steps), min_size=n, max_size=n))
    assume(lengths is None or sum(lengths) > 0)
    return layers, x, lengths, rng


@BOUNDED
@given(problem=problems())
def test_any_network_equals_the_textbook(problem, fill, random_state, check_against_textbook):
    layers, x, lengths, rng = problem
    net = fill(nn.Sequential(layers, dtype="float64", seed=0), rng)
    check_against_textbook(net, layers, x, lengths, random_state(layers, len(x), rng), rng, 1e-9)


@BOUNDED
@given(problem=problems(smooth=True))
def test_the_slope_along_any_direction(problem, fill, random_state):
    layers, x, lengths, rng = problem
    net = fill(nn.Sequential(layers, dtype="float64", seed=0), rng)
    state = random_state(layers, len(x), rng) or None
    dy = rng.normal(size=net.forward(x, lengths, state).shape)
    net.backward(dy)
    direction = rng.normal(size=net.parameters.size) * (net.parameters != 0)
    direction /= np.linalg.norm(direction)
    start, values = net.parameters.copy(), []
    for step in (1e-5, -1e-5):
        net.parameters[:] = start + step * direction
        values.append((net(x, lengths, state) * dy).sum())
    expected = (values[0] - values[1]) / 2e-5
    assert abs(net.gradients @ direction - expected) <= 1e-6 * max(abs(expected), 0.1)


@BOUNDED
@given(problem=problems(), order=st.randoms(use_true_random=False))
def test_the_order_of_the_sequences_does_not_matter(problem, order, fill):
    layers, x, lengths, rng = problem
    net = fill(nn.Sequential(layers, seed=0), rng)
    y = net(x, lengths)
    places = list(range(len(x)))
    order.shuffle(places)
    assert (net(x[places], None if lengths is None else np.array(lengths)[places]) == y[places]).all()


@BOUNDED
@given(problem=problems(), garbage=st.sampled_from([np.nan, np.inf, 1e30]))
def test_padding_is_never_looked_at(problem, garbage, fill):
    layers, x, lengths, rng = problem
    assume(lengths is not None)
    net = fill(nn.Sequential(layers, seed=0), rng)
    x[np.arange(x.shape[1]) >= np.array(lengths)[:, None]] = 0
    y, parts = net.forward(x, lengths), []
    for value in (0, garbage if x.dtype.kind == "f" else -5):
        x[np.arange(x.shape[1]) >= np.array(lengths)[:, None]] = value
        assert (net.forward(x, lengths) == y).all()
        net.gradients[:] = 0
        dy = np.ones_like(y)
        if y.ndim == 3:
            dy[np.arange(y.shape[1]) >= np.array(lengths)[:, None]] = garbage
        net.backward(dy)
        parts.append(net.gradients.copy())
    assert (parts[0] == parts[1]).all()


@BOUNDED
@given(
    seed=st.integers(0, 1000),
    lr=st.floats(1e-4, 1),
    decay=st.sampled_from([0.0, 0.01, 0.5]),
    kind=st.sampled_from(["sgd", "nesterov", "rmsprop", "adam", "adamw"]),
)
def test_any_optimizer_equals_the_textbook(seed, lr, decay, kind, assert_close):
    rng = np.random.default_rng(seed)
    net = nn.Sequential([nn.Dense(8, 8)], dtype="float64", seed=seed)
    make, step = {
        "sgd": (lambda: nn.SGD(lr, momentum=0.9, weight_decay=decay), None),
        "nesterov": (lambda: nn.SGD(lr, momentum=0.7, nesterov=True, weight_decay=decay), None),
        "rmsprop": (lambda: nn.RMSprop(lr=lr, weight_decay=decay), None),
        "adam": (lambda: nn.Adam(lr=lr, weight_decay=decay), textbook.adam_step),
        "adamw": (lambda: nn.AdamW(lr=lr, weight_decay=decay), textbook.adamw_step),
    }[kind]
    optimizer, w = make(), net.parameters.copy()
    first = second = np.zeros_like(w)
    for t in range(1, 4):
        g = net.gradients[:] = rng.normal(size=w.size)
        g[w == 0] = net.gradients[w == 0] = 0  # padding
        if step is not None:
            w, first, second = step(w, g, first, second, t, lr, weight_decay=decay)
        elif kind == "rmsprop":
            w, first = textbook.rmsprop_step(w, g, first, lr, weight_decay=decay)
        else:
            momentum, nesterov = (0.7, True) if kind == "nesterov" else (0.9, False)
            w, first = textbook.sgd_step(w, g, first, lr, momentum=momentum, nesterov=nesterov, weight_decay=decay)
        optimizer.step(net)
        assert_close(net.parameters, w, 1e-12)
