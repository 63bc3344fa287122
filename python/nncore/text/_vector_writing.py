from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np

from nncore import _core
from nncore._files import Path, write_whole
from nncore.text._finite import all_finite, first_strange

from ._open import open_bytes
from ._vector_table import Array

_BLOCK = 1 << 16  # numbers that are written at a time


def write(
    path: Path, keys: Sequence[Any], vectors: Array, order: Array, binary: bool, header: str, append: bool
) -> None:
    """Write vectors, whole or, where they are appended, at the end of what is there.

    Parameters
    ----------
    keys : sequence of str
        As they shall stand in the file.
    vectors : array of shape (n, dimensions)
        The vectors.
    order : array of int
        The rows to write, one for each of `keys`.
    header : str
        What to begin with.
    """
    if not all_finite(vectors):
        chosen = vectors[order]
        if not all_finite(chosen):
            key = keys[first_strange(chosen)]
            raise ValueError(f"vectors must be finite, but that of {key!r} is not: such a file could not be read")

    def write_to(file: IO[bytes]) -> None:
        file.write(header.encode())
        step = max(1, _BLOCK // vectors.shape[1])
        for at in range(0, len(order), step):
            words = [key.encode() for key in keys[at : at + step]]
            ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), dtype=np.int64)
            rows = vectors[order[at : at + step]]
            if binary:
                file.write(_core.write_binary_vectors(b"".join(words), ends, rows.astype("<f4", copy=False)))
            else:
                file.write(_core.write_text_vectors(b"".join(words), ends, _writable_type(rows)))

    write_bytes(path, write_to, append)


def write_bytes(path: Path, write_to: Callable[[IO[bytes]], object], append: bool) -> None:
    """Let a function write to a file, compressed when its name ends so."""
    if append:
        with open_bytes(path, "ab") as file:
            write_to(file)
        return

    def whole(temporary: str) -> None:
        with open_bytes(temporary, "wb", named=path) as file:
            write_to(file)

    write_whole(path, whole)


def check_words(keys: Sequence[str]) -> None:
    """Refuse keys that the format cannot hold, before anything is written."""
    for key in keys:
        if " " in key or "\n" in key:
            raise ValueError(f"the key {key!r} has a space or a newline, which this format cannot hold")
    try:
        "".join(keys).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the keys have {error.object[error.start]!r}, which UTF-8 cannot hold") from None


def _writable_type(rows: Array) -> Array:
    # The digits of half precision are not those of the same number in single precision, but they read back the same.
    return rows.astype(np.float32 if rows.dtype.itemsize <= 4 else np.float64, copy=False)
