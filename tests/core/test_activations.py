"""The vectorised elementary functions against float64 (for float64: long double), and the activations built on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import DTypeLike, NDArray

import nncore
from nncore import _core

pytestmark = pytest.mark.kernel

Array = NDArray[np.floating]

ACTIVATIONS = ("none", "relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus")
FUNCTIONS = (*ACTIVATIONS, "exp", "log")
DTYPES = (np.float32, np.float64)

REFERENCES: dict[str, Callable[[Array], Array]] = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x < 0, x * x.dtype.type(0.01), x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "exp": np.exp,
    "log": np.log,
}

# Largest absolute errors, as activations.h states them.
ABSOLUTE = {
    ("tanh", np.float32): 1.7e-7,
    ("sigmoid", np.float32): 1.07e-7,
    ("elu", np.float32): 4.3e-8,
    ("tanh", np.float64): 1.7e-16,
    ("sigmoid", np.float64): 1.7e-16,
    ("elu", np.float64): 8.5e-17,
}
# Largest errors in units of the last place.
ULPS = {
    ("none", np.float32): 0,
    ("relu", np.float32): 0,
    ("leaky_relu", np.float32): 1,  # the slope is rounded, too
    ("exp", np.float32): 1.05,
    ("log", np.float32): 0.83,
    ("elu", np.float32): 1,
    ("softplus", np.float32): 2.8,
    ("tanh", np.float32): 5.5,
    ("none", np.float64): 0,
    ("relu", np.float64): 0,
    ("leaky_relu", np.float64): 1,
    ("exp", np.float64): 1.05,
    ("log", np.float64): 0.85,
    ("elu", np.float64): 1.2,
    ("softplus", np.float64): 2.8,
    ("tanh", np.float64): 2.7,
    ("sigmoid", np.float64): 2.5,
}


def call(name: str, x: Array, out: Array | None = None) -> Array:
    y = np.empty_like(x) if out is None else out
    if name in ("exp", "log"):
        getattr(_core, name)(x, y)
    else:
        _core.activate(name, x, y)
    return y


def wider(x: Array) -> Array:
    return x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)


def numbers(name: str, dtype: DTypeLike) -> Array:
    """A fine grid of where the function bends, random numbers of every magnitude, the range of its normal results."""
    rng = np.random.default_rng(7)
    info = np.finfo(dtype)
    ends = (float(np.log(info.tiny)) + 1e-3, float(np.log(info.max)) - 1e-3)
    magnitude = np.exp2(rng.uniform(info.minexp, 6, 300_000))
    x = np.concatenate([np.linspace(-20, 20, 800_001), magnitude, -magnitude, rng.uniform(*ends, 300_000)]).astype(
        dtype
    )
    if name == "log":
        x = np.concatenate([np.abs(x), np.exp2(rng.uniform(info.minexp, info.maxexp, 300_000)).astype(dtype)])
        return x[x > 0]
    if name in ("exp", "softplus", "sigmoid", "elu"):
        return np.clip(x, *np.asarray(ends, dtype))
    return x


def ulps(y: Array, exact: Array) -> Array:
    place = np.spacing(np.maximum(np.abs(exact).astype(y.dtype), np.finfo(y.dtype).tiny))
    return np.abs(wider(y) - exact) / place


@pytest.mark.parametrize(("name", "dtype"), ABSOLUTE)
def test_absolute_error_is_within_the_stated_bound(name, dtype):
    x = numbers(name, dtype)
    assert np.abs(wider(call(name, x)) - REFERENCES[name](wider(x))).max() <= ABSOLUTE[name, dtype]


@pytest.mark.parametrize(("name", "dtype"), ULPS)
def test_relative_error_is_within_the_stated_bound(name, dtype):
    x = numbers(name, dtype)
    assert ulps(call(name, x), REFERENCES[name](wider(x))).max() <= ULPS[name, dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_stays_nan(name, dtype):
    assert np.isnan(call(name, np.full(19, np.nan, dtype))).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("tanh", [0, np.inf, -np.inf, 1e30, -1e30, 20, -20], [0, 1, -1, 1, -1, 1, -1]),
        ("sigmoid", [0, np.inf, -np.inf, 1e30, -1e30, 40], [0.5, 1, 0, 1, 0, 1]),
        ("exp", [0, np.inf, -np.inf, 1e30, -1e30], [1, np.inf, 0, np.inf, 0]),
        ("log", [0, -0.0, np.inf, 1, -1, -np.inf], [-np.inf, -np.inf, np.inf, 0, np.nan, np.nan]),
        ("softplus", [np.inf, -np.inf, 1e30, -1e30], [np.inf, 0, 1e30, 0]),
        ("elu", [0, np.inf, -np.inf, 3, -1e30], [0, np.inf, -1, 3, -1]),
        ("relu", [0, np.inf, -np.inf, 3, -3], [0, np.inf, 0, 3, 0]),
        ("leaky_relu", [0, np.inf, -np.inf, 3], [0, np.inf, -np.inf, 3]),
    ],
)
def test_values_at_the_ends_are_exact(name, x, y, dtype):
    assert_array_equal(call(name, np.array(x, dtype)), np.array(y, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_is_right_up_to_the_largest_and_down_to_the_smallest_number(dtype):
    info = np.finfo(dtype)
    top, bottom = np.log(np.array([info.max, info.smallest_subnormal], dtype))
    x = np.concatenate([np.linspace(top - 2, top + 1, 3001), np.linspace(bottom - 2, np.log(info.tiny), 3001)]).astype(
        dtype
    )
    with np.errstate(over="ignore", under="ignore"):
        exact = np.exp(wider(x))
        rounded = exact.astype(dtype)
    y = call("exp", x)
    assert_array_equal(np.isinf(y), np.isinf(rounded))
    finite = np.isfinite(rounded)
    assert ulps(y[finite], exact[finite]).max() <= 1.6  # below the normal numbers it is rounded again


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_below_the_normal_ones_are_kept(dtype):
    tiny = np.finfo(dtype).smallest_subnormal * np.arange(1, 40, dtype=dtype)
    for name in ("tanh", "elu", "relu"):
        assert_array_equal(call(name, tiny), tiny)
    assert_array_equal(call("tanh", -tiny), -tiny)
    assert_array_equal(call("elu", -tiny), -tiny)
    assert ulps(call("log", tiny), np.log(wider(tiny))).max() <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_is_exactly_odd_and_keeps_the_sign_of_zero(dtype):
    x = numbers("tanh", dtype)
    assert_array_equal(call("tanh", -x), -call("tanh", x))
    assert_array_equal(np.signbit(call("tanh", np.array([0.0, -0.0], dtype))), [False, True])


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_and_sigmoid_stay_in_their_ranges(dtype):
    x = np.concatenate([numbers("tanh", dtype), np.linspace(7, 10, 500_001, dtype=dtype)])
    x = np.concatenate([x, -x])
    assert np.abs(call("tanh", x)).max() == 1
    y = call("sigmoid", x)
    assert y.min() >= 0
    assert y.max() == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tanh", "sigmoid", "elu", "softplus", "exp"])
def test_a_rising_function_never_falls_by_more_than_its_error(name, dtype):
    x = np.sort(numbers(name, dtype))
    y = call(name, x)
    falls = -np.diff(y)
    assert (falls <= 8 * np.spacing(np.abs(y[1:]))).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_element_has_the_same_bits_in_arrays_of_every_length_and_at_every_offset(name, dtype):
    x = np.random.default_rng(3).uniform(0.1, 5, 80).astype(dtype) * (1 if name == "log" else -1)
    whole = call(name, x)
    for offset in (0, 1, 3):
        for length in range(68):
            out = np.full(80, 77, dtype)
            part = slice(offset, offset + length)
            call(name, x[part], out[part])
            assert_array_equal(out[part], whole[part])
            assert (np.delete(out, np.arange(80)[part]) == 77).all()


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_two_and_three_threads_give_the_same_bits(name, dtype):
    rng = np.random.default_rng(5)
    x = rng.normal(0, 3, 300_007).astype(dtype)
    dy = rng.normal(0, 1, x.size).astype(dtype)
    results = []
    for n in (1, 2, 3):
        nncore.set_num_threads(n)
        y = call(name, x)
        results.append([y, gradient(name, y, dy) if name in ACTIVATIONS else y])
    for result in results[1:]:
        assert [a.tobytes() for a in result] == [a.tobytes() for a in results[0]]


def gradient(name: str, y: Array, dy: Array) -> Array:
    dx = np.empty_like(y)
    _core.activation_gradient(name, y, dy, dx)
    return dx


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradient_equals_the_difference_quotient(name):
    x = np.linspace(-6, 6, 1000)  # 0, where some have a corner, is not among them
    h = 1e-5
    slope = (call(name, x + h) - call(name, x - h)) / (2 * h)
    dy = np.random.default_rng(1).normal(size=x.size)
    np.testing.assert_allclose(gradient(name, call(name, x), dy), dy * slope, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradient_of_a_saturated_output_is_finite_and_zero_where_it_must_be(name, dtype):
    x = np.array([-1e4, -0.0, 0.0, 1e4], dtype)
    dx = gradient(name, call(name, x), np.ones_like(x))
    ends = {"tanh": (0, 0), "sigmoid": (0, 0), "leaky_relu": (0.01, 1), "none": (1, 1)}.get(name, (0, 1))
    np.testing.assert_allclose(dx[[0, 3]], ends, rtol=1e-6)
    middle = {"relu": 0, "leaky_relu": 0.01, "sigmoid": 0.25, "softplus": 0.5}.get(name, 1)
    np.testing.assert_allclose(dx[1:3], middle, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
@given(data=st.data())
def test_gradient_may_overwrite_dy_and_activation_its_input(name, dtype, data):
    element = st.floats(-50, 50, width=32)
    x = np.array(data.draw(st.lists(element, max_size=40)), dtype)
    dy = np.array(data.draw(st.lists(element, min_size=x.size, max_size=x.size)), dtype)
    y = call(name, x)
    dx = gradient(name, y, dy)
    _core.activation_gradient(name, y, dy, dy)
    assert dy.tobytes() == dx.tobytes()
    assert call(name, x, x).tobytes() == y.tobytes()


def test_an_unknown_activation_is_named():
    x = np.zeros(3)
    with pytest.raises(ValueError, match=r"activation must be relu, .*, but came as swish"):
        _core.activate("swish", x, x)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_output_of_another_size_is_refused_and_left_alone(name):
    out = np.full(4, 9.0)
    with pytest.raises(ValueError, match=r"y must be of size 3, but came as \(4,\)"):
        call(name, np.ones(3), out)
    assert_array_equal(out, 9)


def test_a_gradient_names_the_argument_of_another_size():
    three, four = np.ones(3), np.ones(4)
    with pytest.raises(ValueError, match=r"dy must be of size 3, but came as \(4,\)"):
        _core.activation_gradient("tanh", three, four, three)
    with pytest.raises(ValueError, match=r"dx must be of size 3, but came as \(4,\)"):
        _core.activation_gradient("tanh", three, three, four)


def test_arrays_of_two_types_are_a_type_error():
    with pytest.raises(TypeError):
        _core.activate("tanh", np.ones(3), np.ones(3, np.float32))
