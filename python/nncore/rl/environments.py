"""One face for every kind of environment: batches of transitions with their true final observations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore.rl._counted import counted, uncounted
from nncore.rl._spaces import is_discrete

Observations = Any
"""A batch: an array whose first axis counts the environments, or a dict or tuple of such arrays."""


class Steps(NamedTuple):
    """One step of each environment."""

    observations: Observations
    """What to act on next, one row per environment: the first of a new episode where one has ended."""
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    next_observations: Observations
    """Where each step led: the final observation where an episode has ended."""
    valid: NDArray[np.bool_]
    """Which environments made a transition; one that only began its next episode did not."""
    infos: Any
    """As the environment gave them; `Environments.list_infos` lists them."""

    @property
    def starts(self) -> NDArray[np.bool_]:
        """Which rows of `observations` begin an episode."""
        begun = self.observations is not self.next_observations  # or an ended one still shows its end
        return np.asarray((self.terminated | self.truncated) & begun | ~self.valid)


class Environments(ABC):
    """What all kinds have in common; made by `as_environments`.

    Attributes
    ----------
    env : object
        The environment that was given.
    num_envs : int
        How many environments step at once.
    observation_space, action_space : gymnasium.Space
        Those of one of them.
    keeps : bool
        Whether observations stay as they are when the environment goes on: a vector environment may write the next ones
        in their place, and they are copied.
    """

    env: Any
    num_envs: int
    observation_space: Any
    action_space: Any
    keeps = True

    @abstractmethod
    def reset(self, seed: int | None = None) -> Observations:
        """Begin an episode everywhere; the first observations, one row per environment.

        Parameters
        ----------
        seed : int, optional
            Fixes all episodes from here on.
        """

    @abstractmethod
    def step(self, actions: NDArray[Any]) -> Steps:
        """Step everywhere; where an episode ends, the next one begins.

        Parameters
        ----------
        actions : array of shape (num_envs, ...)
            One per environment.
        """

    def list_infos(self, infos: Any) -> list[dict[str, Any]]:
        """`Steps.infos` as one dict per environment."""
        return list(infos)

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    @property
    def shown(self) -> Any:
        """The environment as callbacks see it."""
        return self.env


class SingleEnvironment(Environments):
    """A Gymnasium environment. With a seed, each episode has one of its own, so that it can be played again alone."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.num_envs = 1
        self.observation_space, self.action_space = env.observation_space, env.action_space
        self._counted = counted(env)
        self.seed: int | None = None
        self.episode = 0
        self._whole_numbers = is_discrete(env.action_space)

    @property
    def shown(self) -> Any:
        """The environment, with `num_envs`."""
        return self._counted

    def reset(self, seed: int | None = None) -> Observations:
        """Begin an episode everywhere."""
        self.seed, self.episode = seed, 0
        return stacked([self.begin()])

    def begin(self) -> Any:
        """Begin an episode; its first observation."""
        seed = None if self.seed is None else seed_of_episode(self.seed, self.episode)
        observation = begun(self.env, seed)
        self.episode += 1
        return observation

    def play_again(self, seed: int | None, episode: int, actions: Sequence[int]) -> Any:
        """Begin an episode of a run anew and take these actions; the last observation."""
        self.seed, self.episode = seed, episode - 1
        observation = self.begin()
        for action in actions:
            observation = self.env.step(action)[0]
        return observation

    def step(self, actions: NDArray[Any]) -> Steps:
        """Step everywhere; where an episode ends, the next one begins."""
        action = int(actions[0]) if self._whole_numbers else actions[0]
        result = self.env.step(action)
        check_step(result)
        observation, reward, terminated, truncated, info = result
        reached = observations = stacked([observation])
        if terminated or truncated:
            observations = stacked([self.begin()])
        flags = np.array([bool(terminated)]), np.array([bool(truncated)])
        return Steps(observations, np.array([reward], np.float64), *flags, reached, np.ones(1, bool), [info])


