from __future__ import annotations

import copy
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import rl, textbook

from .contents import assert_same, contents
from .spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

FLAT, ACTIONS = Box((2,)), Discrete(5)


class Mirror:
    """What a buffer should hold: whole transitions in a ring, episodes found step by step."""

    def __init__(self, capacity, n_steps, gamma):
        self.ring, self.capacity, self.n_steps, self.gamma = [None] * capacity, capacity, n_steps, gamma
        self.added, self.before = 0, {}

    def add(self, environment, obs, action, reward, after, terminated, truncated):
        step = {"obs": obs, "a": action, "r": reward, "after": after, "term": terminated, "next": None}
        step["end"] = terminated or truncated
        before = self.before.get(environment)
        here = before is not None and not before["end"] and before["place"] > self.added - self.capacity
        if here and np.array_equal(before["after"], obs):
            before["next"] = step
        step["place"] = self.added
        self.before[environment] = step
        self.ring[self.added % self.capacity] = step
        self.added += 1

    def __len__(self):
        return min(self.added, self.capacity)

    def expected(self, index):
        step = first = self.ring[index]
        total, m = np.float64(np.float32(step["r"])), 1
        while m < self.n_steps and step["next"] is not None:
            step = step["next"]
            total += self.gamma**m * np.float64(np.float32(step["r"]))
            m += 1
        return first["obs"], first["a"], total, step["after"], step["term"], self.gamma**m


def compare(buffer, mirror):
    assert len(buffer) == len(mirror)
    batch = buffer.get(np.arange(len(buffer)))
    for index in range(len(buffer)):
        obs, action, reward, after, terminated, discount = mirror.expected(index)
        assert_array_equal(batch.observations[index], obs)
        assert_array_equal(batch.actions[index], action)
        assert_allclose(batch.rewards[index], reward, rtol=1e-6)
        assert_array_equal(batch.next_observations[index], after)
        assert batch.terminated[index] == terminated
        assert_allclose(batch.discounts[index], discount, rtol=1e-6)


def walk(rng, steps, environments, buffer, mirror, *, batched, new):
    """Episodes of random lengths, with terminal states, time limits, and resets that nobody announces."""
    obs = [new(rng) for _ in range(environments)]
    for _ in range(steps):
        after = [new(rng) for _ in range(environments)]
        actions, rewards = rng.integers(0, 5, environments), rng.normal(size=environments)
        terminated, truncated = rng.random(environments) < 0.15, rng.random(environments) < 0.1
        if batched:
            buffer.add(np.array(obs), actions, rewards, np.array(after), terminated, truncated)
        for e in range(environments):
            mirror.add(e, obs[e], actions[e], rewards[e], after[e], terminated[e], truncated[e])
            if not batched:
                one = (obs[e], int(actions[e]), float(rewards[e]), after[e], bool(terminated[e]), bool(truncated[e]))
                buffer.add(*one) if environments == 1 else buffer.add(*[[x] for x in one], environments=[e])
        reset = terminated | truncated | (rng.random(environments) < 0.05)
        obs = [new(rng) if reset[e] else after[e] for e in range(environments)]


@given(
    st.integers(1, 40), st.integers(1, 6), st.integers(1, 5), st.booleans(), st.integers(0, 99), st.sampled_from("ubr")
)
@settings(max_examples=80)
def test_transitions_are_those_that_came(capacity, n_steps, environments, batched, seed, kind):
    rng = np.random.default_rng(seed)
    buffer = (
        rl.ReplayBuffer(capacity, FLAT, ACTIONS, n_steps, 0.9)
        if kind == "u"
        else rl.PrioritizedReplayBuffer(
            capacity, FLAT, ACTIONS, n_steps, 0.9, kind={"b": "proportional", "r": "rank"}[kind]
        )
    )
    mirror = Mirror(capacity, n_steps, 0.9)
    for _ in range(3):
        walk(rng, 12, environments, buffer, mirror, batched=batched, new=lambda r: r.random(2, np.float32))
        compare(buffer, mirror)


