from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from nncore.datasets import load_digits
from nncore.energy import RBM, to_classifier

LABELS = load_digits()[1]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # the epochs are given


@pytest.fixture(scope="module")
def stack(digits: Any) -> Any:
    return make_pipeline(RBM(80, n_iter=20, random_state=0), RBM(40, n_iter=20, random_state=1)).fit(digits)


def test_the_hidden_layers_are_the_machines(stack: Any, digits: Any) -> None:
    for machines in (stack, [machine for _, machine in stack.steps]):
        classifier = to_classifier(machines, range(10), random_state=0)
        hidden = digits
        for weights, biases in zip(classifier.coefs_[:-1], classifier.intercepts_[:-1], strict=True):
            hidden = 1 / (1 + np.exp(-(hidden @ weights + biases)))
        assert_allclose(hidden, stack.transform(digits), atol=1e-5)
        assert classifier.predict(digits[:3]).shape == (3,)


def test_fine_tuning_begins_at_the_machines_weights(stack: Any, digits: Any) -> None:
    few = slice(0, 200)
    tuned = to_classifier(stack, range(10), max_iter=60, learning_rate_init=0.01, random_state=0)
    first = tuned.coefs_[0].copy()
    tuned.fit(digits[few], LABELS[few])
    assert 0 < np.abs(tuned.coefs_[0] - first).max() < 2
    assert tuned.score(digits[few], LABELS[few]) > 0.97
    assert tuned.score(digits[200:], LABELS[200:]) > 0.7


@pytest.mark.parametrize("classes", [["no", "yes"], [3, 1]])
def test_two_classes_have_one_output(stack: Any, digits: Any, classes: list[Any]) -> None:
    classifier = to_classifier(stack[0], classes, max_iter=30, random_state=0)
    assert classifier.coefs_[-1].shape == (80, 1)
    y = np.where(LABELS < 5, *classes)
    assert classifier.fit(digits, y).score(digits, y) > 0.8


def test_what_is_refused(stack: Any, digits: Any) -> None:
    with pytest.raises(ValueError, match="machines must be one at least"):
        to_classifier([], range(10))
    with pytest.raises(TypeError, match=r"machines must be RBMs alone, but have LogisticRegression\(\)"):
        to_classifier(make_pipeline(stack[0], LogisticRegression()), range(10))
    with pytest.raises(NotFittedError):
        to_classifier(RBM(), range(10))
    with pytest.raises(ValueError, match="one of 40 hidden units is followed by one of 64 visible ones"):
        to_classifier([stack[1], stack[0]], range(10))
    with pytest.raises(ValueError, match="classes must be two labels at least, but are 'a'"):
        to_classifier(stack, "a")
    with pytest.raises(ValueError, match="activation must not be given"):
        to_classifier(stack, range(10), activation="relu")


def test_settings_for_a_later_fit_do_not_count() -> None:
    rows = (np.random.default_rng(0).random((20, 12)) < 0.5) * 1.0
    rbm = RBM(5, n_iter=1).fit(rows).set_params(n_components=7)
    assert [weights.shape for weights in to_classifier(rbm, [0, 1, 2]).coefs_] == [(12, 5), (5, 3)]
