"""Chains, sums and learning of Boltzmann machines, against enumeration and the textbook."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import _core, textbook

pytest.importorskip("sklearn", reason="BoltzmannMachine needs scikit-learn")

from scipy import stats
from scipy.optimize import minimize

from nncore.energy import BoltzmannMachine


def all_states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def machine(n, seed=0, scale=1.0, **params):
    rng = np.random.default_rng(seed)
    W = np.triu(rng.normal(size=(n, n)) * scale, 1)
    return BoltzmannMachine.from_weights(W + W.T, rng.normal(size=n) * scale, **{"random_state": seed, **params})


def log_p(model, T=1.0):
    """All states of a machine, and the logs of their probabilities times Z, one by one."""
    states = all_states(len(model.bias_))
    W, b = model.weights_.astype(np.float64), model.bias_.astype(np.float64)
    return states, -np.array([textbook.boltzmann_energy(x, W, b) for x in states]) / T


# Chains


@pytest.mark.kernel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ["fixed", "random"])
@pytest.mark.parametrize("T", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("n_samples", [3, 20_000])
def test_frequencies_are_those_of_the_boltzmann_distribution(dtype, order, T, n_samples):
    model = machine(5, seed=3, dtype=dtype, order=order)
    if n_samples == 3:  # chains that are swept one by one; samples are 30 sweeps apart
        states = np.concatenate([model.sample(3, schedule=[(T, 30)], random_state=seed) for seed in range(3000)])
    else:
        states = model.sample(n_samples, schedule=[(T, 60)], random_state=1)
    seen = np.bincount((states @ 2.0 ** np.arange(5)[::-1]).astype(int), minlength=32)
    _, logs = log_p(model, T)
    expected = np.exp(logs - logs.max())
    expected *= len(states) / expected.sum()
    rare = expected < 5
    seen, expected = np.append(seen[~rare], seen[rare].sum()), np.append(expected[~rare], expected[rare].sum() + 1e-9)
    assert stats.chisquare(seen, expected * (seen.sum() / expected.sum())).pvalue > 1e-3


def words_of(seed, n, chains, sweeps, substream=0):
    padded = -(-n // 4) * 4
    out = np.empty((sweeps, chains * padded), np.uint32)
    for s in range(sweeps):
        _core.random_words(out[s], 0, seed=seed, stream=17, substream=substream, step=s)
    return out.reshape(sweeps, chains, padded)[:, :, :n]


@pytest.mark.kernel
@pytest.mark.parametrize(("n", "chains"), [(1, 1), (5, 3), (7, 21), (128, 5), (130, 5)])
def test_sweeps_are_the_textbooks_with_the_same_random_numbers(n, chains):
    model, T = machine(n, dtype="float64"), np.array([2.0, 1.0, 0.5])
    states = np.random.default_rng(0).integers(0, 2, (chains, n)).astype(np.uint8)
    u = (words_of(9, n, chains, 3) + 0.5) / 2**32
    expected = states.astype(float)
    counts = np.zeros((n, n), np.int64)
    for s in range(3):
        for c in range(chains):
            expected[c] = textbook.boltzmann_sweep(expected[c], model.weights_, model.bias_, T[s], u[s, c])
        counts += (expected.T @ expected).astype(np.int64)
    found = np.ones((n, n), np.int64)
    _core.boltzmann_sweeps(model.weights_, model.bias_, np.zeros(n, np.uint8), T, False, 9, 0, 0, 0, states, found)
    assert_array_equal(states, expected)
    assert_array_equal(found, counts + 1)


@pytest.mark.kernel
@pytest.mark.parametrize("n", [7, 130])
def test_sweeps_of_several_calls_are_those_of_one(n):
    model, clamped, T = machine(n, dtype="float64"), np.zeros(n, np.uint8), np.ones(6)
    clamped[2] = 1
    none, orders = np.zeros((0, 0), np.int64), []
    for cuts in ([0, 6], [0, 2, 3, 6]):
        for chains in ([0, 20], [0, 16, 20]):
            states = np.zeros((20, n), np.uint8)
            for first, last in itertools.pairwise(chains):
                for start, stop in itertools.pairwise(cuts):
                    place = (9, 0, start, first, states[first:last], none)
                    _core.boltzmann_sweeps(model.weights_, model.bias_, clamped, T[start:stop], True, *place)
            orders.append(states)
    for states in orders[1:]:
        assert_array_equal(states, orders[0])
    assert not orders[0][:, 2].any() and orders[0].any()


@pytest.mark.kernel
def test_units_are_switched_on_as_often_as_the_sigmoid_says():
    z = np.linspace(-12, 12, 25)
    for dtype in ("float32", "float64"):
        model = BoltzmannMachine.from_weights(np.zeros((25, 25)), z, dtype=dtype)
        n = 400_000
        on = model.sample(n, schedule=[1.0], random_state=5).sum(axis=0)
        expected = n / (1 + np.exp(-z))
        assert (np.abs(on - expected) < 5 * np.sqrt(expected * (1 - expected / n)) + 1).all()
    cold = model.sample(3, schedule=[0.0])
    assert_array_equal(cold, np.broadcast_to(z > 0, (3, 25)))  # at T = 0 the field decides; at a field of 0: off


@pytest.mark.kernel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [10, 90, 150])
def test_same_bits_on_any_number_of_threads_and_of_chains(n, dtype, threads):
    results = []
    for count in (1, 2):
        nncore.set_num_threads(count)
        model = machine(n, scale=n**-0.5, dtype=dtype, order="random")
        schedule = np.geomspace(3, 0.5, 200)
        results.append(model.sample(70, schedule=schedule, random_state=1))
        results.append([model.log_partition("ais", n_temperatures=100), *model.score_samples(results[-1])])
    assert_array_equal(results[0], results[2])
    assert_array_equal(results[1], results[3])
    # A chain is the same however many there are, side by side or alone.
    assert_array_equal(model.sample(2, schedule=schedule, random_state=1), results[0][:2])


def test_annealing_finds_the_ground_state():
    for seed in range(5):
        model = machine(14, seed=seed)
        states, logs = log_p(model)
        found = model.sample(50, schedule=[(4, 20), (2, 20), (1, 20), (0.5, 20), (0.2, 20), (0, 2)], random_state=seed)
        energies = model.energy(found)
        assert energies.min() == pytest.approx(-logs.max(), abs=1e-5)
        assert_array_equal(found[energies.argmin()], states[logs.argmax()])


def test_given_units_stay_and_the_others_are_drawn_as_they_must_be():
    model = machine(5, seed=2)
    given = np.array([1, np.nan, np.nan, 0, np.nan])
    found = model.sample(20_000, given=given, schedule=[(1.0, 50)], random_state=0)
    assert (found[:, 0] == 1).all() and (found[:, 3] == 0).all()
    states, logs = log_p(model)
    chosen = (states[:, 0] == 1) & (states[:, 3] == 0)
    p = np.exp(logs[chosen])
    assert_allclose(found.mean(axis=0), p @ states[chosen] / p.sum(), atol=0.02)
    each = model.sample(2, given=np.array([[1, np.nan, 0, 0, 1], [0, np.nan, 1, 0, 0]]))
    assert_array_equal(each[:, [0, 2, 3, 4]], [[1, 0, 0, 1], [0, 1, 0, 0]])


# Learning


def maximum_likelihood(X):
    states = all_states(X.shape[1])
    i, j = np.triu_indices(X.shape[1], 1)
    features = np.hstack([states, states[:, i] * states[:, j]])
    mean = np.hstack([X, X[:, i] * X[:, j]]).mean(axis=0)

    def loss(theta):
        e = features @ theta
        p = np.exp(e - e.max())
        return e.max() + np.log(p.sum()) - mean @ theta, p / p.sum() @ features - mean

    start = np.zeros(features.shape[1])
    return -minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 3000}).fun


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "settings",
    [
        {"learning": "exact", "learning_rate": 1.0, "momentum": 0.9, "n_iter": 300},
        {"learning_rate": 0.5, "final_learning_rate": 0.002, "n_chains": 1000, "n_iter": 1500},
    ],
    ids=["exact", "sampled"],
)
def test_a_visible_machine_reaches_the_maximum_likelihood(seed, settings):
    n = 5 + seed
    X = machine(n, seed=seed).sample(1000, random_state=seed)
    model = BoltzmannMachine(batch_size=None, random_state=0, **settings).fit(X)
    gap = maximum_likelihood(X) - model.score(X)
    assert -1e-6 < gap < 0.01


@pytest.mark.parametrize("seed", range(12))
def test_a_small_visible_machine_reaches_the_maximum_likelihood_with_defaults(seed):
    X = machine(3 + seed % 6, seed=seed).sample(300 + 100 * (seed // 6), random_state=seed)
    model = BoltzmannMachine(random_state=seed).fit(X)
    assert -1e-6 < maximum_likelihood(X) - model.score(X) < 0.01


def test_up_to_ten_units_are_learned_exactly_by_themselves():
    for visible, n_hidden, learning in ((8, 2, "exact"), (8, 3, "sampled")):
        X = np.random.default_rng(0).integers(0, 2, (30, visible)).astype(float)
        model = BoltzmannMachine(n_hidden, n_iter=3, random_state=0).fit(X)
        momentum = 0.9 if learning == "exact" else 0.0
        same = BoltzmannMachine(n_hidden, n_iter=3, learning=learning, momentum=momentum, random_state=0).fit(X)
        assert_array_equal(model.weights_, same.weights_)


def test_larger_first_weights_leave_the_saddle_of_a_parity():
    X = np.array([[a, b, a ^ b] for a in (0, 1) for b in (0, 1)] * 25, float)
    scores = [BoltzmannMachine(2, init_scale=scale, n_iter=500, random_state=0).fit(X).score(X) for scale in (0.1, 2.0)]
    assert scores[0] < -3 * np.log(2) + 0.01  # independent units
    assert scores[1] > -1.6  # the parity itself is at −2 log 2 = −1.386


def encoder_connections():
    """4-2-4: either side is connected with itself and the two hidden units, the sides not with each other."""
    allowed = np.zeros((10, 10), bool)
    allowed[:4, :4] = allowed[4:8, 4:8] = allowed[8:] = allowed[:, 8:] = True
    return allowed


def is_solved(model):
    patterns = np.tile(np.eye(4), (1, 2))
    for one in patterns:
        given = np.where(np.arange(8) < 4, one, np.nan)
        right = model.sample(100, given=given, schedule=[(4, 5), (2, 5), (1, 10), (0.5, 10), (0.2, 10)], random_state=0)
        if (right == one).all(axis=1).mean() < 0.95:
            return False
    return len(np.unique(model.transform(patterns) > 0.5, axis=0)) == 4


def noisy_patterns(seed):
    """As Ackley, Hinton and Sejnowski have it: some bits are wrong, so that weights stay finite."""
    rng = np.random.default_rng(seed)
    X = np.tile(np.eye(4), (100, 2))
    u = rng.random(X.shape)
    return np.where(X == 1, u > 0.1, u < 0.03).astype(float)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    "settings",
    [
        {"n_iter": 100, "n_init": 6},
        {"learning": "sampled", "n_iter": 150, "n_init": 6, "learning_rate": 0.3, "n_chains": 200},
    ],
    ids=["exact", "sampled"],
)
def test_the_4_2_4_encoder_is_solved(seed, settings):
    model = BoltzmannMachine(2, connections=encoder_connections(), random_state=seed, **settings).fit(
        noisy_patterns(seed)
    )
    assert is_solved(model)
    assert not model.weights_[~encoder_connections()].any()


@pytest.mark.parametrize("n_hidden", [0, 2])
def test_slopes_of_exact_learning_are_those_of_the_log_likelihood(n_hidden):
    X = np.random.default_rng(0).integers(0, 2, (7, 4)).astype(float)
    params = {"n_hidden": n_hidden, "dtype": "float64", "learning": "exact", "centered": False}
    model = machine(4 + n_hidden, learning_rate=1.0, **params)
    W, b = model.weights_, model.bias_

    def likelihood(W, b):
        return BoltzmannMachine.from_weights(W, b, **params).log_likelihood(X).mean()

    after = model.partial_fit(X)
    slopes, bias_slopes = after.weights_ - W, after.bias_ - b
    step = 1e-5
    for i in range(len(b)):
        e = step * np.eye(len(b))[i]
        assert bias_slopes[i] == pytest.approx((likelihood(W, b + e) - likelihood(W, b - e)) / (2 * step), abs=1e-8)
        for j in range(i):
            E = np.zeros_like(W)
            E[i, j] = E[j, i] = step
            slope = (likelihood(W + E, b) - likelihood(W - E, b)) / (2 * step)
            assert slopes[i, j] == slopes[j, i] == pytest.approx(slope, abs=1e-8)
    of_book = textbook.boltzmann_gradient(X, W, b)
    assert_allclose(slopes, of_book[0], atol=1e-12)
    assert_allclose(bias_slopes, of_book[1], atol=1e-12)


@pytest.mark.parametrize(("n_hidden", "of_an_update"), [(0, 3), (2, 5)])
def test_no_update_draws_the_random_numbers_of_another(n_hidden, of_an_update):
    X = np.eye(4)
    schedule = [(2, 1), (1, 1)]
    model = BoltzmannMachine(
        n_hidden, learning="sampled", n_iter=2, batch_size=2, n_sweeps=3, clamped_schedule=schedule
    ).fit(X)
    assert model._sweeps == 2 * 2 * of_an_update


def test_momentum_and_weight_decay():
    X = np.random.default_rng(0).integers(0, 2, (7, 4)).astype(float)
    plain, other = (machine(4, dtype="float64", learning="exact", learning_rate=0.1) for _ in range(2))
    W = plain.weights_
    step = plain.partial_fit(X).weights_ - W
    decayed = other.set_params(weight_decay=0.5, momentum=0.9).partial_fit(X).weights_
    assert_allclose(decayed, W + step - 0.1 * 0.5 * W, atol=1e-12)
    still = other.set_params(learning_rate=0.0).partial_fit(X).weights_
    assert_allclose(still, decayed + 0.9 * (decayed - W), atol=1e-12)


@pytest.mark.parametrize("n_hidden", [0, 2])
def test_sampled_slopes_have_the_exact_ones_as_their_mean(n_hidden):
    X = np.random.default_rng(0).integers(0, 2, (2000, 4)).astype(float)
    params = {"n_hidden": n_hidden, "dtype": "float64", "centered": False, "batch_size": None}
    exact = machine(4 + n_hidden, scale=0.5, learning="exact", **params)
    sampled = machine(4 + n_hidden, scale=0.5, n_chains=20_000, n_sweeps=50, **params)
    W, b = exact.weights_, exact.bias_
    exact.set_params(learning_rate=1.0).partial_fit(X)
    sampled.set_params(learning_rate=1.0).partial_fit(X)
    assert_allclose(sampled.weights_ - W, exact.weights_ - W, atol=0.01)
    assert_allclose(sampled.bias_ - b, exact.bias_ - b, atol=0.01)


def test_centred_updates_are_those_of_centred_units():
    """Of E = −(½ (x − m)ᵀW(x − m) + bᵀ(x − m)): its slopes, written as changes of the plain W and b."""
    X = np.random.default_rng(1).integers(0, 2, (9, 3)).astype(float)
    model = machine(3, dtype="float64", learning="exact", learning_rate=1.0)
    W, b = model.weights_, model.bias_
    states, p = textbook.boltzmann_distribution(W, b)
    m = X.mean(axis=0)
    dW = (X - m).T @ (X - m) / 9 - ((states - m).T * p) @ (states - m)
    np.fill_diagonal(dW, 0)
    db = (X - m).mean(axis=0) - p @ (states - m)
    model.partial_fit(X)
    # The centred bias's step is the plain one's plus the step of W, seen from 0 instead of from m.
    plain = np.array(X.T @ X / 9 - (states.T * p) @ states)
    shift = np.outer(m, db)
    expected = plain - shift - shift.T
    np.fill_diagonal(expected, 0)
    assert_allclose(model.weights_ - W, expected, atol=1e-12)
    assert_allclose(model.bias_ - b, db - expected @ m, atol=1e-12)
    assert_allclose(expected, dW, atol=1e-12)
