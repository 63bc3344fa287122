"""What is called while an agent learns. Callbacks of stable-baselines3 have the same methods, and serve as well."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nncore.nn import _checks

CallbackLike = Any
"""A `Callback`, one of stable-baselines3, a function of two dicts of variables, a list of these, or None."""


class Callback:
    """Base of callbacks: override what is needed.

    Attributes
    ----------
    model : object
        The agent.
    locals : dict
        Variables of the last step: ``actions``, ``rewards``, ``dones``, ``infos``, ``new_obs``, with one entry per
        environment, and ``num_collected_steps``, ``num_collected_episodes``, ``total_timesteps``, ``env``.
    n_calls, num_timesteps : int
        Calls of `on_step`, and steps of the environment.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.locals: dict[str, Any] = {}
        self.n_calls = 0
        self.num_timesteps = 0

    def init_callback(self, model: Any) -> None:
        """Called first, when learning begins."""
        self.model = model

    def on_training_start(self, locals_: dict[str, Any], globals_: dict[str, Any]) -> None:
        """Called before the first step."""
        self.locals = locals_
        self.num_timesteps = self.model.num_timesteps

    def on_rollout_start(self) -> None:
        """Called before the steps between two trainings."""

    def update_locals(self, locals_: dict[str, Any]) -> None:
        """Called before `on_step`, with the variables of the step."""
        self.locals.update(locals_)

    def on_step(self) -> bool:
        """Called after each step; False ends learning."""
        self.n_calls += 1
        self.num_timesteps = self.model.num_timesteps
        return self.step()

    def step(self) -> bool:
        """What a callback does after each step: the usual one to override. False ends learning."""
        return True

    def on_rollout_end(self) -> None:
        """Called after the steps between two trainings."""

    def on_training_end(self) -> None:
        """Called at the end."""


class CallbackList(Callback):
    """Several callbacks, called in order; learning ends when one of them says so.

    Parameters
    ----------
    callbacks : iterable
        What `as_callback` takes.
    """

    def __init__(self, callbacks: Iterable[CallbackLike]) -> None:
        super().__init__()
        self.callbacks = [made for made in map(as_callback, callbacks) if made is not None]

    def init_callback(self, model: Any) -> None:
        """Pass on."""
        super().init_callback(model)
        for callback in self.callbacks:
            callback.init_callback(model)

    def on_training_start(self, locals_: dict[str, Any], globals_: dict[str, Any]) -> None:
        """Pass on."""
        super().on_training_start(locals_, globals_)
        for callback in self.callbacks:
            callback.on_training_start(locals_, globals_)

    def on_rollout_start(self) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_rollout_start()

    def update_locals(self, locals_: dict[str, Any]) -> None:
        """Pass on."""
        super().update_locals(locals_)
        for callback in self.callbacks:
            callback.update_locals(locals_)

    def step(self) -> bool:
        """Call all of them, whatever the first ones say."""
        results = [callback.on_step() is not False for callback in self.callbacks]
        return all(results)

    def on_rollout_end(self) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_rollout_end()

    def on_training_end(self) -> None:
        """Pass on."""
        for callback in self.callbacks:
            callback.on_training_end()


class FunctionCallback(Callback):
    """Calls ``function(locals, globals)`` after each step; False ends learning.

    Parameters
    ----------
    function : callable
        Is given `Callback.locals` and a dict without entries.
    """

    def __init__(self, function: Callable[[dict[str, Any], dict[str, Any]], Any]) -> None:
        super().__init__()
        self.function = function

    def step(self) -> bool:
        """Call the function."""
        return self.function(self.locals, {}) is not False


class StopOnReturn(Callback):
    """Ends learning when the mean return of the last episodes of training reaches a threshold.

    Parameters
    ----------
    threshold : float
        The return.
    episodes : int
        How many of the last episodes count; before there are so many, nothing happens.
    """

    def __init__(self, threshold: float, episodes: int = 100) -> None:
        super().__init__()
        self.threshold = float(threshold)
        self.episodes = _checks.whole_number("episodes", episodes)
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, but is {episodes}")

    def step(self) -> bool:
        """Look at the last episodes."""
        if not np.any(self.locals["dones"]):
            return True
        returns = self.model.history_["return"][-self.episodes :]
        return len(returns) < self.episodes or sum(returns) / self.episodes < self.threshold


