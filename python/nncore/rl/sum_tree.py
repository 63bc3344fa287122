"""Drawing in proportion to priorities that change."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore._random import seed_of
from nncore.nn import _checks
from nncore.rl._memory import require_bytes

__all__ = ["SumTree"]

_CAPACITY = 2**32


class SumTree:
    """Priorities from which an index is drawn in proportion, in O(log n) per draw and per change.

    ``tree[indices] = priorities`` sets, ``tree[indices]`` reads; indices are an int, a slice or an array of int, and
    negative ones count from the end. All priorities begin as 0.

    Parameters
    ----------
    capacity : int
        Number of priorities, from 1 to 2**32.

    Attributes
    ----------
    total : float
        Their sum. Sums are made anew from the priorities below them, so that no rounding piles up.
    min : float
        The least positive priority: what a priority of 0 has is never drawn. Infinity where all are 0.
    max : float
        The greatest priority.

    Notes
    -----
    Changes check all before they make any: an index out of range is an IndexError, a priority that is negative, NaN or
    infinite a ValueError.
    """

    def __init__(self, capacity: int) -> None:
        capacity = _checks.whole_number("capacity", capacity)
        if not 1 <= capacity <= _CAPACITY:
            raise ValueError(f"capacity must be from 1 to 2**32, but is {capacity}")
        require_bytes(capacity, 14)
        self._core = _core.SumTree(capacity)
        self._capacity = capacity

    @property
    def capacity(self) -> int:
        """Number of priorities."""
        return self._capacity

    @property
    def total(self) -> float:
        """Sum of the priorities."""
        return self._core.total

    @property
    def min(self) -> float:
        """The least positive priority, infinity where all are 0."""
        return self._core.minimum

    @property
    def max(self) -> float:
        """The greatest priority."""
        return self._core.maximum

    def __len__(self) -> int:
        return self._capacity

    def __setitem__(self, indices: Any, priorities: Any) -> None:
        places = self._places(indices)
        values = np.asarray(priorities)
        if values.dtype.kind not in "fiu":
            raise TypeError(f"priorities must be numbers, but came as {values.dtype}")
        try:
            values = np.broadcast_to(values, places.shape)
        except ValueError:
            raise ValueError(
                f"priorities must be one, or one per index, {places.shape}, but came as {values.shape}"
            ) from None
        self._core.update(places.reshape(-1), np.ascontiguousarray(values, np.float64).reshape(-1))

    def __getitem__(self, indices: Any) -> Any:
        places = self._places(indices)
        values = self._core.read(places.reshape(-1))
        return values.reshape(places.shape) if places.ndim else float(values[0])

    def _places(self, indices: Any) -> NDArray[np.int64]:
        """As int64, counted from the front where they are in range."""
        if isinstance(indices, slice):
            return np.arange(*indices.indices(self._capacity), dtype=np.int64)
        places = np.asarray(indices)
        if places.size == 0 and places.dtype.kind == "f":  # an empty list
            places = places.astype(np.int64)
        if places.dtype.kind not in "iu":
            raise TypeError(f"indices must be integers or a slice, but came as {places.dtype}")
        if places.dtype == np.uint64 and places.size and int(places.max()) >= 2**63:
            raise IndexError(f"indices must be from 0 to {self._capacity - 1}, but one is {places.max()}")
        places = np.ascontiguousarray(places, np.int64).reshape(places.shape)
        negative = (places < 0) & (places >= -self._capacity)
        return np.where(negative, places + self._capacity, places) if negative.any() else places

    def sample(self, n: int, rng: Any = None) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Draw indices in proportion to their priorities, stratified: one from each n-th part of the total.

        Parameters
        ----------
        n : int
            How many, at least 1.
        rng : int, numpy.random.Generator, numpy.random.RandomState or None
            A Generator moves on; an int gives the same draws each time.

        Returns
        -------
        indices : int64 array (n,)
            In ascending order. An index with priority 0 is never drawn; where all are 0, all are equally likely.
        probabilities : float64 array (n,)
            Of each, its priority over the total.

        Raises
        ------
        ValueError
            If `n` is below 1.
        """
        n = _checks.whole_number("n", n)
        if n < 1:
            raise ValueError(f"n must be at least 1, but is {n}")
        try:
            indices, probabilities = np.empty(n, np.int64), np.empty(n, np.float64)
        except (ValueError, MemoryError, OverflowError):
            raise MemoryError(f"n must fit the memory, but is {n:,}") from None
        self._core.sample(indices, probabilities, seed_of(rng, "rng"))
        return indices, probabilities

    def __getstate__(self) -> dict[str, Any]:
        return {"priorities": self._core.priorities()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(len(state["priorities"]))  # type: ignore[misc]
        self._core.assign(state["priorities"])

    def __repr__(self) -> str:
        return f"SumTree(capacity={self._capacity}, total={self.total:g})"
