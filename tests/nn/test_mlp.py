from __future__ import annotations

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import nn

sklearn = pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from scipy import sparse  # noqa: E402
from sklearn import neural_network  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.exceptions import ConvergenceWarning, NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks  # noqa: E402

from .few_digits import CURVES, DIGIT, DIGITS, FEW, IS_ODD, PROPERTIES, WEIGHTS, N, X, classifier, regressor, same_bits  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # the tests are short
]

# scikit-learn's contract


@parametrize_with_checks([nn.MLPClassifier(), nn.MLPRegressor()])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "at_1_9"), [(nn.MLPClassifier(), 68), (nn.MLPRegressor(), 61)], ids=str)
def test_none_of_scikit_learns_checks_is_left_out(estimator, at_1_9):
    checks = len(list(estimator_checks_generator(estimator)))
    assert checks == at_1_9 if sklearn.__version__.startswith("1.9.") else checks > 45
    tags = get_tags(estimator)
    assert not (tags._skip_test or tags.no_validation or tags.non_deterministic)
    assert not any(getattr(part, "poor_score", False) for part in (tags.classifier_tags, tags.regressor_tags))


CASES = [
    ("MLPClassifier", DIGIT, {}),
    ("MLPClassifier", DIGIT, {"alpha": 3.0, "weighted": True, "hidden_layer_sizes": (20, 10)}),
    ("MLPClassifier", DIGIT, {"epsilon": 0.1, "beta_1": 0.8, "beta_2": 0.9, "hidden_layer_sizes": 30}),
    ("MLPClassifier", DIGIT, {"solver": "sgd", "learning_rate_init": 0.1, "alpha": 3.0}),
    ("MLPClassifier", DIGIT, {"shuffle": False, "hidden_layer_sizes": ()}),
    ("MLPClassifier", DIGIT, {"batch_size": N, "alpha": 1.0, "weighted": True}),
    ("MLPClassifier", DIGIT, {"tol": 0.03, "n_iter_no_change": 2, "max_iter": 100, "batch_size": 64}),
    ("MLPClassifier", DIGIT, {"early_stopping": True, "max_iter": 30, "n_iter_no_change": 2}),
    ("MLPClassifier", IS_ODD, {"early_stopping": True, "max_iter": 30, "n_iter_no_change": 2, "weighted": True}),
    ("MLPClassifier", IS_ODD, {"alpha": 3.0, "activation": "tanh"}),
    ("MLPClassifier", PROPERTIES, {"alpha": 3.0, "activation": "logistic"}),
    ("MLPClassifier", PROPERTIES, {"solver": "sgd", "nesterovs_momentum": False, "early_stopping": True}),
    ("MLPRegressor", CURVES, {"alpha": 3.0, "weighted": True}),
    ("MLPRegressor", CURVES, {"solver": "sgd", "momentum": 0, "learning_rate": "invscaling", "alpha": 3.0}),
    ("MLPRegressor", CURVES, {"early_stopping": True, "max_iter": 30, "n_iter_no_change": 2, "weighted": True}),
    (
        "MLPRegressor",
        CURVES[:, 0],
        {
            "solver": "sgd",
            "momentum": 0,
            "learning_rate": "adaptive",
            "tol": 0.05,
            "n_iter_no_change": 2,
            "max_iter": 90,
        },
    ),
    ("MLPRegressor", CURVES[:, 0], {"activation": "identity", "alpha": 0.0}),
]


