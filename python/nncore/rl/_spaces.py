"""What observations and actions are, read from Gymnasium's spaces by their attributes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMBERS = "?bBhHiIlLqQfd"  # NumPy's letters of the types that arrays may have


@dataclass(frozen=True)
class ArraySpec:
    """Shape and type of the arrays of a space.

    Parameters
    ----------
    shape : tuple of int
        Of one observation or action.
    dtype : numpy.dtype
        Its type; int64 for Discrete and MultiDiscrete.
    low, high : tuple of int
        Least and greatest value of each element, where whole numbers are counted; else empty.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    low: tuple[int, ...] = ()
    high: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.low:
            return f"Box of shape {self.shape}, {self.dtype}"
        counts = [high - low + 1 for low, high in zip(self.low, self.high, strict=True)]
        start = f", start={self.low if self.shape else self.low[0]}" if any(self.low) else ""
        return f"MultiDiscrete({counts}{start})" if self.shape else f"Discrete({counts[0]}{start})"

    def array(self, name: str, value: Any, rows: int | None = None) -> NDArray[Any]:
        """`value` as a C-contiguous array of this type: of one element of the space, or of `rows` of them.

        Raises
        ------
        ValueError
            Another shape, a number outside the space, or one that is not finite.
        TypeError
            A type that would lose more than rounding.
        """
        try:
            given = np.asarray(value)
        except ValueError:
            raise ValueError(f"{name} must be an array of shape {self._shape(rows)}, but is ragged") from None
        if given.shape != self._shape(rows):
            raise ValueError(f"{name} must be of shape {self._shape(rows)}, but came as {given.shape}")
        array = self._typed(name, given, literal=not isinstance(value, (np.ndarray, np.generic)))
        if self.dtype.kind == "f" and not np.isfinite(array).all():
            strange = array[~np.isfinite(array)]
            what = "too great for it" if np.isfinite(given[~np.isfinite(array)]).all() else strange[0]
            raise ValueError(f"{name} must be finite numbers of type {self.dtype}, but one is {what}")
        if self.low:
            flat = array.reshape(-1, len(self.low))
            wrong = np.argwhere((flat < self.low) | (flat > self.high))
            if len(wrong):
                row, element = wrong[0]
                raise ValueError(
                    f"{name} must be from {self.low[element]} to {self.high[element]}, but is {flat[row, element]}"
                )
        return array

    def _shape(self, rows: int | None) -> tuple[int, ...]:
        return self.shape if rows is None else (rows, *self.shape)

    def _typed(self, name: str, given: NDArray[Any], *, literal: bool) -> NDArray[Any]:
        """In this type, if no more than rounding is lost; Python's own numbers only have to fit."""
        fits = given.dtype.char in _NUMBERS and np.can_cast(given.dtype, self.dtype, "same_kind")
        if not fits and literal and given.dtype.kind in "iu" and self.dtype.kind in "iu":
            bounds = np.iinfo(self.dtype)
            fits = given.size == 0 or (int(given.min()) >= bounds.min and int(given.max()) <= bounds.max)
        if not fits or (given.dtype.kind == "b" and self.low):
            raise TypeError(f"{name} must be of type {self.dtype}, but came as {given.dtype}")
        return np.ascontiguousarray(given, self.dtype).reshape(given.shape)

    def describe(self) -> dict[str, Any]:
        """In JSON's types; `from_description` reads it."""
        return {"shape": self.shape, "dtype": self.dtype.name, "low": self.low, "high": self.high}

    @classmethod
    def from_description(cls, description: Any) -> ArraySpec:
        """The spec that `describe` wrote."""
        numbers = {key: tuple(int(n) for n in description[key]) for key in ("shape", "low", "high")}
        return cls(dtype=np.dtype(description["dtype"]), **numbers)


Spec = ArraySpec | dict[str, ArraySpec]


def is_discrete(space: Any) -> bool:
    """Whether a space is Gymnasium's Discrete, by its attributes: Gymnasium itself need not be there."""
    return hasattr(space, "n") and getattr(space, "shape", ()) == ()


