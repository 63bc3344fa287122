"""Quality against wall time: gensim's skip-gram, nncore's, and the decomposition of counts, on more and more text.

    python bench/peers/word_recipes.py --analogies questions-words.txt --similarities wordsim353.txt [--megabytes 5 20]

The corpus is the beginning of text/wiki8.txt.xz (see vocabulary.py) in lines of 1,000 words. Each recipe goes from the
file to vectors, on `--threads` threads, one seed; `--picture FILE` draws the points.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vocabulary import LINE, corpus_words

import nncore
from nncore.text import SVDEmbedding, Word2Vec, from_gensim

SETTINGS: dict[str, Any] = {"vector_size": 100, "window": 5, "sample": 1e-4, "min_count": 5, "sg": 1, "epochs": 5}


def gensims(path: str, threads: int) -> Any:
    from gensim.models import Word2Vec as Peer

    return from_gensim(Peer(corpus_file=path, workers=threads, **SETTINGS).wv)


def word2vec(path: str, threads: int, **more: Any) -> Any:
    return Word2Vec(corpus_file=path, workers=threads, **{**SETTINGS, **more}).wv


def svd(path: str, threads: int, size: int, window: int) -> Any:
    return SVDEmbedding(n_components=size, random_state=0).fit_corpus(corpus_file=path, window=window, min_count=5).wv


RECIPES: dict[str, Callable[[str, int], Any]] = {
    "gensim skip-gram": gensims,
    "word2vec, 5 epochs": word2vec,
    "word2vec, 15 epochs": lambda path, threads: word2vec(path, threads, epochs=15),
    "SVD, 100, window 5": lambda path, threads: svd(path, threads, 100, 5),
    "SVD, 100, window 10": lambda path, threads: svd(path, threads, 100, 10),
    "SVD, 200, window 10": lambda path, threads: svd(path, threads, 200, 10),
    "word2vec from SVD": lambda path, threads: word2vec(path, threads, init=svd(path, threads, 100, 5), epochs=3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--analogies", required=True)
    parser.add_argument("--similarities", required=True)
    parser.add_argument("--megabytes", type=float, nargs="+", default=[5, 20])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    nncore.set_num_threads(arguments.threads)
    points: dict[str, list[tuple[float, float, float]]] = {}
    print(f"{'recipe':22} {'MB':>5} {'seconds':>8} {'analogies':>9} {'WordSim':>8}   load {os.getloadavg()[0]:.1f}")
    for megabytes in arguments.megabytes:
        words = corpus_words(megabytes)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "corpus.txt"
            with path.open("w", encoding="utf-8") as file:
                file.writelines(" ".join(words[at : at + LINE]) + "\n" for at in range(0, len(words), LINE))
            for name in arguments.recipes:
                started = time.perf_counter()
                wv = RECIPES[name](str(path), arguments.threads)
                seconds = time.perf_counter() - started
                score = 100 * wv.evaluate_word_analogies(arguments.analogies, restrict_vocab=30000)[0]
                similarity = float(wv.evaluate_word_pairs(arguments.similarities)[1][0])
                points.setdefault(name, []).append((megabytes, seconds, score))
                print(f"{name:22} {megabytes:5g} {seconds:8.1f} {score:9.1f} {similarity:8.3f}", flush=True)
    if arguments.picture:
        draw(points, arguments.picture)


def draw(points: dict[str, list[tuple[float, float, float]]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.add_subplot()
    for name, rows in points.items():
        line = ax.plot([seconds for _, seconds, _ in rows], [score for *_, score in rows], "o-", ms=4, label=name)[0]
        for megabytes, seconds, score in rows:
            ax.annotate(
                f"{megabytes:g} MB",
                (seconds, score),
                (4, -9),
                textcoords="offset points",
                fontsize=7,
                color=line.get_color(),
            )
    ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500]
    ax.set(xscale="log", xlabel="seconds from file to vectors", ylabel="analogies right, %")
    ax.set_xticks(ticks, map(str, ticks))
    ax.set_xticks([], minor=True)
    seconds = [row[1] for rows in points.values() for row in rows]
    ax.set_xlim(0.8 * min(seconds), 1.4 * max(seconds))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
