from __future__ import annotations

import math

import numpy as np
import pytest

import nncore
from nncore import _core

pytestmark = pytest.mark.kernel

SHAPES = [
    (1, 1, 1),
    (1, 7, 5),
    (2, 3, 70),
    (5, 128, 8),
    (7, 33, 17),
    (37, 64, 129),
    (130, 300, 49),
    (3, 0, 4),
    (0, 3, 2),
]


def factors(m, k, n, dtype):
    rng = np.random.default_rng(m + 10 * k + 100 * n)
    arrays = rng.standard_normal((m, k)), rng.standard_normal((k, n)), rng.standard_normal(n)
    return [array.astype(dtype) for array in arrays]


def product(a, b, bias):
    c = np.full((len(a), b.shape[1]), np.nan, a.dtype)
    _core.matmul(a, b, bias, c)
    return c


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_product_equals_numpy(shape, dtype):
    a, b, bias = factors(*shape, dtype)
    wide = [array.astype(np.float64) for array in (a, b, bias)]
    size = np.abs(wide[0]) @ np.abs(wide[1]) + np.abs(wide[2]) + 1
    tolerance = 4 * np.finfo(dtype).eps * math.sqrt(shape[1] + 1) * size
    assert (np.abs(product(a, b, bias) - (wide[0] @ wide[1] + wide[2])) <= tolerance).all()
    assert (np.abs(product(a, b, None) - wide[0] @ wide[1]) <= tolerance).all()


@pytest.mark.skipif(nncore.isa == "x86-64-v2", reason="x86-64-v2 has no fused multiply-add")
def test_each_element_is_one_chain_of_fused_multiply_adds_in_the_order_of_k():
    a, b, bias = factors(5, 40, 19, "float32")
    c = product(a, b, bias)
    for i in range(5):
        for j in range(19):
            total = bias[j]
            for k in range(40):  # the product of two float32 and the sum are exact enough in float64 to round once
                total = np.float32(np.longdouble(a[i, k]) * np.longdouble(b[k, j]) + np.longdouble(total))
            assert c[i, j] == total


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("threads")
def test_the_same_bits_on_any_number_of_threads(dtype):
    a, b, bias = factors(211, 300, 129, dtype)
    x = factors(300, 129, 77, dtype)[0]
    results = []
    for count in (1, 2, 3):
        nncore.set_num_threads(count)
        sums = np.ones((129, 77), dtype)
        _core.add_transposed_product(x, factors(300, 129, 77, dtype)[1][:1].repeat(300, 0), sums)
        results.append((product(a, b, bias).tobytes(), sums.tobytes()))
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_alone_has_the_bits_that_it_has_among_others(dtype):
    a, b, bias = factors(23, 65, 50, dtype)
    whole = product(a, b, bias)
    for rows in (1, 2, 3, 5):
        for start in range(0, 23 - rows, 4):
            part = product(np.ascontiguousarray(a[start : start + rows]), b, bias)
            assert part.tobytes() == whole[start : start + rows].tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("k", "m", "n"), [(1, 1, 1), (5, 7, 3), (129, 17, 33), (300, 40, 100)])
def test_transposed_product_is_added(k, m, n, dtype):
    rng = np.random.default_rng(k)
    a, b, c = (rng.standard_normal(shape).astype(dtype) for shape in ((k, m), (k, n), (m, n)))
    expected = c + a.astype(np.float64).T @ b
    size = np.abs(a).astype(np.float64).T @ np.abs(b) + np.abs(c)
    _core.add_transposed_product(a, b, c)
    assert (np.abs(c - expected) <= 4 * np.finfo(dtype).eps * math.sqrt(k + 1) * size).all()


def test_other_shapes_are_named():
    a, b, bias = factors(2, 3, 4, "float32")
    c = np.empty((2, 4), np.float32)
    with pytest.raises(ValueError, match=r"b must be \(k, n\) with k = 3, but came as \(2, 3\)"):
        _core.matmul(a, a, bias, c)
    with pytest.raises(ValueError, match="bias must be"):
        _core.matmul(a, b, bias[:3], c)
    with pytest.raises(ValueError, match="c must be"):
        _core.matmul(a, b, bias, c[:1])
