"""A corridor of five rooms, and agents that learn in it."""

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.testing import assert_array_equal

from nncore import rl

QUICK = {"hidden": (16,), "learning_starts": 50, "batch_size": 16, "buffer_size": 1000, "target_update_interval": 50}


class Corridor(gymnasium.Env):
    """Left (0) and right (1) in five rooms; the way out to the right ends the episode with 1, and time is short."""

    def __init__(self, kind="discrete", limit=12, fails_at=None):
        self.kind, self.limit, self.fails_at, self.calls = kind, limit, fails_at, 0
        self.action_space = spaces.Discrete(2)
        self.observation_space = {
            "discrete": spaces.Discrete(5, start=10),
            "box": spaces.Box(0, 1, (5,), np.float32),
            "double": spaces.Box(0, 1, (5,), np.float64),
            "multi": spaces.MultiDiscrete([5, 2], start=[3, -1]),
            "dict": spaces.Dict({"room": spaces.Discrete(5), "dark": spaces.MultiBinary(2)}),
            "image": spaces.Box(0, 255, (5, 4, 1), np.uint8),
        }[kind]

    def observe(self):
        one_hot = np.eye(5)[self.room]
        return {
            "discrete": 10 + self.room,
            "box": one_hot.astype(np.float32),
            "double": one_hot,
            "multi": np.array([3 + self.room, 0]),
            "dict": {"room": self.room, "dark": np.ones(2, np.int8)},
            "image": np.repeat(np.uint8(255 * one_hot)[:, None, None], 4, axis=1),
        }[self.kind]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.room, self.time = int(self.np_random.integers(5)), 0
        return self.observe(), {}

    def step(self, action):
        self.calls += 1
        if self.calls == self.fails_at:
            raise OSError("the corridor is closed")
        self.time += 1
        out = self.room == 4 and action == 1
        if not out:
            self.room = min(max(self.room + (1 if action == 1 else -1), 0), 4)
        return self.observe(), float(out), out, self.time == self.limit and not out, {}


def rooms(agent):
    """Q values of all rooms, (5, 2)."""
    env = Corridor(getattr(agent.get_env(), "kind", "discrete"))
    values = []
    for env.room in range(5):
        values.append(agent.q_values(env.observe()))
    return np.array(values)


def make_agent(env=None, **settings):
    given = {**QUICK, "gamma": 0.9, "learning_rate": 5e-3, "exploration_final_eps": 0.3, "seed": 1, **settings}
    return rl.DQN(Corridor() if env is None else env, **given)


def same_agents(a, b):
    for which in range(5):
        assert_array_equal(a._learner.get(which), b._learner.get(which))
    assert a._learner.updates == b._learner.updates
    for key, values in a.history_.items():
        assert_array_equal(values, b.history_[key], err_msg=key)
    assert len(a.replay_buffer) == len(b.replay_buffer)
    states = a.replay_buffer._core.state(), b.replay_buffer._core.state()
    for name in ("priorities", "counters"):
        assert_array_equal(states[0][name], states[1][name], err_msg=name)


def rooms_of(agent, kind):
    env = Corridor(kind)
    return [agent.q_values(env.observe()) for env.room in range(5)]
