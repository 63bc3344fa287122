from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nncore.text._key_index import KeyIndex, first_twice

Array = NDArray[Any]
Key = Any  # str, or an integer: a key, or else the index of one
Self = TypeVar("Self", bound="VectorTable")

KEY_TYPES = (str, int, np.integer)
_RENAMED = {
    "wmdistance": "gensim's own KeyedVectors",
    "resize_vectors": "add_vectors",
    "log_accuracy": "evaluate_word_analogies",
    "index2word": "index_to_key",
    "index2entity": "index_to_key",
    "vocab": "key_to_index, index_to_key, get_vecattr and set_vecattr",
    "vectors_norm": "get_normed_vectors()",
    "init_sims": "fill_norms() or unit_normalize_all()",
    "word_vec": "get_vector",
    "words_closer_than": "closer_than",
    "accuracy": "evaluate_word_analogies",
    "syn0": "vectors",
    "syn0norm": "get_normed_vectors()",
}


class VectorTable(KeyIndex):
    """Keys, their vectors and what else is known of each: the part of `KeyedVectors` that holds and finds them."""

    def __init__(
        self, vector_size: int, count: int = 0, dtype: DTypeLike = np.float32, mapfile_path: str | None = None
    ) -> None:
        for name, value, least in (("vector_size", vector_size, 1), ("count", count, 0)):
            if not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"dtype must be a floating type, got {np.dtype(dtype)}")
        self.vector_size = int(vector_size)
        self.index_to_key: list[Any] = [None] * count
        self.next_index = 0
        self.expandos: dict[str, Array] = {}
        self.vectors_lockf: Array = np.ones(1, np.float32)
        self.mapfile_path = mapfile_path
        self.vectors = np.zeros((count, vector_size), dtype)

    @classmethod
    def from_arrays(cls: type[Self], keys: Sequence[Key], vectors: Array, counts: ArrayLike | None = None) -> Self:
        """Vectors that are there already, taken without a copy.

        Parameters
        ----------
        keys : sequence of str
            All different. A list is taken as it is.
        vectors : array of shape (len(keys), vector_size)
            Of float16, float32 or float64; rows may lie apart. Changes of the array change the vectors: call
            ``fill_norms(True)`` after one. It is not searched for NaN. One with another order of bytes, or whose rows
            overlap or do not lie in one piece each, is copied.
        counts : array of int, optional
            How often each key occurred: the attribute "count".

        Raises
        ------
        ValueError
            The lengths differ, or a key comes twice.
        """
        vectors = np.asarray(vectors)
        if vectors.ndim != 2 or len(vectors) != len(keys) or vectors.dtype.kind != "f" or not vectors.shape[1]:
            raise ValueError(
                f"vectors must be floating numbers of shape (len(keys), vector_size) = ({len(keys)}, ...), "
                f"got {vectors.dtype} of shape {vectors.shape}"
            )
        made = cls(vectors.shape[1], dtype=vectors.dtype)
        made.index_to_key = keys if isinstance(keys, list) else list(keys)
        if len(set(keys)) != len(keys):
            raise ValueError(f"keys must be different, but {first_twice(keys)!r} comes twice")
        made.next_index = len(keys)
        made.vectors = vectors
        if counts is not None:
            counts = np.asarray(counts, np.int64)
            if counts.shape != (len(keys),):
                raise ValueError(f"counts must have shape ({len(keys)},), got {counts.shape}")
            made.expandos["count"] = counts
        return made

    @property
    def vectors(self) -> Array:
        """The vectors, one row per key, of shape (len(self), vector_size).

        Setting it, ``+=`` and the like included, forgets the norms. After a change of some elements, as in
        ``kv.vectors[3] = 0``, call ``kv.fill_norms(force=True)``.
        """
        return self._vectors

    @vectors.setter
    def vectors(self, vectors: Array) -> None:
        self._vectors = _in_rows(vectors)
        self.norms: Array | None = None
        self._safe_norms: tuple[Array, Array] | None = None

    def __getattr__(self, name: str) -> Any:
        if name in _RENAMED:
            raise AttributeError(
                f"{name} is not an attribute of KeyedVectors: use {_RENAMED[name]}", name=name, obj=self
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __str__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    __repr__ = __str__

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, key: object) -> bool:
        return self.has_index_for(key)

    def __getitem__(self, key_or_keys: Any) -> Array:
        """Vector of a key, read-only, or the vectors of a list of keys as rows of a new array."""
        if isinstance(key_or_keys, KEY_TYPES):
            return self.get_vector(key_or_keys)
        return self._vectors[self._indices(key_or_keys)]

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Index of a key: its row in ``vectors``.

        An integer that is no key itself is taken as an index.

        Raises
        ------
        KeyError
            The key is not there, and `default` is None.
        """
        index = self.key_to_index.get(key, -1)
        if index >= 0:
            return index
        if isinstance(key, (int, np.integer)) and 0 <= key < len(self.index_to_key):
            return int(key)
        if default is not None:
            return default
        raise KeyError(f"{key!r} is not in the vocabulary")

    def has_index_for(self, key: Key) -> bool:
        """Whether a key has a vector."""
        return self.get_index(key, -1) >= 0

    def get_vector(self, key: Key, norm: bool = False) -> Array:
        """Vector of a key, read-only.

        Parameters
        ----------
        key : str or int
            The key, or its index.
        norm : bool
            Give it the length 1. A vector of zeros stays as it is.

        Raises
        ------
        KeyError
            The key is not there.
        """
        index = self.get_index(key)
        vector: Array = self._vectors[index]
        if norm:
            vector = (vector / self._divisor(index)).astype(vector.dtype, copy=False)
        vector.setflags(write=False)
        return vector

    def get_mean_vector(
        self,
        keys: Any,
        weights: ArrayLike | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Array:
        """Weighted mean of the vectors of keys.

        Parameters
        ----------
        keys : list of (str, int or array)
            Keys, indices of keys, or vectors.
        weights : array of shape (len(keys),), optional
            1 by default. The sum is divided by the sum of their absolute values.
        pre_normalize : bool
            Give the vectors of keys the length 1 before; vectors that are given as arrays are taken as they are.
        post_normalize : bool
            Give the mean the length 1.
        ignore_missing : bool
            Leave out keys that are not there, rather than raise KeyError.

        Returns
        -------
        mean : array of shape (vector_size,)
            Zeros where no key is there.

        Raises
        ------
        ValueError
            No keys, weights of another number, or a vector of another size.
        KeyError
            A key is not there, and `ignore_missing` is False.
        """
        keys = as_list(keys)
        if not keys:
            raise ValueError("keys must not be empty: there is no mean of nothing")
        weights = np.ones(len(keys)) if weights is None else np.asarray(weights, np.float64)
        if weights.shape != (len(keys),):
            raise ValueError(f"weights must have one value for each of the {len(keys)} keys, got shape {weights.shape}")
        mean, total = np.zeros(self.vector_size), 0.0
        for key, weight in zip(keys, weights, strict=True):
            if isinstance(key, np.ndarray):
                mean += weight * self._checked_vector(key)
            elif key in self:
                index = self.get_index(key)
                mean += weight / (self._divisor(index) if pre_normalize else 1.0) * self._vectors[index]
            elif ignore_missing:
                continue
            else:
                raise KeyError(f"{key!r} is not in the vocabulary")
            total += abs(weight)
        if total > 0:
            mean /= total
        if post_normalize:
            mean = unit(mean)
        return mean.astype(self._vectors.dtype)

    def fill_norms(self, force: bool = False) -> None:
        """See to it that ``norms``, the lengths of the vectors, are there.

        Parameters
        ----------
        force : bool
            Compute them even where they are: needed after ``vectors`` was changed in place.
        """
        if self.norms is None or force:
            self.norms = _lengths(self._vectors)

    def get_normed_vectors(self) -> Array:
        """All vectors with the length 1, in a new array; vectors of zeros stay as they are."""
        return (self._vectors / self._divisors()[:, None]).astype(self._vectors.dtype, copy=False)

    def _divisor(self, index: int) -> float:
        self.fill_norms()
        assert self.norms is not None
        return float(self.norms[index]) or 1.0

    def _divisors(self) -> Array:
        """Lengths of the vectors, 1 for a vector of zeros: so it has the cosine 0 with everything."""
        self.fill_norms()
        assert self.norms is not None
        if self._safe_norms is None or self._safe_norms[0] is not self.norms:
            self._safe_norms = (self.norms, np.where(self.norms == 0, self.norms.dtype.type(1), self.norms))
        return self._safe_norms[1]

    def _indices(self, keys: Iterable[Key]) -> NDArray[np.int64]:
        return np.fromiter((self.get_index(key) for key in keys), np.int64)

    def _checked_vector(self, vector: Array) -> Array:
        if vector.shape != (self.vector_size,):
            raise ValueError(f"a vector must have shape ({self.vector_size},), got {vector.shape}")
        if not np.isfinite(vector).all():
            raise ValueError("a vector must be finite, got NaN or infinity")
        return vector


def as_list(keys: Any) -> list[Any]:
    """Turn one key or vector, several, or None into a list."""
    if keys is None:
        return []
    if isinstance(keys, KEY_TYPES) or (isinstance(keys, np.ndarray) and keys.ndim == 1 and keys.dtype.kind in "fiu"):
        return [keys]
    return list(keys)


def _in_rows(vectors: Array) -> Array:
    """The same numbers as the core reads them: in the machine's order of bytes, each row in one piece and by itself."""
    if vectors.dtype.kind != "f" or vectors.dtype.itemsize > 8:
        raise TypeError(f"vectors must be float16, float32 or float64, got {vectors.dtype}")
    size = vectors.dtype.itemsize
    apart = vectors.ndim != 2 or len(vectors) < 2 or vectors.strides[0] >= vectors.shape[1] * size
    if vectors.ndim == 2 and vectors.shape[1] > 1:
        apart = apart and vectors.strides[1] == size
    if vectors.dtype.isnative and vectors.flags.aligned and apart:
        return vectors
    return np.ascontiguousarray(vectors, vectors.dtype.newbyteorder("="))


def unit(vector: Array) -> Array:
    """Give a vector the length 1, unless it is zero."""
    length = np.sqrt(np.einsum("i,i->", vector, vector))
    return vector / length if length > 0 else vector


def _lengths(vectors: Array) -> Array:
    """Lengths of the rows, without another array of their size."""
    if vectors.dtype.itemsize < 4:  # squares of half precision overflow
        vectors = vectors.astype(np.float32)
    squares: Array = np.einsum("ij,ij->i", vectors, vectors)
    return np.sqrt(squares, out=squares)
