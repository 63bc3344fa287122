"""Reinforcement learning: prioritised replay."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nncore.rl.replay import Batch, PrioritizedReplayBuffer, ReplayBuffer
    from nncore.rl.sum_tree import SumTree

__all__ = [
    "Batch",
    "PrioritizedReplayBuffer",
    "ReplayBuffer",
    "SumTree",
]

_MODULES = {
    "Batch": "replay",
    "PrioritizedReplayBuffer": "replay",
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
