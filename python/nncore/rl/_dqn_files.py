"""A DQN in a file, and back."""

from __future__ import annotations

import dataclasses
import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore._files import Arrays, Path, kind_of, read_model, write_model
from nncore.rl._dqn_settings import checked_settings
from nncore.rl._dqn_steps import Run
from nncore.rl._seen import Seen
from nncore.rl.environments import SingleEnvironment, as_environments, mapped
from nncore.rl.prioritized_replay import PrioritizedReplayBuffer
from nncore.rl.replay import ReplayBuffer

if TYPE_CHECKING:
    from nncore.rl._dqn_agent import Agent
    from nncore.rl.dqn import DQN

HISTORY = {"timesteps": np.int64, "return": np.float64, "length": np.int64, "loss": np.float64,
           "exploration_rate": np.float64}  # fmt: skip
FIXED = ("hidden", "dtype")  # what the saved parameters are made for
KINDS = ("parameters", "target", "mean", "square", "acting")  # in the core's order


def parameters(agent: Agent, kind: str) -> dict[str, NDArray[Any]]:
    """Copies of the network's arrays, or of those that belong to it, by name."""
    flat = agent._learner.get(KINDS.index(kind))
    return {name: flat[at : at + int(np.prod(shape))].reshape(shape) for name, at, shape in agent._learner.parameters()}


def state(agent: Agent) -> tuple[dict[str, Any], Arrays]:
    """Description and arrays of the agent: all but its environment and its buffer."""
    arrays: Arrays = {f"history.{key}": np.array(values, HISTORY[key]) for key, values in agent.history_.items()}
    for kind in KINDS:
        arrays |= {f"{kind}.{name}": array for name, array in parameters(agent, kind).items()}
    description = {
        "settings": agent.settings.describe(),
        "seen": agent._seen.describe(),
        "actions": agent._actions,
        "seed": agent.seed,
        "run": dataclasses.asdict(agent._run),
        "updates": agent._learner.updates,
        "losses": [agent._loss, agent._loss_sum, agent._loss_count, agent._found],
        "episode": None,
    }
    environments = agent._environments
    if isinstance(environments, SingleEnvironment) and agent._observations is not None:
        description["episode"] = {
            "seed": environments.seed,
            "number": environments.episode,
            "return": float(agent._returns[0]),
            "length": int(agent._lengths[0]),
        }
        arrays["played"] = np.array(agent._played, np.int64)
        observation = agent._observations
        entries = [observation[key] for key in agent._seen.keys] if agent._seen.keys else [observation]
        arrays |= {f"observation.{i}": np.asarray(entry) for i, entry in enumerate(entries)}
    elif agent._resume is not None:  # loaded, and saved again before it learnt on
        description["episode"] = agent._resume["episode"]
        arrays |= agent._resume["arrays"]
    return description, arrays


def save(agent: Agent, path: Path) -> None:
    """Write the agent."""
    write_model(path, "DQN", *state(agent))


def load(cls: type[DQN], path: Path, env: Any, replay_buffer: Path | None, changes: dict[str, Any]) -> DQN:
    """The agent of a file."""
    description, arrays = read_model(path, "DQN")
    environments = None if env is None else as_environments(env)
    verbose = changes.pop("verbose", 0)
    saved = description.get("settings", {})
    for name, value in changes.items():
        if name not in saved:
            raise TypeError(f"changes must be parameters of the constructor that are saved, but one is {name!r}")
        if name in FIXED and _comparable(value) != _comparable(saved[name]):
            raise ValueError(f"{name} is {saved[name]!r} in the file and cannot be changed to {value!r}")
    settings = {**saved, **changes}
    checked_settings(**settings)  # what is given may be wrong, which says nothing of the file
    agent = cls.__new__(cls)
    try:
        set_state(agent, {**description, "settings": settings}, arrays, verbose)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged: {error!r}") from None
    agent._take_buffer(None if replay_buffer is None else load_buffer(replay_buffer))
    if environments is not None:
        agent.set_env(environments)
    return agent


def _comparable(value: Any) -> Any:
    """The value of a setting, comparable with that of a file."""
    return list(value) if isinstance(value, (list, tuple)) else value


def load_buffer(path: Path) -> ReplayBuffer:
    """The buffer of a file, whichever kind it is."""
    kind = PrioritizedReplayBuffer if kind_of(path) == "PrioritizedReplayBuffer" else ReplayBuffer
    buffer: ReplayBuffer = kind.load(path)
    return buffer


def set_state(agent: Agent, description: dict[str, Any], arrays: Arrays, verbose: int = 0) -> None:
    """Make an agent of what `state` gave."""
    n, start = map(int, description["actions"])
    settings, seen = checked_settings(**description["settings"]), Seen.from_description(description["seen"])
    agent._set_up(settings, seen, (n, start), int(description["seed"]), verbose)
    _restore(agent, description, arrays, Run(**description["run"]))


def _restore(agent: Agent, description: dict[str, Any], arrays: Arrays, run: Run) -> None:
    places = agent._learner.parameters()
    for which, kind in enumerate(KINDS):
        flat = agent._learner.get(which)
        flat[:] = 0
        for name, at, shape in places:
            array = arrays[f"{kind}.{name}"]
            if array.shape != tuple(shape) or array.dtype != flat.dtype:
                raise ValueError(f"{kind}.{name} has shape {array.shape} and type {array.dtype}")
            flat[at : at + array.size] = array.ravel()
        agent._learner.set(which, flat)
    agent._learner.updates = int(description["updates"])
    agent._loss, agent._loss_sum, agent._loss_count, (updates, loss) = description["losses"]
    agent._found = int(updates), float(loss)
    agent._run = run
    agent.history_ = {key: arrays[f"history.{key}"].tolist() for key in HISTORY}
    if description["episode"] is not None:
        kept = {name: array for name, array in arrays.items() if name == "played" or name.startswith("observation.")}
        agent._resume = {"episode": description["episode"], "arrays": kept}


def resume_episode(agent: Agent, saved: dict[str, Any]) -> bool:
    """Bring a single environment to where it was by playing the episode's actions again; whether that worked."""
    environments, episode, arrays = agent._environments, saved["episode"], saved["arrays"]
    if not isinstance(environments, SingleEnvironment):
        return False
    played = arrays["played"].tolist()
    observation = environments.play_again(episode["seed"], episode["number"], played)
    agent._take_observations(mapped(lambda entry: np.array(entry)[np.newaxis], observation))
    there = agent._seen.arrays(agent._observations, None if not agent._seen.keys else 1)
    if not all(np.array_equal(np.ravel(entry), np.ravel(arrays[f"observation.{i}"])) for i, entry in enumerate(there)):
        warnings.warn("the environment does not come back to where it was saved; a new episode begins", stacklevel=4)
        return False
    agent._played = played
    agent._returns[0], agent._lengths[0] = episode["return"], episode["length"]
    return True
