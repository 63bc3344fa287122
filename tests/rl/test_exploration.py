"""Which actions are taken: epsilon-greedy and Boltzmann, and their schedules."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nncore import rl, textbook


def shares_of(exploration, q, steps=40_000, seed=0):
    """How often each action is taken in a state whose values stay as they are."""
    learner = rl.QLearning(1, len(q), 0.0, 0.0, exploration)
    learner.q[0] = q
    core = learner._learner(seed, 0, 2 * steps)
    taken = [core.begin(0)] + [core.step(0, 0.0) for _ in range(steps)]
    return np.bincount(taken, minlength=len(q)) / len(taken)


@pytest.mark.kernel
@pytest.mark.parametrize("q", [[1.0, 2.0, 0.0], [2.0, 2.0, 0.0, 2.0], [-1.0, -5.0], [0.0] * 5, [3.0]])
@pytest.mark.parametrize("level", [0.0, 0.1, 1.0])
def test_epsilon_greedy_takes_each_action_as_often_as_the_textbook_says(q, level):
    shares = shares_of(rl.EpsilonGreedy(level), q)
    expected = textbook.epsilon_greedy(np.array(q), level)
    assert_allclose(shares, expected, atol=4 * 0.5 / 200)  # four standard deviations at least
    assert not shares[expected == 0].any()


@pytest.mark.kernel
@pytest.mark.parametrize("best", [c for n in range(1, 5) for c in itertools.combinations(range(4), n)])
def test_the_best_of_four_actions_are_found_wherever_they_are(best):
    shares = shares_of(rl.EpsilonGreedy(0.0), [float(action in best) for action in range(4)], steps=400)
    assert np.flatnonzero(shares).tolist() == list(best)


@pytest.mark.parametrize(
    "q", [[5, 1, np.nan, 7], [np.nan] * 4, [np.nan, 2, 2, 1], [1, np.nan, np.nan, np.inf], [np.nan, 1]]
)
@pytest.mark.parametrize("level", [0.0, 0.5])
def test_values_that_are_no_numbers_lead_to_some_action(q, level):
    assert len(shares_of(rl.EpsilonGreedy(level), q, steps=400)) == len(q)  # no action beyond


def test_ties_are_not_looked_for_in_the_next_row():
    learner = rl.QLearning(2, 4, 0.0, 0.0, rl.EpsilonGreedy(0.0))
    learner.q[:] = [[5, 1, np.nan, 7], [0, 5, 0, 0]]
    core = learner._learner(0, 0, 1)
    core.begin(0)
    assert {core.step(0, 0.0) for _ in range(400)} <= {0, 3}


@pytest.mark.kernel
@pytest.mark.parametrize("q", [[1.0, 2.0, 0.0], [1e6, 1e6 + 1], [-1e300, 0.0, 0.0]])
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_boltzmann_takes_each_action_as_often_as_the_textbook_says(q, temperature):
    assert_allclose(
        shares_of(rl.Boltzmann(temperature), q), textbook.boltzmann(np.array(q), temperature), atol=4 * 0.5 / 200
    )


def test_a_schedule_of_exploration_is_followed():
    learner = rl.QLearning(1, 2, 0.0, 0.0, rl.EpsilonGreedy(1.0, 0.0, 10_000))
    learner.q[0] = [1.0, 0.0]
    core = learner._learner(0, 0, 1)
    core.begin(0)
    taken = np.array([core.step(0, 0.0) for _ in range(20_000)])
    quarters = taken[:10_000].reshape(4, -1).mean(axis=1)
    assert_allclose(quarters, [0.4375, 0.3125, 0.1875, 0.0625], atol=0.04)
    assert not taken[10_000:].any()


def test_exploration_without_a_length_lasts_half_of_the_steps():
    assert rl.EpsilonGreedy(1.0, 0.05)._resolved(1000)[1] == ("linear", 1.0, 0.05, 500.0)
    assert rl.EpsilonGreedy(1.0, 0.05, 70)._resolved(1000)[1] == ("linear", 1.0, 0.05, 70.0)
    assert rl.EpsilonGreedy(0.1)._resolved(1000)[1] == ("constant", 0.1, 0.1, 1.0)
    assert rl.EpsilonGreedy(rl.ExponentialSchedule(1, 0.1, 9))._resolved(3)[1] == ("exponential", 1.0, 0.1, 9.0)


def test_schedules():
    linear, exponential = rl.LinearSchedule(1.0, 0.2, 4), rl.ExponentialSchedule(16.0, 1.0, 4)
    assert_allclose([linear(t) for t in (0, 1, 4, 9)], [1, 0.8, 0.2, 0.2])
    assert_allclose([exponential(t) for t in (0, 1, 3, 4, 9)], [16, 8, 2, 1, 1])


def test_a_learning_rate_follows_its_schedule():
    for rate in (rl.LinearSchedule(1.0, 0.0, 10), rl.ExponentialSchedule(1.0, 0.1, 7)):
        by_update, core = rl.QLearning(1, 1, rate, 0.0), rl.QLearning(1, 1, rate, 0.0)._learner(0, 0, 1)
        core.begin(0)
        table = np.zeros((1, 1))
        for step in range(12):
            by_update.update(0, 0, float(step), 0)
            core.step(0, float(step))
            core.store(table)
            assert table[0, 0] == pytest.approx(by_update.q[0, 0], abs=1e-12)
