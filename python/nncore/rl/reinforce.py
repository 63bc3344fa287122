"""REINFORCE: the policy gradient of whole episodes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore._interrupts import many_uninterrupted
from nncore._memory import aligned_zeros
from nncore._random import seed_of
from nncore.nn import Adam, RMSprop, _checks
from nncore.rl import _reinforce_files
from nncore.rl._dqn_settings import layer_sizes, share
from nncore.rl._evaluation import Evaluated
from nncore.rl._logger import Logger
from nncore.rl._reinforce_steps import learn_until
from nncore.rl._spaces import actions_of
from nncore.rl._transitions import positive
from nncore.rl._views import Plain, PongDifferences, view_of
from nncore.rl.callbacks import CallbackLike, as_callback
from nncore.rl.environments import Environments, as_environments, stacked

Array = NDArray[Any]
Path = str | os.PathLike[str]


class REINFORCE(Evaluated):
    """Policy gradient by whole episodes (Williams 1992).

    θ ← θ + η (r_total − b) ∇ log π_θ(a | s), with softmax probabilities π of dense layers with ReLU between them.
    r_total is the discounted return from the step on, b the mean of these over the batch of episodes.

    Parameters
    ----------
    env : str, gymnasium.Env, gymnasium.vector.VectorEnv or VecEnv
        With Discrete actions.
    hidden : sequence of int
        Units of the hidden layers.
    baseline : bool
        Whether b is taken off, or is 0.
    standardize : bool
        Whether the returns of a batch are divided by their standard deviation.
    learning_rate : float
        η of the optimizer.
    gamma : float
        Discount, from 0 to 1.
    batch_episodes : int
        Episodes from which one step of the optimizer is made.
    optimizer : {"rmsprop", "adam"}
    preprocess : {None, "pong"}
        "pong" takes frames of Atari's Pong, (210, 160) of grey: the field, halved, without the background, less the
        frame before (Karpathy 2016).
    actions : sequence of int, optional
        Those of the environment's actions that are used; by default all, for "pong" up and down (2, 3).
    cut_at_reward : bool, optional
        Whether a reward other than 0 ends a game, over which returns do not reach; by default for "pong" only.
    verbose : int
        0 for silence, 1 for a bar of the progress on a terminal.
    seed : int, optional
        Fixes the initial parameters and all draws.

    Attributes
    ----------
    num_timesteps : int
        Steps made so far, of all environments.
    num_updates : int
        Steps of the optimizer.
    parameters : array of float32
        All parameters, in the kernels' order; `state_dict` has them by name.
    history_ : dict of str to list
        "timesteps", "return" and "length" of each episode that has ended, in order.

    Notes
    -----
    An agent can be copied and pickled; its environment stays behind, and `set_env` gives the copy one.
    """

    _learner: Any  # of the core
    _memory: Any  # of the view
    _starts: Array

    def __init__(
        self,
        env: Any,
        *,
        hidden: Sequence[int] = (200,),
        baseline: bool = True,
        standardize: bool = True,
        learning_rate: float = 1e-3,
        gamma: float = 0.99,
        batch_episodes: int = 10,
        optimizer: str = "rmsprop",
        preprocess: str | None = None,
        actions: Sequence[int] | None = None,
        cut_at_reward: bool | None = None,
        verbose: int = 0,
        seed: int | None = None,
    ) -> None:
        environments = as_environments(env)
        self._set_up(
            view_of(preprocess, environments.observation_space),
            _actions(actions, preprocess, environments.action_space),
            hidden=hidden,
            baseline=baseline,
            standardize=standardize,
            learning_rate=learning_rate,
            gamma=gamma,
            batch_episodes=batch_episodes,
            optimizer=optimizer,
            preprocess=preprocess,
            cut_at_reward=preprocess == "pong" if cut_at_reward is None else cut_at_reward,
            verbose=verbose,
            seed=seed,
        )
        self._bind(environments, 0)
        self._initialize()

    def _set_up(
        self,
        view: Plain | PongDifferences,
        actions: tuple[int, ...],
        *,
        hidden: Any,
        baseline: Any,
        standardize: Any,
        learning_rate: Any,
        gamma: Any,
        batch_episodes: Any,
        optimizer: Any,
        preprocess: str | None,
        cut_at_reward: Any,
        verbose: int,
        seed: Any,
    ) -> None:
        """Everything but the environment and the initial parameters."""
        self.hidden = layer_sizes(hidden)
        self.baseline, self.standardize = _checks.flag("baseline", baseline), _checks.flag("standardize", standardize)
        self.learning_rate = _checks.number("learning_rate", learning_rate)
        self.gamma = share("gamma", gamma)
        self.batch_episodes = positive("batch_episodes", batch_episodes)
        self.optimizer, self.preprocess = optimizer, preprocess
        self.view, self.actions, self.cut_at_reward = view, actions, _checks.flag("cut_at_reward", cut_at_reward)
        self.verbose, self.seed = verbose, seed_of(seed, "seed")
        self.num_timesteps = self.num_updates = self._predictions = self._evaluations = 0
        self.history_: dict[str, list[float]] = {"timesteps": [], "return": [], "length": []}
        self._optimizer = _optimizer(optimizer, self.learning_rate)
        self.logger: Any = Logger(verbose)
        self._resume: dict[str, Any] | None = None  # episodes of a file, which are gone on with
        self._bind(None, 0)
        self.parameters, self.gradients = (aligned_zeros(self._learner.size, np.float32) for _ in range(2))

    # The environment

    def get_env(self) -> Any:
        """The environment, a single one in a wrapper with ``num_envs``; None where a loaded agent has none."""
        return None if self._environments is None else self._environments.shown

    def set_env(self, env: Any) -> None:
        """Go on with another environment of the same spaces; episodes that have begun are forgotten.

        Raises
        ------
        ValueError
            If its observations or actions are others.
        """
        environments = as_environments(env)
        self._check_spaces(environments)
        self._bind(environments, self._learner.calls)

    def _check_spaces(self, environments: Environments) -> None:
        view = view_of(self.preprocess, environments.observation_space)
        if view != self.view:
            raise ValueError(f"env must have the agent's observations, {self.view}, but has {view}")
        _actions(self.actions, self.preprocess, environments.action_space)

    def _bind(self, environments: Environments | None, calls: int) -> None:
        self._environments = environments
        count = 1 if environments is None else environments.num_envs
        sizes = [self.view.size, *self.hidden, len(self.actions)]
        weighing = (self.gamma, self.baseline, self.standardize, self.cut_at_reward)
        self._learner = _core.ReinforceFloat32(sizes, count, *weighing, self.seed)
        self._learner.restart(calls)
        self._observations: Any = None

    def _lose_episodes(self) -> None:
        self._observations = self._resume = None
        self._learner.restart(self._learner.calls)

    def _next_evaluation(self) -> int:
        self._evaluations += 1
        return self._evaluations - 1

    def _initialize(self) -> None:
        """Normal, of variance 2 / inputs (He et al. 2015); the last layer a tenth, so that first draws are even."""
        stream = int(_core.Stream.PARAMETERS)
        for number, (inputs, outputs, stride, weight, _) in enumerate(self._learner.layers):
            rows = np.empty(inputs * outputs, np.float32)
            last = number == len(self.hidden)
            deviation = (0.1 if last else 1.0) * np.sqrt(2.0 / inputs)
            _core.random_normal(rows, 0.0, deviation, seed=self.seed, stream=stream, step=number)
            block = self.parameters[weight : weight + inputs * stride].reshape(inputs, stride)
            block[:, :outputs] = rows.reshape(inputs, outputs)

    # Learning

    def learn(
        self,
        total_timesteps: int,
        callback: CallbackLike = None,
        log_interval: int | None = 4,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> REINFORCE:
        """Play and learn.

        Ctrl-C ends it between two steps; the agent stays usable.

        Parameters
        ----------
        total_timesteps : int
            Steps of all environments together; the last step of several may go a few beyond.
        callback : callback, function, list of these or None
            See `nncore.rl.callbacks`; those of stable-baselines3 serve as well. A function is given two dicts, and
            ends the run with False.
        log_interval : int or None
            Steps of the optimizer between two entries of the log.
        reset_num_timesteps : bool
            Whether `num_timesteps` and `history_` begin anew.
        progress_bar : bool
            A bar of the progress even when `verbose` is 0.

        Returns
        -------
        self : REINFORCE

        Raises
        ------
        FloatingPointError
            If the gradient is no longer finite; the parameters are those before it.
        """
        total = positive("total_timesteps", total_timesteps)
        if log_interval is not None:
            log_interval = positive("log_interval", log_interval)
        callback = as_callback(callback)
        if self._environments is None:
            raise ValueError("the agent has no environment: give one to load, or to set_env")
        if reset_num_timesteps:
            self._lose_episodes()
            self.num_timesteps = 0
            self.history_ = {name: [] for name in self.history_}
        end = self.num_timesteps + total
        variables = {"self": self, "env": self.get_env(), "total_timesteps": end, "tb_log_name": "REINFORCE"}
        self._environments.keeps = callback is not None  # else an observation is of use until the next step alone
        try:
            with _bar(total, self.verbose > 0 or progress_bar, progress_bar) as bar, many_uninterrupted():
                learn_until(self, end, callback, variables, bar, log_interval)
        finally:
            self._environments.keeps = True
        return self

    # Playing

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """The action for an observation, or for each of a batch.

        Parameters
        ----------
        observation : array
            One, or a batch of them with the environments as first axis.
        state : array, optional
            What the call before returned; for "pong" the frames before.
        episode_start : array of bool, optional
            Where an episode starts, so that the state does not count.
        deterministic : bool
            The likeliest action instead of a drawn one. Draws follow from the seed, apart from those of `learn`.

        Returns
        -------
        action, state
            Numbers of the environment's actions, one or an array, and what the next call needs.
        """
        count = self.view.rows_of(observation)
        single, count = count is None, count or 1
        starts, memory = np.ones(count, bool), self.view.start(count)
        if state is not None and memory is not None:
            memory = np.array(state, np.uint8).reshape(memory.shape)
            starts = np.zeros(count, bool) if episode_start is None else np.array(episode_start, bool).reshape(-1)
        rows = self.view.rows(stacked([observation]) if single else observation, memory, starts)
        probabilities = np.empty((count, len(self.actions)), np.float32)
        self._learner.probabilities(self.parameters, rows, probabilities)
        if deterministic:
            chosen = probabilities.argmax(axis=1)
        else:
            draws = np.empty((count, 1))
            place = {"stream": int(_core.Stream.POLICY), "substream": 1, "step": self._predictions}
            _core.random_uniform(draws[:, 0], 0.0, 1.0, seed=self.seed, **place)
            self._predictions += 1
            chosen = (
                (probabilities.cumsum(axis=1, dtype=np.float64) <= draws).sum(axis=1).clip(max=len(self.actions) - 1)
            )
        actions = np.asarray(self.actions)[chosen]
        return (actions[0] if single else actions), memory

    # Files

    def state_dict(self) -> dict[str, Array]:
        """Weights (outputs, inputs) and biases by the names of PyTorch's Sequential of Linear and ReLU; copies."""
        arrays = {}
        for number, (inputs, outputs, stride, weight, bias) in enumerate(self._learner.layers):
            block = self.parameters[weight : weight + inputs * stride].reshape(inputs, stride)
            arrays[f"{2 * number}.weight"] = block[:, :outputs].T.copy()
            arrays[f"{2 * number}.bias"] = self.parameters[bias : bias + outputs].copy()
        return arrays

    def save(self, path: Path) -> None:
        """Write the agent to a file, whole or not at all.

        A loaded agent goes on exactly as this one would: ``REINFORCE.load(path, env).learn(steps,
        reset_num_timesteps=False)``. Of a single environment also the episode under way goes on, by playing its actions
        again, if the environment comes back to the same place so; vector environments begin new episodes.
        """
        _reinforce_files.save(self, path)

    @classmethod
    def load(cls, path: Path, env: Any = None) -> REINFORCE:
        """Read what `save` wrote; the agent learns on in `env`, and without one it can predict.

        Raises
        ------
        ValueError
            A damaged file, or one of another kind, or an environment that does not fit.
        """
        return _reinforce_files.load(cls, path, env)

    def __getstate__(self) -> dict[str, Any]:
        description, arrays = _reinforce_files.state(self)
        copies = {name: array.copy() for name, array in arrays.items()}
        return {"description": description, "arrays": copies, "verbose": self.verbose}

    def __setstate__(self, state: dict[str, Any]) -> None:
        _reinforce_files.set_state(self, state["description"], state["arrays"], state["verbose"])

    def __repr__(self) -> str:
        sizes = "-".join(map(str, [self.view.size, *self.hidden, len(self.actions)]))
        return f"REINFORCE({sizes}, {self.num_timesteps} steps, {self.num_updates} updates)"


