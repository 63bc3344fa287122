"""Simulated annealing of a Boltzmann machine against the loop over units that one writes in NumPy.

Both anneal a spin glass; first both must find its ground state's energy, and the means of a machine of five units at
temperature 1 must be those of exp(−E). The loop is written twice: one chain with incremental fields, and many chains at
once, where NumPy's overhead is shared among them.
"""

from __future__ import annotations

import argparse
import itertools

import harness
import numpy as np

from nncore.energy import BoltzmannMachine

SCHEDULE = np.geomspace(5, 0.1, 50)


def glass(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    W = np.triu(rng.normal(size=(n, n)) / np.sqrt(n), 1)
    return (W + W.T).astype(np.float32), rng.normal(size=n).astype(np.float32)


def one_chain(W: np.ndarray, b: np.ndarray, schedule: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unit after unit; a change adds a row of W to the fields."""
    x = rng.integers(0, 2, len(b)).astype(np.float32)
    fields = W @ x + b
    for T in schedule:
        thresholds = T * -np.log(1 / rng.random(len(b)) - 1)  # u < sigmoid(f / T) where f > T logit(u)
        for i in range(len(b)):
            on = fields[i] > thresholds[i]
            if on != x[i]:
                fields += W[i] if on else -W[i]
                x[i] = on
    return x


def many_chains(
    W: np.ndarray, b: np.ndarray, schedule: np.ndarray, rng: np.random.Generator, chains: int
) -> np.ndarray:
    """Unit after unit, in all chains at once."""
    x = rng.integers(0, 2, (chains, len(b))).astype(np.float32)
    for T in schedule:
        u = rng.random((len(b), chains), np.float32)
        for i in range(len(b)):
            x[:, i] = u[i] < 1 / (1 + np.exp(-(x @ W[i] + b[i]) / np.float32(T)))
    return x


def check() -> None:
    """End the run unless all sides draw from the same distribution and find the same ground state."""
    W, b = glass(5)
    model = BoltzmannMachine.from_weights(W, b)
    states = np.array(list(itertools.product([0.0, 1.0], repeat=5)))
    p = np.exp(-model.energy(states))
    mean = p @ states / p.sum()
    hot = np.ones(20)
    rng = np.random.default_rng(1)
    ours = model.sample(20_000, schedule=hot, random_state=0).mean(axis=0)
    harness.check_equal("nncore: means", ours, mean, 0.03)
    harness.check_equal("many chains: means", many_chains(W, b, hot, rng, 20_000).mean(axis=0), mean, 0.03)
    single = np.mean([one_chain(W, b, hot, rng) for _ in range(2000)], axis=0)
    harness.check_equal("one chain: means", single, mean, 0.08)
    W, b = glass(100)
    model = BoltzmannMachine.from_weights(W, b)
    slow = np.geomspace(5, 0.05, 200)
    least = model.energy(model.sample(300, schedule=slow, random_state=0)).min()
    harness.check_equal("ground state", model.energy(many_chains(W, b, slow, rng, 300)).min(), least, 1e-3)


def main(options: argparse.Namespace, threads: int) -> None:
    harness.headline(threads, NumPy=np.__version__)
    check()
    rows = []
    rng = np.random.default_rng(2)
    for n, chains in ((100, 1), (100, 100)) if options.quick else ((100, 1), (100, 100), (1000, 1), (1000, 100)):
        W, b = glass(n)
        model = BoltzmannMachine.from_weights(W, b)
        schedule = SCHEDULE[:: 5 if n > 100 else 1]
        calls = {
            "nncore": lambda model=model, chains=chains, schedule=schedule: model.sample(
                chains, schedule=schedule, random_state=0
            ),
            "NumPy": (lambda W=W, b=b, schedule=schedule: one_chain(W, b, schedule, rng))
            if chains == 1
            else (lambda W=W, b=b, schedule=schedule, chains=chains: many_chains(W, b, schedule, rng, chains)),
        }
        timing = harness.measure(calls, options.rounds, 0.02 if options.quick else 0.2)
        # Microseconds of a sweep of one chain; the whole call, with its start from random units.
        times = [harness.microseconds(timing.median(name) / len(schedule) / chains) for name in ("NumPy", "nncore")]
        rows.append([f"{n} units, {chains} chains", *times, harness.ratio_text(timing.ratio("NumPy", "nncore"))])
    harness.table(["annealing, µs a sweep of a chain", "NumPy", "nncore", "NumPy / nncore"], rows)


if __name__ == "__main__":
    harness.run(main, harness.parser(__doc__).parse_args())
