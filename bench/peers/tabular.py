"""Q-learning with a table against a Python loop over Gymnasium's environment, and against the same loop in Numba.

python bench/peers/tabular.py [--quick]

CliffWalking, learning rate 0.5, γ = 0.99, ε = 0.1. "On the model" the environment is a table, in the core and in Numba;
"in the environment" both sides step Gymnasium's own, as gymnasium.make gives it. The Python loop is the one that
Gymnasium's tutorial on training an agent teaches, written anew: a dictionary of NumPy rows, np.argmax to act and np.max
to learn. First all sides must come to the value that policy iteration gives the start. FrozenLake, slippery, is a model
with three outcomes to an action.
"""

# ruff: noqa: NPY002 (Numba compiles NumPy's old functions, and the tutorial calls them)

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import harness
import numpy as np

gymnasium: Any = harness.peer("gymnasium")
numba: Any = harness.peer("numba")

from nncore import rl  # noqa: E402  (says first what is missing)

RATE, GAMMA, EPSILON = 0.5, 0.99, 0.1
CLIFF, LAKE = "CliffWalking-v1", "FrozenLake-v1"


@dataclass
class TutorialAgent:
    """What the tutorial's agent does."""

    env: Any
    q_values: Any = None
    training_error: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.q_values = defaultdict(lambda: np.zeros(self.env.action_space.n))

    def get_action(self, observation: Any) -> int:
        if np.random.random() < EPSILON:
            return self.env.action_space.sample()
        return int(np.argmax(self.q_values[observation]))

    def update(self, observation: Any, action: int, reward: float, terminated: bool, following: Any) -> None:
        future = (not terminated) * np.max(self.q_values[following])
        error = reward + GAMMA * future - self.q_values[observation][action]
        self.q_values[observation][action] += RATE * error
        self.training_error.append(error)

    def learn(self, steps: int) -> None:
        observation, _ = self.env.reset()
        for _ in range(steps):
            action = self.get_action(observation)
            following, reward, terminated, truncated, _ = self.env.step(action)
            self.update(observation, action, reward, terminated, following)
            observation = self.env.reset()[0] if terminated or truncated else following
        self.training_error.clear()


@numba.njit
def numba_loop(q, sums, following, rewards, ends, starts, steps, seed):  # type: ignore[no-untyped-def]
    """The model's loop: tables (S, A, K) of the K outcomes of an action, `sums` their cumulated probabilities."""
    np.random.seed(seed)
    _, actions, outcomes = following.shape
    state = starts[0]
    for _ in range(steps):
        if np.random.random() < EPSILON:
            action = np.random.randint(actions)
        else:
            action = 0
            for other in range(1, actions):
                if q[state, other] > q[state, action]:
                    action = other
        outcome = 0
        if outcomes > 1:
            word = np.random.random()
            while outcome < outcomes - 1 and word >= sums[state, action, outcome]:
                outcome += 1
        after = following[state, action, outcome]
        target = rewards[state, action, outcome]
        if not ends[state, action, outcome]:
            best = q[after, 0]
            for other in range(1, actions):
                best = max(best, q[after, other])
            target += GAMMA * best
        q[state, action] += RATE * (target - q[state, action])
        state = starts[np.random.randint(len(starts))] if ends[state, action, outcome] else after


def tables(env_id: str) -> tuple[Any, ...]:
    """The model of an environment as arrays (S, A, K), and the states in which episodes start."""
    env = gymnasium.make(env_id).unwrapped
    states, actions = env.observation_space.n, env.action_space.n
    most = max(len(env.P[s][a]) for s in range(states) for a in range(actions))
    sums, rewards = np.ones((states, actions, most)), np.zeros((states, actions, most))
    following, ends = np.zeros((states, actions, most), np.int64), np.zeros((states, actions, most), np.bool_)
    for s in range(states):
        for a in range(actions):
            total = 0.0
            for k, (probability, after, reward, terminated) in enumerate(env.P[s][a]):
                total += probability
                sums[s, a, k], following[s, a, k] = total, after
                rewards[s, a, k], ends[s, a, k] = reward, terminated
    return sums, following, rewards, ends, np.flatnonzero(np.asarray(env.initial_state_distrib))


def agent_for(model: Any) -> rl.QLearning:
    return rl.QLearning(model.n_states, model.n_actions, RATE, GAMMA, rl.EpsilonGreedy(EPSILON))


