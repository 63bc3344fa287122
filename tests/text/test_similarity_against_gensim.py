from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore.text import KeyedVectors

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    gensim = pytest.importorskip("gensim.models", reason="compares with gensim")

pytestmark = pytest.mark.peer

CLOSE = 2e-6


@pytest.fixture(scope="module")
def pair() -> tuple[KeyedVectors, Any]:
    """The same vectors here and in gensim, with words in two cases and in the order of their counts."""
    rng = np.random.default_rng(0)
    keys = [f"{'W' if index % 7 == 0 else 'w'}ord{index // 2 if index % 7 == 1 else index}" for index in range(500)]
    keys = list(dict.fromkeys(keys))
    room = np.zeros((len(keys), 48), np.float32)
    room[:, :40] = rng.standard_normal((len(keys), 40)) + rng.standard_normal(40) / 2
    ours = KeyedVectors.from_arrays(keys, room[:, :40], np.arange(len(keys), 0, -1))
    theirs = gensim.KeyedVectors(40)
    theirs.add_vectors(keys, room[:, :40].copy())
    theirs.expandos["count"] = np.arange(len(keys), 0, -1)
    return ours, theirs


def same_ranking(ours: Any, theirs: Any) -> None:
    assert [key for key, _ in ours] == [key for key, _ in theirs]
    assert_allclose([score for _, score in ours], [score for _, score in theirs], atol=CLOSE)


VECTOR = np.random.default_rng(5).standard_normal(40).astype(np.float32)


@pytest.mark.parametrize(
    "arguments",
    [
        {"positive": "word3"},
        {"positive": ["word3", "word4"], "negative": ["word9"]},
        {"positive": "word3", "negative": "word9", "topn": 3},
        {"positive": [("word3", 2.0), ("word5", -0.5)], "negative": [("word10", -1.5), "word9"]},
        {"positive": ["word3", VECTOR], "negative": [VECTOR / 3]},
        {"positive": VECTOR},
        {"positive": np.stack([VECTOR, VECTOR[::-1]])},
        {"positive": [3, "word4"], "negative": [np.int64(17)]},
        {"negative": ["word3"]},
        {"positive": "word3", "topn": 1000},
        {"positive": "word3", "restrict_vocab": 20, "clip_start": 100},
        {"positive": "word3", "restrict_vocab": 10000},
        {"positive": "word3", "clip_start": 100, "clip_end": 130},
        {"positive": "word3", "clip_start": 450},
        {"positive": "word3", "topn": 0},
        {"positive": "word3", "topn": False},
    ],
)
def test_most_similar(pair: tuple[KeyedVectors, Any], arguments: dict[str, Any]) -> None:
    ours, theirs = pair
    same_ranking(ours.most_similar(**arguments), theirs.most_similar(**arguments))
    if arguments.get("topn", 1):
        whole = {**arguments, "topn": None}
        assert_allclose(ours.most_similar(**whole), theirs.most_similar(**whole), atol=CLOSE)


@pytest.mark.filterwarnings("ignore:Call to deprecated")
def test_most_similar_cosmul(pair: tuple[KeyedVectors, Any]) -> None:
    ours, theirs = pair
    for arguments in (("word3",), (["word3", "word4"], ["word9"]), ("word3", "word4", 5), ("word3", None, 0)):
        same_ranking(ours.most_similar_cosmul(*arguments), theirs.most_similar_cosmul(*arguments))
    whole = (["word3", "word4"], ["word9"], None)
    assert_allclose(ours.most_similar_cosmul(*whole), theirs.most_similar_cosmul(*whole), rtol=1e-5)


def test_the_short_forms(pair: tuple[KeyedVectors, Any]) -> None:
    ours, theirs = pair
    same_ranking(ours.similar_by_word("word3", 4, 50), theirs.similar_by_word("word3", 4, 50))
    same_ranking(ours.similar_by_key("word3"), theirs.similar_by_key("word3"))
    same_ranking(ours.similar_by_vector(VECTOR, 6), theirs.similar_by_vector(VECTOR, 6))


def test_pairs_and_sets_of_words(pair: tuple[KeyedVectors, Any]) -> None:
    ours, theirs = pair
    words = ["word3", "word4", "word9", "word12"]
    for name, arguments in (
        ("similarity", ("word3", "word4")),
        ("distance", ("word3", "word4")),
        ("n_similarity", (words[:2], words[2:])),
        ("distances", ("word3",)),
        ("distances", (VECTOR, words)),
        ("relative_cosine_similarity", ("word3", "word4")),
        ("relative_cosine_similarity", ("word3", "word4", 3)),
        ("get_normed_vectors", ()),
        ("get_mean_vector", (words,)),
        ("get_mean_vector", ([*words, "none", VECTOR], [1, -2, 3, 0.5, 7, 1])),
        ("get_mean_vector", (words, None, False, True)),
        ("cosine_similarities", (VECTOR, ours.vectors)),
        ("get_vector", ("word3", True)),
        ("__getitem__", (words,)),
    ):
        assert_allclose(getattr(ours, name)(*arguments), getattr(theirs, name)(*arguments), atol=CLOSE, err_msg=name)
    for name, arguments in (
        ("closer_than", ("word3", "word4")),
        ("rank", ("word3", "word4")),
        ("most_similar_to_given", ("word3", words[1:])),
        ("doesnt_match", (words,)),
        ("get_index", ("word9",)),
        ("has_index_for", ("none",)),
    ):
        assert getattr(ours, name)(*arguments) == getattr(theirs, name)(*arguments), name
    for use_norm in (True, False):
        ranked = [(word, score) for score, word in ours.rank_by_centrality(words, use_norm)]
        same_ranking(ranked, [(word, score) for score, word in theirs.rank_by_centrality(words, use_norm)])


