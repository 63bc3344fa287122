"""Transitions of a Markov decision process, brought into the arrays that the core works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.nn import _checks

GOES_ON, TERMINATED, TRUNCATED = 0, 1, 2  # Ends of the core

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Transitions:
    """Allowed (state, action) pairs in order, and the outcomes of each; see cpp/nncore/rl/mdp.h."""

    first_pair: Integers
    actions: Integers
    first_outcome: Integers
    next: Integers
    probability: Numbers
    reward: Numbers
    ends: NDArray[np.uint8]
    n_actions: int

    @classmethod
    def of_outcomes(
        cls, n_states: int, n_actions: int, pair: Any, next_state: Any, probability: Any, reward: Any, ends: Any
    ) -> Transitions:
        """From outcomes in any order; `pair` is state * n_actions + action. Those of probability 0 are left out."""
        kept = np.flatnonzero(np.asarray(probability) > 0)
        order = kept[np.argsort(np.asarray(pair)[kept], kind="stable")]
        pair = np.asarray(pair, np.int64)[order]
        pairs, counts = np.unique(pair, return_counts=True)
        weights = np.asarray(probability, np.float64)[order]
        first_outcome = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        if len(weights):
            weights = weights / np.repeat(np.add.reduceat(weights, first_outcome[:-1]), counts)
        return cls(
            np.searchsorted(pairs, np.arange(n_states + 1) * n_actions).astype(np.int64),
            pairs % n_actions,
            first_outcome,
            np.ascontiguousarray(np.asarray(next_state, np.int64)[order]),
            np.ascontiguousarray(weights),
            np.ascontiguousarray(np.asarray(reward, np.float64)[order]),
            np.ascontiguousarray(np.asarray(ends, np.uint8)[order]),
            n_actions,
        )

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What the core is given."""
        return (
            self.first_pair,
            self.actions,
            self.first_outcome,
            self.next,
            self.probability,
            self.reward,
            self.ends,
        )

    @property
    def n_states(self) -> int:
        """States."""
        return len(self.first_pair) - 1

    @property
    def states(self) -> Integers:
        """State of each pair."""
        return np.repeat(np.arange(self.n_states), np.diff(self.first_pair))

    @property
    def pairs(self) -> Integers:
        """Pair of each outcome."""
        return np.repeat(np.arange(len(self.actions)), np.diff(self.first_outcome))

    def table(self, values: Numbers, fill: float = 0.0) -> Numbers:
        """Values of pairs as an array (S, A), `fill` where an action is not allowed."""
        table = np.full((self.n_states, self.n_actions), fill, values.dtype)
        table[self.states, self.actions] = values
        return table

    def chosen(self, policy: Numbers) -> Transitions:
        """The process under a policy (S, A) of probabilities: one action, 0, in every state that has one."""
        weight = policy[self.states, self.actions][self.pairs]
        return Transitions.of_outcomes(
            self.n_states,
            1,
            self.states[self.pairs],
            self.next,
            self.probability * weight,
            self.reward,
            self.ends,
        )


def from_matrices(P: Any, R: Any) -> Transitions:
    """Transitions of P (A, S, S), dense or a list of A sparse matrices, and R (S,), (S, A) or as P."""
    matrices, n_states = _matrices("P", P)
    n_actions = len(matrices)
    rewards = _rewards(R, n_states, n_actions)
    found: list[list[Any]] = [[], [], [], []]
    for action, matrix in enumerate(matrices):
        rows, columns, probability = _entries(matrix)
        _check_probabilities(f"P[{action}]", rows, probability, n_states, np.dtype(matrix.dtype))
        parts = (rows * n_actions + action, columns, probability, rewards(action, rows, columns))
        for whole, part in zip(found, parts, strict=True):
            whole.append(part)
    pair, columns, probability, reward = (np.concatenate(whole) for whole in found)
    if not np.isfinite(reward).all():
        raise ValueError("R must be finite, but has NaN or infinity")
    return Transitions.of_outcomes(
        n_states, n_actions, pair, columns, probability, reward, np.zeros(len(pair), np.uint8)
    )


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "tocoo") and hasattr(value, "nnz")


def _matrices(name: str, value: Any) -> tuple[Sequence[Any], int]:
    """The matrices (S, S) of the actions."""
    if _is_sparse(value):
        raise ValueError(f"{name} must be a list of sparse matrices, one (S, S) per action, but is a single one")
    if isinstance(value, (list, tuple)) and any(_is_sparse(part) for part in value):
        matrices: Sequence[Any] = [part if _is_sparse(part) else np.asarray(part) for part in value]
        shapes = {tuple(matrix.shape) for matrix in matrices}
    else:
        array = _checks.real_array(name, value)
        if array.ndim != 3 or 0 in array.shape:
            raise ValueError(f"{name} must have shape (A, S, S), one matrix per action, but came as {array.shape}")
        matrices, shapes = array, {array.shape[1:]}  # type: ignore[assignment]
    shape = shapes.pop()
    if shapes or len(shape) != 2 or shape[0] != shape[1]:
        hint = "; of an array (S, A, S) give P.transpose(1, 0, 2)" if name == "P" and not shapes else ""
        raise ValueError(f"{name} must have one matrix (S, S) per action, but one came as {shape}{hint}")
    return matrices, shape[0]


