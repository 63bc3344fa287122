"""Energies and likelihoods of a Boltzmann machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, check_is_fitted

from nncore import _core
from nncore._random import seed_of
from nncore.energy import _boltzmann_sums as sums
from nncore.energy._boltzmann_settings import MOST_LEARNED_EXACTLY, MOST_SUMMED, scored_without_sampling
from nncore.nn import _checks

Array = NDArray[Any]

_MOST_EXACT = 25  # units whose partition function is enumerated without being asked for
_MOST_HIDDEN = 20  # whose settings are summed for each row
_MOST_MEANS = 16
_MONITORED = 1000  # rows, and settings that may be summed for them
_MONITORED_SETTINGS = 2e7


class Likelihood:
    """The part of a Boltzmann machine that says how likely rows are."""

    if TYPE_CHECKING:
        n_features_in_: int
        weights_: Array
        bias_: Array

        def _rows(self, X: Any, reset: bool = False) -> Array: ...
        def _bits(self, X: Array) -> Array: ...

    def energy(self, X: Any) -> Array:
        """Energy of each row: E(x) of complete states, −log Σ_h exp(−E(v, h)) of visible ones.

        Parameters
        ----------
        X : array of shape (n_samples, n_features) or (n_samples, n_units)

        Returns
        -------
        energy : float64 array of shape (n_samples,)

        Raises
        ------
        ValueError
            If X is not what it must be, or has visible units only and there are more than 20 hidden ones.
        """
        check_is_fitted(self)
        width = np.shape(X)[1] if np.ndim(X) == 2 else 0
        if self._hidden and width == self._units:
            rows = self._bits(check_array(X, dtype=(np.float64, np.float32), input_name="X"))
            return -sums.log_sums(self._machine.double(), np.ones(self._units, np.uint8), rows)
        return -self._log_unnormalised(self._rows(X), "exact", 0)

    def log_partition(
        self,
        method: str = "auto",
        *,
        n_chains: int = 100,
        n_temperatures: int = 1000,
        random_state: Any = 0,
        return_error: bool = False,
    ) -> Any:
        """Log of the partition function Z = Σ exp(−E(x)) over all states.

        Parameters
        ----------
        method : {"auto", "exact", "ais"}, default="auto"
            Enumeration, of at most 30 units; annealed importance sampling (Neal 2001) from independent units;
            "auto" enumerates up to 25.
        n_chains, n_temperatures : int
            Of annealed importance sampling.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None; default=0
        return_error : bool, default=False
            Whether the standard error comes too; it knows nothing of modes that no chain has found.

        Returns
        -------
        log_z : float
        error : float
            With `return_error`; 0 where it is exact.

        Raises
        ------
        TypeError, ValueError
            If an argument is not what it must be, or there are too many units to enumerate.
        """
        check_is_fitted(self)
        value, error = self._log_z(method, n_chains, n_temperatures, random_state)
        return (value, error) if return_error else value

    def log_likelihood(
        self,
        X: Any,
        method: str = "auto",
        *,
        n_chains: int = 100,
        n_temperatures: int = 1000,
        random_state: Any = 0,
    ) -> Array:
        """Log-likelihood of each row, log Σ_h exp(−E(v, h)) − log Z.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        method, n_chains, n_temperatures, random_state
            As in `log_partition`. Up to 20 hidden units are enumerated; of more, the sum over their settings is found
            by annealed importance sampling as well, which makes a row seem less likely rather than more.

        Returns
        -------
        log_likelihood : float64 array of shape (n_samples,)

        Raises
        ------
        TypeError, ValueError
            As `log_partition`, or if X is not what it must be.
        """
        check_is_fitted(self)
        rows = self._rows(X)
        log_z, _ = self._log_z(method, n_chains, n_temperatures, random_state)
        return self._log_unnormalised(rows, method, random_state) - log_z

    def score_samples(self, X: Any) -> Array:
        """Log-likelihood of each row where the machine has at most 20 units, else its pseudo-log-likelihood.

        That is Σ_i log p(v_i | the other visible units), the hidden units summed out. With more than 10 of them the
        log-likelihood is estimated by annealed importance sampling with random_state=0. So it is deterministic.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        scores : float64 array of shape (n_samples,)

        Raises
        ------
        ValueError
            If X is not what it must be.
        """
        check_is_fitted(self)
        return self._scores(self._rows(X))

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        y : None
            Ignored.
        """
        return float(self.score_samples(X).mean())

    @property
    def _machine(self) -> sums.Machine:
        return sums.Machine(self.weights_, self.bias_)

    @property
    def _units(self) -> int:
        return len(self.bias_)

    @property
    def _hidden(self) -> int:
        return self._units - int(self.n_features_in_)

    @property
    def _score_name(self) -> str:
        return "log-likelihood" if self._units <= MOST_LEARNED_EXACTLY else "pseudo-log-likelihood"

    def _scores(self, rows: Array) -> Array:
        if self._units <= MOST_LEARNED_EXACTLY:
            return self._log_unnormalised(rows, "exact", 0) - self._log_z("exact", 0, 0, 0)[0]
        if self._hidden == 0:
            agreeing = np.where(rows != 0, 1.0, -1.0) * sums.fields(self._machine, rows)
            return np.asarray(-np.logaddexp(0, -agreeing).sum(axis=1))
        if self._hidden <= MOST_SUMMED:
            return self._pseudo_likelihood(rows)
        return self._log_unnormalised(rows, "auto", 0) - self._log_z("auto", 100, 1000, 0)[0]

    def _pseudo_likelihood(self, rows: Array) -> Array:
        as_it_is, total = self._log_unnormalised(rows, "exact", 0), np.zeros(len(rows))
        flipped = rows.copy()
        for i in range(rows.shape[1]):
            flipped[:, i] ^= 1
            total -= np.logaddexp(0, self._log_unnormalised(flipped, "exact", 0) - as_it_is)
            flipped[:, i] ^= 1
        return total

    def _monitored(self, rows: Array) -> float | None:
        """The score of some training rows, where it takes no sampling."""
        if not scored_without_sampling(self._units, self._hidden):
            return None
        each = 2.0**self._hidden * (1 if self._units <= MOST_LEARNED_EXACTLY else self.n_features_in_ + 1)
        return float(self._scores(rows[: max(10, min(_MONITORED, int(_MONITORED_SETTINGS / each)))]).mean())

    def _log_z(self, method: str, n_chains: int, n_temperatures: int, random_state: Any) -> tuple[float, float]:
        if method not in ("auto", "exact", "ais"):
            raise ValueError(f"method must be 'auto', 'exact' or 'ais', but is {method!r}")
        machine = self._machine.double()
        units, nobody = len(machine), sums.nobody_clamped(machine)
        if method == "exact" and units > sums.MOST_ENUMERATED:
            raise ValueError(
                f"method='exact' enumerates all states, of at most {sums.MOST_ENUMERATED} units, but there are "
                f"{units}: use 'ais'"
            )
        if method == "exact" or (method == "auto" and units <= _MOST_EXACT):
            return float(sums.log_sums(machine, nobody, np.zeros((1, units), np.uint8))[0]), 0.0
        chains = _checks.at_least("n_chains", n_chains, 2)
        betas = np.linspace(0, 1, _checks.at_least("n_temperatures", n_temperatures, 1) + 1)
        seed = seed_of(random_state)
        states = np.zeros((chains, units), np.uint8)
        base = self._base(states, nobody, seed)
        log_weights = sums.importance(machine, base, nobody, states, betas, seed=seed, substream=sums.ANNEALING)
        value, error = _log_mean_exp(log_weights[None])
        return float(value[0] + np.logaddexp(0, base).sum()), float(error[0])

    def _base(self, states: Array, clamped: Array, seed: int) -> Array:
        """Biases of independent units that are on as often as those of a short annealing, 0 where clamped."""
        tried = np.repeat(states, -(-64 // len(states)), axis=0) if len(states) < 64 else states.copy()
        temperatures = np.geomspace(10, 1, 50)
        sums.sweep(self._machine, tried, temperatures, clamped=clamped, seed=seed, substream=sums.BASE, first=0)
        on = (tried.sum(axis=0, dtype=np.int64) + 1.0) / (len(tried) + 2)
        return np.where(clamped != 0, 0.0, np.log(on / (1 - on)))

    def _log_unnormalised(self, rows: Array, method: str, random_state: Any) -> Array:
        """Log Σ_h exp(−E(v, h)) of visible rows."""
        machine = self._machine.double()
        states = np.zeros((len(rows), len(machine)), np.uint8)
        states[:, : rows.shape[1]] = rows
        clamped = np.zeros(len(machine), np.uint8)
        clamped[: rows.shape[1]] = 1
        if self._hidden <= _MOST_HIDDEN:
            return sums.log_sums(machine, clamped, states)
        if method == "exact":
            raise ValueError(
                f"the sum over the hidden units takes at most {_MOST_HIDDEN} of them, but n_hidden is {self._hidden}; "
                "log_likelihood with method='ais' takes more"
            )
        return self._annealed(machine, clamped, states, seed_of(random_state))

    def _annealed(self, machine: sums.Machine, clamped: Array, states: Array, seed: int) -> Array:
        base, chains = self._base(states, clamped, seed), 10
        betas = np.linspace(0, 1, 101)
        repeated = np.repeat(states, chains, axis=0)
        log_weights = sums.importance(machine, base, clamped, repeated, betas, seed=seed, substream=sums.ANNEALING + 2)
        value, _ = _log_mean_exp(log_weights.reshape(len(states), chains))
        return np.asarray(value + np.logaddexp(0, base[clamped == 0]).sum())

    def _means(self, rows: Array) -> Array:
        """Means of the hidden units given the visible ones; without hidden units of each unit given the others."""
        visible = rows.shape[1]
        if self._hidden == 0:
            return _sigmoid(sums.fields(self._machine, rows))
        states = np.zeros((len(rows), self._units), np.uint8)
        states[:, :visible] = rows
        machine = self._machine.double()
        if self._hidden <= _MOST_MEANS:
            clamped = np.zeros(len(machine), np.uint8)
            clamped[:visible] = 1
            return np.ascontiguousarray(sums.moments(machine, clamped, states, pairs=False)[0][:, visible:])
        from_visible = np.ascontiguousarray(sums.fields(machine, states)[:, visible:])
        inner = np.ascontiguousarray(machine.weights[visible:, visible:])
        means, fields = _sigmoid(from_visible), np.empty_like(from_visible)
        for _ in range(100):
            # Our own product: NumPy's rows depend on how many there are.
            _core.matmul(means, inner, None, fields)
            means = (means + _sigmoid(from_visible + fields)) / 2
        return means


def _log_mean_exp(log_weights: Array) -> tuple[Array, Array]:
    """Log of the mean of each row's exponentials, and its standard error."""
    most = log_weights.max(axis=1)
    weights = np.exp(log_weights - most[:, None])
    mean = weights.mean(axis=1)
    error = weights.std(axis=1, ddof=1) / (mean * np.sqrt(log_weights.shape[1]))
    return most + np.log(mean), error


def _sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))