class VectorEnvironment(Environments):
    """A Gymnasium vector environment, in any of the three ways of beginning the next episode."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.num_envs = int(env.num_envs)
        self.observation_space, self.action_space = env.single_observation_space, env.single_action_space
        mode = (env.metadata or {}).get("autoreset_mode", "NextStep")  # Gymnasium 1.0 had this one and no name for it
        self.mode = str(getattr(mode, "value", mode))
        if self.mode not in ("NextStep", "SameStep", "Disabled"):
            raise ValueError(
                f"env must reset in mode NextStep, SameStep or Disabled, but its autoreset_mode is {mode!r}"
            )
        self._ended = np.zeros(self.num_envs, bool)

    def reset(self, seed: int | None = None) -> Observations:
        """Begin an episode everywhere."""
        observations, _ = self.env.reset(seed=None if seed is None else seed_of_episode(seed, 0))
        self._ended = np.zeros(self.num_envs, bool)
        return copied(observations)

    def step(self, actions: NDArray[Any]) -> Steps:
        """Step everywhere; where an episode ends, the next one begins."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        observations = reached = copied(observations) if self.keeps else observations
        terminated, truncated = np.array(terminated, bool), np.array(truncated, bool)
        valid, ended = np.ones(self.num_envs, bool), terminated | truncated
        if self.mode == "NextStep":
            valid, self._ended = ~self._ended, ended
        elif ended.any() and self.mode == "SameStep":
            reached = copied(observations)
            for i in np.flatnonzero(ended).tolist():
                put(reached, i, infos["final_obs"][i])
        elif ended.any():
            reached = observations if self.keeps else copied(observations)
            observations = copied(self.env.reset(options={"reset_mask": ended})[0])
            if not same_rows(observations, reached, ~ended):
                raise ValueError("env must reset only the environments of reset_mask, but others changed")
        return Steps(observations, np.array(rewards, np.float64), terminated, truncated, reached, valid, infos)

    def list_infos(self, infos: Any) -> list[dict[str, Any]]:
        """`Steps.infos` as one dict per environment."""
        return [_info_of(infos, i) for i in range(self.num_envs)]


class StableBaselinesEnvironment(Environments):
    """A VecEnv of stable-baselines3, known by its methods."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.num_envs = int(env.num_envs)
        self.observation_space, self.action_space = env.observation_space, env.action_space

    def reset(self, seed: int | None = None) -> Observations:
        """Begin an episode everywhere."""
        if seed is not None:
            self.env.seed(seed_of_episode(seed, 0))
        return copied(self.env.reset())

    def step(self, actions: NDArray[Any]) -> Steps:
        """Step everywhere; where an episode ends, the next one begins."""
        observations, rewards, dones, infos = self.env.step(actions)
        observations = reached = copied(observations)
        dones = np.array(dones, bool)
        truncated = np.array([bool(info.get("TimeLimit.truncated", False)) for info in infos]) & dones
        if dones.any():
            reached = copied(observations)
            for i in np.flatnonzero(dones).tolist():
                put(reached, i, infos[i]["terminal_observation"])
        valid = np.ones(self.num_envs, bool)
        return Steps(observations, np.array(rewards, np.float64), dones & ~truncated, truncated, reached, valid, infos)


def as_environments(env: Any) -> Environments:
    """Present an environment of any kind as a batch of them.

    Parameters
    ----------
    env : str, gymnasium.Env, gymnasium.vector.VectorEnv, VecEnv or Environments
        An id is given to ``gymnasium.make``. A VecEnv is one of stable-baselines3, or whatever has its methods.

    Returns
    -------
    environments : Environments
        Of one environment or several.

    Raises
    ------
    TypeError
        If `env` is none of these.
    ImportError
        If an id is given and Gymnasium is not installed.
    """
    if isinstance(env, Environments):
        return env
    env = uncounted(env)
    if isinstance(env, str):
        return SingleEnvironment(make(env))
    if hasattr(env, "num_envs") and hasattr(env, "single_observation_space"):
        return VectorEnvironment(env)
    if hasattr(env, "num_envs") and hasattr(env, "step_wait"):
        return StableBaselinesEnvironment(env)
    if all(hasattr(env, name) for name in ("reset", "step", "observation_space", "action_space")):
        return SingleEnvironment(env)
    raise TypeError(
        "env must be an id, a Gymnasium environment or vector environment, or a VecEnv of stable-baselines3, "
        f"but is {type(env).__name__}"
    )


def begun(env: Any, seed: int | None) -> Any:
    """First observation of an episode of a Gymnasium environment; TypeError where `reset` gives something else."""
    result = env.reset(seed=seed)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"env.reset must return (observation, info), but returned {_described(result)}")
    return result[0]


def check_step(result: Any) -> None:
    """TypeError where a Gymnasium environment's `step` has given something else than it must."""
    if not isinstance(result, tuple) or len(result) != 5:
        due = "(observation, reward, terminated, truncated, info)"
        raise TypeError(f"env.step must return {due}, but returned {_described(result)}")
    if not isinstance(result[1], (int, float, np.number)) and not (
        isinstance(result[1], np.ndarray) and result[1].ndim == 0 and result[1].dtype.kind in "biuf"
    ):
        raise TypeError(f"env.step must return a number as reward, but returned {result[1]!r}")


