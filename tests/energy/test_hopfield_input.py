from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from numpy.testing import assert_array_equal  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks  # noqa: E402
from sklearn.utils.validation import validate_data  # noqa: E402

from nncore.energy import Hopfield  # noqa: E402

MEMORIES = np.array([[1, -1, 1, -1, 1, 1], [1, 1, 1, -1, -1, -1]])
RULES = ("hebbian", "storkey", "pseudo_inverse")

# scikit-learn's contract

REASON = "its data are real numbers, and Hopfield takes patterns of -1 and +1: see Signs, which passes"
EXEMPT = dict.fromkeys(
    [
        *("check_fit_score_takes_y", "check_estimators_overwrite_params", "check_dont_overwrite_parameters"),
        *("check_estimators_fit_returns_self", "check_readonly_memmap_input", "check_n_features_in_after_fitting"),
        *("check_positive_only_tag_during_fit", "check_estimators_dtypes", "check_dtype_object"),
        *("check_pipeline_consistency", "check_estimators_nan_inf", "check_estimators_pickle"),
        *("check_f_contiguous_array_estimator", "check_transformer_data_not_an_array", "check_transformer_general"),
        *("check_transformer_preserve_dtypes", "check_methods_sample_order_invariance", "check_fit2d_1sample"),
        *("check_methods_subset_invariance", "check_fit2d_1feature", "check_dict_unchanged", "check_fit_idempotent"),
        *("check_fit_check_is_fitted", "check_n_features_in", "check_fit2d_predict1d"),
    ],
    REASON,
)


class Signs(Hopfield):
    """Hopfield that stores the signs of real numbers, so that scikit-learn's checks have data for it."""

    def _states(self, X, name="X", reset=False):
        X = validate_data(self, X, reset=reset)
        states = np.ascontiguousarray(np.where(X > 0.5, 1, -1), np.int8)
        return states, X.dtype if X.dtype.kind in "f" else np.dtype(np.float64)


@parametrize_with_checks([Hopfield()], expected_failed_checks=lambda _: EXEMPT)
def test_sklearn_checks_that_apply(estimator, check):
    check(estimator)


@parametrize_with_checks([Signs(), Signs("pseudo_inverse", True)])
def test_sklearn_checks_on_signs(estimator, check):
    check(estimator)


def test_no_check_is_missing():
    assert len(list(estimator_checks_generator(Signs()))) == len(list(estimator_checks_generator(Hopfield())))
    assert set(EXEMPT) <= {
        getattr(check, "func", check).__name__ for _, check in estimator_checks_generator(Hopfield())
    }


# What comes in


@pytest.mark.parametrize(
    "given",
    [
        MEMORIES.astype(np.int8),
        MEMORIES.astype(np.float32),
        MEMORIES.astype(">f8"),
        np.asfortranarray(MEMORIES),
        np.repeat(MEMORIES, 2, axis=1)[:, ::2],
        MEMORIES.tolist(),
        MEMORIES.astype(object),
    ],
    ids=lambda given: str(getattr(given, "dtype", "list")),
)
def test_any_layout_and_type_of_signs(given):
    if isinstance(given, np.ndarray):
        given.flags.writeable = False
    net = Hopfield().fit(given)
    assert_array_equal(net.memories_, MEMORIES)
    recalled = net.recall(given)
    assert_array_equal(recalled, MEMORIES)
    if isinstance(given, np.ndarray) and given.dtype.kind in "fi":
        assert recalled.dtype == given.dtype and recalled is not given


def test_unsigned_states_come_back_as_signed_ones():
    recalled = Hopfield().fit([[1, -1, -1]]).recall(np.ones((1, 3), np.uint8), order="cyclic")
    assert recalled.dtype == np.int8 and (recalled != 1).any()


def test_a_frame_names_the_units():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(MEMORIES, columns=list("abcdef"))
    net = Hopfield().fit(frame)
    assert net.feature_names_in_.tolist() == list("abcdef") == net.get_feature_names_out().tolist()


BAD_PATTERNS = [
    ([[1, 0, -1, 0, 1, 1]], r"X must consist of -1 and \+1, but has 0 in row 0, column 1; of images or bits, np.where"),
    ([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0.5, 1, 1]], "has 0.5 in row 1, column 3"),
    ([[True, False, True, True, True, True]], "has False in row 0, column 1"),
    ([[1, np.nan, 1, 1, 1, 1]], "Input X contains NaN"),
    ([[1, np.inf, 1, 1, 1, 1]], "Input X contains infinity"),
    (np.empty((0, 6)), r"Found array with 0 sample\(s\)"),
    (np.empty((2, 0)), r"Found array with 0 feature\(s\)"),
    ([1, -1, 1, 1, 1, 1], "Expected 2D array, got 1D array instead"),
    ([["a"] * 6], "not compatible with arrays of bytes/strings"),
]


