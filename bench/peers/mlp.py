"""`nn.MLPClassifier` against scikit-learn's: whole fits, the same network, solver, batches, epochs and seeds.

python bench/peers/mlp.py [--quick] [--threads 1 2]

scikit-learn computes in the type of X: float64 as its data sets come, and float32, as nncore does for both. Every fit
has another seed, the same ones for all; the accuracies on held-out samples are means over them. MNIST is looked for in
$NNCORE_DATA/mnist, else in ../shared/data/mnist beside the checkout.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import harness
import numpy as np

sklearn: Any = harness.peer("sklearn", "scikit-learn")

from sklearn.datasets import load_digits  # noqa: E402  (says first what is missing)
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402

from nncore import nn  # noqa: E402

Split = tuple[Any, Any, Any, Any]  # X to train on, X to score, y, y


@dataclass
class Fits:
    """Calls that fit an estimator, each time with the next seed."""

    make: Any
    split: Split
    settings: dict[str, Any]
    accuracies: list[float] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)

    def __call__(self) -> Any:
        X, X_test, y, y_test = self.split
        estimator = self.make(random_state=len(self.accuracies), **self.settings).fit(X, y)
        self.accuracies.append(estimator.score(X_test, y_test))
        self.epochs.append(estimator.n_iter_)
        return estimator

    def summary(self) -> str:
        return f"{statistics.mean(self.accuracies):.4f} ± {statistics.stdev(self.accuracies):.4f}"


def digits() -> Split:
    """scikit-learn's example: 1,797 digits of 8 x 8, a quarter held out."""
    return tuple(train_test_split(*load_digits(return_X_y=True), random_state=0))  # type: ignore[return-value]


def mnist(count: int) -> Split | None:
    """The first `count` of MNIST's 60,000 digits to train on, its 10,000 to score; None where it is not there."""
    named = os.environ.get("NNCORE_DATA")
    folder = (Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data") / "mnist"
    if not folder.is_dir():
        print(f"MNIST: not run, there is no {folder}")
        return None
    images, labels = (
        [
            np.frombuffer(gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes()), np.uint8, offset=offset)
            for part in ("train", "t10k")
        ]
        for kind, offset in (("images-idx3", 16), ("labels-idx1", 8))
    )
    X, X_test = (pixels.reshape(-1, 784) / 255 for pixels in images)
    return X[:count], X_test, labels[0][:count], labels[1]


def works(quick: bool) -> list[tuple[str, Split | None, dict[str, Any]]]:
    small = {"hidden_layer_sizes": (100,), "batch_size": 200}
    if quick:
        return [
            ("digits", digits(), {"max_iter": 20}),
            ("MNIST, 10,000", mnist(10_000), {**small, "max_iter": 1}),
        ]
    return [
        ("digits", digits(), {}),
        ("MNIST", mnist(60_000), {**small, "max_iter": 2}),
        ("MNIST", mnist(60_000), {"hidden_layer_sizes": (512, 512), "batch_size": 128, "max_iter": 1}),
    ]


def check(split: Split, settings: dict[str, Any]) -> None:
    """End the run unless both predict the same after a few epochs."""
    X, _, y, _ = split
    settings = {**settings, "max_iter": min(settings.get("max_iter", 200), 5), "random_state": 0}
    X, y = X[:2000], y[:2000]
    ours, theirs = (make(**settings).fit(X, y).predict_proba(X) for make in (nn.MLPClassifier, MLPClassifier))
    harness.check_equal("probabilities after a few epochs", ours, theirs, 1e-3)


def line(name: str, split: Split, settings: dict[str, Any], rounds: int) -> list[str]:
    check(split, settings)
    narrow: Split = (split[0].astype(np.float32), split[1].astype(np.float32), *split[2:])
    fits = {
        "nncore": Fits(nn.MLPClassifier, split, settings),
        "float64": Fits(MLPClassifier, split, settings),
        "float32": Fits(MLPClassifier, narrow, settings),
    }
    timing = harness.measure(fits, rounds, 0.0)
    hidden = settings.get("hidden_layer_sizes", (100,))
    return [
        name,
        "-".join(map(str, (split[0].shape[1], *hidden, 10))),
        str(settings.get("batch_size", 200)),
        f"{statistics.mean(fits['nncore'].epochs):.0f}/{statistics.mean(fits['float64'].epochs):.0f}",
        *(f"{timing.median(which):.2f}" for which in ("float64", "float32", "nncore")),
        *(harness.ratio_text(timing.ratio(which, "nncore")) for which in ("float64", "float32")),
        fits["nncore"].summary(),
        fits["float64"].summary(),
    ]


def main(options: argparse.Namespace, threads: int) -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are given
    harness.headline(threads, **{"scikit-learn": sklearn.__version__})
    rounds = min(options.rounds, 3) if options.quick else options.rounds
    rows = [line(name, data, settings, rounds) for name, data, settings in works(options.quick) if data is not None]
    header = ["data", "network", "batch", "epochs", "float64 s", "float32 s", "nncore s"]
    header += ["float64 / nncore", "float32 / nncore", "accuracy, nncore", "scikit-learn"]
    harness.table(header, rows)


if __name__ == "__main__":
    harness.run(main, harness.parser(__doc__).parse_args())
