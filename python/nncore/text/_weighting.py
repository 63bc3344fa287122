"""What a matrix of counts becomes before its SVD: PPMI, logarithms, or itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_ENTRIES_AT_ONCE = 1 << 22


@dataclass
class Ppmi:
    """max(0, log(x_ij / row_i / p_j) − log(shift)), p_j = col_j^smoothing / Σ col^smoothing of the fitted matrix.

    A column that had nothing has no p_j, and gives 0.
    """

    log_columns: NDArray[np.float64]  # −smoothing · log(col_j); −inf where col_j is 0
    log_total: float

    @classmethod
    def of(cls, X: Any, smoothing: float, shift: float) -> Ppmi:
        columns = np.zeros(X.shape[1])
        for first in range(0, X.nnz, _ENTRIES_AT_ONCE):  # so that Ctrl-C is answered between
            part = slice(first, first + _ENTRIES_AT_ONCE)
            columns += np.bincount(X.indices[part], X.data[part], minlength=X.shape[1])
        logs = np.full(len(columns), -np.inf)
        np.log(columns, out=logs, where=columns > 0)
        highest = logs.max(initial=-np.inf)
        total = 0.0
        if highest > -np.inf:  # Σ col^smoothing, which itself could overflow
            total = smoothing * highest + float(np.log(np.exp(smoothing * (logs - highest)).sum()))
        return cls(np.where(columns > 0, -smoothing * logs, -np.inf), total - float(np.log(shift)))

    def __call__(self, X: Any) -> Any:
        """Weigh a canonical CSR matrix; a new one."""
        entries = np.diff(X.indptr)
        rows = np.zeros(X.shape[0])
        filled = entries > 0
        if X.nnz:
            rows[filled] = np.add.reduceat(X.data, X.indptr[:-1][filled], dtype=np.float64)
        log_rows = np.zeros(len(rows))
        np.log(rows, out=log_rows, where=rows > 0)
        data, indices, kept = X.data.copy(), X.indices.copy(), np.zeros(X.shape[0] + 1, np.int64)
        used = first = 0
        while first < X.shape[0]:
            last = max(first + 1, int(np.searchsorted(X.indptr, X.indptr[first] + _ENTRIES_AT_ONCE, side="right")) - 1)
            part = slice(X.indptr[first], X.indptr[last])
            with np.errstate(divide="ignore"):
                values = np.log(X.data[part]).astype(np.float64)
            row_of = np.repeat(np.arange(first, last), entries[first:last])
            # One sum of both sides: symmetric counts stay symmetric, bit for bit, without smoothing.
            values += self.log_columns[X.indices[part]] - log_rows[row_of]
            values += self.log_total
            keep = values > 0
            count = int(keep.sum())
            data[used : used + count] = values[keep]
            indices[used : used + count] = X.indices[part][keep]
            kept[first + 1 : last + 1] = np.bincount(row_of[keep] - first, minlength=last - first)
            used, first = used + count, last
        starts = np.cumsum(kept).astype(X.indptr.dtype)
        return canonical((data[:used], indices[:used], starts), X.shape)


class Log:
    """log(1 + x)."""

    def __call__(self, X: Any) -> Any:
        return canonical((np.log1p(X.data), X.indices, X.indptr), X.shape)


class Plain:
    """x."""

    def __call__(self, X: Any) -> Any:
        return X


def canonical(parts: tuple[Any, Any, Any], shape: tuple[int, int]) -> Any:
    """A CSR matrix of arrays whose columns are known to ascend."""
    matrix = sparse.csr_matrix(parts, shape=shape, copy=False)
    matrix.has_canonical_format = True
    return matrix
