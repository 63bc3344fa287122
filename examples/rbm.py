"""Features of a restricted Boltzmann machine under a logistic regression, and a deep belief network, on digits.

    python examples/rbm.py [--mnist FOLDER] [--labels 500] [--picture rbm.png]

Without MNIST's folder the digits are the 8 x 8 ones that come with nncore. The machines see all images and no labels;
the classifiers see some labels.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from nncore import datasets, energy, nn


def load(folder):
    """Pixels in [0, 1] and labels, to train on and to test on."""
    if folder is None:
        images, labels = datasets.load_digits()
        images = images.reshape(-1, 64) / np.float32(16)
        return images[:1400], labels[:1400], images[1400:], labels[1400:]
    files = [
        Path(folder) / f"{part}-{what}-ubyte.gz"
        for part in ("train", "t10k")
        for what in ("images-idx3", "labels-idx1")
    ]
    X, y, X_test, y_test = map(datasets.read_idx, files)
    return *(X.reshape(-1, 784) / np.float32(255), y), *(X_test.reshape(-1, 784) / np.float32(255), y_test)


def main(options):
    X, y, X_test, y_test = load(options.mnist)
    some = np.random.default_rng(0).permutation(len(X))[: options.labels]
    small = X.shape[1] == 64
    settings = {"batch_size": 10, "n_iter": 150 if small else 10, "random_state": 0, "verbose": 1}

    network = make_pipeline(energy.RBM(200, 0.05, **settings), energy.RBM(100, 0.05, **settings)).fit(X)
    first = network[0]
    print(f"{'raw pixels':36}", LogisticRegression(max_iter=1000).fit(X[some], y[some]).score(X_test, y_test))
    for name, machine in (("features of one machine", first), ("features of a deep belief network", network)):
        regression = LogisticRegression(C=10, max_iter=1000).fit(machine.transform(X[some]), y[some])
        print(f"{name:36}", regression.score(machine.transform(X_test), y_test))

    warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are given
    fit = {"max_iter": 60, "learning_rate_init": 3e-3, "random_state": 0}
    tuned = energy.to_classifier(network, range(10), **fit).fit(X[some], y[some])
    fresh = nn.MLPClassifier((200, 100), "logistic", **fit).fit(X[some], y[some])
    print(f"{'fine-tuned from the network':36}", tuned.score(X_test, y_test))
    print(f"{'the same classifier, drawn at random':36}", fresh.score(X_test, y_test))

    log_z, error = first.log_partition(random_state=0, return_error=True)
    likelihood = (-first.free_energy(X_test) - log_z).mean()
    print(f"log Z = {log_z:.2f} ± {error:.2f}; mean log-likelihood of the test images {likelihood:.2f}")
    if options.picture:
        from nncore import plot

        plot.filters(first, n=36).figure.savefig(options.picture, dpi=150, bbox_inches="tight")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", metavar="FOLDER")
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--picture")
    main(parser.parse_args())
