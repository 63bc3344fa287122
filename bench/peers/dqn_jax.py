"""Peers of dqn.py that compute in JAX: CleanRL's dqn_jax.py, written anew, and SBX."""

from __future__ import annotations

import itertools
from typing import Any

import dqn_loop
import harness
import numpy as np

jax: Any = harness.peer("jax")
optax: Any = harness.peer("optax")
sbx: Any = harness.peer("sbx", "sbx-rl")
jax.config.update("jax_cpu_enable_async_dispatch", False)  # the faster way for work as small as this


class CleanLoop(dqn_loop.CleanLoop):
    """CleanRL's dqn_jax.py, with what Flax does written out."""

    def set_up(self) -> None:
        optimizer = optax.adam(self.setting["learning_rate"])
        self.parameters = self.network()
        self.target, self.moments = self.parameters, optimizer.init(self.parameters)
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

    def network(self) -> list[Any]:
        make = jax.nn.initializers.lecun_normal()
        keys = jax.random.split(jax.random.key(1), len(self.widths))
        pairs = zip(keys, itertools.pairwise(self.widths), strict=False)
        return [(make(key, pair), jax.numpy.zeros(pair[1])) for key, pair in pairs]

    def greedy(self) -> Any:
        return jax.device_get(self.values(self.parameters, self.observations).argmax(axis=-1))

    def copy_target(self) -> None:
        self.target = self.parameters

    def train(self) -> None:
        data = self.buffer.sample(self.setting["batch_size"])
        _, self.parameters, self.moments = self.update(
            self.parameters, self.target, self.moments, data.observations.numpy(), data.actions.numpy(),
            data.next_observations.numpy(), data.rewards.flatten().numpy(), data.dones.flatten().numpy(),
        )  # fmt: skip


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
