"""Loops of learners with a table: on a model in the core, in an environment step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nncore import _core
from nncore.rl._history import Recorder, empty_history
from nncore.rl._spaces import actions_of
from nncore.rl._tabular_spaces import States, made, step_of
from nncore.rl.environments import begun, check_step
from nncore.rl.mdp import MDP

_STEPS_A_CALL = 1 << 20  # some 20 ms on small models, 0.2 s where every step misses the caches


def on_model(agent: Any, mdp: MDP, steps: int, seed: int, limit: int | None, reset: bool, bar: bool) -> None:
    """Learn on a model."""
    check_size("the model", agent, mdp.n_states, mdp.n_actions)
    if agent.allowed is not None and not np.array_equal(agent.allowed, mdp.allowed):
        raise ValueError("the model must allow the agent's allowed actions, but allows others")
    if agent.allowed is None and not mdp.allowed.all():
        agent._adopt(mdp.allowed)
    limit = mdp.max_episode_steps if limit is None else limit
    with _training(agent, steps, seed, reset, bar) as (learner, recorder, progress):
        learner.set_model(mdp._transitions.arrays, mdp.start, limit or 0)
        end = agent.num_timesteps + steps
        while agent.num_timesteps < end:
            made_steps = min(_STEPS_A_CALL, recorder.every, end - agent.num_timesteps)
            episodes, returns, lengths = learner.run(made_steps)
            agent.num_timesteps += made_steps
            recorder.add(agent.num_timesteps, episodes, returns, lengths)
            progress(made_steps)


def in_environment(
    agent: Any, env: Any, steps: int, seed: int, limit: int | None, reset: bool, bar: bool, actor: Any = None
) -> None:
    """Learn in an environment; `actor`, of the learner and the seed, may act in its place."""
    env, own = made(env)
    try:
        states, (n_actions, first_action) = States(env.observation_space), actions_of(env.action_space)
        check_size("env", agent, states.n, n_actions if actor is None else agent.n_actions)
        if hasattr(agent, "_observe"):  # one that predicts
            agent._observe(env.observation_space, first_action)
        with _training(agent, steps, seed, reset, bar) as (learner, recorder, progress):
            acting = learner if actor is None else actor(learner, seed)
            _run_episodes(agent, env, acting, states, first_action, steps, limit, recorder, progress, seed)
    finally:
        if own:
            env.close()


def check_size(what: str, agent: Any, n_states: int, n_actions: int) -> None:
    """Refuse what does not fit the table of an agent."""
    if (n_states, n_actions) != (agent.n_states, agent.n_actions):
        raise ValueError(
            f"{what} has {n_states} states and {n_actions} actions, but the table is {agent.n_states} by "
            f"{agent.n_actions}"
        )


def _run_episodes(
    agent: Any,
    env: Any,
    learner: Any,
    states: States,
    first_action: int,
    steps: int,
    limit: int | None,
    recorder: Recorder,
    progress: Any,
    seed: int,
) -> None:
    begin, learn, encode = learner.begin, learner.step, states.encode
    act = env.step  # the first step, which Gymnasium checks, goes through all wrappers
    env_seed: int | None = environment_seed(seed, agent.num_timesteps)
    left, limit = steps, limit or steps + 1
    while left:
        observation, result = begun(env, env_seed), None
        env_seed = None
        total, length, over = 0.0, 0, False
        try:
            action = begin(observation if encode is None else encode(observation))
            for length in range(1, min(left, limit) + 1):
                result = act(action + first_action if first_action else action)
                observation, reward, terminated, truncated, _ = result
                state = observation if encode is None else encode(observation)
                total += reward
                over = terminated or truncated or length == limit
                if over:
                    learner.end(state, reward, bool(terminated))
                    break
                action = learn(state, reward)
        except (TypeError, ValueError):  # the environment gave what cannot be, perhaps
            if result is not None:
                check_step(result)
            states.number(observation)
            raise
        finally:
            agent.num_timesteps = learner.steps
        left -= length
        act = step_of(env)
        recorder.add(agent.num_timesteps, int(over), float(total) if over else 0.0, length if over else 0)
        progress(length)


@contextmanager
def _training(agent: Any, steps: int, seed: int, reset: bool, bar: bool) -> Iterator[tuple[Any, Recorder, Any]]:
    """A learner on the agent's table, which is written back at the end, whatever the end is."""
    from tqdm import tqdm

    begin = 0 if reset else agent.num_timesteps
    total = steps if reset else max(agent._total, begin) + steps
    learner = agent._learner(seed, begin, total)
    if reset:
        agent.history_ = empty_history()
    agent.num_timesteps, agent._seed, agent._total = begin, seed, total
    recorder = Recorder(agent.history_, begin, steps)
    try:
        with tqdm(total=steps, unit="step", unit_scale=True, disable=not bar) as shown:
            yield learner, recorder, shown.update
    finally:
        agent.num_timesteps = learner.steps
        recorder.close(agent.num_timesteps)
        try:
            agent._store(learner)
        except OverflowError:
            raise FloatingPointError(
                f"values of the table grew beyond all limits by step {agent.num_timesteps}: it is left as it was; use "
                "a smaller gamma or smaller rewards"
            ) from None


def environment_seed(seed: int, step: int) -> int:
    """Seed of an environment, whose numbers must be small, for a training that begins at a step."""
    out = np.zeros(1, np.int64)
    _core.random_integers(out, 0, 2**31, seed=seed, stream=_core.Stream.TASKS, step=step % 2**40)
    return int(out[0])


def play(agent: Any, env: Any, n_episodes: int, seed: int, limit: int) -> list[float]:
    """Returns of greedy episodes."""
    env, own = made(env)
    try:
        states, (_, first_action) = States(env.observation_space), actions_of(env.action_space)
        if states.n != agent.n_states:
            raise ValueError(f"env has {states.n} states, but the table has {agent.n_states}")
        policy = agent.policy() + first_action
        returns = []
        for episode in range(n_episodes):
            observation = begun(env, environment_seed(seed, 0) if episode == 0 else None)
            total = 0.0
            for _ in range(limit):
                result = env.step(int(policy[states.number(observation)]))
                check_step(result)
                observation, reward, terminated, truncated, _ = result
                total += float(reward)
                if terminated or truncated:
                    break
            returns.append(total)
        return returns
    finally:
        if own:
            env.close()
