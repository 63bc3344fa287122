"""Networks of dense layers against PyTorch, ONNX Runtime and JAX: one Adam step, and the inference of one row.

    python bench/peers/mlp.py [--quick] [--threads 1 2] [--works step row] [--nets tiny mnist] [--batches 32 64 128]

step: forward, cross-entropy, backward, Adam; PyTorch's Adam is the fused one, JAX's step is one compiled function that
donates parameters and optimizer state. row: the output for one row of 4-64-64-2, by calling the network and through its
stream, beside an empty call, which is the cheapest function of nncore's module that takes an array.

All have the same weights and inputs. Losses and gradients are compared first, and the weights after five steps: less
strictly, as Adam divides by the root of the squared gradient, so that a rounding of a tiny one is seen in full.
A ratio is the peer's time over nncore's, the median of the rounds and their quartiles.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import harness
import numpy as np
from numpy.typing import NDArray

from nncore import _core, nn

Array = NDArray[Any]

NETS = {"tiny": (4, 64, 64, 2), "mnist": (784, 512, 512, 10)}
BATCHES = {"tiny": [32, 64, 128], "mnist": [128]}

STEP_HEADER = ["network", "batch", "threads", "nncore µs", "peer", "peer µs", "peer / nncore"]
STEP_WIDTHS = [14, 5, 7, 9, 7, 8, 24]
ROW_HEADER = ["network", "threads", "call", "µs", "beyond an empty call", "/ nncore"]
ROW_WIDTHS = [14, 7, 14, 8, 20, 24]


class Network:
    """nncore's; its weights are copied for the peers before it learns."""

    name = "nncore"

    def __init__(self, widths: tuple[int, ...], batch: int) -> None:
        pairs = list(itertools.pairwise(widths))
        layers = [nn.Dense(before, after, activation="relu") for before, after in pairs[:-1]]
        self.net = nn.Sequential([*layers, nn.Dense(*pairs[-1])], seed=0)
        self.start = [self.net[name].copy() for name in self.net.names()]
        self.optimizer, self.loss = nn.Adam(), nn.CrossEntropy()
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((batch, widths[0]), dtype=np.float32)
        self.labels = rng.integers(widths[-1], size=batch)

    def infer(self) -> Array:
        y: Array = self.net(self.x)
        return y

    def step(self) -> float:
        value: float = self.net.train_step(self.x, self.labels, self.loss, self.optimizer)
        return value

    def gradients(self) -> list[Array]:
        return [self.net.gradient(name) for name in self.net.names()]

    def weights(self) -> list[Array]:
        return [self.net[name] for name in self.net.names()]


def same_networks(ours: Network, modules: Mapping[str, ModuleType]) -> dict[str, Any]:
    return {name: module.Network(ours.start, ours.x, ours.labels) for name, module in modules.items()}


def check_steps(ours: Network, others: Mapping[str, Any]) -> None:
    """End the run unless the first gradients, all losses, and the weights after five steps agree."""
    due = {name: peer.gradients() for name, peer in others.items()}
    for count in range(5):
        loss = ours.step()
        for name, peer in others.items():
            harness.check_equal(f"{name}: loss of step {count}", loss, peer.step(), 1e-5)
            for mine, theirs in zip(ours.gradients(), due.pop(name, []), strict=count == 0):
                harness.check_equal(f"{name}: gradients", mine, theirs, 1e-5)
    for name, peer in others.items():
        for mine, theirs in zip(ours.weights(), peer.weights(), strict=True):
            harness.check_equal(f"{name}: weights after five steps", mine, theirs, 1e-3)


def print_steps(options: argparse.Namespace, modules: Mapping[str, ModuleType], threads: int) -> None:
    harness.print_row(STEP_HEADER, STEP_WIDTHS)
    trainers = {name: module for name, module in modules.items() if hasattr(module.Network, "step")}
    for which in options.nets:
        for batch in options.batches or BATCHES[which]:
            ours = Network(NETS[which], batch)
            others = same_networks(ours, trainers)
            check_steps(ours, others)
            candidates = {"nncore": ours.step} | {name: peer.step for name, peer in others.items()}
            timing = harness.measure(candidates, options.rounds, 0.03)
            start = ["-".join(map(str, NETS[which])), str(batch), str(threads)]
            start.append(harness.microseconds(timing.median("nncore")))
            for name in others:
                ratio = harness.ratio_text(timing.ratio(name, "nncore"))
                harness.print_row([*start, name, harness.microseconds(timing.median(name)), ratio], STEP_WIDTHS)
            if not others:
                harness.print_row([*start, "", "", ""], STEP_WIDTHS)


def print_row_inference(options: argparse.Namespace, modules: Mapping[str, ModuleType], threads: int) -> None:
    ours = Network(NETS["tiny"], 1)
    others = same_networks(ours, modules)
    stream, one = ours.net.stream(1), np.zeros(1, np.float32)
    harness.check_equal("nncore's stream", stream(ours.x), ours.infer(), 1e-5)
    for name, peer in others.items():
        harness.check_equal(f"{name}: output", ours.infer(), peer.infer(), 1e-5)
    candidates = {
        "empty call": lambda: _core.gradient_norm(one),
        "nncore": lambda: ours.net(ours.x),
        "nncore, stream": lambda: stream(ours.x),
        **{name: peer.infer for name, peer in others.items()},
    }
    timing = harness.measure(candidates, options.rounds, 0.02)
    harness.print_row(ROW_HEADER, ROW_WIDTHS)
    for name in candidates:
        pairs = zip(timing.seconds[name], timing.seconds["empty call"], strict=True)
        beyond = statistics.median(call - empty for call, empty in pairs)
        harness.print_row(
            [
                "-".join(map(str, NETS["tiny"])),
                str(threads),
                name,
                harness.microseconds(timing.median(name)),
                harness.microseconds(beyond) + " µs",
                harness.ratio_text(timing.ratio(name, "nncore")),
            ],
            ROW_WIDTHS,
        )


def main(options: argparse.Namespace, threads: int) -> None:
    modules = harness.peers(options, threads)
    harness.headline(threads, **{name: module.version for name, module in modules.items()})
    if "step" in options.works:
        print_steps(options, modules, threads)
    if "row" in options.works:
        print_row_inference(options, modules, threads)


if __name__ == "__main__":
    parser = harness.parser(__doc__, *harness.PEERS)
    parser.add_argument("--works", nargs="+", choices=["step", "row"], default=["step", "row"])
    parser.add_argument("--nets", nargs="+", choices=[*NETS], default=[*NETS])
    parser.add_argument("--batches", nargs="+", type=int, help="default: 32 64 128 for tiny, 128 for mnist")
    harness.run(main, parser.parse_args())
