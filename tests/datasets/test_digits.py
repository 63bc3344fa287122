from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from nncore import datasets


def test_the_digits_are_those_of_scikit_learn() -> None:
    images, labels = datasets.load_digits()
    theirs = load_digits()
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert_array_equal(images, theirs.images)
    assert_array_equal(labels, theirs.target)


def test_the_digits_are_the_callers_to_change() -> None:
    images, labels = datasets.load_digits()
    images[:] = 1
    labels[:] = 1
    images, labels = datasets.load_digits()
    assert images.max() == 16
    assert labels.max() == 9
