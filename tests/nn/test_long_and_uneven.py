"""Long sequences lose no accuracy, and uneven ones equal each sequence alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nncore import nn

CELLS: dict[str, Any] = {
    "elman": nn.Elman,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "gru of PyTorch": lambda *sizes, **options: nn.GRU(*sizes, reset_after=True, **options),
}


def passes(net: nn.Sequential, x: np.ndarray, dy: np.ndarray, **options: Any) -> dict[str, np.ndarray]:
    """What comes out of a network, forward and backward, by name."""
    net.gradients[:] = 0
    y, state = net.forward(x, return_state=True, **options)
    dx, dstate = net.backward(dy, input_gradient=True, state_gradient=True)
    parts = {"y": y, "dx": dx}
    for name, states in (("state", state), ("dstate", dstate)):
        for layer, entry in enumerate(states):
            arrays = entry if isinstance(entry, tuple) else (entry,)
            parts.update((f"{name} {layer} {part}", array) for part, array in enumerate(arrays))
    parts.update((f"gradient of {name}", net.gradient(name).copy()) for name in net.names())
    return parts


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch", [1, 5])
def test_500_steps_in_float32_stay_close_to_float64(cell, batch, rng):
    exact = nn.Sequential([CELLS[cell](9, 33)], dtype="float64", seed=1)
    net = nn.Sequential([CELLS[cell](9, 33)], dtype="float32", seed=1)
    net.load_state_dict(exact.state_dict())
    exact.load_state_dict(net.state_dict())  # the very same weights
    x = rng.standard_normal((batch, 500, 9)).astype(np.float32)
    dy = rng.standard_normal((batch, 500, 33)).astype(np.float32)
    expected = passes(exact, x, dy)
    for name, array in passes(net, x, dy).items():
        scale = np.abs(expected[name]).max()
        assert np.abs(array - expected[name]).max() <= 1e-4 * scale, name


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uneven_sequences_equal_each_alone(cell, bidirectional, dtype, rng):
    net = nn.Sequential([CELLS[cell](5, 19, 2, bidirectional=bidirectional)], dtype=dtype, seed=2)
    lengths = np.array([7, 1, 12, 0, 12, 3, 9])
    x = rng.standard_normal((7, 12, 5)).astype(dtype)
    dy = rng.standard_normal(net(x).shape).astype(dtype)
    together = passes(net, x, dy, lengths=lengths)
    sums: dict[str, Any] = {}
    for n, length in enumerate(lengths):
        steps = max(length, 1)
        alone = passes(net, x[n : n + 1, :steps], dy[n : n + 1, :steps], lengths=lengths[n : n + 1])
        for name, array in alone.items():
            if name.startswith("gradient"):
                sums[name] = sums.get(name, 0) + array.astype(np.float64)
            elif "state" in name:
                np.testing.assert_array_equal(together[name][:, n], array[:, 0], err_msg=f"{name}, {n}")
            else:
                np.testing.assert_array_equal(together[name][n, :steps], array[0], err_msg=f"{name}, {n}")
    for name, total in sums.items():
        error = np.abs(together[name] - total).max() / np.abs(total).max()
        assert error <= (1e-6 if dtype == "float32" else 1e-13), name


def test_weights_changed_between_two_calls_count(rng):
    net = nn.Sequential([nn.GRU(3, 8), nn.LastStep(), nn.Dense(8, 6, "tanh"), nn.Dense(6, 2)], seed=0)
    x = rng.standard_normal((4, 5, 3)).astype(np.float32)
    for name in net.names():
        before = net(x), net(x)
        np.testing.assert_array_equal(*before)
        net[name].flat[0] += 1
        changed = net(x)
        assert (changed != before[0]).any(), name
        np.testing.assert_array_equal(changed, net.copy()(x))


@pytest.mark.kernel
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_many_uneven_sequences_are_the_sums_of_each_alone(cell, rng):
    net = nn.Sequential([CELLS[cell](128, 128)], seed=0)
    x, dy = rng.standard_normal((2, 32, 50, 128), dtype=np.float32)
    lengths = rng.integers(12, 51, 32)

    def gradients_of(rows, lengths=None):
        net.gradients[:] = 0
        net.forward(x[rows], lengths)
        net.backward(dy[rows])
        return net.gradients.astype(np.float64)

    total = np.zeros(net.gradients.shape)
    for n, length in enumerate(lengths):
        total += gradients_of((slice(n, n + 1), slice(length)))
    together = gradients_of(slice(None), lengths)
    for name in net.names():  # a chain of sums over all the rows is 2e-6 away
        at = net.gradient(name).ctypes.data - net.gradients.ctypes.data
        part = slice(at // 4, at // 4 + net.gradient(name).size)
        assert np.abs(together[part] - total[part]).max() <= 6e-7 * np.abs(total[part]).max(), name
