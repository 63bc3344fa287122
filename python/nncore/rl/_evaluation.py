"""Whole episodes of an agent that only plays."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from nncore.rl.environments import (
    Environments,
    StableBaselinesEnvironment,
    VectorEnvironment,
    as_environments,
    make,
)


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
