from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nncore import _core, rl, textbook

from .spaces import Box, Discrete

FLAT, ACTIONS = Box((1,)), Discrete(2)
KINDS = ["proportional", "rank"]


def buffer_of(errors, kind="proportional", alpha=0.6, capacity=None, **more):
    """A buffer of one transition for each TD error."""
    buffer = rl.PrioritizedReplayBuffer(capacity or len(errors), FLAT, ACTIONS, alpha=alpha, kind=kind, seed=0, **more)
    add(buffer, len(errors))
    buffer.update_priorities(np.arange(len(errors)), errors)
    return buffer


def add(buffer, count):
    for _ in range(count):
        buffer.add(np.zeros(1, np.float32), 0, 0.0, np.ones(1, np.float32), True, False)


def test_worked_example():
    buffer = buffer_of([3.0, -1.0, 0.0, 4.0], alpha=1.0, eps=0.0)
    assert_allclose(buffer.priorities[[0, 1, 3]], [3, 1, 4])
    batch = buffer.sample(8, beta=1.0)
    assert_array_equal(batch.indices, [0, 0, 0, 1, 3, 3, 3, 3])
    # the least priority that can be drawn is that of error 0, which is not 0
    tiny = np.finfo(float).tiny
    assert buffer.priorities[2] == tiny
    buffer.update_priorities([2], [2.0])
    weights = buffer.sample(1000, beta=1.0)
    assert_allclose(weights.weights, 1 / buffer.priorities[weights.indices], rtol=1e-6)
    assert weights.weights.max() == 1


ERRORS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(ERRORS, st.floats(0, 2), st.floats(0, 2), st.integers(1, 40))
@settings(max_examples=80)
def test_proportional_draws_and_weights_are_the_textbooks(errors, alpha, beta, n):
    buffer = buffer_of(errors, alpha=alpha)
    expected = textbook.proportional_priorities(errors, alpha)
    assert_allclose(buffer.priorities, expected, rtol=1e-12)
    batch = buffer.sample(n, beta)
    units = np.empty(n)
    _core.random_uniform(units, 0.0, 1.0, seed=0, stream=_core.Stream.REPLAY)
    if expected.max() < 1e4 * expected.min():
        assert_array_equal(batch.indices, textbook.sum_tree_sample(textbook.sum_tree(buffer.priorities), units))
    assert_allclose(batch.weights, textbook.importance_weights(expected, batch.indices, beta), rtol=1e-5, atol=1e-30)


@given(ERRORS, st.floats(0, 2), st.floats(0, 2), st.integers(1, 40))
@settings(max_examples=80)
def test_ranks_are_the_textbooks(errors, alpha, beta, n):
    buffer = buffer_of(errors, "rank", alpha)  # as many changes as transitions: sorted
    expected = textbook.rank_priorities(errors, alpha)
    assert_allclose(buffer.priorities, expected, rtol=1e-12)
    batch = buffer.sample(n, beta)
    assert_allclose(batch.weights, textbook.importance_weights(expected, batch.indices, beta), rtol=1e-5)
    units = np.empty(n)
    _core.random_uniform(units, 0.0, 1.0, seed=0, stream=_core.Stream.REPLAY)
    sums = np.cumsum(np.sort(expected)[::-1])
    ranks = np.searchsorted(sums, (np.arange(n) + units) / n * sums[-1], side="right")
    found = np.round(expected[batch.indices], 12)
    assert_array_equal(found, np.round(np.sort(expected)[::-1][np.minimum(ranks, len(errors) - 1)], 12))


@pytest.mark.kernel
@pytest.mark.parametrize("kind", KINDS)
def test_frequencies_are_the_priorities(kind):
    buffer = buffer_of(np.random.default_rng(0).normal(size=100), kind, capacity=130)
    priorities = buffer.priorities
    counts = np.bincount(buffer.sample(100_000).indices, minlength=100)
    assert np.abs(counts - 100_000 * priorities / priorities.sum()).max() <= 2


