"""Files of word vectors and questions about them, against gensim.

    python bench/peers/vectors.py [--quick] [--threads 1] [--words 200000] [--dimensions 128] [--rounds 3]

Random vectors are written and read in word2vec's formats, and everything that was read is compared first. gensim takes
about half a minute for each of its turns with text. most_similar searches 300 dimensions; beside gensim stands what
NumPy takes for the one product of matrix and vector in it. The analogies are made of words among the first 30,000.

A ratio is gensim's time over nncore's, the median of the rounds and their quartiles.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import numpy as np

from nncore.text import KeyedVectors

HEADER = ["work", "nncore ms", "gensim ms", "gensim / nncore"]
WIDTHS = [34, 10, 10, 24]


def both(words: int, dimensions: int, theirs: Any) -> tuple[KeyedVectors, Any]:
    """The same vectors here and in gensim."""
    rows = np.random.default_rng(0).standard_normal((words, dimensions), dtype=np.float32)
    rows *= 0.3
    ours = KeyedVectors.from_arrays([f"word{index}" for index in range(words)], rows, np.arange(words, 0, -1))
    peer = theirs(dimensions)
    peer.add_vectors(ours.index_to_key, rows)
    peer.expandos["count"] = np.arange(words, 0, -1)
    return ours, peer


def compare(work: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int, seconds: float = 0.0) -> None:
    timing = harness.measure({"nncore": ours, "gensim": theirs}, rounds, seconds)
    times = [f"{timing.median(name) * 1e3:,.1f}" for name in ("nncore", "gensim")]
    harness.print_row([work, *times, harness.ratio_text(timing.ratio("gensim", "nncore"))], WIDTHS)


def files(ours: KeyedVectors, theirs: Any, folder: Path, rounds: int, binary: bool) -> None:
    first, second = str(folder / "nncore"), str(folder / "gensim")
    kind = "binary" if binary else "text"
    compare(
        f"save {kind}",
        lambda: ours.save_word2vec_format(first, binary=binary),
        lambda: theirs.save_word2vec_format(second, binary=binary),
        rounds,
    )
    for name in (first, second):
        read = KeyedVectors.load_word2vec_format(name, binary=binary)
        harness.check_equal(f"load {kind}", read.vectors, ours.vectors, 0)
    compare(
        f"load {kind}",
        lambda: KeyedVectors.load_word2vec_format(first, binary=binary),
        lambda: type(theirs).load_word2vec_format(first, binary=binary),
        rounds,
    )


def questions(words: int, theirs: Any, folder: Path, rounds: int, quick: bool) -> None:
    ours, peer = both(words, 300, theirs)
    same = [key for key, _ in ours.most_similar("word7")] == [key for key, _ in peer.most_similar("word7")]
    if not same:
        raise SystemExit("most_similar: nncore and gensim give other words")
    compare(
        f"most_similar, {words:,} x 300",
        lambda: ours.most_similar("word7"),
        lambda: peer.most_similar("word7"),
        rounds,
        0.3,
    )
    vector = ours.vectors[7].copy()
    timing = harness.measure(
        {"product": lambda: ours.vectors @ vector, "nncore": lambda: ours.most_similar("word7")}, rounds, 0.3
    )
    ratio = harness.ratio_text(timing.ratio("nncore", "product"))
    print(f"most_similar takes {ratio} the time of NumPy's product, {timing.median('product') * 1e3:.1f} ms")

    ours, peer = both(min(words, 30_000), 100, theirs)
    path = folder / "questions"
    asked = np.random.default_rng(1).integers(0, 900, (100 if quick else 400, 4))  # as many words as real ones have
    path.write_text(": all\n" + "".join(" ".join(f"word{index}" for index in row) + "\n" for row in asked))
    if ours.evaluate_word_analogies(path) != peer.evaluate_word_analogies(str(path)):
        raise SystemExit("analogies: nncore and gensim give other answers")
    compare(
        f"{len(asked)} analogies, {len(ours):,} x 100",
        lambda: ours.evaluate_word_analogies(path),
        lambda: peer.evaluate_word_analogies(str(path)),
        rounds,
    )


def main(options: argparse.Namespace, threads: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        harness.peer("gensim")
        gensim = harness.peer("gensim.models", "gensim")
    harness.headline(threads, gensim=harness.peer("gensim").__version__)
    words = options.words or (20_000 if options.quick else 200_000)
    print(f"{words:,} words of {options.dimensions} dimensions")
    harness.print_row(HEADER, WIDTHS)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = both(words, options.dimensions, gensim.KeyedVectors)
        for binary in (True, False):
            files(ours, theirs, Path(folder), options.rounds, binary)
        questions(words, gensim.KeyedVectors, Path(folder), options.rounds, options.quick)


if __name__ == "__main__":
    parser = harness.parser(__doc__)
    parser.add_argument("--words", type=int, help="default: 200000, with --quick 20000")
    parser.add_argument("--dimensions", type=int, default=128)
    parser.set_defaults(threads=[1], rounds=3)
    harness.run(main, parser.parse_args())
