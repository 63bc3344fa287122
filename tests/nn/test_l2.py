from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import nn

pytestmark = pytest.mark.kernel

LAYERS = [nn.Embedding(6, 8), nn.GRU(8, 5), nn.LastStep(), nn.BatchNorm(5), nn.Dense(5, 3)]
IDS = np.arange(12).reshape(4, 3) % 6
LABELS = np.array([0, 2, 1, 1])


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-6), ("float64", 1e-14)])
def test_the_penalty_is_part_of_the_loss_and_of_the_gradients_of_the_weights_alone(dtype, tolerance, rng, fill):
    plain = fill(nn.Sequential(LAYERS, dtype=dtype, seed=1), rng)
    net = plain.copy()
    value = plain.train_step(IDS, LABELS, nn.CrossEntropy(), nn.SGD(0.1))
    penalty = 0.0
    expected = {}
    for name in net.names():
        is_weight = net[name].ndim > 1
        penalty += 0.15 * np.sum(np.square(net[name], dtype=np.float64)) if is_weight else 0.0
        expected[name] = plain.gradient(name) + 0.3 * net[name] * is_weight
    assert_allclose(
        net.train_step(IDS, LABELS, nn.CrossEntropy(), nn.SGD(0.1), l2=0.3), value + penalty, rtol=tolerance
    )
    for name, gradient in expected.items():
        assert_allclose(net.gradient(name), gradient, rtol=tolerance, atol=tolerance, err_msg=name)
    assert np.flatnonzero(net.gradients).size <= sum(net[name].size for name in net.names())  # none at padding


def test_the_penalty_counts_for_clipping():
    net = nn.Sequential([nn.Dense(3, 2)], seed=0)
    net.train_step(np.ones((1, 3)), np.ones((1, 2)), nn.MSE(), nn.SGD(0.0), max_grad_norm=0.5, l2=1000.0)
    assert_allclose(np.linalg.norm(net.gradients), 0.5, rtol=1e-5)


def test_the_penalty_has_the_same_bits_on_any_number_of_threads(threads):
    results = []
    for count in (1, 2, 3):
        nncore.set_num_threads(count)
        net = nn.Sequential([nn.Dense(700, 801, "relu"), nn.Dense(801, 3)], seed=0)
        x = np.random.default_rng(0).normal(size=(9, 700))
        value = net.train_step(x, np.arange(9) % 3, nn.CrossEntropy(), nn.SGD(0.1), l2=0.01)
        results.append((value, net.gradients.copy()))
    for value, gradients in results[1:]:
        assert value == results[0][0]
        assert_array_equal(gradients, results[0][1])


@pytest.mark.parametrize(
    ("l2", "error"), [(-1.0, ValueError), (np.inf, ValueError), (np.nan, ValueError), ("1", TypeError)]
)
def test_the_penalty_must_be_a_number_of_at_least_0(l2, error):
    net = nn.Sequential([nn.Dense(3, 2)], seed=0)
    before = net.parameters.copy()
    with pytest.raises(error, match="l2 must be"):
        net.train_step(np.ones((1, 3)), np.ones((1, 2)), nn.MSE(), nn.SGD(0.1), l2=l2)
    assert_array_equal(net.parameters, before)
