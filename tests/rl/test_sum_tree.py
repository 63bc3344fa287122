from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nncore import _core, rl, textbook

PRIORITIES = st.one_of(st.just(0.0), st.floats(1e-300, 1e300), st.floats(0.001, 1000))


def filled(priorities):
    tree = rl.SumTree(len(priorities))
    tree[:] = priorities
    return tree


def test_worked_example():
    tree = filled([3.0, 1.0, 0.0, 4.0])
    assert (tree.total, tree.min, tree.max, len(tree), tree.capacity) == (8.0, 1.0, 4.0, 4, 4)
    indices, probabilities = tree.sample(8, 0)
    assert_array_equal(indices, [0, 0, 0, 1, 3, 3, 3, 3])  # eight strata, each of a total of 1
    assert_array_equal(probabilities, np.array([3, 3, 3, 1, 4, 4, 4, 4]) / 8)


def test_reads_and_writes_as_arrays_do():
    tree = rl.SumTree(5)
    tree[2] = 1.5
    tree[[0, -1]] = [2, 3]
    assert tree[2] == 1.5 and isinstance(tree[2], float)
    assert_array_equal(tree[:], [2, 0, 1.5, 0, 3])
    assert_array_equal(tree[np.array([[4], [-5]])], [[3], [2]])
    tree[1:3] = 7
    assert_array_equal(tree[[]], [])
    tree[[]] = []
    tree[np.array([3, 3, 3], np.int32)] = np.array([5, 6, 1], np.float32)  # the last counts
    assert_array_equal(tree[:], [2, 7, 7, 1, 3])
    assert tree.total == 20


@given(st.lists(PRIORITIES, min_size=1, max_size=70), st.data())
@settings(max_examples=60)
def test_any_changes_leave_the_tree_of_its_priorities(values, data):
    tree, mirror = filled(values), np.array(values)
    for _ in range(3):
        indices = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=12))
        new = data.draw(st.lists(PRIORITIES, min_size=len(indices), max_size=len(indices)))
        tree[indices] = new
        for index, value in zip(indices, new, strict=True):
            mirror[index] = value
    again = filled(mirror)
    assert_array_equal(tree[:], mirror)
    assert (tree.total, tree.min, tree.max) == (again.total, again.min, again.max)
    assert_allclose(tree.total, mirror.sum(), rtol=1e-13)
    positive = mirror[mirror > 0]
    assert tree.min == (positive.min() if len(positive) else np.inf) and tree.max == mirror.max()


@given(st.lists(PRIORITIES, min_size=1, max_size=100), st.integers(1, 50), st.integers(0, 2**64 - 1))
@settings(max_examples=100)
def test_draws_are_the_textbooks(values, n, seed):
    tree = filled(values)
    indices, probabilities = tree.sample(n, seed)
    assert_array_equal(np.sort(indices), indices)
    if not any(values):
        assert_allclose(probabilities, 1 / len(values))
        return
    assert (tree[indices] > 0).all()
    assert_array_equal(probabilities, tree[indices] / tree.total)
    units = np.empty(n)
    _core.random_uniform(units, 0.0, 1.0, seed=seed, stream=_core.Stream.REPLAY)
    expected = textbook.sum_tree_sample(textbook.sum_tree(values), units)
    if max(values) < 1e4 * min(v for v in values if v > 0):  # else rounding decides at the borders
        assert_array_equal(indices, expected)


@pytest.mark.kernel
@pytest.mark.parametrize("capacity", [1, 2, 7, 8, 9, 64, 65, 1000])
def test_frequencies_are_the_priorities(capacity):
    rng = np.random.default_rng(capacity)
    values = rng.random(capacity) * (rng.random(capacity) < 0.7)
    values[-1] = 0.5
    indices, _ = filled(values).sample(200 * capacity, 1)
    counts = np.bincount(indices, minlength=capacity)
    assert np.abs(counts - 200 * capacity * values / values.sum()).max() <= 2  # stratified: no luck


