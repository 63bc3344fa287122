"""Features under a tuned logistic regression: raw pixels, an untrained RBM, scikit-learn's and nncore's, seed by seed.

    python bench/peers/rbm_features.py FOLDER [--seeds 5] [--results results.json]

FOLDER has MNIST's four files. The first 10,000 training images, grey in [0, 1], train the machines (500 hidden units,
20 passes in batches of 20, learning rate 0.05) and the regressions, whose C is chosen on the next 5,000; printed is the
accuracy on the 10,000 test images. scikit-learn's machine is PCD, nncore's CD-1 and PCD.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import BernoulliRBM

from nncore import datasets, energy

SETTINGS = {"learning_rate": 0.05, "batch_size": 20, "n_iter": 20}
MACHINES = {
    "raw pixels": lambda seed: None,
    "untrained": lambda seed: energy.RBM(500, 1e-12, n_iter=1, random_state=seed, init_scale=0.1),
    "scikit-learn": lambda seed: BernoulliRBM(500, random_state=seed, **SETTINGS),
    "nncore CD-1": lambda seed: energy.RBM(500, random_state=seed, **SETTINGS),
    "nncore PCD": lambda seed: energy.RBM(500, persistent=True, random_state=seed, **SETTINGS),
}


def load(folder, part):
    images = datasets.read_idx(Path(folder) / f"{part}-images-idx3-ubyte.gz").reshape(-1, 784) / np.float32(255)
    return images, datasets.read_idx(Path(folder) / f"{part}-labels-idx1-ubyte.gz")


def accuracy(machine, train, chosen_on, test):
    """On the test images, with the C that is best on others."""
    if machine is not None:
        machine.fit(train[0])
    features = [X if machine is None else machine.transform(X) for X, _ in (train, chosen_on, test)]
    regressions = [
        LogisticRegression(C=C, max_iter=300, tol=1e-3).fit(features[0], train[1]) for C in (0.01, 0.1, 1, 10)
    ]
    best = max(regressions, key=lambda regression: regression.score(features[1], chosen_on[1]))
    return best.score(features[2], test[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    (X, y), test = load(options.folder, "train"), load(options.folder, "t10k")
    train, chosen_on = (X[:10_000], y[:10_000]), (X[10_000:15_000], y[10_000:15_000])
    kept = json.loads(options.results.read_text()) if options.results and options.results.exists() else {}
    for name, make in MACHINES.items():
        for seed in range(1 if name == "raw pixels" else options.seeds):
            key = f"{name} {seed}"
            if key not in kept:
                kept[key] = accuracy(make(seed), train, chosen_on, test)
                if options.results:
                    options.results.write_text(json.dumps(kept))
        of_seeds = [value for key, value in kept.items() if key.rpartition(" ")[0] == name]
        print(f"{name:14} {np.mean(of_seeds):.4f}  ({', '.join(f'{value:.4f}' for value in of_seeds)})", flush=True)


if __name__ == "__main__":
    main()
