import numpy as np
import pytest

from nncore import rl
from nncore.rl import callbacks

gymnasium = pytest.importorskip("gymnasium")

from .corridor import Corridor  # noqa: E402

QUICK = {"hidden": (16,), "learning_starts": 50, "batch_size": 16, "buffer_size": 1000, "seed": 1}


class Log(callbacks.Callback):
    """Writes down what is called."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.calls, self.steps, self.stop_at = [], [], stop_at

    def on_training_start(self, locals_, globals_):
        super().on_training_start(locals_, globals_)
        self.calls.append("start")

    def on_rollout_start(self):
        self.calls.append("rollout")

    def step(self):
        self.steps.append({**self.locals, "timesteps": self.num_timesteps})
        return self.num_timesteps != self.stop_at

    def on_rollout_end(self):
        self.calls.append("train")

    def on_training_end(self):
        self.calls.append("end")


def test_callbacks_see_each_step():
    log = Log()
    agent = rl.DQN("CartPole-v1", **QUICK).learn(102, callback=log)
    assert log.calls == ["start", *["rollout", "train"] * 25, "rollout", "end"]
    assert log.n_calls == 102 and [step["timesteps"] for step in log.steps] == list(range(1, 103))
    ends = [step for step in log.steps if step["dones"][0]]
    assert [step["infos"][0]["episode"]["l"] for step in ends] == agent.history_["length"]
    assert [step["infos"][0]["episode"]["r"] for step in ends] == agent.history_["return"]
    assert all(step["infos"][0]["TimeLimit.truncated"] is False for step in ends)
    for step in log.steps:
        assert step["rewards"].shape == step["dones"].shape == step["actions"].shape == (1,)
        assert step["new_obs"].shape == (1, 4) and step["self"] is agent and step["total_timesteps"] == 102
    for step, following in zip(log.steps, log.steps[1:], strict=False):
        assert step["num_collected_steps"] % 4 + 1 == following["num_collected_steps"]


@pytest.mark.parametrize("num_envs", [1, 3])
def test_false_ends_learning(num_envs):
    env = gymnasium.make_vec("CartPole-v1", num_envs=num_envs, vectorization_mode="sync")
    agent = rl.DQN(env, **QUICK)
    agent.learn(100, callback=[lambda *_: None, lambda *_: agent.num_timesteps < 24])
    assert 24 <= agent.num_timesteps < 24 + num_envs
    agent.learn(20, callback=Log(stop_at=None), reset_num_timesteps=False)
    assert agent.num_timesteps >= 44


def test_several_environments_are_seen_side_by_side():
    log = Log()
    env = gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync")
    agent = rl.DQN(env, **QUICK).learn(200, callback=log)
    lengths = [
        info["episode"]["l"]
        for step in log.steps
        for info, done in zip(step["infos"], step["dones"], strict=True)
        if done
    ]
    assert lengths == agent.history_["length"]
    assert all(len(step["infos"]) == 3 and step["new_obs"].shape == (3, 4) for step in log.steps)


def test_stops_on_the_return():
    agent = rl.DQN("CartPole-v1", **QUICK)
    agent.learn(2000, callback=callbacks.StopOnReturn(5, episodes=4))
    assert len(agent.history_["return"]) == 4
    with pytest.raises(ValueError, match="^episodes must be at least 1"):
        callbacks.StopOnReturn(5, episodes=0)


def test_evaluates_now_and_then_and_keeps_the_best(tmp_path):
    evaluate = callbacks.Evaluate(100, n_episodes=2, best=tmp_path / "best")
    agent = rl.DQN("CartPole-v1", **QUICK).learn(450, callback=evaluate)
    assert evaluate.timesteps == [100, 200, 300, 400] and len(evaluate.means) == len(evaluate.deviations) == 4
    best = rl.DQN.load(tmp_path / "best")
    assert best.num_timesteps == evaluate.timesteps[int(np.argmax(evaluate.means))]
    stopped = callbacks.Evaluate(100, n_episodes=2, threshold=0)
    agent.learn(400, callback=stopped)
    assert agent.num_timesteps == 100


def test_checkpoints_replace_each_other(tmp_path):
    agent = rl.DQN("CartPole-v1", **QUICK)
    agent.learn(250, callback=callbacks.Checkpoint(100, tmp_path / "agent", tmp_path / "buffer"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent", "buffer"]
    loaded = rl.DQN.load(tmp_path / "agent", "CartPole-v1", tmp_path / "buffer")
    assert loaded.num_timesteps == 200 and len(loaded.replay_buffer) == 200
    for callback in (callbacks.Checkpoint, callbacks.Evaluate):
        with pytest.raises(ValueError, match="^every must be at least 1"):
            callback(0, tmp_path / "agent")


def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match="^callback must be a callback, a function"):
        rl.DQN("CartPole-v1", **QUICK).learn(10, callback=3)


def test_the_log_and_the_bar_tell_of_the_run(capsys):
    agent = rl.DQN("CartPole-v1", **QUICK, verbose=1)
    agent.learn(300, log_interval=2, progress_bar=True)
    shown = capsys.readouterr()
    assert "rollout/ep_rew_mean" in shown.out and "300/300" in shown.err.replace("300.0", "300")
    assert agent.logger.last["time/episodes"] % 2 == 0
    assert agent.logger.last["rollout/ep_rew_mean"] > 0
    agent.logger.record_mean("mean", 1.0)
    agent.logger.record_mean("mean", 2.0)
    assert agent.logger.name_to_value == {"mean": 1.5}


@pytest.mark.peer
@pytest.mark.parametrize("asynchronous", [False, True])
def test_callbacks_of_stable_baselines3_serve_unchanged(asynchronous, tmp_path):
    pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.callbacks import (
        CallbackList,
        CheckpointCallback,
        EvalCallback,
        StopTrainingOnMaxEpisodes,
        StopTrainingOnRewardThreshold,
    )
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv

    def make():
        return DummyVecEnv([lambda: Monitor(gymnasium.make("CartPole-v1"))])

    agent = rl.DQN(make(), **QUICK, asynchronous=asynchronous)
    stop = StopTrainingOnRewardThreshold(reward_threshold=1)
    evaluate = EvalCallback(
        make(), callback_on_new_best=stop, best_model_save_path=str(tmp_path), log_path=str(tmp_path), eval_freq=200,
        n_eval_episodes=2, verbose=0,
    )  # fmt: skip
    save = CheckpointCallback(save_freq=50, save_path=str(tmp_path / "models"), save_replay_buffer=True)
    agent.learn(1000, callback=CallbackList([save, evaluate]))
    assert agent.num_timesteps == 200  # the first evaluation is the best so far, and good enough
    assert evaluate.evaluations_timesteps == [200] and evaluate.best_mean_reward > 1
    assert rl.DQN.load(tmp_path / "best_model").num_timesteps == 200
    models = tmp_path / "models"
    part = rl.DQN.load(models / "rl_model_150_steps.zip", make(), models / "rl_model_replay_buffer_150_steps.pkl")
    assert part.num_timesteps == len(part.replay_buffer) == 150

    other = rl.DQN(make(), **QUICK, asynchronous=asynchronous)
    other.learn(5000, callback=StopTrainingOnMaxEpisodes(max_episodes=5))
    assert len(other.history_["return"]) == 5


@pytest.mark.peer
@pytest.mark.parametrize("kind", ["dqn", "reinforce"])
@pytest.mark.parametrize("monitored", [False, True])
def test_most_episodes_of_stable_baselines3_end_a_single_environment(kind, monitored):
    sb3 = pytest.importorskip("stable_baselines3.common.callbacks")
    from stable_baselines3.common.monitor import Monitor

    env = Corridor("discrete")
    if monitored:
        env = Monitor(env)
    agent = rl.DQN(env, **QUICK) if kind == "dqn" else rl.REINFORCE(env)
    agent.learn(4000, callback=sb3.StopTrainingOnMaxEpisodes(3))
    assert len(agent.history_["return"]) == 3
    assert agent.get_env().num_envs == 1 and agent.get_env().env is env


@pytest.mark.peer
def test_evaluate_policy_of_stable_baselines3_takes_the_agent():
    evaluation = pytest.importorskip("stable_baselines3.common.evaluation")
    from stable_baselines3.common.monitor import Monitor

    agent = rl.DQN("CartPole-v1", **QUICK).learn(200)
    mean, std = evaluation.evaluate_policy(agent, Monitor(gymnasium.make("CartPole-v1")), n_eval_episodes=3)
    assert 5 < mean <= 500 and std >= 0


@pytest.mark.peer
def test_a_logger_of_stable_baselines3_serves_unchanged(tmp_path):
    logger = pytest.importorskip("stable_baselines3.common.logger")
    agent = rl.DQN("CartPole-v1", **QUICK)
    agent.logger = logger.configure(str(tmp_path), ["csv"])
    agent.learn(300)
    agent.logger.close()
    assert "rollout/ep_rew_mean" in (tmp_path / "progress.csv").read_text()
