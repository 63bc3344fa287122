"""Recurrent layers against PyTorch, ONNX Runtime and JAX: inference and training.

    python bench/peers/recurrent.py [--quick] [--threads 1 2] [--cells lstm gru gru-before elman]
        [--works inference training training-dx lengths] [--sizes 50,1,32,32 50,16,64,64] [--peers PyTorch JAX]

Works: inference; training, which is zeroing the gradients, forward, and backward from a given gradient of the output;
training-dx, with the gradient of the input too; lengths, which is training-dx with uneven lengths, 12 to 50 of 50
steps, 31 in the mean. Sizes: steps, batch, inputs, hidden units. The cell "gru" is PyTorch's form, reset_after=True,
"gru-before" the form U(r ⊗ h), reset_after=False, whose speed is given as a share of the other's too.

All have the same weights and inputs, in the layout that each prefers, and are called through their Python interfaces;
outputs and gradients are compared first. A ratio is the peer's time over nncore's, the median of the rounds and their
quartiles. GFLOP/s are nncore's, of the matrix products alone; build/cpp/bench_recurrent measures the peak beside them.
ONNX Runtime runs with an IOBinding too where the batch is 1; for more the call is too small a part of the time to tell.
--quick leaves out works, sizes and JAX, which compiles for seconds, except for "lstm" and the smallest "gru-before".
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import harness
import numpy as np
from numpy.typing import NDArray

from nncore import nn

Array = NDArray[Any]
Size = tuple[int, ...]  # T, B, I, H

CELLS = ["lstm", "gru", "gru-before", "elman"]
WORKS = ["inference", "training", "training-dx", "lengths"]
QUICK = [(50, 1, 32, 32), (50, 16, 64, 64), (50, 32, 128, 128)]
ALL = [
    (50, 1, 32, 32),
    (50, 7, 5, 37),
    (50, 16, 64, 64),
    (50, 32, 128, 128),
    (100, 32, 256, 256),
    (100, 64, 512, 512),
    (20, 128, 650, 650),
]
UNEVEN = (50, 32, 128, 128)

HEADER = ["cell", "T", "B", "I", "H", "work", "threads", "nncore µs", "GFLOP/s", "peer", "peer µs", "peer / nncore"]
WIDTHS = [10, 3, 3, 3, 3, 11, 7, 9, 7, 19, 9, 24]


class Layer:
    """One layer of nncore, what goes into it, and the gradient of what comes out."""

    name = "nncore"

    def __init__(self, cell: str, size: Size, lengths: Array | None = None) -> None:
        self.cell, self.size, self.lengths = cell, size, lengths
        steps, batch, inputs, hidden = size
        if cell.startswith("gru"):
            layer: nn.Layer = nn.GRU(inputs, hidden, reset_after=cell == "gru")
        else:
            layer = nn.LSTM(inputs, hidden) if cell == "lstm" else nn.Elman(inputs, hidden)
        self.net = nn.Sequential([layer], seed=0)
        self.weights = {name[2:]: self.net[name].copy() for name in self.net.names()}
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((batch, steps, inputs), dtype=np.float32)
        self.dy = rng.standard_normal((batch, steps, hidden), dtype=np.float32)
        if lengths is not None:
            self.dy[np.arange(steps) >= lengths[:, None]] = 0

    def infer(self) -> Array:
        y: Array = self.net(self.x, self.lengths)
        return y

    def train(self, input_gradient: bool) -> tuple[Array, Any]:
        self.net.gradients.fill(0)
        y = self.net.forward(self.x, self.lengths)
        return y, self.net.backward(self.dy, input_gradient=input_gradient)

    def results(self) -> dict[str, Any]:
        y, dx = self.train(True)
        found = {"output in inference": self.infer(), "output": y, "gradient of x": dx}
        return found | {f"gradient of {name}": self.net.gradient(f"0.{name}") for name in self.weights}

    def flops(self, work: str) -> float:
        """Multiplications and additions of the products: forward, then dh, the weights' gradients and dX."""
        steps, batch, inputs, hidden = self.size
        rows = steps * batch if self.lengths is None else int(self.lengths.sum())
        one = 2 * {"lstm": 4, "elman": 1}.get(self.cell, 3) * hidden * rows
        if work == "inference":
            return one * (inputs + hidden)
        return one * (2 * (inputs + hidden) + hidden + (inputs if work != "training" else 0))


def call(layer: Any, work: str) -> Callable[[], Any]:
    return layer.infer if work == "inference" else functools.partial(layer.train, work != "training")


