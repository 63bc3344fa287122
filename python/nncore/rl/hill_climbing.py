"""Hill climbing, the simplest evolution strategy: a champion and its mutants."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core, nn
from nncore._files import read_model, write_model
from nncore._in_use import InUse
from nncore._interrupts import uninterrupted
from nncore._random import seed_of
from nncore.nn import _checks
from nncore.rl._dqn_settings import layer_sizes
from nncore.rl._logger import verbosity
from nncore.rl._policy_network import PolicyNetwork
from nncore.rl._rollout_workers import Played, Workers, play_tasks
from nncore.rl._tabular_spaces import made
from nncore.rl._transitions import at_least

__all__ = ["HillClimbing"]

_HISTORY = ("timesteps", "return", "mutant_return", "accepted")
_ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus")


class HillClimbing(InUse):
    """Hill climbing in the weights of a policy: a champion is moved towards every mutant that does better.

    Parameters
    ----------
    env : str, callable or gymnasium.Env
        An id, a function that makes an environment, or an environment. Observations are Box or Discrete, actions
        Discrete or Box.
    sigma : float, default=0.5
        σ, standard deviation of a mutation.
    alpha : float, default=1.0
        α, how far the champion goes towards a better mutant, above 0 and at most 1.
    hidden : sequence of int, default=()
        Units of hidden layers; none makes a linear policy.
    activation : str, default="tanh"
        Of the hidden layers.
    n_episodes : int, default=5
        Tasks of a comparison: episodes that begin with seeds of their own, the same ones for both.
    max_episode_steps : int, optional
        Leave an episode after so many steps; by default the environment decides, or 100,000 where its spec has no
        ``max_episode_steps``.
    workers : int, default=1
        Processes that play episodes. Results do not depend on it; an environment that is given as such needs an id.
    seed : int, numpy.random.Generator, numpy.random.RandomState or None
        Of the mutations and of the tasks.
    verbose : int, default=0
        1 prints a line whenever the champion changes.

    Attributes
    ----------
    net : nncore.nn.Sequential
        The champion's network.
    theta : float32 array (n_weights,)
        Its weights and biases, as a copy.
    num_timesteps, generations : int
        Steps of all episodes, and comparisons, since training began.
    history_ : dict of str to list
        ``timesteps``, ``return`` (the champion's mean), ``mutant_return``, ``accepted``: one entry per
        generation.

    Notes
    -----
    θ_mutant = θ_champ + N(0, σ²); both play the same tasks; if the mutant's mean return is higher,
    θ_champ ← (1 − α) θ_champ + α θ_mutant. It starts at θ = 0. Discrete actions are the greatest output, others the
    outputs, clipped to their box.

    Examples
    --------
    >>> from nncore import rl
    >>> agent = rl.HillClimbing("CartPole-v1", seed=1)  # doctest: +SKIP
    >>> agent.learn(50_000, target_return=500).evaluate(20)  # doctest: +SKIP
    (500.0, 0.0)
    """

    def __init__(
        self,
        env: Any,
        *,
        sigma: float = 0.5,
        alpha: float = 1.0,
        hidden: Sequence[int] = (),
        activation: str = "tanh",
        n_episodes: int = 5,
        max_episode_steps: int | None = None,
        workers: int = 1,
        seed: Any = None,
        verbose: int = 0,
    ) -> None:
        self._set_settings(sigma, alpha, hidden, activation, n_episodes, max_episode_steps, workers, verbose)
        self._seed = seed_of(seed, "seed")
        self._set_env(env)
        spaces = self.env.observation_space, self.env.action_space
        self._policy = PolicyNetwork.for_spaces(*spaces, self.hidden, self.activation)
        self._begin()

    def _set_settings(
        self,
        sigma: Any,
        alpha: Any,
        hidden: Any,
        activation: Any,
        n_episodes: Any,
        max_episode_steps: Any,
        workers: Any,
        verbose: Any,
    ) -> None:
        for name, value in (("sigma", sigma), ("alpha", alpha)):
            if _checks.number(name, value) == 0:
                raise ValueError(f"{name} must be above 0, but is 0")
        if alpha > 1:
            raise ValueError(f"alpha must be at most 1, but is {alpha:g}")
        if activation not in _ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(_ACTIVATIONS)}, but is {activation!r}")
        units = layer_sizes([hidden] if isinstance(hidden, (int, np.integer)) else hidden)
        counts = [("n_episodes", n_episodes), ("workers", workers)]
        if max_episode_steps is not None:
            counts.append(("max_episode_steps", max_episode_steps))
        for name, value in counts:
            if _checks.whole_number(name, value) < 1:
                raise ValueError(f"{name} must be at least 1, but is {value}")
        self.sigma, self.alpha = float(sigma), float(alpha)
        self.hidden, self.activation = units, activation
        self.n_episodes, self.workers, self.verbose = int(n_episodes), int(workers), verbosity(verbose)
        self.max_episode_steps = None if max_episode_steps is None else int(max_episode_steps)

    def _set_env(self, env: Any) -> None:
        makes = isinstance(env, type) or (callable(env) and not hasattr(env, "step"))
        self.env, _ = made(env() if makes else env)
        self._source = env if makes or isinstance(env, str) else getattr(self.env, "spec", None)

    def _begin(self) -> None:
        self._policy.set_weights(np.zeros(self._policy.size, np.float32))
        self.num_timesteps, self.generations = 0, 0
        self.history_: dict[str, list[Any]] = {name: [] for name in _HISTORY}

    @property
    def net(self) -> nn.Sequential:
        """The champion's network."""
        return self._policy.net

    @property
    def theta(self) -> NDArray[np.float32]:
        """The champion's weights and biases, a copy."""
        return self._policy.weights()

    def learn(
        self,
        total_timesteps: int,
        *,
        target_return: float | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> HillClimbing:
        """Compare the champion with mutants.

        Parameters
        ----------
        total_timesteps : int
            Steps in the environment, those of champion and mutants together; the last comparison is finished.
        target_return : float, optional
            Stop when the champion's mean return over the tasks of a comparison reaches this.
        reset_num_timesteps : bool, default=True
            Begin again at θ = 0, with the first tasks and mutations of the seed; False goes on exactly.
        progress_bar : bool, default=False

        Returns
        -------
        self

        Raises
        ------
        RuntimeError
            If another thread uses the agent, or a process that plays episodes ends.
        Exception
            What an environment raises; the champion is that of the last whole comparison.
        """
        steps = at_least("total_timesteps", total_timesteps, 0)
        goal = np.inf if target_return is None else _checks.number("target_return", target_return, -np.inf)
        _checks.flag("reset_num_timesteps", reset_num_timesteps)
        self._check_env()
        with self._used():
            from tqdm import tqdm

            with self._players() as play, tqdm(total=steps, unit="step", disable=not progress_bar) as bar:
                if reset_num_timesteps:
                    self._begin()
                end = self.num_timesteps + steps
                while self.num_timesteps < end:
                    before = self.num_timesteps
                    reached = self._compare(play)
                    bar.update(self.num_timesteps - before)
                    if reached >= goal:
                        break
        return self

    @property
    def _limit(self) -> int | None:
        """Steps of an episode: without any limit, one that never ends would hold up everything."""
        if self.max_episode_steps is not None:
            return self.max_episode_steps
        spec = getattr(self.env, "spec", None)
        return None if getattr(spec, "max_episode_steps", None) is not None else 100_000

    def _check_env(self) -> None:
        if self.env is None:
            raise ValueError("env is missing: give one to HillClimbing.load, or set it by set_env")

    @contextmanager
    def _players(self) -> Iterator[Callable[[list[NDArray[Any]], list[tuple[int, int]]], Played]]:
        """A function that plays the episodes of tasks."""
        if self.workers == 1:
            player = PolicyNetwork(self._policy.description)
            yield lambda weights, tasks: play_tasks(self.env, player, weights, tasks, self._limit)
            return
        if self._source is None:
            raise ValueError("env must be an id, a function or an environment with a spec where workers is above 1")
        workers = Workers(self.workers, self._source, self._policy.description, self._limit)
        try:
            yield workers.play
        finally:
            workers.close()

    def _compare(self, play: Callable[[list[NDArray[Any]], list[tuple[int, int]]], Played]) -> float:
        """One generation; the champion's mean return."""
        champion = self._policy.weights()
        noise = np.empty_like(champion)
        _core.random_normal(
            noise, 0.0, self.sigma, seed=self._seed, stream=_core.Stream.MUTATION, step=self.generations
        )
        mutant = champion + noise
        seeds = np.empty(self.n_episodes, np.int64)
        _core.random_integers(seeds, 0, 2**31, seed=self._seed, stream=_core.Stream.TASKS, step=self.generations)
        tasks = [(which, int(seed)) for which in (0, 1) for seed in seeds]
        played = play([champion, mutant], tasks)
        returns = np.array([value for value, _ in played]).reshape(2, -1).mean(axis=1)
        better = bool(returns[1] > returns[0])
        moved = mutant if self.alpha == 1 else ((1 - self.alpha) * champion + self.alpha * mutant)
        timesteps = self.num_timesteps + sum(length for _, length in played)
        with uninterrupted():
            if better:
                self._policy.set_weights(moved.astype(np.float32, copy=False))
            self.num_timesteps, self.generations = timesteps, self.generations + 1
            row = (timesteps, float(returns[0]), float(returns[1]), better)
            for name, value in zip(_HISTORY, row, strict=True):
                self.history_[name].append(value)
        if better and self.verbose:
            print(f"generation {self.generations}: {returns[0]:g} → {returns[1]:g}")
        return float(returns[0])

    def predict(
        self, obs: Any, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Any, Any]:
        """Action of the champion, as stable-baselines3's models answer.

        Parameters
        ----------
        obs : array
            An observation, or several along a first axis.
        state, episode_start, deterministic
            Of no effect: the policy has no state, and draws nothing.

        Returns
        -------
        action : int or array
        state : as given
        """
        return self._policy.act(obs), state

    def evaluate(self, n_episodes: int = 20, seed: Any = None) -> tuple[float, float]:
        """Mean and standard deviation of the champion's returns.

        Parameters
        ----------
        n_episodes : int, default=20
        seed : int, numpy.random.Generator, numpy.random.RandomState or None
            Of the episodes.

        Returns
        -------
        mean, std : float
        """
        if _checks.whole_number("n_episodes", n_episodes) < 1:
            raise ValueError(f"n_episodes must be at least 1, but is {n_episodes}")
        self._check_env()
        seeds = np.empty(n_episodes, np.int64)
        _core.random_integers(seeds, 0, 2**31, seed=seed_of(seed, "seed"), stream=_core.Stream.TASKS, substream=1)
        tasks = [(0, int(seed)) for seed in seeds]
        player = PolicyNetwork(self._policy.description)
        played = play_tasks(self.env, player, [self.theta], tasks, self._limit)
        returns = [value for value, _ in played]
        return float(np.mean(returns)), float(np.std(returns))

    def set_env(self, env: Any) -> None:
        """Go on in another environment, whose spaces must be the same.

        Parameters
        ----------
        env : str, callable or gymnasium.Env
        """
        before = vars(self).get("env"), vars(self).get("_source")
        self._set_env(env)
        spaces = self.env.observation_space, self.env.action_space
        try:
            other = PolicyNetwork.for_spaces(*spaces, self.hidden, self.activation)
            if other.description != self._policy.description:
                raise ValueError("env must have the spaces that the agent was made for, but has others")
        except (TypeError, ValueError):
            self.env, self._source = before
            raise

    def get_env(self) -> Any:
        """The environment."""
        return self.env

    def get_state(self) -> dict[str, Any]:
        """All that training changes, as copies."""
        return {
            "theta": self.theta,
            "num_timesteps": self.num_timesteps,
            "generations": self.generations,
            "seed": self._seed,
            "history": {name: list(column) for name, column in self.history_.items()},
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what `get_state` gave.

        Raises
        ------
        ValueError
            If there are more or fewer weights, or one is not finite; the agent is as before.
        """
        theta = _checks.real_array("theta", state["theta"]).astype(np.float32)
        if theta.shape != (self._policy.size,) or not np.isfinite(theta).all():
            raise ValueError(f"theta must be finite and have shape ({self._policy.size},), but came as {theta.shape}")
        history = {name: list(state["history"][name]) for name in _HISTORY}
        numbers = [int(state[name]) for name in ("num_timesteps", "generations", "seed")]
        self._policy.set_weights(theta)
        self.history_ = history
        self.num_timesteps, self.generations, self._seed = numbers

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the agent, without its environment, to a file, whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike
            A safetensors file.
        """
        names = ("sigma", "alpha", "hidden", "activation", "n_episodes", "max_episode_steps", "workers", "verbose")
        state = self.get_state()
        arrays = {"theta": state.pop("theta")}
        settings = {name: getattr(self, name) for name in names}
        described = {"settings": settings, "policy": self._policy.description, "state": state}
        write_model(path, "HillClimbing", described, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str], env: Any = None) -> HillClimbing:
        """Agent from a file of `save`; with its environment it goes on exactly.

        Parameters
        ----------
        path : str or os.PathLike
        env : str, callable or gymnasium.Env, optional
            Needed to learn and to evaluate.

        Raises
        ------
        ValueError
            If the file is damaged or holds something else. The message names `path`.
        """
        description, arrays = read_model(path, "HillClimbing")
        agent = cls.__new__(cls)
        try:
            agent._set_settings(**description["settings"])
            agent._policy = PolicyNetwork(description["policy"])
            agent.env, agent._source = None, None
            agent._seed = 0
            agent._begin()
            agent.set_state({**description["state"], **arrays})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from None
        if env is not None:
            agent.set_env(env)
        return agent

    def __repr__(self) -> str:
        return f"HillClimbing(sigma={self.sigma:g}, alpha={self.alpha:g}, hidden={self.hidden})"
