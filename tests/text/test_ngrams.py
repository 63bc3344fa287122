from __future__ import annotations

import collections
import itertools
import lzma
import math
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from nncore import text, textbook
from nncore.datasets import load_rhyme

RHYME = re.findall("[a-z]+", load_rhyme().lower())
SMOOTHINGS = [None, "add_k", "kneser_ney"]

sentence_lists = st.lists(st.lists(st.sampled_from("abcd"), max_size=8), min_size=1, max_size=6).filter(
    lambda sentences: any(len(sentence) >= 3 for sentence in sentences)
)


def test_the_rhyme_has_39_words_25_of_them_distinct():
    assert (len(RHYME), len(set(RHYME))) == (39, 25)


def test_the_bigrams_of_the_rhyme():
    model = text.NGramModel(2).fit([RHYME])

    def following(word):
        return {model.index_to_key[i]: p for i, p in enumerate(model.probabilities(word)) if p > 0}

    assert following("a") == {"crooked": 6 / 7, "little": 1 / 7}
    nouns = {"man", "mile", "sixpence", "stile", "cat", "mouse", "house"}
    assert following("crooked") == dict.fromkeys(nouns, 1 / 7)
    assert following("who") == {"walked": 1 / 2, "caught": 1 / 2}
    assert following("and") == {"found": 1 / 2, "they": 1 / 2}
    assert following("house") == {}
    assert sum(model.counts().values()) == 38
    assert model.counts()["a", "crooked"] == 6


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_counts_equal_a_plain_count(n):
    sentences = [RHYME, RHYME[:3], [], ["a"], ["a", "a", "a", "a"]]
    expected = collections.Counter(
        tuple(sentence[i : i + n]) for sentence in sentences for i in range(len(sentence) - n + 1)
    )
    assert text.NGramModel(n).fit(sentences).counts() == expected


def textbook_probabilities(model, sentences):
    words = textbook.word_list(sentences)
    assert words == model.index_to_key
    C = textbook.ngram_counts(sentences, words, model.n)
    if model.smoothing is None:
        return textbook.ngram_probabilities(C)
    if model.smoothing == "add_k":
        return textbook.add_k_probabilities(C, model.k)
    counts = [textbook.ngram_counts(sentences, words, j) for j in range(1, model.n + 1)]
    return textbook.kneser_ney_probabilities(counts, [level.discount for level in model._levels])


@settings(max_examples=40)
@given(sentences=sentence_lists, n=st.integers(1, 3), smoothing=st.sampled_from(SMOOTHINGS))
@example(sentences=[["a", "a", "b"]], n=3, smoothing="kneser_ney")  # "a a" begins the sentence: it came after no word
def test_probabilities_equal_the_textbook(sentences, n, smoothing):
    model = text.NGramModel(n, smoothing, k=0.3).fit(sentences)
    expected = textbook_probabilities(model, sentences)
    for place in itertools.product(range(len(model.index_to_key)), repeat=n - 1):
        context = [model.index_to_key[i] for i in place]
        assert_allclose(model.probabilities(context), expected[place], atol=1e-14)
        for i, word in enumerate(model.index_to_key):
            assert math.isclose(model.probability(word, context), expected[(*place, i)], abs_tol=1e-14)


@settings(max_examples=60)
@given(
    sentences=sentence_lists,
    n=st.integers(1, 3),
    discount=st.none() | st.floats(0, 1),
    context=st.lists(st.sampled_from("abcdz"), min_size=2, max_size=4),
)
def test_kneser_ney_sums_to_one_after_any_context(sentences, n, discount, context):
    p = text.NGramModel(n, "kneser_ney", discount=discount).fit(sentences).probabilities(context)
    assert (p >= 0).all()
    assert math.isclose(p.sum(), 1, rel_tol=1e-12)


def test_shorter_contexts_count_the_words_before_wherever_they_stand():
    """Also at the beginning of a sentence, and in one that is shorter than n: b came after a, d, e and f, c after b."""
    sentences = [["a", "b", "c"], ["d", "b", "c"], ["e", "b"], ["f", "b"]]
    model = text.NGramModel(3, "kneser_ney", discount=0.5).fit(sentences)
    p = dict(zip(model.index_to_key, model.probabilities(["q", "q"]), strict=True))
    assert p["b"] == pytest.approx((4 - 0.5 + 0.5 * 2 / 6) / 5)
    assert p["c"] == pytest.approx((1 - 0.5 + 0.5 * 2 / 6) / 5)


def test_the_discount_is_estimated_from_what_came_once_and_twice():
    model = text.NGramModel(2, "kneser_ney").fit([list("abababcd"), list("cd")])  # ab 3, ba 2, bc 1, cd 2
    assert model._levels[1].discount == 1 / (1 + 2 * 2)
    assert text.NGramModel(2, "kneser_ney").fit([list("ab")])._levels[1].discount == 0.75


