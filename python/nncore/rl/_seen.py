"""How a network sees observations: which arrays they are, and which numbers it makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.rl._spaces import ArraySpec, Spec, observation_spec

CorePart = tuple[str, int, float, list[int], list[int]]


@dataclass(frozen=True)
class Seen:
    """Arrays of an observation space, in the order of the network's inputs.

    Whole numbers of Discrete and MultiDiscrete are seen as ones among zeros, bytes divided by 255, all others as they
    are; entries of a Dict stand side by side in its order.
    """

    specs: tuple[ArraySpec, ...]
    keys: tuple[str, ...] = ()  # of a Dict

    def __str__(self) -> str:
        if not self.keys:
            return str(self.specs[0])
        return f"Dict({', '.join(f'{key}: {spec}' for key, spec in zip(self.keys, self.specs, strict=True))})"

    @classmethod
    def of(cls, space: Any) -> Seen:
        """Of an observation space; TypeError for a Tuple and what is no space."""
        return cls.of_spec(observation_spec(space))

    @classmethod
    def of_spec(cls, spec: Spec) -> Seen:
        """Of an observation's spec."""
        made = cls(tuple(spec.values()), tuple(spec)) if isinstance(spec, dict) else cls((spec,))
        if not made.width:
            raise ValueError(f"env.observation_space must have at least one number, but is {made}")
        return made

    def space(self) -> Any:
        """A space with the attributes of the one that was seen; Gymnasium itself need not be there."""
        spaces = [_space(spec) for spec in self.specs]
        return SimpleNamespace(spaces=dict(zip(self.keys, spaces, strict=True))) if self.keys else spaces[0]

    def core_parts(self) -> list[CorePart]:
        """What the core has to know."""
        return [_core_part(spec) for spec in self.specs]

    @property
    def width(self) -> int:
        """Inputs of the network."""
        return sum(sum(classes) or elements for _, elements, _, classes, _ in self.core_parts())

    def numbers(self, observations: Any, rows: int) -> NDArray[np.float32]:
        """The network's inputs, (rows, width), of a batch of observations; raises as `arrays` does."""
        inputs = []
        for array, (_, _, scale, classes, starts) in zip(
            self.arrays(observations, rows), self.core_parts(), strict=True
        ):
            flat = array.reshape(rows, -1)
            ones = [np.eye(classes[i], dtype=np.float32)[flat[:, i] - start] for i, start in enumerate(starts)]
            inputs.append(np.concatenate(ones, axis=1) if ones else np.float32(scale) * flat.astype(np.float32))
        return np.concatenate(inputs, axis=1)

    def describe(self) -> dict[str, Any]:
        """In JSON's types; `from_description` reads it."""
        return {"specs": [spec.describe() for spec in self.specs], "keys": list(self.keys)}

    @classmethod
    def from_description(cls, description: Any) -> Seen:
        """What `describe` wrote."""
        specs = tuple(ArraySpec.from_description(each) for each in description["specs"])
        return cls(specs, tuple(str(key) for key in description["keys"]))

    def arrays(self, observations: Any, rows: int | None) -> list[NDArray[Any]]:
        """The arrays of a batch of observations, or with ``rows=None`` of one; raises as `ArraySpec.array` does."""
        if not self.keys:
            return [_as_bytes(self.specs[0].array("observation", observations, rows))]
        if not isinstance(observations, Mapping) or set(observations) != set(self.keys):
            raise ValueError(
                f"observation must be a dict with the keys {', '.join(self.keys)}, but is {observations!r}"
            )
        return [
            _as_bytes(spec.array(f"observation[{key!r}]", observations[key], rows))
            for key, spec in zip(self.keys, self.specs, strict=True)
        ]

    def rows_of(self, observations: Any) -> int | None:
        """How many observations are given: None for a single one."""
        first = observations[self.keys[0]] if self.keys and isinstance(observations, Mapping) else observations
        shape = np.shape(first)
        return None if len(shape) <= len(self.specs[0].shape) else shape[0]


def _space(spec: ArraySpec) -> Any:
    if not spec.low:
        return SimpleNamespace(shape=spec.shape, dtype=spec.dtype)
    counts = np.array([high - low + 1 for low, high in zip(spec.low, spec.high, strict=True)])
    if not spec.shape:
        return SimpleNamespace(n=counts[0], start=spec.low[0], shape=())
    return SimpleNamespace(nvec=counts.reshape(spec.shape), start=np.reshape(spec.low, spec.shape), shape=spec.shape)


def _core_part(spec: ArraySpec) -> CorePart:
    dtype = "uint8" if spec.dtype == np.bool_ else spec.dtype.name
    scale = 1 / 255 if spec.dtype == np.uint8 else 1.0
    if not spec.low:
        return dtype, math.prod(spec.shape), scale, [], []
    classes = [high - low + 1 for low, high in zip(spec.low, spec.high, strict=True)]
    return dtype, len(classes), 1.0, classes, list(spec.low)


def _as_bytes(array: NDArray[Any]) -> NDArray[Any]:
    return array.view(np.uint8) if array.dtype == np.bool_ else array
