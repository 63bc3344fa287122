"""Peers of dqn.py that compute in JAX: CleanRL's dqn_jax.py, written anew, and SBX."""

from __future__ import annotations

import itertools
import random
from typing import Any

import gymnasium
import harness
import numpy as np

jax: Any = harness.peer("jax")
optax: Any = harness.peer("optax")
sbx: Any = harness.peer("sbx", "sbx-rl")
buffers: Any = harness.peer("stable_baselines3.common.buffers", "stable-baselines3")
jax.config.update("jax_cpu_enable_async_dispatch", False)  # the faster way for work as small as this


class CleanLoop:
    """What CleanRL's dqn_jax.py does, step by step, without a writer and without prints."""

    def __init__(self, setting: dict[str, Any], steps: int) -> None:
        self.setting, self.steps, self.step = setting, steps, 0
        make = lambda: gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make("CartPole-v1"))  # noqa: E731
        mode = gymnasium.vector.AutoresetMode.SAME_STEP
        self.envs = gymnasium.vector.SyncVectorEnv([make], autoreset_mode=mode)
        optimizer = optax.adam(setting["learning_rate"])
        self.parameters = self.network((4, *setting["hidden"], 2))
        self.target, self.moments = self.parameters, optimizer.init(self.parameters)
        self.buffer = buffers.ReplayBuffer(
            setting["buffer_size"], self.envs.single_observation_space, self.envs.single_action_space, "cpu",
            handle_timeout_termination=False,
        )  # fmt: skip
        self.values = jax.jit(values)

        def update(parameters: Any, target: Any, moments: Any, seen: Any, actions: Any, reached: Any, rewards: Any,
                   over: Any) -> Any:  # fmt: skip
            aims = rewards + (1 - over) * 0.99 * values(target, reached).max(axis=-1)

            def loss(parameters: Any) -> Any:
                taken = values(parameters, seen)[np.arange(len(actions)), actions.squeeze()]
                return ((taken - aims) ** 2).mean()

            value, gradients = jax.value_and_grad(loss)(parameters)
            changes, moments = optimizer.update(gradients, moments, parameters)
            return value, optax.apply_updates(parameters, changes), moments

        self.update = jax.jit(update)
        self.observations, _ = self.envs.reset(seed=1)
        self.run(setting["learning_starts"] + setting["train_freq"] + 1)

    @staticmethod
    def network(widths: tuple[int, ...]) -> list[Any]:
        make = jax.nn.initializers.lecun_normal()
        keys = jax.random.split(jax.random.key(1), len(widths))
        pairs = zip(keys, itertools.pairwise(widths), strict=False)
        return [(make(key, pair), jax.numpy.zeros(pair[1])) for key, pair in pairs]

    def __call__(self) -> None:
        self.run(self.steps)

    def run(self, steps: int) -> None:
        setting, envs = self.setting, self.envs
        for _ in range(steps):
            self.step += 1
            if random.random() < setting["exploration_final_eps"]:
                actions = np.array([envs.single_action_space.sample()])
            else:
                actions = jax.device_get(self.values(self.parameters, self.observations).argmax(axis=-1))
            reached, rewards, terminated, truncated, infos = envs.step(actions)
            final = reached.copy()
            for i, cut in enumerate(truncated):
                if cut:
                    final[i] = infos["final_obs"][i]
            self.buffer.add(self.observations, final, actions, rewards, terminated, [infos])
            self.observations = reached
            if self.step > setting["learning_starts"]:
                if self.step % setting["train_freq"] == 0:
                    data = self.buffer.sample(setting["batch_size"])
                    _, self.parameters, self.moments = self.update(
                        self.parameters, self.target, self.moments, data.observations.numpy(), data.actions.numpy(),
                        data.next_observations.numpy(), data.rewards.flatten().numpy(), data.dones.flatten().numpy(),
                    )  # fmt: skip
                if self.step % setting["target_update_interval"] == 0:
                    self.target = self.parameters


def values(parameters: list[Any], x: Any) -> Any:
    """Of each action."""
    for weight, bias in parameters[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = parameters[-1]
    return x @ weight + bias


class Sbx:
    """SBX's agent; its loss is Huber's or the square as SBX has it, and it clips no gradient."""

    def __init__(self, setting: dict[str, Any], steps: int) -> None:
        names = ("learning_rate", "buffer_size", "learning_starts", "batch_size", "train_freq", "gradient_steps",
                 "target_update_interval", "exploration_final_eps")  # fmt: skip
        given = {name: setting[name] for name in names}
        policy = {"net_arch": list(setting["hidden"])}
        self.model = sbx.DQN(
            "MlpPolicy", "CartPole-v1", policy_kwargs=policy, exploration_fraction=1e-6, seed=1, **given
        )
        self.model.learn(setting["learning_starts"] + 2 * setting["train_freq"] + 1)
        self.steps = steps

    def __call__(self) -> None:
        self.model.learn(self.steps, reset_num_timesteps=False)
