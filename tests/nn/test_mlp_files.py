"""Copies of the multilayer estimators, and their files."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nncore import _files, nn

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from sklearn.exceptions import NotFittedError

from .few_digits import CURVES, DIGIT, IS_ODD, PROPERTIES, WEIGHTS, N, X, classifier, regressor, same_bits

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # the tests are short
]


@pytest.mark.parametrize("settings", [{}, {"solver": "sgd"}, {"early_stopping": True, "dtype": "float64"}])
@pytest.mark.parametrize("copy", ["pickle", "file"])
def test_a_copy_predicts_and_goes_on_with_the_same_bits(settings, copy, tmp_path):
    one = classifier(**settings).fit(X, DIGIT, WEIGHTS)
    if copy == "file":
        one.save(tmp_path / "model.safetensors")
        other = nn.MLPClassifier.load(tmp_path / "model.safetensors")
    else:
        other = pickle.loads(pickle.dumps(one))
    assert str(other.get_params()) == str(one.get_params())
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    for estimator in (one, other):
        estimator.set_params(early_stopping=False).partial_fit(X, DIGIT).partial_fit(X, DIGIT)
    assert same_bits(one, other)
    fitted = (
        "history_",
        "loss_",
        "best_loss_",
        "best_validation_score_",
        "n_iter_",
        "t_",
        "n_features_in_",
        "n_outputs_",
    )
    for name in fitted:
        assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize(
    ("y", "settings"),
    [
        (np.array(["b", "a"])[IS_ODD], {"class_weight": {"a": 2.0, "b": 1}}),
        (np.array(["b", "a", "c"], object)[DIGIT % 3], {"class_weight": "balanced"}),
        (IS_ODD == 1, {"class_weight": {True: 2, False: 1}}),
        (DIGIT.astype(np.int8), {"class_weight": {label: np.float32(1.5) for label in range(10)}}),
        (DIGIT * 2.0, {"hidden_layer_sizes": np.array([3, 4])}),
        (PROPERTIES, {"random_state": np.random.RandomState(0), "n_iter_no_change": np.inf}),
        (np.zeros(N), {"hidden_layer_sizes": 3}),
    ],
    ids=["text", "objects", "truth", "int8", "floats", "indicators", "one class"],
)
def test_files_keep_classes_of_every_kind(y, settings, tmp_path):
    one = classifier(**settings).fit(X, y)
    one.feature_names_in_ = np.array([f"pixel {i}" for i in range(64)], object)
    one.save(tmp_path / "model")
    other = nn.MLPClassifier.load(tmp_path / "model")
    assert other.classes_.dtype == one.classes_.dtype
    assert_array_equal(other.classes_, one.classes_)
    assert_array_equal(other.feature_names_in_, one.feature_names_in_)
    del other.feature_names_in_, one.feature_names_in_
    assert_array_equal(other.predict(X), one.predict(X))
    assert same_bits(other.partial_fit(X, y) if "class_weight" not in settings else other, other)


def test_a_regressors_file(tmp_path):
    one = regressor().fit(X, CURVES)
    one.save(tmp_path / "model")
    assert_array_equal(nn.MLPRegressor.load(tmp_path / "model").predict(X), one.predict(X))
    with pytest.raises(ValueError, match="holds a MLPRegressor, not a MLPClassifier"):
        nn.MLPClassifier.load(tmp_path / "model")
    with pytest.raises(NotFittedError):
        regressor().save(tmp_path / "model")


def damages():
    yield lambda d, a: d.pop("layers")
    yield lambda d, a: d["params"].update(alpha=-1)
    yield lambda d, a: d["params"].update(nothing=1)
    yield lambda d, a: d["fitted"].update(n_features_in_=63)
    yield lambda d, a: d["fitted"].update(out_activation_="identity")
    yield lambda d, a: d["fitted"].update(n_iter_="6")
    yield lambda d, a: d["fitted"].update(loss_=[1])
    yield lambda d, a: d["classes"].update(values=[0, 1, 2])
    yield lambda d, a: d["classes"].update(dtype="|V9")
    yield lambda d, a: d.update(classes=None)
    yield lambda d, a: d.update(history={})
    yield lambda d, a: d.update(feature_names=["a"])
    yield lambda d, a: d["optimizer"].update(optimizer="Nothing")
    yield lambda d, a: d["optimizer"].update(lr=-1)
    yield lambda d, a: d["training"].update(stale="1")
    yield lambda d, a: d["random"].__setitem__(0, 10**6)
    yield lambda d, a: a.pop("net/0.weight")
    yield lambda d, a: a.update(random=a["random"][:9])
    yield lambda d, a: a.update({"optimizer/exp_avg": a["optimizer/exp_avg"][1:]})


@pytest.mark.parametrize("damage", list(damages()))
def test_a_damaged_file_is_refused(damage, tmp_path):
    path = tmp_path / "model"
    classifier(max_iter=1).fit(X, DIGIT).save(path)
    description, arrays = _files.read_model(path, "MLPClassifier")
    damage(description, arrays)
    _files.write_model(path, "MLPClassifier", description, arrays)
    with pytest.raises(ValueError, match="is damaged"):
        nn.MLPClassifier.load(path)
