from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore import rl, textbook


def random_walk(gamma=1.0):
    """Five states between two ends, start in the middle, reward 1 at the right end."""
    P = np.zeros((2, 7, 7))
    for s in range(1, 6):
        P[0, s, s - 1] = P[1, s, s + 1] = 1
    R = np.zeros((2, 7, 7))
    R[1, 5, 6] = 1
    return rl.MDP(P, R, gamma, start=3)


class Walk:
    """The same as an environment: states 0 to 4."""

    class _Space:
        def __init__(self, n):
            self.n, self.start, self.shape = n, 0, ()

    observation_space, action_space = _Space(5), _Space(2)

    def __init__(self):
        self.log = []

    def reset(self, seed=None):
        self.state = 2
        return 2, {}

    def step(self, action):
        before, self.state = self.state, self.state + (1 if action else -1)
        over, reward = self.state in (-1, 5), float(self.state == 5)
        after = 0 if over else self.state
        self.log.append((before, action, reward, after, over))
        return after, reward, over, False, {}

    def close(self):
        pass


def test_the_random_walk():
    values = rl.TD0(7, learning_rate=rl.ExponentialSchedule(0.2, 1e-4, 1_500_000), gamma=1.0)
    values.learn(random_walk(), 2_000_000, seed=0)
    assert_allclose(values.v, [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 0], atol=5e-3)
    assert values.history_["return"][-1] == pytest.approx(0.5, abs=0.1)
    assert values.history_["length"][-1] == pytest.approx(9, abs=1)  # 3 · 3 steps from the middle


def test_the_random_walk_as_an_environment():
    walk, values = Walk(), rl.TD0(5, learning_rate=rl.ExponentialSchedule(0.2, 1e-3, 40_000), gamma=1.0)
    values.learn(walk, 60_000, seed=1)
    assert_allclose(values.v, np.arange(1, 6) / 6, atol=0.03)
    actions = np.array([action for _, action, *_ in walk.log])
    assert actions.mean() == pytest.approx(0.5, abs=0.02)


def test_every_update_is_the_textbooks():
    walk = Walk()
    values = rl.TD0(5, 0.1, 0.9).learn(walk, 500, seed=0)
    V, by_update = np.zeros(5), rl.TD0(5, 0.1, 0.9)
    for s, _, r, s2, over in walk.log:
        error = r + 0.9 * (0 if over else V[s2]) - V[s]
        V = textbook.td0_update(V, s, r, s2, 0.1, 0.9, over)
        assert by_update.update(s, r, s2, over) == pytest.approx(error)
    assert_allclose(values.v, V, atol=1e-12)
    assert_allclose(by_update.v, V, atol=1e-12)
    assert by_update.num_timesteps == values.num_timesteps == 500


def test_with_a_rate_of_one_a_value_is_what_came():
    values = rl.TD0(3, learning_rate=1, gamma=0.5)
    values.update(1, 4.0, 2, True)
    values.update(0, 0.0, 1)
    assert_array_equal(values.v, [2, 4, 0])


@pytest.mark.parametrize("as_numbers", [True, False])
def test_a_policy_is_followed(as_numbers):
    policy = np.array([0, 1, 1, 0, 0, 1, 0]) if as_numbers else np.tile([0.25, 0.75], (7, 1))
    mdp = random_walk(0.9)
    values = rl.TD0(7, rl.ExponentialSchedule(0.5, 1e-4, 200_000), 0.9).learn(mdp, 300_000, seed=0, policy=policy)
    assert_allclose(values.v[3], mdp.evaluate(policy)[3], atol=0.02)
    walk = Walk()
    rl.TD0(5).learn(walk, 4000, seed=0, policy=policy[1:6])
    right = np.array([action for _, action, *_ in walk.log])
    taken = [right[[s == state for s, *_ in walk.log]] for state in range(5)]
    for state, actions in enumerate(taken):
        if as_numbers:
            assert (actions == policy[state + 1]).all()
        elif len(actions) > 200:
            assert actions.mean() == pytest.approx(0.75, abs=0.12)


def test_saving_keeps_all(tmp_path):
    first = rl.TD0(7, rl.LinearSchedule(0.5, 0.1, 90), 0.9).learn(random_walk(), 50, seed=5, max_episode_steps=1)
    first.save(tmp_path / "values.safetensors")
    others = [rl.TD0.load(tmp_path / "values.safetensors"), copy.deepcopy(first), pickle.loads(pickle.dumps(first))]
    others.append(rl.TD0(7, first.learning_rate, 0.9))
    others[-1].set_state(first.get_state())
    first.learn(random_walk(), 50, reset_num_timesteps=False, max_episode_steps=1)
    for other in others:
        assert repr(other) == repr(first)
        other.learn(random_walk(), 50, reset_num_timesteps=False, max_episode_steps=1)
        assert_array_equal(other.v, first.v)
        assert other.history_ == first.history_
    whole = rl.TD0(7, first.learning_rate, 0.9).learn(random_walk(), 100, seed=5, max_episode_steps=1)
    assert_array_equal(whole.v, first.v)
    (tmp_path / "values.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="values.safetensors"):
        rl.TD0.load(tmp_path / "values.safetensors")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rl.TD0(0), ValueError, "n_states must be at least 1"),
        (lambda: rl.TD0(2, 2.0), ValueError, "learning_rate must be from 0 to 1"),
        (lambda: rl.TD0(2, gamma=2), ValueError, "gamma must be from 0 to 1"),
        (lambda: rl.TD0(2).update(2, 0.0, 0), IndexError, "s must be from 0 to 1, but is 2"),
        (lambda: rl.TD0(2).update(0, np.inf, 0), ValueError, "r must be"),
        (lambda: rl.TD0(6).learn(random_walk(), 5), ValueError, "the model has 7 states"),
        (lambda: rl.TD0(4).learn(Walk(), 5), ValueError, "env has 5 states"),
        (
            lambda: rl.TD0(5).learn(Walk(), 5, policy=[0, 1, 2, 0, 0]),
            IndexError,
            "policy must hold actions from 0 to 1",
        ),
        (lambda: rl.TD0(5).learn(Walk(), 5, policy=np.ones((5, 2))), ValueError, "policy must hold probabilities"),
        (lambda: rl.TD0(5).learn(Walk(), 5, policy=[0]), ValueError, "policy must have shape"),
        (lambda: rl.TD0(7).learn(random_walk(), 5, policy=[9] * 7), IndexError, "policy must hold actions from 0 to 1"),
        (lambda: rl.TD0(7).learn(random_walk(), -5), ValueError, "total_timesteps must be at least 0"),
        (lambda: rl.TD0(7).set_state({**rl.TD0(7).get_state(), "v": [1.0]}), ValueError, "v must be finite and have"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
