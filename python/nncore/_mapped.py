"""Model files whose large arrays stay on the disk until they are used."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Container
from typing import Any

import numpy as np

from nncore._files import DTYPES, Arrays, Path, description_of

# The arrays are described in fewer bytes than this; safetensors' own reader has the same limit.
_LONGEST_HEADER = 100_000_000


def map_model(path: Path, kind: str, mapped: Container[str]) -> tuple[dict[str, Any], Arrays]:
    """Description and arrays of a model written by `nncore._files.write_model`, some of them mapped.

    The header is checked against the size of the file; the checksum is not, as that would read everything.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    kind : str
        The kind it must be of.
    mapped : container of str
        The arrays that are to be read-only views of the file, whose pages the system reads when they are touched. The
        others are read.

    Raises
    ------
    ValueError
        A damaged file, a file of another program, of a later version or of another kind. The message names `path`.
    """
    name = os.fspath(path)
    with open(name, "rb") as file:
        entries, metadata, start = _header(file, name)
        description = description_of(name, kind, metadata)
        pages: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        arrays = {}
        for key, (dtype, shape, begin, size) in entries.items():
            if key in mapped:
                arrays[key] = np.frombuffer(pages, dtype, size // dtype.itemsize, start + begin).reshape(shape)
            else:
                file.seek(start + begin)
                arrays[key] = np.frombuffer(bytearray(file.read(size)), dtype).reshape(shape)
    return description, arrays


def _header(file: Any, name: str) -> tuple[dict[str, tuple[np.dtype[Any], Any, int, int]], dict[str, str], int]:
    """Type, shape, first byte and bytes of each array, the text beside them, and where the arrays begin."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _LONGEST_HEADER):
        raise ValueError(f"{name!r} is damaged, truncated or no safetensors file: it has no header")
    types = {code: dtype.newbyteorder("<") for dtype, code in DTYPES.items()}
    try:
        header = json.loads(file.read(length))
        metadata = {str(key): str(value) for key, value in header.pop("__metadata__", {}).items()}
        entries = {}
        for key, entry in header.items():
            begin, end = map(int, entry["data_offsets"])
            dtype, shape = types[entry["dtype"]], tuple(map(int, entry["shape"]))
            if (
                min(shape, default=0) < 0
                or begin < 0
                or end - begin != dtype.itemsize * int(np.prod(shape, dtype=object))
            ):
                raise ValueError(f"the array {key!r} has a wrong size")
            entries[key] = (dtype, shape, begin, end - begin)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{name!r} is damaged or no safetensors file: its header is wrong ({error})") from None
    start = 8 + length
    if start + max((begin + bytes_ for _, _, begin, bytes_ in entries.values()), default=0) != size:
        raise ValueError(f"{name!r} is damaged or truncated: its arrays do not end where the file does")
    return entries, metadata, start
