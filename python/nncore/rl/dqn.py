"""Deep Q-learning."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore._files import Path
from nncore._random import seed_of
from nncore.nn.layers import Dense
from nncore.nn.sequential import Sequential
from nncore.rl import _dqn_files
from nncore.rl._dqn_agent import Agent, shown_bar
from nncore.rl._dqn_settings import checked_settings
from nncore.rl._seen import Seen
from nncore.rl._spaces import actions_of
from nncore.rl._transitions import positive
from nncore.rl.callbacks import CallbackLike, as_callback
from nncore.rl.environments import VectorEnvironment, as_environments
from nncore.rl.replay import ReplayBuffer

__all__ = ["DQN"]

_PREDICTIONS = 2**39  # where the draws of predict stand, apart from those of learning


class DQN(Agent):
    """Deep Q-learning: double, with n-step returns and prioritised replay; for Discrete actions.

    Parameters mean what they mean in stable-baselines3.

    Parameters
    ----------
    env : str, gymnasium.Env, gymnasium.vector.VectorEnv or VecEnv
        Where to learn; see `as_environments`. Observations are Box, Discrete, MultiDiscrete, MultiBinary, or a Dict of
        these.
    hidden : sequence of int
        Sizes of the hidden layers, with ReLU.
    double : bool
        Whether the online network chooses the action whose value the target network gives (van Hasselt et al. 2016).
    prioritized : bool or {"proportional", "rank"}
        Whether transitions are drawn by their TD error (Schaul et al. 2016), and how; True is proportional.
    alpha : float
        Exponent of the priorities.
    beta : float or (float, float)
        Exponent of the importance weights, at the beginning and at the end of the run.
    n_steps : int
        Rewards of a return before it goes on with the target network's value.
    learning_rate : float or callable
        Of Adam; a function is given the remaining progress, from 1 to 0.
    buffer_size : int
        Transitions that are kept.
    learning_starts : int
        Steps with random actions before learning begins.
    batch_size : int
        Transitions of an update.
    tau : float
        Share of the online network that the target network takes over; 1 copies.
    gamma : float
        Discount.
    train_freq : int or (int, "step" or "episode")
        Steps (each of all environments) or episodes between two trainings.
    gradient_steps : int
        Updates of a training; −1: as many as there were transitions since the last one.
    replay_buffer : ReplayBuffer, optional
        A buffer of one's own; `prioritized`, `alpha`, `n_steps`, `gamma` within the n steps and `buffer_size` are then
        its own.
    target_update_interval : int
        Steps of the environment between two updates of the target network.
    exploration_fraction : float
        Share of the run in which ε goes from its initial to its final value.
    exploration_initial_eps, exploration_final_eps : float
        ε, the share of actions by chance.
    max_grad_norm : float or None
        Largest Euclidean norm of the gradient; None: not clipped.
    loss : {"huber", "mse"}
        Of the TD error: Huber's with a bend at 1, or the square.
    asynchronous : bool
        Whether to learn in a thread of its own while the environment steps: actions then are those of the network one
        training ago. Many updates after many steps are spread over the steps, in equal parts with at least 16 steps
        between them. A seed still gives the same run.
    verbose : int
        Above 0, values are printed every `log_interval` episodes.
    seed : int, numpy.random.Generator, numpy.random.RandomState or None
        Of everything: the network, the actions, the draws from the buffer and the environment's episodes.
    dtype : {"float32", "float64"}
        Of the network.

    Attributes
    ----------
    num_timesteps : int
        Steps of the environment so far.
    history_ : dict of str to list
        For each episode of training: "timesteps" (at its end), "return", "length", "loss" (mean since the one before;
        NaN without updates) and "exploration_rate".
    settings : DqnSettings
        The parameters above.
    replay_buffer : ReplayBuffer
        The transitions.
    logger : Logger
        Named values; a logger of stable-baselines3 may be put in its place.

    Raises
    ------
    ValueError, TypeError
        A parameter out of its range, or a space of another kind.
    MemoryError
        `buffer_size` transitions need more memory than the machine has.

    Notes
    -----
    An agent can be copied and pickled; its environment stays behind, and `set_env` gives the copy one.

    Minimises the mean of w ℓ(δ) with δ = r + γ^n Q'(s', b) − Q(s, a) and b = argmax Q(s', ·), or argmax Q'(s', ·) where
    `double` is False; Q' is the target network, w the importance weight (Mnih et al. 2015 and the papers above).
    """

    def __init__(
        self,
        env: Any,
        *,
        hidden: Sequence[int] = (64, 64),
        double: bool = True,
        prioritized: bool | str = True,
        alpha: float = 0.6,
        beta: float | Sequence[float] = (0.4, 1.0),
        n_steps: int = 1,
        learning_rate: float | Callable[[float], float] = 1e-3,
        buffer_size: int = 1_000_000,
        learning_starts: int = 100,
        batch_size: int = 32,
        tau: float = 1.0,
        gamma: float = 0.99,
        train_freq: int | tuple[int, str] = 4,
        gradient_steps: int = 1,
        replay_buffer: ReplayBuffer | None = None,
        target_update_interval: int = 10_000,
        exploration_fraction: float = 0.1,
        exploration_initial_eps: float = 1.0,
        exploration_final_eps: float = 0.05,
        max_grad_norm: float | None = 10,
        loss: str = "huber",
        asynchronous: bool = False,
        verbose: int = 0,
        seed: Any = None,
        dtype: str = "float32",
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in _NO_SETTINGS}
        if learning_rate is None:
            raise TypeError("learning_rate must be a number or a function, but is None")
        settings = checked_settings(**given)
        environments = as_environments(env)
        actions = actions_of(environments.action_space)
        self._set_up(settings, Seen.of(environments.observation_space), actions, seed_of(seed, "seed"), verbose)
        self._take_buffer(replay_buffer)
        self.set_env(environments)

    @property
    def q_network(self) -> Sequential:
        """The online network, as a network of its own: a copy."""
        sizes = [self._seen.width, *self.settings.hidden]
        layers = [Dense(a, b, activation="relu") for a, b in itertools.pairwise(sizes)]
        network = Sequential([*layers, Dense(sizes[-1], self._actions[0])], dtype=self.settings.dtype)
        for name, array in _dqn_files.parameters(self, "parameters").items():
            network[name][...] = array
        return network

    def get_env(self) -> Any:
        """The environment: a single one in a wrapper with ``num_envs``, Gymnasium's vectors as `Environments`."""
        environments = self._environments
        if isinstance(environments, VectorEnvironment):
            return environments
        return None if environments is None else environments.shown

    def learn(
        self,
        total_timesteps: int,
        callback: CallbackLike = None,
        log_interval: int | None = 4,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> DQN:
        """Learn for so many steps of the environment.

        Parameters
        ----------
        total_timesteps : int
            Steps, counted over all environments.
        callback : callback, function, list of these or None
            See `nncore.rl.callbacks`; those of stable-baselines3 serve as well. A function is given two dicts, and
            ends the run with False.
        log_interval : int or None
            Episodes between two entries of the log.
        reset_num_timesteps : bool
            Whether to begin a new run: the count of steps and the schedules from the start, new episodes, an empty
            `history_`. False goes on with the last one, where it stands.
        progress_bar : bool
            Whether to show a bar with the mean return and the loss.

        Returns
        -------
        self : DQN
            Learnt.

        Raises
        ------
        FloatingPointError
            The loss is no longer finite; the parameters are the last finite ones.
        """
        steps = positive("total_timesteps", total_timesteps)
        if self._environments is None:
            raise ValueError("the agent has no environment: give one to load, or to set_env")
        self.settings.rate(1.0)
        if log_interval is not None:
            log_interval = positive("log_interval", log_interval)
        callback, run = as_callback(callback), self._run
        self._log_interval = log_interval
        if reset_num_timesteps:
            self._observations = self._resume = None
            run.num_timesteps = run.collected_calls = run.collected_steps = run.collected_episodes = 0
            self.history_ = {name: [] for name in self.history_}
        run.total_timesteps = run.num_timesteps + steps
        self._begin_episodes()
        self._started = (time.perf_counter(), run.num_timesteps)
        variables = {
            "self": self,
            "env": self.get_env(),
            "replay_buffer": self.replay_buffer,
            "total_timesteps": run.total_timesteps,
            "log_interval": log_interval,
            "tb_log_name": "DQN",
        }
        with shown_bar(run, progress_bar) as bar:
            try:
                self._learn(callback, variables, bar)
            except BaseException:
                self._learner.stop()
                raise
            finally:
                self._settle()
                self._flush()
        if not math.isfinite(self._found[1]):
            self._check_loss(self._take_found()[1])
        return self

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[Any, Any]:
        """Action for an observation, or for each of a batch.

        Parameters
        ----------
        observation : array or dict of arrays
            As the observation space has it, or with a first axis for several.
        state, episode_start : object
            Are passed on and ignored, as the network has no state.
        deterministic : bool
            Whether to act greedily; else some actions are by chance, as in learning (`exploration_rate`).

        Returns
        -------
        action : numpy.int64, or int64 array of shape (n,)
            As the action space has it.
        state : object
            As given.
        """
        self._settle()
        rows = self._seen.rows_of(observation)
        actions = np.empty(1 if rows is None else rows, np.int64)
        epsilon = 0.0 if deterministic else self.exploration_rate
        draws = _PREDICTIONS + self._run.predictions
        self._learner.act(self._seen.arrays(observation, rows), False, epsilon, draws, actions)
        if not deterministic:
            self._run.predictions += 1
        return (actions[0] if rows is None else actions), state

    def q_values(self, observation: Any) -> NDArray[Any]:
        """Q(s, ·) of an observation, (n_actions,), or of each of a batch, (n, n_actions)."""
        self._settle()
        rows = self._seen.rows_of(observation)
        values = np.empty((1 if rows is None else rows, self._actions[0]), self.settings.dtype)
        self._learner.values(self._seen.arrays(observation, rows), values)
        return values[0] if rows is None else values

    def save(self, path: Path, replay_buffer: Path | None = None) -> None:
        """Write the agent to a safetensors file, whole or not at all, and its buffer to another one if asked.

        With both, a loaded agent goes on exactly as this one would: ``DQN.load(path, env, buffer).learn(steps,
        reset_num_timesteps=False)``. Of a single environment also the episode under way goes on, by playing its actions
        again; vector environments begin new episodes.

        Parameters
        ----------
        path : path
            The agent: its networks, the state of Adam, counts, settings and history.
        replay_buffer : path, optional
            The buffer, as by `save_replay_buffer`.

        Raises
        ------
        OSError
            A file cannot be written; what stood there is untouched.
        """
        self._settle()
        self._flush()
        if replay_buffer is not None:
            self.replay_buffer.save(replay_buffer)
        _dqn_files.save(self, path)

    @classmethod
    def load(cls, path: Path, env: Any = None, replay_buffer: Path | None = None, **changes: Any) -> DQN:
        """An agent from a file that `save` wrote.

        Parameters
        ----------
        path : path
            The agent's file.
        env : object, optional
            Where to learn on; without one it can predict.
        replay_buffer : path, optional
            The buffer's file; without one the buffer is empty.
        **changes
            Parameters of the constructor with other values than the saved ones. `learning_rate` must be among them
            where it was a function, if the agent is to learn.

        Returns
        -------
        agent : DQN
            As it was.

        Raises
        ------
        ValueError
            A damaged file, one of another kind, or an environment with other spaces.
        """
        return _dqn_files.load(cls, path, env, replay_buffer, changes)

    def save_replay_buffer(self, path: Path) -> None:
        """Write the replay buffer to a safetensors file."""
        self._settle()
        self._flush()
        self.replay_buffer.save(path)

    def load_replay_buffer(self, path: Path) -> None:
        """Take the transitions of a file of `save_replay_buffer`, of a buffer with the same settings."""
        self._settle()
        self.replay_buffer.load(path)
        self._staged = []

    def __getstate__(self) -> dict[str, Any]:
        self._settle()
        self._flush()
        description, arrays = _dqn_files.state(self)
        description["settings"]["learning_rate"] = self.settings.learning_rate
        return {"description": description, "arrays": arrays, "buffer": self.replay_buffer, "verbose": self.verbose}

    def __setstate__(self, state: dict[str, Any]) -> None:
        _dqn_files.set_state(self, state["description"], state["arrays"], state["verbose"])
        self._take_buffer(state["buffer"])

    def __repr__(self) -> str:
        sizes = "-".join(map(str, [self._seen.width, *self.settings.hidden, self._actions[0]]))
        return f"DQN({sizes}, {self.num_timesteps} steps, {self._learner.updates} updates)"


_NO_SETTINGS = ("self", "env", "replay_buffer", "verbose", "seed", "__class__")
