from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import _core, text, textbook
from nncore.datasets import load_rhyme

sklearn = pytest.importorskip("sklearn", reason="SVDEmbedding needs scikit-learn")

from scipy import sparse  # noqa: E402
from scipy.sparse.linalg import svds  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks  # noqa: E402

from nncore.text._cooccurrence import count_encoded  # noqa: E402
from nncore.text._svd import truncated_svd  # noqa: E402

SVDEmbedding = text.SVDEmbedding
RHYME = re.findall("[a-z]+", load_rhyme().lower())


def word_counts(words=600, count=60_000, seed=0):
    rng = np.random.default_rng(seed)
    topics = rng.permutation(words)
    ids = np.minimum(rng.zipf(1.25, count) - 1, words - 1)
    near = topics[(topics[ids] + rng.integers(0, 5, count)) % words]  # some words stand by each other more often
    ids = np.where(rng.random(count) < 0.5, ids, np.roll(near, 1)).astype(np.int32)
    ids[19::20] = -1
    ids[-1] = -1
    return count_encoded(ids, words, 5)


def random_matrix(rows, columns, density, dtype, seed=0):
    rng = np.random.default_rng(seed)
    matrix = sparse.random(rows, columns, density, format="csr", random_state=seed, dtype=dtype)
    matrix.data = rng.standard_normal(len(matrix.data)).astype(dtype)
    return matrix


def scipys(matrix, k):
    U, S, Vt = svds(matrix.astype(np.float64), k, random_state=0)
    return U[:, ::-1], S[::-1], Vt[::-1]


# scikit-learn's contract


@parametrize_with_checks([SVDEmbedding(n_components=2), SVDEmbedding(n_components=2, weighting=None)])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("weighting", "at_1_9"), [("ppmi", 48), ("log", 48), (None, 47)])
def test_none_of_scikit_learns_checks_is_left_out(weighting, at_1_9):
    estimator = SVDEmbedding(n_components=2, weighting=weighting)
    checks = len(list(estimator_checks_generator(estimator)))
    assert checks == at_1_9 if sklearn.__version__.startswith("1.9.") else checks > 35
    tags = get_tags(estimator)
    assert not (tags._skip_test or tags.no_validation or tags.non_deterministic)


def test_names_of_outputs_and_frames():
    model = SVDEmbedding(2, random_state=0).fit(word_counts(30, 900))
    assert model.get_feature_names_out().tolist() == ["svdembedding0", "svdembedding1"]


# The decomposition


@pytest.mark.kernel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "columns", "k"), [(60, 40, 5), (200, 300, 20), (5, 200, 3), (200, 5, 5), (1, 7, 1)])
def test_singular_values_and_vectors_are_numpys(rows, columns, k, dtype):
    A = random_matrix(rows, columns, 0.6, dtype)
    U, S, Vt = truncated_svd(A, k, 16, 0)
    exact = np.linalg.svd(A.toarray().astype(np.float64), compute_uv=False)[:k]
    eps = np.finfo(dtype).eps
    # A wide spectrum without gaps is not found to rounding; what is found is consistent to rounding.
    assert_allclose(S, exact, rtol=200 * eps if min(rows, columns) < 100 else 1e-4)
    assert_allclose(U.T @ U, np.eye(k), atol=50 * eps)
    assert_allclose(Vt @ Vt.T, np.eye(k), atol=50 * eps)
    assert_allclose(A @ Vt.T, U * S, atol=50 * eps * S[0])


def test_equal_singular_values_are_found_as_often_as_they_are_there():
    U, S, Vt = truncated_svd(sparse.identity(300, format="csr"), 100, 8, 0)
    assert_allclose(S, 1)
    assert_allclose(U.T @ U, np.eye(100), atol=1e-12)
    assert_allclose(Vt, U.T, atol=1e-12)


def test_a_rank_below_the_number_of_components_gives_zeros():
    A = sparse.csr_matrix(np.outer(np.arange(30.0), np.ones(20)))
    U, S, Vt = truncated_svd(A, 4, 8, 0)
    assert S[0] == pytest.approx(np.linalg.norm(A.toarray()))
    assert not S[1:].any()
    assert not U[:, 1:].any()
    assert not Vt[1:].any()
    assert_allclose(SVDEmbedding(4, None, 0.0).fit_transform(A)[:, 1:], 0)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_size_of_the_values_does_not_matter(scale):
    A = random_matrix(80, 50, 0.3, np.float32)
    _, S, _ = truncated_svd(A, 6, 12, 0)
    _, scaled, _ = truncated_svd((A * np.float32(scale)).astype(np.float32), 6, 12, 0)
    assert_allclose(scaled / scale, S, rtol=1e-5)