def test_ranks_stay_close_between_sorts():
    """The heap is an order within a factor of 2 in rank where it matters, the greatest error always first."""
    rng = np.random.default_rng(0)
    buffer, errors = buffer_of(rng.random(1000), "rank", 1.0), None
    errors = np.array([0.0] * 1000)
    buffer.update_priorities(np.arange(1000), errors)
    for _ in range(15):
        indices = rng.choice(1000, 64, replace=False)
        errors[indices] = rng.exponential(size=64)
        buffer.update_priorities(indices, errors[indices])
    assert buffer.priorities[errors.argmax()] == 1
    exact = textbook.rank_priorities(errors, 1.0)
    assert np.corrcoef(np.log(exact), np.log(buffer.priorities))[0, 1] > 0.7
    assert sorted(buffer.priorities) == sorted(exact)  # each rank once


def test_outliers_do_not_sway_ranks():
    errors = np.ones(100)
    errors[7] = 1e30
    shares = {}
    for kind in KINDS:
        priorities = buffer_of(errors, kind).priorities
        shares[kind] = priorities[7] / priorities.sum()
    assert shares["proportional"] > 0.99 and shares["rank"] < 0.2


# The traps of findings on other libraries, one by one.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
def test_errors_that_are_not_finite_are_refused_before_anything_changes(kind, bad, dtype):
    buffer = buffer_of([1.0, 2.0, 3.0], kind)
    before = buffer.priorities
    errors = np.array([9.0, bad, 9.0], dtype)
    with pytest.raises((ValueError, TypeError), match="td_errors must be"):
        buffer.update_priorities(np.arange(3), errors)
    with pytest.raises(ValueError, match="td_errors must be finite, but entry 1 is"):
        buffer.update_priorities([0, 1], [9.0, bad])
    assert_array_equal(buffer.priorities, before)
    assert set(buffer.sample(64).indices) == {0, 1, 2}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [3, 5, 8, -1, 10**6, 2**62, -(2**63)])
def test_indices_that_are_not_filled_are_refused_before_anything_changes(kind, bad):
    buffer = buffer_of([1.0, 2.0, 3.0], kind, capacity=6)
    before = buffer.priorities
    with pytest.raises(IndexError, match=f"from 0 to 3 exclusive, but entry 1 is {bad}"):
        buffer.update_priorities([0, bad], [9.0, 9.0])
    assert_array_equal(buffer.priorities, before)
    assert buffer.sample(64).indices.max() < 3


@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_either_sign_and_zero(kind):
    buffer = buffer_of([1.0, -1.0, 0.0, -0.0], kind)
    priorities = buffer.priorities
    if kind == "proportional":
        assert priorities[0] == priorities[1] and priorities[2] == priorities[3]
        assert_allclose(priorities[[0, 2]], [(1 + 1e-6) ** 0.6, 1e-6**0.6], rtol=1e-13)
    assert (priorities > 0).all()
    assert set(buffer.sample(20_000).indices) == {0, 1, 2, 3}


def test_an_error_too_great_for_a_sum_is_refused():
    buffer = buffer_of([1.0, 2.0], alpha=2.0)
    with pytest.raises(ValueError, match="td_errors must give priorities of at most"):
        buffer.update_priorities([0, 1], [0.5, 1e200])
    assert_allclose(buffer.priorities, [1, 4], rtol=1e-5)


