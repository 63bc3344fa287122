from __future__ import annotations

import copy
import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nncore import _core, rl, textbook
from nncore.datasets import load_rooms

CONVERGED = np.array(
    [
        [0, 0, 0, 0, 400, 0],
        [0, 0, 0, 320, 0, 500],
        [0, 0, 0, 320, 0, 0],
        [0, 400, 256, 0, 400, 0],
        [320, 0, 0, 320, 0, 500],
        [0, 400, 0, 0, 400, 500],
    ]
)


def rooms(**options):
    return rl.MDP.from_reward_matrix(load_rooms(), 0.8, **options)


def agent(**options):
    return rl.QLearning(6, 6, learning_rate=1.0, gamma=0.8, exploration=rl.EpsilonGreedy(1.0), **options)


# The worked example


def test_the_first_updates_of_the_six_rooms():
    learner = agent()
    assert learner.update(1, 5, 100, 5, terminated=False) == 100
    assert learner.q[1, 5] == 100
    learner.update(3, 1, 0, 1, terminated=False)
    assert learner.q[3, 1] == 80
    assert np.count_nonzero(learner.q) == 2
    assert learner.num_timesteps == 2


def test_the_six_rooms_are_learned():
    learner = agent().learn(rooms(goals=5), 50_000, seed=0)
    assert_allclose(learner.q, CONVERGED, atol=1e-9)
    shares = 100 * learner.q / learner.q.max()
    assert_allclose(shares[[0, 1, 1, 3], [4, 3, 5, 2]], [80, 64, 100, 51.2])
    path = [2]
    while path[-1] != 5:
        path.append(int(learner.policy()[path[-1]]))
    assert path in ([2, 3, 1, 5], [2, 3, 4, 5])


def test_the_six_rooms_are_learned_with_a_terminal_outside():
    learner = agent().learn(rooms(terminal=(5,)), 50_000, seed=0)
    assert_allclose(learner.q, CONVERGED / 5, atol=1e-9)


def test_the_six_rooms_update_by_update():
    rng, R, learner = np.random.default_rng(0), load_rooms(), agent()
    for _ in range(3000):  # episodes of the course: any start, any door, until the outside is entered
        state = int(rng.integers(6))
        while True:
            door = int(rng.choice(np.flatnonzero(R[state] >= 0)))
            learner.update(state, door, float(R[state, door]), door)
            state = door
            if state == 5:
                break
    assert_allclose(learner.q, CONVERGED, atol=1e-9)


# Updates against the textbook


class Counting:
    """A small environment with Gymnasium's ways, whose transitions are a model's, and which writes them down."""

    class _Space:
        def __init__(self, n, start=0):
            self.n, self.start, self.shape = n, start, ()

    def __init__(self, states=5, actions=3, seed=0, first_state=0, first_action=0, limit=None):
        rng = np.random.default_rng(seed)
        self.next, self.reward = rng.integers(0, states, (states, actions)), rng.standard_normal((states, actions))
        self.over = rng.random((states, actions)) < 0.2
        self.observation_space, self.action_space = self._Space(states, first_state), self._Space(actions, first_action)
        self.limit, self.log, self.seeds = limit, [], []
        self.fails_at = None

    @property
    def unwrapped(self):
        return self

    def reset(self, seed=None):
        self.seeds.append(seed)
        self.state, self.steps = 0, 0
        return self.state + self.observation_space.start, {}

    def step(self, action):
        s, a = self.state, action - self.action_space.start
        if len(self.log) == self.fails_at:
            raise OSError("the joystick is unplugged")
        self.state, self.steps = int(self.next[s, a]), self.steps + 1
        terminated = bool(self.over[s, a])
        truncated = self.limit is not None and self.steps >= self.limit
        self.log.append((s, a, self.reward[s, a], self.state, terminated))
        return self.state + self.observation_space.start, self.reward[s, a], terminated, truncated, {}

    def close(self):
        pass

    def model(self, gamma):
        states, actions = self.next.shape
        P = [
            [[(1.0, self.next[s, a], self.reward[s, a], self.over[s, a])] for a in range(actions)]
            for s in range(states)
        ]
        self.P, self.initial_state_distrib = P, np.eye(states)[0]
        return rl.MDP.from_env(self, gamma)


