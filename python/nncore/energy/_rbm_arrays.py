"""An RBM's arrays as the core takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[Any]

_PIECE = 2e9  # products of one call of the core, some tenths of a second: Ctrl-C is answered between calls


class Machine(NamedTuple):
    """The first arguments of the core's functions."""

    gaussian: bool
    weights: Array  # (visible, hidden)
    visible_bias: Array
    hidden_bias: Array

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.weights.size


def rows_of(X: Any, dtype: Any) -> Any:
    """X as the core's `samples`: a contiguous array, or the parts of a CSR matrix."""
    if not sparse.issparse(X):
        return np.ascontiguousarray(X, dtype)
    starts, columns = X.indptr.astype(np.int64), X.indices.astype(np.int32, copy=False)
    return starts, columns, X.data.astype(dtype, copy=False), X.shape[1]


def pieces(count: int, products_each: int, most: int | None = None) -> Iterator[tuple[int, int]]:
    """Ranges that cover [0, count), each at most `most` and the work of one call."""
    size = max(1, int(_PIECE / max(products_each, 1)))
    size = size if most is None else min(size, most)
    for begin in range(0, count, size):
        yield begin, min(count, begin + size)
