"""A DQN among its environments: the steps between two trainings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore.rl.environments import Environments, SingleEnvironment, check_step, copied, mapped

if TYPE_CHECKING:
    from nncore.rl._dqn_agent import Agent


@dataclass
class Run:
    """Where a run stands, in JSON's types: all of it is saved."""

    num_timesteps: int = 0
    total_timesteps: int = 0  # at which the run ends
    calls: int = 0  # steps of all environments together, since the beginning: the place of exploration's draws
    collected_calls: int = 0  # since the last training
    collected_steps: int = 0
    collected_episodes: int = 0
    episodes: int = 0
    targets_due: int = 0  # updates of the target network that wait for a training in the background
    part: int = 0  # of a training that is cut into parts, the last one
    predictions: int = 0
    evaluations: int = 0
    resets: int = 0

    @property
    def progress(self) -> float:
        """Share of the run that is over."""
        return self.num_timesteps / self.total_timesteps if self.total_timesteps else 0.0

    def is_due(self, often: tuple[int, str]) -> bool:
        """Whether it is time to train."""
        count, unit = often
        return (self.collected_calls if unit == "step" else self.collected_episodes) >= count


def collect(agent: Agent, callback: Any, variables: dict[str, Any]) -> bool:
    """Step until training is due or the run ends; False when a callback ends it."""
    try:
        if isinstance(agent._environments, SingleEnvironment) and not agent._seen.keys:
            return _collect_one(agent, agent._environments, callback, variables)
        return _collect_batch(agent, callback, variables)
    except BaseException:
        agent._lose_episodes()  # wherever it broke off, the next run begins new ones
        raise


def _collect_one(agent: Agent, environment: SingleEnvironment, callback: Any, variables: dict[str, Any]) -> bool:
    """One environment whose observations are arrays: as little as can be in each step."""
    run, settings, learner, replay = agent._run, agent.settings, agent._learner, agent.replay_buffer._core
    env_step, step_and_act, played = environment.env.step, learner.step_and_act, agent._played
    often = settings.often
    freq = often[0] if often[1] == "step" else math.inf
    total, starts, interval = run.total_timesteps, settings.learning_starts, settings.target_update_interval
    behind, returns, lengths = settings.asynchronous, agent._returns, agent._lengths
    if run.is_due(often):  # a run that was saved just there goes on
        return True
    agent._stand_at(agent._observations)
    action = learner.act_here(behind, agent.exploration_rate, run.calls)
    while True:
        result = env_step(action)
        try:
            reached, reward, terminated, truncated, info = result
            returns[0] += reward
        except (TypeError, ValueError):
            check_step(result)
            raise
        agent._observations = reached
        played.append(action)
        lengths[0] += 1
        run.calls += 1
        run.num_timesteps += 1
        run.collected_calls += 1
        run.collected_steps += 1
        ended = terminated or truncated
        over = run.collected_calls >= freq or run.num_timesteps >= total
        try:
            if ended or over or run.num_timesteps < starts:
                kept = learner.step(replay, reached, reward, terminated, truncated, behind)
            else:
                epsilon = settings.exploration(run.num_timesteps / total)
                action = step_and_act(replay, reached, reward, terminated, truncated, behind, epsilon, run.calls)
                kept = action is not None
        except TypeError:
            check_step(result)
            raise
        if not kept:
            _keep_converted(agent, reached, reward, terminated, truncated)
        if run.num_timesteps % interval == 0:
            agent._target_is_due()
        if callback is not None:
            variables.update(_single_step(played[-1], reward, terminated, truncated, reached, info, agent))
        if ended:
            agent._end_episode(0)
            agent._observations = environment.begin()
            played.clear()
            agent._stand_at(agent._observations)
            over = over or run.is_due(often)
        if callback is not None and not _step_of(callback, variables, run):
            return False
        if over or agent._observations is None:
            return True
        if ended or not kept or run.num_timesteps < starts:
            action = learner.act_here(behind, agent.exploration_rate, run.calls)


def _keep_converted(agent: Agent, reached: Any, reward: Any, terminated: Any, truncated: Any) -> None:
    """Keep a step whose observation is of another type, or refuse it."""
    observation = agent._seen.arrays(reached, None)[0]
    if not math.isfinite(reward):
        raise ValueError(f"env must give finite rewards, but gave {reward}")
    replay = agent.replay_buffer._core
    agent._learner.step(replay, observation, reward, terminated, truncated, agent.settings.asynchronous)