def episode(buffer, length, *, terminated, start=0.0, reward=1.0):
    for t in range(length):
        last = t == length - 1
        obs, after = np.full(2, start + t, np.float32), np.full(2, start + t + 1, np.float32)
        buffer.add(obs, 1, reward, after, last and terminated, last and not terminated)


def test_worked_example_of_n_steps():
    buffer = rl.ReplayBuffer(10, FLAT, ACTIONS, n_steps=3, gamma=0.5)
    episode(buffer, 4, terminated=True)
    episode(buffer, 2, terminated=False, start=100)
    buffer.add(np.full(2, 7, np.float32), 2, 8, np.full(2, 8, np.float32), False, False)  # the newest of its episode
    batch = buffer.get(np.arange(7))
    assert_allclose(batch.rewards, [1.75, 1.75, 1.5, 1, 1.5, 1, 8])
    assert_allclose(batch.discounts, [0.125, 0.125, 0.25, 0.5, 0.25, 0.5, 0.5])
    assert_array_equal(batch.terminated, [False, True, True, True, False, False, False])
    assert_array_equal(batch.next_observations[:, 0], [3, 4, 4, 4, 102, 102, 8])
    assert_array_equal(batch.observations[:, 1], [0, 1, 2, 3, 100, 101, 7])


@given(st.lists(st.tuples(st.floats(-9, 9), st.booleans()), min_size=1, max_size=20), st.integers(1, 5))
@settings(max_examples=60)
def test_n_steps_are_the_textbooks(steps, n):
    buffer = rl.ReplayBuffer(32, Box((1,)), ACTIONS, n_steps=n, gamma=0.9)
    rewards, ends = zip(*steps, strict=True)
    for t, (reward, end) in enumerate(steps):
        buffer.add(np.array([t], np.float32), 0, reward, np.array([t + 1], np.float32), False, end)
    batch = buffer.get(np.arange(len(steps)))
    for t in range(len(steps)):
        total, discount, last = textbook.n_step_transition(np.float32(rewards), ends, t, n, 0.9)
        assert_allclose(batch.rewards[t], total, rtol=1e-6, atol=1e-6)
        assert_allclose(batch.discounts[t], discount, rtol=1e-6)
        assert batch.next_observations[t, 0] == last + 1


def test_an_observation_is_kept_once():
    size, steps = 1000, 500
    buffer = rl.ReplayBuffer(steps, Box((size,)), ACTIONS)
    obs = np.zeros(size, np.float32)
    for t in range(2 * steps):
        after = np.full(size, t + 1, np.float32)
        buffer.add(obs, 0, 0.0, after, False, t % 100 == 99)
        obs = after if t % 100 != 99 else np.full(size, -t, np.float32)
    assert buffer.nbytes < (steps + 20) * (4 * size + 24)


@pytest.mark.parametrize("batched", [False, True])
def test_types_that_the_core_takes_and_others_give_the_same(batched):
    """Python's numbers, NumPy's, lists, and arrays of other types."""
    rng = np.random.default_rng(0)
    buffers = [rl.ReplayBuffer(64, FLAT, ACTIONS) for _ in range(4)]
    for _ in range(20):
        obs, after = rng.random((2, 3, 2), np.float32)
        actions, rewards, ends = rng.integers(0, 5, 3), rng.normal(size=3).astype(np.float32), rng.random((2, 3)) < 0.2
        if not batched:
            row = [x[0] for x in (obs, actions, rewards, after, *ends)]
            buffers[0].add(row[0], int(row[1]), float(row[2]), row[3], bool(row[4]), bool(row[5]))
            buffers[1].add(*row)
            buffers[2].add(
                row[0].tolist(), np.array(row[1]), np.array(row[2]), row[3].astype(float), int(row[4]), row[5]
            )
            buffers[3].add(*[x[:1] for x in (obs, actions, rewards, after, *ends)])
        else:
            buffers[0].add(obs, actions, rewards, after, *ends)
            buffers[1].add(obs, actions.astype(np.int32), rewards.astype(float), after, *ends.astype(np.int64))
            buffers[2].add(obs.tolist(), list(actions), list(rewards), list(after), list(ends[0]), ends[1])
            buffers[3].add(obs[:2], actions[:2], rewards[:2], after[:2], *ends[:, :2])
            buffers[3].add(obs[2:], actions[2:], rewards[2:], after[2:], *ends[:, 2:], environments=[2])
    for other in buffers[1:]:
        assert_same(contents(buffers[0]), contents(other))