@pytest.mark.kernel
@settings(max_examples=20)
@given(seed=st.integers(0, 1000), first_state=st.integers(0, 3), first_action=st.integers(-1, 2))
def test_every_update_is_the_textbooks(seed, first_state, first_action):
    env = Counting(seed=seed, first_state=first_state, first_action=first_action, limit=9)
    learner = rl.QLearning(5, 3, 0.3, 0.9, rl.EpsilonGreedy(0.5)).learn(env, 200, seed=seed)
    Q = np.zeros((5, 3))
    other = rl.QLearning(5, 3, 0.3, 0.9)
    for s, a, r, s2, terminated in env.log:
        Q = textbook.q_learning_update(Q, s, a, r, s2, 0.3, 0.9, terminated)
        other.update(s, a, float(r), s2, terminated)
    assert len(env.log) == 200
    assert_allclose(learner.q, Q, atol=1e-12)
    assert_allclose(other.q, Q, atol=1e-12)


@pytest.mark.kernel
@settings(max_examples=20)
@given(
    seed=st.integers(0, 1000),
    limit=st.sampled_from([None, 4]),
    exploration=st.sampled_from(
        [
            rl.EpsilonGreedy(0.3),
            rl.EpsilonGreedy(1.0, 0.1),
            rl.Boltzmann(0.5),
            rl.Boltzmann(rl.LinearSchedule(2, 1, 99)),
        ]
    ),
    rate=st.sampled_from([0.5, rl.LinearSchedule(1.0, 0.1, 120), rl.ExponentialSchedule(1.0, 0.01, 150)]),
)
def test_a_model_and_an_environment_of_the_same_transitions_give_the_same_bits(seed, limit, exploration, rate):
    env = Counting(seed=seed, limit=limit)
    on_model, in_env = (rl.QLearning(5, 3, rate, 0.9, exploration) for _ in range(2))
    on_model.learn(env.model(0.9), 199, seed=seed, max_episode_steps=limit)
    in_env.learn(env, 199, seed=seed)
    assert_array_equal(on_model.q, in_env.q)
    assert on_model.history_["timesteps"] == in_env.history_["timesteps"]
    assert_allclose(on_model.history_["return"], in_env.history_["return"])
    assert on_model.history_["length"] == in_env.history_["length"]


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("exploration", "rate"),
    [
        (rl.EpsilonGreedy(1.0, 0.0, 4000), 0.5),
        (rl.Boltzmann(rl.ExponentialSchedule(50, 0.1, 4000)), 0.5),
        (rl.EpsilonGreedy(0.3), rl.LinearSchedule(1.0, 0.01, 4000)),
    ],
)
def test_schedules_are_followed_step_by_step(exploration, rate):
    model, tables = Counting(seed=3, limit=7).model(0.8), []
    for calls in ([5000], [1] * 5000):
        core = rl.QLearning(5, 3, rate, 0.8, exploration)._learner(3, 0, 5000)
        core.set_model(model._transitions.arrays, model.start, 7)
        for steps in calls:
            core.run(steps)
        tables.append(np.zeros((5, 3)))
        core.store(tables[-1])
    assert_array_equal(*tables)


@pytest.mark.kernel
def test_steps_may_be_divided_into_calls():
    def tables(*parts, exploration):
        learner = rl.QLearning(6, 6, 0.5, 0.8, exploration)
        model = rooms(terminal=5, max_episode_steps=1)  # an episode ends with every step: nothing is under way
        for i, part in enumerate(parts):
            learner.learn(model, part, seed=3 if i == 0 else None, reset_num_timesteps=i == 0)
        assert learner.num_timesteps == 3000
        return learner.q

    for exploration in (rl.EpsilonGreedy(0.5), rl.EpsilonGreedy(1.0, 0.1, 2000), rl.Boltzmann(20.0)):
        whole = tables(3000, exploration=exploration)
        assert_array_equal(tables(1, 999, 1000, 1000, exploration=exploration), whole)
        assert_array_equal(tables(511, 2, 2487, exploration=exploration), whole)


def test_a_seed_gives_the_run_and_none_another():
    runs = [rl.QLearning(6, 6, 0.5, 0.8).learn(rooms(goals=5), 200, seed=seed).q for seed in (1, 1, 2, None, None)]
    assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert not np.array_equal(runs[3], runs[4])


@pytest.mark.parametrize(
    ("rewards", "best"), [([0] * 4, [0, 1, 2, 3]), ([0, 1, 0, 1], [1, 3]), ([1, 0, 1, 1, 0], [0, 2, 3])]
)
def test_equally_good_actions_are_taken_equally_often(rewards, best):
    env = Counting(1, len(rewards))
    env.reward[0], env.over[:] = rewards, True
    rl.QLearning(1, len(rewards), 1.0, 0.5, rl.EpsilonGreedy(0.3)).learn(env, 6000, seed=0)
    shares = np.bincount([action for _, action, *_ in env.log[-5000:]]) / 5000
    assert_allclose(shares, 0.3 / len(rewards) + np.isin(np.arange(len(rewards)), best) * 0.7 / len(best), atol=0.03)


