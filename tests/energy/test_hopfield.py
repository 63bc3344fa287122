from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("sklearn")

from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nncore import textbook
from nncore.energy import Hopfield

MEMORIES = np.array([[1, -1, 1, -1, 1, 1], [1, 1, 1, -1, -1, -1]])
SIX_W = np.array(
    [
        [2, 0, 2, -2, 0, 0],
        [0, 2, 0, 0, -2, -2],
        [2, 0, 2, -2, 0, 0],
        [-2, 0, -2, 2, 0, 0],
        [0, -2, 0, 0, 2, 2],
        [0, -2, 0, 0, 2, 2],
    ]
)
RULES = ("hebbian", "storkey", "pseudo_inverse")
ALL_STATES = np.array(list(itertools.product([-1, 1], repeat=6)))


def signs(rng, shape):
    return rng.choice(np.array([-1, 1], np.int8), shape)


def textbook_weights(rule, memories, self_connections):
    name = {"hebbian": "hopfield_weights", "storkey": "storkey_weights", "pseudo_inverse": "pseudo_inverse_weights"}
    return getattr(textbook, name[rule])(memories.astype(float), self_connections)


# The worked examples


@pytest.mark.parametrize("self_connections", [False, True])
def test_the_two_memories(self_connections):
    net = Hopfield(self_connections=self_connections, dtype="float64").fit(MEMORIES)
    assert_array_equal(net.weights_ * 6, SIX_W if self_connections else SIX_W - 2 * np.eye(6))
    assert net.is_stable(MEMORIES).all()
    assert_array_equal(net.energy(MEMORIES), [-3, -3] if self_connections else [-2, -2])
    for mode in ("async", "sync"):
        assert_array_equal(net.recall(MEMORIES, mode), MEMORIES)


def test_the_four_fixed_points_are_the_memories_and_their_negatives():
    net = Hopfield().fit(MEMORIES)
    stable = ALL_STATES[net.is_stable(ALL_STATES)]
    assert sorted(map(tuple, stable)) == sorted(map(tuple, np.concatenate([MEMORIES, -MEMORIES])))
    assert_array_equal(net.energy(stable), [-2] * 4)


def test_one_memory_alternates_in_synchronous_recall_and_settles_in_asynchronous():
    net = Hopfield().fit([[1, -1]])
    states, path, report = net.recall([[1, 1]], "sync", return_path=True, return_report=True)
    assert_array_equal(path[:, 0], [[1, 1], [-1, -1], [1, 1]])
    assert report.cycle == [2] and not report.converged[0] and report.n_sweeps == [2]
    states, report = net.recall([[1, 1]], return_report=True)
    assert report.converged.all() and report.cycle == [1] and net.classify_states(states)[0] in ("memory", "negative")


def test_a_zero_cannot_be_stored():
    with pytest.raises(ValueError, match=r"X must consist of -1 and \+1, but has 0 in row 0, column 1"):
        Hopfield().fit([[1, 0, -1, 0, 1]])


# Against the textbook


@st.composite
def networks(draw, most=40):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    d, p = draw(st.integers(1, most)), draw(st.integers(1, 20))
    memories, states = signs(rng, (p, d)), signs(rng, (draw(st.integers(1, 5)), d))
    bias = rng.integers(-3, 4, d) / d if draw(st.booleans()) else np.zeros(d)
    return memories, states, bias


@settings(max_examples=60)
@given(network=networks(), rule=st.sampled_from(RULES), self_connections=st.booleans())
def test_weights_energy_and_stability_equal_the_textbook(network, rule, self_connections):
    memories, states, bias = network
    net = Hopfield(rule, self_connections, bias=bias, dtype="float64").fit(memories)
    W = textbook_weights(rule, memories, self_connections)
    assert_allclose(net.weights_, W, atol=1e-10)
    assert_array_equal(net.weights_, net.weights_.T)
    assert_allclose(net.energy(states), [textbook.hopfield_energy(x, W, bias) for x in states], atol=1e-9)
    fields = states @ W + bias
    certain = (np.abs(fields) > 1e-9).all(axis=1)
    assert_array_equal(net.is_stable(states)[certain], (states * fields >= 0).all(axis=1)[certain])


