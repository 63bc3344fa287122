"""Reinforcement learning: prioritised replay."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nncore.rl._batch import Batch
    from nncore.rl.prioritized_replay import PrioritizedReplayBuffer
    from nncore.rl.replay import ReplayBuffer
    from nncore.rl.sum_tree import SumTree

__all__ = [
    "Batch",
    "PrioritizedReplayBuffer",
    "ReplayBuffer",
    "SumTree",
]

_MODULES = {
    "Batch": "_batch",
    "PrioritizedReplayBuffer": "prioritized_replay",
    "ReplayBuffer": "replay",
    "SumTree": "sum_tree",
}


def __getattr__(name: str) -> Any:
    """Imports a class or function on first use."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"nncore.rl.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'nncore.rl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
