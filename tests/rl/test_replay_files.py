from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from nncore import rl
from nncore._files import read_safetensors, write_safetensors

from .contents import assert_same, contents
from .spaces import Box, Discrete

FLAT, ACTIONS = Box((2,)), Discrete(5)


BUFFERS = {
    "uniform": lambda **more: rl.ReplayBuffer(30, FLAT, ACTIONS, 3, 0.9, seed=5, **more),
    "proportional": lambda **more: rl.PrioritizedReplayBuffer(30, FLAT, ACTIONS, 3, 0.9, seed=5, **more),
    "rank": lambda **more: rl.PrioritizedReplayBuffer(30, FLAT, ACTIONS, 3, 0.9, kind="rank", seed=5, **more),
}


def train(buffer, rng, steps):
    """Some of everything; returns all that was drawn."""
    drawn = []
    for _ in range(steps):
        obs = rng.random((2, 2), np.float32)
        buffer.add(obs, [1, 2], rng.random(2), obs + 1, rng.random(2) < 0.2, rng.random(2) < 0.2)
        buffer.add(obs + 1, [1, 2], rng.random(2), obs + 2, [False, False], [False, False])
        drawn.append(buffer.sample(8, 0.5))
        buffer.update_priorities(drawn[-1].indices, rng.normal(size=8))
    return drawn


@pytest.mark.parametrize("kind", BUFFERS)
@pytest.mark.parametrize("steps", [0, 3, 40])
def test_a_loaded_buffer_goes_on_as_the_saved_one(kind, steps, tmp_path):
    buffer = BUFFERS[kind]()
    train(buffer, np.random.default_rng(0), steps)
    buffer.save(tmp_path / "buffer")
    loaded = type(buffer).load(tmp_path / "buffer")
    into = BUFFERS[kind](mmap=tmp_path / "folder")
    train(into, np.random.default_rng(7), 5)
    assert into.load(tmp_path / "buffer") is into
    pickled, copied = pickle.loads(pickle.dumps(buffer)), copy.deepcopy(buffer)
    expected = train(buffer, np.random.default_rng(1), 30)
    for other in (loaded, into, pickled, copied):
        assert repr(other) == repr(other) and other.capacity == 30 and other.n_steps == 3 and other.gamma == 0.9
        for one, two in zip(expected, train(other, np.random.default_rng(1), 30), strict=True):
            assert_same(one, two)
        assert_same(contents(buffer), contents(other))
    loaded.save(tmp_path / "again")
    buffer.save(tmp_path / "buffer")


def test_the_same_buffer_gives_the_same_file(tmp_path):
    buffer = BUFFERS["rank"]()
    train(buffer, np.random.default_rng(0), 40)
    buffer.save(tmp_path / "one")
    rl.PrioritizedReplayBuffer.load(tmp_path / "one").save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_file_of_another_kind_is_refused(tmp_path):
    buffer = BUFFERS["uniform"]()
    buffer.save(tmp_path / "buffer")
    with pytest.raises(ValueError, match="holds a ReplayBuffer, not a PrioritizedReplayBuffer"):
        rl.PrioritizedReplayBuffer.load(tmp_path / "buffer")
    other = rl.ReplayBuffer(31, FLAT, ACTIONS, 3, 0.9)
    with pytest.raises(ValueError, match="cannot be loaded here: its capacity is 30, but this buffer has 31$"):
        other.load(tmp_path / "buffer")
    with pytest.raises(ValueError, match="cannot be loaded here: its observation space is"):
        rl.ReplayBuffer(30, Box((3,)), ACTIONS, 3, 0.9).load(tmp_path / "buffer")


@pytest.mark.parametrize("kind", BUFFERS)
def test_a_damaged_file_changes_nothing(kind, tmp_path):
    buffer = BUFFERS[kind]()
    train(buffer, np.random.default_rng(0), 20)
    buffer.save(tmp_path / "buffer")
    before, raw = contents(buffer), (tmp_path / "buffer").read_bytes()
    damaged = tmp_path / "damaged"
    for cut in (0, 7, 100, len(raw) // 2, len(raw) - 1):
        damaged.write_bytes(raw[:cut])
        with pytest.raises(ValueError, match="damaged"):
            buffer.load(damaged)
    flipped = bytearray(raw)
    flipped[-5] ^= 1
    damaged.write_bytes(flipped)
    with pytest.raises(ValueError, match="damaged"):
        type(buffer).load(damaged)
    assert_same(before, contents(buffer))


@pytest.mark.parametrize("kind", BUFFERS)
def test_a_file_that_was_meant_to_harm_is_refused(kind, tmp_path):
    """With a valid checksum: no link or number in it may lead outside the buffer."""
    buffer = BUFFERS[kind]()
    train(buffer, np.random.default_rng(0), 20)
    buffer.save(tmp_path / "buffer")
    before = contents(buffer)
    arrays, metadata = read_safetensors(tmp_path / "buffer")
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(150):
        changed = {name: array.copy() for name, array in arrays.items()}
        name = rng.choice([name for name in changed if changed[name].size])
        flat = changed[name].reshape(-1).view(np.uint8)
        flat[rng.integers(len(flat))] = rng.integers(256)
        if trial % 5 == 0:
            changed[name] = changed[name][:-1]
        if trial % 7 == 0:
            changed[name] = np.zeros_like(changed[name], np.float32)
        write_safetensors(tmp_path / "bad", changed, metadata)
        try:
            loaded = type(buffer).load(tmp_path / "bad")
        except ValueError as error:
            assert "bad" in str(error)
            refused += 1
            continue
        assert len(loaded) == 0 or set(contents(loaded).actions) <= set(range(5))
        train(loaded, np.random.default_rng(2), 5)
        contents(loaded)
    assert refused > 40
    assert_same(before, contents(buffer))


def test_mapped_buffers_hold_the_same(tmp_path):
    plain, mapped = BUFFERS["proportional"](), BUFFERS["proportional"](mmap=tmp_path / "new" / "folder")
    for one, two in zip(
        train(plain, np.random.default_rng(0), 30), train(mapped, np.random.default_rng(0), 30), strict=True
    ):
        assert_same(one, two)
    assert list((tmp_path / "new" / "folder").iterdir()) == []  # nothing to clean up
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        BUFFERS["uniform"](mmap=tmp_path / "file")


def test_a_full_disk_is_an_error_when_the_buffer_is_made(tmp_path):
    code = f"""
import resource
import numpy as np
from types import SimpleNamespace
from nncore import rl
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
box, actions = SimpleNamespace(shape=(4,), dtype=np.float32), SimpleNamespace(n=2)
rl.ReplayBuffer(1000, box, actions, mmap={str(tmp_path)!r})
try:
    rl.ReplayBuffer(100_000, box, actions, mmap={str(tmp_path)!r})
except OSError as error:
    assert "replay buffer" in str(error)
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
