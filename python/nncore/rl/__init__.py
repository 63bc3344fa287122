"""Reinforcement learning."""

from nncore.rl.reinforce import REINFORCE

__all__ = [
    "REINFORCE",
]
