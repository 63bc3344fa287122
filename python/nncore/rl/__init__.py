"""Reinforcement learning: returns, planning on a known model, learning with a table or a network, replay."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nncore.rl.exploration import Boltzmann, EpsilonGreedy, ExponentialSchedule, LinearSchedule
    from nncore.rl.hill_climbing import HillClimbing
    from nncore.rl.mdp import MDP
    from nncore.rl.q_learning import QLearning
    from nncore.rl.returns import average_return, discounted_return, finite_horizon_return
    from nncore.rl.td import TD0

__all__ = [
    "MDP",
    "TD0",
    "Boltzmann",
    "EpsilonGreedy",
    "ExponentialSchedule",
    "HillClimbing",
    "LinearSchedule",
    "QLearning",
    "average_return",
    "discounted_return",
    "finite_horizon_return",
]

_MODULES = {
    "Boltzmann": "exploration",
    "EpsilonGreedy": "exploration",
    "ExponentialSchedule": "exploration",
    "HillClimbing": "hill_climbing",
    "LinearSchedule": "exploration",
    "MDP": "mdp",
    "QLearning": "q_learning",
    "TD0": "td",
    "average_return": "returns",
    "discounted_return": "returns",
    "finite_horizon_return": "returns",
}


def __getattr__(name: str) -> Any:
    """Imports a class or function on first use."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"nncore.rl.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'nncore.rl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
