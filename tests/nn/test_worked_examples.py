"""The worked example of the sequence systems through the network's own layers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import nncore.nn as nn

pytestmark = pytest.mark.kernel

X = np.array([[[1.0], [0.0], [1.0]]])
SIX_DIGITS = {"rtol": 0, "atol": 6e-7}  # half of the last digit given, and float32's rounding


def one_unit(layer, W, U, dtype):
    """A network of one unit without biases whose stacked gates have these weights."""
    net = nn.Sequential([layer], dtype=dtype, seed=0)
    net.parameters[:] = 0
    net["0.weight_ih_l0"][:, 0] = W
    net["0.weight_hh_l0"][:, 0] = U
    return net


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [True, False])
def test_lstm_of_the_worked_example(dtype, bias):
    ifgo = [0.2, 0.1, 0.3, 0.4], [0.6, 0.5, 0.7, 0.8]
    net = one_unit(nn.LSTM(1, 1, bias=bias), *ifgo, dtype)
    y, state = net(X, return_state=True)
    assert_allclose(y[0, :, 0], [0.095082, 0.060022, 0.147048], **SIX_DIGITS)
    assert_allclose(state[0][1], [[[0.245831]]], **SIX_DIGITS)
    for steps, cell in (1, 0.160174), (2, 0.116167):
        _, [(_, c)] = net(X, lengths=[steps], return_state=True)
        assert_allclose(c, [[[cell]]], **SIX_DIGITS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [True, False])
def test_gru_of_the_worked_example(dtype, bias):
    rzn = [0.2, 0.1, 0.3], [0.5, 0.4, 0.6]
    y = one_unit(nn.GRU(1, 1, bias=bias), *rzn, dtype)(X)
    assert_allclose(y[0, :, 0], [0.152933, 0.098655, 0.217809], **SIX_DIGITS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gru_of_the_worked_example_with_z_complemented(dtype):
    rzn = [0.2, -0.1, 0.3], [0.5, -0.4, 0.6]  # the rows of z negated
    y = one_unit(nn.GRU(1, 1), *rzn, dtype)(X)
    assert_allclose(y[0, :, 0], [0.138380, 0.091972, 0.197916], **SIX_DIGITS)