def test_a_reset_that_looks_like_the_next_step_can_be_announced():
    states = Discrete(4)
    for announced in (False, True):
        buffer = rl.ReplayBuffer(8, states, ACTIONS, n_steps=2, gamma=1.0)
        buffer.add(0, 0, 1.0, 3, False, False)
        if announced:
            buffer.end_episode()
        buffer.add(3, 0, 1.0, 2, False, False)
        assert buffer.get([0]).rewards[0] == (1 if announced else 2)


def test_sampled_arrays_are_the_callers():
    buffer = rl.ReplayBuffer(16, FLAT, ACTIONS, seed=0)
    episode(buffer, 16, terminated=True)
    first = buffer.sample(8)
    kept = copy.deepcopy(first)
    for array in first:
        assert array.flags.owndata and array.flags.writeable
    buffer.sample(8)
    for array, copied in zip(first, kept, strict=True):
        assert_array_equal(array, copied)
        array[...] = 0  # and the buffer does not mind
    assert_array_equal(buffer.get(np.arange(16)).observations[:, 0], np.arange(16))


def test_batches_have_the_names_and_types_of_the_interface():
    buffer = rl.ReplayBuffer(16, FLAT, ACTIONS, seed=0)
    episode(buffer, 5, terminated=True)
    batch = buffer.sample(3)
    assert batch._fields == (
        "observations", "actions", "rewards", "next_observations", "terminated", "discounts", "indices", "weights",
    )  # fmt: skip
    shapes = [(3, 2), (3,), (3,), (3, 2), (3,), (3,), (3,), (3,)]
    types = ["float32", "int64", "float32", "float32", "bool", "float32", "int64", "float32"]
    assert [array.shape for array in batch] == shapes
    assert [array.dtype.name for array in batch] == types
    assert isinstance(batch, rl.Batch)
    assert_array_equal(batch.weights, 1)


def test_uniform_draws_are_uniform_and_follow_the_seed():
    buffer = rl.ReplayBuffer(10, FLAT, ACTIONS, seed=3)
    episode(buffer, 7, terminated=True)
    indices, weights = buffer.sample_indices(70_000)
    counts = np.bincount(indices, minlength=7)
    assert len(counts) == 7 and np.abs(counts - 10_000).max() < 500  # five deviations
    assert_array_equal(weights, 1)
    buffer.seed(3)
    assert_array_equal(buffer.sample_indices(70_000)[0], indices)
    assert (buffer.sample_indices(70_000)[0] != indices).any()


