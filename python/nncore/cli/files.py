"""Files that commands write."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path


def check_writable(file: Path) -> None:
    """Raise an OSError, before any work is done, unless `file` can be written; makes its folder if need be."""
    with contextlib.suppress(FileExistsError):  # a file where the folder should be: the next lines say so
        file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(file.parent)) from None


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
