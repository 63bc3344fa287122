"""Replay buffers against cpprb, and their memory for stacked frames against stable-baselines3.

python bench/peers/replay.py [--quick] [--threads 1] [--capacities 100000 1000000] [--frames 20000]

Prioritised buffers hold transitions of 4 float32, one action, reward and end, full and with the same priorities in both
libraries (α = 0.6); a sample includes its data and weights (β = 0.4), an update gets indices and TD errors as they come
from a network, float32. One transition is added at a time, as from an environment. cpprb is used in its default way,
with a next_obs of its own. Images are stacks of four frames of 84×84: cpprb's buffer keeps both of its stacks whole,
which is its fastest, its memory is shown with `next_of` and `stack_compress` as well.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import harness
import numpy as np

cpprb: Any = harness.peer("cpprb")

from nncore import rl  # noqa: E402

BATCHES = (32, 64, 256)
ALPHA, BETA = 0.6, 0.4
ACTIONS = SimpleNamespace(n=2)
FRAME = 84
NAMES = ("cpprb", "nncore")


def box(*shape: int, dtype: Any = np.float32) -> Any:
    return SimpleNamespace(shape=shape, dtype=dtype)


def fields(*shape: int, dtype: Any = np.float32) -> dict[str, Any]:
    observation = {"shape": shape, "dtype": dtype}
    single = {"rew": {}, "done": {}, "act": {"dtype": np.int64}}
    return {"obs": observation, "next_obs": observation, **single}


def filled(capacity: int) -> dict[str, Any]:
    """Both buffers with the same transitions and priorities."""
    rng = np.random.default_rng(0)
    ours = rl.PrioritizedReplayBuffer(capacity, box(4), ACTIONS, alpha=ALPHA, seed=0)
    theirs = cpprb.PrioritizedReplayBuffer(capacity, fields(4), alpha=ALPHA, eps=1e-6)
    count = 10_000
    for start in range(0, capacity, count):
        states = rng.normal(size=(min(count, capacity - start) + 1, 4)).astype(np.float32)
        obs, after, n = states[:-1], states[1:], len(states) - 1
        acts, rewards, done = rng.integers(0, 2, n), rng.normal(size=n), np.zeros(n, bool)
        ours.add(obs, acts, rewards, after, done, done, environments=np.zeros(n, int))
        theirs.add(obs=obs, act=acts, rew=rewards, next_obs=after, done=done)
        errors = rng.exponential(size=n).astype(np.float32)
        ours.update_priorities(np.arange(start, start + n), errors)
        theirs.update_priorities(np.arange(start, start + n), errors)
    return {"cpprb": theirs, "nncore": ours}


def check(buffers: dict[str, Any]) -> None:
    """End the run unless the same places hold the same transitions, and the same weights are due to them."""
    theirs = buffers["cpprb"].sample(4096, beta=BETA)
    ours = buffers["nncore"].get(theirs["indexes"])
    for mine, their in (("observations", "obs"), ("next_observations", "next_obs"), ("rewards", "rew")):
        harness.check_equal(mine, getattr(ours, mine).reshape(4096, -1), theirs[their].reshape(4096, -1), 1e-6)
    priorities = buffers["nncore"].priorities
    weights = (priorities[theirs["indexes"]] / priorities.min()) ** -BETA
    harness.check_equal("weights", weights, theirs["weights"].reshape(-1), 1e-3)  # cpprb's are of float32
    shares = {
        "nncore": priorities[buffers["nncore"].sample(4096).indices].mean(),
        "cpprb": priorities[theirs["indexes"]].mean(),
    }
    harness.check_equal("the mean priority of what is drawn", shares["nncore"], shares["cpprb"], 0.05)


def compare(options: argparse.Namespace, capacity: int) -> list[list[str]]:
    buffers = filled(capacity)
    check(buffers)
    ours, theirs = buffers["nncore"], buffers["cpprb"]
    uniform = rl.ReplayBuffer(capacity, box(4), ACTIONS, seed=0)
    copy(ours, uniform)
    rank = rl.PrioritizedReplayBuffer(capacity, box(4), ACTIONS, alpha=ALPHA, kind="rank", seed=0)
    copy(ours, rank)
    rng = np.random.default_rng(1)
    rank.update_priorities(np.arange(capacity), rng.exponential(size=capacity))
    rows = []
    for batch in BATCHES:
        calls = {
            "cpprb": lambda batch=batch: theirs.sample(batch, beta=BETA),
            "nncore": lambda batch=batch: ours.sample(batch, BETA),
            "uniform": lambda batch=batch: uniform.sample(batch),
            "rank": lambda batch=batch: rank.sample(batch, BETA),
            "indices": lambda batch=batch: ours.sample_indices(batch, BETA),
        }
        rows.append(row(f"sample {batch}", harness.measure(calls, options.rounds, 0.1)))
    for batch in BATCHES:
        drawn = [ours.sample_indices(batch)[0] for _ in range(64)]
        errors = [rng.exponential(size=batch).astype(np.float32) for _ in drawn]
        turn = dict.fromkeys(("cpprb", "nncore", "rank"), 0)

        def update(name: str, buffer: Any, drawn: Any = drawn, errors: Any = errors, turn: Any = turn) -> None:
            turn[name] = k = (turn[name] + 1) % 64
            buffer.update_priorities(drawn[k], errors[k])

        calls = {
            "cpprb": lambda update=update: update("cpprb", theirs),
            "nncore": lambda update=update: update("nncore", ours),
            "rank": lambda update=update: update("rank", rank),
        }
        rows.append(row(f"update {batch}", harness.measure(calls, options.rounds, 0.1)))
    states = rng.normal(size=(2, 4)).astype(np.float32)
    obs, after = states
    calls = {
        "cpprb": lambda: theirs.add(obs=obs, act=1, rew=1.0, next_obs=after, done=False),
        "nncore": lambda: ours.add(obs, 1, 1.0, after, False, False),
        "uniform": lambda: uniform.add(obs, 1, 1.0, after, False, False),
        "rank": lambda: rank.add(obs, 1, 1.0, after, False, False),
    }
    rows.append(row("add one, steps unrelated", harness.measure(calls, options.rounds, 0.1)))
    calls = {
        "cpprb": lambda: theirs.add(obs=obs, act=1, rew=1.0, next_obs=obs, done=False),
        "nncore": lambda: ours.add(obs, 1, 1.0, obs, False, False),
        "uniform": lambda: uniform.add(obs, 1, 1.0, obs, False, False),
        "rank": lambda: rank.add(obs, 1, 1.0, obs, False, False),
    }
    rows.append(row("add one, steps in a row", harness.measure(calls, options.rounds, 0.1)))
    return [[f"{capacity:,}", *cells] for cells in rows]


def copy(source: Any, target: Any) -> None:
    n = len(source)
    for start in range(0, n, 10_000):
        batch = source.get(np.arange(start, min(start + 10_000, n)))
        ends = np.zeros(len(batch.rewards), bool)
        target.add(*batch[:4], batch.terminated, ends, environments=np.zeros(len(ends), int))


def row(name: str, timing: harness.Timing) -> list[str]:
    cells = [
        harness.microseconds(timing.median(which)) if which in timing.seconds else "-"
        for which in ("cpprb", "nncore", "uniform", "rank", "indices")
    ]
    return [name, *cells, harness.ratio_text(timing.ratio("cpprb", "nncore"))]


HEADER = ["capacity", "us per call", "cpprb", "nncore", "uniform", "by rank", "indices", "cpprb / nncore"]


EPISODE = 500
FILM = np.ones((EPISODE + 4, FRAME, FRAME), np.uint8)  # of one episode; made once, so that no memory comes and goes


def fill_images(buffer: Any, name: str, capacity: int) -> None:
    """Episodes of stacked noise, the first axis being the stack."""
    rng = np.random.default_rng(0)
    for start in range(0, capacity, EPISODE):
        film = FILM[: min(EPISODE, capacity - start) + 4]
        for frame in film:
            frame[:] = rng.integers(0, 256, frame.shape, np.uint8)
        for t in range(len(film) - 4):
            obs, after, last = film[t : t + 4], film[t + 1 : t + 5], t == len(film) - 5
            if name == "nncore":
                buffer.add(obs, 0, 0.0, after, False, last)
            elif name == "stable-baselines3":
                buffer.add(obs[None], after[None], np.zeros((1, 1)), np.zeros(1), np.array([last]), [{}])
            else:
                if name == "cpprb, compressed":  # it stacks along the last axis
                    obs, after = np.moveaxis(obs, 0, -1), np.moveaxis(after, 0, -1)
                buffer.add(obs=obs, act=0, rew=0.0, next_obs=after, done=False)
                if last:
                    buffer.on_episode_end()


def compare_images(options: argparse.Namespace) -> list[list[str]]:
    capacity = options.frames
    space = box(4, FRAME, FRAME, dtype=np.uint8)
    buffers = {
        "cpprb": cpprb.PrioritizedReplayBuffer(capacity, fields(4, FRAME, FRAME, dtype=np.uint8), alpha=ALPHA),
        "nncore": rl.PrioritizedReplayBuffer(capacity, space, ACTIONS, alpha=ALPHA, seed=0),
    }
    for name, buffer in buffers.items():
        fill_images(buffer, name, capacity)
    rows = []
    for batch in BATCHES:
        calls = {
            "cpprb": lambda batch=batch: buffers["cpprb"].sample(batch, beta=BETA),
            "nncore": lambda batch=batch: buffers["nncore"].sample(batch, BETA),
        }
        rows.append([f"{capacity:,} images", *row(f"sample {batch}", harness.measure(calls, options.rounds, 0.3))])
    return rows


def resident() -> int:
    """Bytes of this process that stand in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def child_memory(name: str, capacity: int) -> None:
    """Print the bytes per transition that filling a buffer of images adds."""
    space = box(4, FRAME, FRAME, dtype=np.uint8)
    whole = fields(4, FRAME, FRAME, dtype=np.uint8)
    stacked_last = {**whole, "obs": {"shape": (FRAME, FRAME, 4), "dtype": np.uint8}}
    del stacked_last["next_obs"]

    def make(size: int) -> Any:
        if name == "nncore":
            return rl.ReplayBuffer(size, space, ACTIONS)
        if name == "cpprb":
            return cpprb.ReplayBuffer(size, whole)
        if name == "cpprb, compressed":
            return cpprb.ReplayBuffer(size, stacked_last, next_of="obs", stack_compress="obs")
        buffers: Any = harness.peer("stable_baselines3.common.buffers", "stable-baselines3")
        spaces: Any = harness.peer("gymnasium.spaces", "gymnasium")
        return buffers.ReplayBuffer(size, spaces.Box(0, 255, space.shape, np.uint8), spaces.Discrete(2), device="cpu")

    fill_images(make(8), name, 8)  # loads what is loaded on first use
    before = resident()
    buffer = make(capacity)
    fill_images(buffer, name, capacity)
    print((resident() - before) / capacity)


