"""CleanRL's loop of DQN, step by step, for programs that differ in what computes: without a writer, without prints."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import Any

import harness
import numpy as np

gymnasium: Any = harness.peer("gymnasium")
buffers: Any = harness.peer("stable_baselines3.common.buffers", "stable-baselines3")


class CleanLoop(ABC):
    """One environment behind Gymnasium's vector interface, stable-baselines3's buffer, and an update now and then."""

    def __init__(self, setting: dict[str, Any], steps: int) -> None:
        self.setting, self.steps, self.step = setting, steps, 0
        make = lambda: gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make("CartPole-v1"))  # noqa: E731
        mode = gymnasium.vector.AutoresetMode.SAME_STEP
        self.envs = gymnasium.vector.SyncVectorEnv([make], autoreset_mode=mode)
        self.widths = (4, *setting["hidden"], 2)
        self.set_up()
        self.buffer = buffers.ReplayBuffer(
            setting["buffer_size"], self.envs.single_observation_space, self.envs.single_action_space, "cpu",
            handle_timeout_termination=False,
        )  # fmt: skip
        self.observations, _ = self.envs.reset(seed=1)
        self.run(setting["learning_starts"] + setting["train_freq"] + 1)  # compiled by then, where that is done

    @abstractmethod
    def set_up(self) -> None:
        """Make the networks, of `widths`, and the optimizer."""

    @abstractmethod
    def greedy(self) -> Any:
        """The best actions for `observations`."""

    @abstractmethod
    def train(self) -> None:
        """One update, with a batch of the buffer."""

    @abstractmethod
    def copy_target(self) -> None:
        """Let the target network become the online one."""

    def __call__(self) -> None:
        self.run(self.steps)

    def run(self, steps: int) -> None:
        setting, envs = self.setting, self.envs
        for _ in range(steps):
            self.step += 1
            if random.random() < setting["exploration_final_eps"]:
                actions = np.array([envs.single_action_space.sample()])
            else:
                actions = self.greedy()
            reached, rewards, terminated, truncated, infos = envs.step(actions)
            final = reached.copy()
            for i, cut in enumerate(truncated):
                if cut:
                    final[i] = infos["final_obs"][i]
            self.buffer.add(self.observations, final, actions, rewards, terminated, [infos])
            self.observations = reached
            if self.step > setting["learning_starts"]:
                if self.step % setting["train_freq"] == 0:
                    self.train()
                if self.step % setting["target_update_interval"] == 0:
                    self.copy_target()
