from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nncore.datasets import read_idx

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def written(path: Path, array: np.ndarray, packed: bool) -> Path:
    code = CODES[array.dtype.str[1:]]
    content = bytes([0, 0, code, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    content += array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", list(CODES))
@pytest.mark.parametrize("shape", [(5,), (3, 4, 2), (0, 7)])
def test_what_was_written_is_read(tmp_path: Path, kind: str, shape: tuple[int, ...], packed: bool) -> None:
    array = (np.arange(np.prod(shape)).reshape(shape) - 3).astype(kind)
    read = read_idx(written(tmp_path / "file", array, packed))
    assert read.dtype == array.dtype
    assert read.flags.writeable
    assert_array_equal(read, array)


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\1\0\x08\1\0\0\0\1x", b"\0\0\x07\1\0\0\0\1x", b"\0\0\x08\0x"])
def test_another_format_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match="file' is no IDX file"):
        read_idx(tmp_path / "file")


@pytest.mark.parametrize("cut", [1, 5, 20, 27])
def test_a_file_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    whole = written(tmp_path / "file", np.arange(12, dtype=np.int16).reshape(3, 4), packed=False)
    whole.write_bytes(whole.read_bytes()[:-cut])
    with pytest.raises(ValueError, match="is damaged: an IDX file of shape"):
        read_idx(whole)


def test_a_file_that_says_it_is_huge_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\0\0\x0e\3" + b"\xff" * 12)
    with pytest.raises(ValueError, match="is damaged"):
        read_idx(tmp_path / "file")


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    whole = written(tmp_path / "file", np.arange(12.0), packed=True)
    whole.write_bytes(whole.read_bytes()[:-9])
    with pytest.raises(ValueError, match="is damaged"):
        read_idx(whole)


def test_mnist_is_read(data_dir: Path) -> None:
    labels = read_idx(data_dir / "mnist" / "t10k-labels-idx1-ubyte.gz")
    assert labels.shape == (10_000,)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