def test_an_environment_is_seeded_once():
    env = Counting(limit=3)
    rl.QLearning(5, 3).learn(env, 50, seed=7)
    assert env.seeds[0] is not None
    assert set(env.seeds[1:]) == {None}


# Learning the best values


@pytest.mark.kernel
def test_a_stochastic_world_is_learned():
    rng = np.random.default_rng(5)
    P, R = rng.dirichlet(np.ones(20) / 3, (3, 20)), rng.standard_normal((20, 3))  # lists long enough to be halved
    mdp = rl.MDP(P, R, 0.8)
    learner = rl.QLearning(20, 3, rl.ExponentialSchedule(0.5, 1e-4, 2_000_000), 0.8, rl.EpsilonGreedy(1.0))
    best = mdp.policy_iteration()
    learner.learn(mdp, 3_000_000, seed=0)
    assert_allclose(learner.q, best.q, atol=0.03)
    assert_allclose(learner.values(), best.v, atol=0.03)


@pytest.mark.kernel
def test_episodes_start_by_their_probabilities():
    start = np.array([0.1, 0.0, 0.6, 0.3])
    mdp = rl.MDP.from_reward_matrix(np.ones((4, 4)), 0.5, terminal=range(4), start=start)
    learner = rl.QLearning(4, 4, 1e-4, 0.5, rl.EpsilonGreedy(1.0)).learn(mdp, 20_000, seed=0)
    updates = np.log1p(-learner.q) / np.log1p(-1e-4)  # each brings a value of 1 − (1 − η)^n on
    assert_allclose(updates.sum(axis=1) / 20_000, start, atol=0.015)
    assert_allclose(updates[2] / updates[2].sum(), 0.25, atol=0.02)


def test_toy_text_is_learned():
    pytest.importorskip("gymnasium", reason="environments are Gymnasium's")
    mdp = rl.MDP.from_env("CliffWalking-v1", 1.0)
    learner = rl.QLearning(48, 4, 0.5, 1.0, rl.EpsilonGreedy(0.1)).learn(mdp, 300_000, seed=0)
    assert learner.evaluate("CliffWalking-v1", 1) == (-13.0, 0.0)
    in_env = rl.QLearning(48, 4, 0.5, 1.0, rl.EpsilonGreedy(0.1)).learn("CliffWalking-v1", 30_000, seed=0)
    assert in_env.evaluate("CliffWalking-v1", 1) == (-13.0, 0.0)
    lake = rl.MDP.from_env("FrozenLake-v1", 0.99)
    slippery = rl.QLearning.for_env(
        lake, learning_rate=rl.ExponentialSchedule(0.3, 1e-3, 2_000_000), exploration=rl.EpsilonGreedy(0.5)
    ).learn(lake, 3_000_000, seed=0)
    assert_allclose(lake.evaluate(slippery.policy()), lake.policy_iteration().v, atol=0.01)
    assert slippery.evaluate("FrozenLake-v1", 300, seed=0)[0] > 0.6


def test_blackjack_is_learned():
    gymnasium = pytest.importorskip("gymnasium", reason="environments are Gymnasium's")
    env = gymnasium.make("Blackjack-v1")
    learner = rl.QLearning.for_env(env, learning_rate=0.05, gamma=1.0, exploration=rl.EpsilonGreedy(0.3))
    assert learner.q.shape == (32 * 11 * 2, 2)
    learner.learn(env, 20_000, seed=0)
    table = learner.q.reshape(32, 11, 2, 2)
    assert (table[20:22, 1:, 0, 0] > table[20:22, 1:, 0, 1]).all()  # nobody takes a card at 20
    assert (table[12, 7:11, 0, 1] > table[12, 7:11, 0, 0]).mean() > 0.7  # nearly all do at 12 against a ten
    assert learner.evaluate(env, 500, seed=1)[0] > -0.2  # at random: -0.4


