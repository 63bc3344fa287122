"""The Boltzmann machine as an estimator: scikit-learn's contract, files, Ctrl-C, bad input."""

from __future__ import annotations

import io
import os
import pickle
import signal
import sys
import threading
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

sklearn = pytest.importorskip("sklearn", reason="BoltzmannMachine needs scikit-learn")

from scipy import sparse  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks  # noqa: E402

from nncore.energy import BoltzmannMachine, _boltzmann_learning  # noqa: E402

X = (np.random.default_rng(0).random((60, 6)) < [0.2, 0.8, 0.5, 0.5, 0.3, 0.9]).astype(float)
X[:, 2] = X[:, 3]

# Its input is 0 and 1, which the checks' is not; `binarize` makes it so, and then there is nothing to leave out.
CHECKED = [
    BoltzmannMachine(binarize=0.0, n_iter=3, learning="sampled"),
    BoltzmannMachine(3, binarize=0.0, n_iter=3, learning="sampled"),
    BoltzmannMachine(2, binarize=0.0, n_iter=3, learning="exact", early_stopping=True),
]


@parametrize_with_checks(CHECKED)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED)
def test_none_of_scikit_learns_checks_is_left_out(estimator):
    checks = len(list(estimator_checks_generator(estimator)))
    assert checks == 47 if sklearn.__version__.startswith("1.9.") else checks > 35
    tags = get_tags(estimator)
    assert not (tags._skip_test or tags.no_validation or tags.non_deterministic)


def test_it_works_in_a_pipeline_and_a_grid_search():
    y = X[:, 2].astype(int)
    pipeline = make_pipeline(BoltzmannMachine(4, n_iter=300, learning_rate=0.5, random_state=0), LogisticRegression())
    assert pipeline.fit(X, y).score(X, y) > 0.9
    search = GridSearchCV(BoltzmannMachine(n_iter=20, random_state=0), {"learning_rate": [1e-4, 0.1]}, cv=3).fit(X)
    assert search.best_params_ == {"learning_rate": 0.1}
    names = BoltzmannMachine(3, n_iter=1).fit(X).get_feature_names_out()
    assert names.tolist() == [f"boltzmannmachine{i}" for i in range(3)]


def same_state(a, b):
    assert a.__dict__.keys() == b.__dict__.keys()
    for name, value in a.__dict__.items():
        if isinstance(value, np.ndarray):
            assert_array_equal(value, getattr(b, name), err_msg=name)
        else:
            assert value == getattr(b, name), name


@pytest.mark.parametrize(
    "settings",
    [
        {"learning": "sampled"},
        {"learning": "sampled", "n_hidden": 2, "momentum": 0.5, "order": "random"},
        {"learning": "exact", "dtype": "float64"},
        {"n_hidden": 2},
    ],
)
def test_saved_and_loaded_training_goes_on_with_the_same_bits(tmp_path, settings):
    whole = BoltzmannMachine(n_iter=6, batch_size=25, random_state=7, **settings).fit(X)
    part = BoltzmannMachine(n_iter=3, batch_size=25, random_state=7, **settings).fit(X)
    part.save(tmp_path / "machine")
    loaded = BoltzmannMachine.load(tmp_path / "machine")
    for _ in range(3):
        loaded.partial_fit(X)
        part.partial_fit(X)
    same_state(loaded, part)
    same_state(loaded.set_params(n_iter=6), whole)
    assert whole.n_iter_ == len(whole.history_["score"]) == 6
    same_state(pickle.loads(pickle.dumps(whole)), whole)


def test_connections_come_back_from_a_file(tmp_path):
    allowed = np.ones((6, 6), bool)
    allowed[2, 3] = allowed[3, 2] = False
    model = BoltzmannMachine(connections=allowed, learning="sampled", n_iter=5, random_state=0).fit(X)
    model.save(tmp_path / "machine")
    loaded = BoltzmannMachine.load(tmp_path / "machine").partial_fit(X)
    assert loaded.weights_[2, 3] == 0 and loaded.weights_[0, 1] != 0
    assert_array_equal(loaded.weights_, model.partial_fit(X).weights_)


