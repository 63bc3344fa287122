from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore import rl

from .spaces import Box, Discrete

cpprb = pytest.importorskip("cpprb")
pytestmark = pytest.mark.peer

FIELDS = {"obs": {"shape": 3}, "act": {"dtype": np.int64}, "rew": {}, "next_obs": {"shape": 3}, "done": {}}


def filled(count, capacity, **options):
    """The same transitions in both libraries."""
    rng = np.random.default_rng(0)
    ours = rl.PrioritizedReplayBuffer(capacity, Box((3,)), Discrete(4), seed=0, **options)
    theirs = cpprb.PrioritizedReplayBuffer(capacity, FIELDS, alpha=ours.alpha, eps=1e-6)
    for _ in range(count):
        obs, after = rng.random((2, 3), np.float32)
        action, reward, done = int(rng.integers(4)), float(np.float32(rng.normal())), bool(rng.random() < 0.2)
        ours.add(obs, action, reward, after, done, False)
        theirs.add(obs=obs, act=action, rew=reward, next_obs=after, done=done)
    return ours, theirs


@pytest.mark.parametrize(("count", "capacity"), [(50, 64), (200, 64)])
def test_the_same_places_hold_the_same_transitions(count, capacity):
    ours, theirs = filled(count, capacity)
    stored = theirs.get_all_transitions()
    batch = ours.get(np.arange(len(ours)))
    assert len(ours) == theirs.get_stored_size()
    assert_array_equal(batch.observations, stored["obs"])
    assert_array_equal(batch.next_observations, stored["next_obs"])
    assert_array_equal(batch.actions, stored["act"][:, 0])
    assert_array_equal(batch.rewards, stored["rew"][:, 0])
    assert_array_equal(batch.terminated, stored["done"][:, 0] != 0)


@pytest.mark.parametrize("alpha", [0.6, 1.0])
@pytest.mark.parametrize("beta", [0.4, 1.0])
def test_weights_and_frequencies(alpha, beta):
    ours, theirs = filled(100, 100, alpha=alpha)
    errors = np.random.default_rng(1).exponential(size=100).astype(np.float32)
    ours.update_priorities(np.arange(100), errors)
    theirs.update_priorities(np.arange(100), errors)
    sample = theirs.sample(20_000, beta=beta)
    weights = dict(zip(sample["indexes"], sample["weights"], strict=True))
    batch = ours.sample(20_000, beta)
    common = [j for j, index in enumerate(batch.indices) if index in weights]
    assert len(common) > 19_000
    assert_allclose(batch.weights[common], [weights[batch.indices[j]] for j in common], rtol=1e-4)
    counts = [np.bincount(drawn, minlength=100) for drawn in (batch.indices, sample["indexes"])]
    assert np.abs(counts[0] - counts[1]).max() < 6 * np.sqrt(counts[1].max())
