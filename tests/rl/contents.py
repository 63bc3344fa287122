"""What a replay buffer holds."""

import numpy as np
from numpy.testing import assert_array_equal


def contents(buffer):
    n = len(buffer)
    return buffer.get(np.arange(n)) if n else []


def assert_same(one, two):
    for a, b in zip(one, two, strict=True):
        if isinstance(a, dict):
            assert_same(a.values(), b.values())
        else:
            assert_array_equal(a, b)
