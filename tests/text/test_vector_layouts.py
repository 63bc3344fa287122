"""Arrays that KeyedVectors takes as they are, copies, or refuses."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nncore.text import KeyedVectors


@pytest.mark.parametrize("kind", ["swapped", "broadcast", "reversed rows", "every second column", "transposed"])
def test_arrays_of_any_layout_are_searched(kind):
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    given = {
        "swapped": rows.astype(">f4"),
        "broadcast": np.broadcast_to(rows[0], (6, 4)),
        "reversed rows": rows[::-1],
        "every second column": np.repeat(rows, 2, axis=1)[:, ::2],
        "transposed": np.asfortranarray(rows),
    }[kind]
    keys = list("abcdef")
    store = KeyedVectors.from_arrays(keys, given)
    plain = KeyedVectors.from_arrays(keys, np.array(given, np.float32))
    assert_array_equal(store.vectors, given)
    assert store.most_similar("a") == plain.most_similar("a")
    assert store.get_normed_vectors().tolist() == plain.get_normed_vectors().tolist()


def test_vectors_that_are_no_numbers_are_refused():
    with pytest.raises(TypeError, match="vectors must be float16, float32 or float64, got (longdouble|float128)"):
        KeyedVectors.from_arrays(list("abc"), np.ones((3, 4), np.longdouble))
    store = KeyedVectors.from_arrays(list("abc"), np.ones((3, 4), np.float32))
    for dtype in (np.int64, np.complex64, object):
        with pytest.raises(TypeError, match="vectors must be float16, float32 or float64, got"):
            store.vectors = np.ones((3, 4), dtype)
    for wrong in ([1j] * 4, ["1"] * 4, [None] * 4):
        with pytest.raises(TypeError, match="vectors must be real numbers, got"):
            store.add_vector("n", wrong)
    assert "n" not in store and len(store.vectors) == 3
