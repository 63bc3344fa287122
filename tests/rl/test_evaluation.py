from __future__ import annotations

import warnings

import numpy as np
import pytest

from nncore import rl
from nncore.rl._evaluation import fresh_environment
from nncore.rl.environments import as_environments

gymnasium = pytest.importorskip("gymnasium")
QUICK = {"hidden": (16,), "learning_starts": 50, "buffer_size": 500, "batch_size": 8, "seed": 3}


class Doubled(gymnasium.ObservationWrapper):
    """A wrapper that Gymnasium's description of an environment does not know."""

    def observation(self, observation):
        return 2 * observation


def made(kind):
    if kind == "one":
        return gymnasium.make("CartPole-v1")
    if kind == "wrapped":
        return Doubled(gymnasium.make("CartPole-v1"))
    if kind == "vector":
        return gymnasium.make_vec("CartPole-v1", 2)
    if kind == "short":
        return gymnasium.make_vec("CartPole-v1", 2, "sync", max_episode_steps=5)
    if kind == "wrappers":
        return gymnasium.make_vec("CartPole-v1", 2, "sync", wrappers=[Doubled])
    scaled = gymnasium.make_vec("CartPole-v1", 2, "sync")
    return gymnasium.wrappers.vector.TransformReward(scaled, lambda reward: 10 * reward)


@pytest.mark.parametrize("kind", ["one", "wrapped", "vector", "short", "wrappers", "scaled"])
@pytest.mark.parametrize("algorithm", ["dqn", "reinforce"])
def test_the_return_is_that_of_the_world_it_learns_in(algorithm, kind):
    agent = rl.DQN(made(kind), **QUICK) if algorithm == "dqn" else rl.REINFORCE(made(kind), hidden=(8,), seed=3)
    agent.learn(120)
    mean, deviation = agent.evaluate(4)
    assert np.isfinite([mean, deviation]).all()
    assert kind != "short" or mean == 5
    assert kind != "scaled" or (mean >= 80 and mean % 2.5 == 0)
    agent.learn(60, reset_num_timesteps=False)
    assert agent.num_timesteps >= 180


def test_an_environment_is_made_anew_where_that_gives_the_same():
    for kind, fresh in (("one", True), ("vector", True), ("short", True), ("wrapped", False), ("wrappers", False)):
        environments = as_environments(made(kind))
        found = fresh_environment(environments)
        assert (found is not None) == fresh, kind
        if found is not None:
            assert found.env is not environments.env and found.num_envs == 1
            found.close()


def test_an_environment_that_has_been_changed_is_not_made_anew():
    env = made("one")
    env.unwrapped.action_space = gymnasium.spaces.Discrete(3)
    assert fresh_environment(as_environments(env)) is None


def test_an_episode_that_does_not_end_is_left():
    agent = rl.DQN("CliffWalking-v1", **QUICK).learn(100)
    mean, _ = agent.evaluate(2, max_episode_steps=30)
    assert mean <= -13
    with pytest.raises(ValueError, match="max_episode_steps must be at least 1, but is 0"):
        agent.evaluate(2, max_episode_steps=0)


# With stable-baselines3

sb3 = pytest.mark.peer


def stable_baselines():
    return pytest.importorskip("stable_baselines3", reason="compares with stable-baselines3")


@sb3
def test_evaluate_policy_takes_the_agents_own_environment():
    stable_baselines()
    from stable_baselines3.common.evaluation import evaluate_policy

    agent = rl.DQN("CartPole-v1", **QUICK).learn(100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it has no Monitor
        mean, _ = evaluate_policy(agent, agent.get_env(), 2)
    assert mean > 0


@sb3
@pytest.mark.parametrize("algorithm", ["dqn", "reinforce"])
def test_statistics_of_observations_reach_the_evaluation(algorithm):
    stable_baselines()
    from stable_baselines3.common.callbacks import EvalCallback
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

    training = VecNormalize(make_vec_env("CartPole-v1", 1))
    testing = VecNormalize(make_vec_env("CartPole-v1", 1), training=False, norm_reward=False)
    agent = rl.DQN(training, **QUICK) if algorithm == "dqn" else rl.REINFORCE(training, hidden=(8,), seed=3)
    assert agent.get_vec_normalize_env() is training
    assert rl.DQN(VecFrameStack(training, 2), **QUICK).get_vec_normalize_env() is training
    assert rl.DQN(make_vec_env("CartPole-v1", 1), **QUICK).get_vec_normalize_env() is None
    assert rl.DQN("CartPole-v1", **QUICK).get_vec_normalize_env() is None
    agent.learn(300, EvalCallback(testing, eval_freq=300, n_eval_episodes=1, verbose=0))
    np.testing.assert_array_equal(testing.obs_rms.mean, training.obs_rms.mean)
    assert np.abs(testing.obs_rms.mean).max() > 0


@sb3
@pytest.mark.parametrize("wrapped", [False, True])
def test_vec_envs_are_evaluated_as_they_are(wrapped):
    stable_baselines()
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecFrameStack

    env = make_vec_env("CartPole-v1", 2)
    agent = rl.DQN(VecFrameStack(env, 3) if wrapped else env, **QUICK).learn(100)
    assert agent.evaluate(2)[0] > 0
    agent.learn(50, reset_num_timesteps=False)


@pytest.mark.parametrize("algorithm", ["dqn", "reinforce"])
def test_an_evaluation_in_the_environment_of_the_training_begins_new_episodes(algorithm):
    env = made("one")
    agent = rl.DQN(env, **QUICK) if algorithm == "dqn" else rl.REINFORCE(env, hidden=(8,), seed=3)
    agent.learn(70)
    agent.evaluate(2, env=made("one"))
    assert agent._observations is not None
    agent.evaluate(2, env=env)
    assert agent._observations is None
    assert agent.learn(60, reset_num_timesteps=False).num_timesteps == 130


@pytest.mark.parametrize("algorithm", [rl.DQN, rl.REINFORCE])
def test_each_evaluation_has_episodes_of_its_own_and_a_seed_fixes_them(algorithm):
    agent = algorithm("CartPole-v1", hidden=(8,), seed=3)
    assert agent.evaluate(5) != agent.evaluate(5)
    assert agent.evaluate(5, seed=1) == agent.evaluate(5, seed=1)
    logger = object()
    agent.set_logger(logger)
    assert agent.logger is logger and agent.get_vec_normalize_env() is None


@pytest.mark.parametrize("algorithm", [rl.DQN, rl.REINFORCE])
def test_an_environment_of_other_spaces_is_refused(algorithm):
    agent = algorithm("CartPole-v1", hidden=(8,), seed=3)
    with pytest.raises(ValueError, match="^env must have the agent's observations, Box of shape"):
        agent.evaluate(1, env="Acrobot-v1")
    other = gymnasium.make("CartPole-v1").unwrapped
    other.action_space = gymnasium.spaces.Discrete(1)
    with pytest.raises(ValueError, match="^(env must have the agent's 2 actions|actions must be different)"):
        agent.evaluate(1, env=other)


@pytest.mark.parametrize("make", [rl.DQN, rl.REINFORCE, rl.HillClimbing])
def test_a_whole_number_may_be_written_as_1e2(make):
    agent = make("CartPole-v1", seed=3)
    assert agent.learn(1e2).num_timesteps >= 100
    with pytest.raises(TypeError, match="^total_timesteps must be an integer, but is 1.5"):
        agent.learn(1.5)
    with pytest.raises(TypeError, match="^verbose must be an integer, but is 'x'"):
        make("CartPole-v1", verbose="x")
