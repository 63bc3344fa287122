"""What comes with a transition beside observations and actions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.nn import _checks


def at_least(name: str, value: Any, least: int) -> int:
    """`value` as an int of at least `least`; 1e6, which reads well, is one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _checks.at_least(name, value, least)


def positive(name: str, value: Any) -> int:
    """`value` as an int of at least 1."""
    return at_least(name, value, 1)


def flags(name: str, value: Any, rows: int | None) -> NDArray[np.uint8]:
    """`value` as 0 and 1, one for each row."""
    flags = np.asarray(value)
    due = () if rows is None else (rows,)
    if flags.shape != due:
        raise ValueError(f"{name} must be of shape {due}, as reward is, but came as {flags.shape}")
    if flags.dtype.kind not in "biu" or not np.isin(flags, (0, 1)).all():
        raise TypeError(f"{name} must be True or False, but is {flags[()]}")
    return flags.astype(np.uint8).reshape(-1)


def environments(environments: Any, rows: int | None) -> NDArray[np.int64]:
    """Numbers of the environments of these rows; 0, 1, ... where they are None."""
    count = 1 if rows is None else rows
    if environments is None:
        return np.arange(count)
    given = np.asarray(environments)
    if given.dtype.kind not in "iu" or given.size != count:
        raise ValueError(f"environments must be {count} integers, but came as {given.dtype} of shape {given.shape}")
    if count and not 0 <= int(given.min()) <= int(given.max()) < 2**20:
        raise ValueError(
            f"environments must be numbered from 0 to 2**20 - 1, but are from {given.min()} to {given.max()}"
        )
    return np.ascontiguousarray(given, np.int64).reshape(-1)


def indices(indices: Any) -> NDArray[np.int64]:
    """`indices` as the core takes them."""
    places = np.asarray(indices)
    if places.size == 0 and places.dtype.kind == "f":  # an empty list
        places = places.astype(np.int64)
    if places.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, but came as {places.dtype}")
    if places.dtype == np.uint64 and places.size and int(places.max()) > math.ldexp(1, 62):
        raise IndexError(f"indices must be of stored transitions, but one is {places.max()}")
    return np.ascontiguousarray(places, np.int64).reshape(-1)
