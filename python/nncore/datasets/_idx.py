"""Files in the IDX format, which MNIST comes in."""

from __future__ import annotations

import gzip
import os
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read an array from a file in the IDX format, in which MNIST's images and labels come, gzipped or not.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    array : array
        Of the shape and type that the file says, in this machine's byte order: uint8 of shape (n, 28, 28) for MNIST's
        images, and (n,) for its labels.

    Raises
    ------
    ValueError
        If the file is in another format, or damaged. The message names it.
    OSError
        If it cannot be read.
    """
    name = os.fspath(path)
    with open(name, "rb") as file:
        content = file.read()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{name!r} is damaged: {error}") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or content[3] == 0:
        raise ValueError(f"{name!r} is no IDX file: it must begin with 0, 0, a type and a number of dimensions")
    dtype, dimensions = np.dtype(_TYPES[content[2]]), content[3]
    begin = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, begin, 4))
    size = dtype.itemsize
    for extent in shape:
        size *= extent
    if len(content) != begin + size:
        raise ValueError(
            f"{name!r} is damaged: an IDX file of shape {shape} has {begin + size} bytes, but it has {len(content)}"
        )
    return np.frombuffer(content, dtype, offset=begin).reshape(shape).astype(dtype.newbyteorder("="))
