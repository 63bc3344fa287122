"""Whole episodes of an agent that only plays, and what else agents have in common."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from nncore._random import seed_of
from nncore.rl._transitions import positive
from nncore.rl.environments import (
    Environments,
    StableBaselinesEnvironment,
    VectorEnvironment,
    as_environments,
    make,
    normalizing,
    seed_of_episode,
)


class Evaluated:
    """An agent with a logger that plays whole episodes."""

    logger: Any
    seed: int
    _environments: Any  # None where a loaded agent has none

    def set_logger(self, logger: Any) -> None:
        """Put another logger in the place of `logger`, one of stable-baselines3 for instance."""
        self.logger = logger

    def get_vec_normalize_env(self) -> Any:
        """The environment's VecNormalize, of stable-baselines3, or None; for its callbacks, which ask."""
        return normalizing(self._environments)

    def evaluate(
        self,
        n_episodes: int = 10,
        *,
        env: Any = None,
        deterministic: bool = True,
        seed: Any = None,
        max_episode_steps: int = 100_000,
    ) -> tuple[float, float]:
        """Mean and standard deviation of the return of whole episodes.

        Parameters
        ----------
        n_episodes : int
            Episodes, shared out evenly among several environments.
        env : object, optional
            Where; by default a new environment like the agent's own. Where none can be made (it has no spec, or a
            wrapper that cannot be repeated), the agent's own is used. Its episodes under way are given up then.
        deterministic : bool
            Whether to act greedily.
        seed : int, optional
            Of the episodes; by default another one at each call.
        max_episode_steps : int
            Steps after which an episode counts as it is; without a limit, one that never ends would have none.

        Returns
        -------
        mean, std : float
            Of the returns, without a discount.

        Raises
        ------
        ValueError
            `env` has other observations or actions than the agent's.
        """
        count, limit = positive("n_episodes", n_episodes), positive("max_episode_steps", max_episode_steps)
        if seed is not None:
            seed = seed_of(seed, "seed")
        environments = as_environments(env) if env is not None else self._environments
        if environments is None:
            raise ValueError("the agent has no environment: give one to evaluate, to load, or to set_env")
        self._check_spaces(environments)
        made = fresh_environment(environments) if env is None else None
        if made is None and self._environments is not None and environments.env is self._environments.env:
            self._lose_episodes()
        if seed is None:
            seed = seed_of_episode(self.seed, 2**62 + self._next_evaluation())
        try:
            returns = play(self, environments if made is None else made, count, deterministic, seed, limit)
        finally:
            if made is not None:
                made.close()
        return float(np.mean(returns)), float(np.std(returns))

    def _check_spaces(self, environments: Environments) -> None:
        """Refuse environments with other observations or actions."""
        raise NotImplementedError

    def _lose_episodes(self) -> None:
        """Give up the episodes under way: the next step begins new ones."""
        raise NotImplementedError

    def _next_evaluation(self) -> int:
        """How many evaluations there were before this one."""
        raise NotImplementedError


def fresh_environment(environments: Environments) -> Environments | None:
    """A new environment like one of these, or None where none can be made.

    So it is where an environment has no spec, or a wrapper that the spec cannot repeat, as all have that wrap several
    environments at once.
    """
    try:
        spec = _spec(environments)
        made = None if spec is None else as_environments(make(spec))
    except Exception:  # whatever the making of an environment raises: the caller has one
        return None
    if made is not None and _spaces(made) != _spaces(environments):
        made.close()
        return None
    return made


def _spaces(environments: Environments) -> tuple[Any, Any]:
    return environments.observation_space, environments.action_space


def _spec(environments: Environments) -> Any:
    """Gymnasium's description of one environment, with its wrappers."""
    env = environments.env
    if isinstance(environments, StableBaselinesEnvironment):
        return None if hasattr(env, "venv") else env.get_attr("spec")[0]
    spec = copy.deepcopy(getattr(env, "spec", None))
    if spec is None or not isinstance(environments, VectorEnvironment):
        return spec
    if env is not env.unwrapped or spec.kwargs.get("wrappers"):
        return None
    for name in ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers"):  # kept with the environment's own
        spec.kwargs.pop(name, None)
    limit = spec.kwargs.pop("max_episode_steps", None)
    if limit is not None:
        spec.max_episode_steps = limit
    return spec


def play(
    agent: Any, environments: Environments, count: int, deterministic: bool, seed: int, max_episode_steps: int
) -> list[float]:
    """Returns of `count` episodes, shared out evenly: short episodes end first and must not be the only ones.

    One that has not ended after `max_episode_steps` counts as it is then; its environment goes on with it.
    """
    n = environments.num_envs
    lengths = np.zeros(n, np.int64)
    left = np.array([(count + i) // n for i in range(n)])
    sums, returns = np.zeros(n), []
    observations, state, starts = environments.reset(seed), None, np.ones(n, bool)
    while left.any():
        actions, state = agent.predict(observations, state, starts, deterministic)
        steps = environments.step(np.asarray(actions))
        sums[steps.valid] += steps.rewards[steps.valid]
        lengths += steps.valid
        over = (steps.terminated | steps.truncated | (lengths >= max_episode_steps)) & steps.valid
        for i in np.flatnonzero(over):
            if left[i]:
                returns.append(float(sums[i]))
                left[i] -= 1
            sums[i] = lengths[i] = 0
        observations, starts = steps.observations, steps.starts
    return returns
