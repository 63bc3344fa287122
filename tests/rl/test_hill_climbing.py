from __future__ import annotations

import copy
import os
import pickle
import signal
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore import _core, rl, textbook


class Box:
    """As Gymnasium's."""

    def __init__(self, low, high, shape):
        self.low, self.high, self.shape = np.full(shape, low), np.full(shape, high), shape


class Discrete:
    """As Gymnasium's."""

    def __init__(self, n, start=0):
        self.n, self.start, self.shape = n, start, ()


class Target:
    """Ten steps of being asked for a linear function of the observation."""

    observation_space, action_space = Box(-1.0, 1.0, (2,)), Box(-3.0, 3.0, (1,))

    def __init__(self):
        self.seeds, self.actions = [], []

    def reset(self, seed=None):
        self.seeds.append(seed)
        self.rng, self.left = np.random.default_rng(seed), 10
        self.x = self.rng.uniform(-1, 1, 2)
        return self.x, {}

    def step(self, action):
        self.actions.append(action)
        reward = -float(np.square(action - (2 * self.x[0] - self.x[1] + 0.5)).sum())
        self.left -= 1
        self.x = self.rng.uniform(-1, 1, 2)
        return self.x, reward, self.left == 0, False, {}


class Broken(Target):
    """Raises in the middle of an episode."""

    def step(self, action):
        if self.left == 5:
            raise OSError("the joystick is unplugged")
        return super().step(action)


@pytest.fixture
def in_workers():
    """Lets classes of this file be made in other processes, which cannot import it."""
    cloudpickle = pytest.importorskip("cloudpickle", reason="comes with Gymnasium")
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


def test_champion_and_mutant_play_the_same_tasks():
    env = Target()
    agent = rl.HillClimbing(env, n_episodes=3, seed=0)
    agent.learn(120)
    assert agent.generations == 2
    seeds = np.array(env.seeds).reshape(2, 2, 3)
    assert_array_equal(seeds[:, 0], seeds[:, 1])
    assert len(set(seeds.ravel().tolist())) == 6


def test_the_champion_moves_as_the_textbook_says():
    for alpha in (1.0, 0.3):
        agent = rl.HillClimbing(Target(), sigma=0.4, alpha=alpha, n_episodes=4, seed=3)
        champion = np.zeros(3, np.float32)
        assert_array_equal(agent.theta, champion)
        accepted = []
        for generation in range(25):
            agent.learn(1, reset_num_timesteps=False)
            noise = np.zeros(3, np.float32)
            _core.random_normal(noise, 0.0, 0.4, seed=3, stream=_core.Stream.MUTATION, step=generation)
            before, mutant, accept = (agent.history_[name][-1] for name in ("return", "mutant_return", "accepted"))
            assert accept == (mutant > before)
            champion = textbook.hill_climbing_step(champion, champion + noise, before, mutant, alpha)
            assert_allclose(agent.theta, champion, atol=1e-6)
            accepted.append(accept)
        assert 0 < sum(accepted) < 25
        assert agent.num_timesteps == 25 * 80


def test_a_linear_function_is_found():
    agent = rl.HillClimbing(Target, sigma=0.2, n_episodes=2, seed=1).learn(15_000)
    assert_allclose(agent.theta, [2, -1, 0.5], atol=0.2)
    assert agent.evaluate(20, seed=0)[0] > -0.4
    assert agent.history_["return"][0] < -5


def test_hidden_layers():
    agent = rl.HillClimbing(Target, hidden=(8,), sigma=0.2, n_episodes=2, seed=1).learn(12_000)
    assert agent.theta.size == 2 * 8 + 8 + 8 + 1
    assert agent.evaluate(20, seed=0)[0] > -4
    assert repr(agent.net).count("Dense") == 2


def test_actions_stay_in_their_box():
    env = Target()
    rl.HillClimbing(env, sigma=100.0, seed=0).learn(200)
    actions = np.concatenate(env.actions)
    assert actions.min() == -3 and actions.max() == 3


def test_discrete_observations_and_actions():
    class Echo(Target):
        observation_space, action_space = Discrete(3, start=1), Discrete(3, start=-1)

        def reset(self, seed=None):
            self.rng, self.left = np.random.default_rng(seed), 10
            self.x = int(self.rng.integers(1, 4))
            return self.x, {}

        def step(self, action):
            reward = float(action == self.x - 2)
            self.left -= 1
            self.x = int(self.rng.integers(1, 4))
            return self.x, reward, self.left == 0, False, {}

    agent = rl.HillClimbing(Echo, seed=0).learn(100_000, target_return=10.0)
    assert agent.evaluate(10) == (10.0, 0.0)
    assert agent.num_timesteps < 100_000
    assert [int(agent.predict(x)[0]) for x in (1, 2, 3)] == [-1, 0, 1]
    with pytest.raises(ValueError, match="observation must be one of 3"):
        agent.predict(4)


