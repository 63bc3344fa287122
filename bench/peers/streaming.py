"""One step of a recurrent layer, as data arrives: from Python, one sequence.

    python bench/peers/streaming.py [--quick] [--threads 1] [--cells lstm gru elman] [--hidden 32 64]

A call runs 100 steps from a state of zeros on; what is printed is the time of one. nncore's stream and PyTorch's cell
keep or hand on their state, JAX's compiled step too; ONNX Runtime returns it and takes it again, or finds it where two
IOBindings in turn leave it. "out=" is nncore's stream writing to an array that the caller has. There are as many inputs
as hidden units; the GRU is PyTorch's, reset_after=True.

All have the same weights and inputs; outputs are compared first. A ratio is the peer's time over that of nncore's
simple call, the median of the rounds and their quartiles.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import harness
import numpy as np
from numpy.typing import NDArray

from nncore import nn

Array = NDArray[Any]

CELLS: dict[str, Any] = {"lstm": nn.LSTM, "gru": functools.partial(nn.GRU, reset_after=True), "elman": nn.Elman}
HIDDEN = [32, 64, 128, 256, 512]
STEPS = 100

HEADER = ["cell", "H", "threads", "nncore µs", "peer", "peer µs", "peer / nncore"]
WIDTHS = [5, 4, 7, 9, 19, 8, 22]


class Steps:
    """nncore's stream."""

    def __init__(self, net: nn.Sequential, xs: list[Array]) -> None:
        self.stream, self.xs = net.stream(1), xs

    def run(self, steps: int) -> Array:
        """The output of the last of this many steps."""
        self.stream.reset()
        for x in self.xs[:steps]:
            y: Array = self.stream(x)
        return y


class StepsInto(Steps):
    """The same into an array."""

    name = "nncore, out="

    def __init__(self, net: nn.Sequential, xs: list[Array]) -> None:
        super().__init__(net, xs)
        self.y: Array = self.stream(xs[0])

    def run(self, steps: int) -> Array:
        self.stream.reset()
        for x in self.xs[:steps]:
            self.stream(x, out=self.y)
        return self.y


def peers(cell: str, weights: Mapping[str, Array], xs: list[Array], modules: Mapping[str, ModuleType]) -> list[Any]:
    classes = []
    for name, module in modules.items():
        classes.append(module.Steps)
        if name == "ONNX Runtime":
            classes.append(module.BoundSteps)
    return [made(cell, weights, xs) for made in classes]


def compare(cell: str, hidden: int, modules: Mapping[str, ModuleType], rounds: int, threads: int) -> None:
    net = nn.Sequential([CELLS[cell](hidden, hidden)], seed=0)
    weights = {name[2:]: net[name].copy() for name in net.names()}
    x = np.random.default_rng(0).standard_normal((1, STEPS, hidden), dtype=np.float32)
    xs = [np.ascontiguousarray(x[:, step]) for step in range(STEPS)]
    ours, others = Steps(net, xs), [StepsInto(net, xs), *peers(cell, weights, xs, modules)]
    y = net(x)
    for steps in (1, 2, STEPS):
        harness.check_equal("nncore's stream, and the whole sequence", ours.run(steps), y[:, steps - 1], 1e-5)
        for peer in others:
            harness.check_equal(f"{cell} {hidden}, {peer.name}", ours.run(steps), peer.run(steps), 1e-5)
    candidates = {"nncore": functools.partial(ours.run, STEPS)}
    candidates |= {peer.name: functools.partial(peer.run, STEPS) for peer in others}
    timing = harness.measure(candidates, rounds, 0.02)
    start = [cell, str(hidden), str(threads), harness.microseconds(timing.median("nncore") / STEPS)]
    for peer in others:
        ratio = harness.ratio_text(timing.ratio(peer.name, "nncore"))
        harness.print_row([*start, peer.name, harness.microseconds(timing.median(peer.name) / STEPS), ratio], WIDTHS)


def main(options: argparse.Namespace, threads: int) -> None:
    modules = harness.peers(options, threads)
    harness.headline(threads, **{name: module.version for name, module in modules.items()})
    harness.print_row(HEADER, WIDTHS)
    for cell in options.cells:
        for hidden in options.hidden:
            compare(cell, hidden, modules, options.rounds, threads)


if __name__ == "__main__":
    parser = harness.parser(__doc__, *harness.PEERS)
    parser.set_defaults(threads=[1])
    parser.add_argument("--cells", nargs="+", choices=[*CELLS])
    parser.add_argument("--hidden", nargs="+", type=int, default=HIDDEN)
    chosen = parser.parse_args()
    chosen.cells = chosen.cells or (["lstm"] if chosen.quick else [*CELLS])
    harness.run(main, chosen)
