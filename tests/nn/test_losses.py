from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore.nn.losses import MSE, BinaryCrossEntropy, CrossEntropy, Huber, prepare_target

pytestmark = pytest.mark.kernel

LOSSES = [MSE(), Huber(), Huber(0.3), CrossEntropy(), BinaryCrossEntropy()]
SHAPES = [(1, 1), (1, 7), (7, 1), (5, 3), (4, 16), (3, 37), (2, 2100), (3, 4, 5), (7, 1, 2), (1, 5, 1)]


def reference(loss, y, target, weights=None, lengths=None):
    """Value and gradient in plain NumPy."""
    y = np.asarray(y, np.float64)
    w = np.ones(y.shape[:-1]) if weights is None else np.array(weights, np.float64)
    if w.ndim < y.ndim - 1:
        w = np.repeat(w[:, None], y.shape[1], axis=1)
    if lengths is not None:
        w = np.where(np.arange(y.shape[1]) < np.asarray(lengths)[:, None], w, 0)
    if isinstance(loss, CrossEntropy):
        shifted = y - y.max(-1, keepdims=True)
        p = np.exp(shifted) / np.exp(shifted).sum(-1, keepdims=True)
        one = np.arange(y.shape[-1]) == np.asarray(target)[..., None]
        each = np.log(np.exp(shifted).sum(-1)) - (shifted * one).sum(-1)
        slope = p - one
    else:
        t = np.asarray(target, np.float64).reshape(y.shape)
        d = y - t
        if isinstance(loss, MSE):
            point, slope = d**2, 2 * d
        elif isinstance(loss, Huber):
            near = abs(d) <= loss.delta
            point = np.where(near, d**2 / 2, loss.delta * (abs(d) - loss.delta / 2))
            slope = np.where(near, d, loss.delta * np.sign(d))
        else:
            point, slope = np.logaddexp(0, y) - t * y, 1 / (1 + np.exp(-y)) - t
        each, slope = point.mean(-1), slope / y.shape[-1]
    used = np.where(w > 0, each, 0)
    return (w * used).sum() / w.sum(), (w / w.sum())[..., None] * slope


def problem(loss, shape, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    y = (3 * rng.normal(size=shape)).astype(dtype)
    if isinstance(loss, CrossEntropy):
        return y, rng.integers(0, shape[-1], shape[:-1])
    if isinstance(loss, BinaryCrossEntropy):
        return y, rng.choice([0, 1, 0.25], shape).astype(dtype)
    return y, rng.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_value_and_gradient_equal_plain_numpy(loss, shape, dtype, rtol):
    y, target = problem(loss, shape, dtype)
    value, dy = loss(y, target)
    expected, gradient = reference(loss, y, target)
    assert isinstance(value, float)
    assert dy.dtype == dtype
    assert dy.shape == shape
    assert_allclose(value, expected, rtol=rtol, atol=1e-7 if dtype == np.float32 else 1e-14)
    assert_allclose(dy, gradient, rtol=rtol, atol=rtol * abs(gradient).max(initial=1e-30))


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_gradient_equals_finite_differences(loss):
    y, target = problem(loss, (3, 4, 5))
    weights, lengths = np.array([[1.0, 2, 3, 4]] * 3), [4, 0, 3]
    _, dy = loss(y, target, weights, lengths)
    step = 1e-6
    differences = np.zeros_like(y)
    for at in np.ndindex(y.shape):
        up, down = y.copy(), y.copy()
        up[at] += step
        down[at] -= step
        differences[at] = (loss(up, target, weights, lengths)[0] - loss(down, target, weights, lengths)[0]) / (2 * step)
    assert abs(dy - differences).max() <= 1e-6 * abs(dy).max()


@st.composite
def cases(draw):
    loss = draw(st.sampled_from(LOSSES))
    n, steps, features = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 40))
    y, target = problem(loss, (n, steps, features), seed=draw(st.integers(0, 2**32 - 1)))
    lengths = draw(st.none() | st.lists(st.integers(0, steps), min_size=n, max_size=n))
    weight = st.sampled_from([0.0, 1.0, 0.5, 3.25])
    weights = draw(st.none() | st.lists(st.lists(weight, min_size=steps, max_size=steps), min_size=n, max_size=n))
    return loss, y, target, weights, lengths


