"""450 of scikit-learn's digits, and small estimators of them."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from nncore import nn

N = 450  # three batches of at most 200
DIGITS, DIGIT = (array[:N] for array in load_digits(return_X_y=True))
X = DIGITS / 16
IS_ODD = DIGIT % 2
PROPERTIES = np.stack([DIGIT % 2, DIGIT > 4, DIGIT % 3 == 0], axis=1).astype(int)
CURVES = np.stack([np.sin(DIGIT), DIGIT / 10], axis=1)
WEIGHTS = np.random.default_rng(0).uniform(0.1, 3, N)
FEW = {"max_iter": 6, "random_state": 3}


def classifier(**settings):
    return nn.MLPClassifier(**{**FEW, **settings})


def regressor(**settings):
    return nn.MLPRegressor(**{**FEW, **settings})


def same_bits(one, other):
    return np.array_equal(one.net_.parameters, other.net_.parameters)
