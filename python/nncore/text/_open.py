from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import zlib
from collections.abc import Iterator
from typing import IO, Any

_PACKERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def is_compressed(path: str | os.PathLike[str]) -> bool:
    """Whether the name ends as that of a compressed file does."""
    return os.path.splitext(os.fspath(path))[1] in _PACKERS


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file to read bytes, and turn what the packers raise for damaged files into a ValueError that names it."""
    try:
        with open_bytes(path) as file:
            yield file
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{os.fspath(path)!r}: the compressed file is damaged or cut off ({error})") from None
    except OSError as error:
        if error.errno is not None:  # of the operating system, which names the file
            raise
        raise ValueError(f"{os.fspath(path)!r}: the compressed file is damaged ({error})") from None


def open_bytes(
    path: str | os.PathLike[str], mode: str = "rb", named: str | os.PathLike[str] | None = None
) -> IO[bytes]:
    """Open a file for bytes, through gzip, bz2 or xz when its name (or `named`) ends so."""
    opener = _PACKERS.get(os.path.splitext(os.fspath(named if named is not None else path))[1], open)
    opened: IO[bytes] = opener(path, mode)
    return opened
