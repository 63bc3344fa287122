"""Digits recalled from their upper half, by three Hopfield networks.

    python examples/hopfield.py [--memories 10] [--picture recall.png]

The lower half is filled with coin flips. The digits are MNIST's where NNCORE_DATA names a folder with mnist in it, else
scikit-learn's own, of 8 x 8 pixels. Images of digits resemble each other, which Hebb's rule cannot bear: it recalls
mixtures. The pseudo-inverse tells them apart, and so does the modern network, which can hold thousands.
"""

from __future__ import annotations

import argparse
import gzip
import os
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from nncore import plot
from nncore.energy import Hopfield, ModernHopfield


def digits(count: int) -> np.ndarray:
    """Images (count, height, width) of -1 and +1, the ten digits in turn."""
    file = Path(os.environ.get("NNCORE_DATA", ".")) / "mnist" / "train-images-idx3-ubyte.gz"
    if file.is_file():
        pixels = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16).reshape(-1, 28, 28)
        labels = np.frombuffer(
            gzip.decompress(file.with_name("train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
        )
        threshold = 127
    else:
        data = load_digits()
        pixels, labels, threshold = data.images, data.target, 7
    most = 10 * int(np.bincount(labels).min())
    if count > most:
        raise SystemExit(f"--memories must be at most {most}, but is {count}")
    by_digit = [np.flatnonzero(labels == digit)[: -(-count // 10)] for digit in range(10)]
    order = np.array(by_digit).T.ravel()[:count]
    return np.where(pixels[order] > threshold, 1, -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memories", type=int, default=10)
    parser.add_argument("--picture", help="write the strip of images here")
    options = parser.parse_args()
    if options.memories < 1:
        parser.error(f"--memories must be at least 1, but is {options.memories}")

    images = digits(options.memories)
    _, height, width = images.shape
    patterns = images.reshape(len(images), -1)
    halves = images.copy()
    unknown = halves[:, height // 2 :]
    unknown[:] = np.random.default_rng(0).choice([-1, 1], unknown.shape)
    halves = halves.reshape(patterns.shape)

    print(f"{len(patterns)} digits of {height} x {width}: overlap with the whole digit, and digits without a fault")
    print(f"{'upper half':16} {np.mean(halves * patterns):6.3f}")
    networks = {
        "Hebb": Hopfield(),
        "pseudo-inverse": Hopfield("pseudo_inverse"),
        "modern": ModernHopfield(beta=200 / patterns.shape[1]),
    }
    for name, net in networks.items():
        recalled = net.fit(patterns).transform(halves)
        signs = np.where(recalled > 0, 1, -1)
        print(f"{name:16} {np.mean(signs * patterns):6.3f} {int((signs == patterns).all(axis=1).sum()):5d}")

    if options.picture:
        _, path = networks["pseudo-inverse"].recall(halves[:10], random_state=0, return_path=True)
        ax = plot.recall(np.concatenate([path, patterns[None, :10]]), shape=(height, width))
        labels = [label.get_text() for label in ax.get_xticklabels()]
        ax.set_xticks(ax.get_xticks(), [*labels[:-1], "stored"])
        ax.figure.savefig(options.picture, dpi=120)


if __name__ == "__main__":
    main()