class Evaluate(Callback):
    """Evaluates the agent now and then, greedily, and keeps the best.

    Parameters
    ----------
    every : int
        Steps of the environment between two evaluations.
    n_episodes : int
        Episodes of each.
    env : object, optional
        Where; by default an environment like the one that the agent learns on.
    best : path, optional
        Where to save the agent whenever its mean return is the best so far.
    threshold : float, optional
        A mean return that ends learning.

    Attributes
    ----------
    timesteps, means, deviations : list
        Of each evaluation.
    """

    def __init__(
        self,
        every: int,
        n_episodes: int = 10,
        env: Any = None,
        best: str | os.PathLike[str] | None = None,
        threshold: float | None = None,
    ) -> None:
        super().__init__()
        self.every, self.n_episodes = _checks.whole_number("every", every), n_episodes
        if self.every < 1:
            raise ValueError(f"every must be at least 1, but is {every}")
        self.env, self.best, self.threshold = env, best, threshold
        self.timesteps: list[int] = []
        self.means: list[float] = []
        self.deviations: list[float] = []
        self._next: int | None = None

    def on_training_start(self, locals_: dict[str, Any], globals_: dict[str, Any]) -> None:
        """Count from here."""
        super().on_training_start(locals_, globals_)
        self._next = (self.num_timesteps // self.every + 1) * self.every

    def step(self) -> bool:
        """Evaluate, if it is time."""
        if self._next is None or self.num_timesteps < self._next:
            return True
        self._next = (self.num_timesteps // self.every + 1) * self.every
        mean, deviation = self.model.evaluate(self.n_episodes, env=self.env)
        self.model.logger.record("eval/mean_reward", mean)
        if self.best is not None and mean > max(self.means, default=-np.inf):
            self.model.save(self.best)
        self.timesteps.append(self.num_timesteps)
        self.means.append(mean)
        self.deviations.append(deviation)
        return self.threshold is None or mean < self.threshold


class Checkpoint(Callback):
    """Saves the agent now and then, so that a run that was cut off goes on from there.

    Parameters
    ----------
    every : int
        Steps of the environment between two files.
    path : path
        The file; each time it is replaced, whole or not at all.
    replay_buffer : path, optional
        Where to save the replay buffer too: then the run goes on exactly.
    """

    def __init__(
        self, every: int, path: str | os.PathLike[str], replay_buffer: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__()
        self.every, self.path, self.replay_buffer = _checks.whole_number("every", every), path, replay_buffer
        if self.every < 1:
            raise ValueError(f"every must be at least 1, but is {every}")
        self._last = 0

    def on_training_start(self, locals_: dict[str, Any], globals_: dict[str, Any]) -> None:
        """Count from here."""
        super().on_training_start(locals_, globals_)
        if self.replay_buffer is not None and not hasattr(self.model, "replay_buffer"):
            raise TypeError(f"replay_buffer must be None for a {type(self.model).__name__}, which has no buffer")
        self._last = self.num_timesteps // self.every

    def step(self) -> bool:
        """Save, if it is time."""
        if self.num_timesteps // self.every > self._last:
            self._last = self.num_timesteps // self.every
            also = {} if self.replay_buffer is None else {"replay_buffer": self.replay_buffer}
            self.model.save(self.path, **also)
        return True


def as_callback(callback: CallbackLike) -> Any:
    """A callback of what may be given as one; None where there is nothing to call."""
    if callback is None or hasattr(callback, "on_step"):
        return callback
    if isinstance(callback, (list, tuple)):
        return CallbackList(callback)
    if callable(callback):
        return FunctionCallback(callback)
    raise TypeError(f"callback must be a callback, a function, a list of these or None, but is {callback!r}")
