"""Environments whose observations can be counted."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from nncore.rl._spaces import is_discrete

Encoder = Callable[[Any], int]


def gymnasium() -> Any:
    """The package; an ImportError says how to get it."""
    try:
        import gymnasium as package
    except ImportError as error:
        raise ImportError("environments need Gymnasium: pip install 'nncore[rl]'") from error
    return package


def made(env: Any) -> tuple[Any, bool]:
    """An environment, and whether it was made here, of an id.

    Raises
    ------
    TypeError
        If it is neither, or a vector of environments.
    """
    if isinstance(env, str):
        return gymnasium().make(env), True
    if hasattr(env, "num_envs"):
        raise TypeError(f"env must be one environment, but is a vector of {env.num_envs}")
    if not all(hasattr(env, name) for name in ("reset", "step", "observation_space", "action_space")):
        raise TypeError(f"env must be a Gymnasium environment or the id of one, but is {env!r}")
    return env, False


class States:
    """The number of a state from an observation of a Discrete, MultiDiscrete, MultiBinary, Tuple or Dict space.

    Attributes
    ----------
    sizes : tuple of int
        Values of each part; the last runs fastest.
    n : int
        Their product.
    encode : callable or None
        Number of an observation; None where observations of a Discrete space from 0 are the numbers.
    """

    def __init__(self, space: Any) -> None:
        parts, self._flatten = _parts("observation_space", space)
        self.sizes = tuple(size for size, _ in parts)
        self.n = int(np.prod([float(size) for size in self.sizes]))
        if self.n >= 2**31:
            raise ValueError(f"env.observation_space has {float(self.n):.3g} states: too many for a table")
        self._parts = parts
        self.encode: Encoder | None = None if not hasattr(space, "spaces") and parts == [(self.n, 0)] else self.number

    def number(self, observation: Any) -> int:
        """Number of an observation.

        Raises
        ------
        ValueError
            If it is not in the space.
        """
        state = 0
        try:
            for value, (size, start) in zip(self._flatten(observation), self._parts, strict=True):
                part = operator.index(value) - start
                if not 0 <= part < size:
                    raise ValueError("it is out of its range")
                state = state * size + part
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise ValueError(f"env gave an observation that is not in its space: {observation!r} ({error})") from None
        return state


def _parts(name: str, space: Any) -> tuple[list[tuple[int, int]], Callable[[Any], Any]]:
    """(values, first value) of each part, and a function that takes an observation apart."""
    if is_discrete(space):
        return [(int(space.n), int(getattr(space, "start", 0)))], lambda observation: (observation,)
    if hasattr(space, "nvec") or hasattr(space, "n"):
        sizes = np.ravel(space.nvec) if hasattr(space, "nvec") else np.full(int(np.prod(space.shape)), 2)
        starts = np.ravel(getattr(space, "start", np.zeros(len(sizes), int)))
        return list(zip(sizes.tolist(), starts.tolist(), strict=True)), lambda observation: np.ravel(observation)
    if not hasattr(space, "spaces"):
        raise TypeError(f"env.{name} must be Discrete, MultiDiscrete or a Tuple of such, but is {space}")
    keyed = hasattr(space.spaces, "items")
    keys = list(space.spaces) if keyed else list(range(len(space.spaces)))
    inner = [_parts(name, space.spaces[key]) for key in keys]
    parts = [part for found, _ in inner for part in found]
    if all(is_discrete(space.spaces[key]) for key in keys) and not keyed:
        return parts, lambda observation: observation
    flat = [(key, function) for key, (_, function) in zip(keys, inner, strict=True)]
    return parts, lambda observation: [value for key, function in flat for value in function(observation[key])]


def step_of(env: Any) -> Callable[[Any], Any]:
    """The `step` of an environment, past wrappers that have done their work by the first step.

    Two that gymnasium.make puts around every environment look only at whether `reset` came before and at the first
    step: on small worlds they take a quarter of the time.
    """
    package = sys.modules.get("gymnasium")
    if package is None:  # then the environment is none of its
        return env.step  # type: ignore[no-any-return]
    passing = (package.wrappers.OrderEnforcing, package.wrappers.PassiveEnvChecker)
    inner = env
    while type(inner) in passing:
        inner = inner.env
    return inner.step  # type: ignore[no-any-return]
