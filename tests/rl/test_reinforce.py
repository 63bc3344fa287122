"""The agent: learning, playing, files, and what goes wrong."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nncore._files import read_model, write_model
from nncore.rl import REINFORCE, callbacks


class Box:
    """A space of arrays."""

    def __init__(self, shape: tuple[int, ...], dtype: Any = np.float32) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)


class Discrete:
    """A space of numbers."""

    def __init__(self, n: int, start: int = 0) -> None:
        self.n, self.start, self.shape, self.dtype = n, start, (), np.dtype(np.int64)


class Bandit:
    """Ten steps; the action that the observation names gives 1."""

    observation_space, action_space = Box((2,)), Discrete(2)

    def __init__(self, fails_at: int = -1) -> None:
        self.fails_at, self.steps = fails_at, 0

    def _observe(self) -> np.ndarray:
        self.wanted = int(self.rng.integers(2))
        return np.eye(2, dtype=np.float32)[self.wanted]

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.rng, self.left = np.random.default_rng(seed), 10
        return self._observe(), {}

    def step(self, action: int) -> Any:
        assert action in (0, 1)
        self.steps += 1
        if self.steps == self.fails_at:
            raise RuntimeError("the environment broke")
        reward = float(action == self.wanted)
        self.left -= 1
        return self._observe(), reward, self.left == 0, False, {}


def agent(env: Any = None, **settings: Any) -> REINFORCE:
    return REINFORCE(env or Bandit(), **{"hidden": (8,), "learning_rate": 0.02, "seed": 1, **settings})


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_it_learns(optimizer: str) -> None:
    made = agent(optimizer=optimizer).learn(6000)
    assert made.num_timesteps == 6000
    assert made.num_updates == 60
    assert len(made.history_["return"]) == 600
    assert np.mean(made.history_["return"][:20]) < 7
    assert np.mean(made.history_["return"][-50:]) > 9
    assert made.evaluate(5) == (10, 0)
    assert made.predict(np.array([0, 1], np.float32), deterministic=True)[0] == 1
    assert_array_equal(made.predict(np.eye(2, dtype=np.float32), deterministic=True)[0], [0, 1])


def test_a_seed_fixes_the_run_and_pieces_are_the_whole() -> None:
    whole = agent().learn(500)
    pieces = agent().learn(130).learn(370, reset_num_timesteps=False)
    assert_array_equal(whole.parameters, pieces.parameters)
    assert whole.history_ == pieces.history_
    assert not np.array_equal(whole.parameters, agent(seed=2).learn(500).parameters)


def same(a: REINFORCE, b: REINFORCE) -> None:
    assert_array_equal(a.parameters, b.parameters)
    assert a.history_ == b.history_
    assert type(a.history_["timesteps"][0]) is type(b.history_["timesteps"][0]) is int
    assert (a.num_timesteps, a.num_updates) == (b.num_timesteps, b.num_updates)
    assert_array_equal(a.predict(np.ones((9, 2), np.float32))[0], b.predict(np.ones((9, 2), np.float32))[0])


@pytest.mark.parametrize("steps", [7, 100, 130, 200, 257])
@pytest.mark.parametrize("saved", ["file", "twice", "pickle", "without"])
def test_a_loaded_agent_goes_on_exactly(tmp_path: Path, saved: str, steps: int) -> None:
    whole = agent().learn(steps).learn(300, reset_num_timesteps=False)
    made = agent().learn(steps)
    if saved == "pickle":
        loaded = pickle.loads(pickle.dumps(made))
        loaded.set_env(Bandit())
    else:
        made.save(tmp_path / "agent")
        loaded = REINFORCE.load(tmp_path / "agent", None if saved == "without" else Bandit())
    if saved == "without":
        with pytest.raises(ValueError, match="the agent has no environment"):
            loaded.learn(1)
        with pytest.raises(ValueError, match="the agent has no environment"):
            loaded.evaluate(1)
        loaded.set_env(Bandit())
    if saved == "twice":
        loaded.save(tmp_path / "again")
        loaded = REINFORCE.load(tmp_path / "again", Bandit())
    assert (loaded.num_timesteps, loaded.num_updates) == (steps, steps // 100)
    loaded.learn(300, reset_num_timesteps=False)
    same(loaded, whole)


def test_an_agent_that_a_callback_saves_goes_on_exactly(tmp_path: Path) -> None:
    def save(now: dict[str, Any], _: Any) -> None:
        if now["self"].num_timesteps == 100:  # whose update is due
            now["self"].save(tmp_path / "agent")

    made = agent().learn(300, callback=save)
    loaded = REINFORCE.load(tmp_path / "agent", Bandit())
    assert (loaded.num_timesteps, loaded.num_updates) == (100, 0)
    same(loaded.learn(200, reset_num_timesteps=False), made)


def test_a_checkpoint_is_gone_on_with(tmp_path: Path) -> None:
    made = agent().learn(300, callback=callbacks.Checkpoint(130, tmp_path / "agent"))
    same(REINFORCE.load(tmp_path / "agent", Bandit()).learn(40, reset_num_timesteps=False), made)
    with pytest.raises(TypeError, match="replay_buffer must be None for a REINFORCE, which has no buffer"):
        made.learn(10, callback=callbacks.Checkpoint(5, tmp_path / "agent", tmp_path / "buffer"))


def test_an_environment_that_does_not_come_back_begins_a_new_episode(tmp_path: Path) -> None:
    class Moody(Bandit):
        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            return super().reset(seed=None)

        def _observe(self) -> Any:
            self.wanted = 0
            return self.rng.random(2, np.float32)

    agent(Moody()).learn(105).save(tmp_path / "agent")
    loaded = REINFORCE.load(tmp_path / "agent", Moody())
    with pytest.warns(UserWarning, match="does not come back to where it was saved"):
        loaded.learn(20, reset_num_timesteps=False)
    assert loaded.num_timesteps == 125 and loaded.history_["length"][-2:] == [10, 10]


def test_the_frame_before_is_saved(tmp_path: Path) -> None:
    class Screen(Bandit):
        observation_space = Box((210, 160), np.uint8)

        def _observe(self) -> Any:
            super()._observe()
            return self.rng.integers(0, 255, (210, 160), dtype=np.uint8)

    settings = {"preprocess": "pong", "actions": (0, 1), "batch_episodes": 2}
    whole, made = agent(Screen(), **settings).learn(50), agent(Screen(), **settings).learn(25)
    made.save(tmp_path / "agent")
    loaded = REINFORCE.load(tmp_path / "agent", Screen()).learn(25, reset_num_timesteps=False)
    assert_array_equal(loaded.parameters, whole.parameters)


def test_of_several_environments_the_episodes_that_have_ended_are_saved(tmp_path: Path) -> None:
    vector = pytest.importorskip("gymnasium.vector")
    spaces = pytest.importorskip("gymnasium.spaces")

    class Registered(Bandit):
        observation_space, action_space = spaces.Box(0, 1, (2,), np.float32), spaces.Discrete(2)
        metadata: ClassVar[dict[str, Any]] = {}
        render_mode = spec = None

    made = agent(vector.SyncVectorEnv([Registered] * 3)).learn(3 * 15)
    assert made._learner.episodes == 3 and made._learner.steps == 30
    made.save(tmp_path / "agent")
    loaded = REINFORCE.load(tmp_path / "agent", vector.SyncVectorEnv([Registered] * 2))
    loaded.learn(2, reset_num_timesteps=False)
    assert loaded._learner.episodes == 3 and loaded._learner.steps == 30
    assert loaded.learn(200, reset_num_timesteps=False).num_updates == 2


def test_a_file_that_does_not_fit(tmp_path: Path) -> None:
    agent().save(tmp_path / "agent")
    content = bytearray((tmp_path / "agent").read_bytes())
    content[-5] ^= 1
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        REINFORCE.load(tmp_path / "broken", Bandit())
    other = Bandit()
    other.observation_space = Box((3,))
    with pytest.raises(ValueError, match="env must have the agent's observations, Box of shape .2,., float32, but"):
        REINFORCE.load(tmp_path / "agent", other)
    agent().learn(25).save(tmp_path / "agent")
    description, arrays = read_model(tmp_path / "agent", "REINFORCE")
    for name, wrong in (
        ("parameters", np.zeros(3, np.float32)),
        ("episodes.actions", np.full(25, 2, np.int32)),
        ("episodes.rewards", np.full(25, np.nan)),
        ("episodes.inputs", np.full(25, 2, np.int64)),
        ("episodes.steps", np.array([10, 10, -5], np.int64)),
        ("episodes.indices", np.full(25, 2, np.uint32)),
        ("episodes.values", np.ones(25, np.float64)),
    ):
        write_model(tmp_path / "wrong", "REINFORCE", description, {**arrays, name: wrong})
        with pytest.raises(ValueError, match="wrong' is damaged"):
            REINFORCE.load(tmp_path / "wrong")


def test_it_shows_its_layers_and_how_far_it_has_come() -> None:
    assert repr(agent().learn(130)) == "REINFORCE(2-8-2, 130 steps, 1 updates)"


def test_weights_have_pytorchs_names_and_shapes() -> None:
    made = agent()
    state = made.state_dict()
    assert {name: value.shape for name, value in state.items()} == {
        "0.weight": (8, 2),
        "0.bias": (8,),
        "2.weight": (2, 8),
        "2.bias": (2,),
    }
    x = np.array([[0.3, -1.0]], np.float32)
    hidden = np.maximum(x @ state["0.weight"].T + state["0.bias"], 0)
    logits = hidden @ state["2.weight"].T + state["2.bias"]
    assert made.predict(x, deterministic=True)[0][0] == logits.argmax()


def test_an_environment_that_breaks_leaves_a_usable_agent() -> None:
    env = Bandit(fails_at=57)
    made = agent(env)
    with pytest.raises(RuntimeError, match="the environment broke"):
        made.learn(200)
    assert made.num_timesteps == 56
    made.learn(200, reset_num_timesteps=False)
    assert made.num_timesteps == 256


def test_callbacks_end_the_learning() -> None:
    seen: list[int] = []
    made = agent()
    made.learn(1000, callback=lambda now, _: seen.append(int(now["self"].num_timesteps)) or now["self"].num_updates < 3)
    assert seen == list(range(1, 302))
    assert made.num_timesteps == 301
    assert made.learn(200, callback=callbacks.StopOnReturn(-1.0, episodes=2)).num_timesteps == 20


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"hidden": (0,)}, ValueError, "hidden's sizes must be at least 1, but is 0"),
        ({"hidden": 5}, TypeError, "hidden must be a sequence of layers' sizes, but is 5"),
        ({"gamma": 1.5}, ValueError, "gamma must be from 0 to 1, but is 1.5"),
        ({"baseline": "no"}, TypeError, "baseline must be True or False, but is 'no'"),
        ({"standardize": 2}, TypeError, "standardize must be True or False, but is 2"),
        ({"cut_at_reward": "no"}, TypeError, "cut_at_reward must be True or False"),
        ({"verbose": "x"}, TypeError, "verbose must be an integer, but is 'x'"),
        ({"actions": 5}, TypeError, "actions must be a sequence of the environment's actions, but is 5"),
        ({"actions": "01"}, TypeError, "actions must be a sequence"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate must be"),
        ({"batch_episodes": 0}, ValueError, "batch_episodes must be at least 1"),
        ({"optimizer": "sgd"}, ValueError, "optimizer must be 'rmsprop' or 'adam', but is 'sgd'"),
        ({"preprocess": "crop"}, ValueError, "preprocess must be None or 'pong', but is 'crop'"),
        ({"preprocess": "pong"}, ValueError, "env must have frames of grey"),
        ({"actions": (0, 2)}, ValueError, r"actions must be different ones of 0 to 1, but are \(0, 2\)"),
        ({"actions": (1, 1)}, ValueError, "actions must be different ones"),
        ({"seed": -1}, ValueError, "seed"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        agent(**settings)


def test_wrong_environments_and_calls() -> None:
    with pytest.raises(TypeError, match="env must be an id"):
        REINFORCE(3)
    env = Bandit()
    env.action_space = Box((2,))  # type: ignore[assignment]
    with pytest.raises(TypeError, match="env.action_space must be Discrete"):
        REINFORCE(env)
    made = agent()
    with pytest.raises(ValueError, match="total_timesteps must be at least 1, but is 0"):
        made.learn(0)
    with pytest.raises(TypeError, match="callback must be a callback"):
        made.learn(10, callback=3)
    with pytest.raises(ValueError, match="observation must be of shape"):
        made.predict(np.zeros((4, 3), np.float32))
    with pytest.raises(ValueError, match=r"^observation must be of shape \(2,\), but came as \(3,\)"):
        made.predict(np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="observation must be finite"):
        made.predict(np.array([np.nan, 0], np.float32))
    with pytest.raises(ValueError, match="n_episodes"):
        made.evaluate(0)


def test_observations_that_are_numbers() -> None:
    class Walk(Bandit):
        observation_space = Discrete(2, start=1)  # type: ignore[assignment]

        def _observe(self) -> Any:
            self.wanted = int(self.rng.integers(2))
            return self.wanted + 1

    assert agent(Walk()).learn(6000).evaluate(3) == (10, 0)


def test_observations_are_seen_as_dqn_sees_them() -> None:
    class Mixed(Bandit):
        observation_space = SimpleNamespace(spaces={"which": Discrete(2), "image": Box((2, 1), np.uint8)})  # type: ignore[assignment]

        def _observe(self) -> Any:
            self.wanted = int(self.rng.integers(2))
            return {"which": 1, "image": np.array([[255 * self.wanted], [51]], np.uint8)}

    made = agent(Mixed())
    observation = {"which": np.array([1, 0]), "image": np.array([[[255], [51]], [[0], [0]]], np.uint8)}
    rows = made.view.rows(observation, None, np.ones(2, bool))
    np.testing.assert_allclose(rows, [[0, 1, 1, 0.2], [1, 0, 0, 0]], rtol=1e-6)
    assert made.learn(6000).evaluate(3) == (10, 0)


def test_drawn_predictions_follow_from_the_seed() -> None:
    rows = np.ones((500, 2), np.float32)
    first, second = agent(), agent()
    drawn = [first.predict(rows)[0] for _ in range(2)]
    assert_array_equal(drawn, [second.predict(rows)[0] for _ in range(2)])
    assert not np.array_equal(*drawn)
    assert 0.2 < np.mean(drawn) < 0.8


def test_an_environment_of_other_observations_is_refused() -> None:
    made, other = agent(), Bandit()
    other.observation_space = Box((1, 2))
    with pytest.raises(ValueError, match="env must have the agent's observations, .* but has Box of shape"):
        made.set_env(other)
    assert made.learn(20).num_timesteps == 20


@pytest.mark.peer
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_vector_environments(mode: str) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    modes = {each.value: each for each in gymnasium.vector.AutoresetMode}
    env = gymnasium.make_vec("CartPole-v1", 4, vectorization_mode="sync", vector_kwargs={"autoreset_mode": modes[mode]})
    made = REINFORCE(env, hidden=(32,), learning_rate=0.01, optimizer="adam", seed=0).learn(20_000)
    assert np.mean(made.history_["return"][-20:]) > 2 * np.mean(made.history_["return"][:20])
    assert made.history_["return"] == made.history_["length"]
    assert made.num_timesteps == pytest.approx(20_000, abs=4)
    assert made.evaluate(8)[0] > 60


@pytest.mark.peer
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
@pytest.mark.parametrize("called_back", [False, True])
def test_environments_may_write_observations_in_place(mode: str, called_back: bool) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    modes = {each.value: each for each in gymnasium.vector.AutoresetMode}

    def run(copy: bool) -> tuple[REINFORCE, list[Any]]:
        seen: list[Any] = []

        def collect(variables: dict[str, Any], _: Any) -> bool:
            ends = [info["terminal_observation"] for info in variables["infos"] if "terminal_observation" in info]
            seen.extend([variables["new_obs"], *ends])
            return True

        options = {"autoreset_mode": modes[mode], "copy": copy}
        env = gymnasium.make_vec("CartPole-v1", 3, vectorization_mode="sync", vector_kwargs=options)
        made = REINFORCE(env, hidden=(8,), batch_episodes=4, seed=0)
        return made.learn(1500, callback=collect if called_back else None), seen

    (copied, seen), (in_place, seen_in_place) = run(True), run(False)
    assert_array_equal(in_place.parameters, copied.parameters)
    assert in_place.history_ == copied.history_
    assert len(seen) == len(seen_in_place) > (1 if called_back else -1)
    for one, other in zip(seen, seen_in_place, strict=True):
        assert_array_equal(one, other)


class Noise(Bandit):
    """Long episodes of noise, for a large network to learn from."""

    observation_space = Box((64,))

    def _observe(self) -> np.ndarray:
        self.wanted = 1
        return self.rng.normal(size=64).astype(np.float32)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_in_an_update_takes_no_part_of_it() -> None:
    def made() -> REINFORCE:
        return REINFORCE(Noise(), hidden=(512, 512), batch_episodes=800, seed=0)

    whole, agent = made().learn(8000), made().learn(7990)
    assert (whole.num_updates, agent.num_updates) == (1, 0)
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.3, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        agent.learn(10, reset_num_timesteps=False)
    assert time.monotonic() - sent[0] < 1
    assert (agent.num_timesteps, agent.num_updates) == (8000, 0)
    agent.learn(1, reset_num_timesteps=False)
    assert agent.num_updates == 1
    assert_array_equal(agent.parameters, whole.parameters)