def _collect_batch(agent: Agent, callback: Any, variables: dict[str, Any]) -> bool:
    """Several environments, or one whose observations are dicts."""
    run, settings, environments = agent._run, agent.settings, agent._environments
    n, interval = environments.num_envs, settings.target_update_interval
    returns, lengths = agent._returns, agent._lengths = np.asarray(agent._returns), np.asarray(agent._lengths)
    often = settings.often
    while run.num_timesteps < run.total_timesteps and not run.is_due(often):
        observations = agent._observations
        actions = np.empty(n, np.int64)
        epsilon = 1.0 if run.num_timesteps < settings.learning_starts else settings.exploration(run.progress)
        seen = agent._seen.arrays(observations, n)
        agent._learner.act(seen, settings.asynchronous, epsilon, run.calls, actions)
        steps = environments.step(actions.copy())
        kept = np.flatnonzero(steps.valid)
        if len(kept):
            transitions = (observations, actions, steps.rewards, steps.next_observations)
            rows = [mapped(itemgetter(kept), each) for each in transitions]
            agent._add(*rows, steps.terminated[kept], steps.truncated[kept], kept)
        if isinstance(environments, SingleEnvironment):
            agent._played.append(int(actions[0]))
        agent._observations = steps.observations
        before = run.num_timesteps // interval
        run.calls += 1
        run.num_timesteps += len(kept)
        run.collected_calls += 1
        run.collected_steps += len(kept)
        if run.num_timesteps // interval > before:
            agent._target_is_due()
        returns[kept] += steps.rewards[kept]
        lengths[kept] += 1
        ended = np.flatnonzero((steps.terminated | steps.truncated) & steps.valid)
        if callback is not None:
            ends = {int(i): (float(returns[i]), int(lengths[i])) for i in ended}
            variables.update(batch_variables(actions, steps, ends, agent._environments))
        for i in ended:
            agent._end_episode(int(i))
            agent._played.clear()
        if callback is not None and not _step_of(callback, variables, run):
            return False
        if agent._observations is None:
            return True
    return True


def _step_of(callback: Any, variables: dict[str, Any], run: Run) -> bool:
    variables["num_collected_steps"] = run.collected_calls
    variables["num_collected_episodes"] = run.collected_episodes
    callback.update_locals(variables)
    return callback.on_step() is not False  # None means to go on


def _single_step(
    action: int, reward: float, terminated: bool, truncated: bool, reached: Any, info: dict[str, Any], agent: Agent
) -> dict[str, Any]:
    """Variables of a step, as callbacks know them."""
    ended = bool(terminated or truncated)
    if ended:
        end = float(agent._returns[0]), int(agent._lengths[0])
        info = _with_end(info, end, reached, bool(truncated and not terminated))
    return {
        "actions": np.array([action]),
        "rewards": np.array([reward], np.float64),
        "dones": np.array([ended]),
        "infos": [info],
        "new_obs": np.array(reached)[np.newaxis],
    }


def batch_variables(
    actions: Any, steps: Any, ends: Mapping[int, tuple[float, int]], environments: Environments
) -> dict[str, Any]:
    """Variables of a step of several environments; `ends` are returns and lengths of the episodes that have ended."""
    infos = environments.list_infos(steps.infos)
    for i, end in ends.items():
        final = mapped(itemgetter(i), steps.next_observations)
        infos[i] = _with_end(infos[i], end, final, bool(steps.truncated[i] and not steps.terminated[i]))
    return {
        "actions": actions,
        "rewards": steps.rewards,
        "dones": (steps.terminated | steps.truncated) & steps.valid,
        "infos": infos,
        "new_obs": copied(steps.observations),
    }


def _with_end(info: dict[str, Any], end: tuple[float, int], final: Any, only_truncated: bool) -> dict[str, Any]:
    """What stable-baselines3's environments say where an episode ends."""
    return {
        "episode": {"r": end[0], "l": end[1]},
        "terminal_observation": final,
        **(info or {}),
        "TimeLimit.truncated": only_truncated,
    }
