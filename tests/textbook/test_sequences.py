"""The worked examples of the sequence systems, to the digits given, and what each equation says in simple cases."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nncore import textbook

INPUT = np.array([[1.0], [0.0], [1.0]])
ZERO = np.zeros(1)
SIX_DIGITS = {"rtol": 0, "atol": 5e-7}


def gates(**values):
    """Gates of one unit: a 1 × 1 matrix each."""
    return {name: np.array([[value]]) for name, value in values.items()}


def no_bias(names):
    return {name: np.zeros(1) for name in names}


LSTM = (gates(f=0.1, i=0.2, g=0.3, o=0.4), gates(f=0.5, i=0.6, g=0.7, o=0.8), no_bias("figo"))
GRU = (gates(z=0.1, r=0.2, h=0.3), gates(z=0.4, r=0.5, h=0.6), no_bias("zrh"))


def test_lstm_of_the_worked_example():
    states, cells = textbook.lstm(INPUT, ZERO, ZERO, *LSTM)
    assert_allclose(cells[:, 0], [0.160174, 0.116167, 0.245831], **SIX_DIGITS)
    assert_allclose(states[:, 0], [0.095082, 0.060022, 0.147048], **SIX_DIGITS)


def test_gru_of_the_worked_example():
    states = textbook.gru(INPUT, ZERO, *GRU)
    assert_allclose(states[:, 0], [0.152933, 0.098655, 0.217809], **SIX_DIGITS)


def test_gru_of_the_worked_example_with_z_complemented():
    states = textbook.gru(INPUT, ZERO, *GRU, complement_z=True)
    assert_allclose(states[:, 0], [0.138380, 0.091972, 0.197916], **SIX_DIGITS)


def test_negating_the_rows_of_z_complements_it(rng):
    W, U, b = ({k: rng.normal(size=shape) for k in "zrh"} for shape in [(3, 2), (3, 3), (3,)])
    x, h = rng.normal(size=(4, 2)), rng.normal(size=3)
    negated = ({**p, "z": -p["z"]} for p in (W, U, b))
    assert_allclose(textbook.gru(x, h, *negated), textbook.gru(x, h, W, U, b, complement_z=True), rtol=1e-14)


def test_the_two_forms_of_the_gru_differ_except_with_open_reset(rng):
    W, U, b = ({k: rng.normal(size=shape) for k in "zrh"} for shape in [(3, 2), (3, 3), (3,)])
    x, h = rng.normal(size=2), rng.normal(size=3)

    def other_form(b):
        names = {"r": "r", "z": "z", "n": "h"}
        moved = [{new: p[old] for new, old in names.items()} for p in (W, U, b)]
        return textbook.gru_reset_after_step(x, h, *moved, no_bias("rzn"))

    assert np.abs(textbook.gru_step(x, h, W, U, b, complement_z=True) - other_form(b)).max() > 1e-3
    open_reset = {**b, "r": np.full(3, 800.0)}
    assert_allclose(textbook.gru_step(x, h, W, U, open_reset, complement_z=True), other_form(open_reset), rtol=1e-14)


def test_elman_state_is_the_squashed_sum():
    W, U, b = np.array([[0.5, -1.0]]), np.array([[2.0]]), np.array([0.1])
    h = textbook.elman(np.array([[1.0, 0.2], [0.0, 1.0]]), np.array([0.3]), W, U, b)
    first = np.tanh(0.5 - 0.2 + 0.6 + 0.1)
    assert_allclose(h[:, 0], [first, np.tanh(-1 + 2 * first + 0.1)], rtol=1e-15)


def test_elman_with_relu_cuts_at_zero():
    h = textbook.elman(np.array([[2.0], [-3.0]]), ZERO, np.eye(1), np.eye(1), ZERO, nonlinearity="relu")
    assert_allclose(h[:, 0], [2, 0])


def test_bidirectional_reads_from_both_ends():
    def total(x):
        return np.cumsum(x, axis=0)

    y = textbook.bidirectional(total, total, np.array([[1.0], [2.0], [4.0]]))
    assert_allclose(y, [[1, 7], [3, 6], [7, 4]])


def test_a_sequence_of_length_zero_has_no_states():
    empty = np.zeros((0, 1))
    assert textbook.gru(empty, ZERO, *GRU).shape == (0, 1)
    dx, dh, dc, dW, *_ = textbook.lstm_backward(empty, ZERO, ZERO, *LSTM, empty, np.ones(1))
    assert dx.shape == (0, 1)
    assert (dh, dc, dW["f"]) == (0, 1, 0)


def test_sliding_window_is_zero_padded_at_the_ends():
    x = np.array([[1.0, 10], [2, 20], [3, 30]])
    expected = [[0, 0, 1, 10, 2, 20], [1, 10, 2, 20, 3, 30], [2, 20, 3, 30, 0, 0]]
    assert_allclose(textbook.sliding_window(x, 1, 1), expected)
    assert_allclose(textbook.sliding_window(x, 0, 1, fill=-1)[-1], [3, 30, -1, -1])


def test_window_net_judges_each_letter_from_its_neighbours(rng):
    letters = np.eye(29)[[3, 1, 20]]
    W, V = rng.normal(size=(80, 7 * 29)), rng.normal(size=(26, 80))
    o = textbook.window_net(letters, 3, 3, W, np.zeros(80), V, np.zeros(26))
    first = W[:, 3 * 29 + 3] + W[:, 4 * 29 + 1] + W[:, 5 * 29 + 20]
    assert o.shape == (3, 26)
    assert_allclose(o[0], 1 / (1 + np.exp(-V @ (1 / (1 + np.exp(-first))))), rtol=1e-12)


def test_split_gates_cuts_the_rows_in_order():
    assert_allclose(textbook.split_gates(np.arange(6), "rzn")["z"], [2, 3])


def test_an_unknown_nonlinearity_is_refused():
    with pytest.raises(KeyError, match="swish"):
        textbook.elman(INPUT, ZERO, np.eye(1), np.eye(1), ZERO, nonlinearity="swish")
