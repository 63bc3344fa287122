"""Model files: safetensors with a checksum, written so that a crash leaves the old file or the new one.

`write_safetensors` and `read_safetensors` serve every family; `write_model` and `read_model` add the header that all
files of nncore share: format, version, kind and a JSON description.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import safetensors

FORMAT = "nncore"
VERSION = 1

Path = str | os.PathLike[str]
Arrays = dict[str, np.ndarray]

DTYPES = {  # by the format's names
    np.dtype(name): code
    for name, code in (
        *(("float16", "F16"), ("float32", "F32"), ("float64", "F64"), ("bool", "BOOL"), ("complex64", "C64")),
        *((f"int{bits}", f"I{bits}") for bits in (8, 16, 32, 64)),
        *((f"uint{bits}", f"U{bits}") for bits in (8, 16, 32, 64)),
    )
}


def write_safetensors(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write arrays and text to a safetensors file, whole or not at all; the same ones give the same bytes.

    The file is written under a temporary name in the same folder, flushed to the disk and renamed. When anything
    fails, the temporary file is removed and a file that stood at `path` is untouched.

    Parameters
    ----------
    path : str or os.PathLike
        Where to write; an existing file is replaced and keeps its permissions.
    arrays : mapping of str to array
        Any shape; float16, float32, float64, complex64, bool and integers.
    metadata : mapping of str to str
        Goes into the header, with a checksum of everything beside it.

    Raises
    ------
    TypeError
        An array of another dtype, or names or metadata that are not str.
    OSError
        The folder is missing or cannot be written, or the disk is full. `filename` is `path`.
    """
    native = {_checked_name(name): _native(name, array) for name, array in arrays.items()}
    text = _checked_metadata(metadata)
    header = {**text, "checksum": _checksum(native, text)}
    write_whole(path, lambda temporary: _write_arrays(temporary, native, header))


def path_text(path: Any) -> Any:
    """Return a path as the operating system takes it; TypeError, in the argument's name, if it is none."""
    try:
        return os.fspath(path)
    except TypeError:
        raise TypeError(f"path must be a str or os.PathLike, but is {path!r}") from None


def write_whole(path: Path, write: Callable[[str], object]) -> None:
    """Write a file, whole or not at all: under a temporary name in its folder, flushed to the disk and renamed.

    Parameters
    ----------
    path : str or os.PathLike
        Where to write; an existing file is replaced and keeps its permissions.
    write : callable
        Is given the temporary name, where an empty file stands already.

    Raises
    ------
    OSError
        The folder is missing or cannot be written, or the disk is full. `filename` is `path`.
    """
    target = os.path.realpath(path_text(path))
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".nncore-{os.urandom(8).hex()}.tmp")
    try:
        if os.path.isdir(target):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if os.path.exists(target) and not os.path.isfile(target):  # renaming would put a file in a device's place
            raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
        # Made here, exclusively, so that what is wrong with the folder is the operating system's own error.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        permissions = os.stat(target if os.path.exists(target) else temporary).st_mode
        write(temporary)
        os.chmod(temporary, stat.S_IMODE(permissions))
        _flush_to_disk(temporary)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno is not None:
            raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
        raise
    with contextlib.suppress(OSError):  # the file is in place already; some file systems have no fsync of a folder
        _flush_to_disk(folder)