def test_a_context_that_never_came():
    assert text.NGramModel(2).fit([RHYME]).probability("a", "zebra") == 0
    assert text.NGramModel(2, "add_k").fit([RHYME]).probability("a", "zebra") == 1 / 25
    model = text.NGramModel(3, "kneser_ney").fit([RHYME])
    assert model.probability("crooked", ["zebra", "a"]) == model.probability("crooked", ["house", "a"]) > 0.5


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_a_word_that_is_not_known_has_no_probability(smoothing):
    model = text.NGramModel(2, smoothing).fit([RHYME])
    assert model.probability("zebra", "a") == 0
    assert model.perplexity([["a", "zebra"]]) == math.inf


def test_words_that_are_not_known_are_read_as_the_unknown_word():
    model = text.NGramModel(2, unknown="<unk>").fit([["a", "<unk>", "a", "b"]])
    assert model.probability("zebra", "a") == model.probability("<unk>", "a") == 0.5
    assert model.perplexity([["a", "zebra", "a"]]) == pytest.approx(math.sqrt(2))
    with pytest.raises(ValueError, match="unknown must be a word of the sentences, but '<unk>' is not in them"):
        text.NGramModel(2, unknown="<unk>").fit([RHYME])


def test_perplexity_is_that_of_the_words_with_a_whole_context():
    model = text.NGramModel(3, "kneser_ney").fit([RHYME])
    sentences = [RHYME[:9], RHYME[5:7], RHYME[20:]]
    p = [model.probability(s[i], s[i - 2 : i]) for s in sentences for i in range(2, len(s))]
    assert math.isclose(model.perplexity(sentences), textbook.perplexity(np.array(p)), rel_tol=1e-12)


def test_generated_words_follow_the_probabilities():
    model = text.NGramModel(2).fit([RHYME])
    drawn = [model.generate(2, "a", random_state=seed)[1] for seed in range(700)]
    assert 550 < drawn.count("crooked") < 650  # of 600, a standard deviation of 9
    assert set(drawn) == {"crooked", "little"}


def test_generation_is_repeatable_and_ends_where_nothing_follows():
    model = text.NGramModel(2).fit([RHYME])
    assert model.generate(12, random_state=5) == model.generate(12, random_state=5)
    assert model.generate(12, "house", random_state=1) == ["house"]
    assert model.generate(0) == []
    assert len(text.NGramModel(3, "add_k").fit([RHYME]).generate(50, random_state=0)) == 50


def test_a_generator_of_sentences_is_read_once():
    assert text.NGramModel(2).fit(iter([RHYME])).counts() == text.NGramModel(2).fit([RHYME]).counts()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be at least 1, but is 0"),
        ({"n": 2.0}, TypeError, "n must be an integer, but is 2.0"),
        ({"smoothing": "good_turing"}, ValueError, "smoothing must be None, 'add_k' or 'kneser_ney', but is 'good_tur"),
        ({"k": 0}, ValueError, "k must be above 0"),
        ({"k": math.nan}, ValueError, "k must be at least 0 and finite, but is nan"),
        ({"discount": 1.5}, ValueError, "discount must be from 0 to 1, but is 1.5"),
    ],
)
def test_settings_are_checked(arguments, error, message):
    with pytest.raises(error, match=message):
        text.NGramModel(**arguments)


def test_bad_corpora_and_queries_are_refused_and_change_nothing():
    model = text.NGramModel(3).fit([RHYME])
    before = model.counts()
    for sentences in ([], [[]], [["a", "b"]]):
        with pytest.raises(ValueError, match="sentences must have one of 3 words at least, which is n, but none has"):
            model.fit(sentences)
    with pytest.raises(TypeError):
        model.fit([["a", 3, "b"]])
    assert model.counts() == before
    with pytest.raises(ValueError, match=r"context must have n - 1 = 2 words at least, but is \['a'\]"):
        model.probability("crooked", ["a"])
    with pytest.raises(TypeError, match="words must be strings, but one is 3"):
        model.probability(3, ["was", "a"])
    with pytest.raises(TypeError, match="sentences must be lists of words, but one is 'a crooked man'"):
        model.perplexity(["a crooked man"])
    with pytest.raises(ValueError, match="length must be at least 0, but is -1"):
        model.generate(-1)
    with pytest.raises(ValueError, match="call fit first"):
        text.NGramModel().probability("a", "b")


def test_kneser_ney_foresees_unseen_english_better_than_add_one(data_dir):
    with lzma.open(data_dir / "text" / "english.txt.xz", "rt") as file:
        sentences = [line.split() for line in itertools.islice(file, 4000)]
    known = text.Vocabulary.from_sentences(sentences[500:])
    held_out = [[w if w in known else "<unk>" for w in sentence] for sentence in sentences[:500]]
    training = [*sentences[500:], ["<unk>"] * 3]

    def perplexity(smoothing):
        return text.NGramModel(3, smoothing, unknown="<unk>").fit(training).perplexity(held_out)

    assert 3 * perplexity("kneser_ney") < perplexity("add_k")


def test_it_shows_what_it_is():
    assert repr(text.NGramModel(3, "add_k")) == "NGramModel(n=3, smoothing='add_k'; not fitted)"
    assert repr(text.NGramModel().fit([["a", "b"]])) == "NGramModel(n=2, smoothing=None; 2 words)"
