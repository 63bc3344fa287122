"""DQN on Gymnasium's CartPole against CleanRL's loop and stable-baselines3: steps of the environment per second.

    python bench/peers/dqn.py [--quick] [--threads 1 2] [--settings cleanrl zoo]

cleanrl: the setting of CleanRL's dqn.py (120-84, batch 128, an update every 10 steps, MSE, no clipping). Its loop is
written anew here, with PyTorch and the same buffer and vector environment, without a writer and without prints; so is
that of dqn_jax.py. zoo: rl-baselines3-zoo's setting (256-256, batch 64, 128 updates every 256 steps, Huber's loss,
clipping at 10), run by stable-baselines3 itself, and by SBX, which clips nothing. What needs JAX (jax, optax, sbx-rl)
is left out where that is not installed. nncore has the same losses and clipping, neither double nor priorities; beside
it the same setting with both, and learning asynchronously, which takes a second core. Learning has begun before
anything is timed, and exploration is at its end. The environment alone is stepped by random actions: no program can be
faster.

One update of each is compared with PyTorch's in tests/rl/test_dqn_twin.py, and what is learnt in bench/peers/agents.py.
A ratio is the peer's time over nncore's, the median of the rounds and their quartiles.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
from collections.abc import Callable
from typing import Any

import dqn_loop
import harness
import numpy as np

torch: Any = harness.peer("torch")
gymnasium: Any = harness.peer("gymnasium")
sb3: Any = harness.peer("stable_baselines3")

from nncore import rl  # noqa: E402

SETTINGS: dict[str, dict[str, Any]] = {
    "cleanrl": {
        "hidden": (120, 84), "learning_rate": 2.5e-4, "buffer_size": 10_000, "learning_starts": 10_000,
        "batch_size": 128, "train_freq": 10, "gradient_steps": 1, "target_update_interval": 500,
        "exploration_final_eps": 0.05, "loss": "mse", "max_grad_norm": None,
    },
    "zoo": {
        "hidden": (256, 256), "learning_rate": 2.3e-3, "buffer_size": 100_000, "learning_starts": 1_000,
        "batch_size": 64, "train_freq": 256, "gradient_steps": 128, "target_update_interval": 10,
        "exploration_final_eps": 0.04, "loss": "huber", "max_grad_norm": 10,
    },
}  # fmt: skip
PEERS = {"cleanrl": "CleanRL's loop", "zoo": "stable-baselines3"}
IN_JAX = {"cleanrl": "CleanRL's loop in JAX", "zoo": "SBX"}
HEADER = ["setting", "threads", "program", "steps/s", "µs a step", "PyTorch's / this", "JAX's / this"]
WIDTHS = [8, 7, 30, 9, 9, 24, 24]


class Ours:
    """nncore's agent, which goes on learning with each call."""

    def __init__(self, setting: dict[str, Any], steps: int, **changes: Any) -> None:
        given = {"double": False, "prioritized": False, "exploration_fraction": 0.0, **setting, **changes}
        self.agent = rl.DQN("CartPole-v1", seed=1, **given)
        self.agent.learn(setting["learning_starts"] + 1)
        self.steps = steps

    def __call__(self) -> None:
        self.agent.learn(self.steps, reset_num_timesteps=False, log_interval=None)


class StableBaselines:
    """stable-baselines3's agent."""

    def __init__(self, setting: dict[str, Any], steps: int) -> None:
        names = ("learning_rate", "buffer_size", "learning_starts", "batch_size", "train_freq", "gradient_steps",
                 "target_update_interval", "exploration_final_eps", "max_grad_norm")  # fmt: skip
        given = {name: setting[name] for name in names}
        policy = {"net_arch": list(setting["hidden"])}
        self.model = sb3.DQN("MlpPolicy", "CartPole-v1", policy_kwargs=policy, exploration_fraction=1e-6, seed=1,
                             device="cpu", **given)  # fmt: skip
        self.model.learn(setting["learning_starts"] + 1)
        self.steps = steps

    def __call__(self) -> None:
        self.model.learn(self.steps, reset_num_timesteps=False)