@pytest.mark.parametrize(
    "later", [{"n_hidden": 3}, {"dtype": "float64"}, {"n_hidden": 0, "dtype": "float64", "n_iter": 7}]
)
def test_a_fitted_machine_stays_what_it_is_when_parameters_change(tmp_path, later):
    model = BoltzmannMachine(2, n_iter=3, random_state=0).fit(X)

    def calls(machine):
        names = machine.get_feature_names_out()
        states = machine.sample(3, hidden=True, random_state=0)
        return states, machine.energy(states), machine.log_likelihood(X), machine.transform(X), names

    expected = calls(model)
    model.set_params(**later).save(tmp_path / "machine")
    for machine in (model, BoltzmannMachine.load(tmp_path / "machine")):
        assert machine.get_params()["n_hidden"] == later.get("n_hidden", 2)
        for found, value in zip(calls(machine), expected, strict=True):
            assert_array_equal(found, value)
            assert found.dtype == value.dtype
        name = next(iter(later))
        was = {"n_hidden": 2, "dtype": "'float32'"}[name]
        message = f"{name} must stay {was} to go on with the fitted machine, but is {later[name]!r}"
        before = pickle.loads(pickle.dumps(machine))
        with pytest.raises(ValueError, match=message):
            machine.partial_fit(X)
        same_state(machine, before)


@pytest.mark.parametrize("later", [{"n_iter": 0}, {"learning": "zz"}, {"n_hidden": -1}, {"dtype": "float16"}])
def test_an_invalid_parameter_is_refused_before_a_file_is_written(tmp_path, later):
    model = BoltzmannMachine(n_iter=2, random_state=0).fit(X).set_params(**later)
    with pytest.raises(ValueError, match=f"{next(iter(later))} must be"):
        model.save(tmp_path / "machine")
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_raises(tmp_path):
    model = BoltzmannMachine(n_iter=1).fit(X)
    for name, value in [
        ("bias_", model.bias_[:5]),
        ("chains_", np.zeros((3, 5), np.uint8)),
        ("weights_", model.weights_ + np.eye(6, dtype="f")),
        ("n_iter_", -1),
        ("weights_", np.where(np.eye(6) > 0, 0, np.nan).astype("f")),
        ("bias_", np.full(6, np.inf, "f")),
        ("_velocity", np.full((6, 6), np.nan)),
        ("_bias_velocity", np.full(6, np.inf)),
        ("chains_", np.full((100, 6), 2, np.uint8)),
        ("n_features_in_", 7),
        ("history_", {"score": ["a"], "difference": []}),
    ]:
        broken = pickle.loads(pickle.dumps(model))
        setattr(broken, name, value)
        broken.save(tmp_path / "broken")
        with pytest.raises(ValueError, match="damaged"):
            BoltzmannMachine.load(tmp_path / "broken")


@pytest.mark.parametrize("n_init", [1, 2])
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_is_answered_within_a_second_and_training_goes_on(n_init):
    many = (np.random.default_rng(0).random((2000, 300)) < 0.3).astype(float)
    model = BoltzmannMachine(n_iter=100_000, n_init=n_init, n_chains=300, random_state=0)
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(1.0, interrupt)
    timer.start()
    with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
        model.fit(many)
    assert time.monotonic() - sent[0] < 1
    assert caught[0].filename == __file__
    assert np.isfinite(model.score(many[:5]))
    done = model.n_iter_
    assert model.partial_fit(many).n_iter_ == done + 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, FloatingPointError])
@pytest.mark.parametrize(
    ("where", "call"), [("begin", 2), ("begin", 3), ("train", 2), ("train", 3), ("_scores", 1), ("_scores", 2)]
)
def test_the_best_machine_so_far_stays_when_another_is_not_finished(monkeypatch, where, error, call):
    settings = {"n_hidden": 2, "n_iter": 4, "learning": "exact", "random_state": 0}
    place = BoltzmannMachine if where == "_scores" else _boltzmann_learning
    inner, calls = getattr(place, where), []

    def interrupted(model, *args):
        calls.append(where)
        if where == "_scores" and sys._getframe(1).f_code.co_name != "train_best":
            calls.pop()
            return inner(model, *args)
        if len(calls) == call:
            if where == "begin":
                model.weights_ = None  # half-begun
            raise error
        return inner(model, *args)

    monkeypatch.setattr(place, where, interrupted)
    model = BoltzmannMachine(n_init=5, **settings)
    if error is KeyboardInterrupt:
        with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
            model.fit(X)
        assert caught[0].filename == __file__
    else:
        with pytest.raises(FloatingPointError):
            model.fit(X)
    monkeypatch.undo()
    best = BoltzmannMachine(n_init=max(1, call - 1), **settings).fit(X)
    assert_array_equal(model.weights_, best.weights_)
    assert_array_equal(model.chains_, best.chains_)
    assert model.seed_ == best.seed_ and model.history_ == best.history_ and model.n_iter_ == 4