def test_draws_have_the_same_bits_on_any_number_of_threads(threads):
    found = []
    for count in (1, 2):
        nncore.set_num_threads(count)
        buffer = rl.PrioritizedReplayBuffer(100, FLAT, ACTIONS, seed=3)
        episode(buffer, 80, terminated=True)
        buffer.update_priorities(np.arange(80), np.linspace(-1, 2, 80))
        found.append(buffer.sample(500))
    for one, two in zip(*found, strict=True):
        assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("space", "value"),
    [
        (Box((3,), np.float64), np.array([0.1, 0.2, 0.3])),
        (Box((2, 2), np.uint8), np.array([[1, 2], [3, 255]], np.uint8)),
        (Box((2,), np.int32), np.array([-5, 7], np.int32)),
        (Box((2,), np.int64), np.array([-(2**60), 7])),
        (Box((), np.float32), np.float32(0.5)),
        (Box((3,), np.bool_), np.array([True, False, True])),
        (Discrete(4, start=-2), 1),
        (Discrete(4), np.int64(3)),
        (MultiDiscrete(np.array([3, 4])), np.array([2, 3])),
        (MultiBinary(3), np.array([1, 0, 1], np.int8)),
    ],
)
def test_spaces_of_observations_and_actions(space, value):
    zero = np.zeros_like(np.asarray(value))
    for observations, actions in ((space, ACTIONS), (FLAT, space)):
        buffer = rl.ReplayBuffer(4, observations, actions)
        if observations is space:
            buffer.add(zero, 1, 1.0, value, True, False)
            got, came = buffer.get([0]).next_observations[0], buffer.get([0]).observations[0]
            assert_array_equal(came, zero)
        else:
            buffer.add(np.zeros(2), value, 1.0, np.ones(2), True, False)
            got = buffer.get([0]).actions[0]
        assert_array_equal(got, value)
        assert got.dtype == (space.dtype if isinstance(space, (Box, MultiBinary)) else np.int64)


def test_gymnasium_spaces():
    gymnasium = pytest.importorskip("gymnasium")
    spaces = gymnasium.spaces
    space = spaces.Dict({"image": spaces.Box(0, 255, (3, 4), np.uint8), "where": spaces.MultiDiscrete([3, 4])})
    buffer = rl.ReplayBuffer(8, space, spaces.Discrete(3, start=1))
    obs, after = space.sample(), space.sample()
    buffer.add(obs, np.int64(3), 1.0, after, False, True)
    batch = buffer.get([0])
    for key in ("image", "where"):
        assert_array_equal(batch.observations[key][0], obs[key])
        assert_array_equal(batch.next_observations[key][0], after[key])
    assert rl.ReplayBuffer(8, spaces.Box(-1, 1, (2,)), spaces.MultiBinary(4)).sample.__self__.capacity == 8


