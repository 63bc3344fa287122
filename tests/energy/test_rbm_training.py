"""Training of a restricted Boltzmann machine: its updates, and what goes on from what."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats

import nncore
from nncore import _core, textbook
from nncore.energy import RBM

pytestmark = pytest.mark.kernel

KINDS = ["bernoulli", "gaussian"]


def small(seed: int = 0, **settings: Any) -> tuple[RBM, tuple[Any, Any, Any]]:
    """A machine of 4 and 3 units in float64, and its parameters."""
    rng = np.random.default_rng(seed)
    rbm = RBM(3, n_iter=1, dtype="float64", random_state=0, learning_rate=1.0, batch_size=4, **settings)
    rbm.fit(np.full((2, 4), 0.5))
    W, b, c = rng.normal(0, 0.8, (4, 3)), rng.normal(0, 0.5, 4), rng.normal(0, 0.5, 3)
    put(rbm, W, b, c)
    return rbm, (W, b, c)


def put(rbm: RBM, W: Any, b: Any, c: Any) -> None:
    rbm.components_, rbm.intercept_visible_, rbm.intercept_hidden_ = W.T, b.copy(), c.copy()


def same(one: RBM, two: RBM) -> None:
    assert_array_equal(one.components_, two.components_)
    assert_array_equal(one.intercept_visible_, two.intercept_visible_)
    assert_array_equal(one.intercept_hidden_, two.intercept_hidden_)
    assert one.history_ == two.history_
    assert (one.n_iter_, one.t_) == (two.n_iter_, two.t_)


def expected_update(v0: Any, W: Any, b: Any, c: Any, k: int) -> Any:
    """The mean of the updates of CD-k, by enumeration: the distribution of v after k steps is a row of a power."""
    states = textbook.rbm_states(4)
    hidden = textbook.rbm_states(3)

    def of(p: Any, s: Any) -> Any:
        return np.prod(np.where(s[None] == 1, p[:, None], 1 - p[:, None]), axis=2)

    to_hidden = of(textbook.rbm_hidden(states, W, c), hidden)
    to_visible = of(textbook.rbm_visible(hidden, W, b), states)
    after = np.linalg.matrix_power(to_hidden @ to_visible, k)[(v0 @ [1, 2, 4, 8]).astype(int)].mean(0)
    p0, p = textbook.rbm_hidden(v0, W, c), textbook.rbm_hidden(states, W, c)
    return v0.T @ p0 / len(v0) - states.T @ (after[:, None] * p), v0.mean(0) - after @ states, p0.mean(0) - after @ p


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_mean_of_updates_is_the_enumerated_one(k: int) -> None:
    _, (W, b, c) = small()
    W, c = 3 * W, c - 2
    v0 = textbook.rbm_states(4)[[3, 5, 14, 8]]
    updates = 100_000
    changes, empty = np.empty((updates, 19)), np.empty((0, 0))
    for t in range(updates):
        w, bv, ch = W.copy(), b.copy(), c.copy()
        _core.rbm_train(False, w, bv, ch, v0, np.arange(4), 4, 1.0, 0, 0, 0.1, 0, k, 7, t, empty, empty)
        changes[t] = np.concatenate([(w - W).ravel(), bv - b, ch - c])
    expected = np.concatenate([part.ravel() for part in expected_update(v0, W, b, c, k)])
    standard_error = changes.std(0) / np.sqrt(updates)
    assert (np.abs(changes.mean(0) - expected) < 4 * standard_error).all()


def test_the_error_is_that_of_the_first_reconstruction() -> None:
    rbm, (W, b, c) = small(6, k=3)
    v0 = textbook.rbm_states(4)[[3, 5, 14, 8]]
    p = textbook.rbm_hidden(v0, W, c)
    h = textbook.rbm_states(3)
    p_of_states = np.prod(np.where(h[None] == 1, p[:, None], 1 - p[:, None]), axis=2)
    errors = np.square(v0[:, None] - textbook.rbm_visible(h, W, b)[None]).sum(2)
    rbm.set_params(learning_rate=0.0, batch_size=80_000).partial_fit(np.tile(v0, (20_000, 1)))
    assert rbm.history_["reconstruction_error"][-1] == pytest.approx((p_of_states * errors).sum() / 4, abs=0.02)


def test_steps_of_gaussian_units_draw_afresh() -> None:
    rbm, (W, b, c) = small(7, visible="gaussian", k=2)
    W = 1.2 * W
    put(rbm, W, b, c)
    v0 = np.array([[0.5, -1, 2, 0]])
    h = textbook.rbm_states(3)

    def of(p: Any) -> Any:
        return np.prod(np.where(h == 1, p[..., None, :], 1 - p[..., None, :]), axis=-1)

    noise = np.random.default_rng(0).normal(size=(40_000, 1, 4))
    v = noise + b + h @ W.T  # of each state of h
    p = textbook.rbm_hidden(v, W, c)
    after = (of(textbook.rbm_hidden(v0, W, c)) @ of(p).mean(0))[0]  # what h is after a step
    mean = after @ (b + h @ W.T)
    products = np.einsum("s,nsi,nsj->ij", after, v, p) / len(noise)
    rbm.set_params(batch_size=200_000).partial_fit(np.tile(v0, (200_000, 1)))
    assert_allclose(rbm.intercept_visible_ - b, v0[0] - mean, atol=0.03)
    assert_allclose(rbm.components_.T - W, v0.T @ textbook.rbm_hidden(v0, W, c) - products, atol=0.05)


def test_many_steps_approach_the_gradient_of_the_likelihood() -> None:
    rbm, (W, b, c) = small(1, k=60)
    v0 = np.repeat(textbook.rbm_states(4)[[1, 6, 15]], 4000, axis=0)
    rbm.set_params(batch_size=len(v0)).partial_fit(v0)
    gradient = textbook.rbm_gradient(v0, W, b, c)
    assert_allclose(rbm.components_.T - W, gradient[0], atol=0.03)
    assert_allclose(rbm.intercept_visible_ - b, gradient[1], atol=0.03)
    assert_allclose(rbm.intercept_hidden_ - c, gradient[2], atol=0.03)


def test_the_textbooks_gradient_is_that_of_the_likelihood() -> None:
    _, (W, b, c) = small(2)
    V = textbook.rbm_states(4)[[1, 6, 6, 15]]

    def likelihood(parameters: Any) -> float:
        W, b, c = parameters[:12].reshape(4, 3), parameters[12:16], parameters[16:]
        energies = [textbook.rbm_free_energy(v, W, b, c) for v in V]
        return -float(np.mean(energies)) - textbook.rbm_log_partition(W, b, c)

    at = np.concatenate([W.ravel(), b, c])
    numeric = [(likelihood(at + d) - likelihood(at - d)) / 2e-5 for d in 1e-5 * np.eye(19)]
    exact = np.concatenate([part.ravel() for part in textbook.rbm_gradient(V, W, b, c)])
    assert_allclose(exact, numeric, atol=1e-9)


def test_persistent_chains_stay_in_the_machines_distribution() -> None:
    rbm, (W, b, c) = small(3, persistent=True, n_chains=20_000, k=40)
    rbm.set_params(learning_rate=0.0)
    rbm.partial_fit(np.ones((4, 4)))
    hidden = textbook.rbm_states(3)
    p = np.exp([-textbook.rbm_free_energy(h, W.T, c, b) - textbook.rbm_log_partition(W.T, c, b) for h in hidden])
    seen = np.bincount((rbm.h_samples_ @ [1, 2, 4]).astype(int), minlength=8)
    assert stats.chisquare(seen, p * 20_000).pvalue > 1e-3


def test_a_persistent_update_takes_the_chains_states() -> None:
    rbm, (W, b, c) = small(4, persistent=True, n_chains=30_000, k=1)
    rbm.h_samples_ = np.tile([1.0, 0, 1], (30_000, 1))
    v0 = textbook.rbm_states(4)[[3, 5, 14, 8]]
    rbm.partial_fit(v0)
    states = textbook.rbm_states(4)
    q = textbook.rbm_visible(np.array([1.0, 0, 1]), W, b)
    p = np.prod(np.where(states == 1, q, 1 - q), axis=1)
    model = states.T @ (p[:, None] * textbook.rbm_hidden(states, W, c))
    assert_allclose(rbm.components_.T - W, v0.T @ textbook.rbm_hidden(v0, W, c) / 4 - model, atol=0.02)
    assert_allclose(rbm.intercept_visible_ - b, v0.mean(0) - p @ states, atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_decay_momentum_and_sparsity_add_to_the_same_update(kind: str) -> None:
    v0 = np.random.default_rng(0).integers(0, 2, (6, 4)).astype(float)

    def change(velocity: Any = None, **settings: Any) -> tuple[Any, Any, Any]:
        rbm, (W, _, c) = small(5, visible=kind, shuffle=False)
        rbm.set_params(learning_rate=0.5, batch_size=6, **settings)
        if velocity is not None:
            rbm._velocity = velocity.copy()
        rbm.partial_fit(v0)
        return rbm.components_.T - W, rbm.intercept_hidden_ - c, rbm

    _, (W, _, c) = small(5, visible=kind)
    plain, plain_hidden, _ = change()
    assert_allclose(change(weight_decay=0.2)[0], plain - 0.5 * 0.2 * W, atol=1e-12)
    velocity = np.random.default_rng(1).normal(size=(4, 3))
    moved, _, rbm = change(velocity, momentum=0.7)
    assert_allclose(moved, plain + 0.7 * velocity, atol=1e-12)
    assert_allclose(rbm._velocity, moved, atol=1e-12)
    pull = 0.3 * (0.25 - textbook.rbm_hidden(v0, W, c).mean(0))
    sparse_change, sparse_hidden, _ = change(sparsity_target=0.25, sparsity_cost=0.3)
    assert_allclose(sparse_hidden, plain_hidden + 0.5 * pull, atol=1e-12)
    assert_allclose(sparse_change, plain + 0.5 * v0.mean(0)[:, None] * pull, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"k": 3, "momentum": 0.5}, {"persistent": True, "n_chains": 17}])
@pytest.mark.parametrize("density", [0.1, 0.8])
def test_training_has_the_same_bits_on_any_number_of_threads(
    kind: str, settings: dict[str, Any], density: float, threads: None
) -> None:
    X = (np.random.default_rng(0).random((230, 150)) < density).astype(np.float32)
    machines = []
    for count in (1, 2):
        nncore.set_num_threads(count)
        rbm = RBM(200, 0.01, visible=kind, n_iter=2, batch_size=50, random_state=1, sparsity_cost=0.1, **settings)
        machines.append(rbm.fit(X))
    same(*machines)
    same(machines[0], RBM(**machines[0].get_params()).fit(sparse.csr_matrix(X)))


def test_units_that_are_skipped_and_multiplied_give_the_same_bits() -> None:
    X = (np.random.default_rng(0).random((100, 60)) < 0.1).astype(float)
    few, many = RBM(40, random_state=0, n_iter=2, dtype="float64"), RBM(40, random_state=0, n_iter=2, dtype="float64")
    few.fit(X)  # lists
    wide = np.hstack([X, np.ones((100, 300))])  # tiles, as most units are 1; the new ones have no weights
    many.set_params(learning_rate=0.0).fit(wide)
    weights = np.zeros((40, 360))
    weights[:, :60] = few.components_
    many.components_ = weights
    many.intercept_hidden_ = few.intercept_hidden_
    assert_array_equal(many.transform(wide), few.transform(X))


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.5}, {"persistent": True}, {"visible": "gaussian"}])
def test_a_saved_training_goes_on_as_one_that_never_stopped(settings: dict[str, Any], tmp_path: Path) -> None:
    X = np.random.default_rng(0).random((70, 12))
    whole = RBM(5, n_iter=6, batch_size=16, random_state=3, **settings).fit(X)
    part = RBM(5, n_iter=4, batch_size=16, random_state=3, **settings).fit(X)
    part.save(tmp_path / "rbm.safetensors")
    loaded = RBM.load(tmp_path / "rbm.safetensors")
    same(part, loaded)
    assert loaded.get_params() == part.get_params()
    loaded.partial_fit(X).partial_fit(X)
    assert_array_equal(loaded.components_, whole.components_)
    warm = RBM.load(tmp_path / "rbm.safetensors").set_params(n_iter=2, warm_start=True).fit(X)
    same(warm, whole)
    assert_array_equal(loaded.h_samples_, whole.h_samples_)


def test_passes_of_partial_fit_are_those_of_fit() -> None:
    X = np.random.default_rng(0).random((50, 9))
    fitted, partly = RBM(4, n_iter=3, random_state=0).fit(X), RBM(4, random_state=0)
    for _ in range(3):
        partly.partial_fit(X)
    assert_array_equal(partly.components_, fitted.components_)
    assert partly.history_["reconstruction_error"] == fitted.history_["reconstruction_error"]


def test_ctrl_c_leaves_the_last_whole_pass(ctrl_c: None, digits: Any) -> None:
    X = np.tile(digits, (6, 4))
    rbm = RBM(500, k=20, n_iter=2, random_state=0).fit(X[:200])
    before = rbm.components_.copy()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        rbm.set_params(n_iter=50, warm_start=True).fit(X)
    assert_array_equal(rbm.components_, before)
    assert rbm.n_iter_ == len(rbm.history_["reconstruction_error"]) == 2
    same(rbm.set_params(n_iter=1).fit(X[:200]), RBM(500, k=20, n_iter=3, random_state=0).fit(X[:200]))


@pytest.mark.parametrize(("rows", "chains", "k"), [(20_000, 0, 3), (100, 0, 3000), (10, 5000, 50)])
def test_ctrl_c_is_answered_within_a_long_update(ctrl_c: None, rows: int, chains: int, k: int) -> None:
    """An update that went on to its end would change the weights before Python could raise anything."""
    X = (np.random.default_rng(0).random((rows, 784)) < 0.13).astype(np.float32)
    W, b, c = (np.zeros(shape, np.float32) for shape in ((784, 500), 784, 500))
    states = np.zeros((chains, 500 if chains else 0), np.float32)
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        _core.rbm_train(
            *(False, W, b, c, X, np.arange(rows), rows, 0.1, 0, 0, 0.1, 0, k, 7, 0),
            *(np.empty((0, 0), np.float32), states),
        )
    assert not W.any()
    assert not b.any()
    assert not states.any()


@pytest.mark.parametrize(("k", "chains"), [(40, 60), (2, 300)])
def test_pieces_of_an_update_draw_as_one(k: int, chains: int) -> None:
    """Updates of a wide machine are cut into pieces of steps, or of rows; two chains alone are in one piece."""
    X = (np.random.default_rng(0).random((3, 3000)) < 0.5).astype(np.float32)
    settings: dict[str, Any] = {"k": k, "batch_size": 3, "persistent": True, "n_iter": 1, "random_state": 0}
    many = RBM(2500, 0.0, n_chains=chains, **settings).fit(X)
    few = RBM(2500, 0.0, n_chains=2, **settings).fit(X)
    assert_array_equal(many.h_samples_[:2], few.h_samples_)


def test_divergence_leaves_the_last_whole_pass() -> None:
    X = np.random.default_rng(0).normal(size=(40, 8))
    rbm = RBM(30, visible="gaussian", random_state=0, n_iter=1).fit(X)
    before = rbm.components_.copy()
    with pytest.raises(FloatingPointError, match="diverged in pass 2, at update [34] or soon after"):
        rbm.set_params(learning_rate=1e30).partial_fit(X)
    assert_array_equal(rbm.components_, before)
    assert (rbm.n_iter_, rbm.t_) == (1, 2)


def test_early_stopping_keeps_the_best_parameters(digits: Any) -> None:
    rbm = RBM(30, 0.5, n_iter=200, early_stopping=True, n_iter_no_change=3, random_state=0).fit(digits[:300])
    scores = rbm.history_["validation_score"]
    assert 4 <= len(scores) < 200
    assert np.argmax(scores) == len(scores) - 4
    shorter = RBM(30, 0.5, n_iter=len(scores) - 3, early_stopping=True, random_state=0).fit(digits[:300])
    assert_array_equal(rbm.components_, shorter.components_)


def test_the_gap_of_free_energies_shows_overfitting(digits: Any) -> None:
    rbm = RBM(100, 0.1, n_iter=60, batch_size=10, random_state=0).fit(digits[:20], X_val=digits[20:200])
    gap = rbm.history_["free_energy_gap"]
    assert len(gap) == len(rbm.history_["pseudo_likelihood"]) == 60
    assert gap[-1] > gap[0] + 0.5
    expected = rbm.free_energy(digits[20:200]).mean() - rbm.free_energy(digits[:20]).mean()
    assert gap[-1] == pytest.approx(expected)


def test_training_raises_the_likelihood(digits: Any) -> None:
    for settings in ({}, {"persistent": True}, {"k": 5}, {"momentum": 0.5}):
        before = RBM(16, n_iter=1, random_state=0, learning_rate=1e-9, **settings).fit(digits)
        after = RBM(16, n_iter=20, random_state=0, **settings).fit(digits)
        rise = after.log_likelihood(digits, "exact").mean() - before.log_likelihood(digits, "exact").mean()
        assert rise > 15
        assert after.history_["pseudo_likelihood"][-1] > after.history_["pseudo_likelihood"][0]


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize(("batch", "chains"), [(30, 0), (30, 7), (250, 0), (450, 200)])
@pytest.mark.parametrize(("visible", "hidden", "bias"), [(1, 1, 0), (5, 3, 3), (40, 33, -3), (17, 70, 0)])
def test_updates_of_one_call_are_those_of_many(
    gaussian: bool, momentum: float, batch: int, chains: int, visible: int, hidden: int, bias: float
) -> None:
    """A call of its own packs the weights that the next update of the same call is handed."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4 * batch, visible)) if gaussian else (rng.random((4 * batch, visible)) < 0.3) * 1.0
    X[2 * batch :] += gaussian * 3  # turns most hidden units on, or off
    start = [rng.normal(size=(visible, hidden)), rng.normal(size=visible), rng.normal(bias, 1, hidden)]
    start += [np.zeros((visible, hidden) if momentum else (0, 0)), rng.integers(0, 2, (chains, hidden)).astype(float)]
    if not chains:
        start[4] = np.empty((0, 0))

    def train(rows: int) -> list[Any]:
        W, b, c, velocity, states = arrays = [array.copy() for array in start]
        for first in range(0, len(X), rows):
            order = np.arange(first, first + rows)
            settings = (batch, 0.02, momentum, 0, 0.1, 0, 2, 7, first // batch)
            _core.rbm_train(gaussian, W, b, c, X, order, *settings, velocity, states)
        return arrays

    for one, many in zip(train(len(X)), train(batch), strict=True):
        assert_array_equal(one, many)
        assert np.isfinite(one).all()
