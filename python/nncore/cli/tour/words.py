"""The tour's stop at words: a rhyme's bigrams, and vectors that learn from Shakespeare which words keep company."""

from __future__ import annotations

import importlib.util
import re
import time
from html import escape
from typing import Any

from nncore import plot
from nncore.cli.tour.page import Stop
from nncore.datasets import load_rhyme, load_shakespeare
from nncore.text import NGramModel, SVDEmbedding, Word2Vec

CONTEXTS = ("a", "crooked", "who", "and")
ASKED = ("king", "mother", "rome", "speak", "blood", "thou")
MAP = 70  # words on the map: more would hide each other
COMMON = 35  # the most frequent ones, which go with every word, are not on it


def visit(*, quick: bool) -> Stop:
    """Count and train, print what comes of it, and return what the page shows."""
    speeches = [re.findall(r"[a-z']+", speech) for speech in load_shakespeare().lower().split("\n\n")]
    speeches = [words for words in speeches if words]
    rhyme = NGramModel(n=2).fit([re.findall(r"[a-z]+", load_rhyme().lower())])
    print("\nA rhyme, counted: which word follows which?")
    for context in CONTEXTS:
        print(f"    {context:8} → " + ", ".join(f"{word} {share}" for word, share in _followers(rhyme, context)))

    model = Word2Vec(
        sg=1,
        vector_size=64,
        min_count=8,
        sample=3e-3,
        epochs=3 if quick else 100,
        seed=1,
        deterministic=True,
        verbose=1,
    )
    model.build_vocab(speeches)
    print(f"\nword2vec reads {model.corpus_total_words:,} words of Shakespeare, {model.epochs} times over.")
    started = time.perf_counter()
    model.train(speeches)
    seconds = time.perf_counter() - started
    speed = model.epochs * model.corpus_total_words / seconds
    print(f"It read {speed:,.0f} words per second. Nearest words:")
    started = time.perf_counter()
    svd = SVDEmbedding(n_components=64, random_state=0).fit_corpus(speeches, window=5, min_count=8)
    svd_seconds = time.perf_counter() - started
    neighbours = [(word, _nearest(model.wv, word), _nearest(svd.wv, word)) for word in ASKED]
    for word, near, _ in neighbours:
        print(f"    {word:8} → {', '.join(near)}")

    stop = Stop(
        "Words learn what they mean from their neighbours",
        "A word is known by the company it keeps. Counting which word follows which gives probabilities; counting all "
        "neighbours gives a large table, and a singular value decomposition squeezes it into a few numbers per word. "
        "word2vec comes to such numbers without the table: it reads, and lets each word predict its neighbours.",
        [
            (f"{len(model.wv)}", "words that come 8 times or more"),
            (f"{speed:,.0f}", "words per second, word2vec"),
            (f"{seconds:.1f} s", f"word2vec, {model.epochs} times over the text"),
            (f"{svd_seconds:.2f} s", "counting and decomposing instead"),
        ],
    )
    stop.add_text("A rhyme becomes a table", _rhyme_table(rhyme))
    if importlib.util.find_spec("matplotlib") is not None:
        _add_pictures(stop, model)
    stop.add_text("Nearest words", _neighbour_table(neighbours))
    return stop


def _followers(model: NGramModel, context: str) -> list[tuple[str, str]]:
    """The words that follow, and how often of how many times."""
    counts = {words[1]: count for words, count in model.counts().items() if words[0] == context}
    total = sum(counts.values())
    return [(word, f"{count}/{total}") for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _nearest(wv: Any, word: str) -> list[str]:
    return [other for other, _ in wv.most_similar(word, topn=5)]


def _add_pictures(stop: Stop, model: Word2Vec) -> None:
    words = model.wv.index_to_key[COMMON : COMMON + MAP]
    stop.add_picture(
        lambda ax: plot.frequency_rank(model.wv, ax=ax),
        (4.6, 3.0),
        "How often each word comes, against its rank: nearly a straight line on these scales (Zipf's law).",
    )
    stop.add_picture(
        lambda ax: plot.embedding(model.wv, words, ax=ax, method="pca"),
        (9.5, 5.2),
        f"Vectors of {MAP} frequent words, in the plane in which they differ most. Words that Shakespeare uses in the "
        "same company lie on the same side.",
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{'<b>' + escape(c) + '</b>' if i == 0 else escape(c)}</td>" for i, c in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _rhyme_table(model: NGramModel) -> str:
    rows = [[c, ", ".join(f"{word} {share}" for word, share in _followers(model, c))] for c in CONTEXTS]
    return (
        "<p>“There was a crooked man, who walked a crooked mile …”: 39 words, 25 different. After each word, which "
        "comes next, and how often of how many times?</p>" + _table(["after", "comes"], rows)
    )


def _neighbour_table(neighbours: list[tuple[str, list[str], list[str]]]) -> str:
    rows = [[word, ", ".join(near), ", ".join(counted)] for word, near, counted in neighbours]
    return "<p>By the angle between vectors. Nobody told either method what a word means.</p>" + _table(
        ["word", "word2vec", "counts and their decomposition"], rows
    )