def test_the_greatest_weight_of_the_buffer_is_one():
    """Not of the batch, and of the quantity that is sampled: p^alpha."""
    errors = [0.001, *[1.0] * 999]
    for kind in KINDS:
        buffer = buffer_of(errors, kind)
        least = buffer.priorities.argmin()
        for beta in (0.4, 1.0):
            batch = buffer.sample(64, beta)
            own = (buffer.priorities / buffer.priorities.min()) ** -beta
            assert own.max() == own[least] == 1
            assert_allclose(batch.weights, own[batch.indices], rtol=1e-6)
        assert_array_equal(buffer.sample(64, 0.0).weights, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_filled_is_never_drawn(kind):
    for filled in (1, 5, 8, 9, 1000):
        buffer = buffer_of(np.ones(filled), kind, capacity=4096)
        drawn = buffer.sample(50_000)
        assert drawn.indices.min() == 0 and drawn.indices.max() == filled - 1


def test_new_transitions_get_the_greatest_priority_stored():
    buffer = rl.PrioritizedReplayBuffer(4, FLAT, ACTIONS, alpha=1.0, eps=0.0)
    add(buffer, 2)
    assert_array_equal(buffer.priorities, [1, 1])
    buffer.update_priorities([0, 1], [8.0, 0.5])
    add(buffer, 1)
    assert_array_equal(buffer.priorities, [8, 0.5, 8])
    buffer.update_priorities([0, 2], [0.25, 0.25])  # and the maximum of the past is forgotten
    add(buffer, 1)
    assert_array_equal(buffer.priorities, [0.25, 0.5, 0.25, 0.5])
    buffer.update_priorities([0], [9.0])
    add(buffer, 1)  # what is overwritten does not hand its priority on
    assert_array_equal(buffer.priorities, [0.5, 0.5, 0.25, 0.5])


def test_new_transitions_get_the_first_rank():
    buffer = rl.PrioritizedReplayBuffer(3, FLAT, ACTIONS, alpha=1.0, kind="rank")
    add(buffer, 2)
    buffer.update_priorities([0, 1], [8.0, 0.5])
    add(buffer, 1)
    buffer.update_priorities([0], [0.1])
    assert_array_equal(buffer.priorities, [1 / 3, 1 / 2, 1])
    add(buffer, 1)
    assert sorted(buffer.priorities) == [1 / 3, 1 / 2, 1] and buffer.priorities[1] < 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 3, 8, 20])
def test_rows_get_the_same_priorities_as_single_transitions(kind, rows):
    one = rl.PrioritizedReplayBuffer(9, FLAT, ACTIONS, kind=kind)
    many = rl.PrioritizedReplayBuffer(9, FLAT, ACTIONS, kind=kind)
    obs = np.arange(rows, dtype=np.float32)[:, None]
    for _ in range(4):
        for e in range(rows):
            one.add(obs[e : e + 1], [0], [0.0], obs[e : e + 1], [True], [False], environments=[e])
        many.add(obs, np.zeros(rows, int), np.zeros(rows), obs, np.ones(rows, bool), np.zeros(rows, bool))
        errors = np.linspace(1, 2, len(one))
        assert_array_equal(np.sort(one.priorities), np.sort(many.priorities))
        one.update_priorities(np.arange(len(one)), errors)
        many.update_priorities(np.arange(len(one)), errors)
        assert_array_equal(one.priorities, many.priorities)


@pytest.mark.parametrize("kind", KINDS)
def test_alpha_of_zero_is_uniform(kind):
    buffer = buffer_of([1.0, 100.0, 0.0], kind, alpha=0.0)
    assert_array_equal(buffer.priorities, 1)
    assert_array_equal(buffer.sample(30, 1.0).weights, 1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"alpha": -0.1}, ValueError, "alpha must be at least 0"),
        ({"alpha": np.nan}, ValueError, "alpha must be at least 0"),
        ({"alpha": "a"}, TypeError, "alpha must be a number"),
        ({"kind": "ranked"}, ValueError, "kind must be 'proportional' or 'rank', but is 'ranked'"),
        ({"eps": -1.0}, ValueError, "eps must be at least 0"),
        ({"capacity": 0}, ValueError, "capacity must be at least 1"),
    ],
)
def test_bad_settings_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        rl.PrioritizedReplayBuffer(**{"capacity": 8, "observation_space": FLAT, "action_space": ACTIONS, **arguments})


def test_other_input_is_refused():
    buffer = buffer_of([1.0, 2.0])
    with pytest.raises(ValueError, match=r"td_errors must be one per index, \(2,\), but came as \(3,\)"):
        buffer.update_priorities([0, 1], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="td_errors must be one per index: 2"):
        buffer.update_priorities(np.array([0, 1]), np.array([1.0, 2.0, 3.0]))
    with pytest.raises(TypeError, match="indices must be integers"):
        buffer.update_priorities([0.5], [1.0])
    with pytest.raises(TypeError, match="td_errors must be numbers"):
        buffer.update_priorities([0], ["a"])
    buffer.update_priorities([], [])
    buffer.update_priorities(np.array([0, 1], np.longlong), np.array([3.0, 3.0], np.dtype("f8", metadata={"a": 1})))
    assert_allclose(buffer.priorities, 3**0.6, rtol=1e-6)
    buffer.update_priorities(np.array([1, 1], np.int32), np.array([5, 7]))
    assert_allclose(buffer.priorities[1], 7**0.6, rtol=1e-6)