def _optimizer(name: Any, learning_rate: float) -> Adam | RMSprop:
    if name == "rmsprop":
        return RMSprop(learning_rate, eps=1e-5)
    if name == "adam":
        return Adam(learning_rate)
    raise ValueError(f"optimizer must be 'rmsprop' or 'adam', but is {name!r}")


def _actions(actions: Any, preprocess: str | None, space: Any) -> tuple[int, ...]:
    """Checked numbers of the environment's actions."""
    count, first = actions_of(space)
    if actions is None:
        actions = PongDifferences.actions if preprocess == "pong" else range(first, first + count)
    if isinstance(actions, str) or not hasattr(actions, "__iter__"):
        raise TypeError(f"actions must be a sequence of the environment's actions, but is {actions!r}")
    chosen = tuple(_checks.whole_number("actions", action) for action in actions)
    if len(chosen) < 1 or len(set(chosen)) < len(chosen) or not all(first <= a < first + count for a in chosen):
        raise ValueError(f"actions must be different ones of {first} to {first + count - 1}, but are {chosen}")
    return chosen


def _bar(total: int, wanted: bool, always: bool) -> Any:
    from tqdm import tqdm

    return tqdm(
        total=total, unit=" steps", unit_scale=True, disable=(None if not always else False) if wanted else True
    )
