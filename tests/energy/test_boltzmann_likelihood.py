"""Energies, partition functions and likelihoods of Boltzmann machines."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore import _core, textbook

pytest.importorskip("sklearn", reason="BoltzmannMachine needs scikit-learn")

from nncore.energy import BoltzmannMachine, _boltzmann_sums


def all_states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def machine(n, seed=0, scale=1.0, **params):
    rng = np.random.default_rng(seed)
    W = np.triu(rng.normal(size=(n, n)) * scale, 1)
    return BoltzmannMachine.from_weights(W + W.T, rng.normal(size=n) * scale, **{"dtype": "float64", **params})


def with_modes(units, modes, seed, strength=4.0):
    """A machine with several modes: Hebb's weights of random patterns, written for units of 0 and 1."""
    s = np.random.default_rng(seed).choice([-1.0, 1.0], (modes, units))
    J = strength / units * (s.T @ s)
    np.fill_diagonal(J, 0)
    return BoltzmannMachine.from_weights(4 * J, -2 * J.sum(axis=0), dtype="float64")


@pytest.mark.kernel
@pytest.mark.parametrize("n", [1, 5, 10, 13])
def test_energy_and_partition_function_are_the_textbooks(n):
    model = machine(n)
    states = all_states(n)
    energies = [textbook.boltzmann_energy(x, model.weights_, model.bias_) for x in states]
    assert_allclose(model.energy(states), energies, rtol=1e-12, atol=1e-12)
    assert model.log_partition() == pytest.approx(np.logaddexp.reduce(-np.array(energies)), rel=1e-12)
    assert np.exp(model.log_likelihood(states)).sum() == pytest.approx(1, rel=1e-10)
    assert model.log_partition(return_error=True)[1] == 0


@pytest.mark.kernel
@pytest.mark.parametrize("n_hidden", [1, 4, 11])
def test_visible_states_have_the_free_energy_of_their_hidden_units(n_hidden):
    model = machine(3 + n_hidden, n_hidden=n_hidden)
    V, H = all_states(3), all_states(n_hidden)
    complete = np.array([[*v, *h] for v in V for h in H])
    energies = model.energy(complete).reshape(len(V), len(H))
    assert_allclose(model.energy(V), -np.logaddexp.reduce(-energies, axis=1), rtol=1e-12)
    p = np.exp(-energies + model.energy(V)[:, None])
    assert_allclose(model.transform(V), p @ H, atol=1e-12)
    assert np.exp(model.log_likelihood(V)).sum() == pytest.approx(1, rel=1e-10)


@pytest.mark.kernel
@pytest.mark.parametrize("n_clamped", [0, 3, 12, 14])
def test_moments_are_those_of_enumeration(n_clamped):
    n = 14
    rng = np.random.default_rng(n_clamped)
    model, clamped = machine(n), np.zeros(n, np.uint8)
    clamped[rng.permutation(n)[:n_clamped]] = 1
    rows = rng.integers(0, 2, (3, n)).astype(np.uint8)
    blocks = _core.boltzmann_blocks(n - n_clamped)
    sums = np.empty((3, blocks))
    _core.boltzmann_log_sums(model.weights_, model.bias_, clamped, rows, 0, sums)
    sums = np.logaddexp.reduce(sums, axis=1)
    means, moments = np.zeros((3, n)), np.zeros((n, n))
    for first in range(blocks):  # the blocks may come in several calls
        _core.boltzmann_moments(model.weights_, model.bias_, clamped, rows, sums, first, 1, means, moments)
    expected = np.zeros((n, n))
    for row, mean in zip(rows, means, strict=True):
        states = np.repeat(row[None].astype(float), 2 ** (n - n_clamped), axis=0)
        states[:, clamped == 0] = all_states(n - n_clamped)
        p = np.exp(-model.energy(states))
        p /= p.sum()
        assert_allclose(mean, p @ states, atol=1e-12)
        expected += (states.T * p) @ states
    assert_allclose(moments, expected, atol=1e-11)


def test_rows_have_the_same_results_alone():
    X = all_states(5)
    for model in (machine(5), machine(9, n_hidden=4), machine(5 + 17, n_hidden=17, scale=0.3)):
        for method in (model.transform, model.energy, model.score_samples):
            together = method(X[:8])
            assert_array_equal(together, np.concatenate([method(x[None]) for x in X[:8]]))


def test_the_mean_field_of_many_hidden_units_is_near_their_means():
    exact = machine(5 + 16, n_hidden=16, scale=0.1)
    X = all_states(5)
    by_enumeration = exact.transform(X)
    W = np.zeros((22, 22))
    W[:21, :21] = exact.weights_
    more = BoltzmannMachine.from_weights(W, np.append(exact.bias_, 0.0), n_hidden=17, dtype="float64")
    assert_allclose(more.transform(X)[:, :16], by_enumeration, atol=5e-3)
    assert_allclose(more.transform(X)[:, 16], 0.5)


def test_work_in_small_calls_gives_the_same(monkeypatch):
    model, hidden = machine(40, scale=0.2, order="random"), machine(18, n_hidden=12, scale=0.3)
    X = all_states(6)[:20]

    def results():
        yield model.sample(40, schedule=np.ones(5), random_state=0)
        yield model.log_partition("ais", n_chains=20, n_temperatures=9)
        yield hidden.log_likelihood(X)
        yield hidden.transform(X)
        yield hidden.log_partition("exact")

    whole = list(results())
    monkeypatch.setattr(_boltzmann_sums, "_CALL_NANOSECONDS", 1.0)
    for at_once, small in zip(whole, results(), strict=True):
        assert_allclose(small, at_once, rtol=1e-13, atol=1e-13)


