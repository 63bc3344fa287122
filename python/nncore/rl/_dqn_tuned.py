"""Settings of DQN that are known to learn an environment: those of rl-baselines3-zoo, under nncore's names."""

from __future__ import annotations

from typing import Any

_LANDING: dict[str, Any] = {
    "hidden": (256, 256),
    "learning_rate": 6.3e-4,
    "batch_size": 128,
    "buffer_size": 50_000,
    "learning_starts": 0,
    "target_update_interval": 250,
    "train_freq": 4,
    "gradient_steps": -1,
    "exploration_fraction": 0.12,
    "exploration_final_eps": 0.1,
}

_TUNED: dict[str, dict[str, Any]] = {
    "CartPole": {
        "hidden": (256, 256),
        "learning_rate": 2.3e-3,
        "batch_size": 64,
        "buffer_size": 100_000,
        "learning_starts": 1_000,
        "target_update_interval": 10,
        "train_freq": 256,
        "gradient_steps": 128,
        "exploration_fraction": 0.16,
        "exploration_final_eps": 0.04,
    },
    "MountainCar": {
        "hidden": (256, 256),
        "learning_rate": 4e-3,
        "batch_size": 128,
        "buffer_size": 10_000,
        "learning_starts": 1_000,
        "gamma": 0.98,
        "target_update_interval": 600,
        "train_freq": 16,
        "gradient_steps": 8,
        "exploration_fraction": 0.2,
        "exploration_final_eps": 0.07,
    },
    "Acrobot": _LANDING,
    "LunarLander": _LANDING,
}


def tuned(env_id: str) -> dict[str, Any]:
    """Settings for an environment, whatever its version; none where none are known."""
    return dict(_TUNED.get(env_id.rpartition("/")[2].partition("-")[0], {}))
