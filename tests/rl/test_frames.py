from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from nncore import rl

from .spaces import Box, Dict, Discrete

ACTIONS = Discrete(3)


class Game:
    """Episodes of stacked frames, as Gymnasium ("repeat") and stable-baselines3 ("zero") stack them."""

    def __init__(self, rng, *, shape=(6, 7), stack=4, last=False, start="repeat"):
        self.rng, self.shape, self.stack, self.last, self.start = rng, shape, stack, last, start

    def frame(self):
        return self.rng.integers(0, 256, self.shape, np.uint8)

    def reset(self):
        first = self.frame()
        filler = first if self.start == "repeat" else np.zeros_like(first)
        self.frames = [filler] * (self.stack - 1) + [first]
        return self.observation()

    def step(self):
        self.frames = [*self.frames[1:], self.frame()]
        return self.observation()

    def observation(self):
        return np.stack(self.frames, axis=-1 if self.last else 0)


def play(buffer, game, steps, *, environment=None, terminated=0.05, truncated=0.05):
    """Play, and return what was added."""
    kept, obs = [], game.reset()
    for t in range(steps):
        after = game.step()
        ends = [bool(game.rng.random() < terminated), bool(game.rng.random() < truncated)]
        row = (obs, 1, float(t), after, *ends)
        buffer.add(*row) if environment is None else buffer.add(*[[x] for x in row], environments=[environment])
        kept.append((obs, after))
        obs = game.reset() if any(ends) else after
    return kept


def check(buffer, kept):
    size = len(buffer)
    batch = buffer.get(np.arange(size))
    for place in range(size):
        number = len(kept) - 1 - (len(kept) - 1 - place) % buffer.capacity
        assert_array_equal(batch.observations[place], kept[number][0])
        assert_array_equal(batch.next_observations[place], kept[number][1])


@given(
    st.sampled_from([1, 2, 3, 4, 5]), st.booleans(), st.sampled_from(["repeat", "zero"]), st.integers(1, 50),
    st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60)
def test_stacks_are_rebuilt(stack, last, start, capacity, seed):
    game = Game(np.random.default_rng(seed), stack=stack, last=last, start=start)
    shape = game.reset().shape
    buffer = rl.ReplayBuffer(capacity, Box(shape, np.uint8), ACTIONS, stack_axis=-1 if last else 0)
    check(buffer, play(buffer, game, 70, terminated=0.1, truncated=0.1))


@pytest.mark.parametrize("start", ["repeat", "zero"])
@pytest.mark.parametrize("last", [False, True])
def test_each_frame_is_kept_once(last, start):
    game = Game(np.random.default_rng(0), shape=(40, 40), last=last, start=start)
    capacity, frame = 300, 1600
    buffer = rl.ReplayBuffer(capacity, Box(game.reset().shape, np.uint8), ACTIONS)
    play(buffer, game, 700, terminated=0.01, truncated=0.01)
    episodes = 1 + 0.03 * capacity
    assert buffer.nbytes < (capacity + 4 * episodes) * (frame + 4) + capacity * 40
    assert buffer.nbytes < capacity * 8 * frame / 6  # an eighth, but for the starts of episodes


def test_stacks_of_several_environments_and_steps():
    """Right at time limits: the true final frames are not those of the next episode."""
    games = [Game(np.random.default_rng(e), start="zero") for e in range(3)]
    obs = np.array([game.reset() for game in games])
    buffer = rl.ReplayBuffer(64, Box(obs.shape[1:], np.uint8), ACTIONS, n_steps=3, gamma=0.5)
    kept = []
    rng = np.random.default_rng(9)
    for _ in range(50):
        after = np.array([game.step() for game in games])
        truncated = rng.random(3) < 0.2
        buffer.add(obs, [0, 1, 2], np.full(3, 1.0), after, np.zeros(3, bool), truncated)
        kept.append((obs, after, truncated))
        obs = np.array([games[e].reset() if truncated[e] else after[e] for e in range(3)])
    batch = buffer.get(np.arange(64))
    for place in range(64):
        number = 149 - (149 - place) % 64
        t, e = divmod(number, 3)
        last = t
        while last < t + 2 and last < 49 and not kept[last][2][e]:
            last += 1
        assert_array_equal(batch.observations[place], kept[t][0][e])
        assert_array_equal(batch.next_observations[place], kept[last][1][e])
        assert batch.discounts[place] == 0.5 ** (last - t + 1)


def test_images_that_do_not_follow_each_other_are_right_as_well():
    rng = np.random.default_rng(0)
    space = Box((4, 20, 20), np.uint8)
    buffer = rl.ReplayBuffer(20, space, ACTIONS)
    kept = []
    for _ in range(50):
        pair = rng.integers(0, 3, (2, *space.shape), np.uint8)
        pair[1, :3] = pair[0, rng.integers(0, 4, 3)]  # frames that come from odd places
        buffer.add(pair[0], 0, 0.0, pair[1], False, False)
        kept.append((pair[0], pair[1]))
    check(buffer, kept)


