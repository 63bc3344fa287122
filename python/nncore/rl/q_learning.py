"""Q-learning with a table."""

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
from nncore.rl._tabular_spaces import States, made
from nncore.rl._transitions import at_least
from nncore.rl.exploration import (
    Boltzmann,
    EpsilonGreedy,
    Exploration,
    Parts,
    Schedule,
    described,
    parts_of,
    rate,
    rate_at,
    restored,
)
from nncore.rl.mdp import MDP
from nncore.rl.returns import discount

__all__ = ["QLearning"]


class QLearning(InUse):
    """Q-learning with a table, on a model or in an environment.

    Parameters
    ----------
    n_states, n_actions : int
        Size of the table.
    learning_rate : float or schedule, default=0.1
        η, from 0 to 1.
    gamma : float, default=0.99
        γ, from 0 to 1.
    exploration : EpsilonGreedy or Boltzmann, optional
        By default ``EpsilonGreedy(1.0, 0.05)``: ε falls over the first half of the steps.
    initial_value : float, default=0.0
        That all of Q starts at; one that no return reaches makes the agent try everything.
    allowed : bool array (n_states, n_actions), optional
        Which actions can be taken; by default all, or those of the model that one learns on first. Q of the others
        stays 0 and counts nowhere.

    Attributes
    ----------
    q : float64 array (n_states, n_actions)
        The table, live.
    num_timesteps : int
        Steps that were learned from since training began.
    history_ : dict of str to list
        ``timesteps``, ``return``, ``length``: means over the episodes that ended in each of the
        100 to 1,000 parts of a `learn`.

    Notes
    -----
    Q(s, a) ← Q(s, a) + η [r + γ max_b Q(s', b) − Q(s, a)], without the max term where the episode terminates
    (Watkins 1989). While it learns, the agent draws among equally good actions. On a model all of it runs in the
    compiled core; a seed gives the same bits however the steps are divided into calls.

    Examples
    --------
    >>> from nncore import rl
    >>> from nncore.datasets import load_rooms
    >>> rooms = rl.MDP.from_reward_matrix(load_rooms(), 0.8, goals=5)
    >>> agent = rl.QLearning(6, 6, learning_rate=1.0, gamma=0.8, exploration=rl.EpsilonGreedy(1.0))
    >>> agent.learn(rooms, 20_000, seed=0).q[1].round(6).tolist()
    [0.0, 0.0, 0.0, 320.0, 0.0, 500.0]
    """

    def __init__(
        self,
        n_states: int,
        n_actions: int,
        learning_rate: float | Schedule = 0.1,
        gamma: float = 0.99,
        exploration: Exploration | None = None,
        *,
        initial_value: float = 0.0,
        allowed: Any = None,
    ) -> None:
        for name, value in (("n_states", n_states), ("n_actions", n_actions)):
            if _checks.whole_number(name, value) < 1:
                raise ValueError(f"{name} must be at least 1, but is {value}")
        if exploration is None:
            exploration = EpsilonGreedy(1.0, 0.05)
        if not isinstance(exploration, (EpsilonGreedy, Boltzmann)):
            raise TypeError(f"exploration must be an EpsilonGreedy or a Boltzmann, but is {exploration!r}")
        if not np.isfinite(_checks.number("initial_value", initial_value, -np.inf)):
            raise ValueError(f"initial_value must be finite, but is {initial_value}")
        self.n_states, self.n_actions = int(n_states), int(n_actions)
        self.learning_rate = rate("learning_rate", learning_rate)
        self.gamma = discount(gamma)
        self.exploration = exploration
        self.initial_value = float(initial_value)
        self.q: NDArray[np.float64] = np.full((self.n_states, self.n_actions), self.initial_value)
        self.allowed: NDArray[np.bool_] | None = None
        if allowed is not None:
            self._adopt(_checked_mask(allowed, self.q.shape))
        self.num_timesteps = 0
        self.history_ = empty_history()
        self._seed = 0
        self._total = 0  # steps that training so far was asked for
        self._observed: tuple[Any, int] | None = None  # the space of observations, and the first action
        self._has_parts = False  # whether observations are not the numbers of states

    @classmethod
    def for_env(cls, env: Any, **parameters: Any) -> QLearning:
        """Agent with a table that fits an environment or a model.

        Parameters
        ----------
        env : gymnasium.Env, str or MDP
            Observations must be Discrete, MultiDiscrete or a Tuple of such; actions Discrete. Of several parts the last
            runs fastest in the table: ``agent.q.reshape(*sizes, n_actions)``.
        **parameters
            The other parameters of the class.

        Returns
        -------
        agent : QLearning
        """
        if isinstance(env, MDP):
            return cls(env.n_states, env.n_actions, **parameters)
        env, own = made(env)
        try:
            n_actions, first_action = actions_of(env.action_space)
            agent = cls(States(env.observation_space).n, n_actions, **parameters)
            agent._observe(env.observation_space, first_action)
            return agent
        finally:
            if own:
                env.close()

    def learn(
        self,
        env_or_mdp: Any,
        total_timesteps: int,
        seed: Any = None,
        *,
        max_episode_steps: int | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> QLearning:
        """Learn by acting.

        Parameters
        ----------
        env_or_mdp : MDP, gymnasium.Env or str
            A model, an environment or its id.
        total_timesteps : int
            Steps to take.
        seed : int, numpy.random.Generator, numpy.random.RandomState or None
            Of the exploration, of the model and of the environment. None gives another run each time, unless training
            goes on.
        max_episode_steps : int, optional
            Cut episodes off after so many steps; by default as the model or the environment does.
        reset_num_timesteps : bool, default=True
            Begin `num_timesteps`, and with it schedules and `history_`, at 0. False goes on, and without `seed` with
            the draws that follow. Q stays in either case.
        progress_bar : bool, default=False

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit the table; the agent is as before. What an environment raises comes through, and
            the agent keeps what it learned until then.
        FloatingPointError
            If values grow without limit; the table is that of the last steps before.
        RuntimeError
            If another thread learns.
        """
        steps = at_least("total_timesteps", total_timesteps, 0)
        if max_episode_steps is not None and _checks.whole_number("max_episode_steps", max_episode_steps) < 1:
            raise ValueError(f"max_episode_steps must be at least 1, but is {max_episode_steps}")
        _checks.flag("reset_num_timesteps", reset_num_timesteps)
        fresh = seed is not None or reset_num_timesteps
        number = seed_of(seed, "seed") if fresh else self._seed
        with self._used():
            train = _tabular_training.on_model if isinstance(env_or_mdp, MDP) else _tabular_training.in_environment
            train(self, env_or_mdp, steps, number, max_episode_steps, reset_num_timesteps, progress_bar)
        return self

    def update(self, s: int, a: int, r: float, s2: int, terminated: bool = False) -> float:
        """Learn from one transition.

        Parameters
        ----------
        s, a, r, s2 : int, int, float, int
            State, action, reward, next state.
        terminated : bool, default=False
            Whether the episode is over, so that nothing follows.

        Returns
        -------
        td_error : float
            r + γ max_b Q(s', b) − Q(s, a), before the update.

        Raises
        ------
        IndexError
            If a state or an action is not in the table.
        ValueError
            If the reward is not finite, or the action is not allowed.
        """
        state, following = self._index("s", s, self.n_states), self._index("s2", s2, self.n_states)
        action = self._index("a", a, self.n_actions)
        reward = _checks.number("r", r, -np.inf)
        if not np.isfinite(reward):
            raise ValueError(f"r must be finite, but is {reward}")
        if self.allowed is not None and not self.allowed[state, action]:
            raise ValueError(f"a must be an action that state {state} allows, but is {action}")
        follows = 0.0 if terminated else self.gamma * self._best(following)
        error = reward + follows - float(self.q[state, action])
        eta = rate_at(self.learning_rate, self.num_timesteps)
        self.q[state, action] += eta * error
        self.num_timesteps += 1
        return error

    def policy(self) -> NDArray[np.int64]:
        """The first best action of each state, (n_states,); −1 where none is allowed."""
        if self.allowed is None:
            return np.asarray(self.q.argmax(axis=1))
        ranked = np.where(self.allowed, self.q, -np.inf)
        return np.asarray(np.where(self.allowed.any(axis=1), ranked.argmax(axis=1), -1))

    def values(self) -> NDArray[np.float64]:
        """V(s) = max_a Q(s, a) over the allowed actions, (n_states,); 0 where there is none."""
        if self.allowed is None:
            return np.asarray(self.q.max(axis=1))
        best = np.where(self.allowed, self.q, -np.inf).max(axis=1)
        return np.where(self.allowed.any(axis=1), best, 0.0)

    def predict(
        self, obs: Any, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Any, Any]:
        """Best action for an observation, as stable-baselines3's models answer.

        Parameters
        ----------
        obs : observation, or int array (n,)
            Of the environment that the agent was made for or has learnt in: a tuple, say, of a Tuple space. Where its
            observations are numbers from 0, and of a model, the number of a state, or an array of them; `policy` has
            the action of each state.
        state, episode_start, deterministic
            Of no effect: the policy has no state, and draws nothing.

        Returns
        -------
        action : numpy.int64, or int64 array (n,)
            As the environment takes it.
        state : as given

        Raises
        ------
        ValueError
            If `obs` is not in the environment's space, or the agent comes from a file and does not know it.
        IndexError
            If `obs` is not the number of a state.
        """
        space, first = self._observed or (None, 0)
        if self._has_parts:
            if space is None:
                raise ValueError("env must be given to load: obs are not numbers of states, and a file has no spaces")
            return np.int64(self.policy()[States(space).number(obs)] + first), state
        numbers = _checks.integer_array("obs", obs, "numbers of states")
        if numbers.size and (numbers.min() < 0 or numbers.max() >= self.n_states):
            raise IndexError(f"obs must be states from 0 to {self.n_states - 1}, but is {obs!r}")
        return self.policy()[numbers] + first, state

    def _observe(self, space: Any, first_action: int) -> None:
        """Remember what observations and actions of the environment are."""
        self._observed, self._has_parts = (space, first_action), States(space).encode is not None

    def evaluate(
        self, env: Any, n_episodes: int = 100, seed: Any = None, *, max_episode_steps: int = 10_000
    ) -> tuple[float, float]:
        """Return of the greedy policy in an environment.

        Parameters
        ----------
        env : gymnasium.Env or str
            For a model, ``mdp.evaluate(agent.policy())`` is exact.
        n_episodes : int, default=100
        seed : int, numpy.random.Generator, numpy.random.RandomState or None
            Of the environment.
        max_episode_steps : int, default=10_000
            Steps after which an episode is left: a greedy policy may run in a ring.

        Returns
        -------
        mean, std : float
            Of the returns of the episodes.
        """
        if isinstance(env, MDP):
            raise TypeError("env must be an environment; of a model, mdp.evaluate(agent.policy()) is exact")
        for name, value in (("n_episodes", n_episodes), ("max_episode_steps", max_episode_steps)):
            if _checks.whole_number(name, value) < 1:
                raise ValueError(f"{name} must be at least 1, but is {value}")
        returns = _tabular_training.play(self, env, n_episodes, seed_of(seed, "seed"), max_episode_steps)
        return float(np.mean(returns)), float(np.std(returns))

    def get_state(self) -> dict[str, Any]:
        """All that training changes, as copies: ``q``, ``allowed``, ``num_timesteps``, ``seed`` and ``history``."""
        return {
            "q": self.q.copy(),
            "allowed": None if self.allowed is None else self.allowed.copy(),
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
            If the table has another size or is not finite; the agent is as before.
        """
        q = _checks.real_array("q", state["q"]).astype(np.float64)
        if q.shape != self.q.shape or not np.isfinite(q).all():
            raise ValueError(f"q must be finite and have shape {self.q.shape}, but came as {q.shape}")
        allowed = state.get("allowed")
        mask = None if allowed is None else _checked_mask(allowed, q.shape)
        history = {name: list(state["history"][name]) for name in empty_history()}
        self.q, self.allowed, self.history_ = np.ascontiguousarray(q), mask, history
        self.num_timesteps, self._seed = int(state["num_timesteps"]), int(state["seed"])
        self._total = int(state["total_timesteps"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the agent to a file, whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            A safetensors file.
        """
        state = self.get_state()
        arrays = {name: state.pop(name) for name in ("q", "allowed") if state[name] is not None}
        state.pop("allowed", None)
        settings = {
            "learning_rate": described(self.learning_rate),
            "gamma": self.gamma,
            "exploration": described(self.exploration),
            "initial_value": self.initial_value,
        }
        write_model(path, "QLearning", {"settings": settings, "state": state, "has_parts": self._has_parts}, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str], env: Any = None) -> QLearning:
        """Agent from a file of `save`; it goes on exactly.

        Parameters
        ----------
        path : str or os.PathLike
        env : gymnasium.Env or str, optional
            Whose observations `predict` takes; `learn` has its own.

        Raises
        ------
        ValueError
            If the file is damaged or holds something else. The message names `path`.
        """
        description, arrays = read_model(path, "QLearning")
        try:
            settings = {name: restored(value) for name, value in description["settings"].items()}
            agent = cls(*arrays["q"].shape, **settings)
            agent.set_state({**description["state"], **arrays})
            agent._has_parts = bool(description.get("has_parts", False))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from None
        if env is not None:
            env, own = made(env)
            try:
                n_actions, first_action = actions_of(env.action_space)
                _tabular_training.check_size("env", agent, States(env.observation_space).n, n_actions)
                agent._observe(env.observation_space, first_action)
            finally:
                if own:
                    env.close()
        return agent

    def __repr__(self) -> str:
        return (
            f"QLearning({self.n_states}, {self.n_actions}, learning_rate={self.learning_rate}, gamma={self.gamma:g}, "
            f"exploration={self.exploration})"
        )

    def _learner(self, seed: int, step: int, total: int) -> Any:
        """The core's learner, on a copy of the table."""
        allowed = np.zeros((0, 0), np.uint8) if self.allowed is None else self.allowed.astype(np.uint8)
        kind, level = self._exploring(total)
        table = np.ascontiguousarray(self.q, np.float64)
        return _core.QLearner(table, allowed, parts_of(self.learning_rate), self.gamma, kind, level, seed, step)

    def _store(self, learner: Any) -> None:
        table = np.ascontiguousarray(self.q, np.float64)  # itself, unless the user put something else in its place
        learner.store(table)
        if table is not self.q:
            self.q[...] = table

    def _exploring(self, total: int) -> tuple[str, Parts]:
        return self.exploration._resolved(total)

    def _adopt(self, allowed: NDArray[np.bool_]) -> None:
        self.allowed = allowed.copy()
        self.q[~allowed] = 0.0

    def _best(self, state: int) -> float:
        row = self.q[state] if self.allowed is None else self.q[state][self.allowed[state]]
        return float(row.max()) if row.size else 0.0

    @staticmethod
    def _index(name: str, value: Any, end: int) -> int:
        number = _checks.whole_number(name, value)
        if not 0 <= number < end:
            raise IndexError(f"{name} must be from 0 to {end - 1}, but is {number}")
        return number


def _checked_mask(allowed: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    array = _checks.as_array("allowed", allowed)
    if array.dtype != np.bool_:
        raise TypeError(f"allowed must be a bool array, but is {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"allowed must have shape {shape}, but came as {array.shape}")
    return array
