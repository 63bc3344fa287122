"""Whether all numbers of a matrix are finite."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def all_finite(matrix: NDArray[Any]) -> bool:
    """Whether all numbers are finite; without an array of the answers, which would take a quarter of its memory."""
    return bool(matrix.size == 0 or (np.isfinite(matrix.min()) and np.isfinite(matrix.max())))


def first_strange(matrix: NDArray[Any]) -> int:
    """The first row that is not finite."""
    return int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