def test_ctrl_c_in_partial_fit_warns_where_it_was_called(monkeypatch):
    model = BoltzmannMachine(n_iter=2, random_state=0).fit(X)
    before = pickle.loads(pickle.dumps(model))

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(_boltzmann_learning._Learner, "update", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
        model.partial_fit(X)
    assert caught[0].filename == __file__
    same_state(model, before)


def test_divergence_says_where_and_keeps_the_last_good_parameters():
    model = BoltzmannMachine(learning_rate=1e40, n_iter=50, random_state=0)
    with pytest.raises(FloatingPointError, match=r"diverged in iteration \d+; a learning_rate below 1e\+40"):
        model.fit(X)
    assert np.isfinite(model.weights_).all() and np.isfinite(model.bias_).all()


def test_early_stopping_keeps_the_best_machine():
    model = BoltzmannMachine(
        4, learning="exact", learning_rate=1.0, n_iter=2000, early_stopping=True, n_iter_no_change=5, random_state=0
    ).fit(X)
    scores = model.history_["validation_score"]
    assert len(scores) == model.n_iter_ < 2000
    assert max(scores) > scores[0] and max(scores) >= scores[-1]


def test_the_best_of_several_trainings_is_kept():
    settings = {"n_hidden": 2, "n_iter": 30, "learning": "exact", "learning_rate": 0.5}
    seeds = set()
    for seed in range(4):
        alone = BoltzmannMachine(random_state=seed, **settings).fit(X)
        best = BoltzmannMachine(random_state=seed, n_init=4, **settings).fit(X)
        assert best.score(X) >= alone.score(X)
        assert best.n_iter_ == len(best.history_["score"]) == 30
        seeds.add(best.seed_ == seed)
    assert False in seeds


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (X / 2, ValueError, r"X must hold only 0 and 1, but has 0.5: scale the features to \[0, 1\]"),
        (-X, ValueError, "X must hold only 0 and 1, but has -1"),
        (np.where(X == 0, np.nan, X), ValueError, "Input X contains NaN"),
        (X[:0], ValueError, "0 sample"),
        (X[:, :0], ValueError, r"0 feature\(s\)"),
        (X[:, :5], ValueError, "X has 5 features, but BoltzmannMachine is expecting 6"),
        (X[0], ValueError, "Expected 2D array"),
        (sparse.csr_matrix(X), TypeError, "Sparse data was passed for X, but dense data is required"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(given, error, message):
    model = BoltzmannMachine(n_iter=2, random_state=0).fit(X)
    before = pickle.loads(pickle.dumps(model))
    for call in (model.partial_fit, model.energy, model.log_likelihood, model.score, model.transform):
        with pytest.raises(error, match=message):
            call(given)
    if np.shape(given) != (60, 5):
        with pytest.raises(error, match=message):
            model.fit(given)
    same_state(model, before)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_iter": 0}, ValueError, "n_iter must be at least 1, but is 0"),
        ({"n_iter": 1.5}, TypeError, "n_iter must be an integer, but is 1.5"),
        ({"n_hidden": -1}, ValueError, "n_hidden must be at least 0, but is -1"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, but is 0"),
        ({"learning_rate": -1}, ValueError, "learning_rate must be at least 0"),
        ({"momentum": 1.0}, ValueError, "momentum must be at least 0 and below 1"),
        ({"init_scale": -1}, ValueError, "init_scale must be at least 0"),
        ({"validation_fraction": 0}, ValueError, "validation_fraction must be above 0"),
        ({"validation_fraction": 0.999, "early_stopping": True}, ValueError, "must leave rows to train on"),
        ({"learning": "fast"}, ValueError, "learning must be 'auto', 'sampled' or 'exact', but is 'fast'"),
        ({"dtype": "float16"}, ValueError, "dtype must be 'float32' or 'float64'"),
        ({"order": None}, ValueError, "order must be 'fixed' or 'random'"),
        ({"clamped_schedule": [-1.0]}, ValueError, "clamped_schedule must have temperatures that are at least 0"),
        ({"connections": np.ones((5, 5))}, ValueError, r"connections must have the shape .* 6.* came as \(5, 5\)"),
        ({"connections": np.triu(np.ones((6, 6)))}, ValueError, "connections must be a symmetric array"),
        ({"learning": "exact", "n_hidden": 15}, ValueError, "at most 20 visible and hidden units, but there are 21"),
        ({"early_stopping": True, "n_hidden": 15}, ValueError, "need a score without sampling"),
        ({"random_state": "a"}, TypeError, "random_state must be an int"),
    ],
)
def test_bad_parameters_are_named_and_change_nothing(settings, error, message):
    model = BoltzmannMachine(**settings)
    with pytest.raises(error, match=message):
        model.fit(X)
    assert not hasattr(model, "weights_") and not hasattr(model, "n_features_in_")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples must be at least 1, but is 0"),
        ({"schedule": []}, "schedule must be pairs"),
        ({"schedule": [(1, 2, 3)]}, "schedule must be pairs"),
        ({"schedule": "cold"}, "schedule must be pairs .* 'cold'"),
        ({"schedule": [(1.0, 1.5)]}, "schedule must have whole numbers of sweeps"),
        ({"schedule": [np.nan]}, "schedule must have temperatures that are at least 0 and finite"),
        ({"schedule": [(1, 1e300)]}, r"schedule must have at most 10000000 sweeps in all, but has 1e\+300"),
        ({"schedule": [(1, 9e6), (1, 9e6)]}, r"schedule must have at most 10000000 sweeps in all, but has 1.8e\+07"),
        ({"schedule": [10**400]}, "schedule must be pairs"),
        ({"given": "a"}, "given must be an array of numbers, but is 'a'"),
        ({"given": [[1], [1, 2]]}, "given must be an array of numbers, but is"),
        ({"given": np.zeros(5)}, r"given must have the shape .* came as \(5,\)"),
        ({"given": np.full(6, 0.5)}, "given must be 0 or 1, or NaN"),
        ({"n_samples": 2, "given": [[0, 1, 1, 1, 1, 1], [np.nan, 1, 1, 1, 1, 1]]}, "NaN for the same units"),
    ],
)
def test_bad_arguments_of_sample_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        BoltzmannMachine(n_iter=1).fit(X).sample(**arguments)


