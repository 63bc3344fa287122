"""What the textbook's tests share."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def _numeric_gradient(f, at, step):
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        kept = at[index]
        at[index] = kept + step
        above = f()
        at[index] = kept - step
        below = f()
        at[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient


@pytest.fixture
def numeric_gradient():
    """numeric_gradient(f, at): central differences of f() by the array `at`, which f reads."""

    def gradient(f, at, step=1e-5):
        return _numeric_gradient(f, at, step)

    return gradient
