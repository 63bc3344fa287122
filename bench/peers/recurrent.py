"""Recurrent layers against PyTorch: inference, and training without and with the gradient of the input.

Training is: set gradients to zero, forward, backward from a given gradient of the output. PyTorch gets its data in the
layout that it prefers (time first). Both are called through their Python interfaces.

    python bench/peers/recurrent.py [--quick] [--threads 1 2] [--cells lstm gru elman]
"""

from __future__ import annotations

import argparse
from typing import Any

import harness
import numpy as np

torch: Any = harness.peer("torch")

from nncore import nn  # noqa: E402  (says first what is missing)

# T, B, I, H
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
WORK = ("inference", "training", "training, dx")


class Pair:
    """The same layer in both libraries, with the same weights and the same input."""

    def __init__(self, cell: str, size: tuple[int, int, int, int]) -> None:
        steps, batch, inputs, hidden = size
        peers = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "elman": torch.nn.RNN}
        layers = {"lstm": nn.LSTM, "gru": lambda i, h: nn.GRU(i, h, reset_after=True), "elman": nn.Elman}
        torch.manual_seed(0)
        self.peer = peers[cell](inputs, hidden)
        self.net = nn.Sequential([layers[cell](inputs, hidden)])
        self.net.load_state_dict({f"0.{name}": value.detach().numpy() for name, value in self.peer.named_parameters()})
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((batch, steps, inputs), dtype=np.float32)
        self.dy = rng.standard_normal((batch, steps, hidden), dtype=np.float32)
        self.peer_x = torch.from_numpy(self.x.transpose(1, 0, 2).copy())
        self.peer_dy = torch.from_numpy(self.dy.transpose(1, 0, 2).copy())

    def infer(self) -> Any:
        return self.net(self.x)

    def peer_infer(self) -> Any:
        with torch.inference_mode():
            return self.peer(self.peer_x)[0]

    def train(self, input_gradient: bool) -> tuple[Any, Any]:
        self.net.gradients.fill(0)
        y = self.net.forward(self.x)
        return y, self.net.backward(self.dy, input_gradient=input_gradient)

    def peer_train(self, input_gradient: bool) -> tuple[Any, Any]:
        self.peer.zero_grad()
        x = self.peer_x.detach().requires_grad_(input_gradient)
        y = self.peer(x)[0]
        y.backward(self.peer_dy)
        return y, x.grad

    def check(self) -> None:
        """End the run unless outputs and gradients agree."""
        y, dx = self.train(True)
        peer_y, peer_dx = self.peer_train(True)
        harness.check_equal("output in inference", self.infer().transpose(1, 0, 2), self.peer_infer(), 1e-5)
        harness.check_equal("output", y.transpose(1, 0, 2), peer_y.detach(), 1e-5)
        harness.check_equal("gradient of the input", dx.transpose(1, 0, 2), peer_dx, 1e-5)
        for name, value in self.peer.named_parameters():
            harness.check_equal(f"gradient of {name}", self.net.gradient(f"0.{name}"), value.grad, 1e-5)


def main(options: argparse.Namespace, threads: int) -> None:
    harness.headline(threads, PyTorch=torch.__version__)
    rows = []
    for cell in options.cells:
        for size in QUICK if options.quick else ALL:
            pair = Pair(cell, size)
            pair.check()
            for work in WORK:
                if work == "inference":
                    candidates = {"nncore": pair.infer, "PyTorch": pair.peer_infer}
                else:
                    dx = work != "training"
                    candidates = {
                        "nncore": lambda pair=pair, dx=dx: pair.train(dx),
                        "PyTorch": lambda pair=pair, dx=dx: pair.peer_train(dx),
                    }
                timing = harness.measure(candidates, options.rounds, 0.01 if options.quick else 0.03)
                rows.append(
                    [
                        cell,
                        *map(str, size),
                        work,
                        harness.microseconds(timing.median("PyTorch")),
                        harness.microseconds(timing.median("nncore")),
                        harness.ratio_text(timing.ratio("PyTorch", "nncore")),
                    ]
                )
    harness.table(["cell", "T", "B", "I", "H", "work", "PyTorch µs", "nncore µs", "PyTorch / nncore"], rows)


if __name__ == "__main__":
    parser = harness.parser(__doc__)
    parser.add_argument("--cells", nargs="+", choices=["lstm", "gru", "elman"], default=["lstm", "gru", "elman"])
    harness.run(main, parser.parse_args())