def test_no_drift_over_eight_decades():
    rng = np.random.default_rng(0)
    tree, mirror = rl.SumTree(1000), np.zeros(1000)
    for _ in range(2000):
        indices = rng.integers(0, 1000, 64)
        values = 10 ** rng.uniform(-4, 4, 64)
        tree[indices] = values
        mirror[indices] = values
    tree[:] = mirror[::-1].copy()
    tree[:] = mirror
    assert tree.total == filled(mirror).total
    assert_allclose(tree.total, mirror.sum(), rtol=1e-14)


def test_a_priority_of_zero_is_never_drawn_even_where_rounding_leads_to_it():
    rng = np.random.default_rng(1)
    for size in (3, 9, 30, 131):
        for _ in range(200):
            values = 10.0 ** rng.uniform(-20, 20, size) * (rng.random(size) < 0.3)
            values[rng.integers(size)] = 1.0
            values[size // 2 :] *= rng.random() < 0.5  # often nothing to the right
            if not values.any():
                continue
            tree = filled(values)
            for edge in (1.0, 1 + 1e-15, 1 - 1e-16):  # targets at the very end, and beyond
                targets = np.concatenate([np.cumsum(values), [tree.total]]) * edge
                found = np.empty(len(targets), np.int64)
                tree._core.find(targets, found)
                assert (values[found] > 0).all()


def test_draws_of_any_number_are_the_same_bits():
    tree = filled(np.random.default_rng(0).random(5000))
    whole = tree.sample(1000, 3)[0]
    assert_array_equal(whole, tree.sample(1000, 3)[0])
    assert (whole != tree.sample(1000, 4)[0]).any()
    generator = np.random.default_rng(0)
    assert (tree.sample(50, generator)[0] != tree.sample(50, generator)[0]).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0, -1e-300, 1e308])
@pytest.mark.parametrize("place", [0, 2])
def test_bad_priorities_are_refused_before_anything_changes(bad, place):
    tree = filled([1.0, 2.0, 3.0])
    values = [5.0, 5.0, 5.0]
    values[place] = bad
    with pytest.raises(ValueError, match=f"priorities must be finite, at least 0 and at most .*, but entry {place} is"):
        tree[[0, 1, 2]] = values
    assert_array_equal(tree[:], [1, 2, 3])
    assert tree.total == 6


@pytest.mark.parametrize("bad", [3, -4, 2**40, 2**63 - 1, -(2**63)])
def test_indices_out_of_range_are_refused_before_anything_changes(bad):
    tree = filled([1.0, 2.0, 3.0])
    with pytest.raises(IndexError, match="indices must be from 0 to 2, but entry 1 is"):
        tree[[0, bad]] = 9.0
    with pytest.raises(IndexError, match="indices must be from 0 to 2"):
        tree[bad]
    assert_array_equal(tree[:], [1, 2, 3])


def test_other_input_is_refused():
    bad = (
        (0, ValueError),
        (-1, ValueError),
        (2**60, ValueError),
        (2**32, MemoryError),
        (1.5, TypeError),
        (True, TypeError),
    )
    for capacity, error in bad:
        with pytest.raises(error, match="capacity"):
            rl.SumTree(capacity)
    tree = filled([1.0, 2.0])
    for n, error in ((0, ValueError), (-3, ValueError), (2.0, TypeError)):
        with pytest.raises(error, match="n must be"):
            tree.sample(n)
    with pytest.raises(TypeError, match="indices must be integers"):
        tree[1.0] = 1
    with pytest.raises(TypeError, match="priorities must be numbers"):
        tree[0] = "a"
    with pytest.raises(ValueError, match=r"priorities must be one, or one per index, \(2,\), but came as \(3,\)"):
        tree[[0, 1]] = [1, 2, 3]
    with pytest.raises(TypeError, match="rng"):
        tree.sample(2, "a")


def test_copies_stand_alone():
    tree = filled([1.0, 2.0, 0.5])
    for other in (copy.deepcopy(tree), pickle.loads(pickle.dumps(tree))):
        assert_array_equal(other[:], tree[:])
        other[0] = 7
        assert tree[0] == 1 and tree.total == 3.5


@pytest.mark.parametrize("n", [2**45, 2**62, 2**70])
def test_more_draws_than_fit_the_memory_are_named(n):
    with pytest.raises(MemoryError, match=f"^n must fit the memory, but is {n:,}"):
        rl.SumTree(4).sample(n)
