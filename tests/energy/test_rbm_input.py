"""A restricted Boltzmann machine as an estimator of scikit-learn, and what it refuses."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator

from nncore import _files, datasets
from nncore.energy import RBM

X = np.array([[0, 0, 1, 0.5], [0, 1, 1, 0], [1, 0, 0, 1], [1, 1, 0, 0]])


class Squashed(RBM):
    """A machine whose units of 0 and 1 are probabilities of any numbers: scikit-learn's checks draw normal ones."""

    def _checked(self, X: Any, *, reset: bool) -> Any:
        X = super()._checked(X, reset=reset)
        if sparse.issparse(X):
            X = X.copy()
            X.data = expit(X.data)
            return X
        return expit(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = False
        return tags


@pytest.mark.parametrize("estimator", [RBM(5, visible="gaussian"), Squashed(), Squashed(persistent=True, momentum=0.5)])
def test_all_checks_of_scikit_learn_pass(estimator: RBM) -> None:
    results = check_estimator(estimator, on_skip=None)
    wrong = [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")]
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert not wrong
    assert skipped <= {"check_array_api_input"}  # needs SCIPY_ARRAY_API in the environment
    assert len(results) >= 45


SET_OUTPUT = [
    estimator_checks.check_transformer_get_feature_names_out,
    estimator_checks.check_transformer_get_feature_names_out_pandas,
    estimator_checks.check_set_output_transform,
    estimator_checks.check_set_output_transform_pandas,
    estimator_checks.check_global_output_transform_pandas,
    estimator_checks.check_dataframe_column_names_consistency,
]


@pytest.mark.filterwarnings("ignore:X .* feature names")  # the checks mix frames and arrays
@pytest.mark.parametrize("check", SET_OUTPUT, ids=lambda check: check.__name__)
def test_names_and_output_are_what_scikit_learn_checks(check: Any) -> None:
    pytest.importorskip("pandas", reason="its checks make frames")
    for estimator in (RBM(5, 0.01, visible="gaussian", n_iter=1), Squashed(5, n_iter=1)):
        check("RBM", estimator)


def test_a_fitted_machine_gives_frames_where_they_are_asked_for() -> None:
    pandas = pytest.importorskip("pandas", reason="frames are pandas'")
    network = make_pipeline(RBM(3, n_iter=1), RBM(2, n_iter=1)).set_output(transform="pandas")
    frame = network.fit(pandas.DataFrame(X, columns=list("abcd"))).transform(pandas.DataFrame(X, columns=list("abcd")))
    assert list(frame.columns) == ["rbm0", "rbm1"]


def test_it_works_in_a_pipeline_and_a_grid_search() -> None:
    images, labels = datasets.load_digits()
    rows = images.reshape(-1, 64)[:600]
    model = make_pipeline(MinMaxScaler(), RBM(60, 0.1, batch_size=10, n_iter=60, random_state=0), LogisticRegression())
    search = GridSearchCV(model, {"rbm__learning_rate": [1e-6, 0.1]}, cv=3).fit(rows, labels[:600])
    assert search.best_params_ == {"rbm__learning_rate": 0.1}
    assert search.best_score_ > 0.8
    alone = GridSearchCV(RBM(10, random_state=0), {"n_iter": [1, 30]}, cv=2).fit(rows / 16)
    assert alone.best_params_ == {"n_iter": 30}


def test_a_deep_belief_network_is_a_pipeline(digits: Any) -> None:
    network = make_pipeline(RBM(30, n_iter=5, random_state=0), RBM(10, n_iter=5, random_state=1)).fit(digits)
    assert network.transform(digits).shape == (len(digits), 10)
    assert network.inverse_transform(network.transform(digits[:3])).shape == (3, 64)
    assert list(network.get_feature_names_out())[:2] == ["rbm0", "rbm1"]


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, bool])
def test_types_and_layouts_of_arrays_are_taken_and_kept(kind: Any) -> None:
    rows = np.round(X).astype(kind)
    rbm = RBM(3, random_state=0).fit(rows)
    expected = kind if np.dtype(kind).kind == "f" else np.float64
    for method in (rbm.transform, rbm.gibbs):
        assert method(rows).dtype == expected
    assert rbm.inverse_transform(rbm.transform(rows)).dtype == expected
    frozen = np.asfortranarray(np.repeat(rows, 2, axis=0))[::2]
    frozen.flags.writeable = False
    again = RBM(3, random_state=0).fit(frozen)
    assert_array_equal(again.components_, rbm.components_)
    assert_array_equal(rbm.transform(frozen), rbm.transform(rows))
    rbm.gibbs(frozen, 2)
    assert_array_equal(frozen, rows)


def test_sparse_samples_are_the_dense_ones() -> None:
    dense = RBM(3, random_state=0).fit(X, X_val=X)
    for kind in (sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix):
        rbm = RBM(3, random_state=0).fit(kind(X), X_val=kind(X))
        assert_array_equal(rbm.components_, dense.components_)
        assert rbm.history_ == dense.history_
        assert_array_equal(rbm.gibbs(kind(X), 2, random_state=0), dense.gibbs(X, 2, random_state=0))
    halves = sparse.coo_matrix((np.full(8, 0.5), (np.repeat(np.arange(4), 2), np.repeat(np.arange(4), 2))))
    assert_array_equal(dense.transform(halves.tocsr()), dense.transform(np.eye(4)))