def _described(result: Any) -> str:
    return f"{len(result)} values" if isinstance(result, tuple) else type(result).__name__


def normalizing(environments: Environments | None) -> Any:
    """The VecNormalize of stable-baselines3 among an environment's wrappers, or None."""
    env = getattr(environments, "env", None)
    while env is not None and not hasattr(type(env), "normalize_obs"):  # of the type: a wrapper asks what it wraps
        env = env.__dict__.get("venv")
    return env


def make(env_id: str, **settings: Any) -> Any:
    """``gymnasium.make``, or an ImportError that says what to install."""
    try:
        import gymnasium
    except ModuleNotFoundError as error:
        if error.name != "gymnasium":
            raise
        raise ImportError("an environment by its id needs Gymnasium: pip install 'nncore[rl]'") from error
    return gymnasium.make(env_id, **settings)


def seed_of_episode(seed: int, episode: int) -> int:
    """Seed of an episode of a run: 31 bits of the core's random numbers."""
    draws = _core.philox4x32((episode & 0xFFFFFFFF, episode >> 32, 0, 0x656E7673), (seed & 0xFFFFFFFF, seed >> 32))
    return int(draws[0]) >> 1


def copied(observations: Observations) -> Observations:
    """A copy of a batch."""
    return mapped(np.array, observations)


def mapped(function: Callable[[Any], Any], observations: Observations) -> Observations:
    """`function` of an array, or of each array of a dict or tuple."""
    if isinstance(observations, dict):
        return {key: mapped(function, value) for key, value in observations.items()}
    if isinstance(observations, tuple):
        return tuple(mapped(function, value) for value in observations)
    return function(observations)


def stacked(observations: Sequence[Any]) -> Observations:
    """Observations of single environments as a batch."""
    first = observations[0]
    if isinstance(first, dict):
        return {key: stacked([each[key] for each in observations]) for key in first}
    if isinstance(first, tuple):
        return tuple(stacked([each[i] for each in observations]) for i in range(len(first)))
    return np.array(observations)


def put(observations: Observations, i: int, one: Any) -> None:
    """Write the observation of one environment into row `i` of a batch."""
    if isinstance(observations, dict):
        for key, rows in observations.items():
            put(rows, i, one[key])
    elif isinstance(observations, tuple):
        for rows, value in zip(observations, one, strict=True):
            put(rows, i, value)
    else:
        observations[i] = one


def same_rows(a: Observations, b: Observations, rows: NDArray[np.bool_]) -> bool:
    """Whether two batches are equal in these rows."""
    if isinstance(a, dict):
        return all(same_rows(a[key], b[key], rows) for key in a)
    if isinstance(a, tuple):
        return all(same_rows(x, y, rows) for x, y in zip(a, b, strict=True))
    return bool(np.array_equal(a[rows], b[rows], equal_nan=a.dtype.kind == "f"))


def _info_of(infos: dict[str, Any], i: int) -> dict[str, Any]:
    """What a vector environment's infos tell of one environment: values whose mask says so."""
    info = {}
    for key, value in infos.items():
        mask = infos.get(f"_{key}")
        if key.startswith("_") or (mask is not None and not mask[i]):
            continue
        info[key] = _info_of(value, i) if isinstance(value, dict) else value[i]
    return info
