from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._vector_table import KEY_TYPES, Array, Key, VectorTable, as_list


class VectorStore(VectorTable):
    """The part of `KeyedVectors` that changes keys, vectors and attributes."""

    def __setitem__(self, keys: Any, weights: Any) -> None:
        """Set the vector of a key, or those of a list of keys; keys that are not there yet are added."""
        if not isinstance(keys, list):
            keys, weights = [keys], np.asarray(weights).reshape(1, -1)
        self.add_vectors(keys, weights, replace=True)

    def unit_normalize_all(self) -> None:
        """Give every vector the length 1, in place; training should not go on afterwards."""
        self.fill_norms()
        if self._vectors.flags.writeable:
            self._vectors /= self._divisors()[:, None].astype(self._vectors.dtype)
            self.norms = None
        else:
            self.vectors = self.get_normed_vectors()

    def add_vector(self, key: Key, vector: ArrayLike) -> int:
        """Add a key and its vector, or change the vector of one that is there.

        Room is made ahead, so that adding one by one takes no longer than adding all at once.

        Parameters
        ----------
        key : str or int
            The key.
        vector : array of shape (vector_size,)
            Its vector.

        Returns
        -------
        index : int
            The key's row in ``vectors``.

        Raises
        ------
        ValueError
            A vector of another size, or NaN or infinity in it.
        """
        row = self._checked_rows([key], np.asarray(vector).reshape(1, -1))
        index = self.key_to_index.get(key)
        if index is None:
            if self.next_index < len(self) and self.index_to_key[self.next_index] is None:
                index = self.next_index
                self._writable()
                self.index_to_key[index] = key
            else:
                index = len(self)
                self._append([key], ahead=len(self) // 2 + 16)
            self.key_to_index[key] = index
            self.next_index = index + 1
        self._writable()[index] = row[0]
        self.norms = None
        return index

    def add_vectors(
        self, keys: Any, weights: ArrayLike, extras: Mapping[str, ArrayLike] | None = None, replace: bool = False
    ) -> None:
        """Add keys and their vectors.

        Parameters
        ----------
        keys : list of (str or int)
            The keys; or one key.
        weights : array of shape (len(keys), vector_size)
            Their vectors.
        extras : mapping of str to array of shape (len(keys),), optional
            Attributes of the keys, such as "count".
        replace : bool
            Whether keys that are there get the new vectors and attributes, or keep what they have. Of two keys alike
            in `keys`, the last counts when this is True, else the first.

        Raises
        ------
        ValueError
            Vectors or attributes of another number or size, or NaN or infinity among the vectors. Nothing is changed.
        """
        keys = as_list(keys)
        rows = self._checked_rows(keys, np.asarray(weights).reshape(len(keys), -1) if len(keys) == 1 else weights)
        attributes = {name: np.asarray(values) for name, values in (extras or {}).items()}
        for name, values in attributes.items():
            if values.shape[:1] != (len(keys),):
                raise ValueError(f"extras[{name!r}] must have one value per key, {len(keys)}, got shape {values.shape}")
        known = len(self)
        targets: dict[int, int] = {}  # row of the store: row of the arguments
        fresh: dict[Any, int] = {}
        for at, key in enumerate(keys):
            index = self.key_to_index.get(key)
            if index is None:
                index = fresh.setdefault(key, known + len(fresh))
            if replace or (index >= known and index not in targets):
                targets[index] = at
        if not targets:
            return
        self.allocate_vecattrs(list(attributes), [values.dtype for values in attributes.values()])
        if fresh:
            self._append(list(fresh))
            self.key_to_index.update(fresh)
            self.next_index = len(self)
        into, taken = list(targets), list(targets.values())
        self._writable()[into] = rows[taken]
        for name, values in attributes.items():
            self.expandos[name][into] = values[taken]
        self.norms = None

    def allocate_vecattrs(self, attrs: Sequence[str] | None = None, types: Sequence[Any] | None = None) -> None:
        """Make room for attributes of every key: of these names and types, or of those that there are.

        Raises
        ------
        TypeError
            There is an attribute of that name whose type cannot hold the other.
        """
        if attrs is None or types is None:
            attrs, types = list(self.expandos), [values.dtype for values in self.expandos.values()]
        for name, kind in zip(attrs, types, strict=True):
            dtype = np.dtype(
                np.int64 if kind is int else object if kind is str or np.dtype(kind).kind in "US" else kind
            )
            there = self.expandos.get(name)
            if there is None:
                self.expandos[name] = np.zeros(len(self), dtype)
            elif not np.can_cast(dtype, there.dtype, "same_kind"):
                raise TypeError(f"the attribute {name!r} has the type {there.dtype}, which cannot hold {dtype}")
            elif len(there) != len(self):
                grown = np.zeros((len(self), *there.shape[1:]), there.dtype)
                grown[: len(there)] = there[: len(self)]
                self.expandos[name] = grown

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        """Set an attribute of a key; the first one of a name decides the type of all.

        Raises
        ------
        KeyError
            The key is not there.
        TypeError
            The attribute has a type that cannot hold `val`.
        """
        index = self.get_index(key)
        self.allocate_vecattrs([attr], [type(val)])
        self.expandos[attr][index] = val

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """Attribute of a key.

        Raises
        ------
        KeyError
            The key, or the attribute, is not there.
        """
        index = self.get_index(key)
        if attr not in self.expandos:
            raise KeyError(f"there is no attribute {attr!r}; there are: {', '.join(self.expandos) or 'none'}")
        return self.expandos[attr][index]

    def sort_by_descending_frequency(self) -> None:
        """Put the keys with the largest attribute "count" first; those that occur equally often keep their order.

        Raises
        ------
        KeyError
            There is no attribute "count".
        """
        if not len(self):
            return
        if "count" not in self.expandos:
            raise KeyError("there is no attribute 'count' to sort by")
        order = np.argsort(-np.asarray(self.expandos["count"], np.int64), kind="stable")
        self.index_to_key = [self.index_to_key[index] for index in order]
        self.key_to_index = {key: index for index, key in enumerate(self.index_to_key)}
        self.expandos = {name: values[order] for name, values in self.expandos.items()}
        if len(self.vectors_lockf) == len(order):
            self.vectors_lockf = self.vectors_lockf[order]
        if len(self._vectors):
            self.vectors = self._vectors[order]

    def _checked_rows(self, keys: Sequence[Key], weights: ArrayLike) -> Array:
        for key in keys:
            if not isinstance(key, KEY_TYPES):
                raise TypeError(f"keys must be str or integers, got {type(key).__name__}")
        rows = np.asarray(weights)
        if rows.size and rows.dtype.kind not in "fiub":
            raise TypeError(f"vectors must be real numbers, got {rows.dtype}")
        if not keys and not rows.size:
            return np.empty((0, self.vector_size), self._vectors.dtype)
        if rows.shape != (len(keys), self.vector_size):
            raise ValueError(f"vectors must have shape ({len(keys)}, {self.vector_size}), got {rows.shape}")
        rows = rows.astype(self._vectors.dtype, copy=False)
        good = np.isfinite(rows).all(axis=1)
        if not good.all():
            raise ValueError(f"vectors must be finite, but that of {keys[int(np.argmin(good))]!r} has NaN or infinity")
        return rows

    def _append(self, keys: list[Key], ahead: int = 0) -> None:
        """Room for more keys, and for `ahead` beyond them when there is none left."""
        used, needed = len(self), len(self) + len(keys)
        room = self.__dict__.get("_room")
        mine = room is not None and self._vectors.base is room and len(self._vectors) == used
        if not mine or room is None or len(room) < needed:
            room = np.zeros((needed + ahead, self.vector_size), self._vectors.dtype)
            room[: len(self._vectors)] = self._vectors
            self._room = room
        self.vectors = room[:needed]
        self.index_to_key.extend(keys)
        self.allocate_vecattrs()

    def _writable(self) -> Array:
        if not self._vectors.flags.writeable:
            raise ValueError("these vectors are read-only (a file that is mapped, or a read-only array): load a copy")
        return self._vectors

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_room"} | {"_safe_norms": None}
