"""What DQN learns, seed by seed: against stable-baselines3, and against figures of CleanRL's twin in JAX.

    python bench/peers/agents.py [PART ...] [--seeds 30] [--results agents.json] [--figure curves.png]

cartpole: rl-baselines3-zoo's setting, 50,000 steps, both programs and nncore's asynchronous learning, 30 seeds.
acrobot: the zoo's setting, 100,000 steps, nncore with the same rules, with double, and with its defaults (double,
priorities), 10 seeds. cleanrl: the setting of CleanRL's dqn.py, 500,000 steps of CartPole and Acrobot, with the same
rules and with double, 10 seeds. variants: CartPole at the zoo's setting with double, returns of 3 steps and priorities,
each and together, 10 seeds; `--figure` draws them.

Area is the mean over the steps of training of the return of the step's episode. "Greedy" is the mean return of 20
episodes after training, without exploration; "last 100" that of the last 100 episodes of training. Intervals are of the
bootstrap, 95 %. Each run has one thread; `--workers` run at once. `--results` keeps what was computed, and goes on
from it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import nncore
from nncore import rl
from nncore.rl._dqn_tuned import tuned

POINTS = 50  # of a learning curve
PLAIN = {"double": False, "prioritized": False}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "double": {"double": True, "prioritized": False},
    "3 steps": {**PLAIN, "n_steps": 3},
    "priorities": {"double": False, "prioritized": True},
    "priorities by rank": {"double": False, "prioritized": "rank"},
    "all": {"double": True, "prioritized": True, "n_steps": 3},
}
CLEANRL: dict[str, Any] = {
    "hidden": (120, 84), "learning_rate": 2.5e-4, "buffer_size": 10_000, "learning_starts": 10_000, "batch_size": 128,
    "train_freq": 10, "gradient_steps": 1, "target_update_interval": 500, "exploration_fraction": 0.5,
    "exploration_final_eps": 0.05, "loss": "mse", "max_grad_norm": None, **PLAIN,
}  # fmt: skip
# environment, steps, seeds, programs: settings of nncore's DQN, or "stable-baselines3"
PARTS: dict[str, tuple[str, int, int, dict[str, Any]]] = {
    "cartpole": (
        "CartPole-v1", 50_000, 30,
        {"nncore": PLAIN, "nncore asynchronous": {**PLAIN, "asynchronous": True},
         "stable-baselines3": "stable-baselines3"},
    ),
    "acrobot": (
        "Acrobot-v1", 100_000, 10,
        {"nncore": PLAIN, "nncore, double": VARIANTS["double"], "nncore's defaults": {}},
    ),
    "cleanrl-cartpole": (
        "CartPole-v1", 500_000, 10, {"nncore": CLEANRL, "nncore, double": {**CLEANRL, "double": True}},
    ),
    "cleanrl-acrobot": (
        "Acrobot-v1", 500_000, 10, {"nncore": CLEANRL, "nncore, double": {**CLEANRL, "double": True}},
    ),
    "variants": ("CartPole-v1", 50_000, 10, VARIANTS),
}  # fmt: skip


class Recorded(gymnasium.Wrapper):  # type: ignore[type-arg]
    """Keeps at which step each episode ended, and its return."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self.ends: list[int] = []
        self.returns: list[float] = []
        self._steps, self._return = 0, 0.0

    def reset(self, **options: Any) -> Any:
        self._return = 0.0
        return super().reset(**options)

    def step(self, action: Any) -> Any:
        result = super().step(action)
        self._steps += 1
        self._return += float(result[1])
        if result[2] or result[3]:
            self.ends.append(self._steps)
            self.returns.append(self._return)
        return result


def learnt(environment: Recorded, steps: int, setting: Any, name: str, seed: int) -> Any:
    """An agent, trained."""
    if setting == "stable-baselines3":
        import stable_baselines3
        import torch

        torch.set_num_threads(1)
        given = tuned(name)
        policy = {"net_arch": list(given.pop("hidden"))}
        agent = stable_baselines3.DQN("MlpPolicy", environment, policy_kwargs=policy, seed=seed, device="cpu", **given)
        return agent.learn(steps)
    nncore.set_num_threads(1)
    base = {} if setting is CLEANRL or "hidden" in setting else tuned(name)
    return rl.DQN(environment, seed=seed, **{**base, **setting}).learn(steps, log_interval=None)


