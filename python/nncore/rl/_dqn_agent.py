"""What a DQN does while it learns, under the face that `dqn.py` gives it."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np

from nncore import _core
from nncore.rl import _dqn_files
from nncore.rl._dqn_settings import DqnSettings
from nncore.rl._dqn_steps import Run, collect
from nncore.rl._evaluation import Evaluated
from nncore.rl._logger import Logger
from nncore.rl._memory import require_bytes, require_memory
from nncore.rl._seen import Seen
from nncore.rl._spaces import actions_of, array_spec, is_discrete, observation_spec, stack_of
from nncore.rl.environments import (
    SingleEnvironment,
    as_environments,
    seed_of_episode,
)
from nncore.rl.prioritized_replay import PrioritizedReplayBuffer
from nncore.rl.replay import ReplayBuffer

_SECONDS = 0.2  # of updates in one call of the core, so that Ctrl-C is heard
_WINDOW = 100  # episodes of the mean return that is shown


class Agent(Evaluated):
    """The working parts of a DQN."""

    def _set_up(self, settings: DqnSettings, seen: Seen, actions: tuple[int, int], seed: int, verbose: int) -> None:
        """Everything but the environment and the buffer."""
        self.settings, self.seed, self.verbose = settings, seed, verbose
        self._seen, self._actions = seen, actions
        learner = _core.DqnLearnerFloat32 if settings.dtype == "float32" else _core.DqnLearnerFloat64
        try:
            self._learner: Any = learner(
                seen.core_parts(),
                list(settings.hidden),
                *actions,
                double_q=settings.double,
                huber=settings.loss == "huber",
                max_grad_norm=settings.max_grad_norm,
                seed=seed,
            )
        except MemoryError:
            raise MemoryError(
                f"hidden must fit the memory, but is {tuple(settings.hidden)}, for {seen.width} inputs"
            ) from None
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
        self._found = (0, 0.0)  # updates and loss of a training in the background
        sizes = [seen.width, *settings.hidden, actions[0]]
        require_bytes(settings.batch_size, 8 * sum(sizes), "batch_size")
        products = settings.batch_size * sum(a * b for a, b in itertools.pairwise(sizes))
        self._updates_of_a_call = max(1, int(_SECONDS * 5e9 / products))
        self._log_interval: int | None = None
        self._started = (time.perf_counter(), 0)

    def _take_buffer(self, buffer: ReplayBuffer | None) -> None:
        settings, (n, start) = self.settings, self._actions
        space = SimpleNamespace(n=n, start=start, shape=())
        if buffer is None:
            specs, action, kind = self._seen.specs, array_spec("action_space", space), settings.prioritized or "uniform"
            advice = "a replay_buffer with mmap= keeps transitions in a file"
            stacks = [stack_of(spec, "auto") for spec in specs]
            require_memory(settings.buffer_size, specs, action, stacks, kind, "buffer_size", advice)
            shared = (settings.buffer_size, self._seen.space(), space, settings.n_steps, settings.gamma)
            seed = seed_of_episode(self.seed, 2**63)
            if settings.prioritized is None:
                buffer = ReplayBuffer(*shared, seed=seed)
            else:
                buffer = PrioritizedReplayBuffer(*shared, settings.alpha, settings.prioritized, seed=seed)
        if not isinstance(buffer, ReplayBuffer):
            raise TypeError(f"replay_buffer must be a ReplayBuffer, but is {type(buffer).__name__}")
        if Seen.of_spec(buffer._observation) != self._seen or buffer._action != array_spec("action_space", space):
            raise ValueError("replay_buffer must be of env's observation and action space, but is of others")
        if buffer.gamma != settings.gamma:
            raise ValueError(
                f"replay_buffer must have the agent's gamma = {settings.gamma:g}, but has {buffer.gamma:g}"
            )
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

    def set_env(self, env: Any) -> None:
        """Learn in another environment from now on; the one before is not closed.

        Raises
        ------
        ValueError
            Its spaces are others than the agent's.
        """
        environments = as_environments(env)
        self._check_spaces(environments)
        if self.settings.train_freq[1] == "episode" and environments.num_envs > 1:
            raise ValueError("train_freq must count steps, not episodes, where several environments step at once")
        self._environments = environments
        self._observations = None
        self._returns, self._lengths = [0.0] * environments.num_envs, [0] * environments.num_envs

    def _check_spaces(self, environments: Any) -> None:
        spec = Seen.of_spec(observation_spec(environments.observation_space))
        if spec != self._seen:
            raise ValueError(f"env must have the agent's observations, {self._seen}, but has {spec}")
        space = environments.action_space
        if not is_discrete(space) or actions_of(space) != self._actions:
            raise ValueError(f"env must have the agent's {self._actions[0]} actions, but has {space!r}")

    def _learn(self, callback: Any, variables: dict[str, Any], bar: Any) -> None:
        run = self._run
        if callback is not None:
            callback.init_callback(self)
            callback.on_training_start(dict(variables), {})
        while run.num_timesteps < run.total_timesteps:
            if self._observations is None:  # a callback has used the environment, or set another
                self._begin_episodes()
            if callback is not None:
                callback.on_rollout_start()
            before = run.num_timesteps
            going = collect(self, callback, variables)
            if bar is not None:
                self._show(bar, run.num_timesteps - before)
            if not going:
                break
            if run.is_due(self.settings.often):
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
        self._settle()
        self._flush()
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

    def _next_evaluation(self) -> int:
        self._run.evaluations += 1
        return self._run.evaluations - 1

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
        updates = settings.gradient_steps // settings.parts if settings.gradient_steps >= 0 else run.collected_steps
        run.collected_calls = run.collected_steps = run.collected_episodes = 0
        if settings.asynchronous:
            self._settle()
            self._count(*self._take_found())
            self._learner.publish()
            self._flush()
            run.part = (run.part + 1) % settings.parts
            if run.part == 0:  # the target network does not move within a training
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

    def _settle(self) -> None:
        """Wait for a training in the background; what it found counts when its parameters do."""
        if self._learner.started:
            while not self._learner.wait_for(_SECONDS):  # Ctrl-C is heard between
                pass
            self._found = self._learner.finish()

    def _take_found(self) -> tuple[int, float]:
        found, self._found = self._found, (0, 0.0)
        return found

    def _count(self, updates: int, loss: float) -> None:
        self._check_loss(loss)
        self._loss = loss if updates else self._loss
        self._loss_sum += loss * updates
        self._loss_count += updates

    def _check_loss(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {self._run.num_timesteps}, after {self._learner.updates} updates; the "
                "parameters are those before: a smaller learning_rate may help"
            )

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


def _recent(values: list[Any]) -> float:
    return float(np.mean(values[-_WINDOW:]))


@contextmanager
def shown_bar(run: Run, shown: bool) -> Iterator[Any]:
    """A progress bar over what is left of the run, or None."""
    if not shown:
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=run.total_timesteps, initial=run.num_timesteps, unit="step", unit_scale=True) as bar:
        yield bar