def read_safetensors(path: Path) -> tuple[Arrays, dict[str, str]]:
    """Arrays and text of a safetensors file; nothing in the file is executed.

    Parameters
    ----------
    path : str or os.PathLike
        A file of `write_safetensors`, whose checksum is compared, or of another program.

    Returns
    -------
    arrays : dict of str to array
        Writable, aligned, in this machine's byte order, and independent of the file.
    metadata : dict of str to str
        Without the checksum.

    Raises
    ------
    ValueError
        The file is damaged, truncated, or no safetensors file. The message names `path`.
    OSError
        There is no such file, or it cannot be read.
    """
    name = path_text(path)
    with open(name, "rb"):  # the clear errors of the operating system, before the parser's
        pass
    try:
        with safetensors.safe_open(name, framework="np") as file:
            arrays = {key: np.array(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118  (no mapping)
            metadata = dict(file.metadata() or {})
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # a panic of the parser is no Exception
        raise ValueError(
            f"{name!r} is damaged, truncated or no safetensors file: {error or type(error).__name__}"
        ) from None
    for key, array in arrays.items():
        if array.dtype not in DTYPES:  # another package may have taught NumPy a type
            raise ValueError(f"{name!r} holds {key!r} of type {array.dtype}, which NumPy does not have")
    checksum = metadata.pop("checksum", None)
    ours = metadata.get("format") == FORMAT
    if (checksum is not None or ours) and checksum != _checksum(arrays, metadata):
        raise ValueError(f"{name!r} is damaged: its contents do not match its checksum")
    return arrays, metadata


def write_model(path: Path, kind: str, description: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a model: its arrays, and a header that says what they are.

    Parameters
    ----------
    path : str or os.PathLike
        Where to write, as in `write_safetensors`.
    kind : str
        What the file holds, "Sequential" or the name of an estimator.
    description : mapping
        Whatever else rebuilds the model, in JSON's types.
    arrays : mapping of str to array
        The model's arrays.
    """
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "kind": kind,
        "description": json.dumps(dict(description), allow_nan=True),
    }
    write_safetensors(path, arrays, header)


def read_model(path: Path, kind: str) -> tuple[dict[str, Any], Arrays]:
    """Description and arrays of a model written by `write_model`.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    kind : str
        The kind it must be of.

    Raises
    ------
    ValueError
        A damaged file, a file of another program, of a later version or of another kind. The message names `path`.
    """
    arrays, metadata = read_safetensors(path)
    return description_of(os.fspath(path), kind, metadata), arrays


def kind_of(path: Path) -> str | None:
    """The kind of model that a file says it holds; None when it says nothing. Its contents are not checked."""
    try:
        with safetensors.safe_open(os.fspath(path), framework="np") as file:
            return (file.metadata() or {}).get("kind")
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException:  # whoever reads it says what is wrong; a panic of the parser is no Exception
        return None


def description_of(name: str, kind: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Description in the metadata of the model file `name`; raises as `read_model` does."""
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{name!r} is a safetensors file, but not one that nncore wrote")
    version = metadata.get("version", "")
    if not version.isdecimal() or int(version) > VERSION:
        raise ValueError(f"{name!r} has format version {version!r}; this nncore reads versions up to {VERSION}")
    if metadata.get("kind") != kind:
        raise ValueError(f"{name!r} holds a {metadata.get('kind')}, not a {kind}")
    try:
        description = json.loads(metadata.get("description", ""))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name!r} is damaged: its description is not JSON ({error})") from None
    if not isinstance(description, dict):
        raise ValueError(f"{name!r} is damaged: its description is no JSON object")
    return description


def _checked_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"arrays must have names of type str; got {name!r}")
    if name == "__metadata__":
        raise ValueError("arrays must not be named '__metadata__': the file format uses this name itself")
    return name


def _checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata must map str to str; got {key!r}: {type(value).__name__}")
    if "checksum" in metadata:
        raise ValueError("metadata must not have the key 'checksum': the file's own stands there")
    return dict(metadata)


def _native(name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    native = array.dtype.newbyteorder("=")
    if native not in DTYPES:
        raise TypeError(f"arrays[{name!r}] has dtype {array.dtype}, which a model file cannot hold")
    return np.asarray(array, dtype=native, order="C")


def _write_arrays(path: str, arrays: Arrays, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file: the length of the header, the header in JSON, the arrays.

    safetensors' own writer puts the metadata in an order of chance.
    """
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))  # so that each array begins aligned
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name in names:
        begin, end = end, end + arrays[name].nbytes
        header[name] = {"dtype": DTYPES[arrays[name].dtype], "shape": arrays[name].shape, "data_offsets": (begin, end)}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            little = arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False)
            file.write(little.reshape(-1).view(np.uint8).data)


def _checksum(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """CRC-32 over names, types, shapes, contents and text: finds what the file format itself would not."""
    shapes = {name: [array.dtype.name, *array.shape] for name, array in arrays.items()}
    crc = zlib.crc32(json.dumps([shapes, dict(metadata)], sort_keys=True).encode())
    for name in sorted(arrays):
        crc = zlib.crc32(arrays[name].reshape(-1).view(np.uint8).data, crc)
    return f"crc32:{crc:08x}"


def _flush_to_disk(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