def run(part: str, program: str, seed: int) -> dict[str, Any]:
    """Train one agent and measure it."""
    name, steps, _, programs = PARTS[part]
    environment = Recorded(gymnasium.make(name))
    agent = learnt(environment, steps, programs[program], name, seed)
    ends, returns = np.array(environment.ends), np.array(environment.returns)
    at_step = returns[np.minimum(np.searchsorted(ends, np.arange(steps), side="right"), len(returns) - 1)]
    curve = at_step.reshape(POINTS, -1).mean(axis=1)
    return {
        "area": float(at_step.mean()),
        "last 100": float(returns[-100:].mean()),
        "greedy": float(np.mean(greedy_returns(agent, name, seed))),
        "curve": [round(float(value), 2) for value in curve],
    }


def greedy_returns(agent: Any, name: str, seed: int) -> list[float]:
    environment = gymnasium.make(name)
    returns = []
    for episode in range(20):
        observation, _ = environment.reset(seed=1_000_000 + 20 * seed + episode)
        total, over = 0.0, False
        while not over:
            action, _ = agent.predict(observation, deterministic=True)
            observation, reward, terminated, truncated, _ = environment.step(int(action))
            total += float(reward)
            over = terminated or truncated
        returns.append(total)
    return returns


def interval(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """Of the difference of the means, relative to theirs: 95 %, by the bootstrap."""
    generator = np.random.default_rng(0)
    a, b = (np.array(x)[generator.integers(len(x), size=(10_000, len(x)))].mean(axis=1) for x in (ours, theirs))
    low, high = np.percentile((a - b) / np.mean(theirs), [2.5, 97.5])
    return float(low), float(high)


def report(part: str, results: dict[str, dict[str, dict[str, Any]]]) -> None:
    name, steps, *_ = PARTS[part]
    print(f"\n{part}: {name}, {steps:,} steps")
    print(f"{'program':22}{'seeds':>6}{'area':>9}{'last 100':>10}{'greedy: mean':>14}{'median':>8}{'least':>8}"
          f"{'>= 475':>8}  area against stable-baselines3")  # fmt: skip
    peer = [row["area"] for row in results.get("stable-baselines3", {}).values()]
    for program, rows in results.items():
        area, last, greedy = (np.array([row[key] for row in rows.values()]) for key in ("area", "last 100", "greedy"))
        line = (f"{program:22}{len(rows):6}{area.mean():9.1f}{last.mean():10.1f}{greedy.mean():14.1f}"
                f"{np.median(greedy):8.1f}{greedy.min():8.1f}")  # fmt: skip
        line += f"{np.mean(greedy >= 475):8.0%}" if name.startswith("CartPole") else f"{'':8}"
        if peer and program != "stable-baselines3":
            low, high = interval(list(area), peer)
            line += f"  {area.mean() / np.mean(peer) - 1:+.1%} ({low:+.1%} to {high:+.1%})"
        print(line)


def draw(path: Path, results: dict[str, dict[str, dict[str, Any]]]) -> None:
    """The learning curves of the variants: means of the seeds."""
    import matplotlib.pyplot as plt

    steps = PARTS["variants"][1]
    figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
    curves = {name: np.mean([row["curve"] for row in rows.values()], axis=0) for name, rows in results.items()}
    for name, curve in curves.items():
        ax.plot((np.arange(POINTS) + 0.5) * steps / POINTS, curve, label=name)
    seeds = min(len(rows) for rows in results.values())
    ax.set(xlabel="step of the environment", ylabel="return of the episode", title=f"CartPole, mean of {seeds} seeds")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--seeds", type=int, help="at most so many of each program")
    parser.add_argument("--workers", type=int, default=2, help="runs at once (default: 2)")
    parser.add_argument("--results", type=Path, help="a JSON file of what was computed")
    parser.add_argument("--figure", type=Path, help="where to draw the variants' curves")
    arguments = parser.parse_args()
    parts = arguments.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    file = arguments.results
    results: dict[str, Any] = json.loads(file.read_text()) if file and file.exists() else {}
    wanted = [
        (part, program, seed)
        for part in parts
        for seed in range(1, min(arguments.seeds or PARTS[part][2], PARTS[part][2]) + 1)
        for program in PARTS[part][3]
    ]
    missing = [key for key in wanted if str(key[2]) not in results.get(key[0], {}).get(key[1], {})]
    with ProcessPoolExecutor(arguments.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(run, *key): key for key in missing}
        for future in as_completed(futures):
            part, program, seed = futures[future]
            row = results.setdefault(part, {}).setdefault(program, {})[str(seed)] = future.result()
            print(f"{part}, {program}, seed {seed}: area {row['area']:.1f}, greedy {row['greedy']:.1f}", flush=True)
            if file:
                file.write_text(json.dumps(results))
    for part in parts:
        report(part, results[part])
    if arguments.figure and "variants" in results:
        draw(arguments.figure, results["variants"])


if __name__ == "__main__":
    main()
