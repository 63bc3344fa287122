from __future__ import annotations

import lzma
import pickle
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore.text import FrozenPhrases, Phrases
from nncore.text.phrases import ENGLISH_CONNECTOR_WORDS, npmi_scorer, original_scorer

CORPUS = [["in", "new", "york"], ["new", "york", "city"], ["a", "new", "city"]]
CONNECTED = [["bank", "of", "the", "river"], ["bank", "of", "the", "river"], ["of", "bank", "river", "of"]]

# Few words, among them ones that look like a joined pair.
WORDS = st.sampled_from(["a", "b", "c", "of", "the", "a_b", "_", "é"])
SENTENCES = st.lists(st.lists(WORDS, max_size=8), max_size=10)


def made(model: type, **values: Any) -> Any:
    return model(**{"min_count": 1, "threshold": 0.1, "connector_words": frozenset({"of", "the"}), **values})


def own_score(
    worda_count: int, wordb_count: int, bigram_count: int, len_vocab: int, min_count: int, corpus_word_count: int
) -> float:
    return bigram_count / corpus_word_count


def test_a_score_of_ones_own_is_taken() -> None:
    phrases = Phrases(CORPUS, min_count=1, threshold=0.2, scoring=own_score)
    assert phrases.export_phrases() == {"new_york": 2 / 9}


@pytest.fixture(scope="module")
def gensims() -> type:
    return pytest.importorskip("gensim.models.phrases").Phrases


def test_words_and_pairs_are_counted_and_scored() -> None:
    phrases = Phrases(CORPUS, min_count=1, threshold=1.0)
    assert phrases.vocab == {
        "in": 1, "new": 3, "in_new": 1, "york": 2, "new_york": 2,
        "city": 2, "york_city": 1, "a": 1, "a_new": 1, "new_city": 1,
    }  # fmt: skip
    assert phrases.corpus_word_count == 9
    # (2 − 1) · 10 / (3 · 2)
    assert phrases.export_phrases() == {"new_york": pytest.approx(10 / 6)}
    assert phrases[["to", "new", "york", "york"]] == ["to", "new_york", "york"]


def test_normalized_information_is_one_for_words_that_never_part() -> None:
    phrases = Phrases([["x", "y"], ["x", "y"], ["z", "w"]], min_count=2, threshold=0.9, scoring="npmi")
    assert phrases.export_phrases() == {"x_y": pytest.approx(1.0)}
    assert npmi_scorer(1, 1, 0, 9, 0, 10) == original_scorer(0, 1, 1, 9, 0, 10) == -float("inf")


def test_a_phrase_reaches_over_connectors_but_neither_begins_nor_ends_with_one() -> None:
    phrases = Phrases(CONNECTED, min_count=1, threshold=0.1, connector_words=ENGLISH_CONNECTOR_WORDS)
    assert phrases.vocab == {"bank": 3, "river": 3, "bank_of_the_river": 2, "bank_river": 1}
    assert phrases[["the", "bank", "of", "the", "river", "of"]] == ["the", "bank_of_the_river", "of"]
    assert phrases[["bank", "of", "river", "the"]] == ["bank", "of", "river", "the"]


def test_any_number_of_connectors_may_stand_between_words() -> None:
    connectors = [f"ö{i}" for i in range(70)]
    phrases = Phrases([["größe", *connectors, "maß"]] * 3, min_count=1, threshold=0.1, connector_words=connectors)
    joined = "_".join(["größe", *connectors, "maß"])
    assert phrases.vocab == {"größe": 3, "maß": 3, joined: 3} and list(phrases.export_phrases()) == [joined]


def test_no_word_is_lost_even_an_empty_one() -> None:
    phrases = made(Phrases, sentences=[["", "a"], ["", "b"]])
    assert phrases[["", "b", "of", ""]] == ["", "b", "of", ""]


def test_a_corpus_is_joined_while_it_is_read_and_as_often_as_it_can_be() -> None:
    phrases = Phrases(CORPUS, min_count=1, threshold=1.0)
    joined = phrases[CORPUS]
    expected = [["in", "new_york"], ["new_york", "city"], ["a", "new", "city"]]
    assert list(joined) == expected == list(joined) and len(joined) == 3
    assert list(phrases[iter(CORPUS)]) == expected
    assert phrases[[]] == [] and phrases[iter(["new", "york"])] == ["new_york"]

    def endless() -> Any:
        while True:
            yield ["new", "york"]

    assert list(islice(phrases[endless()], 2)) == [["new_york"], ["new_york"]]
    assert phrases.find_phrases(CORPUS) == phrases.export_phrases()
    longer = Phrases(phrases[CORPUS * 2], min_count=1, threshold=0.5)
    assert longer[phrases[["new", "york", "city"]]] == ["new_york_city"]


