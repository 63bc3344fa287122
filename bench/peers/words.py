"""Speed and memory of word2vec against gensim, and against C programs whose binaries are given.

    python bench/peers/words.py [--quick] [--threads 1] [--megabytes 20] [--memory] [--program NAME=BINARY ...]

The corpus is the beginning of text/wiki8.txt.xz (see vocabulary.py), in lines of 1,000 words. All train one epoch: 100
numbers, window 5, 5 negatives, sample 1e-4, min_count 5, alpha 0.025 (CBOW 0.05). A rate is the words of the file over
the seconds of `train`, reading and encoding included, the vocabulary not; "file to vectors" has everything. Words kept
by the subsampling must agree within 1 %. A ratio is the peer's time over nncore's, the median of the rounds and their
quartiles. `--memory` compares the peak memory of processes that train on the whole file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import harness
import words_programs
from vocabulary import LINE, corpus_words

from nncore.text import Word2Vec

HEADER = ["work", "threads", "nncore kwords/s", "gensim", "gensim / nncore"]
WIDTHS = [30, 7, 15, 9, 22]
COMMON: dict[str, Any] = {"vector_size": 100, "window": 5, "sample": 1e-4, "min_count": 5, "epochs": 1, "seed": 1}
WORKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # settings of both, of nncore alone
    "skip-gram, shared negatives": ({"sg": 1}, {}),
    "skip-gram, fresh negatives": ({"sg": 1}, {"shared_negatives": False}),
    "cbow": ({"alpha": 0.05}, {}),
    "skip-gram, hierarchical": ({"sg": 1, "hs": 1, "negative": 0}, {}),
    "cbow, hierarchical": ({"hs": 1, "negative": 0, "alpha": 0.05}, {}),
    "skip-gram, 300 numbers": ({"sg": 1, "vector_size": 300}, {}),
}

PROGRAM = """
import re, sys
kind, path, limit = sys.argv[1:]
settings = dict(vector_size=100, window=5, sample=1e-4, min_count=5, epochs=1, workers=1, sg=1)
if kind == "gensim":
    from gensim.models import Word2Vec
else:
    from nncore.text import Word2Vec
    settings["memory_limit"] = int(limit) if limit else None
Word2Vec(corpus_file=path, **settings)
print(int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) / 1024)  # not the parent's
"""


def kept_words(ours: Word2Vec, theirs: Any, path: str, words: int) -> None:
    """End the run unless both keep as many words."""
    a = ours.train(corpus_file=path, epochs=1)[0]
    b = theirs.train(corpus_file=path, total_words=words, total_examples=theirs.corpus_count, epochs=1)[0]
    if abs(a / b - 1) > 0.01:
        raise SystemExit(f"nncore trains {a} words of the corpus, gensim {b}")


def row(work: str, threads: int, words: int, candidates: dict[str, Any], rounds: int, peer: str = "gensim") -> None:
    timing = harness.measure(candidates, rounds, 0.0)
    rates = [words / timing.median(name) / 1e3 for name in candidates]
    cells = [work, str(threads), *(f"{rate:,.0f}" for rate in rates)]
    if len(candidates) > 1:
        cells.append(harness.ratio_text(timing.ratio(peer, "nncore")))
    harness.print_row(cells, WIDTHS[: len(cells)])


def compare(path: str, sentences: list[list[str]], threads: int, rounds: int) -> None:
    peer = harness.peer("gensim.models", "gensim").Word2Vec
    words = sum(map(len, sentences))
    for work, (settings, own) in WORKS.items():
        both = {**COMMON, **settings, "workers": threads}
        ours, theirs = Word2Vec(**both, **own), peer(**both)
        for model in (ours, theirs):
            model.build_vocab(corpus_file=path)
        kept_words(ours, theirs, path, words)
        candidates = {
            "nncore": lambda model=ours: model.train(corpus_file=path, epochs=1),
            "gensim": lambda model=theirs: model.train(
                corpus_file=path, total_words=words, total_examples=model.corpus_count, epochs=1
            ),
        }
        row(work, threads, words, candidates, rounds)
    compare_whole(peer, path, sentences, threads, rounds)
    compare_own(path, words, threads, rounds)


def compare_whole(peer: Any, path: str, sentences: list[list[str]], threads: int, rounds: int) -> None:
    words = sum(map(len, sentences))
    settings = {**COMMON, "sg": 1, "workers": threads}
    for epochs in (1, 5):
        candidates = {
            name: lambda kind=kind, n=epochs: kind(corpus_file=path, **{**settings, "epochs": n})
            for name, kind in (("nncore", Word2Vec), ("gensim", peer))
        }
        row(f"file to vectors, epochs: {epochs}", threads, epochs * words, candidates, max(1, rounds // epochs))
    models = {"nncore": Word2Vec(**settings), "gensim": peer(**settings)}
    for model in models.values():
        model.build_vocab(sentences)
    candidates = {
        name: lambda model=model: model.train(sentences, total_examples=len(sentences), epochs=1)
        for name, model in models.items()
    }
    row("skip-gram, lists of words", threads, words, candidates, rounds)


def compare_own(path: str, words: int, threads: int, rounds: int) -> None:
    """Several threads against one."""
    if threads == 1:
        return
    for work, own in {"skip-gram": {}, "skip-gram, deterministic": {"deterministic": True}}.items():
        models = {}
        for name, workers in (("nncore", threads), ("one", 1)):
            models[name] = Word2Vec(**{**COMMON, "sg": 1, "workers": workers}, **own)
            models[name].build_vocab(corpus_file=path)
        candidates = {name: lambda m=model: m.train(corpus_file=path, epochs=1) for name, model in models.items()}
        row(f"{work}, own 1 thread", threads, words, candidates, rounds, peer="one")


def memory(path: str) -> None:
    """Peak memory of processes that train one epoch."""
    peaks = {}
    for name, kind, limit in (("gensim", "gensim", ""), ("nncore", "nncore", ""), ("nncore, spilled", "nncore", "0")):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, kind, path, limit], capture_output=True, text=True, check=True
        )
        peaks[name] = float(done.stdout)
        print(f"peak memory, {name}: {peaks[name]:.0f} MB, {peaks[name] / peaks['gensim']:.2f} of gensim's", flush=True)


def main(options: Namespace, threads: int) -> None:
    harness.headline(threads, gensim=harness.peer("gensim").__version__)
    words = corpus_words(options.megabytes or (2 if options.quick else 20))
    sentences = [words[start : start + LINE] for start in range(0, len(words), LINE)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        path.write_text("".join(" ".join(sentence) + "\n" for sentence in sentences), encoding="utf-8")
        if options.memory:
            memory(str(path))
            return
        if not options.no_gensim:
            harness.print_row(HEADER, WIDTHS)
            compare(str(path), sentences, threads, options.rounds)
        if threads == 1:
            words_programs.compare(
                dict(pair.split("=", 1) for pair in options.program), str(path), COMMON, options.rounds
            )


if __name__ == "__main__":
    parser = harness.parser(__doc__)
    parser.add_argument("--megabytes", type=float, help="size of the corpus (default: 20, with --quick 2)")
    parser.add_argument("--memory", action="store_true", help="compare the peak memory instead")
    parser.add_argument(
        *("--program", "--programs"),
        nargs="+",
        default=[],
        metavar="NAME=BINARY",
        help="word2vec, pWord2Vec, word2vec++",
    )
    parser.add_argument("--no-gensim", action="store_true", help="only compare with the programs")
    harness.run(main, parser.parse_args())