@pytest.mark.peer
@pytest.mark.parametrize(("name", "y", "settings"), CASES)
def test_training_is_that_of_scikit_learn(name, y, settings):
    settings = {**FEW, **settings}
    weights = WEIGHTS if settings.pop("weighted", False) else None
    peer = getattr(neural_network, name)(**settings).fit(X, y, weights)
    wide = getattr(nn, name)(dtype="float64", **settings).fit(X, y, weights)
    narrow = getattr(nn, name)(**settings).fit(X, y, weights)
    assert_allclose(wide.loss_curve_, peer.loss_curve_, rtol=1e-9)
    for ours, theirs in zip(wide.coefs_ + wide.intercepts_, peer.coefs_ + peer.intercepts_, strict=True):
        assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
    assert_allclose(wide.predict(X), peer.predict(X), rtol=1e-7, atol=1e-9)
    assert_allclose(narrow.loss_curve_, peer.loss_curve_, rtol=1e-4)
    for estimator in (wide, narrow):
        assert (estimator.n_iter_, estimator.t_) == (peer.n_iter_, peer.t_)
        assert (estimator.n_layers_, estimator.n_outputs_) == (peer.n_layers_, peer.n_outputs_)
        assert estimator.out_activation_ == peer.out_activation_
        assert_allclose(estimator.loss_, peer.loss_, rtol=1e-4)
        for attribute in ("best_loss_", "best_validation_score_", "validation_scores_"):
            ours, theirs = getattr(estimator, attribute), getattr(peer, attribute)
            assert ours is theirs is None or np.allclose(ours, theirs, rtol=1e-4)
    if name == "MLPClassifier":
        assert_array_equal(narrow.classes_, peer.classes_)
        assert_allclose(wide.predict_proba(X), peer.predict_proba(X), rtol=1e-6, atol=1e-9)
        assert_allclose(wide.predict_log_proba(X), peer.predict_log_proba(X), rtol=1e-6, atol=1e-9)
    assert_allclose(narrow.score(X, y), peer.score(X, y), rtol=0.02)


@pytest.mark.peer
@pytest.mark.parametrize(
    "settings", [{}, {"early_stopping": True}, {"solver": "sgd"}, {"tol": 0.5, "n_iter_no_change": 2, "max_iter": 20}]
)
def test_warm_start_goes_on_as_in_scikit_learn(settings):
    settings = {**FEW, **settings, "warm_start": True}
    ours, peer = nn.MLPClassifier(dtype="float64", **settings), neural_network.MLPClassifier(**settings)
    for _ in range(2):
        ours.fit(X, DIGIT)
        peer.fit(X, DIGIT)
        assert ours.n_iter_ == peer.n_iter_
    assert_allclose(ours.loss_curve_, peer.loss_curve_, rtol=1e-9)
    assert_allclose(ours.coefs_[0], peer.coefs_[0], rtol=1e-7, atol=1e-9)


@pytest.mark.peer
def test_defaults_are_those_of_scikit_learn():
    for name in ("MLPClassifier", "MLPRegressor"):
        ours, peer = (getattr(module, name)().get_params() for module in (nn, neural_network))
        assert set(peer) - set(ours) <= {"loss", "max_fun"}
        assert set(ours) - set(peer) <= {"dtype", "class_weight"}
        assert {key: ours[key] for key in ours if key in peer} == {key: peer[key] for key in ours if key in peer}


@pytest.mark.peer
def test_what_is_printed_is_what_scikit_learn_prints(capsys):
    printed = []
    for module in (nn, neural_network):
        for settings in ({"early_stopping": True}, {"solver": "sgd", "learning_rate": "adaptive", "momentum": 0}):
            module.MLPClassifier(
                verbose=True, max_iter=40, tol=0.01, n_iter_no_change=2, random_state=0, **settings
            ).fit(X.astype(np.float32), DIGIT)
        printed.append([line.split("loss =")[0] for line in capsys.readouterr().out.splitlines()])
    assert printed[0] == printed[1]
    assert any("Setting learning rate" in line for line in printed[0])
    assert any("Validation score did not improve" in line for line in printed[0])


# Weights and the order of samples


