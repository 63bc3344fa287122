import numpy as np
import pytest

from nncore._memory import padded_zeros
from nncore.text import Word2Vec

from .small_corpus import SMALL, sentences

BAD = [
    ({"window": 0}, ValueError, "window must be at least 1, but is 0"),
    ({"window": 1.5}, TypeError, "window must be an integer, but came as 1.5"),
    ({"alpha": -0.1}, ValueError, "alpha must be finite and at least 0, but is -0.1"),
    ({"alpha": "fast"}, TypeError, "alpha must be a number, but came as 'fast'"),
    ({"vector_size": 0}, ValueError, "vector_size must be at least 1"),
    ({"vector_size": 10**9}, ValueError, "vector_size must be at most 1,048,576, but is 1,000,000,000"),
    ({"epochs": 0}, ValueError, "epochs must be at least 1"),
    ({"workers": 0}, ValueError, "workers must be at least 1"),
    ({"negative": -5}, ValueError, "negative must be at least 0"),
    ({"negative": 0}, ValueError, "leave nothing to train"),
    ({"full_softmax": True}, ValueError, "full_softmax=True needs hs=0 and negative=0"),
    ({"sample": -1}, ValueError, "sample must be"),
    ({"sg": 2}, ValueError, "sg must be 0 or 1, but is 2"),
    ({"cbow_gradient": "true"}, ValueError, "cbow_gradient must be one of 'classic', 'exact', but is 'true'"),
    ({"init": "zeros"}, ValueError, "init must be 'uniform' or KeyedVectors"),
    ({"init": np.zeros((30, 100))}, TypeError, "init must be 'uniform' or KeyedVectors, but came as ndarray"),
    ({"ns_exponent": 1000}, ValueError, "ns_exponent must be from -16 to 16, but is 1000"),
    ({"ns_exponent": -1000}, ValueError, "ns_exponent must be from -16 to 16, but is -1000"),
    ({"seed": -1}, ValueError, "seed must be from 0"),
    ({"memory_limit": -1}, ValueError, "memory_limit must be at least 0"),
    ({"trim_rule": 5}, TypeError, "trim_rule must be a function, but is 5"),
    ({"callbacks": 5}, TypeError, "callbacks must be a list of callbacks, but is 5"),
    ({"callbacks": [print]}, TypeError, "callbacks must have one of the methods on_train_begin, .* print> has none"),
]


@pytest.mark.parametrize(("settings", "error", "message"), BAD)
def test_bad_settings_are_refused_by_name(settings, error, message):
    with pytest.raises(error, match=message):
        Word2Vec(sentences(), **settings)


def test_bad_corpora_are_refused():
    for text, error, message in [
        ([], ValueError, "the corpus is empty"),
        ([[]], ValueError, "the corpus is empty"),
        ([["once"]], ValueError, "none comes 5 times"),
        ([["a", 3]], TypeError, "3|int"),
        ("a string", TypeError, "sentences must be an iterable of lists of str"),
        ((s for s in [["a"]]), TypeError, "read once"),
    ]:
        with pytest.raises(error, match=message):
            Word2Vec(text)
    with pytest.raises(FileNotFoundError):
        Word2Vec(corpus_file="/nowhere/at all")
    with pytest.raises(RuntimeError, match="call build_vocab"):
        Word2Vec().train([["a"]])
    with pytest.raises(TypeError, match="word_freq must be a mapping of words to counts, but came as list"):
        Word2Vec().build_vocab_from_freq(["a"])
    with pytest.raises(TypeError, match="other_model must be a Word2Vec, but came as str"):
        Word2Vec().reset_from("a model")
    model = Word2Vec([["a", "b"]] * 5, vector_size=4)
    for method in (model.build_vocab, model.train):
        with pytest.raises(TypeError, match="^one of corpus_iterable and corpus_file must be given, but none came"):
            method()
        with pytest.raises(TypeError, match="^one of corpus_iterable and corpus_file must be given, but both came"):
            method([["a"]], "a file")
    with pytest.warns(UserWarning, match="no word of the corpus"):
        assert model.train([["zzz"]]) == (0, 5)


def test_outputs_that_are_not_there_say_why():
    with pytest.raises(AttributeError, match="syn1neg is not there before build_vocab"):
        Word2Vec().syn1neg  # noqa: B018
    model = Word2Vec(sentences(), **SMALL)
    with pytest.raises(AttributeError, match="hierarchical softmax \\(hs=0\\)"):
        model.syn1  # noqa: B018
    with pytest.raises(RuntimeError, match="hs=1"):
        model.score(sentences())
    with pytest.raises(RuntimeError, match="negative > 0"):
        Word2Vec(sentences(), **SMALL, hs=1, negative=0).predict_output_word(["w0"])
    with pytest.raises(TypeError, match="topn must be an integer, but came as 'x'"):
        model.predict_output_word(["w0"], topn="x")
    assert model.predict_output_word(["w0"], topn=-1) == []
    with pytest.warns(UserWarning, match="no word of the window"):
        assert model.predict_output_word(["nobody"]) is None


def test_a_rate_that_overflows_is_a_floating_point_error():
    with pytest.raises(FloatingPointError, match="training diverged in epoch 1 of 3"):
        Word2Vec(sentences(), **{**SMALL, "epochs": 3, "alpha": 1e30, "sg": 1})


