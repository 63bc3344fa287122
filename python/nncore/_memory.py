"""Arrays as the core likes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def aligned_zeros(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Zeros that begin on a cache line."""
    kind = np.dtype(dtype)
    raw = np.zeros(size * kind.itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size * kind.itemsize].view(kind)


def padded_zeros(rows: int, columns: int, dtype: DTypeLike) -> NDArray[Any]:
    """Zeros of shape (rows, columns rounded up), so that every row begins on a cache line."""
    block = 64 // np.dtype(dtype).itemsize
    stride = -(-columns // block) * block
    try:
        return aligned_zeros(rows * stride, dtype).reshape(rows, stride)
    except (MemoryError, ValueError):  # NumPy's for sizes beyond all addresses
        raise MemoryError(f"there is no memory for {rows:,} rows of {columns:,} numbers") from None
