"""Annealed importance sampling of trained machines, against enumeration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nncore import _core, textbook
from nncore.energy import RBM, _rbm_partition

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def trained(digits: Any) -> RBM:
    """20 hidden units that know ten digits: a distribution with several modes."""
    return RBM(20, 0.05, persistent=True, n_iter=60, batch_size=50, random_state=0).fit(digits)


def test_the_estimate_is_within_a_tenth_of_a_nat(trained: RBM) -> None:
    exact = trained.log_partition("exact")
    for seed in range(5):
        estimate, error = trained.log_partition(n_temperatures=2000, random_state=seed, return_error=True)
        assert 0 < error <= 0.1
        assert abs(estimate - exact) <= 0.1


def test_short_runs_are_right_on_average(trained: RBM) -> None:
    exact = trained.log_partition("exact")
    runs = [trained.log_partition(n_chains=20, n_temperatures=100, random_state=seed) for seed in range(200)]
    ratios = np.exp(np.array(runs) - exact)
    assert abs(ratios.mean() - 1) < 3 * ratios.std(ddof=1) / np.sqrt(len(ratios))
    assert ratios.std() > 0.02  # they are short


def test_intervals_cover_the_truth(trained: RBM) -> None:
    exact = trained.log_partition("exact")
    covered = 0
    for seed in range(100):
        estimate, error = trained.log_partition(n_temperatures=500, random_state=seed, return_error=True)
        covered += abs(estimate - exact) <= 1.96 * error
    assert covered >= 90


def test_the_weights_are_distributed_as_the_textbooks() -> None:
    rng = np.random.default_rng(0)
    W, b, c, a = rng.normal(0, 1, (6, 4)), rng.normal(0, 1, 6), rng.normal(0, 1, 4), rng.normal(0, 2, 6)
    betas = np.linspace(0, 1, 6)
    v, ours = np.empty((200_000, 6)), np.zeros(200_000)
    _core.rbm_anneal(False, W, b, c, a, betas, 5, 0, v, ours)
    theirs = textbook.annealed_importance_sampling(W, b, c, a, betas, 200_000)
    for power in (1, 2):
        one, two = ours**power, theirs**power
        error = np.sqrt(one.var() / len(one) + two.var() / len(two))
        assert abs(one.mean() - two.mean()) < 4 * error
    base = textbook.rbm_log_partition(np.zeros((6, 4)), a, np.zeros(4))
    assert np.log(np.exp(ours).mean()) + base == pytest.approx(textbook.rbm_log_partition(W, b, c), abs=0.1)


def test_calls_that_share_out_the_temperatures_give_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, trained: RBM
) -> None:
    whole = trained.log_partition(n_temperatures=50, random_state=0)
    monkeypatch.setattr(
        _rbm_partition, "pieces", lambda count, each: ((at, min(at + 7, count)) for at in range(0, count, 7))
    )
    assert trained.log_partition(n_temperatures=50, random_state=0) == whole


def test_enumeration_in_pieces_is_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    rbm = RBM(11, n_iter=1, random_state=0, init_scale=1.0).fit(np.eye(13))
    whole = rbm.log_partition("exact")
    monkeypatch.setattr(_rbm_partition, "pieces", lambda count, each: ((at, at + 1) for at in range(count)))
    assert rbm.log_partition("exact") == pytest.approx(whole, rel=1e-13)


def test_the_likelihood_of_the_data_by_both_methods(trained: RBM, digits: Any) -> None:
    exact = trained.log_likelihood(digits, "exact")
    estimate = trained.log_likelihood(digits, n_temperatures=2000, random_state=1)
    assert exact.shape == (len(digits),)
    assert abs((exact - estimate).mean()) < 0.1
    assert exact.mean() > -24