@settings(max_examples=60)
@given(network=networks(), self_connections=st.booleans(), with_bias=st.booleans())
def test_hebbian_recall_equals_the_textbook_ties_included(network, self_connections, with_bias):
    memories, states, bias = network
    d = memories.shape[1]
    net = Hopfield(self_connections=self_connections, bias=bias if with_bias else None).fit(memories)
    whole = np.rint(textbook_weights("hebbian", memories, self_connections) * d)  # exact sums, so that 0 is 0
    b = np.rint(bias * d) * with_bias
    cyclic = np.array([textbook.hopfield_recall(x, whole, b, range(d)) for x in states])
    assert_array_equal(net.recall(states, order="cyclic", max_sweeps=1000), cyclic)
    step = np.array([textbook.hopfield_step(x, whole, b) for x in states])
    assert_array_equal(net.recall(states, "sync", max_sweeps=1), step)


# Laws


@settings(max_examples=40)
@given(network=networks(), rule=st.sampled_from(RULES), seed=st.integers(0, 99))
def test_energy_never_rises_in_asynchronous_recall_which_settles(network, rule, seed):
    memories, states, bias = network
    net = Hopfield(rule, bias=bias).fit(memories)
    recalled, path, report = net.recall(states, random_state=seed, return_path=True, return_report=True, max_sweeps=500)
    energies = np.array([net.energy(step) for step in path])
    assert (np.diff(energies, axis=0) <= 1e-5).all()
    assert report.converged.all() and net.is_stable(recalled).all()
    assert len(path) == report.n_sweeps.max() + 1
    assert_array_equal(path[-1], recalled)
    assert_array_equal(path[0], states)


@settings(max_examples=40)
@given(network=networks(), rule=st.sampled_from(RULES))
def test_partial_fit_adds_what_fit_would_have_stored(network, rule):
    memories, states, _ = network
    whole = Hopfield(rule).fit(memories)
    parts = Hopfield(rule).partial_fit(memories[:1])
    for memory in memories[1:]:
        parts.partial_fit(memory[None])
    assert parts.n_memories_ == len(memories)
    assert_array_equal(parts.memories_, memories)
    assert_array_equal(parts.weights_, whole.weights_)
    assert_array_equal(parts.recall(states, random_state=1), whole.recall(states, random_state=1))


def test_a_combination_of_patterns_changes_no_pseudo_inverse():
    net = Hopfield("pseudo_inverse", True).fit(MEMORIES)
    before = net.weights_.copy()
    net.partial_fit(np.concatenate([MEMORIES, -MEMORIES]))
    assert_array_equal(net.weights_, before)


@pytest.mark.parametrize(("d", "p"), [(4500, 3), (500, 20000), (30, 1)])
def test_hebbian_weights_are_exact_in_squares(d, p):
    memories = signs(np.random.default_rng(3), (p, d))
    weights = Hopfield(self_connections=True).fit(memories).weights_
    wide = memories.astype(np.float32)
    assert weights.dtype == np.float32
    assert_array_equal(weights, wide.T @ wide / np.float32(d))


# What states are


def test_a_mixture_of_three_memories_is_a_spurious_state():
    rng = np.random.default_rng(0)
    memories = signs(rng, (3, 300))
    net = Hopfield().fit(memories)
    mixture = np.sign(memories.sum(axis=0, dtype=int))[None]
    mixture = net.recall(mixture, random_state=0)
    other = memories[:1].copy()
    other[0, :20] *= -1
    states = np.concatenate([memories[:1], -memories[1:2], mixture, other])
    assert net.classify_states(states).tolist() == ["memory", "negative", "spurious", "unstable"]
    assert net.is_spurious(states).tolist() == [False, False, True, False]
    assert (net.overlap(mixture) > 0.4).all()


def test_overlap_counts_agreeing_units():
    net = Hopfield().fit(MEMORIES)
    assert_array_equal(net.overlap(MEMORIES) * 6, MEMORIES @ MEMORIES.T)


def test_score_is_the_overlap_with_what_was_meant():
    rng = np.random.default_rng(1)
    memories = signs(rng, (5, 200))
    damaged = np.where(rng.random(memories.shape) < 0.1, -memories, memories)
    net = Hopfield().fit(memories)
    assert net.score(damaged) == net.score(damaged, memories) == 1
    assert net.score(damaged, -memories) == -1
    assert_array_equal(net.predict(damaged), memories)
    assert_array_equal(net.transform(damaged), memories)


def test_digits_in_digits_out():
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    chosen = [np.flatnonzero(digits.target == digit)[0] for digit in range(6)]
    patterns = np.where(digits.images[chosen] > 8, 1, -1).reshape(6, 64)
    half = patterns.copy()
    half[:, 32:] = -1
    net = Hopfield("pseudo_inverse").fit(patterns)
    images = net.recall(half, random_state=0).reshape(6, 8, 8)
    assert images.dtype == patterns.dtype and np.mean(images.reshape(6, 64) == patterns) > 0.97