@pytest.mark.parametrize(("given", "message"), BAD_PATTERNS)
@pytest.mark.parametrize("rule", RULES)
def test_bad_patterns_are_named_and_change_nothing(given, message, rule):
    net = Hopfield(rule).fit(MEMORIES)
    before = copy.deepcopy(net.__dict__)
    for call in (net.fit, net.partial_fit, net.recall, net.energy, net.is_stable, net.overlap, net.score):
        with pytest.raises(ValueError, match=message):
            call(given)
    assert before.keys() == net.__dict__.keys()
    for name, value in before.items():
        assert_array_equal(getattr(net, name), value)


def test_sparse_patterns_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        Hopfield().fit(sparse.csr_matrix(MEMORIES))


def test_patterns_of_another_length_are_refused():
    net = Hopfield().fit(MEMORIES)
    for call in (net.partial_fit, net.recall, net.energy, net.is_stable, net.overlap):
        with pytest.raises(ValueError, match="X has 5 features, but Hopfield is expecting 6 features as input"):
            call(MEMORIES[:, :5])
    assert net.n_memories_ == 2
    with pytest.raises(ValueError, match=r"y must have shape \(n_samples, 6\), but came as \(2, 5\)"):
        net.score(MEMORIES, MEMORIES[:, :5])
    with pytest.raises(ValueError, match="y must have a row for each of the 2 of X, but has 1"):
        net.score(MEMORIES, MEMORIES[:1])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"mode": "both"}, ValueError, "mode must be 'async' or 'sync', but is 'both'"),
        ({"order": "spiral"}, ValueError, "order must be 'random' or 'cyclic', but is 'spiral'"),
        ({"max_sweeps": 0}, ValueError, "max_sweeps must be at least 1, but is 0"),
        ({"max_sweeps": 2.5}, TypeError, "max_sweeps must be an integer, but is 2.5"),
        ({"temperature": -1}, ValueError, "temperature must be at least 0 and finite, but is -1"),
        ({"temperature": float("nan")}, ValueError, "temperature must be at least 0 and finite, but is nan"),
        ({"temperature": "hot"}, TypeError, "temperature must be a number, but is 'hot'"),
        ({"random_state": -1}, ValueError, "random_state must be from 0"),
        ({"random_state": 0.5}, TypeError, "random_state must be an int"),
        ({"return_path": 1}, TypeError, "return_path must be True or False, but is 1"),
    ],
)
def test_arguments_of_recall_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        Hopfield().fit(MEMORIES).recall(MEMORIES, **settings)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"rule": "hebb"}, ValueError, "rule must be 'hebbian', 'storkey' or 'pseudo_inverse', but is 'hebb'"),
        ({"self_connections": 1}, TypeError, "self_connections must be True or False, but is 1"),
        ({"dtype": "int8"}, ValueError, "dtype must be 'float32' or 'float64', but is 'int8'"),
        ({"bias": [1.0, 2.0]}, ValueError, r"bias must be a number or have shape \(6,\), but came as \(2,\)"),
        ({"bias": np.nan}, ValueError, "bias must be finite, but has nan"),
        ({"bias": [0, 1, 2, -np.inf, 4, 5]}, ValueError, "bias must be finite, but has -inf"),
        ({"bias": "q"}, TypeError, "bias must be of real numbers, but is 'q'"),
        ({"bias": True}, TypeError, "bias must be of real numbers, but is True"),
        ({"bias": 1e39, "rule": "storkey"}, ValueError, r"bias must be at most 2.84e\+37 in size, but has 1e\+39"),
        ({"bias": 1e308}, ValueError, r"bias must be at most 1.5e\+307 in size, but has 1e\+308"),
    ],
)
def test_parameters_are_named(parameters, error, message):
    net = Hopfield(**parameters)
    with pytest.raises(error, match=message):
        net.fit(MEMORIES)
    assert not hasattr(net, "n_features_in_") and not hasattr(net, "bias_")


def test_a_bias_that_was_set_is_used_and_checked():
    net = Hopfield(bias=0.5).fit(MEMORIES)
    assert_array_equal(net.bias_, [0.5] * 6)
    net.bias_ = np.array([0, 0, -9, 0, 0, 0])
    assert net.recall(MEMORIES, order="cyclic")[0, 2] == -1
    net.bias_ = [1, 2]
    with pytest.raises(ValueError, match=r"bias_ must have shape \(6,\), but came as \(2,\)"):
        net.recall(MEMORIES)
    net.bias_ = ["a"] * 6
    with pytest.raises(TypeError, match="bias_ must be of real numbers, but is "):
        net.recall(MEMORIES)


