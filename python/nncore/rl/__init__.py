"""Reinforcement learning."""

from __future__ import annotations

from nncore.rl.environments import Environments, Steps, as_environments

__all__ = [
    "Environments",
    "Steps",
    "as_environments",
]
