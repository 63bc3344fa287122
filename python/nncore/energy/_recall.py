"""How states run through the core, a call of about a fifth of a second at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nncore import _core

Array = NDArray[Any]
CALL_SECONDS = 0.1  # half of what a call may take, as its estimate may be wrong


class RecallReport(NamedTuple):
    """What became of each state of a recall.

    Attributes
    ----------
    n_sweeps : int array of shape (n_samples,)
        Sweeps, or synchronous steps, that were made; the last one of a settled state changed nothing.
    converged : bool array of shape (n_samples,)
        Whether it is a fixed point.
    cycle : int array of shape (n_samples,)
        Length of the cycle that it is in: 1 for a fixed point, 2 when synchronous recall alternates with another state
        for ever, 0 when neither was seen, as always at a temperature.
    """

    n_sweeps: Array
    converged: Array
    cycle: Array


@dataclass
class Rows:
    """States under way, as the core takes them."""

    states: Array
    previous: Array
    ids: Array
    sweeps: Array
    cycle: Array

    @classmethod
    def start(cls, states: Array) -> Rows:
        n = len(states)
        return cls(states, np.zeros_like(states), np.arange(n), *(np.zeros(n, np.int64) for _ in range(2)))

    def take(self, index: Any) -> Rows:
        """A copy of some rows."""
        return Rows(*(np.ascontiguousarray(part[index]) for part in self.parts()))

    def put(self, index: Any, rows: Rows) -> None:
        for part, new in zip(self.parts(), rows.parts(), strict=True):
            part[index] = new

    def parts(self) -> tuple[Any, ...]:
        return self.states, self.previous, self.ids, self.sweeps, self.cycle


class Network(Protocol):
    """What recalls: packed memories, or weights."""

    def seconds(self) -> float:
        """About how long a sweep of one state takes."""

    def fields(self, states: Array) -> Array:
        """The field h of each unit, times a positive number."""

    def run(self, rows: Rows, fields: Array | None, **settings: Any) -> None:
        """Sweeps; `fields` are those of the last call."""

    def start(self, states: Array) -> Array | None:
        """What `run` needs of the states that it begins with."""


@dataclass
class Packed:
    """Hebbian memories, a bit each."""

    rows: Array
    columns: Array
    bias: Array | None  # d·b
    self_connections: bool

    def seconds(self) -> float:
        return 1e-9 * len(self.columns) * (8 + 0.15 * len(self.rows))

    def start(self, states: Array) -> None:
        return None

    def fields(self, states: Array) -> Array:
        fields = np.empty(states.shape)
        _core.packed_fields(self.rows, self.columns, self.bias, self.self_connections, states, fields)
        return fields

    def overlaps(self, states: Array) -> Array:
        overlaps = np.empty((len(states), len(self.rows)), np.int64)
        for part in blocks(len(states), 1e-9 * len(self.rows) * (5 + 0.3 * self.rows.shape[1])):
            _core.packed_overlaps(self.rows, self.columns, states[part], overlaps[part])
        return overlaps

    def run(self, rows: Rows, fields: Array | None, **settings: Any) -> None:
        _core.packed_hopfield_recall(
            *(self.rows, self.columns, self.bias, self.self_connections), *rows.parts(), **settings
        )


@dataclass
class Weights:
    """A matrix of weights."""

    weights: Array
    bias: Array  # of their type

    def seconds(self) -> float:
        return 1e-10 * self.weights.size

    def start(self, states: Array) -> Array:
        return self.fields(states)

    def fields(self, states: Array) -> Array:
        fields = np.empty(states.shape, self.weights.dtype)
        _core.hopfield_fields(states, self.weights, self.bias, fields)
        return fields

    def run(self, rows: Rows, fields: Array | None, **settings: Any) -> None:
        assert fields is not None
        sweep: Any = _core.hopfield_recall  # overloads say nothing of arrays whose type is known at run time
        sweep(self.weights, self.bias, *rows.parts(), fields, **settings)


def blocks(count: int, seconds: float, multiple: int = 1) -> Iterator[slice]:
    """Parts of so many rows, each of them of so many seconds, that a call of the core may have."""
    size = max(1, int(CALL_SECONDS / seconds) // multiple) * multiple
    for begin in range(0, count, size):
        yield slice(begin, min(count, begin + size))


def recall(
    network: Network, states: Array, max_sweeps: int, path: list[Array] | None, verbose: int, **settings: Any
) -> RecallReport:
    """Change states (n, d), int8, until they are settled, alternate, or have had so many sweeps.

    `path` gets a copy of all states after each sweep, and before the first.
    """
    rows = Rows.start(states)
    if path is not None:
        path.append(states.copy())
    with tqdm(total=len(states) * max_sweeps, unit="sweeps", disable=None if verbose else True, desc="recall") as bar:
        for part in blocks(len(states), network.seconds()):
            _recall_block(network, rows, part, max_sweeps, path, bar, settings)
    return RecallReport(rows.sweeps, rows.cycle == 1, rows.cycle)


def _recall_block(
    network: Network,
    all_rows: Rows,
    part: slice,
    max_sweeps: int,
    path: list[Array] | None,
    bar: Any,
    settings: dict[str, Any],
) -> None:
    index = np.arange(part.start, part.stop)
    rows = all_rows.take(part)
    fields = network.start(rows.states)
    sweep, count = 0, 1
    while len(index) and sweep < max_sweeps:
        started = time.perf_counter()
        network.run(rows, fields, first_sweep=sweep, count=count, **settings)
        each = (time.perf_counter() - started) / count
        sweep += count
        all_rows.put(index, rows)
        going = rows.cycle == 0
        bar.update(len(index) * count + int((~going).sum()) * (max_sweeps - sweep))
        if path is not None:
            _add_to_path(path, sweep, index, all_rows.states)
        if not going.all():  # those that are finished would be in the way
            index, rows = index[going], rows.take(going)
            fields = None if fields is None else fields[going]
        # Few at a time where they may soon be settled: the order of each sweep is drawn before the call.
        most = 1 if path is not None else max(1, min(2 * count, int(CALL_SECONDS / max(each, 1e-9))))
        count = min(most, max_sweeps - sweep)


def _add_to_path(path: list[Array], sweep: int, index: Array, states: Array) -> None:
    """States that were finished before have those of their last sweep in all later ones."""
    while len(path) <= sweep:
        path.append(path[-1].copy())
    for later in path[sweep:]:
        later[index] = states[index]
