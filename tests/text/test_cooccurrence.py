from __future__ import annotations

import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import _core, text, textbook
from nncore.datasets import load_rhyme

sparse = pytest.importorskip("scipy.sparse", reason="co-occurrence needs SciPy")

from nncore.text._cooccurrence import count_encoded  # noqa: E402

RHYME = re.findall("[a-z]+", load_rhyme().lower())


def zipf_corpus(words, count, seed=0, sentence=40):
    """Ids below `words`, as frequent as words are; all of them come."""
    rng = np.random.default_rng(seed)
    ids = np.minimum(rng.zipf(1.3, count) - 1, words - 1).astype(np.int32)
    ids[rng.choice(count, words, replace=False)] = np.arange(words)
    ids[sentence - 1 :: sentence] = -1
    return np.append(ids, np.int32(-1))


def plain_counts(ids, words, window, harmonic=False):
    """By pairs of shifted arrays, a way of its own: sums of SciPy's coordinates."""
    sentence = np.cumsum(ids < 0)
    total = sparse.csr_matrix((words, words))
    for d in range(1, min(window, len(ids) - 1) + 1):
        a, b = ids[:-d], ids[d:]
        ok = (a >= 0) & (b >= 0) & (sentence[:-d] == sentence[d:])
        one = sparse.coo_matrix((np.full(ok.sum(), 1 / d if harmonic else 1.0), (a[ok], b[ok])), (words, words))
        total = total + one + one.T
    return sparse.csr_matrix(total)


def test_the_rhymes_neighbours_on_either_side():
    X, vocabulary = text.cooccurrence([RHYME], window=1)
    row = {vocabulary.index_to_key[j]: X[vocabulary["a"], j] for j in X[vocabulary["a"]].indices}
    others = ["bought", "caught", "found", "in", "little", "upon", "walked", "was"]
    assert row == {"crooked": 6, **dict.fromkeys(others, 1)}
    assert X.sum() == 76


def test_the_rhymes_window_of_two():
    X, vocabulary = text.cooccurrence([RHYME], window=2)
    assert X[vocabulary["a"], vocabulary["crooked"]] == 7
    assert X.sum() == 150


@settings(max_examples=60)
@given(
    sentences=st.lists(st.lists(st.sampled_from("abcde"), max_size=12), min_size=1, max_size=5),
    window=st.integers(1, 14),
    harmonic=st.booleans(),
)
def test_counts_equal_the_textbook(sentences, window, harmonic):
    X, vocabulary = text.cooccurrence(sentences, window, weighting="harmonic" if harmonic else "flat")
    expected = textbook.cooccurrence_counts(sentences, vocabulary.index_to_key, window, harmonic=harmonic)
    assert_allclose(X.toarray(), expected, rtol=1e-14)


@pytest.mark.parametrize("weighting", ["flat", "harmonic"])
@pytest.mark.parametrize("window", [1, 3, 22, 23, 90])
def test_a_larger_corpus_equals_scipys_sums(weighting, window):
    ids = zipf_corpus(900, 30_000)
    X = count_encoded(ids, 900, window, weighting)
    expected = plain_counts(ids, 900, window, weighting == "harmonic")
    assert_array_equal(X.indptr, expected.indptr)
    assert_array_equal(X.indices, np.concatenate([np.sort(row.indices) for row in expected]))
    tolerance = 1e-13 if window <= 22 else 1e-7
    assert abs(X - expected).max() <= tolerance * expected.max()


def test_the_matrix_is_symmetric_to_the_bit_and_canonical():
    X = count_encoded(zipf_corpus(2000, 50_000), 2000, 7, "harmonic", "float32")
    assert (X != X.T).nnz == 0
    assert X.dtype == np.float32
    assert X.indices.dtype == X.indptr.dtype == np.int32
    checked = sparse.csr_matrix((X.data, X.indices, X.indptr), X.shape)
    assert checked.has_canonical_format


@pytest.mark.kernel
@pytest.mark.parametrize("weighting", ["flat", "harmonic"])
def test_the_same_bits_on_any_number_of_threads(threads, weighting):
    ids = zipf_corpus(5000, 200_000)
    results = []
    for count in (1, 2, 5):
        nncore.set_num_threads(count)
        results.append(count_encoded(ids, 5000, 5, weighting))
    for other in results[1:]:
        for name in ("data", "indices", "indptr"):
            assert_array_equal(getattr(other, name), getattr(results[0], name))


def test_a_memory_limit_changes_the_passes_and_not_the_result(tmp_path):
    sentences = [[f"w{i}" for i in ids] for ids in zipf_corpus(300, 5000)[:-1].reshape(-1, 40)]
    whole, _ = text.cooccurrence(sentences, 4)
    for limit in (1, 4000, 10**6):
        part, _ = text.cooccurrence(sentences, 4, memory_limit=limit)
        assert_array_equal(part.toarray(), whole.toarray())