def test_kinds_of_observations():
    gymnasium = pytest.importorskip("gymnasium", reason="environments are Gymnasium's")
    from nncore.rl._tabular_spaces import States

    spaces = gymnasium.spaces
    for space in (
        spaces.Discrete(4, start=-2),
        spaces.MultiDiscrete([3, 4]),
        spaces.MultiDiscrete([[2, 3], [4, 2]], start=[[1, 0], [-1, 0]]),
        spaces.MultiBinary(3),
        spaces.Tuple([spaces.Discrete(3), spaces.MultiDiscrete([2, 2]), spaces.Tuple([spaces.Discrete(2, start=5)])]),
        spaces.Dict(a=spaces.Discrete(3), b=spaces.Discrete(2)),
    ):
        states = States(space)
        space.seed(0)
        seen = {states.number(space.sample()) for _ in range(2000)}
        assert seen == set(range(states.n))
        assert states.n == np.prod(states.sizes)
    pair = States(spaces.MultiDiscrete([3, 4]))
    assert pair.number(np.array([2, 1])) == 9
    assert States(spaces.Discrete(5)).encode is None
    for observation in ([3, 0], [0, -1], [0], None, [0.5, 1]):
        with pytest.raises(ValueError, match="env gave an observation that is not in its space"):
            pair.number(observation)
    with pytest.raises(TypeError, match="env.observation_space must be Discrete, MultiDiscrete or a Tuple"):
        States(spaces.Box(0, 1, (2,)))


# Actions that are not allowed


def test_actions_that_are_not_allowed_count_nowhere():
    model = rl.MDP.from_reward_matrix(np.where(load_rooms() < 0, np.nan, load_rooms() - 100), 0.8, None, terminal=5)
    learner = agent(initial_value=-7.0).learn(model, 20_000, seed=0)
    best = model.policy_iteration()
    assert_allclose(learner.q, best.q, atol=1e-9)  # the forbidden ones are 0, and better than any other
    assert_array_equal(model.allowed[np.arange(6), learner.policy()], True)
    assert_allclose(learner.values(), best.v, atol=1e-9)
    with pytest.raises(ValueError, match="a must be an action that state 0 allows, but is 1"):
        learner.update(0, 1, 0.0, 1)
    learner.update(0, 4, -100.0, 4)
    assert learner.q[0, 4] == pytest.approx(-100 + 0.8 * best.v[4])
    with pytest.raises(ValueError, match="the model must allow the agent's allowed actions"):
        learner.learn(rl.MDP(np.eye(6)[None].repeat(6, axis=0), np.zeros(6), 0.8), 10)


def test_a_state_without_actions_is_an_end():
    mdp = rl.MDP(np.array([[[0.0, 1], [0, 0]]]), np.array([5.0, 9.0]), 0.9)
    learner = rl.QLearning(2, 1, 1.0, 0.9, initial_value=3.0).learn(mdp, 10, seed=0)
    assert_array_equal(learner.q, [[5], [0]])
    assert learner.history_["length"] == [1.0] * 10


# Going on, saving


def test_saving_keeps_all(tmp_path):
    first = rl.QLearning(6, 6, rl.LinearSchedule(1.0, 0.5, 99), 0.8, rl.Boltzmann(rl.ExponentialSchedule(9.0, 1.0, 50)))
    model = rooms(terminal=5, max_episode_steps=1)
    first.learn(model, 70, seed=11)
    first.save(tmp_path / "agent.safetensors")
    loaded = rl.QLearning.load(tmp_path / "agent.safetensors")
    other = rl.QLearning(6, 6, first.learning_rate, 0.8, first.exploration)
    other.set_state(first.get_state())
    copied, pickled = copy.deepcopy(first), pickle.loads(pickle.dumps(first))
    assert repr(loaded) == repr(first)
    assert loaded.history_ == first.history_
    first.learn(model, 70, reset_num_timesteps=False)
    for again in (loaded, other, copied, pickled):
        again.learn(model, 70, reset_num_timesteps=False)
        assert_array_equal(again.q, first.q)
        assert again.num_timesteps == 140
        assert again.history_ == first.history_
    whole = rl.QLearning(6, 6, first.learning_rate, 0.8, first.exploration).learn(model, 140, seed=11)
    assert_array_equal(whole.q, first.q)


def test_a_state_of_another_size_is_refused():
    learner = agent()
    state = learner.get_state()
    for q in (np.zeros((6, 5)), np.full((6, 6), np.nan)):
        with pytest.raises(ValueError, match=r"q must be finite and have shape \(6, 6\)"):
            learner.set_state({**state, "q": q})
    assert not learner.q.any()


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "agent.safetensors"
    agent().learn(rooms(goals=5), 100, seed=0).save(path)
    whole = path.read_bytes()
    for cut in (0, 7, 200, len(whole) - 8):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="agent.safetensors"):
            rl.QLearning.load(path)
    path.write_bytes(whole[:-3] + b"\x01\x02\x03")
    with pytest.raises(ValueError, match="checksum"):
        rl.QLearning.load(path)
    rl.TD0(3).save(path)
    with pytest.raises(ValueError, match="holds a TD0, not a QLearning"):
        rl.QLearning.load(path)