@pytest.mark.usefixtures("in_workers")
def test_workers_play_the_same_episodes():
    one = rl.HillClimbing(Target, seed=5, n_episodes=5).learn(400)
    many = rl.HillClimbing(Target, seed=5, n_episodes=5, workers=3).learn(400)
    assert_array_equal(one.theta, many.theta)
    assert one.history_ == many.history_


def test_workers_make_environments_by_name():
    gymnasium = pytest.importorskip("gymnasium", reason="environments are Gymnasium's")
    one = rl.HillClimbing("CartPole-v1", seed=5, n_episodes=2).learn(200)
    for env in ("CartPole-v1", gymnasium.make("CartPole-v1")):
        many = rl.HillClimbing(env, seed=5, n_episodes=2, workers=2).learn(200)
        assert_array_equal(one.theta, many.theta)


def test_workers_need_to_make_environments():
    with pytest.raises(ValueError, match="env must be an id, a function or an environment with a spec"):
        rl.HillClimbing(Target(), workers=2).learn(10)


def test_cartpole_is_solved():
    pytest.importorskip("gymnasium", reason="environments are Gymnasium's")
    agent = rl.HillClimbing("CartPole-v1", seed=4).learn(30_000, target_return=500)
    assert agent.evaluate(5, seed=0)[0] > 450


@pytest.mark.peer
def test_stable_baselines3_evaluates_it():
    pytest.importorskip("stable_baselines3", reason="compares with stable-baselines3")
    import gymnasium
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor

    agent = rl.HillClimbing("CartPole-v1", seed=4).learn(3_000)
    mean, _ = evaluate_policy(agent, Monitor(gymnasium.make("CartPole-v1")), n_eval_episodes=3)
    assert mean == pytest.approx(agent.evaluate(3)[0], rel=0.9)


def test_predict_takes_one_observation_or_several():
    agent = rl.HillClimbing(Target, seed=0, sigma=1.0).learn(2000)
    rows = np.random.default_rng(0).uniform(-1, 1, (5, 2))
    actions, state = agent.predict(rows, "kept")
    assert state == "kept" and actions.shape == (5, 1)
    for row, action in zip(rows, actions, strict=True):
        assert_allclose(agent.predict(row)[0], action, rtol=1e-6)
    with pytest.raises(ValueError, match=r"observation must have shape \(2,\)"):
        agent.predict(np.zeros(3))
    with pytest.raises(ValueError, match="observation must be finite"):
        agent.predict(np.array([0, np.nan]))


def test_saving_keeps_all(tmp_path):
    first = rl.HillClimbing(Target, hidden=(4,), alpha=0.5, seed=7, n_episodes=2).learn(200)
    first.save(tmp_path / "agent.safetensors")
    others = [rl.HillClimbing.load(tmp_path / "agent.safetensors", Target), copy.deepcopy(first)]
    others.append(pickle.loads(pickle.dumps(first)))
    others.append(rl.HillClimbing(Target, hidden=(4,), alpha=0.5, n_episodes=2))
    others[-1].set_state(first.get_state())
    first.learn(200, reset_num_timesteps=False)
    for other in others:
        assert repr(other) == repr(first)
        other.learn(200, reset_num_timesteps=False)
        assert_array_equal(other.theta, first.theta)
        assert other.history_ == first.history_
    assert_array_equal(
        rl.HillClimbing(Target, hidden=(4,), alpha=0.5, seed=7, n_episodes=2).learn(400).theta, first.theta
    )


def test_without_its_environment_a_loaded_agent_only_acts(tmp_path):
    agent = rl.HillClimbing(Target, seed=7).learn(200)
    agent.save(tmp_path / "agent.safetensors")
    loaded = rl.HillClimbing.load(tmp_path / "agent.safetensors")
    assert_array_equal(loaded.predict(np.ones(2))[0], agent.predict(np.ones(2))[0])
    for call in (lambda: loaded.learn(10), lambda: loaded.evaluate(1)):
        with pytest.raises(ValueError, match="env is missing"):
            call()
    loaded.set_env(Target())
    loaded.learn(10)

    class Other(Target):
        observation_space = Box(-1.0, 1.0, (3,))

    env = loaded.get_env()
    with pytest.raises(ValueError, match="env must have the spaces that the agent was made for"):
        loaded.set_env(Other())
    assert loaded.get_env() is env


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "agent.safetensors"
    rl.HillClimbing(Target, seed=7).save(path)
    whole = path.read_bytes()
    for cut in (0, 9, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="agent.safetensors"):
            rl.HillClimbing.load(path)


