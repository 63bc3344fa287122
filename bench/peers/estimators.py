"""`nn.MLPClassifier` against scikit-learn's: whole fits, the same network, solver, batches, epochs and seeds.

python bench/peers/estimators.py [--quick] [--threads 1 2]

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
    fitted: list[Any] = field(default_factory=list)

    def __call__(self) -> None:
        X, _, y, _ = self.split
        self.fitted.append(self.make(random_state=len(self.fitted), **self.settings).fit(X, y))

    def epochs(self) -> str:
        return f"{statistics.mean(estimator.n_iter_ for estimator in self.fitted):.0f}"

    def accuracy(self) -> str:
        """On the held-out samples: mean and standard deviation over the seeds."""
        _, X, _, y = self.split
        scores = [estimator.score(X, y) for estimator in self.fitted]
        return f"{statistics.mean(scores):.4f} ± {statistics.stdev(scores):.4f}"


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
        f"{fits['nncore'].epochs()}/{fits['float64'].epochs()}",
        *(f"{timing.median(which):.2f}" for which in ("float64", "float32", "nncore")),
        *(harness.ratio_text(timing.ratio(which, "nncore")) for which in ("float64", "float32")),
        fits["nncore"].accuracy(),
        fits["float64"].accuracy(),
    ]


def main(options: argparse.Namespace, threads: int) -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are given
    harness.headline(threads, **{"scikit-learn": sklearn.__version__})
    rows = [
        line(name, data, settings, options.rounds) for name, data, settings in works(options.quick) if data is not None
    ]
    header = ["data", "network", "batch", "epochs", "float64 s", "float32 s", "nncore s"]
    header += ["float64 / nncore", "float32 / nncore", "accuracy, nncore", "scikit-learn"]
    harness.table(header, rows)


if __name__ == "__main__":
    chosen = harness.parser(__doc__).parse_args()
    chosen.rounds = chosen.rounds or (3 if chosen.quick else 5)  # fits take seconds, and each has three untimed before
    harness.run(main, chosen)
