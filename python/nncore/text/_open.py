from __future__ import annotations

import bz2
import gzip
import lzma
import os
from typing import IO, Any

_PACKERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def is_compressed(path: str | os.PathLike[str]) -> bool:
    """Whether the name ends as that of a compressed file does."""
    return os.path.splitext(os.fspath(path))[1] in _PACKERS


def open_bytes(
    path: str | os.PathLike[str], mode: str = "rb", named: str | os.PathLike[str] | None = None
) -> IO[bytes]:
    """Open a file for bytes, through gzip, bz2 or xz when its name (or `named`) ends so."""
    opener = _PACKERS.get(os.path.splitext(os.fspath(named if named is not None else path))[1], open)
    opened: IO[bytes] = opener(path, mode)
    return opened
