"""A REINFORCE among its environments: steps, and what is learnt when enough episodes have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nncore import _core
from nncore._interrupts import is_held_back, uninterrupted
from nncore.rl import _reinforce_files
from nncore.rl._dqn_steps import batch_variables
from nncore.rl.environments import seed_of_episode

if TYPE_CHECKING:
    from nncore.rl.reinforce import REINFORCE

_WINDOW = 100  # episodes of the mean return that is shown


def learn_until(
    agent: REINFORCE, end: int, callback: Any, variables: dict[str, Any], bar: Any, log_interval: int | None
) -> None:
    """Step and learn until so many timesteps, or until a callback ends it."""
    if callback is not None:
        callback.init_callback(agent)
        callback.on_training_start(dict(variables), {})
        callback.on_rollout_start()
    if agent._observations is None:
        _begin(agent)
    going = True
    while True:
        if agent._learner.episodes >= agent.batch_episodes:  # also of a run that was saved just here
            if callback is not None:
                callback.on_rollout_end()
            while not _updated(agent):  # a handler of Ctrl-C lets it go on
                pass
            _tell(agent, bar, log_interval)
            if callback is not None:
                callback.on_rollout_start()
        if not going or agent.num_timesteps >= end:
            break
        if agent._observations is None:  # a callback has used the environment
            _begin(agent)
        before = agent.num_timesteps
        going = _step(agent, callback, variables)
        bar.update(agent.num_timesteps - before)
    if callback is not None:
        callback.on_training_end()


def _step(agent: REINFORCE, callback: Any, variables: dict[str, Any]) -> bool:
    """One action in each environment; False when a callback ends the run."""
    chosen = np.empty(agent._environments.num_envs, np.int64)
    try:
        agent.view.act(agent._learner, agent.parameters, agent._observations, agent._memory, agent._starts, chosen)
        actions = np.asarray(agent.actions)[chosen]
        steps = agent._environments.step(actions)
        with uninterrupted():
            over = (steps.terminated | steps.truncated) & steps.valid
            rewards = np.ascontiguousarray(steps.rewards, np.float64)
            ends = agent._learner.take(rewards, over.view(np.uint8), steps.valid.view(np.uint8))
            agent._observations, agent._starts = steps.observations, steps.starts
            agent.num_timesteps += int(np.count_nonzero(steps.valid))
            _record(agent, ends)
            if callback is not None:
                returns = {environment: (total, length) for environment, total, length in ends}
                variables.update(batch_variables(actions, steps, returns, agent._environments))
    except BaseException:  # what was begun cannot be gone on with
        agent._lose_episodes()
        raise
    if callback is None:
        return True
    variables.update(num_collected_steps=agent._learner.steps, num_collected_episodes=agent._learner.episodes)
    callback.update_locals(variables)
    return callback.on_step() is not False  # None means to go on


def _begin(agent: REINFORCE) -> None:
    """Where no episode is under way: go on with those of a file, or begin."""
    saved, agent._resume = agent._resume, None
    if saved is not None and _reinforce_files.resume_episodes(agent, saved):
        return
    calls, count = agent._learner.calls, agent._environments.num_envs
    agent._observations = agent._environments.reset(seed_of_episode(agent.seed, calls) << 20)
    agent._memory = agent.view.start(count)
    agent._starts = np.ones(count, bool)


def _record(agent: REINFORCE, ends: list[tuple[int, float, int]]) -> None:
    """Write down the episodes that have ended."""
    for _, total, length in ends:
        agent.history_["timesteps"].append(agent.num_timesteps)
        agent.history_["return"].append(total)
        agent.history_["length"].append(length)


def _updated(agent: REINFORCE) -> bool:
    """Take a step of the optimizer from the episodes that have ended; False where Ctrl-C came before its end."""
    with uninterrupted():
        if agent._learner.gradient(agent.parameters, agent.gradients, is_held_back) is None:
            return False
        norm = _core.gradient_norm(agent.gradients)
        if not np.isfinite(norm):
            raise FloatingPointError(
                f"learning diverged after {agent.num_timesteps} steps: the gradient is no longer finite; a "
                f"learning_rate below {agent.learning_rate:g} may help"
            )
        agent._optimizer.step(agent)
        agent.num_updates += 1
    return True


def _tell(agent: REINFORCE, bar: Any, log_interval: int | None) -> None:
    mean = float(np.mean(agent.history_["return"][-_WINDOW:]))
    bar.set_postfix_str(f"return {mean:.4g}")
    if log_interval and agent.num_updates % log_interval == 0:
        agent.logger.record("rollout/ep_rew_mean", mean)
        agent.logger.record("rollout/ep_len_mean", float(np.mean(agent.history_["length"][-_WINDOW:])))
        agent.logger.record("time/episodes", len(agent.history_["return"]))
        agent.logger.dump(agent.num_timesteps)
