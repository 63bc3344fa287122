"""Sweeps, sums over all states and annealed importance sampling of a Boltzmann machine, in calls of about 0.2 s."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core

Array = NDArray[Any]

MOST_ENUMERATED: int = _core.BOLTZMANN_MOST_ENUMERATED
STREAM = _core.Stream.BOLTZMANN
_CALL_NANOSECONDS = 2e8

# What the random numbers of a seed are for: numbers of substreams, each with the one after it.
LEARNING, CLAMPED, START, SAMPLE, BASE, ANNEALING = 0, 2, 4, 6, 8, 10


@dataclass(frozen=True)
class Machine:
    """E(x) = −(½ xᵀWx + bᵀx); W symmetric without a diagonal."""

    weights: Array
    bias: Array

    def __len__(self) -> int:
        return len(self.bias)

    def double(self) -> Machine:
        return Machine(np.ascontiguousarray(self.weights, np.float64), np.ascontiguousarray(self.bias, np.float64))

    def without_weights(self, bias: Array) -> Machine:
        return Machine(np.zeros_like(self.weights), np.ascontiguousarray(bias, self.weights.dtype))


def nobody_clamped(machine: Machine) -> Array:
    return np.zeros(len(machine), np.uint8)


def sweep(
    machine: Machine,
    states: Array,
    temperatures: Array,
    *,
    clamped: Array,
    seed: int,
    substream: int,
    first: int,
    random_order: bool = False,
    counts: Array | None = None,
) -> None:
    """Sweep each row of `states` once at each temperature; `counts` grow by the sum of x xᵀ.

    Parameters
    ----------
    machine : Machine
    states : uint8 array of shape (chains, n)
        Changed.
    temperatures : array of shape (sweeps,)
    clamped : uint8 array of shape (n,)
    seed, substream, first : int
        Of the random numbers; `first` is the number of the first sweep.
    random_order : bool
    counts : int64 array of shape (n, n) or None
    """
    n, chains = len(machine), len(states)
    temperatures = np.ascontiguousarray(temperatures, np.float64)
    none = np.zeros((0, 0), np.int64)
    at_once = max(16, int(_CALL_NANOSECONDS / (n * (3 + 0.01 * n))))
    rows = min(chains, at_once // 16 * 16)
    for begin in range(0, chains, max(rows, 1)):
        for start, stop in _slices(len(temperatures), max(1, at_once // rows)):
            _core.boltzmann_sweeps(
                machine.weights,
                machine.bias,
                clamped,
                temperatures[start:stop],
                random_order,
                seed,
                substream,
                first + start,
                begin,
                states[begin : begin + rows],
                none if counts is None else counts,
            )


def log_sums(machine: Machine, clamped: Array, rows: Array) -> Array:
    """Log of Σ exp(−E(x)) over the settings of the units that are not clamped, for each row.

    Parameters
    ----------
    machine : Machine
        In float64.
    clamped : uint8 array of shape (n,)
    rows : uint8 array of shape (N, n)

    Returns
    -------
    log_sums : array of shape (N,)
    """
    blocks, at_once = _plan(machine, clamped)
    result = np.empty(len(rows))
    for start, stop in _slices(len(rows), max(1, at_once // blocks)):
        parts = [
            _log_sums(machine, clamped, rows[start:stop], first, last - first)
            for first, last in _slices(blocks, at_once)
        ]
        of_blocks = np.concatenate(parts, axis=1)
        most = of_blocks.max(axis=1)
        result[start:stop] = most + np.log(np.exp(of_blocks - most[:, None]).sum(axis=1))
    return result


def _log_sums(machine: Machine, clamped: Array, rows: Array, first: int, blocks: int) -> Array:
    out = np.empty((len(rows), blocks))
    _core.boltzmann_log_sums(machine.weights, machine.bias, clamped, rows, first, out)
    return out


def moments(machine: Machine, clamped: Array, rows: Array, pairs: bool = True) -> tuple[Array, Array]:
    """Means of x for each row, and of x xᵀ summed over the rows, with the clamped units as in the row.

    Parameters
    ----------
    machine : Machine
        In float64.
    clamped : uint8 array of shape (n,)
    rows : uint8 array of shape (N, n)
    pairs : bool
        Whether the second is wanted.

    Returns
    -------
    means : array of shape (N, n)
    moments : array of shape (n, n)
    """
    totals = log_sums(machine, clamped, rows)
    blocks, at_once = _plan(machine, clamped)
    means = np.zeros(rows.shape)
    sums = np.zeros((len(machine), len(machine)) if pairs else (0, 0))
    for start, stop in _slices(len(rows), max(1, at_once // blocks)):
        for first, last in _slices(blocks, at_once):
            _core.boltzmann_moments(
                machine.weights,
                machine.bias,
                clamped,
                rows[start:stop],
                totals[start:stop],
                first,
                last - first,
                means[start:stop],
                sums,
            )
    return means, sums


def importance(
    machine: Machine, base: Array, clamped: Array, states: Array, betas: Array, *, seed: int, substream: int
) -> Array:
    """Logs of the weights of annealed importance sampling, one for each row of `states`.

    Their exponentials have the mean Z / Π (1 + e^a), with the clamped units fixed and without a factor of them.

    Parameters
    ----------
    machine : Machine
        In float64.
    base : array of shape (n,)
        a, the biases of the independent units it starts with; 0 where clamped.
    clamped : uint8 array of shape (n,)
    states : uint8 array of shape (chains, n)
        Changed.
    betas : array of shape (K + 1,)
        From 0 to 1.
    seed, substream : int
    """
    place: dict[str, Any] = {"clamped": clamped, "seed": seed, "substream": substream}
    sweep(machine.without_weights(base), states, np.ones(1), first=0, **place)
    log_weights = np.zeros(len(states))
    n, chains = len(machine), len(states)
    at_once = max(1, int(_CALL_NANOSECONDS / (n * (4 + 0.02 * n))))
    for begin, end in _slices(chains, max(16, at_once // 16 * 16)):
        for start, stop in _slices(len(betas) - 1, max(1, at_once // (end - begin))):
            _core.boltzmann_importance(
                machine.weights,
                machine.bias,
                base,
                clamped,
                betas[start : stop + 1],
                seed,
                substream,
                1 + start,
                begin,
                states[begin:end],
                log_weights[begin:end],
            )
    return log_weights


def fields(machine: Machine, rows: Array) -> Array:
    """f_i = Σ_j w_ij x_j + b_i of each row, in float64."""
    machine = machine.double()
    out = np.empty(rows.shape)
    for start, stop in _slices(len(rows), max(1, int(_CALL_NANOSECONDS / (0.1 * len(machine) ** 2 + 1)))):
        _core.boltzmann_fields(machine.weights, machine.bias, rows[start:stop], out[start:stop])
    return out


def _plan(machine: Machine, clamped: Array) -> tuple[int, int]:
    """Blocks of a row, and how many are taken at once: no more than 2^20 numbers are kept for them."""
    free = int(np.count_nonzero(clamped == 0))
    nanoseconds = 2.5 * (2 ** min(free, 10) + 16) + len(machine) * (free + 1)
    return _core.boltzmann_blocks(free), max(1, min(int(_CALL_NANOSECONDS / nanoseconds), 2**17))


def _slices(count: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, size):
        yield start, min(start + size, count)