@pytest.mark.usefixtures("in_workers")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_environment_that_raises_leaves_the_champion(workers):
    agent = rl.HillClimbing(Target, seed=0, n_episodes=2).learn(400)
    theta, generations = agent.theta, agent.generations
    agent.workers = workers
    agent.set_env(Broken)
    with pytest.raises(OSError, match="the joystick is unplugged"):
        agent.learn(100, reset_num_timesteps=False)
    assert_array_equal(agent.theta, theta)
    assert agent.generations == generations
    agent.set_env(Target)
    agent.learn(100, reset_num_timesteps=False)


@pytest.mark.usefixtures("in_workers", "ctrl_c")
def test_workers_are_gone_after_ctrl_c():
    agent, sent = rl.HillClimbing(Target, seed=0, workers=2), []

    def interrupt():
        while not agent.generations:
            time.sleep(0.01)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        agent.learn(10**9)
    assert time.perf_counter() - sent[0] < 1
    thread.join()
    with pytest.raises(ChildProcessError):  # no child is left, running or dead
        os.waitpid(-1, os.WNOHANG)
    assert len({len(column) for column in agent.history_.values()}) == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rl.HillClimbing(Target, sigma=0), ValueError, "sigma must be above 0"),
        (lambda: rl.HillClimbing(Target, alpha=1.5), ValueError, "alpha must be at most 1"),
        (lambda: rl.HillClimbing(Target, alpha=-1), ValueError, "alpha must be at least 0"),
        (lambda: rl.HillClimbing(Target, hidden=(0,)), ValueError, "hidden.s sizes must be at least 1"),
        (lambda: rl.HillClimbing(Target, activation="step"), ValueError, "activation must be one of"),
        (lambda: rl.HillClimbing(Target, n_episodes=0), ValueError, "n_episodes must be at least 1"),
        (lambda: rl.HillClimbing(Target, workers=1.5), TypeError, "workers must be an integer"),
        (lambda: rl.HillClimbing(Target, max_episode_steps=0), ValueError, "max_episode_steps must be at least 1"),
        (lambda: rl.HillClimbing(7), TypeError, "env must be a Gymnasium environment"),
        (lambda: rl.HillClimbing(Target).learn(-1), ValueError, "total_timesteps must be at least 0"),
        (lambda: rl.HillClimbing(Target).learn(1.5), TypeError, "total_timesteps must be an integer"),
        (lambda: rl.HillClimbing(Target).learn(1, target_return=np.nan), ValueError, "target_return must be"),
        (lambda: rl.HillClimbing(Target).evaluate(0), ValueError, "n_episodes must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_spaces_of_other_kinds_are_refused():
    class Odd(Target):
        observation_space = object()

    with pytest.raises(TypeError, match="env.observation_space must be Box or Discrete"):
        rl.HillClimbing(Odd)
    Odd.observation_space = SimpleNamespace(spaces={"a": Box(-1, 1, (2,))})
    with pytest.raises(TypeError, match="gymnasium.wrappers.FlattenObservation makes it a Box$"):
        rl.HillClimbing(Odd)
    Odd.observation_space, Odd.action_space = Target.observation_space, object()
    with pytest.raises(TypeError, match="env.action_space must be Discrete or Box"):
        rl.HillClimbing(Odd)


def test_a_limit_leaves_an_episode():
    env = Target()
    agent = rl.HillClimbing(env, max_episode_steps=4, n_episodes=1, seed=0).learn(8)
    assert agent.num_timesteps == 8
    assert len(env.actions) == 8


def test_a_reward_that_is_no_number_is_refused():
    class Broken(Target):
        def step(self, action):
            observation, _, *rest = super().step(action)
            return observation, float("nan"), *rest

    climber = rl.HillClimbing(Broken(), seed=0)
    with pytest.raises(ValueError, match="^env must give finite rewards, but gave nan"):
        climber.learn(100)


def test_an_episode_without_an_end_is_left_in_the_end():
    class Endless(Target):
        def step(self, action):
            return np.zeros(2, np.float32), 1.0, False, False, {}

    for spec in (None, SimpleNamespace(max_episode_steps=None)):
        env = Endless()
        env.spec = spec
        agent = rl.HillClimbing(env, n_episodes=1, seed=0).learn(1)
        assert agent.history_["return"] == [100_000]
    agent.max_episode_steps = 7
    assert agent.evaluate(2) == (7, 0)
