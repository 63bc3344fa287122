"""Finite Markov decision processes: planning where the model is known."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore.nn import _checks
from nncore.rl import _mdp_transitions
from nncore.rl._tabular_spaces import made
from nncore.rl.returns import discount

__all__ = ["MDP", "AverageSolution", "HorizonSolution", "Solution"]

Array = NDArray[Any]
_EMPTY = np.zeros(0)
_STAY = 0.5  # share of a step that stays, so that values settle where states follow each other in a ring
_DENSE = 1500  # states up to which a dense solver is faster
_SWEPT = 20_000  # states from which on sweeps are faster than any, and can be interrupted


class Solution(NamedTuple):
    """Values and policy of the discounted criterion."""

    v: NDArray[np.float64]
    """Of the states, (S,)."""
    policy: NDArray[np.int64]
    """The first best action of each state, (S,); −1 where none is allowed."""
    q: NDArray[np.float64]
    """Of the actions, (S, A); 0 where one is not allowed."""
    n_iter: int
    """Sweeps, or improvements of the policy."""


class HorizonSolution(NamedTuple):
    """Values and policy for a number of steps."""

    v: NDArray[np.float64]
    """(h + 1, S): before step t of the h, and after the last."""
    policy: NDArray[np.int64]
    """(h, S): for step t."""
    q: NDArray[np.float64]
    """(h, S, A)."""


class AverageSolution(NamedTuple):
    """Gain, relative values and policy of the average reward."""

    gain: float
    """Reward per step in the long run."""
    v: NDArray[np.float64]
    """(S,): how much more the steps from here bring than those from state 0."""
    policy: NDArray[np.int64]
    """(S,)."""
    q: NDArray[np.float64]
    """(S, A)."""
    n_iter: int
    """Sweeps."""


class MDP:
    """A finite Markov decision process whose model is known.

    Parameters
    ----------
    P : array of shape (A, S, S), or a list of A sparse matrices (S, S)
        P[a, s, s'] is the probability that action a leads from s to s'. A row of zeros says that the action is not
        allowed; a state without any action is an end, with the value 0.
    R : array of shape (S,), (S, A) or (A, S, S), or a list of A sparse matrices
        Reward of a state, of an action in it, or of a transition.
    gamma : float
        γ, from 0 to 1.
    start : int, or array of shape (S,), optional
        The state in which episodes start, or the probabilities of each; by default each that allows an action is as
        likely. Q-learning starts there, and so does, in the average reward, what follows an end.
    max_episode_steps : int, optional
        Steps after which an episode is cut off when one learns on the model.

    Attributes
    ----------
    n_states, n_actions : int
    gamma : float
    start : float64 array (S,)
    allowed : bool array (S, A)
    max_episode_steps : int or None

    Notes
    -----
    Values are V*(s) = max_a Q*(s, a), Q*(s, a) = Σ_s' P(s' | s, a) [R + γ V*(s')] (Bellman 1957), with no V* behind a
    transition that ends the episode. Results do not depend on the number of threads.

    Examples
    --------
    >>> from nncore import rl
    >>> mdp = rl.MDP([[[0.5, 0.5], [0, 1]], [[1, 0], [1, 0]]], [[1, 0], [0, 2]], gamma=0.5)
    >>> mdp.value_iteration().policy
    array([0, 1])
    """

    def __init__(
        self, P: Any, R: Any, gamma: float, *, start: Any = None, max_episode_steps: int | None = None
    ) -> None:
        self._set(_mdp_transitions.from_matrices(P, R), gamma, start, max_episode_steps)

    def _set(self, transitions: _mdp_transitions.Transitions, gamma: Any, start: Any, limit: Any) -> None:
        factor = discount(gamma)
        if limit is not None and _checks.whole_number("max_episode_steps", limit) < 1:
            raise ValueError(f"max_episode_steps must be at least 1, but is {limit}")
        _core.check_mdp(transitions.arrays, transitions.n_actions)
        self._transitions = transitions
        self.gamma = factor
        self.n_states, self.n_actions = transitions.n_states, transitions.n_actions
        self.allowed: NDArray[np.bool_] = transitions.table(np.ones(len(transitions.actions))) > 0
        self.start = self._starts(start)
        self.max_episode_steps = None if limit is None else int(limit)

    def _starts(self, start: Any) -> NDArray[np.float64]:
        can_act = self.allowed.any(axis=1)
        if start is None:
            if not can_act.any():
                raise ValueError("P must allow an action in one state at least, but all rows are 0")
            return np.asarray(can_act / can_act.sum())
        array = _checks.as_array("start", start)
        if array.ndim == 0:
            numbers = _mdp_transitions.state_numbers("start", array, self.n_states)
            return np.asarray(np.eye(self.n_states)[int(numbers[0])])
        array = _checks.real_array("start", start).astype(np.float64)
        if array.shape != (self.n_states,):
            raise ValueError(f"start must have shape ({self.n_states},), but came as {array.shape}")
        if not ((array >= 0).all() and abs(array.sum() - 1) <= 1e-6):
            raise ValueError("start must hold probabilities that add up to 1")
        if (array[~can_act] > 0).any():
            raise ValueError("start must be 0 in states that allow no action")
        return np.asarray(array / array.sum())

    @classmethod
    def from_reward_matrix(
        cls,
        R: Any,
        gamma: float,
        forbidden: float | None = -1,
        terminal: Any = (),
        *,
        goals: Any = (),
        start: Any = None,
        max_episode_steps: int | None = None,
    ) -> MDP:
        """Process in which an action is the state that it leads to, as the door of a room.

        Parameters
        ----------
        R : array of shape (S, S)
            Reward of going from the row's state to the column's.
        gamma : float
            γ.
        forbidden : float, optional
            The entry of R that says that there is no way; NaN or None for NaN.
        terminal : int or sequence of int
            States whose entry terminates an episode: no value follows. They keep their own row.
        goals : int or sequence of int
            States whose entry ends an episode of a learner, while their value still counts.
        start, max_episode_steps
            As in the class.

        Returns
        -------
        mdp : MDP
            With S actions.

        Examples
        --------
        >>> from nncore import rl
        >>> from nncore.datasets import load_rooms
        >>> mdp = rl.MDP.from_reward_matrix(load_rooms(), gamma=0.8)
        >>> mdp.value_iteration().q.max().round(3)
        np.float64(500.0)
        """
        mdp = cls.__new__(cls)
        transitions = _mdp_transitions.from_reward_matrix(R, forbidden, terminal, goals)
        mdp._set(transitions, gamma, start, max_episode_steps)
        return mdp

    @classmethod
    def from_env(cls, env: Any, gamma: float) -> MDP:
        """Model of a Gymnasium environment that shows it as ``env.unwrapped.P``, such as Toy Text's.

        Parameters
        ----------
        env : gymnasium.Env or str
            An environment, or its id.
        gamma : float
            γ.

        Returns
        -------
        mdp : MDP
            Its start is the environment's, and so is the number of steps after which an episode is cut off.

        Raises
        ------
        ValueError
            If the environment has no such table.
        """
        env, own = made(env)
        try:
            inner = env.unwrapped
            table = getattr(inner, "P", None)
            counts: list[Any] = [getattr(space, "n", None) for space in (env.observation_space, env.action_space)]
            if table is None or None in counts:
                raise ValueError(f"env must have its transitions in env.unwrapped.P, but {inner} has not")
            start = getattr(inner, "initial_state_distrib", None)
            limit = getattr(getattr(env, "spec", None), "max_episode_steps", None)
            transitions = _mdp_transitions.from_table(table, int(counts[0]), int(counts[1]))
        finally:
            if own:
                env.close()
        mdp = cls.__new__(cls)
        mdp._set(transitions, gamma, start, limit)
        return mdp

    def under(self, policy: Any) -> MDP:
        """Process of a policy: one action, 0, in each state.

        Parameters
        ----------
        policy : int array (S,), or array (S, A) of probabilities
            An action that is not allowed is refused; in a state without any, the entry is ignored.

        Returns
        -------
        mdp : MDP
        """
        mdp = MDP.__new__(MDP)
        chosen = self._transitions.chosen(self._probabilities(policy))
        mdp._set(chosen, self.gamma, self.start, self.max_episode_steps)
        return mdp

    def _probabilities(self, policy: Any) -> NDArray[np.float64]:
        array = _checks.real_array("policy", policy)
        can_act: NDArray[np.bool_] = np.asarray(self.allowed.any(axis=1))
        if array.shape == (self.n_states,):
            actions = np.where(can_act, _checks.integer_array("policy", array, "actions").astype(np.int64), 0)
            if (actions < 0).any() or (actions >= self.n_actions).any():
                strange = actions[(actions < 0) | (actions >= self.n_actions)][0]
                raise IndexError(f"policy must hold actions from 0 to {self.n_actions - 1}, but has {strange}")
            array = np.eye(self.n_actions)[actions]
        elif array.shape != (self.n_states, self.n_actions):
            raise ValueError(
                f"policy must have shape ({self.n_states},) or ({self.n_states}, {self.n_actions}), but came as "
                f"{array.shape}"
            )
        array = np.where(can_act[:, None], array.astype(np.float64), 0)
        if not (array >= 0).all() or (np.abs(array.sum(axis=1) - 1)[can_act] > 1e-6).any():
            raise ValueError("policy must hold probabilities that add up to 1 in each row")
        wrong = np.argwhere((array > 0) & ~self.allowed)
        if len(wrong):
            raise ValueError(f"policy must take allowed actions, but takes {wrong[0][1]} in state {wrong[0][0]}")
        return array

    def value_iteration(self, *, tol: float = 1e-9, max_iter: int = 1_000_000) -> Solution:
        """Best values and policy, by sweeps of V(s) ← max_a Q(s, a) (Bellman 1957).

        Parameters
        ----------
        tol : float, default=1e-9
            Greatest error of a value, relative to the greatest reward where that is above 1; with γ = 1 the greatest
            change in the last sweep.
        max_iter : int, default=1_000_000
            Sweeps.

        Returns
        -------
        solution : Solution
            ``v``, ``policy``, ``q``, ``n_iter``.

        Raises
        ------
        RuntimeError
            If values still change more after `max_iter` sweeps, as with γ = 1 they may for ever.
        """
        bound = self._tolerance(tol)
        if 0 < self.gamma < 1:  # not below what the greatest possible value is rounded to
            greatest_value = np.abs(self._transitions.reward).max(initial=0.0) / (1 - self.gamma)
            bound = max(bound * (1 - self.gamma) / self.gamma, 4 * np.finfo(float).eps * greatest_value)
        values, spare = np.zeros(self.n_states), np.zeros(self.n_states)
        arrays = self._transitions.arrays

        def sweep(most: int) -> Any:
            return _core.value_iteration(arrays, self.gamma, bound, most, values, spare)

        count, _, _ = self._iterate(sweep, max_iter, lambda least, greatest: max(-least, greatest) <= bound)
        q, values, policy = self._backup(values, self.gamma)
        if self.gamma == 1:  # of equally good actions some may lead round in a ring for ever
            ranked = np.where(self.allowed, q, -np.inf)
            policy = self._towards_ends(policy, ranked >= values[:, None] - 4 * bound)
        return Solution(values, policy, q, count)

    def policy_iteration(self, *, max_iter: int = 1000) -> Solution:
        """Best values and policy, by evaluating a policy exactly and improving it until it stays (Howard 1960).

        Parameters
        ----------
        max_iter : int, default=1000
            Improvements.

        Returns
        -------
        solution : Solution
            ``v``, ``policy``, ``q``, ``n_iter``.

        Raises
        ------
        ValueError
            If γ = 1 and a policy on the way never ends from some state.
        RuntimeError
            If the policy still changes after `max_iter` improvements.
        """
        policy = self._first_policy()
        states = np.arange(self.n_states)
        for count in range(1, max_iter + 1):
            values = self.evaluate(policy)
            q, _, _ = self._backup(values, self.gamma)
            ranked = np.where(self.allowed, q, -np.inf)
            # A better action must be better beyond rounding, lest equally good ones take turns for ever.
            margin = 1e-10 * np.maximum(1, np.abs(q).max(axis=1))
            better = ranked.argmax(axis=1)
            change = (ranked.max(axis=1) > q[states, np.maximum(policy, 0)] + margin) & (policy >= 0)
            if not change.any():
                _, values, best = self._backup(values, self.gamma)
                return Solution(values, policy if self.gamma == 1 else best, q, count)
            policy = np.where(change, better, policy)
        raise RuntimeError(f"the policy still changes after {max_iter} improvements (max_iter)")

    def finite_horizon(self, horizon: int, *, gamma: float = 1.0) -> HorizonSolution:
        """Best values and policy for a number of steps, backwards from the last (Bellman 1957).

        Parameters
        ----------
        horizon : int
            h, at least 1.
        gamma : float, default=1.0
            The criterion's sum is not discounted; this discounts it all the same.

        Returns
        -------
        solution : HorizonSolution
            ``v`` (h + 1, S), ``policy`` (h, S), ``q`` (h, S, A); the first entries are those of the first step.
        """
        steps = _checks.whole_number("horizon", horizon)
        if steps < 1:
            raise ValueError(f"horizon must be at least 1, but is {steps}")
        factor = discount(gamma)
        v = np.zeros((steps + 1, self.n_states))
        policy = np.zeros((steps, self.n_states), np.int64)
        q = np.zeros((steps, self.n_states, self.n_actions))
        for t in reversed(range(steps)):
            q[t], v[t], policy[t] = self._backup(v[t + 1], factor)
        return HorizonSolution(v, policy, q)

    def relative_value_iteration(self, *, tol: float = 1e-9, max_iter: int = 1_000_000) -> AverageSolution:
        """Best average reward per step, by sweeps of values relative to those of state 0 (White 1963).

        An episode that ends is followed by another one, which begins by `start`.

        Parameters
        ----------
        tol : float, default=1e-9
            Greatest error of the gain, relative to the greatest reward where that is above 1.
        max_iter : int, default=1_000_000
            Sweeps.

        Returns
        -------
        solution : AverageSolution
            ``gain``, ``v``, ``policy``, ``q``, ``n_iter``.

        Raises
        ------
        RuntimeError
            If the gain is not known after `max_iter` sweeps. It never is where it depends on the state in which one
            begins.
        """
        bound = self._tolerance(tol) * (1 - _STAY)
        values, spare = np.zeros(self.n_states), np.zeros(self.n_states)
        arrays = self._transitions.arrays

        def sweep(most: int) -> Any:
            return _core.relative_value_iteration(arrays, _STAY, self.start, bound, most, values, spare)

        count, least, greatest = self._iterate(sweep, max_iter, lambda least, greatest: greatest - least <= bound)
        gain = (least + greatest) / 2 / (1 - _STAY)
        q, _, policy = self._backup(values, 1.0, float(self.start @ values), True)
        return AverageSolution(gain, values, policy, np.where(self.allowed, q - gain, 0.0), count)

    def evaluate(self, policy: Any) -> NDArray[np.float64]:
        """Values of a policy: the solution of V = R + γ P V, for many states by sweeps to twelve digits.

        Parameters
        ----------
        policy : int array (S,), or array (S, A) of probabilities

        Returns
        -------
        v : float64 array of shape (S,)

        Raises
        ------
        ValueError
            If the policy is none of these, or if γ = 1 and it never ends from some state.
        """
        if self.n_states > _SWEPT and self.gamma < 1:
            return self.under(policy).value_iteration(tol=1e-12).v
        chain = self._transitions.chosen(self._probabilities(policy))
        goes_on = chain.ends != _mdp_transitions.TERMINATED
        rows, columns = chain.states[chain.pairs], chain.next
        reward = np.bincount(rows, chain.probability * chain.reward, self.n_states)
        if self.gamma == 1:
            self._check_ends(rows, columns, goes_on, np.diff(chain.first_pair) == 0)
        return _solve(rows[goes_on], columns[goes_on], self.gamma * chain.probability[goes_on], reward)

    def _check_ends(self, rows: Array, columns: Array, goes_on: Array, over: Array) -> None:
        """Refuse a chain that does not end from some state."""
        ends = over.copy()
        ends[rows[~goes_on]] = True
        while True:
            more = ends.copy()
            more[rows[ends[columns]]] = True
            if (more == ends).all():
                break
            ends = more
        if not ends.all():
            raise ValueError(
                f"with gamma = 1 the policy must come to an end from every state, but from state "
                f"{np.flatnonzero(~ends)[0]} it never does: its value is not defined"
            )

    def _first_policy(self) -> NDArray[np.int64]:
        """The first allowed action; with γ = 1 one that leads to an end, where one does.

        With many states, what some sweeps find: improvements carry news from one state to the next one only.
        """
        if self.n_states > _DENSE and self.gamma < 1:
            return self.value_iteration(tol=1e-4).policy
        policy = np.where(self.allowed.any(axis=1), self.allowed.argmax(axis=1), -1)
        return policy if self.gamma < 1 else self._towards_ends(policy, self.allowed)

    def _towards_ends(self, policy: NDArray[np.int64], choice: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Change a policy, within a choice of actions (S, A), to one that comes to an end wherever one can."""
        transitions = self._transitions
        pairs, chosen = transitions.pairs, choice[transitions.states, transitions.actions]
        towards = np.zeros(len(transitions.actions), bool)
        towards[pairs[transitions.ends == _mdp_transitions.TERMINATED]] = True
        reached: NDArray[np.bool_] = ~np.asarray(self.allowed.any(axis=1))
        policy = policy.copy()
        while True:
            towards[pairs[reached[transitions.next]]] = True
            new = towards & chosen & ~reached[transitions.states]
            if not new.any():
                return policy
            policy[transitions.states[new]] = transitions.actions[new]
            reached[transitions.states[new]] = True

    def _backup(
        self, values: NDArray[np.float64], gamma: float, after_end: float = 0.0, truncates_end: bool = False
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Q (S, A), and the best value and action of each state."""
        q, best = np.zeros(len(self._transitions.actions)), np.zeros(self.n_states)
        policy = np.zeros(self.n_states, np.int64)
        _core.bellman_backup(self._transitions.arrays, gamma, values, q, best, policy, after_end, truncates_end)
        return self._transitions.table(q), best, policy

    def _tolerance(self, tol: Any) -> float:
        if _checks.number("tol", tol) == 0:
            raise ValueError("tol must be above 0, but is 0")
        return float(tol * max(1.0, np.abs(self._transitions.reward).max(initial=0.0)))

    def _iterate(self, sweep: Any, max_iter: int, done: Any) -> tuple[int, float, float]:
        """Sweep, about 0.1 s at a time, until done."""
        most = max(1, 20_000_000 // (self.n_states + len(self._transitions.next)))
        count, least, greatest = 0, -np.inf, np.inf
        while count < max_iter:
            made, least, greatest = sweep(min(most, max_iter - count))
            count += made
            if done(least, greatest):
                return count, least, greatest
            if not np.isfinite([least, greatest]).all():
                break
        raise RuntimeError(
            f"values still change by {least:g} to {greatest:g} a sweep after {count} sweeps (max_iter = {max_iter}): "
            "they may have no limit, or a greater tol is needed"
        )

    def __repr__(self) -> str:
        return f"MDP({self.n_states} states, {self.n_actions} actions, gamma={self.gamma:g})"


def _solve(rows: Array, columns: Array, weights: Array, reward: Array) -> NDArray[np.float64]:
    """V of V − W V = reward, W given by its entries."""
    n = len(reward)
    if n > _DENSE:
        try:
            from scipy import sparse
        except ImportError:
            pass
        else:
            matrix = sparse.identity(n, format="csc") - sparse.csc_matrix((weights, (rows, columns)), shape=(n, n))
            return _solve_sparse(matrix, reward)
    dense = np.eye(n)
    np.subtract.at(dense, (rows, columns), weights)
    return np.asarray(np.linalg.solve(dense, reward))


def _solve_sparse(matrix: Any, b: Array) -> NDArray[np.float64]:
    """The solution of a linear system by elimination, in another thread, so that Ctrl-C is answered meanwhile."""
    from scipy.sparse.linalg import spsolve

    found: list[Any] = []

    def solve() -> None:
        try:
            found.append(np.asarray(spsolve(matrix, b)))
        except BaseException as error:
            found.append(error)

    worker = threading.Thread(target=solve, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(0.1)
    if isinstance(found[0], BaseException):
        raise found[0]
    return np.asarray(found[0])
