"""Reinforcement learning: returns, planning on a known model, tables, networks, replay, environments."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nncore.rl._batch import Batch
    from nncore.rl.callbacks import Callback
    from nncore.rl.dqn import DQN
    from nncore.rl.environments import Environments, Steps, as_environments
    from nncore.rl.exploration import Boltzmann, EpsilonGreedy, ExponentialSchedule, LinearSchedule
    from nncore.rl.hill_climbing import HillClimbing
    from nncore.rl.mdp import MDP
    from nncore.rl.prioritized_replay import PrioritizedReplayBuffer
    from nncore.rl.q_learning import QLearning
    from nncore.rl.reinforce import REINFORCE
    from nncore.rl.replay import ReplayBuffer
    from nncore.rl.returns import average_return, discounted_return, finite_horizon_return
    from nncore.rl.sum_tree import SumTree
    from nncore.rl.td import TD0

__all__ = [
    "DQN",
    "MDP",
    "REINFORCE",
    "TD0",
    "Batch",
    "Boltzmann",
    "Callback",
    "Environments",
    "EpsilonGreedy",
    "ExponentialSchedule",
    "HillClimbing",
    "LinearSchedule",
    "PrioritizedReplayBuffer",
    "QLearning",
    "ReplayBuffer",
    "Steps",
    "SumTree",
    "as_environments",
    "average_return",
    "discounted_return",
    "finite_horizon_return",
]

_MODULES = {
    "Batch": "_batch",
    "Boltzmann": "exploration",
    "Callback": "callbacks",
    "DQN": "dqn",
    "Environments": "environments",
    "EpsilonGreedy": "exploration",
    "ExponentialSchedule": "exploration",
    "HillClimbing": "hill_climbing",
    "LinearSchedule": "exploration",
    "MDP": "mdp",
    "PrioritizedReplayBuffer": "prioritized_replay",
    "QLearning": "q_learning",
    "REINFORCE": "reinforce",
    "ReplayBuffer": "replay",
    "Steps": "environments",
    "SumTree": "sum_tree",
    "TD0": "td",
    "as_environments": "environments",
    "average_return": "returns",
    "discounted_return": "returns",
    "finite_horizon_return": "returns",
}


def __getattr__(name: str) -> Any:
    """Imports a class or function on first use."""
    if name == "callbacks":
        return importlib.import_module("nncore.rl.callbacks")
    if name in _MODULES:
        return getattr(importlib.import_module(f"nncore.rl.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'nncore.rl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