def test_a_symmetric_matrix_needs_no_transposed_one_and_gives_the_same():
    A = word_counts().astype(np.float64)
    changed = A.copy()
    changed.data[1] *= 1 + 1e-15  # no longer symmetric, to the bit
    assert changed.indices[1] != 0
    assert (A != A.T).nnz == 0
    assert (changed != changed.T).nnz > 0
    for ours, other in zip(truncated_svd(A, 10, 8, 3), truncated_svd(changed, 10, 8, 3), strict=True):
        assert_allclose(ours, other, rtol=1e-6, atol=1e-8)


def test_a_matrix_with_a_symmetric_pattern_alone_is_not_taken_as_symmetric():
    A = word_counts().astype(np.float64)
    A.data *= np.random.default_rng(0).uniform(0.5, 2, len(A.data))
    _, S, _ = truncated_svd(A, 10, 12, 0)
    assert_allclose(S, scipys(A, 10)[1], rtol=1e-6)


@pytest.mark.parametrize("weighting", ["ppmi", "log", None])
def test_the_last_singular_value_is_within_a_percent_of_the_exact_one(weighting):
    X = word_counts(400, 40_000)
    model = SVDEmbedding(100, weighting, random_state=0).fit(X)
    exact = np.linalg.svd(model._weigh(X).toarray(), compute_uv=False)[:100]
    assert_allclose(model.singular_values_, exact, rtol=0.01)
    assert (model.singular_values_ <= exact * (1 + 1e-5)).all()


@pytest.mark.kernel
@pytest.mark.parametrize("symmetric", [True, False])
def test_the_same_bits_on_any_number_of_threads(threads, symmetric):
    A = word_counts(5000, 150_000).astype(np.float32)
    if not symmetric:
        A.data *= np.random.default_rng(0).uniform(0.5, 2, len(A.data)).astype(np.float32)
    results = []
    for count in (1, 2, 5):
        nncore.set_num_threads(count)
        results.append(truncated_svd(A, 30, 4, 7))
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            assert_array_equal(ours, theirs)


