"""A REINFORCE in a file, and back."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore._files import Arrays, read_model, write_model
from nncore.rl._views import view_from_description
from nncore.rl.environments import SingleEnvironment, as_environments, stacked

if TYPE_CHECKING:
    from nncore.rl.reinforce import REINFORCE

Path = str | os.PathLike[str]
_SETTINGS = (
    *("hidden", "baseline", "standardize", "learning_rate", "gamma", "batch_episodes", "optimizer", "preprocess"),
    *("cut_at_reward", "seed"),
)
_HISTORY = {"timesteps": np.int64, "return": np.float64, "length": np.int64}
_STEPS = ("steps", "inputs", "indices", "values", "actions", "rewards")
_COUNTS = ("num_timesteps", "num_updates", "_predictions", "_evaluations")


def state(agent: REINFORCE) -> tuple[dict[str, Any], Arrays]:
    """Description and arrays of the agent: all but its environment."""
    optimizer = agent._optimizer.state_dict()
    arrays: Arrays = {"parameters": agent.parameters}
    arrays |= {f"history.{name}": np.array(values, _HISTORY[name]) for name, values in agent.history_.items()}
    arrays |= {f"optimizer.{name}": value for name, value in optimizer.items() if isinstance(value, np.ndarray)}
    episodes = agent._resume or _episodes(agent)  # loaded, and saved again before it learnt on
    arrays |= {f"episodes.{name}": array for name, array in episodes["arrays"].items()}
    description = {
        "settings": {name: getattr(agent, name) for name in _SETTINGS},
        "view": agent.view.describe(),
        "actions": agent.actions,
        "counts": {name: getattr(agent, name) for name in _COUNTS},
        "calls": agent._learner.calls,
        "ended": episodes["ended"],
        "under_way": episodes["under_way"],
        "optimizer": {name: value for name, value in optimizer.items() if not isinstance(value, np.ndarray)},
    }
    return description, arrays


def _episodes(agent: REINFORCE) -> dict[str, Any]:
    """Episodes from which the optimizer has not yet learnt; of a single environment also the one under way."""
    environments, steps, ended = agent._environments, agent._learner.state(), agent._learner.episodes
    if not isinstance(environments, SingleEnvironment) or agent._observations is None:
        return {"ended": ended, "under_way": None, "arrays": _first(steps, ended)}
    under_way = {"seed": environments.seed, "number": environments.episode}
    seen = agent.view.arrays(agent._observations)
    steps |= {f"observation.{i}": array for i, array in enumerate(seen)} | {"starts": np.array(agent._starts, np.uint8)}
    if agent._memory is not None:
        steps["memory"] = agent._memory
    return {"ended": ended, "under_way": under_way, "arrays": steps}


def _first(steps: Arrays, episodes: int) -> Arrays:
    """The steps of the first episodes."""
    count = int(steps["steps"][:episodes].sum())
    inputs = int(steps["inputs"][:count].sum())
    ends = (episodes, count, inputs, inputs, count, count)
    return {name: steps[name][:end] for name, end in zip(_STEPS, ends, strict=True)}


def save(agent: REINFORCE, path: Path) -> None:
    """Write the agent."""
    write_model(path, "REINFORCE", *state(agent))


def load(kind: type[REINFORCE], path: Path, env: Any) -> REINFORCE:
    """An agent of what `save` wrote."""
    description, arrays = read_model(path, "REINFORCE")
    environments = None if env is None else as_environments(env)
    agent = kind.__new__(kind)
    try:
        set_state(agent, description, arrays)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged: {error!r}") from None
    if environments is not None:
        agent.set_env(environments)
    return agent


def set_state(agent: REINFORCE, description: dict[str, Any], arrays: Arrays, verbose: int = 0) -> None:
    """Make an agent of what `state` gave."""
    view, actions = view_from_description(description["view"]), tuple(int(a) for a in description["actions"])
    agent._set_up(view, actions, verbose=verbose, **{name: description["settings"][name] for name in _SETTINGS})
    if arrays["parameters"].shape != agent.parameters.shape:
        raise ValueError(f"parameters has shape {arrays['parameters'].shape}, not {agent.parameters.shape}")
    agent.parameters[:] = arrays["parameters"]
    agent._optimizer.load_state_dict({**description["optimizer"], **_named("optimizer.", arrays)})
    agent.history_ = {name: arrays[f"history.{name}"].tolist() for name in agent.history_}
    for name in _COUNTS:
        setattr(agent, name, int(description["counts"][name]))
    ended, calls, steps = int(description["ended"]), int(description["calls"]), _named("episodes.", arrays)
    under_way = description["under_way"]
    if under_way is not None:
        under_way = {name: int(under_way[name]) for name in ("seed", "number")}
        steps["observation.0"], steps["starts"]  # are needed
    agent._learner.restore(**{name: steps[name] for name in _STEPS}, ended=ended, calls=calls)  # checks them
    agent._learner.restart(calls)
    agent._resume = {"ended": ended, "under_way": under_way, "arrays": steps}


def _named(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def resume_episodes(agent: REINFORCE, saved: dict[str, Any]) -> bool:
    """Take over the episodes of a file; whether the one under way is there again, by playing its actions."""
    ended, steps, calls = saved["ended"], saved["arrays"], agent._learner.calls
    there = saved["under_way"] is not None and _play_again(agent, saved["under_way"], steps, ended)
    steps = steps if there else _first(steps, ended)
    agent._learner.restore(**{name: steps[name] for name in _STEPS}, ended=ended, calls=calls)
    return there


def _play_again(agent: REINFORCE, under_way: dict[str, Any], steps: Arrays, ended: int) -> bool:
    environments = agent._environments
    if not isinstance(environments, SingleEnvironment):
        return False
    begin = int(steps["steps"][:ended].sum())
    played = [agent.actions[action] for action in steps["actions"][begin:].tolist()]
    observations = stacked([environments.play_again(under_way["seed"], under_way["number"], played)])
    seen = agent.view.arrays(observations)
    if not all(np.array_equal(array, steps[f"observation.{i}"]) for i, array in enumerate(seen)):
        warnings.warn("the environment does not come back to where it was saved; a new episode begins", stacklevel=5)
        return False
    agent._observations, agent._starts = observations, steps["starts"].astype(bool)
    agent._memory = None if "memory" not in steps else steps["memory"].copy()
    return True
