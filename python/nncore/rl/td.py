"""Temporal differences: the values of a policy, learned by following it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore._files import read_model, write_model
from nncore._in_use import InUse
from nncore._random import seed_of
from nncore.nn import _checks
from nncore.rl import _tabular_training
from nncore.rl._history import empty_history
from nncore.rl._spaces import actions_of
from nncore.rl._tabular_spaces import made
from nncore.rl._transitions import at_least
from nncore.rl.exploration import Schedule, described, parts_of, rate, rate_at, restored
from nncore.rl.mdp import MDP
from nncore.rl.returns import discount

__all__ = ["TD0"]


class TD0(InUse):
    """TD(0): values of states under a policy.

    Parameters
    ----------
    n_states : int
    learning_rate : float or schedule, default=0.1
        η, from 0 to 1; 1 is the deterministic rule.
    gamma : float, default=0.99
        γ, from 0 to 1.
    initial_value : float, default=0.0
        That all of V starts at.

    Attributes
    ----------
    v : float64 array (n_states,)
        The values, live.
    num_timesteps : int
        Steps that were learned from since training began.
    history_ : dict of str to list
        As that of `QLearning`.

    Notes
    -----
    V(s_t) ← V(s_t) + η [r_t + γ V(s_{t+1}) − V(s_t)], without the last V where the episode terminates (Sutton 1988).

    Examples
    --------
    >>> from nncore import rl
    >>> values = rl.TD0(3, learning_rate=1.0, gamma=0.5)
    >>> values.update(1, 4.0, 2, True), values.update(0, 0.0, 1)
    (4.0, 2.0)
    >>> values.v
    array([2., 4., 0.])
    """

    n_actions = 1

    def __init__(
        self,
        n_states: int,
        learning_rate: float | Schedule = 0.1,
        gamma: float = 0.99,
        *,
        initial_value: float = 0.0,
    ) -> None:
        if _checks.whole_number("n_states", n_states) < 1:
            raise ValueError(f"n_states must be at least 1, but is {n_states}")
        if not np.isfinite(_checks.number("initial_value", initial_value, -np.inf)):
            raise ValueError(f"initial_value must be finite, but is {initial_value}")
        self.n_states = int(n_states)
        self.learning_rate = rate("learning_rate", learning_rate)
        self.gamma = discount(gamma)
        self.v: NDArray[np.float64] = np.full(self.n_states, float(initial_value))
        self.allowed: NDArray[np.bool_] | None = None
        self.num_timesteps = 0
        self.history_ = empty_history()
        self._seed = 0
        self._total = 0

    def learn(
        self,
        env_or_mdp: Any,
        total_timesteps: int,
        seed: Any = None,
        *,
        policy: Any = None,
        max_episode_steps: int | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> TD0:
        """Learn by following a policy.

        Parameters
        ----------
        env_or_mdp : MDP, gymnasium.Env or str
            A model, an environment or its id.
        total_timesteps : int
            Steps to take.
        seed : int, numpy.random.Generator, numpy.random.RandomState or None
            Of the policy, of the model and of the environment.
        policy : int array (S,), or array (S, A) of probabilities, optional
            By default each action that is allowed is as likely.
        max_episode_steps, reset_num_timesteps, progress_bar
            As in `QLearning.learn`.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError, FloatingPointError, RuntimeError
            As `QLearning.learn`.
        """
        steps = at_least("total_timesteps", total_timesteps, 0)
        if max_episode_steps is not None and _checks.whole_number("max_episode_steps", max_episode_steps) < 1:
            raise ValueError(f"max_episode_steps must be at least 1, but is {max_episode_steps}")
        fresh = seed is not None or _checks.flag("reset_num_timesteps", reset_num_timesteps)
        number = seed_of(seed, "seed") if fresh else self._seed
        with self._used():
            options = (steps, number, max_episode_steps, reset_num_timesteps, progress_bar)
            if isinstance(env_or_mdp, MDP):
                allowed = env_or_mdp.allowed
                even = allowed / np.maximum(1, allowed.sum(axis=1, keepdims=True))
                _tabular_training.on_model(self, env_or_mdp.under(even if policy is None else policy), *options)
            else:
                self._learn_in(env_or_mdp, policy, options)
        return self

    def _learn_in(self, env: Any, policy: Any, options: Any) -> None:
        env, own = made(env)
        try:
            sums = _cumulated(policy, self.n_states, actions_of(env.action_space)[0])
            steps, seed, limit, reset, bar = options
            _tabular_training.in_environment(
                self, env, steps, seed, limit, reset, bar, lambda learner, seed: _Follower(learner, sums, seed)
            )
        finally:
            if own:
                env.close()

    def update(self, s: int, r: float, s2: int, terminated: bool = False) -> float:
        """Learn from one step.

        Parameters
        ----------
        s, r, s2 : int, float, int
            State, reward, next state.
        terminated : bool, default=False
            Whether the episode is over, so that nothing follows.

        Returns
        -------
        td_error : float
            r + γ V(s') − V(s), before the update.

        Raises
        ------
        IndexError
            If there is no such state.
        ValueError
            If the reward is not finite.
        """
        for name, value in (("s", s), ("s2", s2)):
            if not 0 <= _checks.whole_number(name, value) < self.n_states:
                raise IndexError(f"{name} must be from 0 to {self.n_states - 1}, but is {value}")
        reward = _checks.number("r", r, -np.inf)
        if not np.isfinite(reward):
            raise ValueError(f"r must be finite, but is {reward}")
        error = reward + (0.0 if terminated else self.gamma * float(self.v[s2])) - float(self.v[s])
        eta = rate_at(self.learning_rate, self.num_timesteps)
        self.v[s] += eta * error
        self.num_timesteps += 1
        return error

    def get_state(self) -> dict[str, Any]:
        """All that training changes, as copies: ``v``, ``num_timesteps``, ``seed`` and ``history``."""
        return {
            "v": self.v.copy(),
            "num_timesteps": self.num_timesteps,
            "total_timesteps": self._total,
            "seed": self._seed,
            "history": {name: list(column) for name, column in self.history_.items()},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what `get_state` gave.

        Raises
        ------
        ValueError
            If there are more or fewer values, or one is not finite; the learner is as before.
        """
        v = _checks.real_array("v", state["v"]).astype(np.float64)
        if v.shape != self.v.shape or not np.isfinite(v).all():
            raise ValueError(f"v must be finite and have shape {self.v.shape}, but came as {v.shape}")
        history = {name: list(state["history"][name]) for name in empty_history()}
        self.v, self.history_ = np.ascontiguousarray(v), history
        self.num_timesteps, self._seed = int(state["num_timesteps"]), int(state["seed"])
        self._total = int(state["total_timesteps"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the values and settings to a safetensors file, whole or not at all."""
        state = self.get_state()
        arrays = {"v": state.pop("v")}
        settings = {"learning_rate": described(self.learning_rate), "gamma": self.gamma}
        write_model(path, "TD0", {"settings": settings, "state": state}, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TD0:
        """What a file of `save` holds.

        Raises
        ------
        ValueError
            If the file is damaged or holds something else. The message names `path`.
        """
        description, arrays = read_model(path, "TD0")
        try:
            settings = {name: restored(value) for name, value in description["settings"].items()}
            made_of = cls(len(arrays["v"]), **settings)
            made_of.set_state({**description["state"], **arrays})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from None
        return made_of

    def __repr__(self) -> str:
        return f"TD0({self.n_states}, learning_rate={self.learning_rate}, gamma={self.gamma:g})"

    def _learner(self, seed: int, step: int, total: int) -> Any:
        """TD(0) is Q-learning with a single action."""
        allowed = np.zeros((0, 0), np.uint8) if self.allowed is None else self.allowed.astype(np.uint8)
        table, rate_parts = np.ascontiguousarray(self.v[:, None], np.float64), parts_of(self.learning_rate)
        never = ("constant", 0.0, 0.0, 1.0)
        return _core.QLearner(table, allowed, rate_parts, self.gamma, "epsilon_greedy", never, seed, step)

    def _store(self, learner: Any) -> None:
        table = np.ascontiguousarray(self.v[:, None], np.float64)
        learner.store(table)
        self.v[...] = table[:, 0]

    def _adopt(self, allowed: NDArray[np.bool_]) -> None:
        self.allowed = allowed.copy()
        self.v[~allowed[:, 0]] = 0.0


class _Follower:
    """Acts by a policy, and lets the learner learn."""

    def __init__(self, learner: Any, sums: NDArray[np.float64], seed: int) -> None:
        self._learner, self._sums = learner, sums
        self._random = np.random.Generator(np.random.Philox(key=[seed, learner.steps]))

    @property
    def steps(self) -> int:
        return int(self._learner.steps)

    def begin(self, state: int) -> int:
        self._learner.begin(state)
        return self._draw(state)

    def step(self, state: int, reward: float) -> int:
        self._learner.step(state, reward)
        return self._draw(state)

    def end(self, state: int, reward: float, terminated: bool) -> None:
        self._learner.end(state, reward, terminated)

    def _draw(self, state: int) -> int:
        return int(np.searchsorted(self._sums[state], self._random.random(), side="right"))


def _cumulated(policy: Any, n_states: int, n_actions: int) -> NDArray[np.float64]:
    """Cumulated probabilities of a policy's actions, (S, A)."""
    if policy is None:
        array: Any = np.full((n_states, n_actions), 1 / n_actions)
    else:
        array = _checks.real_array("policy", policy)
        if array.shape == (n_states,):
            actions = _checks.integer_array("policy", array, "actions")
            if (actions < 0).any() or (actions >= n_actions).any():
                raise IndexError(f"policy must hold actions from 0 to {n_actions - 1}")
            array = np.eye(n_actions)[actions]
    if array.shape != (n_states, n_actions):
        raise ValueError(
            f"policy must have shape ({n_states},) or ({n_states}, {n_actions}), but came as {np.shape(array)}"
        )
    if not (array >= 0).all() or (np.abs(array.sum(axis=1) - 1) > 1e-6).any():
        raise ValueError("policy must hold probabilities that add up to 1 in each row")
    sums = np.cumsum(array, axis=1, dtype=np.float64)
    sums[sums >= sums[:, -1:]] = np.inf  # rounding leads to no action that the policy does not take
    return sums