def check(options: argparse.Namespace) -> None:
    """End the run unless all sides learn the best way past the cliff."""
    model = rl.MDP.from_env(CLIFF, GAMMA)
    best = model.policy_iteration().v
    q = np.zeros((model.n_states, model.n_actions))
    numba_loop(q, *tables(CLIFF), 1_000_000, 0)
    on_model = agent_for(model).learn(model, 1_000_000, seed=0)
    in_env = agent_for(model).learn(CLIFF, 50_000 if options.quick else 200_000, seed=0)
    start = int(model.start.argmax())
    for name, table in (("Numba", q), ("nncore on the model", on_model.q), ("nncore in the environment", in_env.q)):
        harness.check_equal(f"{name}: value of the start", table[start].max(), best[start], 1e-3)
    tutorial = TutorialAgent(gymnasium.make(CLIFF))
    tutorial.learn(50_000 if options.quick else 100_000)
    harness.check_equal("tutorial: value of the start", tutorial.q_values[start].max(), best[start], 0.05)


def compare_models(options: argparse.Namespace) -> None:
    rows = []
    for env_id in (CLIFF, LAKE):
        model, arrays = rl.MDP.from_env(env_id, GAMMA), tables(env_id)
        ours, q = agent_for(model), np.zeros((model.n_states, model.n_actions))
        tutorial = TutorialAgent(gymnasium.make(env_id))
        many, few = (1_000_000, 2_000) if options.quick else (10_000_000, 10_000)
        calls = {
            "nncore": lambda ours=ours, model=model, many=many: ours.learn(model, many, seed=1),
            "Numba": lambda q=q, arrays=arrays, many=many: numba_loop(q, *arrays, many, 1),
            "Gymnasium": lambda tutorial=tutorial, few=few: tutorial.learn(few),
        }
        timing = harness.measure(calls, options.rounds, 0.0)
        timing.seconds["Gymnasium"] = [value * many / few for value in timing.seconds["Gymnasium"]]
        speeds = [f"{many / timing.median(name) / 1e6:,.3g}" for name in ("Gymnasium", "Numba", "nncore")]
        ratios = [harness.ratio_text(timing.ratio(name, "nncore")) for name in ("Gymnasium", "Numba")]
        rows.append([env_id, *speeds, *ratios])
    header = ["on the model", "Gymnasium M/s", "Numba M/s", "nncore M/s", "Gymnasium / nncore", "Numba / nncore"]
    harness.table(header, rows)


def compare_environments(options: argparse.Namespace) -> None:
    """The tutorial's loop and ours; beside them the environment's own speed, which is the limit."""
    steps = 5_000 if options.quick else 20_000
    rows = []
    for env_id in (CLIFF, LAKE, "Taxi-v4"):
        if env_id not in gymnasium.registry:
            continue
        env = gymnasium.make(env_id)
        ours, tutorial = rl.QLearning.for_env(env, learning_rate=RATE, gamma=GAMMA), TutorialAgent(env)
        ours.exploration = rl.EpsilonGreedy(EPSILON)
        actions = [int(action) for action in np.random.default_rng(0).integers(0, env.action_space.n, steps)]

        def alone(env: Any = env, actions: list[int] = actions) -> None:
            env.reset()
            for action in actions:
                _, _, terminated, truncated, _ = env.step(action)
                if terminated or truncated:
                    env.reset()

        calls = {
            "nncore": lambda ours=ours, env=env: ours.learn(env, steps, seed=1),
            "tutorial": lambda tutorial=tutorial: tutorial.learn(steps),
            "environment": alone,
        }
        timing = harness.measure(calls, options.rounds, 0.0)
        speeds = [f"{steps / timing.median(name) / 1e3:,.0f}" for name in ("environment", "tutorial", "nncore")]
        rows.append([env_id, *speeds, harness.ratio_text(timing.ratio("tutorial", "nncore"))])
    header = ["in the environment", "environment k/s", "tutorial k/s", "nncore k/s", "tutorial / nncore"]
    harness.table(header, rows)


def main(options: argparse.Namespace, threads: int) -> None:
    harness.headline(threads, Gymnasium=gymnasium.__version__, Numba=numba.__version__)
    check(options)
    compare_models(options)
    compare_environments(options)


if __name__ == "__main__":
    made = harness.parser(__doc__)
    made.set_defaults(threads=[1])
    chosen = made.parse_args()
    chosen.rounds = chosen.rounds or (3 if chosen.quick else 9)
    harness.run(main, chosen)