@pytest.mark.parametrize(
    ("weights", "bias", "message"),
    [
        ("a", None, "weights must be an array of numbers, but is 'a'"),
        ([[0, 1], [1]], None, r"weights must be an array of numbers, but is \[\[0, 1\], \[1\]\]"),
        (np.zeros((2, 2)), "a", "bias must be an array of numbers, but is 'a'"),
        (np.eye(3), None, "weights must be symmetric with a diagonal of 0"),
        (np.zeros((2, 3)), None, r"weights must be a square matrix, but came as \(2, 3\)"),
        (np.zeros((2, 2)), [1], r"bias must have one value per unit, \(2,\), but came as \(1,\)"),
        (np.zeros((2, 2)), [np.inf, 0], "bias must be finite"),
    ],
)
def test_bad_weights_are_named(weights, bias, message):
    with pytest.raises(ValueError, match=message):
        BoltzmannMachine.from_weights(weights, bias)


def test_a_machine_that_is_not_fitted_says_so(tmp_path):
    model = BoltzmannMachine()
    for call in (model.sample, model.log_partition, lambda: model.score(X), lambda: model.save(tmp_path / "m")):
        with pytest.raises(NotFittedError):
            call()


def test_read_only_and_strided_input_gives_the_same():
    expected = BoltzmannMachine(2, n_iter=3, learning="sampled", random_state=0).fit(X)
    frozen = X.copy()
    frozen.setflags(write=False)
    for given in (frozen, np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X.astype(np.uint8), X > 0, X.tolist()):
        found = BoltzmannMachine(2, n_iter=3, learning="sampled", random_state=0).fit(given)
        assert_array_equal(found.weights_, expected.weights_)
        assert_array_equal(found.transform(given), expected.transform(X))


def test_progress_is_shown_on_a_terminal_of_80_columns(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for verbose, terminal in ((1, Terminal()), (0, Terminal()), (1, io.StringIO())):
        monkeypatch.setattr(sys, "stderr", terminal)
        BoltzmannMachine(n_iter=2, verbose=verbose).fit(X)
        shown = terminal.getvalue()
        if verbose and terminal.isatty():
            lines = shown.replace("\n", "\r").split("\r")
            assert any("2/2" in line and "log-likelihood=-" in line for line in lines)
            assert max(map(len, lines)) < 80
        else:
            assert shown == ""