def actions_of(space: Any) -> tuple[int, int]:
    """Number of actions, and the first one, of a Discrete space.

    Raises
    ------
    TypeError
        If it is another one.
    """
    if is_discrete(space):
        return int(space.n), int(getattr(space, "start", 0))
    raise TypeError(f"env.action_space must be Discrete, but is {space}")


def array_spec(name: str, space: Any) -> ArraySpec:
    """Spec of a Box, Discrete, MultiDiscrete or MultiBinary space, or of whatever has their attributes."""
    if hasattr(space, "nvec"):
        counts = np.asarray(space.nvec)
        start = np.broadcast_to(np.asarray(getattr(space, "start", 0)), counts.shape)
        low = tuple(int(n) for n in start.reshape(-1))
        high = tuple(least + int(n) - 1 for least, n in zip(low, counts.reshape(-1), strict=True))
        return ArraySpec(counts.shape, np.dtype(np.int64), low, high)
    shape = getattr(space, "shape", None)
    if hasattr(space, "n") and not shape:
        first = int(getattr(space, "start", 0))
        return ArraySpec((), np.dtype(np.int64), (first,), (first + int(space.n) - 1,))
    dtype = getattr(space, "dtype", None)
    if shape is None or dtype is None:
        raise TypeError(
            f"{name} must be a Box, Discrete, MultiDiscrete or MultiBinary space (or have their shape, dtype, n or "
            f"nvec), but is {space!r}"
        )
    kind = np.dtype(dtype)
    if kind.char not in _NUMBERS:
        raise TypeError(f"{name} must have integers, float32 or float64, but has {kind}")
    return ArraySpec(tuple(int(n) for n in shape), kind.newbyteorder("="))


def observation_spec(space: Any) -> Spec:
    """Spec of an observation space: one, or one for each entry of a Dict."""
    spaces = getattr(space, "spaces", None)
    if spaces is None:
        return array_spec("observation_space", space)
    if not isinstance(spaces, Mapping):
        raise TypeError("observation_space must not be a Tuple: give a Dict, or one of the spaces in it")
    if not spaces:
        raise ValueError("observation_space must have at least one entry")
    for key in spaces:
        if not isinstance(key, str):
            raise TypeError(f"observation_space must have entries with names of type str, but has {key!r}")
    return {key: array_spec(f"observation_space[{key!r}]", part) for key, part in spaces.items()}


def stack_of(spec: ArraySpec, stack_axis: int | str | None) -> tuple[int, bool]:
    """Frames of a stack, and whether they lie in the last axis; 0 where there is no stack.

    "auto" takes an image of uint8 whose first axis, or last axis of three, is short for a stack.
    """
    if stack_axis is None or not spec.shape:
        return 0, False
    rank, longest = len(spec.shape), max(spec.shape)
    if stack_axis == "auto":
        if spec.dtype != np.uint8 or rank < 3 or 0 in spec.shape:
            return 0, False
        if 2 <= spec.shape[0] <= 16 and 2 * spec.shape[0] < longest:
            return spec.shape[0], False
        # 3 are the colours of one image
        if rank == 3 and spec.shape[-1] in (2, *range(4, 17)) and 2 * spec.shape[-1] < longest:
            return spec.shape[-1], True
        return 0, False
    if isinstance(stack_axis, bool) or stack_axis not in (0, -1, rank - 1):
        raise ValueError(f"stack_axis must be 'auto', None, 0 or -1, but is {stack_axis!r}")
    last = stack_axis != 0
    frames = spec.shape[-1 if last else 0]
    if not 1 <= frames <= 64 or 0 in spec.shape:
        raise ValueError(f"stack_axis must name an axis of 1 to 64 frames, but that of {spec.shape} has {frames}")
    if last and spec.dtype.itemsize != 1:
        raise ValueError(f"stack_axis must be 0 for observations of {spec.dtype}: only bytes are unstacked at the end")
    return frames, last and rank > 1
