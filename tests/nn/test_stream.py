"""Streaming inference: the same outputs as the sequence call, one step at a time."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from nncore import nn

RNG = np.random.default_rng(7)


def recurrent(hidden: int) -> dict[str, list[nn.layers.Layer]]:
    return {
        "elman": [nn.Elman(5, hidden)],
        "relu": [nn.Elman(5, hidden, nonlinearity="relu")],
        "lstm": [nn.LSTM(5, hidden)],
        "lstm without bias": [nn.LSTM(5, hidden, bias=False)],
        "gru": [nn.GRU(5, hidden)],
        "gru of PyTorch": [nn.GRU(5, hidden, reset_after=True)],
        "stacked": [nn.LSTM(5, hidden, num_layers=3), nn.GRU(hidden, 3, num_layers=2)],
        "mixed": [nn.Dense(5, 7, "tanh"), nn.BatchNorm(7), nn.Dropout(0.5), nn.GRU(7, hidden), nn.Dense(hidden, 2)],
    }


@pytest.mark.parametrize("name", recurrent(1))
@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("hidden", [1, 17, 37])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_steps_equal_the_sequence(name, batch, hidden, dtype):
    net = nn.Sequential(recurrent(hidden)[name], dtype=dtype, seed=3)
    x = RNG.standard_normal((batch, 9, 5)).astype(dtype)
    stream = net.stream(batch)
    y, state = net(x, return_state=True)
    steps = np.stack([stream(np.ascontiguousarray(x[:, t])) for t in range(9)], axis=1)
    np.testing.assert_allclose(steps, y, rtol=0, atol=1e-6 if dtype == "float32" else 1e-13)
    for got, expected in zip(stream.state, state, strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


def test_ids_are_taken_one_by_one():
    net = nn.Sequential([nn.Embedding(11, 4), nn.LSTM(4, 8), nn.Dense(8, 11)], seed=0)
    ids = RNG.integers(0, 11, (3, 6))
    stream = net.stream(3)
    steps = np.stack([stream(ids[:, t]) for t in range(6)], axis=1)  # a column: not contiguous
    np.testing.assert_allclose(steps, net(ids), rtol=0, atol=1e-6)
    assert stream(ids[:, 0].astype(np.uint8)).shape == (3, 11)


def test_a_last_step_passes_every_step_on():
    layers = [nn.GRU(2, 4), nn.LastStep(), nn.Dense(4, 1)]
    net = nn.Sequential(layers, seed=0)
    stream = net.stream()
    x = RNG.standard_normal((1, 5, 2)).astype(np.float32)
    for t in range(5):
        np.testing.assert_allclose(stream(x[:, t]), net(x[:, : t + 1]), rtol=0, atol=1e-6)


def test_a_network_without_memory_is_a_function():
    net = nn.Sequential([nn.Dense(3, 8, "relu"), nn.Dense(8, 2)], seed=0)
    stream = net.stream(4)
    x = RNG.standard_normal((4, 3)).astype(np.float32)
    np.testing.assert_array_equal(stream(x), net(x))
    assert stream.state == []
    stream.reset()


def test_rows_do_not_see_each_other():
    net = nn.Sequential([nn.LSTM(5, 16)], seed=0)
    x = RNG.standard_normal((6, 4, 5)).astype(np.float32)
    together, alone = net.stream(6), net.stream()
    for t in range(4):
        both = together(x[:, t])[2], alone(x[2:3, t])[0]
        np.testing.assert_array_equal(*both)


def test_the_weights_are_those_of_the_beginning():
    net = nn.Sequential([nn.GRU(3, 5)], seed=0)
    x = np.ones((1, 3), np.float32)
    stream, before = net.stream(), net.copy()
    net.parameters[:] = 0
    np.testing.assert_array_equal(stream(x), before.stream()(x))
    assert not net.stream()(x).any()


def test_the_state_is_given_and_taken():
    net = nn.Sequential([nn.LSTM(3, 4), nn.GRU(4, 2)], seed=0)
    x = RNG.standard_normal((2, 8, 3)).astype(np.float32)
    _, state = net(x[:, :5], return_state=True)
    stream = net.stream(2)
    stream.state = state
    np.testing.assert_allclose(stream(x[:, 5]), net(x)[:, 5], rtol=0, atol=1e-6)
    kept = stream.state
    first = stream(x[:, 6])
    stream.state = kept
    np.testing.assert_array_equal(stream(x[:, 6]), first)
    kept[0][0][...] = 7  # a copy
    assert np.abs(stream.state[0][0]).max() < 1
    stream.state = None
    np.testing.assert_array_equal(stream(x[:, 0]), net.stream(2)(x[:, 0]))


@pytest.mark.parametrize("rows", [1, [1], np.array([1]), np.array([False, True, False]), [False, True, False], [1, 1]])
def test_one_row_begins_afresh(rows):
    net = nn.Sequential([nn.LSTM(3, 4)], seed=0)
    x = RNG.standard_normal((3, 3)).astype(np.float32)
    stream = net.stream(3)
    fresh = stream(x)
    going_on = stream(x)
    stream.state = net.stream(3).state
    stream(x)
    stream.reset(rows)
    y = stream(x)
    np.testing.assert_array_equal(y[1], fresh[1])
    np.testing.assert_array_equal(y[[0, 2]], going_on[[0, 2]])


def test_the_output_is_written_in_place():
    net = nn.Sequential([nn.GRU(3, 4)], seed=0)
    x = np.ones((2, 3), np.float32)
    expected = net.stream(2)(x)
    for out in (np.zeros((2, 4), np.float32), np.zeros((2, 8), np.float32)[:, ::2], np.zeros((4, 2), np.float32).T):
        assert net.stream(2)(x, out) is out
        np.testing.assert_array_equal(out, expected)
        assert net.stream(2)(x.tolist(), out=out) is out
        np.testing.assert_array_equal(out, expected)


def odd_arrays(x: np.ndarray) -> dict[str, object]:
    misaligned = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)
    read_only = x.copy()
    read_only.flags.writeable = False
    wide = np.zeros((x.shape[0], 2 * x.shape[1]), x.dtype)
    wide[:, ::2] = x
    return {
        "list": x.tolist(),
        "float64": x.astype(np.float64),
        "columns": np.asfortranarray(x),
        "strided": wide[:, ::2],
        "misaligned": misaligned,
        "read-only": read_only,
        "big-endian": x.astype(">f4"),
    }


@pytest.mark.parametrize("kind", odd_arrays(np.ones((2, 3), np.float32)))
def test_any_array_of_numbers_will_do(kind):
    net = nn.Sequential([nn.LSTM(3, 4)], seed=0)
    x = RNG.standard_normal((2, 3)).astype(np.float32)
    np.testing.assert_array_equal(net.stream(2)(odd_arrays(x)[kind]), net.stream(2)(x))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros((2, 3), np.float32), ValueError, r"x must have the shape \(N, F\) with N = 1, .* but has \(2, 3\)"),
        (np.zeros((1, 4), np.float32), ValueError, "x must be"),
        (np.zeros(3, np.float32), ValueError, "x must have the shape"),
        (np.zeros((1, 1, 3), np.float32), ValueError, "x must have the shape"),
        (np.zeros((0, 3), np.float32), ValueError, "x must have the shape"),
        (np.zeros((1, 3), np.float16), TypeError, "x must be of type"),
        (np.zeros((1, 3), complex), TypeError, "x must be of type"),
        (np.zeros((1, 3), bool), TypeError, "x must be of type"),
        (np.ma.masked_array(np.zeros((1, 3), np.float32), [[True, False, False]]), TypeError, "masked"),
        (None, TypeError, "x must be of type"),
        ("abc", TypeError, "x must be of type"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(x, error, message):
    stream = nn.Sequential([nn.GRU(3, 4)], seed=0).stream()
    stream(np.ones((1, 3), np.float32))
    before = stream.state
    with pytest.raises(error, match=message):
        stream(x)
    np.testing.assert_array_equal(stream.state[0], before[0])


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((1, 4)), TypeError, "out must be an array of float32, but is of float64"),
        ([[0.0] * 4], TypeError, "out must be an array of float32, but is a list"),
        (np.zeros((1, 5), np.float32), ValueError, r"out must have the shape \(1, 4\)"),
        (np.zeros(4, np.float32), ValueError, r"out must have the shape \(1, 4\)"),
        (np.frombuffer(bytes(16), np.float32).reshape(1, 4), ValueError, "out must be writeable"),
    ],
)
def test_an_output_that_does_not_fit_is_refused(out, error, message):
    stream = nn.Sequential([nn.GRU(3, 4)], seed=0).stream()
    with pytest.raises(error, match=message):
        stream(np.ones((1, 3), np.float32), out)
    assert not stream.state[0].any()


@pytest.mark.parametrize("bad", [11, -1, 2**63 - 1, np.uint64(2**64 - 1)])
def test_an_id_out_of_range_is_refused(bad):
    stream = nn.Sequential([nn.Embedding(11, 4), nn.GRU(4, 4)], seed=0).stream()
    with pytest.raises(IndexError, match=f"x must hold ids.*{bad}"):
        stream(np.array([bad]))
    with pytest.raises(TypeError, match="x must be integers"):
        stream(np.array([1.0]))
    assert not stream.state[0].any()


def test_what_cannot_be_streamed_is_refused():
    net = nn.Sequential([nn.LSTM(3, 4, bidirectional=True)])
    with pytest.raises(ValueError, match="bidirectional"):
        net.stream()
    one = nn.Sequential([nn.LSTM(3, 4)])
    for size, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError), ("1", TypeError)):
        with pytest.raises(error, match="batch_size"):
            one.stream(size)


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (3, IndexError),
        (-1, IndexError),
        ([0, 9], IndexError),
        (1.0, TypeError),
        ([[0]], ValueError),
        ([True, False], ValueError),
        ("a", TypeError),
    ],
)
def test_rows_that_are_not_there_are_refused(rows, error):
    stream = nn.Sequential([nn.GRU(3, 4)], seed=0).stream(3)
    stream(np.ones((3, 3), np.float32))
    before = stream.state
    with pytest.raises(error, match="rows"):
        stream.reset(rows)
    np.testing.assert_array_equal(stream.state[0], before[0])
    stream.reset([])
    np.testing.assert_array_equal(stream.state[0], before[0])


def test_a_state_that_does_not_fit_is_refused():
    stream = nn.Sequential([nn.LSTM(3, 4)], seed=0).stream(2)
    good = stream.state[0][0]
    for state in ([good], [(good, good[:, :1])], [(good, good), (good, good)], 3, [(good, "c")]):
        with pytest.raises((TypeError, ValueError), match="state"):
            stream.state = state
    assert not stream.state[0][0].any()


def test_threads_change_nothing():
    import nncore

    net = nn.Sequential([nn.LSTM(64, 300)], seed=0)
    x = RNG.standard_normal((3, 64)).astype(np.float32)
    before = nncore.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            nncore.set_num_threads(threads)
            stream = net.stream(3)
            results.append([stream(x) for _ in range(5)])
    finally:
        nncore.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_a_second_thread_is_refused_or_waits_its_turn():
    stream = nn.Sequential([nn.LSTM(256, 512)], seed=0).stream(8)
    x = np.ones((8, 256), np.float32)
    refused, other = [], []

    def run() -> None:
        for _ in range(50):
            try:
                stream(x)
            except RuntimeError as error:
                refused.append(str(error))
            except BaseException as error:
                other.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not other
    assert all("in use by another thread" in message for message in refused)
    assert np.isfinite(stream(x)).all()


def test_its_state_is_not_touched_while_a_thread_steps():
    stream = nn.Sequential([nn.GRU(3, 4)], seed=0).stream()
    stream(np.ones((1, 3), np.float32))
    before = stream.state
    with stream._core.hold():  # as a step does
        for use in (stream.reset, lambda: stream.state, lambda: setattr(stream, "state", None)):
            with pytest.raises(RuntimeError, match="the stream is in use by another thread"):
                use()
    hold = stream._core.hold()
    with hold, pytest.raises(RuntimeError, match="held already"), hold:
        pass
    np.testing.assert_array_equal(stream.state[0], before[0])
    stream.reset()
    assert not stream.state[0].any()


def test_it_outlives_its_network():
    stream = nn.Sequential([nn.GRU(3, 4)], seed=0).stream()
    x = np.ones((1, 3), np.float32)
    expected = nn.Sequential([nn.GRU(3, 4)], seed=0).stream()(x)
    np.testing.assert_array_equal(stream(x), expected)
    memory = stream._memory[0]
    del stream
    assert np.isfinite(memory).all()