@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("dummy4unknown", [True, False])
@pytest.mark.parametrize("restrict_vocab", [None, 300, 10_000])
def test_analogies(
    pair: tuple[KeyedVectors, Any],
    tmp_path: Path,
    case_insensitive: bool,
    dummy4unknown: bool,
    restrict_vocab: int | None,
) -> None:
    ours, theirs = pair
    path = tmp_path / "questions.txt"
    rng = np.random.default_rng(2)
    lines = [": first\n"]
    for number in range(60):
        a, b, c = (f"word{index}" for index in rng.integers(0, 520, 3))
        if a in theirs and b in theirs and c in theirs and number % 3:
            answer = theirs.most_similar([b, c], [a], topn=1)[0][0]
        else:
            answer = f"Word{rng.integers(0, 500)}"
        lines.append(f"{a} {b} {c} {answer}\n")
        if number == 30:
            lines.append("not a question\n: second one\n")
    path.write_text("".join(lines))
    settings = (str(path), restrict_vocab, case_insensitive, dummy4unknown)
    score, sections = ours.evaluate_word_analogies(*settings)
    expected, parts = theirs.evaluate_word_analogies(*settings)
    assert score == expected
    assert sections == parts


@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("dummy4unknown", [True, False])
def test_pairs(pair: tuple[KeyedVectors, Any], tmp_path: Path, case_insensitive: bool, dummy4unknown: bool) -> None:
    ours, theirs = pair
    path = tmp_path / "pairs.txt"
    rng = np.random.default_rng(3)
    path.write_text(
        "# head\n" + "".join(f"word{a};Word{b};{c}\n" for a, b, c in rng.integers(0, 500, (80, 3))) + "x;y\n"
    )
    settings = {"delimiter": ";", "case_insensitive": case_insensitive, "dummy4unknown": dummy4unknown}
    (r, p), (rho, q), absent = ours.evaluate_word_pairs(path, **settings)
    (r2, p2), (rho2, q2), absent2 = theirs.evaluate_word_pairs(str(path), **settings)
    assert_allclose([r, p, rho, q, absent], [r2, p2, rho2, q2, absent2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [2, 3, 4, 10, 60, 400])
@pytest.mark.parametrize("noise", [0.01, 0.5, 5.0])
def test_correlations_have_the_p_values_of_scipy(count: int, noise: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    from nncore.text._correlation import pearson, spearman

    rng = np.random.default_rng(count)
    x = rng.integers(0, 8, count) + np.linspace(0, 1e-3, count)
    y = x + noise * rng.standard_normal(count)
    x = np.round(x)
    x[:2] = 0, 9  # not all equal
    assert_allclose(pearson(x, y), tuple(stats.pearsonr(x, y)), rtol=1e-9, atol=1e-300)
    if count > 2:
        assert_allclose(spearman(x, y), tuple(stats.spearmanr(x, y)), rtol=1e-9, atol=1e-300)


def test_changes(pair: tuple[KeyedVectors, Any]) -> None:
    stores = [KeyedVectors(3), gensim.KeyedVectors(3)]
    for kv in stores:
        kv.add_vectors(["a", "b"], np.array([[1, 2, 3], [4, 5, 6]], np.float32))
        kv["b"] = np.array([7, 8, 9])
        kv[["c", "a"]] = np.array([[1, 1, 1], [2, 2, 2]], np.float32)
        kv.add_vectors(["a", "d"], np.array([[0, 0, 0], [3, 0, 4]], np.float32))
        for key, count in (("a", 3), ("b", 9), ("c", 2), ("d", 5)):
            kv.set_vecattr(key, "count", count)
        kv.sort_by_descending_frequency()
    ours, theirs = stores
    assert ours.index_to_key == theirs.index_to_key == ["b", "d", "a", "c"]
    assert ours.key_to_index == theirs.key_to_index
    assert_array_equal(ours.vectors, theirs.vectors)
    assert ours.get_vecattr("d", "count") == theirs.get_vecattr("d", "count") == 5
    for kv in stores:
        kv.unit_normalize_all()
    assert_allclose(ours.vectors, theirs.vectors, rtol=1e-6)


def test_vectors_for_all(pair: tuple[KeyedVectors, Any]) -> None:
    keys = ["word4", "none", "word3", "word4", "word10"]
    for copy in (True, False):
        ours, theirs = (kv.vectors_for_all(keys, copy_vecattrs=copy) for kv in pair)
        assert ours.index_to_key == theirs.index_to_key
        assert_array_equal(ours.vectors, theirs.vectors)
        assert [ours.get_vecattr(key, "count") for key in ours.index_to_key] == [
            theirs.get_vecattr(key, "count") for key in theirs.index_to_key
        ]


def test_real_questions(data_dir: Path, pair: tuple[KeyedVectors, Any], tmp_path: Path) -> None:
    lines = (data_dir / "words" / "questions-words.txt").read_text().splitlines(keepends=True)
    path = tmp_path / "questions.txt"
    path.write_text("".join(line for index, line in enumerate(lines) if line[0] == ":" or index % 50 == 0))
    words = list(dict.fromkeys(word.lower() for line in lines if line[0] != ":" for word in line.split()))
    rows = np.random.default_rng(0).standard_normal((len(words), 25)).astype(np.float32)
    theirs = gensim.KeyedVectors(25)
    theirs.add_vectors(words, rows)
    ours = KeyedVectors.from_arrays(words, rows)
    assert ours.evaluate_word_analogies(path) == theirs.evaluate_word_analogies(str(path))