@given(cases())
@settings(max_examples=200)
def test_any_weights_and_lengths_equal_plain_numpy(case):
    loss, y, target, weights, lengths = case
    valid = np.ones(y.shape[:2]) if weights is None else np.array(weights)
    if lengths is not None:
        valid = valid * (np.arange(y.shape[1]) < np.array(lengths)[:, None])
    if valid.sum() == 0:
        with pytest.raises(ValueError, match="weights|lengths"):
            loss(y, target, weights, lengths)
        return
    value, dy = loss(y, target, weights, lengths)
    expected, gradient = reference(loss, y, target, weights, lengths)
    assert_allclose(value, expected, rtol=1e-11, atol=1e-13)
    assert_allclose(dy, gradient, rtol=1e-10, atol=1e-13)
    assert (dy[valid == 0] == 0).all()


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_padding_is_not_looked_at_and_gets_no_gradient(loss):
    y, target = problem(loss, (3, 4, 5))
    weights, lengths = np.ones((3, 4)), np.array([2, 0, 4], np.uint8)
    expected = loss(y, target, weights, lengths)
    behind = np.arange(4) >= lengths[:, None]
    y[behind], weights[behind] = np.nan, -np.inf
    target[behind] = -9 if target.dtype.kind == "i" else np.nan
    value, dy = loss(y, target, weights, lengths)
    assert value == expected[0]
    assert_array_equal(dy, expected[1])
    assert not dy[behind].any()


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_has_the_same_bits_alone_and_among_rows_of_weight_zero(loss, dtype):
    y, target = problem(loss, (9, 21), dtype)
    weights = np.zeros(9)
    weights[4] = 1
    y[2] = np.nan
    value, dy = loss(y, target, weights)
    alone, dy_alone = loss(y[4:5], target[4:5])
    assert value == alone
    assert_array_equal(dy[4:5], dy_alone)
    assert not np.delete(dy, 4, axis=0).any()


@pytest.mark.parametrize("loss", [MSE(), Huber(0.3), BinaryCrossEntropy()], ids=str)
@pytest.mark.parametrize("shape", [(6, 1), (3, 4, 1)], ids=str)
def test_a_single_feature_needs_no_axis_in_the_target(loss, shape):
    y, target = problem(loss, shape)
    value, dy = loss(y, target[..., 0])
    assert value == loss(y, target)[0]
    assert dy.shape == shape


def test_one_weight_for_a_sequence_counts_for_each_of_its_steps():
    y, target = problem(MSE(), (3, 4, 2))
    value, dy = MSE()(y, target, [1, 2, 5], [4, 1, 2])
    again, dy_again = MSE()(y, target, np.repeat([[1], [2], [5]], 4, axis=1), [4, 1, 2])
    assert value == again
    assert_array_equal(dy, dy_again)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("features", [2, 19])
def test_cross_entropy_of_extreme_logits(dtype, features):
    y = np.zeros((3, features), dtype)
    y[:, 0] = [1e4, -1e4, 1e4]
    value, dy = CrossEntropy()(y[:1], [0])
    assert value == 0
    assert not dy.any()
    value, dy = CrossEntropy()(y[1:2], [0])
    assert_allclose(value, 1e4 + np.log(features - 1), rtol=1e-6)
    assert_allclose(dy[0], [-1] + [1 / (features - 1)] * (features - 1), rtol=1e-6)
    value, dy = CrossEntropy()(y[2:], [1])
    assert_allclose(value, 1e4, rtol=1e-6)
    assert_array_equal(dy[0, :2], [1, -1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_of_extreme_logits(dtype):
    y = np.array([[1e4, -1e4, 1e4, -1e4, 30.0, -30.0]], dtype).T
    target = np.array([1, 0, 0, 1, 1, 0], dtype)
    each = [BinaryCrossEntropy()(y[i : i + 1], target[i : i + 1]) for i in range(6)]
    assert_allclose([value for value, _ in each], [0, 0, 1e4, 1e4, np.exp(-30), np.exp(-30)], rtol=1e-5)
    assert_allclose([dy[0, 0] for _, dy in each][:4], [0, 0, 1, -1], atol=1e-7)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("column", [0, 17, 18])
def test_nan_in_y_gives_nan(loss, dtype, column):
    y, target = problem(loss, (4, 19), dtype)
    y[1, column] = np.nan
    assert np.isnan(loss(y, target)[0])


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(9000, 65), (3, 1500, 131), (60_000, 3)], ids=str)
def test_same_bits_on_any_number_of_threads(loss, dtype, shape, threads):
    y, target = problem(loss, shape, dtype)
    weights = np.random.default_rng(1).random(shape[:-1])
    results = []
    for count in (1, 2, 3):
        nncore.set_num_threads(count)
        results.append(loss(y, target, weights))
    for value, dy in results[1:]:
        assert value == results[0][0]
        assert_array_equal(dy, results[0][1])


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_arrays_of_any_layout_give_the_same_bits(loss):
    y, target = problem(loss, (6, 8, 5), np.float32)
    weights = np.linspace(0.5, 1, 48).reshape(6, 8)
    value, dy = loss(y, target, weights)
    raw = np.zeros(y.nbytes + 1, np.uint8)
    misaligned = raw[1:].view(np.float32).reshape(y.shape)
    misaligned[:] = y
    assert not misaligned.flags.aligned
    read_only = y.copy()
    read_only.flags.writeable = False
    twice = np.repeat(y, 2, axis=1)[:, ::2]
    for other in (misaligned, read_only, twice, np.asfortranarray(y), y.astype(">f4")):
        again = loss(other, np.asfortranarray(target), np.asfortranarray(weights))
        assert again[0] == value
        assert again[1].dtype == np.float32
        assert_array_equal(again[1], dy)


