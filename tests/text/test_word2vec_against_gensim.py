"""Names, defaults and answers of gensim's Word2Vec."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore.text import KeyedVectors, Word2Vec, from_gensim

gensim = pytest.importorskip("gensim")
pytestmark = pytest.mark.peer

SETTINGS = {"vector_size": 12, "min_count": 1, "workers": 1, "sample": 0.0, "epochs": 2, "seed": 3}


def sentences(seed=0):
    rng = np.random.default_rng(seed)
    return [[f"w{i}" for i in rng.geometric(0.1, size=rng.integers(1, 12))] for _ in range(200)]


@pytest.mark.parametrize("name", ["__init__", "build_vocab", "build_vocab_from_freq", "train", "predict_output_word"])
def test_signatures_are_gensims(name):
    ours = inspect.signature(getattr(Word2Vec, name)).parameters
    theirs = inspect.signature(getattr(gensim.models.Word2Vec, name)).parameters
    positional = [n for n, p in ours.items() if p.kind is not p.KEYWORD_ONLY]
    assert positional == [n for n, p in theirs.items() if p.kind is not p.VAR_KEYWORD]
    chosen = {"workers", "hashfxn"}  # API: all cores, and none
    for key in set(positional) - chosen - {"self"}:
        expected = theirs[key].default
        assert ours[key].default == expected or {ours[key].default, expected} <= {None, False, 1.0, ()}, key


SAMPLED = [{"sg": 1}, {}]
HIERARCHICAL = [{"sg": 1, "hs": 1, "negative": 0}, {"hs": 1, "negative": 0, "cbow_mean": 0}]


@pytest.fixture(params=SAMPLED + HIERARCHICAL)
def peer(request):
    return gensim.models.Word2Vec(sentences(), **SETTINGS, **request.param)


def test_a_model_is_taken_over_with_its_tree_and_trains_on(peer):
    ours = from_gensim(peer)
    assert ours.wv.index_to_key == peer.wv.index_to_key
    assert_array_equal(ours.wv.vectors, peer.wv.vectors)
    assert ours.wv.get_vecattr("w1", "count") == peer.wv.get_vecattr("w1", "count")
    assert ours.alpha == peer.alpha and ours.corpus_count == peer.corpus_count
    if peer.negative:
        assert_array_equal(ours.syn1neg, peer.syn1neg)
        # Both round sums of powers to whole numbers.
        assert_allclose(ours.cum_table.astype(float), peer.cum_table.astype(float), atol=2)
    else:
        assert_array_equal(ours.syn1, peer.syn1[:-1])
    before = ours.wv.vectors.copy()
    ours.train(sentences(), epochs=1)
    assert (ours.wv.vectors != before).any()
    assert ours.history_["loss"][0] < 40


@pytest.mark.parametrize("peer", HIERARCHICAL, indirect=True)
def test_scores_are_gensims(peer):
    # gensim's logarithms come from a table of 1,000 places between -6 and 6.
    assert_allclose(from_gensim(peer).score(sentences(1)), peer.score(sentences(1)), rtol=0.03)


@pytest.mark.parametrize("peer", SAMPLED, indirect=True)
def test_predicted_words_are_gensims(peer):
    theirs = peer.predict_output_word(["w1", "w2", "nobody"], topn=5)
    ours = from_gensim(peer).predict_output_word(["w1", "w2", "nobody"], topn=5)
    assert [word for word, _ in ours] == [word for word, _ in theirs]
    assert_allclose([p for _, p in ours], [p for _, p in theirs], rtol=1e-4)


def test_the_vocabulary_is_gensims(peer):
    model = Word2Vec(sentences(), **SETTINGS)
    counts = {word: peer.wv.get_vecattr(word, "count") for word in peer.wv.index_to_key}
    assert {word: model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key} == counts


def test_vectors_are_taken_over():
    peer = gensim.models.Word2Vec(sentences(), **SETTINGS)
    ours = from_gensim(peer.wv)
    assert type(ours) is KeyedVectors
    assert ours.most_similar("w1")[0][0] == peer.wv.most_similar("w1")[0][0]
    ours.vectors[:] = 0
    assert peer.wv.vectors.any()


def test_other_things_are_refused():
    with pytest.raises(TypeError, match="from_gensim takes a Word2Vec or KeyedVectors of gensim, but got dict"):
        from_gensim({})
    with pytest.raises(TypeError, match="FastText has vectors that nncore does not have"):
        from_gensim(gensim.models.FastText(sentences(), vector_size=4, min_count=1, bucket=10))
    untrained = from_gensim(gensim.models.Word2Vec(vector_size=7))
    assert untrained.vector_size == 7 and len(untrained.wv) == 0