CHANGES = [
    ({"rule": "storkey"}, "rule must stay 'pseudo_inverse' to go on with the fitted network, but is 'storkey'"),
    ({"rule": "hebbian"}, "rule must stay 'pseudo_inverse' to go on with the fitted network, but is 'hebbian'"),
    ({"self_connections": True}, "self_connections must stay False to go on with the fitted network, but is True"),
    ({"dtype": "float64"}, "dtype must stay 'float32' to go on with the fitted network, but is 'float64'"),
]


@pytest.mark.parametrize(("changes", "message"), CHANGES)
def test_a_fitted_network_stays_what_it_is_when_parameters_change(changes, message, tmp_path):
    net = Hopfield("pseudo_inverse").fit(MEMORIES)
    weights, energy = net.weights_.copy(), net.energy(-MEMORIES)
    net.set_params(**changes).save(tmp_path / "net")
    for other in (net, Hopfield.load(tmp_path / "net")):
        assert_array_equal(other.weights_, weights)
        assert other.weights_.dtype == weights.dtype
        assert_array_equal(other.energy(-MEMORIES), energy)
        assert_array_equal(other.recall(MEMORIES), MEMORIES)
        with pytest.raises(ValueError, match=message):
            other.partial_fit(MEMORIES)
        assert other.n_memories_ == 2


@pytest.mark.parametrize("changes", [{"rule": "storkey"}, {"self_connections": True}, {"dtype": "float64"}])
def test_a_hebbian_network_stays_what_it_is_when_parameters_change(changes, tmp_path):
    net = Hopfield().fit(MEMORIES)
    weights = net.weights_
    net.set_params(**changes).save(tmp_path / "net")
    for other in (net, Hopfield.load(tmp_path / "net")):
        assert_array_equal(other.weights_, weights)
        assert other.weights_.dtype == np.float32
        assert_array_equal(other.energy(MEMORIES), [-2, -2])
        with pytest.raises(ValueError, match="must stay"):
            other.partial_fit(MEMORIES)


@pytest.mark.parametrize("bias", [np.arange(6), np.arange(6, dtype=np.float32), [0, 1, 2, 3, 4, 5]])
@pytest.mark.parametrize("rule", RULES)
def test_a_bias_that_was_set_is_saved(rule, bias, tmp_path):
    net = Hopfield(rule).fit(MEMORIES)
    net.bias_ = bias
    net.save(tmp_path / "net")
    assert_array_equal(Hopfield.load(tmp_path / "net").bias_, np.arange(6.0))


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    net = Hopfield().fit(MEMORIES)
    net.bias_ = [1, 2]
    with pytest.raises(ValueError, match=r"bias_ must have shape \(6,\)"):
        net.save(tmp_path / "net")
    net = Hopfield().fit(MEMORIES).set_params(rule="hebb")
    with pytest.raises(ValueError, match="rule must be 'hebbian'"):
        net.save(tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_an_unfitted_network_says_so():
    for call in (Hopfield().recall, Hopfield().energy, Hopfield().is_stable, Hopfield().overlap, Hopfield().score):
        with pytest.raises(sklearn.exceptions.NotFittedError):
            call(MEMORIES)
    with pytest.raises(AttributeError, match="weights_ are there after fit"):
        Hopfield().weights_  # noqa: B018


# Files


@pytest.mark.parametrize("rule", RULES)
def test_saved_loaded_and_pickled_networks_are_the_same(rule, tmp_path):
    net = Hopfield(rule, True, bias=np.arange(6) / 6, dtype="float64").fit(MEMORIES)
    net.save(tmp_path / "net")
    for other in (Hopfield.load(tmp_path / "net"), pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert_array_equal(other.weights_, net.weights_)
        assert_array_equal(other.bias_, net.bias_)
        assert_array_equal(other.recall(-MEMORIES, random_state=0), net.recall(-MEMORIES, random_state=0))
        other.partial_fit(-MEMORIES[:1])
        assert other.n_memories_ == 3
    assert clone(net).get_params()["rule"] == rule


def test_a_file_whose_parts_do_not_fit_is_refused(tmp_path):
    net = Hopfield().fit(MEMORIES)
    net._columns = net._columns[:4]
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match="is damaged: _columns is uint8 of shape"):
        Hopfield.load(tmp_path / "net")


@pytest.mark.parametrize("name", ["_weights", "_diagonal", "bias_"])
def test_a_file_with_a_nan_is_refused(name, tmp_path):
    net = Hopfield("storkey").fit(MEMORIES)
    net._checked_bias = lambda: net.bias_
    getattr(net, name)[1] = np.nan
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match=f"is damaged: {name} must be finite"):
        Hopfield.load(tmp_path / "net")


def test_memories_take_a_hundredth_of_the_weights():
    rng = np.random.default_rng(0)
    net = Hopfield().fit(rng.choice(np.array([-1, 1], np.int8), (1000, 10000)))
    kept = sum(value.nbytes for value in vars(net).values() if isinstance(value, np.ndarray))
    assert kept * 100 <= 10000**2 * 4