# What goes wrong


def test_an_environment_that_raises_leaves_what_was_learned():
    env = Counting(limit=5)
    env.fails_at = 77
    learner = rl.QLearning(5, 3, 0.3, 0.9, rl.EpsilonGreedy(0.5))
    with pytest.raises(OSError, match="the joystick is unplugged"):
        learner.learn(env, 200, seed=0)
    assert learner.num_timesteps == 77
    Q = np.zeros((5, 3))
    for s, a, r, s2, terminated in env.log:
        Q = textbook.q_learning_update(Q, s, a, r, s2, 0.3, 0.9, terminated)
    assert_allclose(learner.q, Q, atol=1e-12)
    env.fails_at = None
    assert learner.learn(env, 20, reset_num_timesteps=False).num_timesteps == 97


@pytest.mark.parametrize(
    ("state", "reward", "error", "message"),
    [
        (5, 0.0, ValueError, "env gave an observation that is not in its space: 5"),
        (-1, 0.0, ValueError, "env gave an observation that is not in its space: -1"),
        (None, 0.0, ValueError, "env gave an observation that is not in its space: None"),
        (0.5, 0.0, ValueError, "env gave an observation that is not in its space: 0.5"),
        (0, np.nan, ValueError, "reward must be finite, but is nan"),
        (0, np.inf, ValueError, "reward must be finite, but is inf"),
        (0, "much", TypeError, "env.step must return a number as reward, but returned 'much'"),
    ],
)
def test_an_environment_that_gives_nonsense_is_named(state, reward, error, message):
    env = Counting()
    honest, count = env.step, iter(range(100))

    def step(action):
        answer = honest(action)
        return (state, reward, *answer[2:]) if next(count) == 20 else answer

    env.step = step
    learner = rl.QLearning(5, 3)
    with pytest.raises(error, match=message):
        learner.learn(env, 100, seed=0)
    assert np.isfinite(learner.q).all()
    learner.learn(Counting(), 100, seed=0)


