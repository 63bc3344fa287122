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
    """A new environment like one of these, or None where none can be made: it has no spec."""
    env = environments.env
    if isinstance(environments, StableBaselinesEnvironment):
        spec = env.get_attr("spec")[0]
    else:
        spec = copy.deepcopy(getattr(env, "spec", None))
    if spec is not None and isinstance(environments, VectorEnvironment):
        for name in ("num_envs", "vectorization_mode", "vector_kwargs"):  # Gymnasium keeps these with the environment's
            spec.kwargs.pop(name, None)
    return None if spec is None else as_environments(make(spec))


def play(agent: Any, environments: Environments, count: int, deterministic: bool, seed: int) -> list[float]:
    """Returns of `count` episodes, shared out evenly: short episodes end first and must not be the only ones."""
    n = environments.num_envs
    left = np.array([(count + i) // n for i in range(n)])
    sums, returns = np.zeros(n), []
    observations, state, starts = environments.reset(seed), None, np.ones(n, bool)
    while left.any():
        actions, state = agent.predict(observations, state, starts, deterministic)
        steps = environments.step(np.asarray(actions))
        sums[steps.valid] += steps.rewards[steps.valid]
        for i in np.flatnonzero((steps.terminated | steps.truncated) & steps.valid):
            if left[i]:
                returns.append(float(sums[i]))
                left[i] -= 1
            sums[i] = 0
        observations, starts = steps.observations, steps.starts
    return returns
