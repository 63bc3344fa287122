"""One Adam step of a small classifier against PyTorch: forward, cross-entropy, backward, fused Adam.

python bench/peers/train_step.py [--quick] [--threads 1 2]
"""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import harness
import numpy as np

torch: Any = harness.peer("torch")

from nncore import nn  # noqa: E402  (says first what is missing)

QUICK = [((4, 64, 64, 2), 32), ((4, 64, 64, 2), 128)]
ALL = [*QUICK, ((784, 512, 512, 10), 128)]


class Pair:
    """The same network and optimizer in both libraries."""

    def __init__(self, widths: tuple[int, ...], batch: int) -> None:
        layers: list[Any] = []
        modules: list[Any] = []
        for i, (before, after) in enumerate(itertools.pairwise(widths)):
            last = i == len(widths) - 2
            layers.append(nn.Dense(before, after, activation=None if last else "relu"))
            modules += [torch.nn.Linear(before, after)] + ([] if last else [torch.nn.ReLU()])
        self.net, self.optimizer, self.loss = nn.Sequential(layers), nn.Adam(), nn.CrossEntropy()
        self.peer = torch.nn.Sequential(*modules)
        self.peer_optimizer = torch.optim.Adam(self.peer.parameters(), fused=True)
        for name, value in zip(self.net.names(), self.peer.parameters(), strict=True):
            self.net[name][...] = value.detach().numpy()
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((batch, widths[0]), dtype=np.float32)
        self.target = rng.integers(widths[-1], size=batch)
        self.peer_x, self.peer_target = torch.from_numpy(self.x), torch.from_numpy(self.target)

    def step(self) -> float:
        return self.net.train_step(self.x, self.target, self.loss, self.optimizer)

    def peer_step(self) -> float:
        self.peer_optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(self.peer(self.peer_x), self.peer_target)
        loss.backward()
        self.peer_optimizer.step()
        return float(loss.detach())

    def check(self) -> None:
        """End the run unless losses and weights agree after five steps."""
        losses = [(self.step(), self.peer_step()) for _ in range(5)]
        harness.check_equal("losses", *zip(*losses, strict=True), 1e-4)
        for name, value in zip(self.net.names(), self.peer.parameters(), strict=True):
            harness.check_equal(name, self.net[name], value.detach(), 1e-3)


def main(options: argparse.Namespace, threads: int) -> None:
    harness.headline(threads, PyTorch=torch.__version__)
    rows = []
    for widths, batch in QUICK if options.quick else ALL:
        pair = Pair(widths, batch)
        pair.check()
        timing = harness.measure({"nncore": pair.step, "PyTorch": pair.peer_step}, options.rounds, 0.03)
        rows.append(
            [
                "-".join(map(str, widths)),
                str(batch),
                harness.microseconds(timing.median("PyTorch")),
                harness.microseconds(timing.median("nncore")),
                harness.ratio_text(timing.ratio("PyTorch", "nncore")),
            ]
        )
    harness.table(["network", "batch", "PyTorch µs", "nncore µs", "PyTorch / nncore"], rows)


if __name__ == "__main__":
    harness.run(main, harness.parser(__doc__).parse_args())
