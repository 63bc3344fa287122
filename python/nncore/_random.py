"""From the caller's ``random_state`` to the 64-bit seed of the core's counter-based random numbers."""

from __future__ import annotations

import operator
import os
from typing import Any

import numpy as np

_END = 2**64


def seed_of(random_state: Any, name: str = "random_state") -> int:
    """Turn `random_state` into a seed.

    Parameters
    ----------
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        An int is the seed itself. A Generator or a RandomState gives 64 bits, and moves on by them: a second call
        gives another seed. None gives fresh ones from the operating system.

    Returns
    -------
    seed : int
        From 0 to 2**64 - 1.

    Raises
    ------
    TypeError
        If `random_state` is anything else (a bool, a float).
    ValueError
        If an int is negative or above 2**64 - 1.
    """
    if random_state is None:
        return int.from_bytes(os.urandom(8), "little")
    try:
        seed = None if isinstance(random_state, (bool, np.bool_)) else operator.index(random_state)
    except TypeError:
        seed = _drawn(random_state)
    if seed is None:
        raise TypeError(
            f"{name} must be an int, a numpy.random.Generator, a numpy.random.RandomState or None, "
            f"but is {random_state!r}"
        )
    if not 0 <= seed < _END:
        raise ValueError(f"{name} must be from 0 to 2**64 - 1, but is {seed}")
    return seed


def _drawn(random_state: Any) -> int | None:
    """What a NumPy generator gives. NumPy loads its generators at the first look at them: an int needs none."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(_END, dtype=np.uint64))
    if isinstance(random_state, np.random.RandomState):
        high, low = random_state.randint(2**32, size=2, dtype=np.uint64)
        return int(high) << 32 | int(low)
    return None