def test_a_wrong_matrix_is_refused_by_the_core():
    starts, columns, values = np.array([0, 2, 3]), np.array([0, 1, 1], np.int32), np.ones(3)
    svd = _core.TruncatedSvdFloat64
    svd(starts, columns, values, 2, 1, 4, 0, 0)
    for bad, message in [
        ((np.array([0, 2, 1]), columns, values, 2, 1), "starts must not fall, but do after row 1"),
        ((np.array([0, 2, 9]), columns, values, 2, 1), "columns must be as many as starts end with: 9"),
        ((starts, np.array([0, 2, 1], np.int32), values, 2, 1), "columns must ascend from 0 to 2 - 1"),
        ((starts, np.array([1, 0, 1], np.int32), values, 2, 1), "columns must ascend"),
        ((starts, np.array([0, -1, 1], np.int32), values, 2, 1), "columns must ascend"),
        ((starts, columns, np.full(3, np.inf), 2, 1), "values must be finite"),
        ((starts, columns, values, 2, 3), r"rank must be from 1 to min\(m, n\) = 2, but is 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            svd(*bad, 4, 0, 0)
    with pytest.raises(ValueError, match="steps must be at least 1"):
        svd(starts, columns, values, 2, 1, 0, 0, 0)


# The embedding


@pytest.mark.parametrize("smoothing", [1.0, 0.75])
@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_ppmi_equals_the_textbook(smoothing, shift):
    X = word_counts(80, 3000)
    weigh = SVDEmbedding(context_smoothing=smoothing, shift=shift)._ppmi(X)
    M = textbook.ppmi(X.toarray(), smoothing, shift)
    assert_allclose(weigh(X).toarray(), M, atol=1e-12)
    assert weigh(X).nnz == (M > 0).sum()
    if smoothing == 1:
        assert (weigh(X) != weigh(X).T).nnz == 0


def test_ppmi_of_a_matrix_in_pieces(monkeypatch):
    X = word_counts(80, 3000)
    whole = SVDEmbedding()._ppmi(X)(X).toarray()
    monkeypatch.setattr("nncore.text._weighting._ENTRIES_AT_ONCE", 50)
    assert_array_equal(SVDEmbedding()._ppmi(X)(X).toarray(), whole)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("smoothing", [1.0, 0.75])
def test_ppmi_vectors_are_those_made_with_scipy(power, smoothing):
    X, k = word_counts(), 20
    vectors = SVDEmbedding(
        k, power=power, context_smoothing=smoothing, random_state=0, n_iter=20, dtype="float64"
    ).fit_transform(X)
    U, S, Vt = scipys(sparse.csr_matrix(textbook.ppmi(X.toarray(), smoothing)), k)
    signs = np.sign(Vt[np.arange(k), np.abs(Vt).argmax(axis=1)])
    assert_allclose(vectors, U * signs * S**power, atol=1e-6)


def test_the_rhymes_vectors_equal_the_textbooks():
    X, vocabulary = text.cooccurrence([RHYME], window=2)
    M = textbook.ppmi(textbook.cooccurrence_counts([RHYME], vocabulary.index_to_key, 2))
    # The third and the fourth singular value are the first that have others on either side.
    vectors = SVDEmbedding(3, context_smoothing=1.0, random_state=1, dtype="float64").fit_transform(X)
    assert_allclose(vectors, textbook.svd_embedding(M, 3), atol=1e-8)


def test_a_corpus_becomes_vectors_of_its_words():
    sentences = [RHYME[i : i + 13] for i in range(0, 39, 13)]
    model = SVDEmbedding(5, random_state=0).fit_corpus(sentences, window=3, min_count=1)
    X, vocabulary = text.cooccurrence(sentences, 3, weighting="harmonic")
    assert model.wv.index_to_key == vocabulary.index_to_key == model.vocabulary_.index_to_key
    expected = SVDEmbedding(5, random_state=0).fit_transform(X.astype(np.float32))
    assert_allclose(model.wv.vectors, expected, atol=1e-6)
    assert model.wv.get_vecattr("crooked", "count") == 7
    assert_allclose(model.transform(X), expected, atol=1e-5)


def test_a_word_without_neighbours_has_the_vector_zero():
    X = word_counts(50, 2000).tolil()
    X[7, :] = 0
    X[:, 7] = 0
    for weighting in ("ppmi", "log", None):
        vectors = SVDEmbedding(4, weighting, random_state=0).fit_transform(X.tocsr())
        assert not vectors[7].any()
        assert np.isfinite(vectors).all()


def test_a_context_that_was_never_seen_counts_for_nothing():
    X = word_counts(50, 2000).toarray()
    X[:, 7] = 0
    model = SVDEmbedding(4, random_state=0).fit(X)
    row = X[3].copy()
    row[7] = 5
    assert np.isfinite(model.transform([row])).all()


def test_a_row_has_the_same_vector_alone_and_among_others():
    X = word_counts(100, 5000)
    model = SVDEmbedding(10, random_state=0).fit(X)
    all_rows = model.transform(X)
    assert_array_equal(model.transform(X[17]), all_rows[17:18])
    assert_allclose(model.fit_transform(X), all_rows, atol=1e-4)


@pytest.mark.parametrize("weighting", ["ppmi", None])
def test_the_kind_of_matrix_does_not_matter(weighting):
    X = word_counts(60, 3000)
    expected = SVDEmbedding(5, weighting, random_state=0).fit_transform(X)
    halves = sparse.csr_matrix(  # each entry in two halves, the columns descending
        (np.repeat(X.data[::-1] / 2, 2), np.repeat(X.indices[::-1], 2), 2 * (X.indptr[-1] - X.indptr[::-1])), X.shape
    )[::-1]
    unordered = halves.copy()
    wide = X.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    for other in (X.tocsc(), X.tocoo(), X.toarray(), X.astype(np.int64), X.toarray().astype(int), unordered, wide):
        before = other.copy()
        assert_allclose(SVDEmbedding(5, weighting, random_state=0).fit_transform(other), expected, atol=1e-6)
        assert_array_equal(before.data, other.data)  # what the caller has stays as it is


def test_results_repeat_and_come_in_the_type_of_x():
    X = word_counts(60, 3000)
    one, two = (SVDEmbedding(5, random_state=4).fit_transform(X) for _ in range(2))
    assert_array_equal(one, two)
    assert one.dtype == np.float64
    assert SVDEmbedding(5).fit_transform(X.astype(np.float32)).dtype == np.float32


def test_the_score_is_the_share_that_is_kept():
    X = word_counts(60, 3000)
    scores = [SVDEmbedding(k, random_state=0).fit(X).score(X) for k in (1, 5, 30, 60)]
    assert scores == sorted(scores)
    assert scores[-1] == pytest.approx(1)
    assert 0 < scores[0] < scores[1]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be at least 1, but is 0"),
        ({"n_components": 2.0}, TypeError, "n_components must be an integer"),
        ({"n_components": 61}, ValueError, "n_samples = 60, n_features = 60, but is 61"),
        ({"weighting": "tfidf"}, ValueError, "weighting must be 'ppmi', 'log' or None, but is 'tfidf'"),
        ({"power": -1}, ValueError, "power must be at least 0"),
        ({"context_smoothing": np.nan}, ValueError, "context_smoothing must be at least 0"),
        ({"shift": 0}, ValueError, "shift must be above 0"),
        ({"n_iter": 0}, ValueError, "n_iter must be from 1 to 1000, but is 0"),
        ({"dtype": "float16"}, ValueError, "dtype must be 'float32' or 'float64', but is 'float16'"),
        ({"random_state": "one"}, TypeError, "random_state must be"),
    ],
)
def test_settings_are_checked_and_the_estimator_stays_as_it_was(settings, error, message):
    X = word_counts(60, 3000)
    model = SVDEmbedding(5, random_state=0).fit(X)
    before = model.components_.copy()
    with pytest.raises(error, match=message):
        model.set_params(**settings).fit(X)
    assert_array_equal(model.components_, before)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_bad_values_are_refused(value, make):
    X = word_counts(60, 3000).toarray()
    X[3, 4] = value
    with pytest.raises(ValueError, match="NaN|infinity|Negative values"):
        SVDEmbedding(5).fit(make(X))