def _entries(matrix: Any) -> tuple[Integers, Integers, Numbers]:
    """Rows, columns and values that are not 0."""
    if _is_sparse(matrix):
        found = matrix.tocsr().tocoo()
        rows, columns, values = found.row, found.col, found.data
    else:
        rows, columns = np.nonzero(matrix)
        values = matrix[rows, columns]
    return rows.astype(np.int64), columns.astype(np.int64), np.asarray(values, np.float64)


def _check_probabilities(name: str, rows: Integers, values: Numbers, n_states: int, dtype: np.dtype[Any]) -> None:
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"{name} must hold probabilities, but has {values[~(values >= 0) | np.isinf(values)][0]:g}")
    sums = np.bincount(rows, values, n_states)
    tolerance = 1e-4 if dtype.itemsize < 8 else 1e-8
    wrong = np.flatnonzero((np.abs(sums - 1) > tolerance) & (sums != 0))
    if len(wrong):
        raise ValueError(
            f"{name} must have rows that add up to 1, or to 0 where the action is not allowed, but row {wrong[0]} "
            f"adds up to {sums[wrong[0]]:.9g}"
        )


def _rewards(R: Any, n_states: int, n_actions: int) -> Any:
    """A function that gives the rewards of transitions of an action."""
    if isinstance(R, (list, tuple)) and any(_is_sparse(part) for part in R):
        matrices, size = _matrices("R", R)
        if len(matrices) != n_actions or size != n_states:
            raise ValueError(
                f"R must have {n_actions} matrices ({n_states}, {n_states}) as P, but has {len(matrices)} "
                f"({size}, {size})"
            )
        rows_of = [matrix.tocsr() if _is_sparse(matrix) else matrix for matrix in matrices]

        def rewards(action: int, rows: Any, columns: Any) -> Any:
            if not len(rows):  # SciPy's sparse matrices take no empty index
                return np.empty(0)
            return np.asarray(rows_of[action][rows, columns], np.float64).ravel()

        return rewards
    array = _checks.real_array("R", R).astype(np.float64)
    if array.shape == (n_states,):
        return lambda action, rows, columns: array[rows]
    if array.shape == (n_states, n_actions):
        return lambda action, rows, columns: array[rows, action]
    if array.shape == (n_actions, n_states, n_states):
        return lambda action, rows, columns: array[action, rows, columns]
    raise ValueError(
        f"R must have shape (S,), (S, A) or (A, S, S) with S = {n_states} and A = {n_actions}, but came as "
        f"{array.shape}"
    )


def from_reward_matrix(R: Any, forbidden: Any, terminal: Any, goals: Any) -> Transitions:
    """Transitions of R (S, S), whose actions are the next states."""
    array = _checks.real_array("R", R).astype(np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
        raise ValueError(f"R must have shape (S, S), but came as {array.shape}")
    n_states = len(array)
    value = float(np.nan if forbidden is None else forbidden)
    closed = np.isnan(array) if np.isnan(value) else array == value
    states, actions = np.nonzero(~closed)
    reward = array[states, actions]
    if not np.isfinite(reward).all():
        raise ValueError("R must be finite where an action is not forbidden, but has NaN or infinity")
    kinds = np.zeros(n_states, np.uint8)
    kinds[state_numbers("goals", goals, n_states)] = TRUNCATED
    kinds[state_numbers("terminal", terminal, n_states)] = TERMINATED
    return Transitions.of_outcomes(
        n_states, n_states, states * n_states + actions, actions, np.ones(len(states)), reward, kinds[actions]
    )


def state_numbers(name: str, states: Any, n_states: int) -> Integers:
    """Checked numbers of states; one may come by itself."""
    array = np.atleast_1d(_checks.as_array(name, states))
    if array.size == 0:
        return np.zeros(0, np.int64)
    array = _checks.integer_array(name, array, "numbers of states").astype(np.int64).ravel()
    strange = array[(array < 0) | (array >= n_states)]
    if len(strange):
        raise IndexError(f"{name} must be states from 0 to {n_states - 1}, but has {strange[0]}")
    return array


def from_table(table: Any, n_states: int, n_actions: int) -> Transitions:
    """Transitions of Gymnasium's ``env.unwrapped.P``: P[s][a] is a list of (probability, next, reward, terminated)."""
    rows = []
    for state in range(n_states):
        for action in range(n_actions):
            rows += [(state * n_actions + action, *outcome[:4]) for outcome in table[state][action]]
    if not rows:
        raise ValueError("env.unwrapped.P must have transitions, but has none")
    pair, probability, following, reward, terminated = (np.array(column) for column in zip(*rows, strict=True))
    following = following.astype(np.int64)
    if (following < 0).any() or (following >= n_states).any():
        raise ValueError(f"env.unwrapped.P must lead to states from 0 to {n_states - 1}")
    if not np.isfinite(reward.astype(np.float64)).all():
        raise ValueError("env.unwrapped.P must have finite rewards")
    _check_probabilities(
        "env.unwrapped.P", pair, probability.astype(np.float64), n_states * n_actions, np.dtype(np.float64)
    )
    return Transitions.of_outcomes(n_states, n_actions, pair, following, probability, reward, terminated.astype(bool))