def test_a_file_counts_as_its_lines(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("a crooked man\nwalked a crooked mile\n\n", encoding="utf-8")
    X, vocabulary = text.cooccurrence(corpus_file=path, window=1)
    Y, same = text.cooccurrence([["a", "crooked", "man"], ["walked", "a", "crooked", "mile"]], window=1)
    assert vocabulary.index_to_key == same.index_to_key
    assert_array_equal(X.toarray(), Y.toarray())


def test_windows_reach_over_words_that_are_left_out():
    X, vocabulary = text.cooccurrence([["a", "rare", "b"], ["a", "b"], ["b"]], window=1, min_count=2)
    assert vocabulary.index_to_key == ["b", "a"]
    assert_array_equal(X.toarray(), [[0, 2], [2, 0]])


def test_a_vocabulary_gives_rows_and_columns():
    vocabulary = text.Vocabulary.from_sentences([["x", "b", "a"]])
    X, same = text.cooccurrence(iter([["a", "b", "c"]]), window=1, vocabulary=vocabulary)
    assert same is vocabulary
    assert X.shape == (3, 3)
    assert X[vocabulary["a"], vocabulary["b"]] == 1
    assert X.sum() == 2


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_the_type_of_the_values(dtype):
    X, _ = text.cooccurrence([RHYME], dtype=np.dtype(dtype))
    assert X.dtype == dtype
    assert X.sum() == 150


@pytest.mark.parametrize("sentences", [[], [[]], [[], []]])
def test_an_empty_corpus_has_an_empty_matrix(sentences):
    X, vocabulary = text.cooccurrence(sentences)
    assert X.shape == (0, 0)
    assert len(vocabulary) == 0


def test_sentences_of_one_word_have_no_neighbours():
    X, _ = text.cooccurrence([["a"], ["b"], ["a"]], window=5)
    assert X.shape == (2, 2)
    assert X.nnz == 0


def test_one_word_again_and_again_meets_itself():
    X, _ = text.cooccurrence([["a"] * 5], window=2)
    assert X.toarray().tolist() == [[14]]


def test_many_words_that_come_once():
    words = 200_000
    ids = np.append(np.arange(words, dtype=np.int32), np.int32(-1))
    X = count_encoded(ids, words, 2, dtype="float32")
    assert X.nnz == 4 * words - 6
    assert X.sum() == 4 * words - 6


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"window": 0}, ValueError, "window must be from 1 to 2\\*\\*31 - 1, but is 0"),
        ({"window": -1}, ValueError, "window must be from 1"),
        ({"window": 1.5}, TypeError, "window must be an integer, but is 1.5"),
        ({"weighting": "triangular"}, ValueError, "weighting must be 'flat' or 'harmonic', but is 'triangular'"),
        ({"dtype": "int32"}, ValueError, "dtype must be one of float32, float64, int64, but is int32"),
        ({"dtype": "int64", "weighting": "harmonic"}, ValueError, "dtype must be float64 or float32 for harmonic"),
        ({"memory_limit": 0}, ValueError, "memory_limit must be at least 1 byte, but is 0"),
        ({"vocabulary": ["a"]}, TypeError, "vocabulary must be a nncore.text.Vocabulary or None, but is list"),
        ({"corpus_file": "x"}, ValueError, "sentences or corpus_file must be given, and not both"),
        ({"sentences": None}, ValueError, "sentences or corpus_file must be given, and not both"),
        ({"sentences": iter([["a"]])}, TypeError, "sentences must be readable twice"),
        ({"sentences": [["a", 1]]}, TypeError, "sentence"),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        text.cooccurrence(**{"sentences": [["a", "b"]], **arguments})


def test_a_window_may_be_as_wide_as_an_integer():
    X, _ = text.cooccurrence([["a", "b", "c"]], window=2**31 - 1)
    assert X.sum() == 6


def test_ids_that_are_out_of_range_are_refused():
    for ids in ([0, 5, -1], [0, -2]):
        with pytest.raises(ValueError, match="ids must be from -1 to 5 - 1, but are from"):
            count_encoded(np.array(ids, np.int32), 5, 1)


def test_other_ids_than_those_counted_are_refused():
    counts = _core.Cooccurrence(3, 1, "flat")
    counts.count_words(np.array([0, 1, 2, -1], np.int32), 0, 4)
    counts.begin_shard(4, 100)
    other = np.array([0, 0, 0, -1], np.int32)
    counts.index(other, 0, 4)
    rows, entries = counts.plan()
    with pytest.raises(ValueError, match="ids must be those that were counted"):
        counts.count_rows(other, np.empty(entries, np.int32), np.empty(entries), np.empty(rows, np.int64))


def test_other_threads_run_while_it_counts(threads):
    nncore.set_num_threads(1)
    ids = zipf_corpus(20_000, 1_000_000)
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.wait(0.002):
            ticks.append(1)

    thread = threading.Thread(target=tick)
    thread.start()
    count_encoded(ids, 20_000, 5)
    stop.set()
    thread.join()
    assert ticks


def test_verbose_shows_progress(capsys):
    text.cooccurrence([RHYME], verbose=1)
    assert "co-occurrence" in capsys.readouterr().err


def test_without_scipy_the_error_says_what_to_install():
    code = "import sys; sys.modules['scipy'] = None\nfrom nncore import text\ntext.cooccurrence"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: nncore.text.cooccurrence needs SciPy: pip install 'nncore[sklearn]'" in done.stderr
