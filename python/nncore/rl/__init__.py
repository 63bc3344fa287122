"""Reinforcement learning: agents, prioritised replay, and environments of every kind."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nncore.rl import callbacks
    from nncore.rl._batch import Batch
    from nncore.rl.callbacks import Callback
    from nncore.rl.dqn import DQN
    from nncore.rl.environments import Environments, Steps, as_environments
    from nncore.rl.prioritized_replay import PrioritizedReplayBuffer
    from nncore.rl.replay import ReplayBuffer
    from nncore.rl.sum_tree import SumTree

__all__ = [
    "DQN",
    "Batch",
    "Callback",
    "Environments",
    "PrioritizedReplayBuffer",
    "ReplayBuffer",
    "Steps",
    "SumTree",
    "as_environments",
    "callbacks",
]

_MODULES = {
    "Batch": "_batch",
    "Callback": "callbacks",
    "DQN": "dqn",
    "Environments": "environments",
    "PrioritizedReplayBuffer": "prioritized_replay",
    "ReplayBuffer": "replay",
    "Steps": "environments",
    "SumTree": "sum_tree",
    "as_environments": "environments",
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
