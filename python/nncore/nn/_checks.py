"""What the arguments of losses and optimizers must be."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_INTEGERS = "bBhHiIlLqQ"  # NumPy's letters, as "fd" are float32 and float64


def number(name: str, value: Any, least: float = 0.0, below: float = math.inf) -> float:
    """Return `value` as a float in [least, below).

    Raises
    ------
    TypeError
        If it is not a real number; a bool is none.
    ValueError
        If it is out of range or not finite.
    """
    real = type(value) is float or (isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)))
    if not real:
        raise TypeError(f"{name} must be a number, but is {value!r}")
    try:
        x = float(value)
    except OverflowError:
        x = math.inf
    if not least <= x < below:
        high = "finite" if below == math.inf else f"below {below:g}"
        low = "" if least == -math.inf else f"at least {least:g} and "
        raise ValueError(f"{name} must be {low}{high}, but is {x:g}")
    return x


def whole_number(name: str, value: Any) -> int:
    """Return `value` as an int; TypeError if it is none, a bool included."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, but is {value!r}")
    return int(value)


def at_least(name: str, value: Any, least: int) -> int:
    """Return `value` as an int that is not below `least`; TypeError or ValueError otherwise."""
    number = whole_number(name, value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, but is {number}")
    return number


def flag(name: str, value: Any) -> bool:
    """Return `value` as a bool; TypeError if it is none."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, but is {value!r}")
    return bool(value)


def as_array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array of whatever type.

    Raises
    ------
    ValueError
        If it has no shape.
    TypeError
        If NumPy cannot read it, or has masked entries, which an array cannot leave out.
    """
    if type(value) is np.ndarray:
        return value
    if isinstance(value, np.ndarray) and np.any(getattr(value, "mask", False)):
        raise TypeError(
            f"{name} must have no masked entries: fill them, as {name}.filled(0) does, and leave them out by "
            "lengths or weights"
        )
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array: {error}") from None
    except (RuntimeError, TypeError) as error:
        raise TypeError(f"{name} must be an array{_tensor_advice(name, value)}: {error}") from None


def _tensor_advice(name: str, value: Any) -> str:
    if getattr(value, "requires_grad", False):
        return f", so of a tensor that requires grad give {name}.detach()"
    if str(getattr(value, "dtype", "")).endswith("bfloat16"):
        return f", so of a tensor of bfloat16 give {name}.float()"
    return ""


def real_array(name: str, value: Any) -> NDArray[Any]:
    """Return `value` as an array of float32, float64 or integers; TypeError for any other type."""
    array = as_array(name, value)
    if array.dtype.char not in _INTEGERS + "fd":
        raise TypeError(f"{name} must be of type float32, float64 or an integer type, but is {array.dtype}")
    return array


def integer_array(name: str, value: Any, meaning: str) -> NDArray[Any]:
    """Return `value` as an array of integers; TypeError for any other type, bool included."""
    array = as_array(name, value)
    if array.dtype.char not in _INTEGERS:
        raise TypeError(f"{name} must be integers, {meaning}, but is {array.dtype}")
    return array


def contiguous(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return `array` itself where it is of this type, C-contiguous and aligned, else a copy that is."""
    flags = array.flags
    if array.dtype == dtype and flags.c_contiguous and flags.aligned:
        return array
    with np.errstate(over="ignore"):  # what is too large for float32 becomes inf, which the checks refuse
        return np.array(array, dtype, order="C")
