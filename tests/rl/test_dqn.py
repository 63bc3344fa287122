import dataclasses
import math
import os
import signal
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import rl
from nncore.rl._dqn_tuned import tuned

gymnasium = pytest.importorskip("gymnasium")
from gymnasium import spaces  # noqa: E402
from gymnasium.vector import AutoresetMode, SyncVectorEnv  # noqa: E402

from .corridor import QUICK, Corridor, make_agent, rooms, same_agents  # noqa: E402

TRUTH = np.array([[0.9 ** (5 - max(r - 1, 0)), 0.9 ** (4 - r)] for r in range(5)])
TRUTH[:, 0] = [0.9 * max(0.9 ** (4 - max(r - 1, 0)), 0) for r in range(5)]

VARIANTS = {
    "plain": {"double": False, "prioritized": False},
    "double": {"prioritized": False},
    "proportional": {},
    "rank": {"prioritized": "rank"},
    "n-step": {"n_steps": 3},
    "mse, soft": {"loss": "mse", "tau": 0.05, "target_update_interval": 1, "max_grad_norm": None},
    "asynchronous": {"asynchronous": True},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_finds_the_values_of_a_corridor(variant):
    agent = make_agent(**VARIANTS[variant]).learn(4000)
    off_policy = 0.12 if variant == "n-step" else 0.06  # n-step returns contain the exploration's steps
    assert_allclose(rooms(agent), TRUTH, rtol=0, atol=off_policy)
    assert_array_equal([agent.predict(10 + r, deterministic=True)[0] for r in range(5)], 1)


class Forever(gymnasium.Env):
    """Reward 1 at each of two steps; then the episode ends, by time or truly."""

    observation_space, action_space = spaces.Box(0, 1, (2,), np.float32), spaces.Discrete(2)

    def __init__(self, terminates):
        self.terminates = terminates

    def observe(self):  # of what goes on for ever, all states are alike
        return np.eye(3, 2, dtype=np.float32)[self.time] if self.terminates else np.ones(2, np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.observe(), {}

    def step(self, action):
        self.time += 1
        over = self.time == 2
        return self.observe(), 1.0, over and self.terminates, over and not self.terminates, {}


@pytest.mark.parametrize("vectorised", [False, True])
@pytest.mark.parametrize("n_steps", [1, 3])
def test_goes_on_beyond_a_time_limit_but_not_beyond_an_end(vectorised, n_steps):
    for terminates, values in ((False, {(1, 1): 10}), (True, {(1, 0): 1.9, (0, 1): 1.0})):
        env = SyncVectorEnv([lambda t=terminates: Forever(t)] * 2) if vectorised else Forever(terminates)
        agent = make_agent(env, n_steps=n_steps, train_freq=2, prioritized=False, learning_rate=3e-3, loss="mse",
                           target_update_interval=20).learn(3000)  # fmt: skip
        for observation, value in values.items():
            assert_allclose(agent.q_values(np.float32(observation)), value, rtol=0.03)


@pytest.mark.parametrize("kind", ["box", "double", "discrete", "multi", "dict", "image"])
def test_sees_each_kind_of_observation(kind):
    agent = make_agent(Corridor(kind), train_freq=2).learn(600)
    assert agent._learner.updates > 200
    env = Corridor(kind)
    seen = []
    for env.room in range(5):
        one = env.observe()
        seen.append(
            {
                "discrete": lambda o: np.eye(5)[o - 10],
                "multi": lambda o: np.concatenate([np.eye(5)[o[0] - 3], np.eye(2)[o[1] + 1]]),
                "dict": lambda o: np.concatenate([o["dark"], np.eye(5)[o["room"]]]),  # Gymnasium sorts the keys
                "image": lambda o: o.ravel() / 255,
            }.get(kind, lambda o: o)(one)
        )
    values = agent.q_network(np.array(seen, np.float32))
    assert_allclose(rooms(agent), values, rtol=0, atol=1e-5)


def test_learns_cartpole():
    agent = rl.DQN(
        "CartPole-v1", hidden=(64, 64), learning_starts=500, train_freq=2, batch_size=64, buffer_size=20_000,
        learning_rate=1e-3, target_update_interval=250, exploration_fraction=0.2, seed=3,
    )  # fmt: skip
    best = rl.callbacks.Evaluate(1500, n_episodes=5, threshold=475)
    agent.learn(40_000, callback=best)
    assert max(best.means) >= 400, best.means


@pytest.mark.kernel
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_seed_gives_the_same_run_on_any_number_of_threads(asynchronous, threads):
    agents = []
    for count in (1, 2, 2):
        nncore.set_num_threads(count)
        settings = {"hidden": (96, 96), "batch_size": 128, "asynchronous": asynchronous}
        agents.append(make_agent(Corridor("box"), **settings).learn(400))
    same_agents(agents[0], agents[1])
    same_agents(agents[0], agents[2])
    other = make_agent(Corridor("box"), **settings, seed=2).learn(400)
    assert not np.array_equal(other._learner.get(0), agents[0]._learner.get(0))


def test_asynchronous_learning_acts_one_training_behind():
    """Until the second training both act alike; the first one's parameters show one training later."""
    settings = {"learning_starts": 8, "train_freq": 4, "exploration_initial_eps": 0.0, "exploration_final_eps": 0.0}
    behind = make_agent(Corridor("box"), asynchronous=True, **settings)
    acted = []

    def look(variables, _):
        behind._settle()  # else the core refuses to be looked at
        acted.append(behind._learner.get(4))

    behind.learn(40, callback=look)
    changes = [i for i in range(1, 40) if not np.array_equal(acted[i], acted[i - 1])]
    assert changes == list(range(16, 40, 4))  # the training after step 12 acts from step 17 on


def test_asynchronous_learning_spreads_many_updates():
    """Over the steps between two trainings, as equal parts; the target network moves between trainings only."""
    settings = {"learning_starts": 64, "train_freq": 64, "gradient_steps": 32, "target_update_interval": 10}
    agent = make_agent(Corridor("box"), asynchronous=True, **settings)
    seen = []

    def look(*_):
        agent._settle()
        seen.append((agent._learner.get(4), agent._learner.get(1), agent._learner.updates))

    agent.learn(320, callback=look)
    acting, target, updates = zip(*seen, strict=True)
    changes = [[i for i in range(1, 320) if not np.array_equal(a[i], a[i - 1])] for a in (acting, target)]
    assert changes == [list(range(96, 320, 16)), [128, 192, 256]]
    assert [updates[i] for i in (79, 80, 96, 128, 192, 319)] == [0, 8, 16, 32, 64, 120]
    assert make_agent(asynchronous=True, train_freq=48, gradient_steps=-1).settings.often == (16, "step")
    assert make_agent(asynchronous=True, train_freq=31, gradient_steps=31).settings.often == (31, "step")
    assert make_agent(asynchronous=True, train_freq=64, gradient_steps=10).settings.parts == 2
    assert make_agent(train_freq=64, gradient_steps=32).settings.often == (64, "step")


def test_asynchronous_learning_spreads_the_updates_of_several_environments():
    settings = {"learning_starts": 0, "train_freq": 32, "gradient_steps": 16}
    agent = make_agent(
        SyncVectorEnv([Corridor] * 2, autoreset_mode=AutoresetMode.SAME_STEP), asynchronous=True, **settings
    )
    agent.learn(2 * 84)
    assert agent._learner.updates == 5 * 8  # after 16, 32, 48, 64 and 80 calls


def test_a_learning_rate_that_is_a_function_is_given_the_remaining_progress(tmp_path):
    asked = []

    def rate(remaining):
        asked.append(remaining)
        return 1e-3 * remaining

    agent = make_agent(learning_rate=rate, learning_starts=0, train_freq=10).learn(100)
    assert asked[0] == 1.0 and asked[1:] == pytest.approx([1 - i / 10 for i in range(1, 11)])
    agent.save(tmp_path / "agent")
    with pytest.raises(ValueError, match="learning_rate was a function"):
        rl.DQN.load(tmp_path / "agent", Corridor()).learn(10)
    rl.DQN.load(tmp_path / "agent", Corridor(), learning_rate=rate).learn(10)


@pytest.mark.parametrize(
    ("settings", "updates"),
    [
        ({"train_freq": 4, "gradient_steps": 1}, 25),
        ({"train_freq": 4, "gradient_steps": -1}, 100),
        ({"train_freq": 10, "gradient_steps": 3}, 30),
        ({"train_freq": 10, "gradient_steps": 0}, 0),
        ({"train_freq": (5, "step")}, 20),
        ({"train_freq": 4, "learning_starts": 40}, 15),
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_trains_as_often_as_it_is_told(settings, updates, asynchronous):
    agent = make_agent(**{"learning_starts": 0, "asynchronous": asynchronous, **settings}).learn(100)
    assert agent._learner.updates == updates


def test_trains_after_episodes():
    agent = make_agent(train_freq=(2, "episode"), learning_starts=0, gradient_steps=-1).learn(500)
    trained = sum(agent.history_["length"][: len(agent.history_["length"]) // 2 * 2])
    assert agent._learner.updates == trained
    with pytest.raises(ValueError, match="^train_freq must count steps"):
        make_agent(SyncVectorEnv([Corridor] * 2), train_freq=(2, "episode"))


def test_several_environments_count_and_train_as_in_stable_baselines3():
    agent = make_agent(SyncVectorEnv([Corridor] * 4, autoreset_mode=AutoresetMode.SAME_STEP), learning_starts=0)
    agent.learn(160)
    assert agent.num_timesteps == 160 and agent._run.calls == 40
    assert agent._learner.updates == 10  # train_freq counts steps of all of them
    assert len(agent.replay_buffer) == 160


@pytest.mark.parametrize("interval", [30, 50])
def test_the_target_network_follows_at_its_interval(interval):
    agent = make_agent(learning_starts=0, train_freq=1, target_update_interval=interval)
    targets = []
    agent.learn(200, callback=lambda variables, _: targets.append(agent._learner.get(1)))
    changed = [i + 1 for i in range(1, 200) if not np.array_equal(targets[i], targets[i - 1])]
    assert changed == list(range(interval, 201, interval))


def test_writes_down_each_episode():
    agent = make_agent().learn(500)
    history = agent.history_
    assert_array_equal(np.cumsum(history["length"]), history["timesteps"])
    assert set(history["return"]) <= {0.0, 1.0} and max(history["length"]) <= 12
    assert math.isnan(history["loss"][0]) and history["loss"][-1] > 0
    assert history["exploration_rate"][0] == 1.0 and history["exploration_rate"][-1] == 0.3


def test_predict_takes_one_or_many():
    agent = make_agent(Corridor("box")).learn(200)
    one, state = agent.predict(np.eye(5, dtype=np.float32)[0], state="kept", deterministic=True)
    assert one.shape == () and one.dtype == np.int64 and state == "kept"
    many, _ = agent.predict(np.eye(5, dtype=np.float32), deterministic=True)
    assert many.shape == (5,) and many[0] == one
    drawn = {int(agent.predict(np.eye(5, dtype=np.float32)[4])[0]) for _ in range(50)}
    assert drawn == {0, 1}
    with pytest.raises(ValueError, match="observation must be of shape"):
        agent.predict(np.zeros(4, np.float32))
    with pytest.raises(ValueError, match="observation must be of shape"):
        agent.predict(np.zeros((2, 3, 5), np.float32))


def test_predictions_do_not_change_the_run():
    a, b = make_agent(), make_agent()
    a.learn(200, callback=lambda *_: a.predict(10) is not None)
    b.learn(200)
    same_agents(a, b)


def test_evaluates_in_an_environment_of_its_own():
    agent = rl.DQN("CartPole-v1", **{**QUICK, "seed": 1}).learn(300)
    before = agent._observations
    mean, std = agent.evaluate(3)
    assert 5 < mean <= 500 and std >= 0
    assert agent.evaluate(3, seed=5) == agent.evaluate(3, seed=5)
    assert agent._observations is before
    vectorised = agent.evaluate(6, env=gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync"), seed=1)
    assert 5 < vectorised[0] <= 500


@pytest.mark.parametrize("kind", ["box", "dict"])
def test_an_evaluation_in_its_own_environment_spoils_no_transition(kind):
    """Corridor has no spec, so that no other one can be made."""
    agent = make_agent(Corridor(kind))
    agent.learn(200, callback=rl.callbacks.Evaluate(30, n_episodes=2))
    assert agent.num_timesteps == len(agent.replay_buffer) == 200
    batch = agent.replay_buffer.get(np.arange(200))
    at, to = batch.observations, batch.next_observations
    before, after = (rooms["room"] if kind == "dict" else rooms.argmax(axis=1) for rooms in (at, to))
    wanted = np.clip(before + 2 * batch.actions - 1, 0, 4)
    assert_array_equal(after, np.where(batch.terminated, before, wanted))


@pytest.mark.parametrize("vector", [False, True])
def test_an_observation_that_is_not_finite_is_refused_and_forgotten(vector):
    class Broken(Corridor):
        def observe(self):
            seen, first = super().observe(), self.calls == 150 and not hasattr(self, "broken")
            if first:
                self.broken = True
            return np.full_like(seen, np.nan) if first else seen

    env = Broken("box")
    agent = make_agent(SyncVectorEnv([lambda: env]) if vector else env)
    with pytest.raises(ValueError, match=r"^(observation|next_obs) must be finite"):
        agent.learn(400)
    stored = agent.replay_buffer.sample(64)
    assert np.isfinite(stored.observations).all() and np.isfinite(stored.next_observations).all()
    agent.learn(200, reset_num_timesteps=False)


@pytest.mark.parametrize("interval", [0, -1, "x", 1.5])
def test_a_log_interval_that_cannot_be_is_refused_before_the_first_step(interval):
    agent = make_agent(Corridor("box"))
    with pytest.raises((TypeError, ValueError), match="^log_interval must be"):
        agent.learn(100, log_interval=interval)
    assert agent.num_timesteps == 0


def test_stays_usable_when_the_environment_raises():
    env = Corridor("box", fails_at=150)
    agent = make_agent(env)
    with pytest.raises(OSError, match="the corridor is closed"):
        agent.learn(400)
    assert agent.num_timesteps == 149 and len(agent.replay_buffer) == 149
    agent.learn(200, reset_num_timesteps=False)
    assert agent.num_timesteps == 349 and len(agent.replay_buffer) == 349
    assert_array_equal(np.diff(agent.history_["timesteps"]) > 0, True)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("asynchronous", [False, True])
def test_ctrl_c_is_heard_and_leaves_the_agent_usable(asynchronous):
    agent = make_agent(
        Corridor("box"), hidden=(256, 256), batch_size=256, gradient_steps=100_000, asynchronous=asynchronous
    )
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        agent.learn(1_000_000)
    updates = agent._learner.updates
    assert 0 < updates < 100_000
    before = agent.num_timesteps
    agent.settings = dataclasses.replace(agent.settings, gradient_steps=1)
    agent.learn(20, reset_num_timesteps=False)
    assert agent.num_timesteps == before + 20 and agent._learner.updates > updates


@pytest.mark.parametrize("asynchronous", [False, True])
def test_divergence_keeps_the_last_finite_parameters(asynchronous):
    agent = make_agent(Corridor("box"), learning_rate=1e30, loss="mse", max_grad_norm=None, asynchronous=asynchronous)
    with pytest.raises(FloatingPointError, match="a smaller learning_rate may help"):
        agent.learn(400)
    assert np.isfinite(agent._learner.get(0)).all()


def test_a_reward_that_is_not_finite_is_refused():
    class Bad(Corridor):
        def step(self, action):
            observation, _, *others = super().step(action)
            return observation, math.nan, *others

    agent = make_agent(Bad("box"))
    with pytest.raises(ValueError, match="finite rewards, but gave nan"):
        agent.learn(10)
    assert len(agent.replay_buffer) == 0


def test_takes_a_buffer_of_ones_own():
    env = Corridor("box")
    shared = (500, env.observation_space, env.action_space)
    buffer = rl.PrioritizedReplayBuffer(*shared, n_steps=2, gamma=0.9, kind="rank", seed=1)
    agent = make_agent(env, replay_buffer=buffer).learn(300)
    assert agent.replay_buffer is buffer and len(buffer) == 300
    assert len(np.unique(buffer.priorities)) > 20
    with pytest.raises(ValueError, match="^replay_buffer must be of env's observation"):
        make_agent(Corridor("discrete"), replay_buffer=buffer)
    with pytest.raises(ValueError, match="^replay_buffer must have the agent's gamma = 0.9, but has 0.5"):
        make_agent(env, replay_buffer=rl.ReplayBuffer(*shared, gamma=0.5))
    with pytest.raises(TypeError, match="^replay_buffer must be a ReplayBuffer"):
        make_agent(env, replay_buffer=[])


def test_what_cannot_be_is_refused():
    with pytest.raises(TypeError, match="^env.action_space must be Discrete, but is Box"):
        make_agent("Pendulum-v1")
    with pytest.raises(ValueError, match="^total_timesteps must be at least 1"):
        make_agent().learn(0)
    for settings, message in (
        ({"hidden": (0,)}, "hidden's sizes must be at least 1"),
        ({"hidden": 64}, "hidden must be a sequence"),
        ({"loss": "l1"}, "loss must be one of 'huber', 'mse', but is 'l1'"),
        ({"prioritized": "rang"}, "prioritized must be one of"),
        ({"beta": (1, 2, 3)}, "beta must be a number or two"),
        ({"learning_rate": -1}, "learning_rate must be at least 0"),
        ({"learning_rate": None}, "learning_rate must be a number or a function"),
        ({"train_freq": (2, "week")}, "train_freq's unit must be one of"),
        ({"train_freq": 0}, "train_freq must be at least 1"),
        ({"gradient_steps": -2}, "gradient_steps must be at least -1"),
        ({"max_grad_norm": 0}, "max_grad_norm must be above 0"),
        ({"gamma": 1.5}, "gamma must be from 0 to 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"n_steps": 0}, "n_steps must be at least 1"),
        ({"exploration_fraction": math.nan}, "exploration_fraction must be finite"),
        ({"seed": 1.5}, "seed must be an int"),
        ({"dtype": "float16"}, "dtype must be one of"),
    ):
        with pytest.raises((ValueError, TypeError), match=f"^{message}"):
            make_agent(**settings)
    with pytest.raises(MemoryError, match=r"^buffer_size must be at most .* replay_buffer with mmap="):
        make_agent(buffer_size=10**12)
    with pytest.raises(MemoryError, match=r"^batch_size must be at most .*, but is 1,000,000,000,000,000:"):
        make_agent(batch_size=10**15)


def test_known_settings_are_settings():
    for env_id in ("CartPole-v1", "Acrobot-v1", "MountainCar-v0"):
        agent = rl.DQN(env_id, **tuned(env_id))
        assert agent.settings.hidden == (256, 256)
    assert tuned("ALE/Pong-v5") == {}


@pytest.mark.parametrize("observation", [None, 3.0, np.zeros(3, np.float32), np.zeros((2, 4), np.float32)])
def test_an_observation_of_another_shape_is_named(observation):
    with pytest.raises((TypeError, ValueError), match="^observation must be of"):
        make_agent(Corridor("box")).predict(observation)


def test_a_learning_rate_that_is_no_number_is_named():
    with pytest.raises(TypeError, match=r"^learning_rate\(progress_remaining\) must be a number, but is 'x'"):
        make_agent(Corridor("box"), learning_rate=lambda remaining: "x").learn(10)


def test_environments_and_buffers_that_do_not_fit_are_described(tmp_path):
    agent = make_agent(Corridor("box"))
    for kind, said in (
        ("discrete", r"Discrete\(5, start=10\)"),
        ("multi", r"MultiDiscrete\(\[5, 2\], start=\(3, -1\)\)"),
        ("dict", r"Dict\(dark: Box of shape \(2,\), int8, room: Discrete\(5\)\)"),
    ):
        message = rf"^env must have the agent's observations, Box of shape \(5,\), float32, but has {said}$"
        with pytest.raises(ValueError, match=message):
            agent.set_env(Corridor(kind))
    agent.save_replay_buffer(tmp_path / "buffer")
    other = make_agent(Corridor("box"), buffer_size=500, n_steps=3).learn(100)
    message = "its capacity is 1000, but this buffer has 500; its n_steps is 1, but this buffer has 3$"
    with pytest.raises(ValueError, match=message):
        other.load_replay_buffer(tmp_path / "buffer")
    assert len(other.replay_buffer) == 100
    with pytest.raises(ValueError, match=r"its observation space is Box .* has Discrete\(5, start=10\)$"):
        make_agent().load_replay_buffer(tmp_path / "buffer")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_rate_that_falls_to_zero_ends_there(asynchronous):
    """Also where the last step of several environments goes beyond the end."""
    seen = []

    def rate(left):
        seen.append(left)
        return 1e-3 * left

    env = SyncVectorEnv([lambda: Corridor("discrete")] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    settings = {**QUICK, "learning_rate": rate, "train_freq": 1, "asynchronous": asynchronous}
    assert rl.DQN(env, **settings).learn(1000).num_timesteps == 1002
    assert min(seen) == 0


def test_a_new_run_begins_a_new_history():
    agent = make_agent().learn(300)
    first = agent.history_["timesteps"]
    agent.learn(300, reset_num_timesteps=False)
    assert agent.history_["timesteps"][: len(first)] == first and agent.history_["timesteps"][-1] > 300
    agent.learn(300)
    assert 0 < agent.history_["timesteps"][0] <= agent.history_["timesteps"][-1] <= 300


def test_what_is_too_large_or_empty_says_so():
    with pytest.raises(MemoryError, match=r"^hidden must fit the memory, but is \(1000000, 1000000\), for "):
        make_agent(hidden=(1_000_000, 1_000_000))

    class Empty(Corridor):
        def __init__(self):
            super().__init__("discrete")
            self.observation_space = spaces.Box(0, 1, (0,))

    for agent in (rl.DQN, rl.REINFORCE):
        with pytest.raises(ValueError, match="^env.observation_space must have at least one number, but is Box"):
            agent(Empty())
