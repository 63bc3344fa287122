"""Deep Q-learning on one page, over the public parts of nncore: a network, an optimizer, a replay buffer.

    python examples/dqn.py [--env-id CartPole-v1] [--total-timesteps 50000] [--seed 1] [--no-double] [--no-priorities]

`rl.DQN` does the same, several times faster, in the core; this file is for reading and for changing. About half a
minute for CartPole. Where it departs from the papers (Mnih et al. 2015; van Hasselt et al. 2016; Schaul et al. 2016):
Adam instead of RMSProp, an update every second step, and observations that are vectors.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import gymnasium
import numpy as np

from nncore import nn, rl


@dataclass
class Settings:
    env_id: str = "CartPole-v1"
    total_timesteps: int = 50_000
    seed: int = 1
    hidden: int = 64  # width of both hidden layers
    learning_rate: float = 1e-3  # of Adam
    buffer_size: int = 20_000  # transitions that are kept
    learning_starts: int = 500  # steps by chance before the first update
    train_freq: int = 2  # steps between two updates
    batch_size: int = 64  # transitions of an update
    gamma: float = 0.99  # discount
    target_update_interval: int = 250  # steps between two copies of the network
    exploration_fraction: float = 0.2  # share of the run in which ε falls ...
    exploration_final_eps: float = 0.05  # ... from 1 to this
    double: bool = True  # the online network chooses the action whose value the target network gives
    priorities: bool = True  # transitions with a large error are drawn more often
    alpha: float = 0.6  # exponent of the priorities
    beta: float = 0.4  # exponent of the importance weights, at the beginning; 1 at the end
    max_grad_norm: float = 10.0  # a longer gradient is made this long


def make_network(inputs: int, outputs: int, hidden: int, seed: int) -> nn.Sequential:
    layers = [nn.Dense(inputs, hidden, activation="relu"), nn.Dense(hidden, hidden, activation="relu")]
    return nn.Sequential([*layers, nn.Dense(hidden, outputs)], seed=seed)


def update(
    network: nn.Sequential, target: nn.Sequential, batch: rl.Batch, optimizer: nn.Adam, settings: Settings
) -> np.ndarray:
    """One step of Adam against the gradient of the mean of w · huber(δ); returns the TD errors δ."""
    rows = np.arange(len(batch.actions))

    # δ = r + γ max_b Q'(s', b) − Q(s, a), with Q' the target network and no value beyond an end
    next_values = target(batch.next_observations)
    chooser = network(batch.next_observations) if settings.double else next_values
    best = next_values[rows, chooser.argmax(axis=1)]
    aims = batch.rewards + batch.discounts * ~batch.terminated * best
    values = network.forward(batch.observations)
    errors = aims - values[rows, batch.actions]

    # Huber's slope is the error, cut off at ±1; only the action that was taken has one
    slopes = np.zeros_like(values)
    slopes[rows, batch.actions] = -batch.weights * np.clip(errors, -1, 1) / len(rows)
    network.gradients[...] = 0
    network.backward(slopes)
    nn.clip_grad_norm(network, settings.max_grad_norm)
    optimizer.step(network)
    return errors


def evaluate(network: nn.Sequential, env_id: str, episodes: int, seed: int) -> float:
    env, returns = gymnasium.make(env_id), []
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed + episode)
        total, over = 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(int(network(observation[None]).argmax()))
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    return float(np.mean(returns))


def train(settings: Settings) -> nn.Sequential:
    env, rng = gymnasium.make(settings.env_id), np.random.default_rng(settings.seed)
    inputs, actions = env.observation_space.shape[0], int(env.action_space.n)
    network = make_network(inputs, actions, settings.hidden, settings.seed)
    target = make_network(inputs, actions, settings.hidden, settings.seed)
    optimizer = nn.Adam(lr=settings.learning_rate)
    spaces = env.observation_space, env.action_space
    buffer = rl.PrioritizedReplayBuffer(
        settings.buffer_size, *spaces, gamma=settings.gamma, alpha=settings.alpha if settings.priorities else 0.0,
        seed=settings.seed,
    )  # fmt: skip

    observation, _ = env.reset(seed=settings.seed)
    total, returns = 0.0, []
    for step in range(1, settings.total_timesteps + 1):
        # ε falls from 1 to its final value: at first by chance, later mostly what looks best
        progress = step / settings.total_timesteps
        share = min(1.0, progress / settings.exploration_fraction)
        epsilon = 1.0 + share * (settings.exploration_final_eps - 1.0)
        if step <= settings.learning_starts or rng.random() < epsilon:
            action = int(rng.integers(actions))
        else:
            action = int(network(observation[None]).argmax())

        # a step; the end of an episode and the end of its time are kept apart
        reached, reward, terminated, truncated, _ = env.step(action)
        buffer.add(observation, action, float(reward), reached, terminated, truncated)
        observation, total = reached, total + float(reward)
        if terminated or truncated:
            returns.append(total)
            observation, total = env.reset()[0], 0.0
            if len(returns) % 25 == 0:
                mean = np.mean(returns[-25:])
                print(f"step {step:7,}  episode {len(returns):4}  mean return {mean:6.1f}  ε {epsilon:.2f}")

        # learning: errors become priorities
        if step > settings.learning_starts and step % settings.train_freq == 0:
            beta = settings.beta + progress * (1 - settings.beta)
            batch = buffer.sample(settings.batch_size, beta)
            buffer.update_priorities(batch.indices, update(network, target, batch, optimizer, settings))
        if step % settings.target_update_interval == 0:
            target.parameters[...] = network.parameters
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env-id", default=Settings.env_id)
    parser.add_argument("--total-timesteps", type=int, default=Settings.total_timesteps)
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--no-double", action="store_true")
    parser.add_argument("--no-priorities", action="store_true")
    given = parser.parse_args()
    settings = Settings(
        given.env_id, given.total_timesteps, given.seed, double=not given.no_double, priorities=not given.no_priorities
    )
    network = train(settings)
    print(f"20 episodes without chance: mean return {evaluate(network, settings.env_id, 20, 1000):.1f}")


if __name__ == "__main__":
    main()