class CleanLoop(dqn_loop.CleanLoop):
    """CleanRL's dqn.py, with PyTorch."""

    def set_up(self) -> None:
        self.online, self.target = self.network(), self.network()
        self.copy_target()
        self.optimizer = torch.optim.Adam(self.online.parameters(), lr=self.setting["learning_rate"])

    def network(self) -> Any:
        layers: list[Any] = []
        for before, after in itertools.pairwise(self.widths):
            layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])

    def greedy(self) -> Any:
        return torch.argmax(self.online(torch.Tensor(self.observations)), dim=1).numpy()

    def copy_target(self) -> None:
        for kept, new in zip(self.target.parameters(), self.online.parameters(), strict=True):
            kept.data.copy_(new.data)

    def train(self) -> None:
        data = self.buffer.sample(self.setting["batch_size"])
        with torch.no_grad():
            best, _ = self.target(data.next_observations).max(dim=1)
            aims = data.rewards.flatten() + 0.99 * best * (1 - data.dones.flatten())
        values = self.online(data.observations).gather(1, data.actions).squeeze()
        loss = torch.nn.functional.mse_loss(aims, values)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def environment_alone(steps: int) -> Callable[[], None]:
    env = gymnasium.make("CartPole-v1")
    env.reset(seed=1)
    actions = np.random.default_rng(0).integers(0, 2, steps).tolist()

    def call() -> None:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return call


def compare(options: argparse.Namespace, threads: int, name: str) -> None:
    setting = SETTINGS[name]
    steps = setting["train_freq"] * (2 if name == "zoo" else 100)
    peer = PEERS[name]
    candidates: dict[str, Callable[[], Any]] = {
        peer: (CleanLoop if name == "cleanrl" else StableBaselines)(setting, steps),
        **in_jax(name, setting, steps),
        "nncore": Ours(setting, steps),
        "nncore, double and priorities": Ours(setting, steps, double=True, prioritized=True),
        "environment alone": environment_alone(steps),
    }
    if threads > 1:
        candidates["nncore, asynchronous"] = Ours(setting, steps, asynchronous=True)
    timing = harness.measure(candidates, options.rounds, 0.0)
    for program in candidates:
        seconds = timing.median(program) / steps
        peers = [name for name in (peer, IN_JAX[name]) if name in candidates]
        ratios = [harness.ratio_text(timing.ratio(peer, program)) for peer in peers]
        cells = [name, str(threads), program, f"{1 / seconds:,.0f}", harness.microseconds(seconds), *ratios]
        harness.print_row(cells, WIDTHS[: len(cells)])


def in_jax(name: str, setting: dict[str, Any], steps: int) -> dict[str, Callable[[], Any]]:
    """The peer that computes in JAX, where what it needs is installed."""
    missing = [package for package in ("jax", "optax", "sbx") if importlib.util.find_spec(package) is None]
    if missing:
        print(f"{IN_JAX[name]}: skipped, not installed: {', '.join(missing)}")
        return {}
    import dqn_jax

    return {IN_JAX[name]: (dqn_jax.CleanLoop if name == "cleanrl" else dqn_jax.Sbx)(setting, steps)}


def main(options: argparse.Namespace, threads: int) -> None:
    torch.set_num_threads(threads)
    harness.headline(
        threads, PyTorch=torch.__version__, Gymnasium=gymnasium.__version__, **{"stable-baselines3": sb3.__version__}
    )
    harness.print_row(HEADER, WIDTHS)
    for name in options.settings:
        compare(options, threads, name)


if __name__ == "__main__":
    made = harness.parser(__doc__)
    made.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS), help="default: both")
    harness.run(main, made.parse_args())
