"""How a user's batch and states reach the core: checked, and copied at most once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.nn import _checks
from nncore.nn._explain import beyond_int64, entry_text, first_place

# What a state is for the user: one entry per recurrent layer, h or (h, c).
State = list[Any]


@dataclass
class Batch:
    """A batch as the core takes it: values (N, T, F) or ids (N, T); T is 1 where the user's x has no steps."""

    values: NDArray[Any] | None
    ids: NDArray[np.int64] | None
    lengths: NDArray[np.int64] | None
    has_steps: bool
    count: int
    steps: int


def make_batch(x: Any, lengths: Any, *, takes_ids: bool, needs_steps: bool, dtype: np.dtype[Any]) -> Batch:
    """Check the shape and type of `x` and `lengths`.

    Raises
    ------
    TypeError
        If `x` is of a type that the network does not take, or lengths are not integers.
    ValueError
        If shapes do not fit or the batch is empty.
    """
    if is_ragged(x) and not takes_ids and x[0].ndim == 1:  # rows, one after the other
        x = [_checks.as_array(f"x[{index}]", row) for index, row in enumerate(x)]
    elif is_ragged(x):
        if lengths is not None:
            raise ValueError("lengths must be None where x is a list of sequences: they have their own")
        x, lengths = pad("x", x)
    if takes_ids:
        array = _checks.integer_array("x", x, "ids for an Embedding")
        ranks: tuple[int, ...] = (1, 2)
        shapes = "(N,) or (N, T)"
    else:
        array = _checks.real_array("x", x)
        ranks, shapes = (2, 3), "(N, F) or (N, T, F)"
    if needs_steps:
        ranks, shapes = ranks[1:], shapes.split(" or ")[1]
    if array.ndim not in ranks:
        raise ValueError(f"x must have the shape {shapes}, but has {array.shape}")
    if array.size == 0:
        raise ValueError(f"x must not be empty, but has the shape {array.shape}")
    has_steps = array.ndim == (2 if takes_ids else 3)
    count = array.shape[0]
    steps = array.shape[1] if has_steps else 1
    valid = None if lengths is None else _lengths(lengths, has_steps, steps)
    if takes_ids:
        if array.dtype.kind == "u":
            refuse_beyond_int64(array, valid)
        ids = _checks.contiguous(array, np.int64).reshape(count, steps)
        return Batch(None, ids, valid, has_steps, count, steps)
    values = _checks.contiguous(array, dtype).reshape(count, steps, array.shape[-1])
    return Batch(values, None, valid, has_steps, count, steps)


def is_ragged(x: Any) -> bool:
    """Return whether `x` is a list of sequences, each an array."""
    return isinstance(x, (list, tuple)) and len(x) > 0 and all(isinstance(item, np.ndarray) and item.ndim for item in x)


def pad(name: str, sequences: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return sequences of one width, (T_i, ...), as one array (N, T, ...) padded with zeros, and their lengths."""
    sequences = [_checks.as_array(f"{name}[{index}]", sequence) for index, sequence in enumerate(sequences)]
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    tails = {sequence.shape[1:] for sequence in sequences}
    if len(tails) > 1:
        raise ValueError(f"{name} must be sequences of one width, but has {' and '.join(map(str, sorted(tails)))}")
    dtype = np.result_type(*sequences)
    padded = np.zeros((len(sequences), max(int(lengths.max()), 1), *tails.pop()), dtype)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded, lengths


def _lengths(lengths: Any, has_steps: bool, steps: int) -> NDArray[np.int64]:
    if not has_steps:
        raise ValueError("lengths must be None where x has no steps")
    array = _checks.integer_array("lengths", lengths, "the valid steps of each sequence")
    if array.ndim != 1:
        raise ValueError(f"lengths must have the shape (N,), but has {array.shape}")
    place = first_place(beyond_int64(array), None) if array.dtype.kind == "u" else None
    if place is not None:  # the core would see a negative number
        raise ValueError(f"lengths must lie in [0, {steps}], but {entry_text('lengths', array, place)}")
    return _checks.contiguous(array, np.int64)


def refuse_beyond_int64(ids: NDArray[Any], lengths: NDArray[np.int64] | None) -> None:
    """IndexError for an id that the core would see as a negative number."""
    place = first_place(beyond_int64(ids), lengths)
    if place is not None:
        raise IndexError(f"x must hold ids below the Embedding's num_embeddings, but {entry_text('x', ids, place)}")


class StateLayout:
    """The arrays that make up a network's state: h for Elman and GRU, h and c for LSTM."""

    def __init__(self, infos: Sequence[tuple[int, int, int]], dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._shapes = [(planes, hidden) for _, planes, hidden in infos]
        layers = [layer for layer, _, _ in infos]
        self._sizes = [layers.count(layer) for layer in dict.fromkeys(layers)]

    def read(self, name: str, state: Any) -> list[NDArray[Any]]:
        """Return the arrays of a user's state, none for None; the core checks their shapes."""
        if state is None:
            return []
        if not isinstance(state, (list, tuple)) or len(state) != len(self._sizes):
            came = f"{len(state)} entries" if isinstance(state, (list, tuple)) else type(state).__name__
            raise ValueError(
                f"{name} must be a list with one entry per recurrent layer, {len(self._sizes)}, not {came}"
            )
        arrays = []
        for index, (entry, size) in enumerate(zip(state, self._sizes, strict=True)):
            parts = (entry,) if size == 1 else entry
            if size == 2 and (not isinstance(entry, (list, tuple)) or len(entry) != 2):
                raise ValueError(f"{name}[{index}] must be (h, c), but is a {type(entry).__name__}")
            for part in parts:
                array = _checks.real_array(f"{name}[{index}]", part)
                if array.ndim != 3:
                    raise ValueError(
                        f"{name}[{index}] must have the shape (layers * directions, N, H), but has {array.shape}"
                    )
                arrays.append(_checks.contiguous(array, self._dtype))
        return arrays

    def named(self, name: str, state: State | None) -> list[tuple[str, Any]]:
        """Return the parts of a state that `read` took, each with its place in it."""
        named: list[tuple[str, Any]] = []
        for index, (entry, size) in enumerate(zip(state or [], self._sizes, strict=False)):
            place = f"{name}[{index}]"
            named += [(place, entry)] if size == 1 else [(f"{place}[{part}]", entry[part]) for part in range(size)]
        return named

    def make(self, count: int, wanted: bool) -> list[NDArray[Any]]:
        """Return arrays for a state of `count` sequences to be written to; none where it is not wanted."""
        if not wanted:
            return []
        return [np.empty((planes, count, hidden), self._dtype) for planes, hidden in self._shapes]

    def group(self, arrays: Sequence[NDArray[Any]]) -> State:
        """Return the user's form of a state."""
        state: State = []
        place = 0
        for size in self._sizes:
            state.append(arrays[place] if size == 1 else tuple(arrays[place : place + size]))
            place += size
        return state
