"""A small network that acts: linear or with hidden layers, for observations and actions of usual kinds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import nn
from nncore.rl._spaces import is_discrete
from nncore.rl.environments import begun, check_step

Array = NDArray[Any]


class PolicyNetwork:
    """Actions from observations, by a network whose weights are one vector.

    Attributes
    ----------
    net : nncore.nn.Sequential
    size : int
        Weights and biases.
    """

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        self._shape = tuple(description["observation_shape"])
        self._values = description["observation_values"]  # of a Discrete space; None of a Box
        self._first_observation = description["first_observation"]
        self._actions = description["actions"]  # of a Discrete space; None of a Box
        self._first_action = description["first_action"]
        self._action_shape = tuple(description["action_shape"])
        self._low, self._high = (np.asarray(description[name], np.float64) for name in ("low", "high"))
        self.inputs = self._values or max(1, int(np.prod(self._shape)))
        outputs = self._actions or int(np.prod(self._action_shape))
        sizes = [self.inputs, *description["hidden"], outputs]
        activations = [description["activation"]] * len(description["hidden"]) + [None]
        layers = [nn.Dense(a, b, f) for a, b, f in zip(sizes[:-1], sizes[1:], activations, strict=True)]
        self.net = nn.Sequential(layers, seed=0)
        self.net.parameters[:] = 0
        self._views = [self.net[name] for name in self.net.names()]
        self.size = sum(view.size for view in self._views)

    @classmethod
    def for_spaces(cls, observations: Any, actions: Any, hidden: Any, activation: str) -> PolicyNetwork:
        """Network for the spaces of an environment.

        Raises
        ------
        TypeError
            If observations are neither Box nor Discrete, or actions neither Discrete nor Box.
        """
        discrete_in, discrete_out = is_discrete(observations), is_discrete(actions)
        if not discrete_in and not hasattr(observations, "low"):
            parts = any(hasattr(observations, name) for name in ("spaces", "nvec", "n"))
            advice = ": gymnasium.wrappers.FlattenObservation makes it a Box" if parts else ""
            raise TypeError(f"env.observation_space must be Box or Discrete, but is {observations}{advice}")
        if not discrete_out and not hasattr(actions, "low"):
            raise TypeError(f"env.action_space must be Discrete or Box, but is {actions}")
        return cls(
            {
                "observation_shape": [] if discrete_in else list(observations.shape),
                "observation_values": int(observations.n) if discrete_in else None,
                "first_observation": int(getattr(observations, "start", 0)) if discrete_in else 0,
                "actions": int(actions.n) if discrete_out else None,
                "first_action": int(getattr(actions, "start", 0)) if discrete_out else 0,
                "action_shape": [] if discrete_out else list(actions.shape),
                "low": [] if discrete_out else np.ravel(actions.low).astype(float).tolist(),
                "high": [] if discrete_out else np.ravel(actions.high).astype(float).tolist(),
                "hidden": list(hidden),
                "activation": activation,
            }
        )

    def weights(self) -> Array:
        """Copy of all weights, (size,)."""
        return np.concatenate([view.ravel() for view in self._views])

    def set_weights(self, weights: Array) -> None:
        """Put weights (size,) into the network."""
        at = 0
        for view in self._views:
            view[...] = weights[at : at + view.size].reshape(view.shape)
            at += view.size

    def inputs_of(self, observations: Any, count: int | None) -> Array:
        """Rows of the network's input from one observation, or from `count` of them."""
        array = np.asarray(observations)
        rows = 1 if count is None else count
        if self._values is not None:
            numbers = array.reshape(rows).astype(np.int64) - self._first_observation
            if (numbers < 0).any() or (numbers >= self._values).any():
                raise ValueError(f"observation must be one of {self._values}, but is {observations!r}")
            x = np.zeros((rows, self._values), np.float32)
            x[np.arange(rows), numbers] = 1
            return x
        if array.shape[array.ndim - len(self._shape) :] != self._shape:
            raise ValueError(f"observation must have shape {self._shape}, but came as {array.shape}")
        x = np.ascontiguousarray(array.reshape(rows, self.inputs), np.float32)
        if not np.isfinite(x).all():
            raise ValueError(f"observation must be finite, but is {observations!r}")
        return x

    def actions_of(self, y: Array, single: bool) -> Any:
        """Actions from rows of the network's output."""
        if self._actions is not None:
            actions = y.argmax(axis=1) + self._first_action
            return actions[0] if single else actions
        bounded = np.clip(y, self._low, self._high).astype(np.float32).reshape(len(y), *self._action_shape)
        return bounded[0] if single else bounded

    def act(self, observations: Any) -> Any:
        """Action of one observation, or actions of a batch of them."""
        array = np.asarray(observations)
        batched = array.ndim > len(self._shape)
        x = self.inputs_of(array, len(array) if batched else None)
        return self.actions_of(self.net(x), not batched)

    def play(self, env: Any, seed: int, limit: int | None) -> tuple[float, int]:
        """Return and length of an episode that begins with a seed."""
        stream = self.net.stream(1)  # the weights of now, packed
        observation = begun(env, seed)
        total, length, over = 0.0, 0, False
        while not over and length != limit:
            action = self.actions_of(stream(self.inputs_of(observation, None)), True)
            result = env.step(action)
            check_step(result)
            observation, reward, terminated, truncated, _ = result
            total += float(reward)
            if not math.isfinite(total):
                raise ValueError(f"env must give finite rewards, but gave {reward}")
            length += 1
            over = bool(terminated or truncated)
        return total, length
