from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nncore import rl


def test_predict_takes_one_state_or_several():
    learner = rl.QLearning(3, 2)
    learner.q[1, 1] = 5
    assert learner.predict(1, "kept") == (1, "kept")
    assert_array_equal(learner.predict(np.array([0, 1, 2]))[0], [0, 1, 0])
    with pytest.raises(IndexError, match="obs must be states from 0 to 2, but is 3"):
        learner.predict(3)


@pytest.mark.peer
def test_stable_baselines3_evaluates_it():
    pytest.importorskip("stable_baselines3", reason="compares with stable-baselines3")
    import gymnasium
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor

    learner = rl.QLearning(48, 4, 0.5, 1.0, rl.EpsilonGreedy(0.1)).learn("CliffWalking-v1", 30_000, seed=0)
    env = Monitor(gymnasium.make("CliffWalking-v1", max_episode_steps=100))
    assert evaluate_policy(learner, env, n_eval_episodes=2) == (-13.0, 0.0)


@pytest.mark.parametrize("loaded", [False, True])
def test_predicts_from_observations_with_parts(loaded, tmp_path):
    pytest.importorskip("gymnasium")
    agent = rl.QLearning.for_env("Blackjack-v1", exploration=rl.EpsilonGreedy(0.2)).learn("Blackjack-v1", 5000, seed=0)
    if loaded:
        agent.save(tmp_path / "agent")
        with pytest.raises(ValueError, match="^env must be given to load"):
            rl.QLearning.load(tmp_path / "agent").predict((20, 5, 0))
        agent = rl.QLearning.load(tmp_path / "agent", "Blackjack-v1")
    action, state = agent.predict((20, 5, 0))
    assert action == agent.q.reshape(32, 11, 2, 2)[20, 5, 0].argmax() and state is None
    with pytest.raises(ValueError, match="not in its space"):
        agent.predict((40, 5, 0))


def test_actions_are_the_environments_own():
    gymnasium = pytest.importorskip("gymnasium")
    env = gymnasium.make("CliffWalking-v1")
    env.action_space = gymnasium.spaces.Discrete(4, start=7)
    learner = rl.QLearning.for_env(env)
    learner.q[:, 2] = 1
    assert learner.predict(3)[0] == 9 and learner.predict([3, 4])[0].tolist() == [9, 9]
