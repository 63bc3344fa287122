"""``nncore agent``: trains an agent in a Gymnasium environment."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MOST_STEPS = 10_000  # of an episode: not all environments end theirs
ALGORITHMS = ("dqn", "reinforce", "hill-climbing", "q-learning")


def add_to(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "agent",
        help="train an agent in a Gymnasium environment",
        description="Train an agent in a Gymnasium environment, and say what its greedy policy then reaches. Ctrl-C "
        "ends the training early and keeps the agent.",
    )
    parser.add_argument("env_id", metavar="ENV_ID", help="such as CartPole-v1")
    parser.add_argument("--algorithm", choices=ALGORITHMS, default="dqn", help="default: dqn")
    parser.add_argument("--total-timesteps", type=int, default=50_000, metavar="N", help="default: 50000")
    parser.add_argument("-o", "--output", metavar="FILE", help="save the agent here (safetensors)")
    parser.add_argument("--episodes", type=int, default=20, metavar="N", help="to evaluate it in (default: 20)")
    parser.add_argument("--buffer-size", type=int, metavar="N", help="transitions that dqn keeps (default: DQN's)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes of hill-climbing (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train, evaluate, and save if asked."""
    from nncore.cli.files import check_writable

    for name in ("total_timesteps", "episodes", "workers", "buffer_size"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, but is {getattr(arguments, name)}")
    if arguments.buffer_size is not None and arguments.algorithm != "dqn":
        raise ValueError("--buffer-size is for --algorithm dqn alone")
    if arguments.output:
        check_writable(Path(arguments.output))
    env = _made(arguments.env_id)
    try:
        agent, evaluate = _agent(arguments, env)
        bar = sys.stderr.isatty()
        started = time.perf_counter()
        try:
            if arguments.algorithm == "q-learning":
                agent.learn(env, arguments.total_timesteps, seed=arguments.seed, progress_bar=bar)
            else:
                agent.learn(arguments.total_timesteps, progress_bar=bar)
        except KeyboardInterrupt:
            print("\nstopped: the agent is kept as it is", file=sys.stderr)
        seconds = time.perf_counter() - started
        if arguments.output:
            agent.save(arguments.output)
        print(f"{agent.num_timesteps:,} steps in {seconds:.1f} s, {agent.num_timesteps / seconds:,.0f} a second")
        mean, deviation = evaluate(arguments.episodes)
        print(f"return of {arguments.episodes} greedy episodes: {mean:.1f} ± {deviation:.1f}")
        if arguments.output:
            print(f"wrote {arguments.output}")
    finally:
        env.close()


def _made(env_id: str) -> Any:
    """The environment; what Gymnasium does not know is a ValueError."""
    from nncore.rl._tabular_spaces import gymnasium

    package = gymnasium()
    if env_id.startswith("ALE/"):
        with contextlib.suppress(ImportError):  # which registers its environments, where it is there
            importlib.import_module("ale_py")
    try:
        return package.make(env_id)
    except package.error.Error as error:
        raise ValueError(f"{env_id}: {error}") from None


def _agent(arguments: argparse.Namespace, env: Any) -> tuple[Any, Callable[[int], tuple[float, float]]]:
    """An agent, and a function that evaluates it."""
    from nncore import rl
    from nncore.rl._dqn_tuned import tuned

    try:
        if arguments.algorithm == "q-learning":
            table = rl.QLearning.for_env(env)
            return table, lambda episodes: table.evaluate(env, episodes, seed=arguments.seed)
        if arguments.algorithm == "hill-climbing":
            limit = {"max_episode_steps": MOST_STEPS, "workers": arguments.workers}
            climber = rl.HillClimbing(env, seed=arguments.seed, **limit)
            return climber, lambda episodes: climber.evaluate(episodes, seed=arguments.seed)
        made: Any
        if arguments.algorithm == "dqn":
            settings = tuned(arguments.env_id)
            if arguments.buffer_size is not None:
                settings = {**settings, "buffer_size": arguments.buffer_size}
            made = rl.DQN(env, seed=arguments.seed, **settings)
        else:
            made = rl.REINFORCE(env, optimizer="adam", learning_rate=0.01, seed=arguments.seed)
        return made, lambda episodes: made.evaluate(episodes, max_episode_steps=MOST_STEPS)
    except TypeError as error:  # spaces that the algorithm cannot use
        raise ValueError(f"{arguments.env_id}: {error}") from None
