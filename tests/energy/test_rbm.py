"""What a restricted Boltzmann machine says of visible states: against the textbook, and against enumeration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats

import nncore
from nncore import _core, textbook
from nncore.energy import RBM, _rbm_arrays

pytestmark = pytest.mark.kernel

DTYPES = ["float32", "float64"]


def machine(
    visible: int, hidden: int, seed: int = 0, scale: float = 1.0, kind: str = "bernoulli", dtype: str = "float64"
) -> RBM:
    """A machine with random parameters."""
    rng = np.random.default_rng(seed)
    rbm = RBM(hidden, n_iter=1, visible=kind, random_state=0, dtype=dtype).fit(np.full((3, visible), 0.5))
    rbm.components_ = rng.normal(0, scale, (hidden, visible))
    rbm.intercept_visible_ = rng.normal(0, scale, visible).astype(dtype)
    rbm.intercept_hidden_ = rng.normal(0, scale, hidden).astype(dtype)
    return rbm


def parameters(rbm: RBM) -> tuple[Any, Any, Any]:
    return tuple(
        np.asarray(array, np.float64) for array in (rbm.components_.T, rbm.intercept_visible_, rbm.intercept_hidden_)
    )


def states(rows: int, width: int, density: float, seed: int = 1) -> Any:
    return (np.random.default_rng(seed).random((rows, width)) < density).astype(np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (64, 100), (130, 65)])
@pytest.mark.parametrize("density", [0.1, 0.5, 1.0])
def test_each_side_given_the_other_is_the_textbooks(shape: tuple[int, int], density: float, dtype: str) -> None:
    rbm = machine(*shape, scale=0.3, dtype=dtype)
    W, b, c = parameters(rbm)
    v, h = states(7, shape[0], density), states(7, shape[1], density)
    tolerance = 1e-12 if dtype == "float64" else 2e-6
    assert_allclose(rbm.transform(v), textbook.rbm_hidden(v, W, c), rtol=0, atol=tolerance)
    assert_allclose(rbm.inverse_transform(h), textbook.rbm_visible(h, W, b), rtol=0, atol=tolerance)


@given(st.integers(1, 20), st.integers(1, 40), st.integers(0, 99), st.booleans(), st.sampled_from([0.1, 1.0, 8.0]))
@settings(max_examples=40)
def test_energies_and_scores_are_the_textbooks(visible: int, hidden: int, seed: int, grey: bool, scale: float) -> None:
    rbm = machine(visible, hidden, seed, scale)
    W, b, c = parameters(rbm)
    v = states(5, visible, 0.4, seed)
    if grey:
        v *= 0.7
    assert_allclose(rbm.free_energy(v), [textbook.rbm_free_energy(row, W, b, c) for row in v], rtol=1e-10, atol=1e-10)
    if not grey:
        scores = [textbook.pseudo_likelihood(row, W, b, c) for row in v]
        assert_allclose(rbm.score_samples(v), scores, rtol=1e-9, atol=1e-9)
        assert rbm.score(v) == pytest.approx(np.mean(scores))


@pytest.mark.parametrize("scale", [0.05, 1.0, 30.0, 500.0])
def test_scores_in_float32_are_near_those_in_float64(scale: float) -> None:
    v = states(20, 90, 0.3)
    near, exact = machine(90, 70, scale=scale, dtype="float32"), machine(90, 70, scale=scale)
    exact.components_ = near.components_
    exact.intercept_visible_ = near.intercept_visible_.astype(float)
    exact.intercept_hidden_ = near.intercept_hidden_.astype(float)
    assert_allclose(near.score_samples(v), exact.score_samples(v), rtol=2e-4, atol=2e-4)


def test_a_grey_pixel_scores_as_the_mean_of_both_its_values() -> None:
    rbm = machine(6, 4)
    W, b, c = parameters(rbm)
    v = np.array([0.3, 1, 0, 0.9, 0.5, 1])
    expected = 0.0
    for i, grey in enumerate(v):
        odds = -textbook.rbm_free_energy(np.where(np.arange(6) == i, 1, v), W, b, c)
        odds += textbook.rbm_free_energy(np.where(np.arange(6) == i, 0, v), W, b, c)
        expected += grey * odds - np.logaddexp(0, odds)
    assert rbm.score_samples(v[None])[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 5), (9, 2), (2, 12), (10, 10)])
def test_the_exact_partition_function_is_the_textbooks(shape: tuple[int, int]) -> None:
    rbm = machine(*shape)
    assert rbm.log_partition("exact") == pytest.approx(textbook.rbm_log_partition(*parameters(rbm)), rel=1e-12)


def test_probabilities_of_all_states_have_the_sum_1() -> None:
    rbm = machine(8, 11)
    v = textbook.rbm_states(8)
    assert np.exp(rbm.log_likelihood(v, "exact")).sum() == pytest.approx(1, rel=1e-12)
    p = np.exp(rbm.log_likelihood(v, "exact"))
    states_but_one = [np.arange(256) ^ (1 << i) for i in range(8)]
    conditional = sum(np.log(p / (p + p[flipped])) for flipped in states_but_one)
    assert_allclose(rbm.score_samples(v), conditional, rtol=1e-9)


def test_gaussian_units_by_numerical_integration() -> None:
    rbm = machine(2, 3, scale=0.7, kind="gaussian")
    axis = np.linspace(-12, 12, 481)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    W, b, c = parameters(rbm)
    energy = rbm.free_energy(grid)
    assert_allclose(energy[:50], [textbook.rbm_free_energy(v, W, b, c, gaussian=True) for v in grid[:50]], rtol=1e-12)
    log_z = np.logaddexp.reduce(-energy) + 2 * np.log(axis[1] - axis[0])
    assert rbm.log_partition("exact") == pytest.approx(log_z, abs=1e-8)
    estimate, error = rbm.log_partition("ais", random_state=0, return_error=True)
    assert abs(estimate - log_z) < 4 * error < 0.1
    h = states(4, 3, 0.5)
    assert_allclose(rbm.inverse_transform(h), textbook.rbm_visible(h, W, b, gaussian=True), rtol=1e-12)


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_gibbs_sampling_reaches_the_distribution(kind: str) -> None:
    rbm = machine(3, 2, scale=0.8, kind=kind)
    v = rbm.gibbs(np.zeros((20_000, 3)), 60, random_state=1)
    if kind == "bernoulli":
        p = np.exp(rbm.log_likelihood(textbook.rbm_states(3), "exact"))
        seen = np.bincount((v @ [1, 2, 4]).astype(int), minlength=8)
        assert stats.chisquare(seen, p * len(v)).pvalue > 1e-3
        return
    W, b, c = parameters(rbm)
    h = textbook.rbm_states(2)
    weights = np.exp(h @ c + (h @ W.T) @ b + np.square(h @ W.T).sum(1) / 2)
    means = weights @ (b + h @ W.T) / weights.sum()
    assert_allclose(v.mean(0), means, atol=0.05)
    first = stats.kstest(v[:, 0], lambda x: weights @ stats.norm.cdf(x[None] - (b + h @ W.T)[:, :1]) / weights.sum())
    assert first.pvalue > 1e-3


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [1, 3, 16, 33, 1100])
def test_gaussian_units_are_box_muller_of_the_documented_words(width: int, dtype: Any) -> None:
    """Without weights a step leaves the biases, here 0, and normal numbers; rows start at multiples of 64 bytes."""
    rows, in_row, number = 3, -(-width * np.dtype(dtype).itemsize // 64) * 64 // np.dtype(dtype).itemsize, 5
    v = np.zeros((rows, width), dtype)
    zeros = [np.zeros(shape, dtype) for shape in ((width, 1), width, 1)]
    _core.rbm_gibbs(True, *zeros, 1, 9, number, 0, v)
    words = np.empty(rows * in_row * np.dtype(dtype).itemsize // 4, np.uint32)
    _core.random_words(words, seed=9, stream=_core.Stream.GIBBS, substream=1, step=number)
    w = words.astype(np.uint64)
    if dtype == "float32":
        u, turn = ((w[::2] >> np.uint64(1)) + 0.5) * 2.0**-31, words.view(np.int32)[1::2] * 2.0**-32
    else:
        bits = (w[1::2] << np.uint64(32) | w[::2]) >> np.uint64(12)
        u, turn = (bits[::2] + 0.5) * 2.0**-52, bits[1::2] * 2.0**-52 - 0.5
    radius, angle = np.sqrt(-2 * np.log(u)), 2 * np.pi * turn
    expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(rows, in_row)[:, :width]
    tolerance = 1e-14 if dtype == "float64" else 5e-7
    assert_allclose(v, expected, rtol=tolerance, atol=10 * tolerance)


def test_samples_follow_the_distribution_and_the_seed() -> None:
    rbm = machine(3, 2, scale=0.8)
    v = rbm.sample(5000, random_state=3, n_steps=60)
    p = np.exp(rbm.log_likelihood(textbook.rbm_states(3), "exact"))
    assert stats.chisquare(np.bincount((v @ [1, 2, 4]).astype(int), minlength=8), p * len(v)).pvalue > 1e-3
    assert_array_equal(v, rbm.sample(5000, random_state=3, n_steps=60))
    assert (v != rbm.sample(5000, random_state=4, n_steps=60)).any()


def test_a_path_of_gibbs_sampling_holds_the_states_between() -> None:
    rbm = machine(9, 4)
    v = states(5, 9, 0.5)
    path = rbm.gibbs(v, 3, return_path=True, random_state=7)
    assert_array_equal(path[0], v)
    for steps in range(4):
        assert_array_equal(path[steps], rbm.gibbs(v, steps, random_state=7))


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_calls_that_share_out_rows_and_steps_draw_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rbm = machine(9, 4, kind=kind)
    v = states(13, 9, 0.5)
    whole = rbm.gibbs(v, 5, random_state=3)
    monkeypatch.setattr(_rbm_arrays, "_PIECE", 9 * 4 * 5)  # five rows, one step
    assert_array_equal(rbm.gibbs(v, 5, random_state=3), whole)
    assert_array_equal(rbm.gibbs(v, 5, True, random_state=3)[-1], whole)


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_results_do_not_depend_on_threads_rows_or_format(kind: str, dtype: str, threads: None) -> None:
    rbm = machine(200, 300, scale=0.2, kind=kind, dtype=dtype)
    v = states(300, 200, 0.6)  # dense: all units are multiplied
    v[::7] *= states(43, 200, 0.1)  # sparse alone: units that are 0 are skipped
    results = []
    for count in (1, 2):
        nncore.set_num_threads(count)
        results.append(
            [
                *(rbm.transform(v), rbm.free_energy(v), rbm.score_samples(v), rbm.gibbs(v, 3, random_state=0)),
                *(rbm.inverse_transform(rbm.transform(v)), rbm.log_partition(n_temperatures=30, random_state=0)),
            ]
        )
    for one, two in zip(*results, strict=True):
        assert_array_equal(one, two)
    for method in (rbm.transform, rbm.free_energy, rbm.score_samples):
        whole = method(v)
        assert_array_equal(method(sparse.csr_matrix(v)), whole)
        assert_array_equal(method(v[::7]), whole[::7])
        assert_array_equal(np.concatenate([method(row[None]) for row in v[:20]]), whole[:20])
    h = rbm.transform(v)
    assert_array_equal(rbm.inverse_transform(h[5:6]), rbm.inverse_transform(h)[5:6])


def test_large_weights_give_no_nan() -> None:
    rbm = machine(40, 30, scale=1e3, dtype="float32")
    v = states(20, 40, 0.5)
    for values in (rbm.transform(v), rbm.free_energy(v), rbm.score_samples(v), rbm.gibbs(v, 2, random_state=0)):
        assert np.isfinite(values).all()