def test_in_one_batch_neither_order_nor_repetition_changes_a_bit():
    x, y = X[:60], DIGIT[:60]
    counts = np.random.default_rng(0).integers(0, 4, 60)
    order = np.random.default_rng(1).permutation(60)
    weighted = classifier().fit(x, y, counts)
    assert same_bits(weighted, classifier().fit(x.repeat(counts, axis=0), y.repeat(counts)))
    assert same_bits(weighted, classifier().fit(x[order], y[order], counts[order]))
    assert not same_bits(weighted, classifier().fit(x, y))


@pytest.mark.parametrize("make", [classifier, regressor])
def test_samples_of_weight_0_count_as_absent(make):
    weights = WEIGHTS * (np.arange(N) % 3 > 0)
    kept = weights > 0
    one, other = make().fit(X, DIGIT, weights), make().fit(X[kept], DIGIT[kept], weights[kept])
    assert same_bits(one, other)
    assert one.t_ == other.t_ == 6 * kept.sum()


def test_only_the_ratios_of_weights_count_without_a_penalty():
    one, other = (classifier(alpha=0).fit(X, DIGIT, WEIGHTS * scale) for scale in (1, 2.0**-140))
    assert same_bits(one, other)


@pytest.mark.parametrize("y", [DIGIT, IS_ODD])
def test_weights_of_classes_are_weights_of_their_samples(y):
    by_label = {label: 1.0 + label for label in np.unique(y)}
    expected = classifier().fit(X, y, (1.0 + y) * WEIGHTS)
    assert same_bits(classifier(class_weight=by_label).fit(X, y, WEIGHTS), expected)
    balanced = (len(y) / (len(by_label) * np.bincount(y)))[y]
    assert same_bits(classifier(class_weight="balanced").fit(X, y), classifier().fit(X, y, balanced))


@pytest.mark.parametrize(
    "weights", [np.ones(N - 1), -WEIGHTS, np.zeros(N), np.full(N, np.nan), np.ones((N, 2))], ids=lambda w: str(w.shape)
)
def test_weights_that_cannot_be_are_refused(weights):
    with pytest.raises(ValueError, match="(?i)sample_?.?weights?"):
        classifier().fit(X, DIGIT, weights)


