"""Restricted Boltzmann machines side by side: nncore, PyTorch, scikit-learn and NumPy.

    python bench/peers/rbm.py [--quick] [--threads 1 2]

Updates of 784-500 units, in passes over 10,000 rows in batches of 100: CD-1 in nncore and PyTorch, PCD in scikit-learn,
whose products are the same in number, all in float32. Digits come from NNCORE_DATA, binarised by drawing; without it,
drawn pixels of the same density. The grey digits and the Gaussian units see the same pixels, grey or standardised.
Before anything is timed the libraries train for 200 updates from the same start, and their reconstruction errors must
agree within 3 %; the estimates of annealed importance sampling must agree within their errors.
"""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path

import harness
import numpy as np

from nncore import datasets, energy

VISIBLE, HIDDEN, BATCH, BATCHES = 784, 500, 100, 100


def pixels():
    """Grey pixels of 10,000 digits, in [0, 1]."""
    folder = Path(os.environ.get("NNCORE_DATA", "../shared/data")) / "mnist"
    if folder.is_dir():
        rows = datasets.read_idx(folder / "t10k-images-idx3-ubyte.gz").reshape(-1, VISIBLE) / np.float32(255)
    else:
        print("no MNIST in NNCORE_DATA: pixels of the same density are drawn")
        rng = np.random.default_rng(0)
        rows = (rng.random((10_000, VISIBLE)) < 0.19) * rng.random((10_000, VISIBLE))
    return rows.astype(np.float32)


def nncore_machine(kind, rate):
    return energy.RBM(HIDDEN, rate, batch_size=BATCH, visible=kind, random_state=0, shuffle=False)


class TorchMachine:
    """CD-1 as a careful user writes it: in place, without gradients, the batch's statistics in two products."""

    def __init__(self, torch, kind, rate):
        start = np.random.default_rng(1).normal(0, 0.01, (VISIBLE, HIDDEN)).astype(np.float32)
        self.torch, self.gaussian, self.rate = torch, kind == "gaussian", rate / BATCH
        self.W = torch.from_numpy(start)
        self.b, self.c = torch.zeros(VISIBLE), torch.zeros(HIDDEN)

    def update(self, v0):
        torch = self.torch
        h0 = torch.addmm(self.c, v0, self.W).sigmoid_()
        mean = torch.addmm(self.b, torch.bernoulli(h0), self.W.t())
        v = torch.randn_like(mean).add_(mean) if self.gaussian else torch.bernoulli(mean.sigmoid_())
        h = torch.addmm(self.c, v, self.W).sigmoid_()
        self.W.addmm_(v0.t(), h0, alpha=self.rate).addmm_(v.t(), h, alpha=-self.rate)
        self.b.add_((v0 - v).sum(0), alpha=self.rate)
        self.c.add_((h0 - h).sum(0), alpha=self.rate)

    def train(self, batches):
        for batch in batches:
            self.update(batch)

    def parameters(self):
        return self.W.numpy(), self.b.numpy(), self.c.numpy()


def sklearn_machine(neural_network, rows):
    """scikit-learn's machine, ready for `_fit`: what its `fit` calls for each batch."""
    machine = neural_network.BernoulliRBM(HIDDEN, learning_rate=0.05, batch_size=BATCH, n_iter=1, random_state=0)
    machine.fit(rows[:BATCH])
    return machine, np.random.RandomState(0)


def error_of(parameters, rows, gaussian):
    """Mean squared error of the mean field's reconstruction."""
    W, b, c = parameters
    h = 1 / (1 + np.exp(-(c + rows @ W)))
    mean = b + h @ W.T
    return float(np.square(rows - (mean if gaussian else 1 / (1 + np.exp(-mean)))).sum(1).mean())


def parameters_of(machine):
    return machine.components_.T, machine.intercept_visible_, machine.intercept_hidden_