def test_dict_observations():
    space = Dict({"a": Box((2,)), "b": Discrete(9), "frames": Box((3, 8, 8), np.uint8)})
    rng = np.random.default_rng(0)

    def new():
        frames = rng.integers(0, 255, (3, 8, 8), np.uint8)
        return {"a": rng.random(2, np.float32), "b": int(rng.integers(9)), "frames": frames}

    buffer = rl.ReplayBuffer(6, space, ACTIONS)
    kept, obs = [], new()
    for t in range(9):
        after = new()
        kept.append((obs, after))
        buffer.add(obs, 0, float(t), after, False, t == 4)
        obs = after if t != 4 else new()
    batch = buffer.get(np.arange(6))
    for place in range(6):
        before, after = kept[place + 6 if place < 3 else place]
        for key in space.spaces:
            assert_array_equal(batch.observations[key][place], before[key])
            assert_array_equal(batch.next_observations[key][place], after[key])
    two = {key: np.array([kept[0][0][key], kept[1][0][key]]) for key in space.spaces}
    buffer.add(two, [0, 1], [0.0, 1.0], two, [True, True], [False, False])
    assert_array_equal(buffer.get([3, 4]).next_observations["frames"], two["frames"])
    assert_array_equal(buffer.sample(4).observations["b"].shape, (4,))
    with pytest.raises(ValueError, match=r"obs must have the keys \['a', 'b', 'frames'\], but has \['a'\]"):
        buffer.add({"a": np.zeros(2)}, 0, 0.0, kept[0][0], False, False)
    with pytest.raises(TypeError, match="obs must be a dict"):
        buffer.add(np.zeros(2), 0, 0.0, kept[0][0], False, False)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"obs": np.zeros(3, np.float32)}, ValueError, r"obs must be of shape \(2,\), but came as \(3,\)"),
        ({"obs": np.zeros((1, 2), np.float32)}, ValueError, r"obs must be of shape \(2,\), but came as \(1, 2\)"),
        ({"next_obs": np.zeros((), np.float32)}, ValueError, r"next_obs must be of shape \(2,\), but came as \(\)"),
        ({"obs": np.zeros(2, np.complex64)}, TypeError, "obs must be of type float32, but came as complex64"),
        ({"obs": ["a", "b"]}, TypeError, "obs must be of type float32"),
        ({"obs": [[1], [1, 2]]}, ValueError, "obs must be"),
        ({"obs": None}, ValueError, "obs must be"),
        ({"action": 5}, ValueError, "action must be from 0 to 4, but is 5"),
        ({"action": -1}, ValueError, "action must be from 0 to 4, but is -1"),
        ({"action": 2**70}, (TypeError, ValueError), "action must be"),
        ({"action": 1.0}, TypeError, "action must be of type int64, but came as float64"),
        ({"action": True}, TypeError, "action must be of type int64, but came as bool"),
        ({"action": np.zeros(1, int)}, ValueError, r"action must be of shape \(\), but came as \(1,\)"),
        ({"reward": np.nan}, ValueError, "reward must be finite"),
        ({"reward": -np.inf}, ValueError, "reward must be finite"),
        ({"reward": 1e39}, ValueError, "reward must be finite and fit float32"),
        ({"reward": "1"}, TypeError, "reward must be a number"),
        ({"reward": np.zeros((1, 1))}, ValueError, "reward must be a number or an array"),
        ({"terminated": 2}, TypeError, "terminated must be True or False"),
        ({"terminated": None}, TypeError, "terminated must be True or False"),
        ({"truncated": [True]}, ValueError, r"truncated must be of shape \(\)"),
        ({"environments": -1}, ValueError, "environments must be numbered"),
        ({"environments": [0, 1]}, ValueError, "environments must be 1 integers"),
    ],
)
def test_bad_transitions_are_refused_before_anything_changes(change, error, message):
    buffer = rl.ReplayBuffer(8, FLAT, ACTIONS)
    episode(buffer, 3, terminated=False)
    before = contents(buffer)
    transition = {
        "obs": np.zeros(2, np.float32), "action": 1, "reward": 1.0, "next_obs": np.ones(2, np.float32),
        "terminated": False, "truncated": False,
    }  # fmt: skip
    with pytest.raises(error, match=message):
        buffer.add(**{**transition, **change})
    assert len(buffer) == 3
    assert_same(before, contents(buffer))
    buffer.add(**transition)
    assert len(buffer) == 4


def test_bad_rows_are_refused_before_any_is_added():
    buffer = rl.ReplayBuffer(8, FLAT, ACTIONS)
    obs = np.zeros((3, 2), np.float32)
    with pytest.raises(ValueError, match="action must be from 0 to 4, but is 9"):
        buffer.add(obs, [0, 1, 9], np.zeros(3), obs, [False] * 3, [False] * 3)
    with pytest.raises(ValueError, match=r"obs must be of shape \(3, 2\), but came as \(2, 2\)"):
        buffer.add(obs[:2], [0, 1, 2], np.zeros(3), obs, [False] * 3, [False] * 3)
    with pytest.raises(ValueError, match="reward must be finite"):
        buffer.add(obs, [0, 1, 2], [0, np.nan, 0], obs, [False] * 3, [False] * 3)
    assert len(buffer) == 0
    for images in (np.zeros((2, 2), np.float32), np.zeros((2, 2))):
        with pytest.raises(TypeError, match="obs must be of type uint8"):
            rl.ReplayBuffer(8, Box((2, 2), np.uint8), ACTIONS).add(images, 0, 0.0, images, False, False)


