"""Deep Q-learning."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore._files import Path
from nncore._random import seed_of
from nncore.nn import _checks
from nncore.nn.layers import Dense
from nncore.nn.sequential import Sequential
from nncore.rl import _dqn_files
from nncore.rl._dqn_settings import DqnSettings, checked_settings
from nncore.rl._dqn_steps import Run, collect
from nncore.rl._logger import Logger
from nncore.rl._seen import Seen
from nncore.rl._spaces import observation_spec
from nncore.rl.callbacks import CallbackLike, as_callback
from nncore.rl.environments import (
    Environments,
    SingleEnvironment,
    StableBaselinesEnvironment,
    as_environments,
    is_discrete,
    make,
    seed_of_episode,
)
from nncore.rl.replay import PrioritizedReplayBuffer, ReplayBuffer

__all__ = ["DQN"]

_PREDICTIONS = 2**39  # where the draws of predict stand, apart from those of learning
_SECONDS = 0.2  # of updates in one call of the core, so that Ctrl-C is heard
_WINDOW = 100  # episodes of the mean return that is shown


class DQN:
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
        training ago. A seed still gives the same run.
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
        space = environments.action_space
        if not is_discrete(space):
            raise TypeError(f"env must have a Discrete action space for DQN, but has {space!r}")
        actions = int(space.n), int(space.start)
        self._set_up(settings, Seen.of(environments.observation_space), actions, seed_of(seed, "seed"), verbose)
        self._take_buffer(replay_buffer)
        self.set_env(environments)

    def _set_up(self, settings: DqnSettings, seen: Seen, actions: tuple[int, int], seed: int, verbose: int) -> None:
        """Everything but the environment and the buffer."""
        self.settings, self.seed, self.verbose = settings, seed, verbose
        self._seen, self._actions = seen, actions
        learner = _core.DqnLearnerFloat32 if settings.dtype == "float32" else _core.DqnLearnerFloat64
        self._learner: Any = learner(
            seen.core_parts(),
            list(settings.hidden),
            *actions,
            double_q=settings.double,
            huber=settings.loss == "huber",
            max_grad_norm=settings.max_grad_norm,
            seed=seed,
        )
        self.logger: Any = Logger(verbose)
        self.history_: dict[str, list[Any]] = {key: [] for key in _dqn_files.HISTORY}
        self._run = Run()
        self._environments: Any = None
        self._observations: Any = None  # what to act on next; None: new episodes begin
        self._played: list[int] = []  # actions of the episode of a single environment
        self._returns: Any = []  # so far, of the episode of each environment
        self._lengths: Any = []
        self._resume: dict[str, Any] | None = None
        self._staged: list[tuple[Any, ...]] = []
        self._loss = self._loss_sum = 0.0
        self._loss_count = 0
        self._log_interval: int | None = None
        self._started = (time.perf_counter(), 0)

    def _take_buffer(self, buffer: ReplayBuffer | None) -> None:
        settings, space = self.settings, _SpaceOfActions(*self._actions)
        if buffer is None:
            shared = (settings.buffer_size, self._seen.space(), space, settings.n_steps, settings.gamma)
            seed = seed_of_episode(self.seed, 2**63)
            if settings.prioritized is None:
                buffer = ReplayBuffer(*shared, seed=seed)
            else:
                buffer = PrioritizedReplayBuffer(*shared, settings.alpha, settings.prioritized, seed=seed)
        if not isinstance(buffer, ReplayBuffer):
            raise TypeError(f"replay_buffer must be a ReplayBuffer, but is {type(buffer).__name__}")
        if Seen.of_spec(buffer._observation) != self._seen or buffer._action.low != (self._actions[1],):
            raise ValueError("replay_buffer must be of env's observation and action space, but is of others")
        self.replay_buffer = buffer

    @property
    def num_timesteps(self) -> int:
        """Steps of the environment so far."""
        return self._run.num_timesteps

    @property
    def exploration_rate(self) -> float:
        """ε of the next action."""
        if self._run.num_timesteps < self.settings.learning_starts:
            return 1.0
        return self.settings.exploration(self._run.progress)

    @property
    def q_network(self) -> Sequential:
        """The online network, as a network of its own: a copy."""
        sizes = [sum(_widths(self._seen)), *self.settings.hidden]
        layers = [Dense(a, b, activation="relu") for a, b in itertools.pairwise(sizes)]
        network = Sequential([*layers, Dense(sizes[-1], self._actions[0])], dtype=self.settings.dtype)
        for name, array in _dqn_files.parameters(self, "parameters").items():
            network[name][...] = array
        return network

    def set_env(self, env: Any) -> None:
        """Learn in another environment from now on; the one before is not closed.

        Raises
        ------
        ValueError
            Its spaces are others than the agent's.
        """
        environments = as_environments(env)
        spec = Seen.of_spec(observation_spec(environments.observation_space))
        if spec != self._seen:
            raise ValueError(f"env must have the agent's observations, {self._seen.specs}, but has {spec.specs}")
        space = environments.action_space
        if not is_discrete(space) or (int(space.n), int(space.start)) != self._actions:
            raise ValueError(f"env must have the agent's {self._actions[0]} actions, but has {space!r}")
        if self.settings.train_freq[1] == "episode" and environments.num_envs > 1:
            raise ValueError("train_freq must count steps, not episodes, where several environments step at once")
        self._environments = environments
        self._observations = None
        self._returns, self._lengths = [0.0] * environments.num_envs, [0] * environments.num_envs

    def get_env(self) -> Any:
        """The environment: a VecEnv as it was given, others as `Environments` (whose `env` is what was given)."""
        environments = self._environments
        return environments.env if isinstance(environments, StableBaselinesEnvironment) else environments

    def get_vec_normalize_env(self) -> None:
        """None; for callbacks of stable-baselines3, which ask."""

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
            Whether to begin a new run: the count of steps and the schedules from the start, new episodes. False goes
            on with the last one, where it stands.
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
        steps = _checks.whole_number("total_timesteps", total_timesteps)
        if steps < 1:
            raise ValueError(f"total_timesteps must be at least 1, but is {steps}")
        if self._environments is None:
            raise ValueError("the agent has no environment: give one to load, or to set_env")
        self.settings.rate(1.0)
        callback, run = as_callback(callback), self._run
        self._log_interval = log_interval
        if reset_num_timesteps:
            self._observations = self._resume = None
            run.num_timesteps = run.collected_calls = run.collected_steps = run.collected_episodes = 0
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
        with _bar(run, progress_bar) as bar:
            try:
                self._learn(callback, variables, bar)
            finally:
                self._settle()
                self._flush()
        return self

    def _learn(self, callback: Any, variables: dict[str, Any], bar: Any) -> None:
        run = self._run
        if callback is not None:
            callback.init_callback(self)
            callback.on_training_start(dict(variables), {})
        while run.num_timesteps < run.total_timesteps:
            if callback is not None:
                callback.on_rollout_start()
            before = run.num_timesteps
            going = collect(self, callback, variables)
            if bar is not None:
                self._show(bar, run.num_timesteps - before)
            if not going:
                break
            if run.is_due(self.settings.train_freq):
                if callback is not None:
                    callback.on_rollout_end()
                self._train()
        if callback is not None:
            callback.on_training_end()

    def _begin_episodes(self) -> None:
        """Where no episode is under way: go on with the saved one, or begin."""
        environments, saved = self._environments, self._resume
        self._resume = None
        if self._observations is not None:
            return
        if saved is not None and _dqn_files.resume_episode(self, saved):
            return
        observations = environments.reset(seed_of_episode(self.seed, self._run.resets) << 20 | self._run.resets)
        self._run.resets += 1
        self._take_observations(observations)
        self._played = []
        self._returns, self._lengths = [0.0] * environments.num_envs, [0] * environments.num_envs
        for i in range(environments.num_envs):
            self.replay_buffer.end_episode(i)

    def _take_observations(self, observations: Any) -> None:
        one = isinstance(self._environments, SingleEnvironment) and not self._seen.keys
        self._observations = observations[0] if one else observations

    def _stand_at(self, observation: Any) -> None:
        """Tell the core where the single environment stands; raises for another shape or type."""
        replay = self.replay_buffer._core
        if not self._learner.begin(replay, observation):
            self._learner.begin(replay, self._seen.arrays(observation, None)[0])

    def _lose_episodes(self) -> None:
        self._observations = None

    def _add(self, *transition: Any) -> None:
        """Keep transitions: at once, or when the training in the background lets go of the buffer."""
        if self.settings.asynchronous:
            self._staged.append(transition)
        else:
            self.replay_buffer.add(*transition)

    def _flush(self) -> None:
        staged, self._staged = self._staged, []
        for transition in staged:
            self.replay_buffer.add(*transition)
        self._learner.flush(self.replay_buffer._core)

    def _target_is_due(self) -> None:
        if self.settings.asynchronous:
            self._run.targets_due += 1
        else:
            self._learner.update_target(self.settings.tau)

    def _train(self) -> None:
        """Learn from the buffer, now or in the background; there, what the last training found counts from now on."""
        run, settings = self._run, self.settings
        updates = settings.gradient_steps if settings.gradient_steps >= 0 else run.collected_steps
        run.collected_calls = run.collected_steps = run.collected_episodes = 0
        if settings.asynchronous:
            self._settle()
            self._learner.publish()
            self._flush()
            for _ in range(run.targets_due):
                self._learner.update_target(settings.tau)
            run.targets_due = 0
        if run.num_timesteps <= settings.learning_starts or not len(self.replay_buffer):
            return
        remaining = 1 - run.progress
        rates = settings.batch_size, settings.importance(remaining), settings.rate(remaining)
        if settings.asynchronous and updates:
            self._learner.start(self.replay_buffer._core, updates, *rates)
            return
        while updates:
            part = min(updates, self._updates_of_a_call)
            self._count(*self._learner.train(self.replay_buffer._core, part, *rates))
            updates -= part

    @property
    def _updates_of_a_call(self) -> int:
        sizes = [sum(_widths(self._seen)), *self.settings.hidden, self._actions[0]]
        products = sum(a * b for a, b in itertools.pairwise(sizes))
        return max(1, int(_SECONDS * 5e9 / (self.settings.batch_size * products)))

    def _settle(self) -> None:
        """Wait for a training in the background."""
        if self._learner.started:
            self._count(*self._learner.finish())

    def _count(self, updates: int, loss: float) -> None:
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {self._run.num_timesteps}, after {self._learner.updates} updates; the "
                "parameters are those before: a smaller learning_rate may help"
            )
        self._loss = loss
        self._loss_sum += loss * updates
        self._loss_count += updates

    def _end_episode(self, i: int) -> None:
        """Write down the episode that has ended in environment `i`."""
        run, history = self._run, self.history_
        history["timesteps"].append(run.num_timesteps)
        history["return"].append(float(self._returns[i]))
        history["length"].append(int(self._lengths[i]))
        history["loss"].append(self._loss_sum / self._loss_count if self._loss_count else float("nan"))
        history["exploration_rate"].append(self.exploration_rate)
        self._loss_sum, self._loss_count = 0.0, 0
        self._returns[i], self._lengths[i] = 0.0, 0
        run.episodes += 1
        run.collected_episodes += 1
        if self._log_interval is not None and run.episodes % self._log_interval == 0:
            self.dump_logs()

    def dump_logs(self) -> None:
        """Record the means of the last 100 episodes, and dump the log."""
        since, steps = self._started
        elapsed = max(time.perf_counter() - since, 1e-9)
        if self.history_["return"]:
            self.logger.record("rollout/ep_rew_mean", _recent(self.history_["return"]))
            self.logger.record("rollout/ep_len_mean", _recent(self.history_["length"]))
        self.logger.record("rollout/exploration_rate", self.exploration_rate)
        self.logger.record("time/episodes", self._run.episodes)
        self.logger.record("time/fps", int((self.num_timesteps - steps) / elapsed))
        self.logger.record("time/total_timesteps", self.num_timesteps)
        self.logger.record("train/loss", self._loss)
        self.logger.dump(step=self.num_timesteps)

    def _show(self, bar: Any, steps: int) -> None:
        bar.update(steps)
        now = time.perf_counter()
        if now - getattr(bar, "shown", 0.0) > 0.5:
            bar.shown = now
            mean = f"{_recent(self.history_['return']):.1f}" if self.history_["return"] else "-"
            bar.set_postfix_str(f"return {mean}, loss {self._loss:.3g}", refresh=False)

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

    def evaluate(
        self, n_episodes: int = 10, *, env: Any = None, deterministic: bool = True, seed: Any = None
    ) -> tuple[float, float]:
        """Mean and standard deviation of the return of whole episodes.

        Parameters
        ----------
        n_episodes : int
            Episodes, shared out evenly among several environments.
        env : object, optional
            Where; by default a new environment like the agent's own. Where none can be made (it has no spec), the
            agent's own is used, whose episode under way is given up.
        deterministic : bool
            Whether to act greedily.
        seed : int, optional
            Of the episodes; by default another one at each call.

        Returns
        -------
        mean, std : float
            Of the returns, without a discount.
        """
        count = _checks.whole_number("n_episodes", n_episodes)
        if count < 1:
            raise ValueError(f"n_episodes must be at least 1, but is {count}")
        if seed is None:
            seed = seed_of_episode(self.seed, 2**62 + self._run.evaluations)
            self._run.evaluations += 1
        made = self._new_environment() if env is None else None
        environments = as_environments(made if env is None else env)
        try:
            returns = self._play(environments, count, deterministic, seed_of(seed, "seed"))
        finally:
            if made is not None and made is not self._environments:
                made.close()
        return float(np.mean(returns)), float(np.std(returns))

    def _new_environment(self) -> Any:
        if self._environments is None:
            raise ValueError("the agent has no environment: give one to evaluate, to load, or to set_env")
        env = self._environments.env
        if isinstance(self._environments, StableBaselinesEnvironment):
            spec = env.get_attr("spec")[0]
        else:
            spec = getattr(env, "spec", None)
        if spec is None:
            self._lose_episodes()
            return self._environments
        return make(spec)

    def _play(self, environments: Environments, count: int, deterministic: bool, seed: int) -> list[float]:
        n = environments.num_envs
        left = np.array([(count + i) // n for i in range(n)])
        sums, returns = np.zeros(n), []
        observations = environments.reset(seed)
        while left.any():
            actions, _ = self.predict(observations, deterministic=deterministic)
            steps = environments.step(actions)
            observations = steps.observations
            sums[steps.valid] += steps.rewards[steps.valid]
            for i in np.flatnonzero((steps.terminated | steps.truncated) & steps.valid):
                if left[i]:
                    returns.append(float(sums[i]))
                    left[i] -= 1
                sums[i] = 0
        return returns

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
        self._staged = []
        self.replay_buffer.load(path)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, [sum(_widths(self._seen)), *self.settings.hidden, self._actions[0]]))
        return f"DQN({sizes}, {self.num_timesteps} steps, {self._learner.updates} updates)"


_NO_SETTINGS = ("self", "env", "replay_buffer", "verbose", "seed", "__class__")


class _SpaceOfActions:
    """The Discrete space of the buffer's actions, without Gymnasium."""

    shape = ()

    def __init__(self, n: int, start: int) -> None:
        self.n, self.start = n, start


def _widths(seen: Seen) -> list[int]:
    return [sum(classes) or elements for _, elements, _, classes, _ in seen.core_parts()]


def _recent(values: list[Any]) -> float:
    return float(np.mean(values[-_WINDOW:]))


class _bar:
    """A progress bar over what is left of the run, or None."""

    def __init__(self, run: Run, shown: bool) -> None:
        self._bar = None
        if shown:
            from tqdm import tqdm

            self._bar = tqdm(total=run.total_timesteps, initial=run.num_timesteps, unit="step", unit_scale=True)

    def __enter__(self) -> Any:
        return self._bar

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()
