"""Layers, losses and optimizers of the textbook in cases that can be checked by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nncore import textbook


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, [-2, 0, 3]),
        ("relu", [0, 0, 3]),
        ("leaky_relu", [-0.02, 0, 3]),
        ("tanh", [-0.9640275800758169, 0, 0.9950547536867305]),
        ("sigmoid", [0.11920292202211755, 0.5, 0.9525741268224334]),
        ("elu", [-0.8646647167633873, 0, 3]),
        ("softplus", [0.1269280110429726, 0.6931471805599453, 3.048587351573742]),
    ],
)
def test_dense_squashes_the_weighted_sum(name, expected):
    x, W, b = np.array([[1.0, 1.0]]), np.array([[-1.0, 0], [1, 0], [1, 1]]), np.array([-1.0, -1, 1])
    assert_allclose(textbook.dense(x, W, b, activation=name)[0], expected, rtol=1e-14)


def test_sigmoid_neither_overflows_nor_loses_its_tail():
    with np.errstate(over="raise"):
        assert_allclose(textbook.sigmoid(np.array([-800.0, -40.0, 0.0, 800.0])), [0, np.exp(-40), 0.5, 1], rtol=1e-14)


def test_embedding_is_a_one_hot_vector_times_the_weights(rng):
    W, ids = rng.normal(size=(5, 3)), np.array([[4, 0], [0, 2]])
    assert_allclose(textbook.embedding(ids, W), np.eye(5)[ids] @ W)
    assert_allclose(textbook.embedding_backward(ids, W, np.ones((2, 2, 3)))[:, 0], [2, 0, 1, 0, 1])


def test_dropout_keeps_the_mean():
    y = textbook.dropout(np.array([1.0, 2, 3, 4]), np.array([1, 0, 1, 0]), 0.5)
    assert_allclose(y, [2, 0, 6, 0])


def test_batch_norm_has_mean_beta_and_deviation_gamma(rng):
    gamma, beta = np.array([2.0, 3]), np.array([-1.0, 5])
    y, mean, variance = textbook.batch_norm(rng.normal(4, 10, size=(50, 2)), gamma, beta, eps=0)
    assert_allclose(y.mean(axis=0), beta, atol=1e-13)
    assert_allclose(y.std(axis=0), gamma, rtol=1e-13)
    assert mean.shape == variance.shape == (2,)


def test_running_variance_is_unbiased():
    x = np.array([[1.0], [5]])
    _, mean, variance = textbook.batch_norm(x, np.ones(1), np.zeros(1))
    assert_allclose(textbook.batch_norm_running(np.zeros(1), mean), 0.1 * 3)
    assert_allclose(textbook.batch_norm_running(np.ones(1), variance, 2), 0.9 + 0.1 * 8)


def test_mse_is_the_mean_over_features_and_weighted_rows():
    y, target = np.array([[1.0, 2], [3, 4]]), np.array([[0.0, 0], [3, 2]])
    assert textbook.mse(y, target)[0] == pytest.approx((2.5 + 2) / 2)
    value, dy = textbook.mse(y, target, np.array([3.0, 1]))
    assert value == pytest.approx((3 * 2.5 + 2) / 4)
    assert_allclose(dy, [[0.75, 1.5], [0, 0.5]])


def test_huber_is_a_square_inside_delta_and_a_line_outside():
    y = np.array([[0.5], [3.0]])
    assert textbook.huber(y[:1], 0 * y[:1])[0] == pytest.approx(0.125)
    assert textbook.huber(y[1:], 0 * y[1:])[0] == pytest.approx(2.5)
    assert textbook.huber(y[1:], 0 * y[1:], delta=2)[0] == pytest.approx(4)


def test_cross_entropy_of_equal_logits_is_the_log_of_the_classes():
    value, dy = textbook.cross_entropy(np.zeros((2, 4)), np.array([1, 3]))
    assert value == pytest.approx(np.log(4))
    assert_allclose(dy[0], [0.125, -0.375, 0.125, 0.125])


def test_binary_cross_entropy_of_a_sure_and_right_unit_is_zero():
    assert textbook.binary_cross_entropy(np.array([[800.0, -800]]), np.array([[1.0, 0]]))[0] == 0
    assert textbook.binary_cross_entropy(np.zeros((3, 2)), np.full((3, 2), 0.3))[0] == pytest.approx(np.log(2))


def test_two_steps_of_momentum_and_nesterov_by_hand():
    w, v = textbook.sgd_step(np.array([1.0]), np.array([2.0]), np.zeros(1), 0.1, momentum=0.5)
    assert_allclose([w, v], [[0.8], [2]])
    w, v = textbook.sgd_step(w, np.array([2.0]), v, 0.1, momentum=0.5)
    assert_allclose([w, v], [[0.5], [3]])
    w, _ = textbook.sgd_step(np.array([1.0]), np.array([2.0]), np.zeros(1), 0.1, momentum=0.5, nesterov=True)
    assert_allclose(w, 0.7)


def test_weight_decay_shrinks_without_a_gradient():
    one, zero = np.ones(1), np.zeros(1)
    assert_allclose(textbook.sgd_step(one, zero, zero, 0.1, weight_decay=0.5)[0], 0.95)
    assert_allclose(textbook.adamw_step(one, zero, zero, zero, 1, 0.1, weight_decay=0.5)[0], 0.95)
    assert_allclose(textbook.adam_step(one, zero, zero, zero, 1, 0.1, weight_decay=0.5)[0], 0.9, rtol=1e-7)


def test_the_first_adam_step_has_the_size_of_the_learning_rate():
    for g in (1e-3, 5.0):
        w, _, _ = textbook.adam_step(np.zeros(1), np.array([g]), np.zeros(1), np.zeros(1), 1, 0.1)
        assert_allclose(w, -0.1, rtol=1e-4)


def test_rmsprop_divides_by_the_running_root_mean_square():
    w, s = textbook.rmsprop_step(np.zeros(1), np.array([3.0]), np.array([4.0]), 0.1, alpha=0.5)
    assert_allclose([w, s], [[-0.3 / np.sqrt(6.5)], [6.5]])


def test_clipping_shortens_a_long_gradient_only():
    g, norm = textbook.clip_grad_norm(np.array([3.0, 4]), 1)
    assert norm == pytest.approx(5)
    assert_allclose(g, [0.6, 0.8], rtol=1e-6)
    assert_allclose(textbook.clip_grad_norm(np.array([3.0, 4]), 7)[0], [3, 4])
