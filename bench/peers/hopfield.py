"""Hopfield networks of Hebbian memories: recall against the hopfieldnetwork package and against NumPy.

python bench/peers/hopfield.py [--quick]

N units, p = 0.1 N memories, states with a tenth of the units flipped. An asynchronous sweep updates every unit once in
random order; the package does that in a Python loop with one product of rows (float64) a unit. A synchronous step is
one float32 matrix–vector product and a sign in NumPy. nncore takes 32 states in one call of `Hopfield.recall`, given
per state; peers take one after the other. "One call" is a call with a single state: most of it is scikit-learn's checks
of the input. First all sides must recall the same: NumPy bit for bit where no field is 0, the package (which draws its
order from NumPy) to the same overlap with the memories. The package's weights are made by a matrix product here: its
own way takes minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import harness
import numpy as np

package: Any = harness.peer("hopfieldnetwork")

from nncore.energy import Hopfield  # noqa: E402  (says first what is missing)

STATES = 32


def networks(units: int) -> tuple[Hopfield, Any, Any, Any, Any]:
    """Ours, the package's, float32 weights, memories and damaged states."""
    rng = np.random.default_rng(0)
    memories = rng.choice(np.array([-1, 1], np.int8), (units // 10, units))
    states = np.where(rng.random((STATES, units)) < 0.1, -memories[:STATES], memories[:STATES])
    net = Hopfield().fit(memories)
    weights = net.weights_
    theirs = package.HopfieldNetwork(N=units)
    theirs.w = weights.astype(np.float64)
    return net, theirs, weights, memories, states


def package_sweep(theirs: Any, state: Any) -> Any:
    theirs.set_initial_neurons_state(state.copy())
    theirs.update_neurons(1, "async")
    return theirs.S


def numpy_step(weights: Any, state: Any) -> Any:
    field = weights @ state
    return np.where(field == 0, state, np.sign(field))


def check(net: Hopfield, theirs: Any, weights: Any, memories: Any, states: Any) -> None:
    ours, step = net.recall(states, "sync", max_sweeps=1), states.astype(np.float32)
    fields = (step @ weights) * states.shape[1]
    sure = np.abs(fields) > 0.5
    harness.check_equal("synchronous step", ours[sure], np.sign(fields)[sure], 0)
    np.random.seed(0)  # noqa: NPY002 (what the package draws from)
    recalled = []
    for state in states[:2]:
        theirs.set_initial_neurons_state(state.copy())
        theirs.update_neurons(3, "async")
        recalled.append(theirs.S)
    wanted = memories[:2].astype(float)
    overlap = (np.array(recalled) * wanted).mean()
    harness.check_equal(
        "overlap after three sweeps", (net.recall(states[:2], max_sweeps=3) * wanted).mean(), overlap, 0.02
    )


def compare(units: int, options: argparse.Namespace) -> list[tuple[str, ...]]:
    net, theirs, weights, memories, states = networks(units)
    check(net, theirs, weights, memories, states)
    float_state = states[0].astype(np.float32)
    calls: dict[str, Callable[[], Any]] = {
        "async": lambda: net.recall(states, max_sweeps=1, random_state=0),
        "sync": lambda: net.recall(states, "sync", max_sweeps=1),
        "async, one call": lambda: net.recall(states[:1], max_sweeps=1, random_state=0),
        "sync, one call": lambda: net.recall(states[:1], "sync", max_sweeps=1),
        "package": lambda: package_sweep(theirs, states[0]),
        "NumPy": lambda: numpy_step(weights, float_state),
    }
    timing = harness.measure(calls, options.rounds, 0.05 if options.quick else 0.2)
    for name in ("async", "sync"):
        timing.seconds[name] = [seconds / STATES for seconds in timing.seconds[name]]
    rows = []
    for what, peer, target in (
        ("async", "package", 100),
        ("async, one call", "package", None),
        ("sync", "NumPy", {1000: 4, 4000: 30, 10000: 60}[units]),
        ("sync, one call", "NumPy", None),
    ):
        rows.append(
            (
                f"{units:,}  {what}",
                harness.microseconds(timing.median(what)),
                f"{peer} {harness.microseconds(timing.median(peer))}",
                harness.ratio_text(timing.ratio(peer, what)),
                f"{target}x" if target else "",
            )
        )
    kept = sum(value.nbytes for value in vars(net).values() if isinstance(value, np.ndarray))
    rows.append(
        (
            f"{units:,}  memory",
            f"{kept / 1e6:.2f} MB",
            f"float32 weights {weights.nbytes / 1e6:.0f} MB",
            f"{weights.nbytes / kept:.0f}x",
            "100x" if units == 10000 else "",
        )
    )
    return rows


def main(options: argparse.Namespace, threads: int) -> None:
    harness.headline(threads, hopfieldnetwork=package.__version__, NumPy=np.__version__)
    rows: list[tuple[str, ...]] = []
    for units in (1000, 4000) if options.quick else (1000, 4000, 10000):
        rows += compare(units, options)
    harness.table(("units, work", "nncore µs", "peer µs", "ratio (quartiles)", "target"), rows)


if __name__ == "__main__":
    parser = harness.parser(__doc__)
    harness.run(main, parser.parse_args())