def test_frames_are_given_back():
    game = Game(np.random.default_rng(0), shape=(40, 40))
    buffer = rl.ReplayBuffer(50, Box(game.reset().shape, np.uint8), ACTIONS)
    play(buffer, game, 500)
    once = buffer.nbytes
    play(buffer, game, 5000)
    assert buffer.nbytes < 1.5 * once


def test_which_axis_is_a_stack():
    frames = lambda shape, dtype=np.uint8, **more: rl.ReplayBuffer(9, Box(shape, dtype), ACTIONS, **more)  # noqa: E731
    parts = lambda buffer: sum(name.startswith("frames") for name in buffer._core.state())  # noqa: E731
    for shape in ((4, 84, 84), (84, 84, 4), (4, 84, 84, 3), (2, 9, 9), (84, 84, 2)):
        assert parts(frames(shape)) == 1
        assert parts(frames(shape, stack_axis=None)) == 0
    for shape in ((84, 84, 3), (84, 84), (6, 6, 6)):
        assert parts(frames(shape)) == 0
    assert parts(frames((4, 84, 84), np.float32)) == 0
    assert parts(frames((4, 10), np.float32, stack_axis=0)) == 1
    for axis in (1, "first", True, 2.5):
        with pytest.raises(ValueError, match="stack_axis must be"):
            frames((4, 8, 8), stack_axis=axis)
    with pytest.raises(ValueError, match="stack_axis must be 0 for observations of float32"):
        frames((8, 4), np.float32, stack_axis=-1)
    with pytest.raises(ValueError, match="stack_axis must name an axis of 1 to 64 frames"):
        frames((65, 8, 8), stack_axis=0)


def test_stacks_of_numbers_of_more_than_a_byte():
    game = Game(np.random.default_rng(0))
    buffer = rl.ReplayBuffer(20, Box((4, 6, 7)), ACTIONS, stack_axis=0)
    kept, obs = [], game.reset()
    for t in range(40):
        after = game.step()
        buffer.add(obs.astype(np.float32) / 7, 0, 0.0, after.astype(np.float32) / 7, False, t % 9 == 8)
        kept.append((obs.astype(np.float32) / 7, after.astype(np.float32) / 7))
        obs = after if t % 9 != 8 else game.reset()
    check(buffer, kept)


@pytest.mark.parametrize("mapped", [False, True])
def test_saved_frames_go_on(mapped, tmp_path):
    space = Dict({"image": Box((4, 12, 12), np.uint8), "speed": Box((1,))})
    folder = tmp_path / "folder" if mapped else None
    buffer = rl.PrioritizedReplayBuffer(40, space, ACTIONS, 2, seed=1, mmap=folder)

    def go(buffer, seed, steps):
        game, drawn = Game(np.random.default_rng(seed), shape=(12, 12)), []
        obs = {"image": game.reset(), "speed": np.zeros(1, np.float32)}
        for t in range(steps):
            after = {"image": game.step(), "speed": np.full(1, t, np.float32)}
            end = bool(game.rng.random() < 0.1)
            buffer.add(obs, 1, 0.0, after, False, end)
            obs = {"image": game.reset(), "speed": np.zeros(1, np.float32)} if end else after
            drawn.append(buffer.sample(4))
        return drawn

    go(buffer, 0, 100)
    buffer.save(tmp_path / "buffer")
    other = rl.PrioritizedReplayBuffer.load(tmp_path / "buffer", mmap=folder)
    assert other.nbytes == buffer.nbytes
    for one, two in zip(go(buffer, 3, 100), go(other, 3, 100), strict=True):
        assert_array_equal(one.indices, two.indices)
        for key in space.spaces:
            assert_array_equal(one.observations[key], two.observations[key])
            assert_array_equal(one.next_observations[key], two.next_observations[key])
    assert other.nbytes == buffer.nbytes


def test_a_second_thread_is_refused_or_waits():
    game = Game(np.random.default_rng(0), shape=(60, 60))
    buffer = rl.PrioritizedReplayBuffer(100, Box(game.reset().shape, np.uint8), ACTIONS)
    play(buffer, game, 100)
    failures = []

    def work(seed):
        own = Game(np.random.default_rng(seed), shape=(60, 60))
        for _ in range(20):
            try:
                buffer.sample(64)
                play(buffer, own, 1, environment=seed)
            except RuntimeError as error:
                if "the replay buffer is in use by another thread" not in str(error):
                    failures.append(error)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    assert len(buffer.sample(10).indices) == 10