def test_components_can_be_set_and_are_checked() -> None:
    rbm = RBM(3, random_state=0).fit(X)
    rbm.components_ = np.zeros((3, 4))
    assert_array_equal(rbm.transform(X)[0], rbm.transform(X)[1])
    with pytest.raises(ValueError, match=r"components_ must be \(3, 4\), but came as \(4, 3\)"):
        rbm.components_ = np.zeros((4, 3))


@pytest.mark.parametrize("copy", [clone, lambda rbm: pickle.loads(pickle.dumps(rbm))])
def test_copies_train_alike(copy: Any) -> None:
    rbm = RBM(3, random_state=5)
    assert_array_equal(copy(rbm).fit(X).components_, rbm.fit(X).components_)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 0}, "n_components must be at least 1, but is 0"),
        ({"n_components": 2.0}, "n_components must be an integer"),
        ({"n_iter": 0}, "n_iter must be at least 1, but is 0"),
        ({"batch_size": -1}, "batch_size must be at least 1, but is -1"),
        ({"k": 0}, "k must be at least 1, but is 0"),
        ({"k": 10**6}, "k must be at most 10000, but is 1000000"),
        ({"learning_rate": -0.1}, "learning_rate must be"),
        ({"learning_rate": float("nan")}, "learning_rate must be"),
        ({"momentum": 1.0}, "momentum must be"),
        ({"persistent": 1}, "persistent must be True or False, but is 1"),
        ({"visible": "binary"}, "visible must be 'bernoulli' or 'gaussian', but is 'binary'"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'float64', but is 'float16'"),
        ({"n_chains": 0}, "n_chains must be at least 1, but is 0"),
        ({"sparsity_target": 1.5}, "sparsity_target must be between 0 and 1, but is 1.5"),
        ({"validation_fraction": 0.0}, "validation_fraction must be between 0 and 1, but is 0.0"),
        ({"validation_fraction": 0.9, "early_stopping": True}, "validation_fraction must leave samples to train on"),
        ({"random_state": -1}, "random_state must be from 0"),
        ({"random_state": "0"}, "random_state must be an int"),
    ],
)
def test_settings_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    rbm = RBM(**settings)
    with pytest.raises((ValueError, TypeError), match=message):
        rbm.fit(X)
    assert not hasattr(rbm, "components_")
    assert not hasattr(rbm, "n_features_in_")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (X * 255, r"X must be within \[0, 1\] for visible='bernoulli', but has values from 0 to 255; scale it"),
        (X - 0.5, r"Negative values in data .* X must be within \[0, 1\]"),
        (np.where(X == 1, np.nan, X), "NaN"),
        (np.empty((0, 4)), "0 sample"),
        (np.empty((4, 0)), "0 feature"),
        (X[0], "Expected 2D array"),
        (X[:, :3], "X has 3 features, but RBM is expecting 4 features"),
        (sparse.csr_matrix(X * 2), r"X must be within \[0, 1\]"),
        (np.full((2, 4), "a"), "could not convert string"),
    ],
)
def test_samples_are_refused_and_nothing_changes(rows: Any, message: str) -> None:
    rbm = RBM(3, random_state=0).fit(X)
    before = {name: np.copy(value) for name, value in rbm.__dict__.items()}
    calls = [rbm.partial_fit, lambda rows: rbm.fit(X, X_val=rows)]
    if "expecting 4" not in message:
        calls.append(rbm.fit)
    if "must be within" not in message:  # a test set may exceed the range that a scaler found
        calls += [rbm.transform, rbm.free_energy, rbm.score_samples, rbm.gibbs, rbm.log_likelihood]
    for call in calls:
        with pytest.raises(ValueError, match=message.replace("X must", "(X|X_val) must")):
            call(rows)
    assert rbm.__dict__.keys() == before.keys()
    for name, value in before.items():
        assert_array_equal(getattr(rbm, name), value)


def test_a_fitted_machine_stays_what_it_is_when_parameters_change() -> None:
    rbm = RBM(3, random_state=0).fit(X)
    before, score = rbm.transform(X), rbm.score(X)
    for name, value in (("n_components", 5), ("dtype", "float64"), ("visible", "gaussian")):
        changed = pickle.loads(pickle.dumps(rbm)).set_params(**{name: value})
        assert_array_equal(changed.transform(X), before)
        assert changed.score(X) == score
        assert changed.gibbs(X).shape == X.shape
        for go_on in (changed.partial_fit, changed.set_params(warm_start=True).fit):
            with pytest.raises(
                ValueError, match=f"{name} must stay .* to go on with the fitted machine, but is {value!r}"
            ):
                go_on(X)
        changed.set_params(warm_start=False).fit(X)


