from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import _vector_files, _vector_writing
from ._open import reading
from ._vector_files import Format, Path
from ._vector_store import VectorStore
from ._vector_table import Array
from ._word2vec_settings import whole_or_none


def load(
    store_class: Any,
    path: Path,
    fvocab: Path | None,
    binary: bool,
    encoding: str,
    errors: str,
    limit: int | None,
    datatype: DTypeLike,
    no_header: bool,
    tolerant: bool,
) -> Any:
    """What `KeyedVectors.load_word2vec_format` does."""
    if no_header and binary:
        raise ValueError("no_header=True is for text: a binary file has a header")
    limit = whole_or_none(limit, "limit", 1)
    dtype = np.dtype(datatype)
    if dtype not in (np.float16, np.float32, np.float64):
        raise TypeError(f"datatype must be float16, float32 or float64, got {dtype}")
    "".encode(encoding), b"".decode(encoding, errors)  # LookupError of unknown names before anything is read
    counts = None if fvocab is None else _read_counts(fvocab, encoding, errors)
    how = Format(binary, not no_header, encoding, errors, tolerant, limit, dtype)
    words, vectors, promised = _vector_files.read(path, how)
    words, vectors = _without_twins(path, words, vectors)
    order = np.arange(promised, promised - len(words), -1)
    return store_class.from_arrays(words, vectors, order if counts is None else _counts_of(words, counts))


def intersect(store: VectorStore, path: Path, lockf: float, binary: bool, encoding: str, errors: str) -> None:
    """What `KeyedVectors.intersect_word2vec_format` does."""
    words, vectors, _ = _vector_files.read(path, Format(binary, encoding=encoding, errors=errors))
    if vectors.shape[1] != store.vector_size:
        raise ValueError(
            f"{os.fspath(path)!r} has vectors of size {vectors.shape[1]}, but these have size {store.vector_size}"
        )
    # As with a loop over the file, the last of two words alike counts.
    common = {store.key_to_index[word]: row for row, word in enumerate(words) if word in store.key_to_index}
    into, taken = list(common), list(common.values())
    store._writable()[into] = vectors[taken]
    store.norms = None
    if len(store.vectors_lockf) != len(store):
        store.vectors_lockf = np.resize(store.vectors_lockf, len(store))
    store.vectors_lockf[into] = lockf


def save(
    store: VectorStore,
    path: Path,
    fvocab: Path | None,
    binary: bool,
    total: int | None,
    write_header: bool,
    prefix: str,
    append: bool,
    sort_attr: str,
) -> None:
    """What `KeyedVectors.save_word2vec_format` does."""
    total = whole_or_none(total, "total_vec", 0)
    order = np.arange(len(store))
    if sort_attr in store.expandos:
        values = store.expandos[sort_attr]  # which, unsigned, have no negatives
        order = np.argsort(-(values.astype(np.int64) if values.dtype.kind in "bu" else values), kind="stable")
    elif fvocab is not None:
        raise ValueError(f"fvocab needs the attribute {sort_attr!r} (sort_attr), which these keys do not have")
    keys = [f"{prefix}{store.index_to_key[index]}" for index in order]
    _vector_writing.check_words(keys)
    if fvocab is not None:
        values = store.expandos[sort_attr][order]
        lines = "".join(f"{key} {value}\n" for key, value in zip(keys, values, strict=True)).encode()
        _vector_writing.write_bytes(fvocab, lambda file: file.write(lines), append)
    header = f"{len(store) if total is None else total} {store.vector_size}\n" if write_header else ""
    _vector_writing.write(path, keys, store.vectors, order, binary, header, append)


def _read_counts(path: Path, encoding: str, errors: str) -> dict[str, int]:
    counts = {}
    with reading(path) as file:
        for number, line in enumerate(file, 1):
            try:
                word, count = line.decode(encoding, errors).split()
                counts[word] = int(count)
            except ValueError:
                raise ValueError(
                    f"{os.fspath(path)!r}, line {number}: a word and its count are due, but it is {line[:40]!r}"
                ) from None
    return counts


def _counts_of(words: list[str], counts: dict[str, int]) -> Array:
    absent = [word for word in words if word not in counts]
    if absent:
        warnings.warn(f"{len(absent)} words have no count in fvocab and get 0; the first: {absent[0]!r}", stacklevel=4)
    return np.fromiter((counts.get(word, 0) for word in words), np.int64, len(words))


def _without_twins(path: Path, words: list[str], vectors: Array) -> tuple[list[str], Array]:
    """The first of words that are alike."""
    if len(set(words)) == len(words):
        return words, vectors
    first: dict[str, int] = {}
    for index, word in enumerate(words):
        first.setdefault(word, index)
    twin = next(word for index, word in enumerate(words) if first[word] != index)
    warnings.warn(
        f"{os.fspath(path)!r} has {len(words) - len(first)} words that came before, which are left out; the first: "
        f"{twin!r}",
        stacklevel=4,
    )
    return list(first), vectors[list(first.values())]