def memory(options: argparse.Namespace) -> None:
    rows, bytes_of = [], {}
    for name in ("stable-baselines3", "cpprb", "cpprb, compressed", "nncore"):
        command = [sys.executable, __file__, "--memory-of", name, "--frames", str(min(options.frames, 10_000))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name}: skipped: {(done.stderr or done.stdout).strip().splitlines()[-1]}", flush=True)
            continue
        bytes_of[name] = float(done.stdout.split()[-1])
    for name, used in bytes_of.items():
        rows.append([name, f"{used:,.0f}", f"{used / bytes_of['nncore']:.2f}x"])
    harness.table(["84x84x4 images: memory", "bytes per transition", "of nncore's"], rows)


def main(options: argparse.Namespace, threads: int) -> None:
    harness.headline(threads, cpprb=importlib.metadata.version("cpprb"))
    rows = [line for capacity in options.capacities for line in compare(options, capacity)]
    harness.table(HEADER, rows + compare_images(options))
    memory(options)


if __name__ == "__main__":
    made = harness.parser(__doc__)
    made.set_defaults(threads=[1])
    made.add_argument("--capacities", type=int, nargs="+", help="of the buffers of vectors (default: 1e5 and 1e6)")
    made.add_argument("--frames", type=int, help="capacity of the buffers of images (default: 20,000, 1.1 GB)")
    made.add_argument("--memory-of", metavar="NAME", help=argparse.SUPPRESS)
    chosen = made.parse_args()
    chosen.capacities = chosen.capacities or ([100_000] if chosen.quick else [100_000, 1_000_000])
    chosen.frames = chosen.frames or (2_000 if chosen.quick else 20_000)
    if chosen.memory_of:
        child_memory(chosen.memory_of, chosen.frames)
    else:
        harness.run(main, chosen)