def test_counting_can_go_on() -> None:
    phrases = Phrases(CORPUS[:1], min_count=1, threshold=1.0)
    phrases.add_vocab(sentence for sentence in CORPUS[1:])
    whole = Phrases(CORPUS, min_count=1, threshold=1.0)
    assert phrases.vocab == whole.vocab and phrases.corpus_word_count == 9
    with pytest.raises(TypeError, match="word 1 of sentence 1"):
        phrases.add_vocab([["x"], ["y", 2]])  # type: ignore[list-item]
    assert phrases.vocab == whole.vocab and phrases.corpus_word_count == 9


def test_saved_and_pickled_phrases_come_back(tmp_path: Path) -> None:
    phrases = made(Phrases, sentences=CONNECTED + CORPUS, scoring="npmi")
    frozen = phrases.freeze()
    assert frozen.phrasegrams == phrases.export_phrases() != {}
    for kept in (phrases, frozen):
        kept.save(tmp_path / "p")
        for back in (type(kept).load(tmp_path / "p"), pickle.loads(pickle.dumps(kept))):
            assert vars(back) == vars(kept)
    with pytest.raises(ValueError, match="holds a FrozenPhrases, not a Phrases"):
        Phrases.load(tmp_path / "p")
    with pytest.raises(ValueError, match="pickle the object"):
        made(Phrases, scoring=own_score).save(tmp_path / "q")


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="min_count must be at least 1, but came as 0"):
        Phrases(min_count=0)
    with pytest.raises(ValueError, match="threshold must be positive"):
        Phrases(threshold=0)
    with pytest.raises(ValueError, match="threshold must be from -1 to 1"):
        Phrases(scoring="npmi")
    with pytest.raises(ValueError, match="scoring must be"):
        Phrases(scoring="other")
    with pytest.raises(ValueError, match="lacks"):
        Phrases(scoring=lambda a: a)
    with pytest.raises(TypeError, match="scoring must be"):
        Phrases(scoring=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="connector_words must be a set of words"):
        Phrases(connector_words="of")
    for words, message in ((5, "a set of words, but came as int"), ([5], "words of type str, but one is 5")):
        with pytest.raises(TypeError, match=f"^connector_words must be {message}"):
            Phrases(connector_words=words)
    with pytest.raises(TypeError, match="^max_vocab_size must be an integer, but came as 'x'"):
        Phrases(max_vocab_size="x")
    with pytest.raises(TypeError, match="delimiter must be a str"):
        Phrases(delimiter=b"_")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sentences must be an iterable of lists of str, but came as str"):
        Phrases("new york")  # type: ignore[arg-type]
    assert Phrases([]).export_phrases() == {} and FrozenPhrases(Phrases())[["a", "b"]] == ["a", "b"]


@pytest.mark.peer
@given(sentences=SENTENCES, others=SENTENCES, scoring=st.sampled_from(["default", "npmi"]), most=st.integers(3, 30))
def test_any_corpus_has_gensims_phrases(
    gensims: type, sentences: list[list[str]], others: list[list[str]], scoring: str, most: int
) -> None:
    ours, theirs = (made(model, scoring=scoring, max_vocab_size=most) for model in (Phrases, gensims))
    for part in (sentences, others):
        ours.add_vocab(part)
        theirs.add_vocab(part)
    assert list(ours.vocab.items()) == list(theirs.vocab.items())
    assert (ours.corpus_word_count, ours.min_reduce) == (theirs.corpus_word_count, theirs.min_reduce)
    assert ours.export_phrases() == theirs.export_phrases()
    assert ours.freeze().phrasegrams == theirs.freeze().phrasegrams
    for sentence in sentences + others:
        assert list(ours.analyze_sentence(sentence)) == list(theirs.analyze_sentence(sentence))


@pytest.mark.peer
@pytest.mark.parametrize(("scoring", "threshold"), [("default", 10.0), ("npmi", 0.5)])
def test_english_text_has_gensims_phrases(gensims: type, data_dir: Path, scoring: str, threshold: float) -> None:
    with lzma.open(data_dir / "text" / "english.txt.xz") as file:
        sentences = [line.split() for line in file.read(400_000).decode().split("\n")]
    chosen = {"threshold": threshold, "scoring": scoring, "connector_words": ENGLISH_CONNECTOR_WORDS}
    ours, theirs = Phrases(sentences, **chosen), gensims(sentences, **chosen)
    assert ours.vocab == theirs.vocab
    assert ours.export_phrases() == theirs.export_phrases() and len(ours.export_phrases()) > 20
    assert list(ours.freeze()[sentences]) == list(theirs.freeze()[sentences])


@pytest.mark.parametrize("name", ["min_count", "threshold"])
@pytest.mark.parametrize("value", ["x", None, True])
def test_what_is_no_number_is_named(name, value):
    with pytest.raises(TypeError, match=f"^{name} must be a number"):
        Phrases([["a", "b"]], **{name: value})
