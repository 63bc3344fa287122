"""REINFORCE on Atari's Pong: its speed against the emulator's alone, and a training with its curve.

    python bench/peers/pong.py [--threads 2] [--rounds 5] [--quick]
    python bench/peers/pong.py --hours 2 [--save pong.safetensors] [--picture pong.png]

Both step ale-py's AtariVectorEnv of 8 games. Alone it gets random actions; with the agent its steps, the preprocessing,
the network and the learning are in the time. A ratio is the rate with the agent over the rate alone.
"""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import harness
import numpy as np

from nncore import plot
from nncore.rl import REINFORCE

GAMES = 8


def environment(threads: int) -> Any:
    kind = harness.peer("ale_py.vector_env", "ale-py").AtariVectorEnv
    return kind("pong", GAMES, num_threads=threads, img_height=210, img_width=160, stack_num=1, maxpool=False)


def alone(env: Any, steps: int) -> None:
    rng = np.random.default_rng(0)
    for actions in rng.integers(2, 4, (steps // GAMES, GAMES)):
        env.step(actions)


def compare(threads: int, steps: int, rounds: int) -> None:
    env = environment(threads)
    env.reset(seed=0)
    agent = REINFORCE(environment(threads), preprocess="pong", seed=0)
    candidates = {
        "alone": lambda: alone(env, steps),
        "agent": lambda: agent.learn(steps, reset_num_timesteps=False),
    }
    timing = harness.measure(candidates, rounds, 0.0)
    rates = {name: steps / timing.median(name) for name in candidates}
    print(f"alone {rates['alone']:,.0f} steps/s, with the agent {rates['agent']:,.0f}", flush=True)
    print(f"rate with the agent / alone: {harness.ratio_text(timing.ratio('alone', 'agent'))}", flush=True)


def train(options: Namespace, threads: int) -> None:
    """Train for so many hours; a line each minute."""
    agent = REINFORCE(environment(threads), preprocess="pong", seed=options.seed)
    started = told = time.monotonic()

    def tell(*_: Any) -> bool:
        nonlocal told
        now = time.monotonic()
        if now - told > 60:
            told = now
            returns = agent.history_["return"]
            hours = (now - started) / 3600
            print(
                f"{hours:.2f} h, {agent.num_timesteps:,} steps, {len(returns):,} games, last 500: "
                f"{np.mean(returns[-500:]):.2f}",
                flush=True,
            )
            if options.save:
                agent.save(options.save)
        return now - started < 3600 * options.hours

    agent.learn(2**40, callback=tell)
    if options.save:
        agent.save(options.save)
    if options.picture:
        draw(agent, options.picture)


def draw(agent: REINFORCE, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    plot.returns(agent, figure.add_subplot(), window=50).set(ylim=(-21.5, 21.5))
    figure.savefig(path, dpi=130)


def main(options: Namespace, threads: int) -> None:
    harness.headline(threads, ale_py=harness.peer("ale_py", "ale-py").__version__)
    if options.hours:
        train(options, threads)
    else:
        compare(threads, 1600 if options.quick else 16_000, options.rounds)


if __name__ == "__main__":
    parser = harness.parser(__doc__)
    parser.add_argument("--hours", type=float, default=0.0, help="train for so long instead of timing")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.set_defaults(threads=[2])
    harness.run(main, parser.parse_args())