def test_locks_of_another_number_are_refused():
    model = Word2Vec(sentences(), **SMALL)
    for wrong in (3, 0):
        model.wv.vectors_lockf = np.ones(wrong, np.float32)
        with pytest.raises(ValueError, match=f"wv.vectors_lockf must have 1 or {len(model.wv)} numbers.*{wrong},"):
            model.train(sentences())
    model.wv.vectors_lockf = 0.5
    with pytest.raises(ValueError, match="wv.vectors_lockf must have 1 or .* came as float64 of shape \\(\\)"):
        model.train(sentences())
    model.wv.vectors_lockf = np.full(len(model.wv), np.nan, np.float32)
    before = model.wv.vectors.copy()
    with pytest.raises(ValueError, match="wv.vectors_lockf must be finite, but has nan"):
        model.train(sentences())
    np.testing.assert_array_equal(model.wv.vectors, before)


def test_what_has_no_effect_says_so():
    for name, value in {"hashfxn": hash, "null_word": 1, "batch_words": 5, "comment": "x"}.items():
        with pytest.warns(UserWarning, match=f"{name} has no effect"):
            Word2Vec(**{name: value})
    with pytest.warns(UserWarning, match="Both hierarchical softmax and negative sampling"):
        Word2Vec(hs=1)


@pytest.mark.parametrize("alpha", [1e30, 1e37, 1e38, 3e38, 1e39, 1e300])
@pytest.mark.parametrize("sg", [0, 1])
def test_a_rate_beyond_all_measure_is_an_error(alpha, sg):
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="the vectors are no longer finite"):
        Word2Vec([["a", "b", "c"], ["a", "d", "c"]] * 50, vector_size=4, min_count=1, workers=1, alpha=alpha, sg=sg)


def test_an_objective_that_is_set_too_late_is_refused():
    model = Word2Vec(sentences(), **SMALL)
    model.hs, model.negative = 1, 0
    with pytest.raises(ValueError, match="hs must be set before build_vocab, .* but became 1 after it"):
        model.train(sentences())
    model.build_vocab(sentences())
    model.train(sentences())


def test_attributes_that_cannot_be_are_refused_before_anything_happens(tmp_path):
    model = Word2Vec(sentences(), **SMALL)
    for name, value in (
        ("alpha", -0.1),
        ("min_alpha", -0.1),
        ("negative", -1),
        ("epochs", 0),
        ("workers", "x"),
        ("sg", 5),
    ):
        before = getattr(model, name)
        setattr(model, name, value)
        with pytest.raises((TypeError, ValueError), match=f"^{name} must be"):
            model.train(sentences(), epochs=1)
        with pytest.raises((TypeError, ValueError), match=f"^{name} must be"):
            model.save(tmp_path / "model")
        setattr(model, name, before)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="end_alpha must be"):
        model.train(sentences(), start_alpha=0.5, end_alpha=-1)
    assert model.alpha == Word2Vec(**SMALL).alpha


def test_an_update_that_does_not_fit_changes_nothing():
    model = Word2Vec(sentences(), **SMALL)
    before = model.corpus_count, model.corpus_total_words, model.effective_min_count
    model.wv.vectors = np.ones((3, 4))
    with pytest.raises(ValueError, match="wv.vectors must be of shape"):
        model.build_vocab([["x", "y"]] * 9, update=True)
    assert (model.corpus_count, model.corpus_total_words, model.effective_min_count) == before


def test_vectors_that_are_not_finite_are_not_trained():
    model = Word2Vec(sentences(), **SMALL)
    word = model.wv.index_to_key[2]
    model.wv.vectors[2, 1] = np.nan
    rest = model.wv.vectors[:2].copy()
    with pytest.raises(ValueError, match=f"wv.vectors must be finite, but that of '{word}' is not"):
        model.train(sentences(), epochs=1)
    np.testing.assert_array_equal(model.wv.vectors[:2], rest)


def test_vectors_that_are_not_finite_are_not_written(tmp_path):
    model = Word2Vec(sentences(), **SMALL)
    word = model.wv.index_to_key[3]
    model.wv.vectors[3, 0] = np.inf
    for binary in (False, True):
        with pytest.raises(ValueError, match=f"^vectors must be finite, but that of '{word}' is not"):
            model.wv.save_word2vec_format(tmp_path / "vectors", binary=binary)
    assert not list(tmp_path.iterdir())


def test_counts_beyond_64_bits_are_refused():
    for counts in ({"a": 2**62, "b": 2**62}, {"a": 2**63}):
        with pytest.raises(ValueError, match=r"^word_freq must have counts of a sum below 2\*\*63"):
            Word2Vec(min_count=1).build_vocab_from_freq(counts)


def test_too_many_words_for_the_memory_are_counted(monkeypatch):
    monkeypatch.setattr(np, "zeros", lambda *_: (_ for _ in ()).throw(MemoryError("NumPy's")))
    with pytest.raises(MemoryError, match="^there is no memory for 1,000,000 rows of 300 numbers$"):
        padded_zeros(1_000_000, 300, np.float32)