def test_a_target_that_fits_is_not_copied():
    y = np.zeros((3, 4, 5), np.float32)
    target, weights = y + 1, np.ones((3, 4), np.float32)
    rows, row_weights = prepare_target(MSE(), target, weights, y.shape, y.dtype)
    assert rows.shape == (12, 5)
    assert row_weights.shape == (12,)
    assert np.shares_memory(rows, target)
    assert np.shares_memory(row_weights, weights)
    labels, none = prepare_target(CrossEntropy(), np.zeros((3, 4), np.int64), None, y.shape, y.dtype)
    assert labels.shape == (12,)
    assert none is None


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-10)])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_value_and_gradient_equal_pytorch(loss, dtype, rtol):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    y, target = problem(loss, (31, 37), dtype)
    peers = {
        MSE: torch.nn.MSELoss(),
        CrossEntropy: torch.nn.CrossEntropyLoss(),
        BinaryCrossEntropy: torch.nn.BCEWithLogitsLoss(),
    }
    peer = torch.nn.HuberLoss(delta=loss.delta) if isinstance(loss, Huber) else peers[type(loss)]
    y_torch = torch.tensor(y, requires_grad=True)
    expected = peer(y_torch, torch.tensor(target))
    expected.backward()
    value, dy = loss(y, target)
    assert_allclose(value, expected.item(), rtol=rtol)
    assert_allclose(dy, y_torch.grad.numpy(), rtol=rtol, atol=rtol * abs(dy).max())