def test_arrays_that_are_not_contiguous_are_read_right():
    buffer = rl.ReplayBuffer(8, Box((2, 3)), ACTIONS)
    obs = np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2].T
    buffer.add(obs, np.int32(1), np.float32(1), obs[::-1], np.True_, np.bool_(False))
    buffer.add(obs.astype(">f4"), np.array(1), 1, obs.astype(np.float64), 0, 1)
    batch = buffer.get([0, 1])
    assert_array_equal(batch.observations, [obs, obs])
    assert_array_equal(batch.next_observations, [obs[::-1], obs])
    assert_array_equal(batch.terminated, [True, False])


def test_bad_requests_are_refused():
    buffer = rl.ReplayBuffer(8, FLAT, ACTIONS)
    for draw in (buffer.sample, buffer.sample_indices):
        with pytest.raises(ValueError, match="the replay buffer is empty"):
            draw(4)
    episode(buffer, 3, terminated=True)
    for draw in (buffer.sample, buffer.sample_indices):
        for size, error in ((0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError), ("3", TypeError)):
            with pytest.raises(error, match="batch_size must be"):
                draw(size)
        for beta in (-0.1, np.nan, np.inf):
            with pytest.raises(ValueError, match="beta must be"):
                draw(2, beta)
    assert len(buffer.sample(np.int64(2)).rewards) == 2
    for bad in (3, -1, 2**40):
        with pytest.raises(IndexError, match="indices must be of stored transitions"):
            buffer.get([0, bad])
        with pytest.raises(IndexError, match="indices must be of stored transitions"):
            buffer.update_priorities([0, bad], [1.0, 1.0])
    with pytest.raises(TypeError, match="indices must be integers"):
        buffer.get([0.5])
    with pytest.raises(MemoryError):
        buffer.sample(2**50)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, FLAT, ACTIONS), ValueError, "capacity must be at least 1, but is 0"),
        ((-5, FLAT, ACTIONS), ValueError, "capacity must be at least 1"),
        ((2.5, FLAT, ACTIONS), TypeError, "capacity must be an integer"),
        ((2**40, FLAT, ACTIONS), MemoryError, "capacity must be at most"),
        ((2**28, Box((4, 84, 84), np.uint8), ACTIONS), MemoryError, "capacity must be at most"),
        ((2**70, FLAT, ACTIONS), MemoryError, "capacity must be at most"),
        ((8, FLAT, ACTIONS, 0), ValueError, "n_steps must be at least 1"),
        ((8, FLAT, ACTIONS, 1, 1.5), ValueError, "gamma must be from 0 to 1"),
        ((8, FLAT, ACTIONS, 1, np.nan), ValueError, "gamma must be"),
        ((8, "Box", ACTIONS), TypeError, "observation_space must be a Box"),
        ((8, FLAT, None), TypeError, "action_space must be a Box"),
        ((8, Box((2,), object), ACTIONS), TypeError, "observation_space must have integers, float32 or float64"),
        ((8, Dict({"a": Dict()}), ACTIONS), TypeError, r"observation_space\['a'\] must be a Box"),
        ((8, Dict(), ACTIONS), ValueError, "at least one entry"),
    ],
)
def test_bad_settings_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        rl.ReplayBuffer(*arguments)


def test_the_family_is_light():
    code = "import sys, nncore.rl as rl; rl.ReplayBuffer; assert 'gymnasium' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)


@pytest.mark.parametrize("kind", [rl.ReplayBuffer, rl.PrioritizedReplayBuffer])
def test_what_cannot_be_drawn_is_named(kind):
    buffer = kind(10, Box((2,)), Discrete(3))
    buffer.add(np.zeros(2, np.float32), 0, 1.0, np.ones(2, np.float32), False, False)
    for draw in (buffer.sample, buffer.sample_indices):
        for beta in ("x", None):
            with pytest.raises(TypeError, match="^beta must be a number"):
                draw(4, beta)
        for size in (10**15, 10**18, 10**30):
            with pytest.raises(MemoryError, match="^batch_size must fit the memory, but is 1,000"):
                draw(size)
        assert len(draw(4)[0]) == 4