def test_values_beyond_float32_are_refused():
    X = word_counts(60, 3000)
    X.data[0] = 1e300
    with pytest.raises(
        ValueError, match="X must be finite, but has a value too large for float32; try dtype='float64'"
    ):
        SVDEmbedding(5, "log").fit(X)
    SVDEmbedding(5, "log", dtype="float64").fit(X)


@pytest.mark.parametrize("sentences", [[["a"]], [["a"], ["b"]]])
def test_a_corpus_too_small_for_the_components_is_refused(sentences):
    with pytest.raises(ValueError, match="n_components must be at most"):
        SVDEmbedding(3).fit_corpus(sentences, min_count=1)
    with pytest.raises(ValueError, match="number of words, but is 3 for the 1 words that are kept"):
        SVDEmbedding(3).fit_corpus([["a", "b", "a"]], min_count=2)


@pytest.mark.parametrize("sentences", [[], [[]]])
def test_a_corpus_without_words_is_refused(sentences):
    with pytest.raises(ValueError, match="sentences must hold words, but the corpus is empty"):
        SVDEmbedding(3).fit_corpus(sentences)


def test_a_corpus_without_neighbours_gives_zeros():
    model = SVDEmbedding(1).fit_corpus([["a"], ["b"]], min_count=1)
    assert_array_equal(model.wv.vectors, [[0], [0]])


def test_it_must_be_fitted_first():
    with pytest.raises(NotFittedError):
        SVDEmbedding().transform(np.ones((2, 2)))
    assert clone(SVDEmbedding(7, power=1.0)).get_params()["power"] == 1.0


def test_verbose_shows_progress(capsys):
    SVDEmbedding(2, verbose=1).fit(word_counts(20, 500))
    assert "SVD" in capsys.readouterr().err


def test_without_scikit_learn_the_error_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = None\nfrom nncore import text\ntext.SVDEmbedding"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: nncore.text.SVDEmbedding needs scikit-learn: pip install 'nncore[sklearn]'" in done.stderr


@pytest.mark.parametrize(("dtype", "exponents"), [("float64", (-300, -200, 200, 306)), ("float32", (-36, 36))])
def test_numbers_of_any_size_have_singular_values(dtype, exponents):
    X = np.random.default_rng(0).random((30, 20))
    expected = np.linalg.svd(X, compute_uv=False)[:3]
    for exponent in exponents:
        scaled = sparse.csr_matrix((X * 10.0**exponent).astype(dtype))
        values = text.SVDEmbedding(3, weighting=None, dtype=dtype).fit(scaled).singular_values_
        assert_allclose(values.astype(float) / 10.0**exponent, expected, rtol=1e-5)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_is_never_lost():
    """Wherever in the work it comes."""
    rng = np.random.default_rng(0)
    n, k = 60_000, 20
    columns = np.sort(rng.integers(0, n // k, (n, k)) + np.arange(0, n, n // k)[:k], axis=1).astype(np.int32)
    starts = np.arange(0, n * k + 1, k)
    matrix = sparse.csr_matrix((rng.random(n * k, np.float32), columns.ravel(), starts), shape=(n, n))

    def fit_for_ever():
        while True:
            text.SVDEmbedding(60, weighting=None, n_iter=2).fit(matrix)

    for after in (0.02, 0.05, 0.1, 0.2, 0.3):
        timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            fit_for_ever()
        timer.join()
