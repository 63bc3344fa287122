from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nncore import rl, textbook

# Rewards of +2 from t = 2, +10 from t = 5, +11 from t = 6: the three policies of SYSTEMS.md.
FIRST, SECOND, THIRD = (np.where(np.arange(2000) >= begin, reward, 0.0) for begin, reward in ((2, 2), (5, 10), (6, 11)))

rewards = arrays(np.float64, st.integers(1, 30), elements=st.floats(-1e3, 1e3))


def test_a_finite_horizon_prefers_the_first_policy():
    assert [rl.finite_horizon_return(r, 5) for r in (FIRST, SECOND, THIRD)] == [6.0, 0.0, 0.0]
    assert [rl.finite_horizon_return(r, 4) for r in (FIRST, SECOND, THIRD)] == [4.0, 0.0, 0.0]


def test_a_discounted_return_prefers_the_second():
    values = [rl.discounted_return(r, 0.9) for r in (FIRST, SECOND, THIRD)]
    assert [round(value, 1) for value in values] == [16.2, 59.0, 58.5]
    assert values == pytest.approx([2 * 0.9**2 / 0.1, 10 * 0.9**5 / 0.1, 11 * 0.9**6 / 0.1])


def test_an_average_return_prefers_the_third():
    values = [rl.average_return(r) for r in (FIRST, SECOND, THIRD)]
    assert values == pytest.approx([2, 10, 11], rel=4e-3)  # 0.3 % of 2,000 steps come before the rewards
    assert values == [r.sum() / 2000 for r in (FIRST, SECOND, THIRD)]
    assert [rl.average_return(r[1000:]) for r in (FIRST, SECOND, THIRD)] == [2.0, 10.0, 11.0]


@given(rewards=rewards, horizon=st.integers(0, 40), gamma=st.floats(0, 1))
def test_returns_are_those_of_the_textbook(rewards, horizon, gamma):
    assert rl.finite_horizon_return(rewards, horizon) == pytest.approx(
        textbook.finite_horizon_return(rewards, horizon), abs=1e-8
    )
    assert rl.discounted_return(rewards, gamma) == pytest.approx(textbook.discounted_return(rewards, gamma), abs=1e-8)
    assert rl.average_return(rewards) == pytest.approx(textbook.average_return(rewards), abs=1e-8)


def test_several_sequences_at_once():
    rows = np.arange(24.0).reshape(2, 3, 4)
    assert np.array_equal(rl.finite_horizon_return(rows, 2), rows[..., :2].sum(axis=-1))
    assert rl.discounted_return(rows, 0.5).shape == (2, 3)
    assert rl.discounted_return(rows, 0.5)[1, 2] == rl.discounted_return(rows[1, 2], 0.5)
    assert isinstance(rl.average_return([1, 2]), float)
    assert rl.average_return([1, 2]) == 1.5


def test_no_rewards_and_no_discount():
    assert rl.finite_horizon_return([], 3) == 0.0
    assert rl.discounted_return([], 0.9) == 0.0
    assert rl.discounted_return([3, 4], 0) == 3.0
    assert rl.discounted_return([3, 4], 1) == 7.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rl.finite_horizon_return([1.0], -1), ValueError, "horizon must be at least 0, but is -1"),
        (lambda: rl.finite_horizon_return([1.0], 1.5), TypeError, "horizon must be an integer"),
        (lambda: rl.discounted_return([1.0], 1.1), ValueError, "gamma must be from 0 to 1, but is 1.1"),
        (lambda: rl.discounted_return([1.0], -0.1), ValueError, "gamma must be at least 0"),
        (lambda: rl.discounted_return([1.0], np.nan), ValueError, "gamma must be"),
        (lambda: rl.discounted_return([np.nan], 0.9), ValueError, "rewards must be finite"),
        (lambda: rl.discounted_return(["a"], 0.9), TypeError, "rewards must be numbers"),
        (lambda: rl.average_return([]), ValueError, "rewards must have at least one"),
        (lambda: rl.average_return(3.0), ValueError, "rewards must have shape"),
    ],
)
def test_what_is_no_sequence_of_rewards_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
