"""Counting co-occurrences against GloVe's programs, and the truncated SVD against scikit-learn's and SciPy's.

python bench/peers/cooccurrence.py [--quick] [--threads 1 2] [--glove FOLDER] [--megabytes 20]

Counting goes from a text file to the matrix, vocabulary included, with a window of 5 and weights of 1/d; GloVe's two
programs write a file, nncore leaves the matrix in memory. FOLDER has `vocab_count` and `cooccur`, which `make` builds
from https://github.com/stanfordnlp/GloVe. They have one thread. The SVD has 100 components of the PPMI matrix of flat
counts, and as many steps as come to at least the last singular value of scikit-learn's randomized_svd at its number of
iterations. The text is wiki8, looked for in $NNCORE_DATA/text, else in ../shared/data/text beside the checkout, in
lines of 1,000 words.
"""

from __future__ import annotations

import argparse
import lzma
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import harness
import numpy as np

sklearn: Any = harness.peer("sklearn", "scikit-learn")

from scipy.sparse.linalg import svds  # noqa: E402  (says first what is missing)
from sklearn.utils.extmath import randomized_svd  # noqa: E402

from nncore import text  # noqa: E402
from nncore.text._svd import truncated_svd  # noqa: E402

COMPONENTS = 100
RECORD = np.dtype([("row", "<i4"), ("column", "<i4"), ("value", "<f8")])


def corpus(folder: Path, megabytes: int | None) -> Path:
    """The first `megabytes` of wiki8, or all of it, in lines of 1,000 words."""
    named = os.environ.get("NNCORE_DATA")
    data = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"
    packed = data / "text" / "wiki8.txt.xz"
    if not packed.is_file():
        raise SystemExit(f"there is no {packed}: NNCORE_DATA names the folder of the data")
    with lzma.open(packed, "rt", encoding="ascii") as file:
        words = file.read(-1 if megabytes is None else megabytes * 1_000_000).split()
    path = folder / "corpus.txt"
    path.write_text("".join(" ".join(words[i : i + 1000]) + "\n" for i in range(0, len(words), 1000)), encoding="ascii")
    return path


@dataclass
class Glove:
    """GloVe's programs on a text, with its files in a folder of their own."""

    programs: Path
    path: Path
    folder: Path

    def __call__(self) -> None:
        vocabulary, counts = self.folder / "vocabulary.txt", self.folder / "counts.bin"
        count = [self.programs / "vocab_count", "-min-count", "5", "-verbose", "0"]
        pairs = [self.programs / "cooccur", "-verbose", "0", "-symmetric", "1", "-window-size", "5", "-memory", "4.0"]
        pairs += ["-vocab-file", vocabulary, "-overflow-file", self.folder / "overflow"]
        for command, to in ((count, vocabulary), (pairs, counts)):
            with self.path.open("rb") as source, to.open("wb") as target:
                subprocess.run(command, stdin=source, stdout=target, stderr=subprocess.DEVNULL, check=True)

    def records(self) -> Any:
        return np.fromfile(self.folder / "counts.bin", RECORD)


def count(path: Path) -> Any:
    return text.cooccurrence(corpus_file=path, window=5, weighting="harmonic", min_count=5)[0]


def check_counts(ours: Any, theirs: Any) -> None:
    """End the run unless there are the same values, in whatever order: words of one count come in another."""
    if ours.nnz != len(theirs):
        raise SystemExit(f"nncore counts {ours.nnz} pairs, GloVe {len(theirs)}")
    harness.check_equal("counts", np.sort(ours.data), np.sort(theirs["value"]), 1e-9)


def compare_counts(options: argparse.Namespace, path: Path, folder: Path) -> None:
    if options.glove is None or not (options.glove / "cooccur").is_file():
        print(f"GloVe: skipped, no program cooccur in {options.glove or '--glove, which was not given'}", flush=True)
        return
    glove = Glove(options.glove.resolve(), path, folder)
    glove()
    check_counts(count(path), glove.records())
    timing = harness.measure({"nncore": lambda: count(path), "GloVe": glove}, options.rounds, 0.0)
    row = [f"{path.stat().st_size / 1e6:.0f} MB", *(f"{timing.median(name):.2f}" for name in ("GloVe", "nncore"))]
    harness.table(
        ["file to counts", "GloVe s", "nncore s", "GloVe / nncore"],
        [[*row, harness.ratio_text(timing.ratio("GloVe", "nncore"))]],
    )


def ppmi(path: Path) -> Any:
    """PPMI of flat counts, in float32."""
    model = text.SVDEmbedding(1, n_iter=1)
    counts, _ = text.cooccurrence(corpus_file=path, window=5, min_count=5, dtype="float32")
    return model._ppmi(counts)(counts)


def last(matrix: Any, steps: int) -> float:
    return float(truncated_svd(matrix, COMPONENTS, steps, 0)[1][-1])


def compare_svd(options: argparse.Namespace, path: Path) -> None:
    matrix = ppmi(path)
    print(f"PPMI: {matrix.shape[0]:,} words, {matrix.nnz:,} entries", flush=True)
    exact = float(svds(matrix, COMPONENTS, return_singular_vectors=False, random_state=0).min())
    rows = []
    for iterations in (4,) if options.quick else (4, 7, 16):

        def theirs(iterations: int = iterations) -> float:
            return float(randomized_svd(matrix, COMPONENTS, n_iter=iterations, random_state=0)[1][-1])

        reached = theirs()
        steps = next(steps for steps in range(4, 40) if last(matrix, steps) >= reached)
        calls = {"scikit-learn": theirs, "nncore": lambda steps=steps: last(matrix, steps)}
        timing = harness.measure(calls, options.rounds, 0.0)
        rows.append(svd_row(f"{iterations} / {steps}", reached / exact, last(matrix, steps) / exact, timing))
    arpack = {
        "scikit-learn": lambda: svds(matrix, COMPONENTS, random_state=0),  # all of U, Σ, V as the others
        "nncore": lambda: last(matrix, 16),
    }
    timing = harness.measure(arpack, min(options.rounds, 3), 0.0)
    rows.append(svd_row("SciPy's svds / 16", 1.0, last(matrix, 16) / exact, timing))
    header = ["iterations / steps", "σ, theirs / exact", "nncore / exact", "theirs s", "nncore s", "theirs / nncore"]
    harness.table(header, rows)


def svd_row(name: str, theirs: float, ours: float, timing: harness.Timing) -> list[str]:
    seconds = [f"{timing.median(which):.2f}" for which in ("scikit-learn", "nncore")]
    ratio = harness.ratio_text(timing.ratio("scikit-learn", "nncore"))
    return [name, f"{theirs:.4f}", f"{ours:.4f}", *seconds, ratio]


def main(options: argparse.Namespace, threads: int) -> None:
    harness.headline(threads, **{"scikit-learn": sklearn.__version__})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        whole = None if not options.quick else 5
        compare_counts(options, corpus(folder, whole), folder)
        compare_svd(options, corpus(folder, 5 if options.quick else options.megabytes))


if __name__ == "__main__":
    made = harness.parser(__doc__)
    made.set_defaults(threads=[1])
    made.add_argument("--glove", type=Path, metavar="FOLDER", help="where GloVe's vocab_count and cooccur are")
    made.add_argument("--megabytes", type=int, default=20, help="of text for the SVD (default: 20)")
    chosen = made.parse_args()
    chosen.rounds = chosen.rounds or (3 if chosen.quick else 5)  # a round takes a minute
    harness.run(main, chosen)