# Data


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"batch_size": N}])
def test_sparse_data_give_the_bits_of_dense_data(form, settings):
    dense, thin = classifier(**settings).fit(X, DIGIT, WEIGHTS), classifier(**settings).fit(form(X), DIGIT, WEIGHTS)
    assert same_bits(dense, thin)
    assert_array_equal(dense.predict_proba(X), thin.predict_proba(form(X)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_results_are_of_the_type_of_x(dtype):
    x, result = DIGITS.astype(dtype), np.float32 if dtype == np.float32 else np.float64
    for settings in ({}, {"dtype": "float64"}):
        one = classifier(**settings).fit(x, DIGIT)
        assert one.net_.dtype == settings.get("dtype", "float32")
        assert one.predict_proba(x).dtype == one.predict_log_proba(x).dtype == result
        assert regressor(**settings).fit(x, CURVES).predict(x).dtype == result
        assert_allclose(one.predict_proba(x).sum(axis=1), 1, rtol=1e-6 if result == np.float32 else 1e-14)


def test_predictions_do_not_depend_on_the_rows_around_them():
    one = classifier().fit(X, DIGIT)
    many = np.tile(X, (20, 1))  # more than are predicted at once
    assert_array_equal(one.predict_proba(many)[-3:], one.predict_proba(X[-3:]))


@pytest.mark.parametrize("y", [DIGIT, IS_ODD, PROPERTIES])
def test_logarithms_of_probabilities_stay_finite(y):
    one = classifier().fit(X, y)
    one.coefs_[-1][:] *= 3000
    log_p = one.predict_log_proba(X)
    assert np.isfinite(log_p).all() and log_p.min() < -1000
    assert_allclose(np.exp(log_p), one.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("labels", [np.array(["no", "yes", "why"]), np.array([-1, 7, 30]), np.array([0.0, 1.0, 4.0])])
def test_labels_may_be_text_or_any_numbers(labels):
    for count in (3, 2):
        one = classifier(max_iter=40).fit(X, labels[DIGIT % count])
        assert_array_equal(one.classes_, np.sort(labels[:count]))
        assert one.predict(X).dtype == labels.dtype
        assert one.score(X, labels[DIGIT % count]) > 0.8


def test_a_single_class_is_certain():
    one = classifier().fit(X, np.full(N, "a"))
    assert_array_equal(one.predict(-100 * X), np.full(N, "a"))
    assert_array_equal(one.predict_proba(X), np.ones((N, 1)))


def test_an_indicator_matrix_may_be_sparse_and_gives_indicators():
    one = classifier(max_iter=60).fit(X, PROPERTIES)
    assert same_bits(one, classifier(max_iter=60).fit(X, sparse.csr_matrix(PROPERTIES)))
    assert one.predict(X).dtype == np.int64 and set(np.unique(one.predict(X))) == {0, 1}
    assert_array_equal(one.predict(X), one.predict_proba(X) > 0.5)
    assert one.score(X, PROPERTIES) > 0.6


def test_values_beyond_float32_are_refused_unless_computed_in_float64():
    large = X.copy()
    large[3, 4] = 1e39
    with pytest.raises(ValueError, match="X must be finite, but has a value too large for float32"):
        classifier().fit(large, DIGIT)
    with pytest.raises(ValueError, match="X must be finite, but has a value too large for float32"):
        classifier().fit(X, DIGIT).predict(large)
    with pytest.raises(ValueError, match="y must be finite, but has a value too large for float32"):
        regressor().fit(X, large[:, 4])
    assert np.isfinite(regressor(dtype="float64").fit(X, DIGIT).predict(large)).all()


# Going on


def test_partial_fit_is_an_epoch():
    one, other = classifier(max_iter=4, shuffle=False).fit(X, DIGIT), classifier(shuffle=False)
    for _ in range(4):
        other.partial_fit(X, DIGIT, classes=range(10))
        assert other.n_iter_ == 1
    assert same_bits(one, other)
    assert one.loss_curve_ == other.loss_curve_
    assert other.t_ == 4 * N


def test_partial_fit_draws_a_new_order_each_time():
    one, other = classifier(alpha=0, learning_rate_init=1e-30), classifier()
    one.partial_fit(X, DIGIT, classes=range(10))
    first = one._training.random.get_state()[2]
    one.partial_fit(X, DIGIT)
    assert one._training.random.get_state()[2] != first
    assert other.random_state == 3


def test_partial_fit_learns_classes_that_come_late():
    one = classifier()
    for part in (DIGIT < 5, DIGIT >= 5) * 40:
        one.partial_fit(X[part], DIGIT[part], classes=np.arange(10))
    assert one.score(X, DIGIT) > 0.8


def test_partial_fit_with_indicators():
    one = classifier()
    for _ in range(60):
        one.partial_fit(X, PROPERTIES, WEIGHTS, [0, 1, 2])
    assert one.score(X, PROPERTIES) > 0.6
    with pytest.raises(ValueError, match="y must be an indicator matrix|y must be labels|as in the first call"):
        one.partial_fit(X, DIGIT % 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: classifier().partial_fit(X, DIGIT), "classes must be passed on the first call"),
        (lambda: classifier().partial_fit(X, DIGIT, classes=[1, 2]), "y must have labels in classes_"),
        (lambda: classifier().fit(X, DIGIT).partial_fit(X, DIGIT + 1), "y must have labels in classes_"),
        (
            lambda: classifier().fit(X, DIGIT).partial_fit(X, DIGIT, classes=[1, 2]),
            "classes must be those of the first",
        ),
        (lambda: classifier().fit(X, DIGIT).partial_fit(X[:, 1:], DIGIT), "X has 63 features"),
        (lambda: classifier().partial_fit(X, PROPERTIES, classes=[0, 1]), "the numbers of the 3 columns of y"),
        (lambda: classifier().fit(X, PROPERTIES).partial_fit(X, PROPERTIES[:, 1:]), "y must have 3 columns"),
        (
            lambda: classifier(early_stopping=True).partial_fit(X, DIGIT, classes=range(10)),
            "early_stopping must be False",
        ),
        (
            lambda: classifier(warm_start=True).fit(X, DIGIT).fit(X, DIGIT // 2),
            "y must have the labels of the fit before",
        ),
        (
            lambda: regressor(warm_start=True).fit(X, DIGIT).set_params(hidden_layer_sizes=7).fit(X, DIGIT),
            "hidden_layer_sizes, activation, dtype and the number of outputs must stay",
        ),
        (lambda: regressor().fit(X, DIGIT).partial_fit(X, CURVES), "the number of outputs must stay"),
        (lambda: regressor(warm_start=True).fit(X, DIGIT).set_params(dtype="float64").fit(X, DIGIT), "dtype"),
        (lambda: classifier(class_weight="balanced").partial_fit(X, DIGIT, classes=range(10)), "class_weight"),
        (lambda: classifier().fit(X, CURVES), "Unknown label type"),
        (lambda: classifier().fit(X, np.stack([DIGIT, DIGIT], axis=1)), "y must be labels of shape"),
        (
            lambda: regressor(early_stopping=True).fit(X[:9], DIGIT[:9]),
            "validation_fraction must leave at least 2 samples to validate on, but 0.1 of 9 samples are 1",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_fit_that_is_refused_leaves_the_estimator_as_it_was():
    one = classifier().fit(X, DIGIT)
    before = pickle.dumps(one)
    for x, y, weights in ((X[:, :9], DIGIT, -WEIGHTS), (X, CURVES, None), (1e39 * X, IS_ODD, None)):
        with pytest.raises(ValueError):  # noqa: PT011  (each has another message)
            one.fit(x, y, weights)
        assert pickle.dumps(one) == before
    assert not hasattr(clone(one), "coefs_")
    with pytest.raises(NotFittedError):
        clone(one).predict(X)


# Ends of training


def test_max_iter_that_is_not_enough_warns():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(6\) reached"):
        classifier().fit(X, DIGIT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = classifier(tol=10.0, n_iter_no_change=2).fit(X, DIGIT)
        classifier(max_iter=1).partial_fit(X, DIGIT, classes=range(10))
    assert one.n_iter_ == 4


def test_early_stopping_keeps_the_best_epoch():
    one = classifier(early_stopping=True, max_iter=200, n_iter_no_change=5, learning_rate_init=0.05).fit(X, DIGIT)
    best = int(np.argmax(one.validation_scores_))
    assert len(one.validation_scores_) == one.n_iter_ > best + 1
    again = classifier(early_stopping=True, max_iter=best + 1, n_iter_no_change=5, learning_rate_init=0.05).fit(
        X, DIGIT
    )
    assert same_bits(one, again)
    assert one.history_ == {"loss": one.loss_curve_, "validation_score": one.validation_scores_}
    assert one.best_loss_ is None and one.best_validation_score_ == max(one.validation_scores_)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_warns_and_leaves_a_model_that_predicts_and_goes_on(monkeypatch, early_stopping):
    train_step, calls = nn.Sequential.train_step, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return train_step(*args, **kwargs)

    one = classifier(early_stopping=early_stopping)
    monkeypatch.setattr(nn.Sequential, "train_step", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
        one.fit(X, DIGIT)
    assert caught[0].filename == __file__
    assert one.n_iter_ == len(one.loss_curve_) == 2
    assert np.isfinite(one.predict_proba(X)).all()
    one.set_params(early_stopping=False).partial_fit(X, DIGIT)
    assert len(one.loss_curve_) == 3


def test_ctrl_c_in_the_first_step_leaves_a_model_that_predicts(monkeypatch):
    monkeypatch.setattr(nn.Sequential, "train_step", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.warns(UserWarning, match="interrupted"):
        one = classifier().fit(X, DIGIT)
    assert one.predict(X).shape == (N,) and one.loss_ == np.inf and one.n_iter_ == 0


def test_divergence_says_where_and_keeps_the_last_good_parameters():
    one = regressor(solver="sgd", learning_rate_init=1e4, max_iter=50)
    with pytest.raises(
        FloatingPointError, match=r"diverged in epoch \d+, step [123] of 3: .*learning_rate_init below 10000"
    ):
        one.fit(X, DIGIT)
    assert np.isfinite(one.net_.parameters).all()
    assert np.isfinite(one.predict(X[:1])).all() or np.abs(one.coefs_[0]).max() > 1e10


def test_parameters_that_the_last_step_made_infinite_are_divergence():
    for one in (classifier, regressor):
        with pytest.raises(FloatingPointError, match=r"diverged in epoch 1: its last step .*learning_rate_init below"):
            one(solver="sgd", learning_rate_init=9e37, max_iter=1, batch_size=N, dtype="float32").fit(1e4 * X, DIGIT)


@pytest.mark.kernel
@pytest.mark.parametrize(
    "settings", [{}, {"solver": "sgd"}, {"hidden_layer_sizes": (300, 200), "early_stopping": True}]
)
def test_training_has_the_same_bits_on_any_number_of_threads(settings, threads):
    fitted = []
    for count in (1, 2, 3):
        nncore.set_num_threads(count)
        fitted.append(classifier(max_iter=3, **settings).fit(X, DIGIT))
    for other in fitted[1:]:
        assert same_bits(fitted[0], other)
        assert fitted[0].loss_curve_ == other.loss_curve_
        assert_array_equal(fitted[0].predict_proba(X), other.predict_proba(X))


# Parameters


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"solver": "lbfgs"},
            ValueError,
            "solver must be one of 'adam', 'sgd', but is 'lbfgs': training goes by batches",
        ),
        ({"activation": "sigmoid"}, ValueError, "activation must be one of 'relu', 'tanh', 'logistic', 'identity'"),
        ({"learning_rate": 0.1}, ValueError, "learning_rate must be one of"),
        ({"hidden_layer_sizes": (3, 0)}, ValueError, "hidden_layer_sizes must be at least 1, but is 0"),
        ({"hidden_layer_sizes": (3.0,)}, TypeError, "hidden_layer_sizes must be an integer"),
        ({"hidden_layer_sizes": "12"}, TypeError, "hidden_layer_sizes must be integers"),
        ({"alpha": -1}, ValueError, "alpha must be at least 0"),
        ({"alpha": "1"}, TypeError, "alpha must be a number"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"batch_size": "all"}, TypeError, "batch_size must be an integer"),
        ({"learning_rate_init": 0}, ValueError, "learning_rate_init must be at least"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be at least 1"),
        ({"n_iter_no_change": 2.5}, TypeError, "n_iter_no_change must be an integer"),
        ({"momentum": 1.0}, ValueError, "momentum must be at least 0 and below 1"),
        ({"beta_2": 1}, ValueError, "beta_2 must be at least 0 and below 1"),
        ({"epsilon": 0}, ValueError, "epsilon must be at least"),
        ({"tol": np.nan}, ValueError, "tol must be at least 0"),
        ({"power_t": -1}, ValueError, "power_t must be at least 0"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
        ({"verbose": "loud"}, TypeError, "verbose must be"),
        ({"early_stopping": True, "validation_fraction": 0}, ValueError, "validation_fraction must be above 0"),
        ({"validation_fraction": 1}, ValueError, "validation_fraction must be at least 0 and below 1"),
        ({"class_weight": "heavy"}, ValueError, "class_weight must be a dict, 'balanced' or None"),
        ({"dtype": "float16"}, ValueError, "dtype must be 'float32' or 'float64'"),
        ({"dtype": None}, ValueError, "dtype must be 'float32' or 'float64'"),
        ({"random_state": "1"}, TypeError, "random_state must be an int"),
    ],
)
def test_parameters_that_cannot_be_are_named_when_fitting_begins(settings, error, message):
    one = nn.MLPClassifier(**settings)
    with pytest.raises(error, match=message):
        one.fit(X, DIGIT)
    assert set(vars(one)) == set(one.get_params())


@pytest.mark.parametrize(
    "make", [lambda: 2**40 + 1, lambda: np.random.default_rng(1), lambda: np.random.RandomState(1)]
)
def test_all_kinds_of_random_state_say_what_is_drawn(make):
    one, other = (classifier(random_state=make()).fit(X, DIGIT) for _ in range(2))
    assert same_bits(one, other)
    assert not same_bits(one, classifier().fit(X, DIGIT))
    assert not same_bits(classifier(random_state=None).fit(X, DIGIT), classifier(random_state=None).fit(X, DIGIT))


def test_types_of_numpy_are_parameters_too():
    numpys = {
        "hidden_layer_sizes": np.array([5, 4]),
        "alpha": np.float32(0),
        "max_iter": np.int64(2),
        "batch_size": np.int8(9),
    }
    one = classifier(**numpys, shuffle=np.True_, dtype=np.float64, n_iter_no_change=np.inf).fit(X, DIGIT)
    assert [w.shape for w in one.coefs_] == [(64, 5), (5, 4), (4, 10)]
    assert [b.shape for b in one.intercepts_] == [(5,), (4,), (10,)]


def test_weights_can_be_looked_at_and_changed_in_place():
    one = regressor().fit(X, DIGIT)
    for array in (*one.coefs_, *one.intercepts_):
        array[...] = 0
    one.intercepts_[-1][:] = 7
    assert_array_equal(one.predict(X), np.full(N, 7.0))


# In scikit-learn's company


def test_pipeline_and_grid_search():
    pipeline = make_pipeline(StandardScaler(), nn.MLPClassifier(max_iter=60, random_state=0))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1000.0]}, cv=2, error_score="raise").fit(X, DIGIT)
    assert search.best_params_ == {"mlpclassifier__alpha": 1e-4}
    assert search.best_score_ > 0.8
    assert GridSearchCV(regressor(), {"max_iter": [1, 60]}, cv=2).fit(X, CURVES).best_params_ == {"max_iter": 60}


@pytest.mark.slow
@pytest.mark.peer
def test_digits_are_told_apart_as_well_as_by_scikit_learn():
    x, y = load_digits(return_X_y=True)
    scores = {
        make: [make(random_state=seed).fit(x[:1200], y[:1200]).score(x[1200:], y[1200:]) for seed in range(5)]
        for make in (nn.MLPClassifier, neural_network.MLPClassifier)
    }
    ours, theirs = map(np.mean, scores.values())
    assert ours > theirs - 0.006


def run(code):
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)


def test_networks_alone_need_no_scikit_learn():
    done = run("import sys; from nncore import nn; from nncore.nn import *; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert {"sklearn", "scipy"}.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("missing", ["sklearn", "scipy"])
def test_without_scikit_learn_the_error_says_what_to_install(missing):
    code = f"import sys; sys.modules['{missing}'] = None; from nncore import nn; nn.Dense(1, 1); nn.MLPRegressor"
    assert "ImportError: nncore.nn.MLPRegressor needs scikit-learn: pip install 'nncore[sklearn]'" in run(code).stderr


def test_the_estimators_are_listed_and_other_names_are_not_there():
    assert {"MLPClassifier", "MLPRegressor", "Dense"} <= set(dir(nn))
    with pytest.raises(AttributeError, match="module 'nncore.nn' has no attribute 'MLP'"):
        nn.MLP  # noqa: B018
