"""Vocabulary and encoding of a corpus, against gensim, and phrases.

    python bench/peers/vocabulary.py [--quick] [--threads 1 2] [--megabytes 20]

The corpus is the beginning of text/wiki8.txt.xz, in the folder NNCORE_DATA or else in ../shared/data beside the
checkout, cut into lines of 1,000 words; without it, words by Zipf's law. gensim is timed in Word2Vec.build_vocab with
vectors of one number, so that it makes next to nothing but a vocabulary. All have the same words and counts, which are
compared first; min_count is 5. gensim uses one thread for this, as nncore does for lists; "encode" makes ids of all
words and has no peer. A ratio is the peer's time over nncore's, the median of the rounds and their quartiles.
"""

from __future__ import annotations

import lzma
import os
import tempfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import numpy as np

from nncore.text import LineSentence, Phrases, Vocabulary
from nncore.text._corpus import encode

HEADER = ["work", "threads", "nncore s", "words/s", "gensim s", "gensim / nncore"]
WIDTHS = [22, 7, 9, 11, 9, 22]
LINE = 1000
MIN_COUNT = 5

Sentences = list[list[str]]


def corpus_words(megabytes: float) -> list[str]:
    named = os.environ.get("NNCORE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"
    path = folder / "text" / "wiki8.txt.xz"
    if path.is_file():
        with lzma.open(path) as file:
            return file.read(int(megabytes * 1e6)).decode().split()
    print(f"{path} is missing: words by Zipf's law instead")
    ids = np.random.default_rng(0).zipf(1.2, int(megabytes * 2e5)) % 100_000
    return [f"w{i}" for i in ids.tolist()]


def same_words(what: str, ours: dict[str, int], theirs: dict[str, int]) -> None:
    if ours != theirs:
        raise SystemExit(f"{what}: nncore and gensim do not count the same words")


def row(work: str, threads: int, words: int, ours: Callable[[], Any], theirs: Any, rounds: int) -> None:
    candidates = {"nncore": ours} | ({"gensim": theirs} if theirs else {})
    timing = harness.measure(candidates, rounds, 0.0)
    seconds = timing.median("nncore")
    cells = [work, str(threads), f"{seconds:.3f}", f"{words / seconds:,.0f}"]
    cells += [f"{timing.median('gensim'):.3f}", harness.ratio_text(timing.ratio("gensim", "nncore"))] if theirs else []
    harness.print_row(cells, WIDTHS[: len(cells)])


def compare(path: str, sentences: Sentences, threads: int, rounds: int) -> None:
    word2vec = harness.peer("gensim.models", "gensim").Word2Vec
    phrases = harness.peer("gensim.models.phrases", "gensim").Phrases
    words = sum(map(len, sentences))

    def gensims(**corpus: Any) -> Any:
        model = word2vec(vector_size=1, min_count=MIN_COUNT)
        model.build_vocab(**corpus)
        return model

    vocabulary, model = Vocabulary.from_file(path, MIN_COUNT), gensims(corpus_file=path)
    counts = {word: int(model.wv.get_vecattr(word, "count")) for word in model.wv.index_to_key}
    same_words("a file", dict(zip(vocabulary, vocabulary.counts.tolist(), strict=True)), counts)
    if vocabulary != Vocabulary.from_sentences(sentences, MIN_COUNT):
        raise SystemExit("a file and the lists of its words give different vocabularies")

    def line(work: str, ours: Callable[[], Any], theirs: Any = None) -> None:
        row(work, threads, words, ours, theirs, rounds)

    line("vocabulary, file", lambda: Vocabulary.from_file(path, MIN_COUNT), lambda: gensims(corpus_file=path))
    line("encode, file", lambda: encode(vocabulary, corpus_file=path))
    if threads > 1:
        return
    line(
        "vocabulary, lists",
        lambda: Vocabulary.from_sentences(sentences, MIN_COUNT),
        lambda: gensims(corpus_iterable=sentences),
    )
    line("encode, lists", lambda: encode(vocabulary, sentences))
    line("LineSentence, limit", lambda: Vocabulary.from_sentences(LineSentence(path, limit=10**9), MIN_COUNT))
    some = sentences[: max(1, len(sentences) // 4)]
    same_words("phrases", Phrases(some).vocab, phrases(some).vocab)
    row("phrases, a quarter", threads, sum(map(len, some)), lambda: Phrases(some), lambda: phrases(some), rounds)


def main(options: Namespace, threads: int) -> None:
    harness.headline(threads, gensim=harness.peer("gensim").__version__)
    words = corpus_words(options.megabytes or (2 if options.quick else 20))
    sentences = [words[start : start + LINE] for start in range(0, len(words), LINE)]
    harness.print_row(HEADER, WIDTHS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        path.write_text("".join(" ".join(sentence) + "\n" for sentence in sentences), encoding="utf-8")
        compare(str(path), sentences, threads, options.rounds)


if __name__ == "__main__":
    parser = harness.parser(__doc__)
    parser.add_argument("--megabytes", type=float, help="size of the corpus (default: 20, with --quick 2)")
    harness.run(main, parser.parse_args())
