"""What a restricted Boltzmann machine says of visible states, and draws of them: its likelihoods and its samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from nncore import _core
from nncore._random import seed_of
from nncore.energy import _rbm_partition
from nncore.energy._estimator import EnergyModel
from nncore.energy._rbm_arrays import Machine, pieces, rows_of
from nncore.nn import _checks
from nncore.nn._mlp_base import cast

Array = NDArray[Any]


# scikit-learn gives `set_output` to transformers whose own class has `transform`: this one.
class Distribution(ClassNamePrefixFeaturesOutMixin, TransformerMixin, EnergyModel):  # type: ignore[misc]
    """What an RBM says of visible states, and draws of them."""

    n_components: int
    visible: str
    dtype: str
    verbose: int
    intercept_hidden_: Array
    intercept_visible_: Array
    visible_mean_: Array
    _weights: Array  # (visible, hidden)
    _gaussian: bool

    @property
    def _hidden(self) -> int:
        return int(self._weights.shape[1])

    def transform(self, X: Any) -> Array:
        """Probabilities of the hidden units, p(h = 1 | v).

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        hidden : array of shape (n_samples, n_components)
            Of the type of X.
        """
        X, kind = self._input(X)
        hidden = np.empty((X.shape[0], self._hidden), self._weights.dtype)
        machine = self._machine()
        for begin, end in pieces(X.shape[0], machine.size):
            _core.rbm_hidden(*machine, rows_of(X[begin:end], self._weights.dtype), hidden[begin:end])
        return hidden.astype(kind, copy=False)

    def inverse_transform(self, X: Any) -> Array:
        """Probabilities (Gaussian units: means) of the visible units, given hidden ones.

        Parameters
        ----------
        X : array of shape (n_samples, n_components)
            States or probabilities of the hidden units, as `transform` returns.

        Returns
        -------
        visible : array of shape (n_samples, n_features)
            Of the type of X.
        """
        check_is_fitted(self)
        array = _checks.real_array("X", X.toarray() if sparse.issparse(X) else X)
        if array.ndim != 2 or array.shape[1] != self._hidden:
            raise ValueError(f"X must be (n_samples, n_components) = (n, {self._hidden}), but came as {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError("X must be finite, but has NaN or infinity")
        hidden = np.ascontiguousarray(cast("X", array, self._weights.dtype))
        visible = np.empty((len(hidden), self.n_features_in_), self._weights.dtype)
        machine = self._machine()
        for begin, end in pieces(len(hidden), machine.size):
            _core.rbm_visible(*machine, hidden[begin:end], visible[begin:end])
        return visible.astype(array.dtype if array.dtype.kind == "f" else self._weights.dtype, copy=False)

    def gibbs(self, v: Any, steps: int = 1, return_path: bool = False, *, random_state: Any = None) -> Array:
        """Gibbs sampling: hidden units from the visible ones and visible ones from those, `steps` times.

        Parameters
        ----------
        v : array of shape (n_samples, n_features)
            Where the chains begin.
        steps : int, default=1
        return_path : bool, default=False
            Whether to return the states after each step too.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None

        Returns
        -------
        v : array of shape (n_samples, n_features), or (steps + 1, n_samples, n_features) from `v` on
            Of the type of `v`.
        """
        steps = _checks.at_least("steps", steps, 0)
        states, kind = self._input(v)
        _require_range(states, "v", self._gaussian)
        visible = np.array(states.toarray() if sparse.issparse(states) else states, self._weights.dtype, order="C")
        path = np.empty((steps + 1, *visible.shape), visible.dtype) if return_path else None
        seed = seed_of(random_state)
        machine = self._machine()
        for first, last in pieces(len(visible), machine.size):
            rows = visible[first:last]
            if path is not None:
                path[0, first:last] = rows
            for begin, end in pieces(steps, machine.size * len(rows), None if path is None else 1):
                _core.rbm_gibbs(*machine, end - begin, seed, begin, first, rows)
                if path is not None:
                    path[end, first:last] = rows
        return (visible if path is None else path).astype(kind, copy=False)

    def sample(self, n_samples: int = 1, *, random_state: Any = None, n_steps: int = 1000) -> Array:
        """Samples of the visible units, each the end of a chain of Gibbs sampling.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        n_steps : int, default=1000
            Of each chain, which begins at units drawn by the mean of the training samples.

        Returns
        -------
        v : array of shape (n_samples, n_features)
            0 or 1, or real numbers for Gaussian units.
        """
        check_is_fitted(self)
        n_samples, n_steps = _checks.at_least("n_samples", n_samples, 1), _checks.at_least("n_steps", n_steps, 1)
        seed = seed_of(random_state)
        start = np.empty((n_samples, self.n_features_in_), self._weights.dtype)
        _rbm_partition.draw_base(self, start, seed)
        return self.gibbs(start, n_steps, random_state=seed)

    def free_energy(self, X: Any) -> Array:
        """F(v) = −log Σ_h exp(−E(v, h)) of each sample.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Of any numbers, also for Bernoulli units.

        Returns
        -------
        energy : array of shape (n_samples,), float64
        """
        return self._free_energies(self._input(X)[0])

    def score_samples(self, X: Any) -> Array:
        """Pseudo-log-likelihood of each sample, Σ_i log p(v_i | the other v), over all units.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Bernoulli units between 0 and 1 count as probabilities; beyond, they are a ValueError.

        Returns
        -------
        score : array of shape (n_samples,), float64
            For Gaussian units, whose pseudo-likelihood has no closed form: log N(v; the mean of v given the hidden
            units' probabilities, 1).
        """
        X, _ = self._input(X)
        _require_range(X, "X", self._gaussian)
        return self._scores(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        y : None
            Ignored.
        """
        return float(self.score_samples(X).mean())

    def log_partition(
        self,
        method: str = "ais",
        *,
        n_chains: int = 100,
        n_temperatures: int = 1000,
        random_state: Any = None,
        return_error: bool = False,
    ) -> float | tuple[float, float]:
        """Logarithm of Z = Σ exp(−E(v, h)).

        Parameters
        ----------
        method : {"ais", "exact"}, default="ais"
            Annealed importance sampling from a machine of the training samples' mean (Salakhutdinov & Murray 2008), or
            enumeration of the smaller side (the hidden units for Gaussian visible ones), of at most 30 units.
        n_chains, n_temperatures : int
            Of annealed importance sampling. Its error falls with both; with few temperatures log Z comes out too low.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        return_error : bool, default=False
            Whether to return the estimate's standard error too (0 where it is exact).

        Returns
        -------
        log_partition : float
        error : float
            Where asked for.
        """
        check_is_fitted(self)
        if method == "exact":
            value, error = _rbm_partition.exact(self), 0.0
        elif method == "ais":
            chains, temperatures = (
                _checks.at_least("n_chains", n_chains, 2),
                _checks.at_least("n_temperatures", n_temperatures, 1),
            )
            value, error = _rbm_partition.ais(self, chains, temperatures, seed_of(random_state))
        else:
            raise ValueError(f"method must be 'ais' or 'exact', but is {method!r}")
        return (value, error) if return_error else value

    def log_likelihood(
        self,
        X: Any,
        method: str = "ais",
        *,
        n_chains: int = 100,
        n_temperatures: int = 1000,
        random_state: Any = None,
    ) -> Array:
        """Log-likelihood of each sample, log p(v) = −F(v) − log Z.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
        method, n_chains, n_temperatures, random_state
            As for `log_partition`.

        Returns
        -------
        log_likelihood : array of shape (n_samples,), float64
        """
        X, _ = self._input(X)
        _require_range(X, "X", self._gaussian)
        energy = self._free_energies(X)
        log_partition = self.log_partition(
            method, n_chains=n_chains, n_temperatures=n_temperatures, random_state=random_state
        )
        return np.asarray(-energy - np.asarray(log_partition))

    def _free_energies(self, X: Any) -> Array:
        """`free_energy` of checked samples."""
        energy = np.empty(X.shape[0])
        machine = self._machine()
        for begin, end in pieces(X.shape[0], machine.size):
            _core.rbm_free_energy(*machine, rows_of(X[begin:end], self._weights.dtype), energy[begin:end])
        return energy

    def _scores(self, X: Any) -> Array:
        """`score_samples` of checked samples."""
        score = np.empty(X.shape[0])
        machine = self._machine()
        each = 2 * machine.size if machine.gaussian else machine.size * X.shape[1]
        for begin, end in pieces(X.shape[0], each):
            rows = rows_of(X[begin:end], self._weights.dtype)
            if machine.gaussian:
                hidden = np.empty((end - begin, self._hidden), self._weights.dtype)
                means = np.empty((end - begin, X.shape[1]), self._weights.dtype)
                _core.rbm_hidden(*machine, rows, hidden)
                _core.rbm_visible(*machine, hidden, means)
                away = (X[begin:end].toarray() if sparse.issparse(X) else X[begin:end]) - means
                score[begin:end] = -0.5 * (np.square(away, dtype=np.float64) + np.log(2 * np.pi)).sum(axis=1)
            else:
                _core.rbm_pseudo_likelihood(*machine, rows, score[begin:end])
        return score

    def _machine(self) -> Machine:
        for name, units in (("intercept_visible_", self.n_features_in_), ("intercept_hidden_", self._weights.shape[1])):
            given = getattr(self, name)
            bias = np.ascontiguousarray(given, self._weights.dtype)
            if bias.shape != (units,):
                raise ValueError(f"{name} must be ({units},), but is {bias.shape}")
            if bias is not given:  # set by a user
                setattr(self, name, bias)
        return Machine(self._gaussian, self._weights, self.intercept_visible_, self.intercept_hidden_)

    def _validated(self, X: Any, *, reset: bool, name: str = "X") -> Any:
        """What is learned from: X in the type of the computation, dense or CSR without duplicates."""
        try:
            X = self._checked(X, reset=reset)
        except ValueError as error:
            if name == "X":
                raise
            raise ValueError(f"{name} is refused: {error}") from None
        _require_range(X, name, self.visible != "bernoulli")
        return cast(name, X, self.dtype)

    def _input(self, X: Any) -> tuple[Any, Any]:
        """A user's X for a fitted machine, and its type; `transform` takes what is beyond a scaler's range."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        return cast("X", X, self._weights.dtype), X.dtype

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """X in float32 or float64, dense or CSR without duplicates."""
        X = self._checked_rows(X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=reset)
        if sparse.issparse(X) and not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        return X


def _require_range(X: Any, name: str, gaussian: bool) -> None:
    """Bernoulli units beyond 0 and 1 have no likelihood, and nothing is learned from them."""
    values = X.data if sparse.issparse(X) else X
    if not gaussian and values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            ("Negative values in data passed to RBM: " if values.min() < 0 else "")
            + f"{name} must be within [0, 1] for visible='bernoulli', but has values from {values.min():g} to "
            f"{values.max():g}; scale it, as by MinMaxScaler(clip=True) or, for pixels, by / 255, or use "
            "visible='gaussian'"
        )
