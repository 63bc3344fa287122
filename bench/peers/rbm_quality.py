"""Quality of RBMs on binarised MNIST, seed by seed: nncore against the same algorithms in NumPy.

    python bench/peers/rbm_quality.py FOLDER --results results.json

FOLDER has MNIST's four files. Images are binarised once, by drawing each pixel with its grey value as the probability.
Printed is the mean log-likelihood of the 10,000 test images (nats), by annealed importance sampling with 100 chains of
1,000 and of 10,000 temperatures, with the standard errors of log Z, for 500 hidden units after the same number of
passes. `--results` keeps what was computed, and goes on from it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import nncore
from nncore import datasets, energy

METHODS = {
    "CD-1": {"k": 1, "learning_rate": 0.05, "persistent": False, "n_iter": 10},
    "PCD": {"k": 1, "learning_rate": 0.02, "persistent": True, "n_iter": 10},
    "CD-25": {"k": 25, "learning_rate": 0.05, "persistent": False, "n_iter": 3},
}
BATCH, HIDDEN = 100, 500


def binarised(folder, which):
    pixels = datasets.read_idx(Path(folder) / f"{which}-images-idx3-ubyte.gz").reshape(-1, 784)
    draws = np.random.default_rng(0 if which == "train" else 1).random(pixels.shape, np.float32)
    return (draws < pixels / np.float32(255)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def in_numpy(X, seed, k, learning_rate, persistent, n_iter):
    """Weights and biases of the same algorithm, as a user would write it."""
    rng = np.random.default_rng(seed)

    def draw(p):
        return (rng.random(p.shape, np.float32) < p).astype(np.float32)

    W = rng.normal(0, 0.01, (X.shape[1], HIDDEN)).astype(np.float32)
    b, c = np.zeros(X.shape[1], np.float32), np.zeros(HIDDEN, np.float32)
    chains = np.zeros((BATCH, HIDDEN), np.float32)
    for _ in range(n_iter):
        order = rng.permutation(len(X))
        for begin in range(0, len(X), BATCH):
            v0 = X[order[begin : begin + BATCH]]
            h0 = sigmoid(c + v0 @ W)
            h = chains if persistent else draw(h0)
            for step in range(k):
                v = draw(sigmoid(b + h @ W.T))
                p = sigmoid(c + v @ W)
                if persistent or step + 1 < k:
                    h = draw(p)
            chains = h if persistent else chains
            rate = np.float32(learning_rate / len(v0))
            W += rate * (v0.T @ h0 - v.T @ p)
            b += rate * (v0 - v).sum(0)
            c += rate * (h0 - p).sum(0)
    return W, b, c


def trained(library, X, seed, settings):
    model = energy.RBM(HIDDEN, batch_size=BATCH, random_state=seed, verbose=1, **settings)
    if library == "nncore":
        return model.fit(X)
    W, b, c = in_numpy(X, seed, **settings)
    model.set_params(n_iter=1).fit(X[:BATCH])  # makes the attributes
    model.visible_mean_ = X.mean(0)
    model.components_, model.intercept_visible_, model.intercept_hidden_ = W.T, b, c
    return model


def measured(model, test):
    energy_of_test = model.free_energy(test).mean()
    results = {}
    for temperatures in (1000, 10000):
        log_z, error = model.log_partition(n_temperatures=temperatures, random_state=0, return_error=True)
        results[str(temperatures)] = [float(-energy_of_test - log_z), error]
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    nncore.set_num_threads(options.threads)
    train, test = binarised(options.folder, "train"), binarised(options.folder, "t10k")
    kept = json.loads(options.results.read_text()) if options.results and options.results.exists() else {}
    for method in options.methods:
        for seed in range(options.seeds):
            for library in ("nncore", "NumPy"):
                name = f"{method} {library} {seed}"
                if name not in kept:
                    kept[name] = measured(trained(library, train, seed, METHODS[method]), test)
                    if options.results:
                        options.results.write_text(json.dumps(kept))
                short, long = kept[name]["1000"], kept[name]["10000"]
                print(
                    f"{name:16} {short[0]:8.2f} ± {short[1]:.2f}   {long[0]:8.2f} ± {long[1]:.2f}",
                    flush=True,
                )
        means = {
            library: np.mean([kept[f"{method} {library} {seed}"]["10000"][0] for seed in range(options.seeds)])
            for library in ("nncore", "NumPy")
        }
        print(f"{method}: nncore {means['nncore']:.2f}, NumPy {means['NumPy']:.2f} (10,000 temperatures)\n")


if __name__ == "__main__":
    main()
