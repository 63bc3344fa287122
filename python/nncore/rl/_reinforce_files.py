"""A REINFORCE in a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore._files import read_model, write_model

if TYPE_CHECKING:
    from nncore.rl.reinforce import REINFORCE

Path = str | os.PathLike[str]
_SETTINGS = (
    *("hidden", "baseline", "standardize", "learning_rate", "gamma", "batch_episodes", "optimizer", "preprocess"),
    *("actions", "cut_at_reward", "seed"),
)


def save(agent: REINFORCE, path: Path) -> None:
    """Write all but the environment and its episodes."""
    state = agent._optimizer.state_dict()
    arrays = {"parameters": agent.parameters}
    arrays |= {f"history.{name}": np.array(values, np.float64) for name, values in agent.history_.items()}
    arrays |= {f"optimizer.{name}": value for name, value in state.items() if isinstance(value, np.ndarray)}
    description = {name: getattr(agent, name) for name in _SETTINGS}
    description |= {"num_timesteps": agent.num_timesteps, "num_updates": agent.num_updates}
    description |= {"observation_size": agent.view.size, "calls": agent._learner.calls}
    description["predictions"] = agent._predictions
    description["optimizer_state"] = {name: value for name, value in state.items() if not isinstance(value, np.ndarray)}
    write_model(path, "REINFORCE", description, arrays)


def load(kind: type[REINFORCE], path: Path, env: Any) -> REINFORCE:
    """An agent of what `save` wrote."""
    description, arrays = read_model(path, "REINFORCE")
    try:
        agent = kind(env, **{name: description[name] for name in _SETTINGS})
        if agent.view.size != description["observation_size"]:
            raise ValueError(
                f"env must have observations of {description['observation_size']} numbers, but has {agent.view.size}"
            )
        agent.parameters[:] = arrays["parameters"]
        slots = {k.removeprefix("optimizer."): v for k, v in arrays.items() if k.startswith("optimizer.")}
        agent._optimizer.load_state_dict({**description["optimizer_state"], **slots})
        agent.num_timesteps, agent.num_updates = description["num_timesteps"], description["num_updates"]
        agent.history_ = {name: arrays[f"history.{name}"].tolist() for name in agent.history_}
        agent._predictions = description["predictions"]
        agent._learner.restart(description["calls"])
    except KeyError as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged: it lacks {error}") from None
    return agent
