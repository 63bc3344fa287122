"""Truncated SVD of a SciPy matrix by the core, call by call."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nncore import _core

Array = NDArray[Any]


def truncated_svd(
    matrix: Any, n_components: int, n_iter: int, seed: int, verbose: int = 0
) -> tuple[Array, Array, Array]:
    """The largest singular values of a canonical CSR matrix and their vectors.

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix of shape (m, n)
        float32 or float64, finite.
    n_components : int
        k, from 1 to min(m, n).
    n_iter : int
        Steps of block Krylov iteration.
    seed : int

    Returns
    -------
    U, values, Vt : arrays of shape (m, k), (k,), (k, n)
    """
    svd_class = _core.TruncatedSvdFloat32 if matrix.dtype == np.float32 else _core.TruncatedSvdFloat64
    given = (
        np.ascontiguousarray(matrix.indptr, np.int64),
        np.ascontiguousarray(matrix.indices, np.int32),
        np.ascontiguousarray(matrix.data),
        matrix.shape[1],
    )
    svd = svd_class(*given, n_components, n_iter, seed, 0)
    with tqdm(total=svd.total, unit="products", disable=not verbose, desc="SVD") as bar:
        while svd.advance(*given):
            bar.update(svd.done - bar.n)
    U = np.empty((matrix.shape[0], n_components), matrix.dtype)
    values, Vt = np.empty(n_components, matrix.dtype), np.empty((n_components, matrix.shape[1]), matrix.dtype)
    svd.result(U, values, Vt)
    U[np.diff(matrix.indptr) == 0] = 0  # as it would be without rounding
    return U, values, Vt
