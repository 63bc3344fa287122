"""What was wrong with a batch that the core refused: looked for only then, so that it costs a good one nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# An argument's name, what the user gave for it, and the valid steps of its sequences where it has padding.
Given = tuple[str, Any, NDArray[np.int64] | None]

_INT64_MOST = np.iinfo(np.int64).max


def explained(error: Exception, given: Iterable[Given], dtype: np.dtype[Any]) -> Exception:
    """Return `error` with the entry that caused it as the user gave it, or as it is where no entry did.

    Parameters
    ----------
    error : ValueError or FloatingPointError
        The core's ValueError about an entry of target or weights begins with that name and what it must be. A
        FloatingPointError names nothing: the first argument that is not finite is the cause.
    given : iterable of (name, value, lengths)
    dtype : float32 or float64
        What the core computes in.
    """
    diverged = isinstance(error, FloatingPointError)
    for name, value, lengths in given:
        refused = name in ("target", "weights") and str(error).startswith(f"{name} must")
        if value is None or not (diverged or refused):
            continue
        array = np.asarray(value)
        place = first_place(_unusable(array, dtype, infinite=diverged), lengths)
        if place is None:
            continue
        rule = f"{name} must be finite" if diverged else str(error).partition(", but ")[0]
        found = f"{rule}, but {entry_text(name, array, place)}"
        if array.dtype.kind == "f" and np.isfinite(array[place]):
            found += f", too large for {dtype}"
        return type(error)(f"{found}; {error}" if diverged else found)
    return error


def first_place(wrong: NDArray[np.bool_], lengths: NDArray[np.int64] | None) -> tuple[int, ...] | None:
    """Return the index of the first entry that is true and no padding; None where there is none."""
    if lengths is not None and wrong.ndim > 1 and len(lengths) == len(wrong):
        wrong[np.arange(wrong.shape[1]) >= lengths[:, None]] = False
    places = np.argwhere(wrong)
    return tuple(map(int, places[0])) if len(places) else None


def entry_text(name: str, array: NDArray[Any], place: tuple[int, ...]) -> str:
    """Return what stands where: "x[3, 0, 1] is nan"."""
    return f"{name}[{', '.join(map(str, place))}] is {array[place]}"


def beyond_int64(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which integers int64 does not hold."""
    if array.dtype.kind != "u":
        return np.zeros(array.shape, bool)
    return np.asarray(array > np.uint64(_INT64_MOST))


def _unusable(array: NDArray[Any], dtype: np.dtype[Any], *, infinite: bool) -> NDArray[np.bool_]:
    """Return which entries the core cannot have seen as they are, and with `infinite` those that are not finite."""
    if array.dtype.kind != "f":
        return beyond_int64(array) & (not infinite)
    with np.errstate(over="ignore"):
        finite: NDArray[np.bool_] = np.isfinite(array.astype(dtype))
    return ~finite if infinite else np.isfinite(array) & ~finite
