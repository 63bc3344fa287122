"""How the textbook prints an equation with its numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def text(value: object) -> str:
    """Write a number with six digits, an array on one line; an array of one number reads as that number."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        return str(value)
    if array.size == 1:
        return f"{array.item():.6g}"
    shown = np.array2string(array, formatter={"all": lambda number: f"{number:.6g}"}, threshold=64, edgeitems=2)
    return re.sub(r"\s+", " ", shown)


def show(name: str, formula: str, numbers: Mapping[str, object], result: object) -> None:
    """Print the equation, the equation with its numbers put in, and the result.

    Parameters
    ----------
    name : str
        Left side of the equation.
    formula : str
        Right side; every key of `numbers` in it is replaced by its value.
    numbers : mapping of str to array or float
        Values of the symbols.
    result : array or float
        Value of the left side.
    """
    symbols = "|".join(re.escape(symbol) for symbol in sorted(numbers, key=len, reverse=True))
    filled = re.sub(rf"(?<!\w)({symbols})(?!\w)", lambda found: text(numbers[found[0]]), formula)
    print(f"{name} = {formula} = {filled} = {text(result)}")