Y = np.zeros((2, 3), np.float32)
SEQUENCES = np.zeros((2, 4, 3))
BAD = {
    "y complex": (MSE(), (Y + 0j, Y), TypeError, "y must be of type float32 or float64, but is complex"),
    "y bool": (MSE(), (Y > 0, Y), TypeError, "y must be"),
    "y integers": (MSE(), (Y.astype(int), Y), TypeError, "y must be"),
    "y float16": (MSE(), (Y.astype("f2"), Y), TypeError, "y must be"),
    "y object": (MSE(), (Y.astype(object), Y), TypeError, "y must be"),
    "y ragged": (MSE(), ([[1.0], [1.0, 2.0]], Y), ValueError, "y must be an array"),
    "y flat": (MSE(), (Y[0], Y[0]), ValueError, r"y must have shape \(N, F\)"),
    "y of four axes": (MSE(), (Y[None, None], Y[None, None]), ValueError, r"y must have shape \(N, F\)"),
    "no rows": (MSE(), (Y[:0], Y[:0]), ValueError, "y must not be empty"),
    "no steps": (MSE(), (SEQUENCES[:, :0], SEQUENCES[:, :0]), ValueError, "y must not be empty"),
    "no features": (MSE(), (Y[:, :0], Y[:, :0]), ValueError, "y must not be empty"),
    "target of another shape": (MSE(), (Y, Y[:, :1]), ValueError, r"target must have the shape of y, \(2, 3\)"),
    "target to broadcast": (MSE(), (Y, Y[0]), ValueError, "target must have the shape of y"),
    "target to broadcast, one feature": (MSE(), (Y[:, :1], Y[:1, :1]), ValueError, "target must have the shape of y"),
    "target bool": (BinaryCrossEntropy(), (Y, Y > 0), TypeError, "target must be of type"),
    "target float16": (MSE(), (Y, Y.astype("f2")), TypeError, "target must be of type"),
    "target object": (MSE(), (Y, Y.astype(object)), TypeError, "target must be of type"),
    "target None": (MSE(), (Y, None), TypeError, "target must be of type"),
    "target NaN": (MSE(), (Y, Y * np.nan), ValueError, "target must be finite, but row 0 holds nan"),
    "target infinite": (Huber(), (Y, [[0, 0, 0], [0, np.inf, 0]]), ValueError, "target .* row 1 holds inf"),
    "target too large": (MSE(), (Y, np.full((2, 3), 1e300)), ValueError, "target must be finite"),
    "target above 1": (BinaryCrossEntropy(), (Y, Y + 1.5), ValueError, r"target must be in \[0, 1\]"),
    "target below 0": (BinaryCrossEntropy(), (Y, Y - 0.1), ValueError, r"target must be in \[0, 1\]"),
    "target not a number": (BinaryCrossEntropy(), (Y, Y * np.nan), ValueError, r"target must be in \[0, 1\]"),
    "labels float": (CrossEntropy(), (Y, [0.0, 1.0]), TypeError, "target must be integers"),
    "labels bool": (CrossEntropy(), (Y, [True, False]), TypeError, "target must be integers"),
    "labels one-hot": (
        CrossEntropy(),
        (Y, np.eye(2, 3, dtype=int)),
        ValueError,
        r"target must be labels of shape \(2,",
    ),
    "label too large": (CrossEntropy(), (Y, [0, 3]), ValueError, r"labels in \[0, 3\), but row 1 holds 3"),
    "label negative": (CrossEntropy(), (Y, [-1, 0]), ValueError, r"labels in \[0, 3\), but row 0 holds -1"),
    "label huge": (CrossEntropy(), (Y, np.array([0, 2**64 - 1], np.uint64)), ValueError, r"labels in \[0, 3\)"),
    "weights short": (MSE(), (Y, Y, [1.0]), ValueError, r"weights must have the shape \(2,\), not \(1,\)"),
    "weights of sequences": (
        MSE(),
        (SEQUENCES, SEQUENCES, np.ones((4, 2))),
        ValueError,
        r"weights must have the shape \(2,\) or \(2, 4\)",
    ),
    "weights bool": (MSE(), (Y, Y, [True, False]), TypeError, "weights must be of type"),
    "weights zero": (MSE(), (Y, Y, [0, 0]), ValueError, "weights must have a sum above 0"),
    "weights negative": (MSE(), (Y, Y, [2, -1]), ValueError, "weights must be at least 0 .* weight 1 is -1"),
    "weights NaN": (MSE(), (Y, Y, [np.nan, 1]), ValueError, "weights must be at least 0 and finite"),
    "weights infinite": (MSE(), (Y, Y, [1, np.inf]), ValueError, "weights must be at least 0 and finite"),
    "weights of valid steps zero": (
        MSE(),
        (SEQUENCES, SEQUENCES, [[0, 1, 1, 1], [0, 0, 1, 1]], [1, 2]),
        ValueError,
        "weights must have a sum above 0",
    ),
    "lengths without steps": (MSE(), (Y, Y, None, [1, 1]), ValueError, "lengths belong to sequences"),
    "lengths float": (MSE(), (SEQUENCES, SEQUENCES, None, [1.0, 2.0]), TypeError, "lengths must be integers"),
    "lengths bool": (MSE(), (SEQUENCES, SEQUENCES, None, [True, True]), TypeError, "lengths must be integers"),
    "lengths short": (MSE(), (SEQUENCES, SEQUENCES, None, [1]), ValueError, r"lengths must have shape \(2,\)"),
    "length too large": (MSE(), (SEQUENCES, SEQUENCES, None, [1, 5]), ValueError, r"lengths must be in \[0, 4\]"),
    "length negative": (MSE(), (SEQUENCES, SEQUENCES, None, [-1, 4]), ValueError, r"lengths must be in \[0, 4\]"),
    "lengths zero": (MSE(), (SEQUENCES, SEQUENCES, None, [0, 0]), ValueError, "lengths must leave at least one step"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case):
    loss, arguments, error, words = BAD[case]
    with pytest.raises(error, match=words):
        loss(*arguments)


@pytest.mark.parametrize("delta", [0, -1, np.nan, np.inf, 1e-50])
def test_huber_refuses_a_delta_that_is_no_border(delta):
    with pytest.raises(ValueError, match="delta must be"):
        Huber(delta)


@pytest.mark.parametrize("delta", ["1", True, None])
def test_huber_refuses_a_delta_that_is_no_number(delta):
    with pytest.raises(TypeError, match="delta must be a number"):
        Huber(delta)


def test_losses_are_values():
    assert [repr(loss) for loss in LOSSES] == [
        "MSE()",
        "Huber(delta=1.0)",
        "Huber(delta=0.3)",
        "CrossEntropy()",
        "BinaryCrossEntropy()",
    ]
    assert len(set(LOSSES)) == len(LOSSES)
    assert Huber(2) == Huber(2.0)
    assert MSE() != CrossEntropy()
    for loss in LOSSES:
        assert pickle.loads(pickle.dumps(loss)) == copy.deepcopy(loss) == loss
    with pytest.raises(FrozenInstanceError):
        Huber().delta = 3