def test_what_a_user_sets_is_taken_or_refused() -> None:
    rbm = RBM(3, random_state=0).fit(X)
    rbm.intercept_hidden_ = [1, 2, 3]  # type: ignore[assignment]
    rbm.intercept_visible_ = np.zeros(4, int)
    assert_allclose(rbm.transform(np.zeros((1, 4)))[0], expit([1, 2, 3]), rtol=1e-6)
    rbm.partial_fit(X)
    rbm.intercept_hidden_ = np.zeros(2)
    with pytest.raises(ValueError, match=r"intercept_hidden_ must be \(3,\), but is \(2,\)"):
        rbm.transform(X)
    rbm.intercept_hidden_ = np.full(3, np.nan)
    assert np.isnan(rbm.log_partition("exact"))


def test_no_memory_for_chains_leaves_the_machine() -> None:
    rbm = RBM(3, random_state=0).fit(X)
    before = rbm.components_.copy()
    with pytest.raises(MemoryError):
        rbm.set_params(persistent=True, n_chains=10**13).fit(X)
    assert_array_equal(rbm.components_, before)
    assert rbm.n_iter_ == 10


def test_what_other_methods_refuse() -> None:
    rbm = RBM(35, random_state=0).fit(np.zeros((2, 40)))
    with pytest.raises(ValueError, match="method must be 'ais' for a machine of 40 visible and 35 hidden units: .* 30"):
        rbm.log_partition("exact")
    with pytest.raises(ValueError, match="method must be 'ais' or 'exact', but is 'mcmc'"):
        rbm.log_partition("mcmc")
    with pytest.raises(ValueError, match="n_chains must be at least 2, but is 1"):
        rbm.log_partition(n_chains=1)
    with pytest.raises(ValueError, match="n_temperatures must be at least 1, but is 0"):
        rbm.log_likelihood(np.zeros((1, 40)), n_temperatures=0)
    with pytest.raises(ValueError, match="steps must be at least 0, but is -1"):
        rbm.gibbs(np.zeros((1, 40)), -1)
    with pytest.raises(TypeError, match="n_samples must be an integer, but is 1.5"):
        rbm.sample(1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"X must be \(n_samples, n_components\) = \(n, 35\), but came as \(1, 3\)"):
        rbm.inverse_transform(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="X must be finite"):
        rbm.inverse_transform(np.full((1, 35), np.nan))
    with pytest.raises(ValueError, match="too large for float32"):
        RBM(visible="gaussian").fit(np.full((2, 2), 1e300))


def test_a_file_of_numbers_that_are_not_finite_is_refused(tmp_path: Path) -> None:
    rbm = RBM(3, random_state=0, dtype=np.dtype("float64")).fit(X)  # type: ignore[arg-type]
    rbm.save(tmp_path / "rbm")
    assert_array_equal(RBM.load(tmp_path / "rbm").components_, rbm.components_)
    rbm.intercept_hidden_[:] = np.nan
    rbm.save(tmp_path / "rbm")
    with pytest.raises(ValueError, match="is damaged: its numbers must be finite"):
        RBM.load(tmp_path / "rbm")


@pytest.mark.parametrize("name", ["n_features_in", "params", "fitted"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "rbm.safetensors"
    RBM(3, random_state=0).fit(X).save(path)
    description, arrays = _files.read_model(path, "RBM")
    description[name] = {"params": {"k": 0}, "n_features_in": 3, "fitted": {}}[name]
    _files.write_model(path, "RBM", description, arrays)
    with pytest.raises(ValueError, match="rbm.safetensors' is damaged"):
        RBM.load(path)


def test_names_of_features_are_kept_in_a_file(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    RBM(3, random_state=0).fit(frame).save(tmp_path / "rbm")
    loaded = RBM.load(tmp_path / "rbm")
    assert list(loaded.feature_names_in_) == list("abcd")
    assert loaded.transform(frame).shape == (4, 3)


@pytest.mark.parametrize("method", ["score_samples", "score", "log_likelihood", "gibbs"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_what_has_no_likelihood_is_refused_by_a_fitted_machine_too(method: str, kind: Any) -> None:
    rbm = RBM(3, n_iter=1, random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"must be within \[0, 1\].*to 16; scale it"):
        getattr(rbm, method)(kind(16 * X))
    assert_array_equal(rbm.transform(kind(16 * X)), rbm.transform(16 * X))
    getattr(RBM(3, 0.001, n_iter=1, visible="gaussian").fit(X), method)(kind(16 * X))


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.5, "persistent": True}])
def test_parameters_that_may_not_be_written_are_copied(settings: dict[str, Any]) -> None:
    rbm, other = (RBM(3, n_iter=1, random_state=0, **settings).fit(X) for _ in range(2))
    for name in ("_weights", "intercept_visible_", "intercept_hidden_", "_velocity", "h_samples_"):
        getattr(rbm, name).flags.writeable = False
    assert_array_equal(rbm.partial_fit(X).components_, other.partial_fit(X).components_)


def test_types_of_numpy_say_what_is_computed_in() -> None:
    assert RBM(3, dtype=np.float64, random_state=0).fit(X).intercept_hidden_.dtype == np.float64
    with pytest.raises(ValueError, match="dtype must be"):
        RBM(3, dtype=np.float16).fit(X)