# Scores


def test_score_is_the_mean_log_likelihood_where_all_can_be_enumerated():
    model = machine(7, n_hidden=3)
    X = all_states(4)
    assert model.score(X) == pytest.approx(model.log_likelihood(X).mean(), rel=1e-12)


@pytest.mark.parametrize("n_hidden", [0, 2])
def test_score_of_more_units_is_the_pseudo_log_likelihood(n_hidden):
    n = 24
    model = machine(n, n_hidden=n_hidden, scale=0.4)
    X = np.random.default_rng(0).integers(0, 2, (6, n - n_hidden)).astype(float)
    expected = np.zeros(6)
    for i in range(n - n_hidden):
        flipped = X.copy()
        flipped[:, i] = 1 - X[:, i]
        expected -= np.logaddexp(0, model.energy(X) - model.energy(flipped))
    assert_allclose(model.score_samples(X), expected, rtol=1e-10)
    assert model.score(X) == pytest.approx(expected.mean())


def test_score_of_many_hidden_units_is_deterministic():
    model = machine(5 + 21, n_hidden=21, scale=0.1)
    X = all_states(5)
    assert model.score(X) == model.score(X)
    assert np.exp(model.score_samples(X)).sum() == pytest.approx(1, abs=0.05)
    with pytest.raises(ValueError, match="takes at most 20 of them, but n_hidden is 21"):
        model.energy(X)


# Annealed importance sampling


@pytest.mark.parametrize(("units", "modes"), [(20, 3), (24, 4)])
def test_ais_is_within_its_error_bar(units, modes):
    model = with_modes(units, modes, seed=units)
    exact = model.log_partition("exact")
    estimate, error = model.log_partition("ais", n_chains=500, n_temperatures=2000, return_error=True)
    assert 0 < error < 0.1
    assert abs(estimate - exact) < min(0.1, 4 * error)


def test_short_ais_is_unbiased_and_its_error_bars_cover():
    model = with_modes(12, 2, seed=1, strength=2.0)
    exact = model.log_partition("exact")
    runs = [
        model.log_partition("ais", n_chains=50, n_temperatures=10, random_state=s, return_error=True)
        for s in range(200)
    ]
    estimates, errors = np.array(runs).T
    ratios = np.exp(estimates - exact)
    assert abs(ratios.mean() - 1) < 3 * ratios.std(ddof=1) / np.sqrt(len(ratios))
    assert (np.abs(estimates - exact) < 1.96 * errors).mean() > 0.85
    assert errors.mean() == pytest.approx(estimates.std(ddof=1), rel=0.3)


@pytest.mark.parametrize("n_hidden", [0, 4])
def test_intervals_of_ais_cover_on_a_machine_that_was_trained(n_hidden):
    rng = np.random.default_rng(n_hidden)
    modes = rng.random((3, 12)) < 0.5
    X = (modes[rng.integers(0, 3, 300)] ^ (rng.random((300, 12)) < 0.1)).astype(float)
    model = BoltzmannMachine(n_hidden, learning="exact", n_iter=50, random_state=0).fit(X)
    assert np.abs(model.weights_).max() > 1
    exact = model.log_partition("exact")
    covered = 0
    for seed in range(100):
        estimate, error = model.log_partition(
            "ais", n_chains=100, n_temperatures=100, random_state=seed, return_error=True
        )
        assert 0 < error < 0.3
        covered += abs(estimate - exact) < 1.96 * error
    assert covered >= 90


def test_ais_sums_over_many_hidden_units():
    model = machine(4 + 21, n_hidden=21, scale=0.2)
    X = all_states(4)
    W, b = model.weights_, model.bias_
    # By enumeration of the hidden units alone, as a visible machine with the rows' fields as biases.
    exact = [
        BoltzmannMachine.from_weights(W[4:, 4:], b[4:] + x @ W[:4, 4:], dtype="float64").log_partition("exact")
        - textbook.boltzmann_energy(x, W[:4, :4], b[:4])
        for x in X
    ]
    exact = np.array(exact) - model.log_partition("exact")
    assert_allclose(model.log_likelihood(X, "ais"), exact, atol=0.1)


def test_what_cannot_be_enumerated_says_so():
    model = machine(31, scale=0.1)
    with pytest.raises(ValueError, match="method='exact' enumerates all states, of at most 30 units, but there are 31"):
        model.log_partition("exact")
    with pytest.raises(ValueError, match="enumeration takes at most 30 free units, but there are 31"):
        _core.boltzmann_blocks(31)
    with pytest.raises(ValueError, match="method must be 'auto', 'exact' or 'ais', but is 'best'"):
        model.log_partition("best")
    with pytest.raises(ValueError, match="n_chains must be at least 2, but is 1"):
        model.log_partition("ais", n_chains=1)
    with pytest.raises(ValueError, match="n_temperatures must be at least 1, but is 0"):
        model.log_partition("ais", n_temperatures=0)
    assert np.isfinite(model.log_partition(n_temperatures=20))
