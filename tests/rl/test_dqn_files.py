import copy
import math
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nncore import rl

gymnasium = pytest.importorskip("gymnasium")
from gymnasium.vector import SyncVectorEnv  # noqa: E402

from .corridor import QUICK, Corridor, make_agent, rooms_of, same_agents  # noqa: E402


@pytest.mark.parametrize("kind", ["discrete", "box", "double", "dict"])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_saved_run_goes_on_exactly(kind, asynchronous, tmp_path):
    files = tmp_path / "agent", tmp_path / "buffer"
    whole = make_agent(Corridor(kind), asynchronous=asynchronous, n_steps=2, train_freq=3)
    whole.learn(300, callback=rl.callbacks.Checkpoint(200, *files))
    part = rl.DQN.load(files[0], Corridor(kind), files[1])
    assert part.num_timesteps == 200
    part.learn(100, reset_num_timesteps=False)
    assert whole.num_timesteps == part.num_timesteps == 300
    same_agents(whole, part)


def test_a_run_that_was_saved_within_a_training_goes_on_exactly(tmp_path):
    files = tmp_path / "agent", tmp_path / "buffer"
    whole = make_agent(Corridor("box"), asynchronous=True, train_freq=64, gradient_steps=16, target_update_interval=10)
    whole.learn(400, callback=rl.callbacks.Checkpoint(215, *files))
    part = rl.DQN.load(files[0], Corridor("box"), files[1])
    assert part._run.part == 1
    part.learn(185, reset_num_timesteps=False)
    same_agents(whole, part)


def test_a_saved_run_of_gymnasium_goes_on_exactly(tmp_path):
    files = tmp_path / "agent", tmp_path / "buffer"
    whole = rl.DQN("CartPole-v1", **QUICK, seed=4)
    whole.learn(500, callback=rl.callbacks.Checkpoint(333, *files))
    part = rl.DQN.load(files[0], "CartPole-v1", files[1]).learn(167, reset_num_timesteps=False)
    same_agents(whole, part)


def test_several_environments_go_on_with_new_episodes(tmp_path):
    files = tmp_path / "agent", tmp_path / "buffer"
    make_agent(SyncVectorEnv([Corridor] * 3)).learn(300).save(*files)
    part = rl.DQN.load(files[0], SyncVectorEnv([Corridor] * 3), files[1])
    before = part.num_timesteps, part._learner.updates, len(part.replay_buffer)
    part.learn(100, reset_num_timesteps=False)
    assert part.num_timesteps >= before[0] + 100 and part._learner.updates > before[1]
    assert len(part.replay_buffer) == before[2] + part.num_timesteps - before[0]


def test_an_environment_that_does_not_come_back_begins_anew(tmp_path):
    class Moody(Corridor):
        def observe(self):
            return super().observe() * self.mood

    env = Moody("box")
    env.mood = np.float32(0.5)
    make_agent(env).learn(100).save(tmp_path / "agent")
    env.mood = np.float32(1)
    with pytest.warns(UserWarning, match="does not come back to where it was saved"):
        part = rl.DQN.load(tmp_path / "agent", env).learn(20, reset_num_timesteps=False)
    assert part.num_timesteps == 120 and len(part.replay_buffer) == 20


def test_two_calls_of_learn_are_one_run():
    whole, parts = (make_agent(exploration_fraction=0.0, prioritized=False) for _ in range(2))
    whole.learn(301)
    parts.learn(130)
    parts.learn(171, reset_num_timesteps=False)
    for key in ("timesteps", "return", "length"):
        assert whole.history_[key] == parts.history_[key]
    again = parts.learn(50)
    assert again is parts and parts.num_timesteps == 50


def test_a_file_keeps_what_predicts(tmp_path):
    agent = make_agent(Corridor("dict"), dtype="float64").learn(200)
    agent.save(tmp_path / "agent")
    loaded = rl.DQN.load(tmp_path / "agent")
    assert_array_equal(rooms_of(loaded, "dict"), rooms_of(agent, "dict"))
    for key, values in agent.history_.items():
        assert_array_equal(loaded.history_[key], values)
    assert loaded.settings == agent.settings
    with pytest.raises(ValueError, match="has no environment"):
        loaded.learn(10)
    with pytest.raises(ValueError, match="must have the agent's observations"):
        loaded.set_env(Corridor("box"))
    loaded.set_env(Corridor("dict"))
    loaded.learn(60)
    assert rl.DQN.load(tmp_path / "agent", learning_rate=0.5).settings.learning_rate == 0.5


def test_a_copy_goes_on_as_the_agent_would():
    agent = make_agent(Corridor("box"), learning_rate=math.sqrt).learn(200)
    for copied in (copy.deepcopy(agent), pickle.loads(pickle.dumps(agent))):
        same_agents(agent, copied)
        copied.set_env(Corridor("box"))
        copied.learn(50, reset_num_timesteps=False)
    assert agent.num_timesteps == 200 and copied.num_timesteps == 250
    agent.set_env(Corridor("box"))


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "agent"
    make_agent().learn(100).save(path)
    whole = path.read_bytes()
    for place in (9, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="damaged|no safetensors|not one that|holds"):
            rl.DQN.load(path)
    path.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match="damaged"):
        rl.DQN.load(path)


def test_a_buffer_of_another_kind_comes_back(tmp_path):
    env = Corridor("box")
    buffer = rl.ReplayBuffer(500, env.observation_space, env.action_space, gamma=0.9, seed=1)
    make_agent(env, replay_buffer=buffer).learn(100).save(tmp_path / "agent", tmp_path / "buffer")
    loaded = rl.DQN.load(tmp_path / "agent", env, tmp_path / "buffer")
    assert type(loaded.replay_buffer) is rl.ReplayBuffer and len(loaded.replay_buffer) == 100


def test_what_load_cannot_change_is_named(tmp_path):
    make_agent(Corridor("box")).learn(60).save(tmp_path / "agent")
    for name, value in (("seed", 5), ("foo", 1)):
        with pytest.raises(TypeError, match=f"^changes must be parameters .* that are saved, but one is '{name}'"):
            rl.DQN.load(tmp_path / "agent", **{name: value})
    for name, value in (("hidden", (8,)), ("dtype", "float64")):
        with pytest.raises(ValueError, match=f"^{name} is .* in the file and cannot be changed"):
            rl.DQN.load(tmp_path / "agent", **{name: value})
    assert rl.DQN.load(tmp_path / "agent", batch_size=8, hidden=(16,)).settings.batch_size == 8