def update_lines(options, rows, peers):
    drawn = (np.random.default_rng(0).random(rows.shape, np.float32) < rows).astype(np.float32)
    standard = (rows - rows.mean()) / rows.std()
    for what, kind, data, rate in (
        ("binary", "bernoulli", drawn, 0.05),
        ("grey", "bernoulli", rows, 0.05),
        ("Gaussian", "gaussian", standard, 0.001),
    ):
        some = np.ascontiguousarray(data[: BATCH * BATCHES])
        machine = nncore_machine(kind, rate)
        candidates = {"nncore": lambda machine=machine, some=some: machine.partial_fit(some)}
        reached = {}
        for _ in range(200 // BATCHES):
            candidates["nncore"]()
        reached["nncore"] = error_of(parameters_of(machine), some, kind == "gaussian")
        if "torch" in peers:
            torch = peers["torch"]
            theirs, batches = TorchMachine(torch, kind, rate), torch.from_numpy(some).split(BATCH)
            candidates["PyTorch"] = lambda theirs=theirs, batches=batches: theirs.train(batches)
            for _ in range(200 // BATCHES):
                candidates["PyTorch"]()
            reached["PyTorch"] = error_of(theirs.parameters(), some, kind == "gaussian")
            harness.check_equal(f"{what}: reconstruction error", reached["nncore"], reached["PyTorch"], 0.03)
        if "sklearn.neural_network" in peers and what == "binary":
            theirs, rng = sklearn_machine(peers["sklearn.neural_network"], some)
            split = [some[at : at + BATCH] for at in range(0, len(some), BATCH)]
            candidates["scikit-learn"] = lambda theirs=theirs, split=split, rng=rng: [
                theirs._fit(batch, rng) for batch in split
            ]
        timing = harness.measure(candidates, options.rounds, 0.1 if options.quick else 0.3)
        for name in candidates:
            if name != "nncore":
                yield (
                    f"CD-1 update, {what}",
                    f"{timing.median('nncore') / BATCHES * 1e3:.2f}",
                    name,
                    f"{timing.median(name) / BATCHES * 1e3:.2f}",
                    harness.ratio_text(timing.ratio(name, "nncore")),
                )


def sampled_in_numpy(parameters, bias, temperatures, chains, rng):
    """Annealed importance sampling in float32: the logarithms of the weights."""
    W, b, c = parameters
    one = np.float32(1)

    def draw(x):
        return (rng.random(x.shape, np.float32) * (one + np.exp(-x)) < one).astype(np.float32)

    v = draw(np.broadcast_to(bias, (chains, len(b))))
    betas = np.linspace(0, 1, temperatures + 1, dtype=np.float32)
    weights = np.zeros(chains)
    for before, beta in itertools.pairwise(betas):
        x = c + v @ W
        weights += (beta - before) * (v @ (b - bias))
        weights += (np.logaddexp(np.float32(0), beta * x) - np.logaddexp(np.float32(0), before * x)).sum(1)
        h = draw(beta * x)
        v = draw((one - beta) * bias + beta * (b + h @ W.T))
    return weights


def partition_line(options, rows):
    drawn = (np.random.default_rng(0).random(rows.shape, np.float32) < rows).astype(np.float32)
    machine = energy.RBM(HIDDEN, 0.05, batch_size=BATCH, n_iter=3, random_state=0).fit(drawn)
    chains, temperatures = 100, 200 if options.quick else 1000
    mean = machine.visible_mean_.clip(0.01, 0.99)
    bias = np.log(mean / (1 - mean))
    parameters = tuple(np.ascontiguousarray(part) for part in parameters_of(machine))
    rng = np.random.default_rng(0)
    ours, error = machine.log_partition(n_temperatures=temperatures, random_state=0, return_error=True)
    weights = sampled_in_numpy(parameters, bias, temperatures, chains, rng)
    log_mean = np.log(np.exp(weights - weights.max()).mean()) + weights.max()
    theirs = log_mean + np.logaddexp(0, bias).sum() + HIDDEN * np.log(2)
    spread = np.exp(weights - weights.max())
    if abs(ours - theirs) > 4 * np.hypot(error, spread.std() / spread.mean() / np.sqrt(chains)):
        raise SystemExit(f"AIS: nncore estimates log Z = {ours:.2f}, NumPy {theirs:.2f}")
    timing = harness.measure(
        {
            "nncore": lambda: machine.log_partition(n_temperatures=temperatures, random_state=0),
            "NumPy": lambda: sampled_in_numpy(parameters, bias, temperatures, chains, rng),
        },
        max(2, options.rounds // 3),
        0,
    )
    return (
        f"AIS, {chains} chains x {temperatures}",
        f"{timing.median('nncore') * 1e3:.0f}",
        "NumPy",
        f"{timing.median('NumPy') * 1e3:.0f}",
        harness.ratio_text(timing.ratio("NumPy", "nncore")),
    )


def main(options: argparse.Namespace, threads: int) -> None:
    rows = pixels()
    peers, versions = {}, {"NumPy": np.__version__}
    for module in options.peers:
        try:
            peers[module] = harness.peer(module)
        except SystemExit as error:
            print(f"skipped: {error}")
            continue
        versions[module.split(".")[0]] = __import__(module.split(".")[0]).__version__
    harness.set_threads(threads)
    harness.headline(threads, **versions)
    lines = [*update_lines(options, rows, peers), partition_line(options, rows)]
    harness.table(["work", "nncore ms", "peer", "peer ms", "peer / nncore"], lines)


if __name__ == "__main__":
    harness.run(main, harness.parser(__doc__, "torch", "sklearn.neural_network").parse_args())
