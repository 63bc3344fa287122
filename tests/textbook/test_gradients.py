"""Every backward function of the textbook against central differences of its own forward function."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nncore import textbook

CLOSE = {"rtol": 1e-7, "atol": 1e-9}


def gates(rng, letters, *shape):
    return {letter: rng.normal(size=shape) for letter in letters}


def arrays(argument):
    """The arrays of an argument with their names: one, or one for each gate."""
    return argument.items() if isinstance(argument, dict) else [("", argument)]


def check(forward, backward, arguments, numeric_gradient):
    """`backward` gives the gradients by all `arguments`, in order, of the number that `forward` gives."""
    for argument, gradient in zip(arguments, backward(), strict=True):
        for name, array in arrays(argument):
            expected = numeric_gradient(forward, array)
            assert_allclose(dict(arrays(gradient))[name], expected, **CLOSE)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_elman_through_time(steps, nonlinearity, rng, numeric_gradient):
    F, H = 2, 3
    arguments = [rng.normal(size=s) for s in ((steps, F), (H,), (H, F), (H, H), (H,))]
    dh = rng.normal(size=(steps, H))
    check(
        lambda: (textbook.elman(*arguments, nonlinearity=nonlinearity) * dh).sum(),
        lambda: textbook.elman_backward(*arguments, dh, nonlinearity=nonlinearity),
        arguments,
        numeric_gradient,
    )


@pytest.mark.parametrize("steps", [1, 4])
def test_lstm_through_time(steps, rng, numeric_gradient):
    F, H = 2, 3
    arguments = [rng.normal(size=s) for s in ((steps, F), (H,), (H,))]
    arguments += [gates(rng, "figo", *s) for s in ((H, F), (H, H), (H,))]
    dh, dc = rng.normal(size=(steps, H)), rng.normal(size=H)

    def value():
        states, cells = textbook.lstm(*arguments)
        return (states * dh).sum() + cells[-1] @ dc

    check(value, lambda: textbook.lstm_backward(*arguments, dh, dc), arguments, numeric_gradient)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("complement_z", [False, True])
def test_gru_through_time(steps, complement_z, rng, numeric_gradient):
    F, H = 2, 3
    arguments = [rng.normal(size=s) for s in ((steps, F), (H,))]
    arguments += [gates(rng, "zrh", *s) for s in ((H, F), (H, H), (H,))]
    dh = rng.normal(size=(steps, H))
    check(
        lambda: (textbook.gru(*arguments, complement_z=complement_z) * dh).sum(),
        lambda: textbook.gru_backward(*arguments, dh, complement_z=complement_z),
        arguments,
        numeric_gradient,
    )


@pytest.mark.parametrize("steps", [1, 4])
def test_gru_with_late_reset_through_time(steps, rng, numeric_gradient):
    F, H = 2, 3
    arguments = [rng.normal(size=s) for s in ((steps, F), (H,))]
    arguments += [gates(rng, "rzn", *s) for s in ((H, F), (H, H), (H,), (H,))]
    dh = rng.normal(size=(steps, H))
    check(
        lambda: (textbook.gru_reset_after(*arguments) * dh).sum(),
        lambda: textbook.gru_reset_after_backward(*arguments, dh),
        arguments,
        numeric_gradient,
    )


@pytest.mark.parametrize("activation", [None, "relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus"])
def test_dense(activation, rng, numeric_gradient):
    arguments = [rng.normal(size=s) for s in ((4, 3), (2, 3), (2,))]
    dy = rng.normal(size=(4, 2))
    check(
        lambda: (textbook.dense(*arguments, activation=activation) * dy).sum(),
        lambda: textbook.dense_backward(*arguments, dy, activation=activation),
        arguments,
        numeric_gradient,
    )


def test_batch_norm(rng, numeric_gradient):
    arguments = [rng.normal(size=s) for s in ((5, 3), (3,), (3,))]
    dy = rng.normal(size=(5, 3))
    check(
        lambda: (textbook.batch_norm(*arguments)[0] * dy).sum(),
        lambda: textbook.batch_norm_backward(*arguments, dy),
        arguments,
        numeric_gradient,
    )


def test_embedding(rng, numeric_gradient):
    ids, W, dy = np.array([2, 0, 2]), rng.normal(size=(4, 3)), rng.normal(size=(3, 3))
    expected = numeric_gradient(lambda: (textbook.embedding(ids, W) * dy).sum(), W)
    assert_allclose(textbook.embedding_backward(ids, W, dy), expected, **CLOSE)


LOSSES = {
    "mse": (textbook.mse, lambda rng: rng.normal(size=(4, 3))),
    "huber": (lambda *a: textbook.huber(*a, delta=0.7), lambda rng: rng.normal(size=(4, 3))),
    "cross entropy": (textbook.cross_entropy, lambda rng: rng.integers(3, size=4)),
    "binary cross entropy": (textbook.binary_cross_entropy, lambda rng: rng.random((4, 3))),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_loss(name, weighted, rng, numeric_gradient):
    loss, make_target = LOSSES[name]
    y, target = rng.normal(size=(4, 3)), make_target(rng)
    weights = np.array([0.5, 2, 0, 1]) if weighted else None
    expected = numeric_gradient(lambda: loss(y, target, weights)[0], y)
    assert_allclose(loss(y, target, weights)[1], expected, **CLOSE)