def test_values_that_grow_without_limit_leave_the_table():
    mdp = rl.MDP(np.eye(2)[None], np.array([1e308, 1e308]), 1.0)
    learner = rl.QLearning(2, 1, 1.0, 1.0)
    with pytest.raises(FloatingPointError, match="values of the table grew beyond all limits by step 1000"):
        learner.learn(mdp, 1000, seed=0)
    assert not learner.q.any()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rl.QLearning(0, 1), ValueError, "n_states must be at least 1"),
        (lambda: rl.QLearning(2, 1.0), TypeError, "n_actions must be an integer"),
        (lambda: rl.QLearning(2, 1, 1.5), ValueError, "learning_rate must be from 0 to 1"),
        (lambda: rl.QLearning(2, 1, np.nan), ValueError, "learning_rate must be"),
        (lambda: rl.QLearning(2, 1, rl.LinearSchedule(2.0, 1.0, 5)), ValueError, "learning_rate must be from 0 to 1"),
        (lambda: rl.QLearning(2, 1, gamma=-1), ValueError, "gamma must be"),
        (lambda: rl.QLearning(2, 1, exploration=0.1), TypeError, "exploration must be an EpsilonGreedy or a Boltzmann"),
        (lambda: rl.QLearning(2, 1, initial_value=np.inf), ValueError, "initial_value must be"),
        (lambda: rl.QLearning(2, 1, allowed=np.ones((2, 1))), TypeError, "allowed must be a bool array"),
        (lambda: rl.QLearning(2, 1, allowed=np.ones(2, bool)), ValueError, r"allowed must have shape \(2, 1\)"),
        (lambda: rl.EpsilonGreedy(1.2), ValueError, "initial must be from 0 to 1"),
        (lambda: rl.EpsilonGreedy(0.5, -0.1), ValueError, "final must be"),
        (lambda: rl.EpsilonGreedy(0.5, 0.1, 0), ValueError, "decay_steps must be at least 1"),
        (lambda: rl.EpsilonGreedy(rl.LinearSchedule(1, 0, 5), 0.1), ValueError, "must be left out"),
        (lambda: rl.Boltzmann(0.0), ValueError, "temperature must be above 0"),
        (lambda: rl.Boltzmann(rl.LinearSchedule(1, 0, 5)), ValueError, "temperature must be above 0"),
        (lambda: rl.LinearSchedule(1, 0, 0), ValueError, "steps must be at least 1"),
        (lambda: rl.ExponentialSchedule(1, 0, 5), ValueError, "final must be above 0"),
        (lambda: agent().learn(rooms(), -1), ValueError, "total_timesteps must be at least 0"),
        (lambda: agent().learn(rooms(), 1.5), TypeError, "total_timesteps must be an integer"),
        (lambda: agent().learn(rooms(), 5, seed=-1), ValueError, "seed must be from 0"),
        (lambda: agent().learn(rooms(), 5, seed=1.5), TypeError, "seed must be an int"),
        (lambda: agent().learn(rooms(), 5, max_episode_steps=0), ValueError, "max_episode_steps must be at least 1"),
        (lambda: agent().learn(load_rooms(), 5), TypeError, "env must be a Gymnasium environment"),
        (lambda: rl.QLearning(5, 6).learn(rooms(), 5), ValueError, "the model has 6 states and 6 actions, but the"),
        (lambda: agent().learn(Counting(), 5), ValueError, "env has 5 states and 3 actions, but the table is 6 by 6"),
        (lambda: agent().update(6, 0, 0.0, 0), IndexError, "s must be from 0 to 5, but is 6"),
        (lambda: agent().update(0, -1, 0.0, 0), IndexError, "a must be from 0 to 5, but is -1"),
        (lambda: agent().update(0, 0, np.nan, 0), ValueError, "r must be"),
        (lambda: agent().update(0, 0.0, 0.0, 0), TypeError, "a must be an integer"),
        (lambda: agent().evaluate(rooms()), TypeError, "env must be an environment"),
        (lambda: agent().evaluate(Counting(), 0), ValueError, "n_episodes must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_environments_that_do_not_fit_are_refused():
    gymnasium = pytest.importorskip("gymnasium", reason="environments are Gymnasium's")
    for name in ("CartPole-v1", "Pendulum-v1"):
        with pytest.raises(TypeError, match="must be Discrete"):
            rl.QLearning.for_env(name)
    vector = gymnasium.make_vec("CliffWalking-v1", num_envs=2)
    with pytest.raises(TypeError, match="env must be one environment, but is a vector of 2"):
        rl.QLearning(48, 4).learn(vector, 10)
    vector.close()


def test_a_second_thread_is_refused():
    learner, caught = rl.QLearning(6, 6), []
    started = threading.Event()
    env = Counting(6, 6)
    honest = env.step

    def step(action):
        started.set()
        time.sleep(0.001)
        return honest(action)

    env.step = step
    thread = threading.Thread(target=lambda: learner.learn(env, 200))
    thread.start()
    assert started.wait(10)
    try:
        learner.learn(rooms(), 10)
    except RuntimeError as error:
        caught.append(str(error))
    thread.join()
    assert caught == ["this QLearning is in use by another thread"]


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("where", ["model", "environment"])
def test_a_run_answers_ctrl_c_and_keeps_what_it_learned(where):
    learner = rl.QLearning(6, 6, 0.5, 0.8)
    world = rooms(goals=5) if where == "model" else Counting(6, 6)
    sent = []

    def interrupt():
        time.sleep(0.3)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        learner.learn(world, 10**12, seed=0)
    assert time.perf_counter() - sent[0] < 1
    thread.join()
    assert learner.q.any()
    assert learner.num_timesteps > 1000
    learner.learn(world, 10, reset_num_timesteps=False)


def test_the_core_refuses_what_does_not_fit_its_table():
    learner = rl.QLearning(6, 6)._learner(0, 0, 1)
    with pytest.raises(ValueError, match="an episode must begin before a step"):
        learner.step(0, 0.0)
    with pytest.raises(ValueError, match="there is no model"):
        learner.run(5)
    with pytest.raises(ValueError, match="the model allows other actions than the table"):
        learner.set_model(rooms()._transitions.arrays, rooms().start, 0)
    with pytest.raises(ValueError, match="table must be one row per state"):
        learner.store(np.zeros((5, 6)))
    with pytest.raises(ValueError, match="a schedule must be"):
        _core.QLearner(np.zeros((2, 2)), np.zeros((0, 0), np.uint8), ("cubic", 1, 1, 1), 1, "boltzmann", (), 0, 0)