def even_peers(layer: Layer, modules: dict[str, ModuleType], quick: bool) -> list[Any]:
    """The same layer in the other libraries, where they have it."""
    classes = [modules["PyTorch"].Recurrent] if "PyTorch" in modules and layer.cell != "gru-before" else []
    if "ONNX Runtime" in modules:
        classes.append(modules["ONNX Runtime"].Recurrent)
        if len(layer.x) == 1:  # elsewhere the call is too small a part to tell
            classes.append(modules["ONNX Runtime"].Bound)
    if "JAX" in modules and (not quick or layer.cell == "lstm" or (layer.cell == "gru-before" and len(layer.x) == 1)):
        classes.append(modules["JAX"].Recurrent)
    return [made(layer.cell, layer.weights, layer.x, layer.dy) for made in classes]


def uneven_peers(layer: Layer, modules: dict[str, ModuleType]) -> list[Any]:
    """The same layer over the same sequences in PyTorch, which alone takes lengths."""
    if "PyTorch" not in modules:
        return []
    made = modules["PyTorch"].Packed, modules["PyTorch"].Padded
    return [peer(layer.cell, layer.weights, layer.x, layer.dy, layer.lengths) for peer in made]


class Comparison:
    """Measures layers as the options say, and prints a row for each peer."""

    def __init__(self, options: argparse.Namespace, threads: int) -> None:
        self.options, self.threads = options, threads
        self.modules = harness.peers(options, threads)
        versions = {name: module.version for name, module in self.modules.items()}
        harness.headline(threads, **versions)
        harness.print_row(HEADER, WIDTHS)

    def even(self, cell: str, size: Size) -> None:
        layer = Layer(cell, size)
        others = even_peers(layer, self.modules, self.options.quick)
        self.check(layer, others)
        for work in works_of(cell, self.options):
            if work != "lengths":
                doing = [peer for peer in others if work == "inference" or hasattr(peer, "train")]
                if cell == "gru-before":
                    doing.append(Layer("gru", size))
                    doing[-1].name = "nncore gru"
                self.rows(layer, work, doing)

    def uneven(self, cell: str) -> None:
        steps, batch, *_ = UNEVEN
        lengths = np.random.default_rng(1).permutation(np.linspace(12, steps, batch).round().astype(np.int64))
        layer = Layer(cell, UNEVEN, lengths)
        others = uneven_peers(layer, self.modules)
        self.check(layer, others)
        self.rows(layer, "lengths", others)

    def check(self, layer: Layer, others: Sequence[Any]) -> None:
        ours = layer.results()
        for peer in others:
            harness.check_results(f"{layer.cell} {layer.size}, {peer.name}", ours, peer.results())

    def rows(self, layer: Layer, work: str, others: Sequence[Any]) -> None:
        candidates = {each.name: call(each, work) for each in (layer, *others)}
        timing = harness.measure(candidates, self.options.rounds, 0.01 if self.options.quick else 0.03)
        ours = timing.median("nncore")
        start = [layer.cell, *map(str, layer.size), work, str(self.threads), harness.microseconds(ours)]
        start.append(f"{layer.flops(work) / ours * 1e-9:.1f}")
        for peer in others:
            ratio = harness.ratio_text(timing.ratio(peer.name, "nncore"))
            harness.print_row([*start, peer.name, harness.microseconds(timing.median(peer.name)), ratio], WIDTHS)
        if not others:
            harness.print_row([*start, "", "", ""], WIDTHS)


def works_of(cell: str, options: argparse.Namespace) -> list[str]:
    """What is asked for, else with --quick a selection. No peer has lengths for "gru-before"."""
    quick = {"lstm": ["inference", "training-dx", "lengths"], "gru-before": ["training-dx"]}
    works = options.works or (quick.get(cell, ["inference", "training-dx"]) if options.quick else WORKS)
    return [work for work in works if work != "lengths" or cell != "gru-before"]


def main(options: argparse.Namespace, threads: int) -> None:
    comparison = Comparison(options, threads)
    for cell in options.cells:
        for size in options.sizes or (QUICK if options.quick else ALL):
            comparison.even(cell, size)
        if "lengths" in works_of(cell, options):
            comparison.uneven(cell)


def size_of(text: str) -> Size:
    """Steps, batch, inputs and hidden units, as "50,1,32,32"."""
    size = tuple(int(part) for part in text.split(","))
    if len(size) != 4 or min(size) < 1:
        raise ValueError(text)
    return size


if __name__ == "__main__":
    parser = harness.parser(__doc__, *harness.PEERS)
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--works", nargs="+", choices=WORKS)
    parser.add_argument("--sizes", nargs="+", type=size_of, metavar="T,B,I,H")
    harness.run(main, parser.parse_args())
