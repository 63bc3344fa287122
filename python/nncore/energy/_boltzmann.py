"""The Boltzmann machine. Imported on first use: it needs scikit-learn."""

from __future__ import annotations

import os
import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from nncore import _core
from nncore._random import seed_of
from nncore.energy import _boltzmann_learning as learning
from nncore.energy import _boltzmann_settings as settings
from nncore.energy._boltzmann_likelihood import Likelihood
from nncore.energy._boltzmann_sampling import Sampling
from nncore.energy._estimator import EnergyModel, Self
from nncore.nn import _checks

__all__ = ["BoltzmannMachine"]

Array = NDArray[Any]


class BoltzmannMachine(Sampling, Likelihood, ClassNamePrefixFeaturesOutMixin, TransformerMixin, EnergyModel):  # type: ignore[misc]
    """Boltzmann machine: binary units, each connected with each, some of them hidden.

    Parameters
    ----------
    n_hidden : int, default=0
        Hidden units; they come after the visible ones.
    learning_rate : float, default=0.1
        Of an update by the difference of clamped and free statistics.
    final_learning_rate : float or None
        What the learning rate falls to in the course of `fit`, linearly; None: it stays. A low one averages the
        noise of sampling out.
    n_iter : int or None
        Iterations over the data. None: 500 where learning is exact, 100 where it is sampled.
    n_init : int, default=1
        Machines that `fit` trains, of which the one with the best score is kept: hidden units end in local optima.
    batch_size : int or None, default=100
        Rows of an update; None: all.
    n_chains : int, default=100
        Free chains. They persist from update to update.
    n_sweeps : int, default=5
        Sweeps of an update, over which both phases' statistics are averaged.
    clamped_schedule : sequence, optional
        Annealing of the hidden units, from off, before the clamped phase's statistics, as `schedule` in `sample`; None:
        nine sweeps at temperatures that fall from 4 to 1.
    learning : {"auto", "sampled", "exact"}, default="auto"
        "exact" enumerates all states in both phases: for at most 20 units. "auto" does so up to 10, where that
        takes about as long as sampling.
    centered : bool, default=True
        Whether updates are those of a machine of x − ⟨x⟩, in terms of x: they are better conditioned.
    momentum : float or None
        From 0 to below 1. None: 0.9 where learning is exact, 0 where it is sampled and momentum adds to the noise.
    weight_decay : float, default=0.0
        Its multiple of the weights is taken from their slopes.
    init_scale : float, default=0.1
        Standard deviation of the first weights of hidden units, which must not be alike. Where learning stays at
        independent units, as with a parity, a larger one leaves them.
    connections : array of shape (n_units, n_units), optional
        True where two units may be connected; symmetric. None: all are.
    order : {"fixed", "random"}, default="fixed"
        Of the units in a sweep: visible ones and then hidden ones, or a random one, new in each sweep.
    binarize : float or None
        X becomes 1 above it and 0 otherwise; None: X must be 0 and 1.
    early_stopping : bool, default=False
        Whether rows are held out to stop when they do not become likelier; the best model is kept.
    validation_fraction : float, default=0.1
        Share of the held-out rows.
    n_iter_no_change : int, default=10
        Iterations without becoming better by `tol` that end it.
    tol : float, default=1e-4
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
    dtype : {"float32", "float64"}, default="float32"
        Of the weights, and that chains are computed in.
    verbose : int, default=0
        1 shows a progress bar with the score.

    Attributes
    ----------
    weights_ : array of shape (n_units, n_units)
        Symmetric, with a diagonal of 0.
    bias_ : array of shape (n_units,)
    chains_ : uint8 array of shape (n_chains, n_units)
        States of the free chains.
    n_iter_ : int
        Iterations so far.
    history_ : dict of list
        Per iteration: "score" of (at most 1,000) training rows where `score` needs no AIS, "difference", the mean
        size of clamped minus free statistics, and with `early_stopping` "validation_score".
    seed_ : int
    n_features_in_ : int
    feature_names_in_ : array
        Where X had names.

    Notes
    -----
    E(x) = −(Σ_{i<j} x_i w_ij x_j + Σ_i b_i x_i), p(x) ∝ exp(−E(x)/T); a unit is switched on with probability
    1 / (1 + exp(−ΔE/T)), ΔE = Σ_j w_ij x_j + b_i. The slope of the log-likelihood by w_ij is ⟨x_i x_j⟩ with the visible
    units clamped minus ⟨x_i x_j⟩ free (Ackley, Hinton & Sejnowski 1985). Free chains persist (Younes 1989, Tieleman
    2008). Results do not depend on the number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.energy import BoltzmannMachine
    >>> X = np.array([[0, 0, 1], [1, 1, 0]] * 50)
    >>> model = BoltzmannMachine(learning="exact", random_state=0).fit(X)
    >>> model.sample(2, random_state=0).shape
    (2, 3)
    """

    weights_: Array
    bias_: Array
    chains_: Array
    history_: dict[str, list[float]]
    n_iter_: int
    seed_: int
    _velocity: Array
    _bias_velocity: Array
    _sweeps: int
    _fitted_arrays: ClassVar = ("weights_", "bias_", "chains_", "_velocity", "_bias_velocity")
    _fitted_values: ClassVar = ("n_iter_", "seed_", "_sweeps", "history_")

    def __init__(
        self,
        n_hidden: int = 0,
        *,
        learning_rate: float = 0.1,
        final_learning_rate: float | None = None,
        n_iter: int | None = None,
        n_init: int = 1,
        batch_size: int | None = 100,
        n_chains: int = 100,
        n_sweeps: int = 5,
        clamped_schedule: Any = None,
        learning: str = "auto",
        centered: bool = True,
        momentum: float | None = None,
        weight_decay: float = 0.0,
        init_scale: float = 0.1,
        connections: Any = None,
        order: str = "fixed",
        binarize: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: Any = None,
        dtype: str = "float32",
        verbose: int = 0,
    ) -> None:
        self.n_hidden = n_hidden
        self.learning_rate = learning_rate
        self.final_learning_rate = final_learning_rate
        self.n_iter = n_iter
        self.n_init = n_init
        self.batch_size = batch_size
        self.n_chains = n_chains
        self.n_sweeps = n_sweeps
        self.clamped_schedule = clamped_schedule
        self.learning = learning
        self.centered = centered
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.init_scale = init_scale
        self.connections = connections
        self.order = order
        self.binarize = binarize
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state
        self.dtype = dtype
        self.verbose = verbose

    @classmethod
    def from_weights(cls: type[Self], weights: Any, bias: Any = None, **params: Any) -> Self:
        """A machine of these weights, for instance of an optimisation problem.

        Parameters
        ----------
        weights : array of shape (n_units, n_units)
            Symmetric with a diagonal of 0.
        bias : array of shape (n_units,), optional
            None: 0.
        **params
            Of the class; `n_hidden` of the units, the last ones, are hidden.

        Raises
        ------
        TypeError, ValueError
            If an argument is not what it must be.
        """
        model = cls(**params)
        model._check_settings()
        W, b = settings.weights_of(weights, bias, model.dtype)
        if model.n_hidden >= len(b):
            raise ValueError(f"n_hidden must be below the number of units, {len(b)}, but is {model.n_hidden}")
        model.n_features_in_ = len(b) - model.n_hidden
        model.weights_, model.bias_ = W, b
        model._velocity, model._bias_velocity = np.zeros(W.shape), np.zeros(len(b))
        model.n_iter_ = model._sweeps = 0
        model.seed_ = seed_of(model.random_state)
        model.history_ = {"score": [], "difference": []}
        learning.start_chains(model)
        return model

    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Learn the distribution of the rows, from the beginning.

        Ctrl-C ends it with a warning and a model that can be used and trained further by `partial_fit`.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            0 and 1, unless `binarize` is given.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If a parameter or X is not what it must be; the estimator is as before.
        FloatingPointError
            If learning diverges; the parameters are the last good ones, or with `n_init` those of the best machine
            until then.
        """
        with self._as_before_if_it_fails():
            self._check_settings()
            rows = self._rows(X, reset=True)
            settings.check_sizes(self, rows.shape[1] + self.n_hidden)
            self.seed_ = seed_of(self.random_state)
            rows, held_out = self._split(rows) if self.early_stopping else (rows, None)
            learning.begin(self, rows)
        if not learning.train_best(self, rows, held_out):
            warnings.warn("Training interrupted by user.", stacklevel=2)
        return self

    def partial_fit(self: Self, X: Any, y: Any = None) -> Self:
        """Learn one iteration over the rows more; the first call begins.

        Parameters
        ----------
        X, y
            As in `fit`.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As `fit`.
        """
        first = not hasattr(self, "weights_")
        with self._as_before_if_it_fails():
            self._check_settings()
            rows = self._rows(X, reset=first)
            if not first:
                self._check_unchanged()
            settings.check_sizes(self, rows.shape[1] + self.n_hidden)
            if first:
                self.seed_ = seed_of(self.random_state)
                learning.begin(self, rows)
            elif self.n_chains != len(self.chains_):
                learning.start_chains(self)
        if not learning.train(self, rows, None, 1, False):
            warnings.warn("Training interrupted by user.", stacklevel=2)
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted machine to a file (safetensors), whole or not at all.

        As a parameter, a `random_state` that is no int comes back as None.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        TypeError, ValueError
            If a parameter was set to what it must not be; nothing is written.
        OSError
            If it cannot be written; a file that was there is untouched.
        """
        check_is_fitted(self)
        self._check_settings()
        super().save(path)

    def transform(self, X: Any) -> Array:
        """Probabilities of the hidden units to be on, given the visible ones.

        Without hidden units: of each visible unit, given the others. Up to 16 hidden units are enumerated; of more, the
        mean field is found by 100 damped steps.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        means : array of shape (n_samples, n_hidden, or n_features where that is 0)
            Of the type of X.

        Raises
        ------
        ValueError
            If X is not what it must be.
        """
        check_is_fitted(self)
        rows, dtype = self._rows(X), self._last_dtype(X)
        return self._means(rows).astype(dtype, copy=False)

    def _rows(self, X: Any, reset: bool = False) -> Array:
        """X as bits."""
        X = self._checked_rows(X, dtype=(np.float64, np.float32), reset=reset)
        return self._bits(X)

    def _bits(self, X: Array) -> Array:
        if self.binarize is not None:
            return np.ascontiguousarray(self.binarize < X, np.uint8)
        bits = np.ascontiguousarray(X == 1, np.uint8)
        wrong = bits != X
        if wrong.any():
            raise ValueError(
                f"X must hold only 0 and 1, but has {X[wrong][0]:g}: scale the features to [0, 1] and draw or round "
                "them, as binarize=0.5 does"
            )
        return bits

    @staticmethod
    def _last_dtype(X: Any) -> Any:
        return np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64

    def _split(self, rows: Array) -> tuple[Array, Array]:
        """Rows to train on, and held-out ones."""
        held_out = int(np.ceil(self.validation_fraction * len(rows)))
        if held_out >= len(rows):
            raise ValueError(
                f"validation_fraction must leave rows to train on, but {self.validation_fraction:g} of "
                f"n_samples={len(rows)} are {held_out}"
            )
        order = np.arange(len(rows))
        _core.random_permutation(order, seed=self.seed_, stream=_core.Stream.SHUFFLE, substream=1)
        return rows[order[held_out:]], rows[order[:held_out]]

    def _check_settings(self) -> None:
        settings.check_settings(self)

    def _check_unchanged(self) -> None:
        """ValueError where a parameter that made the machine is another one by now."""
        for name, made in (("n_hidden", self._hidden), ("dtype", self.weights_.dtype.name)):
            if getattr(self, name) != made:
                raise ValueError(
                    f"{name} must stay {made!r} to go on with the fitted machine, but is {getattr(self, name)!r}"
                )

    def _check_fitted(self) -> None:
        units = self._units
        if not 1 <= self.n_features_in_ <= units:
            raise ValueError(f"of {units} units {self.n_features_in_} cannot be visible")
        if self.weights_.dtype.char not in "fd":
            raise ValueError(f"weights_ must be float32 or float64, but are {self.weights_.dtype}")
        settings.weights_of(self.weights_, self.bias_, self.weights_.dtype)
        shapes = {"weights_": (units, units), "bias_": (units,), "chains_": (len(self.chains_), units)}
        shapes |= {"_velocity": (units, units), "_bias_velocity": (units,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have the shape {shape}, but has {getattr(self, name).shape}")
        if self.bias_.dtype != self.weights_.dtype or self.chains_.dtype != np.uint8:
            raise ValueError("bias_ or chains_ are of another type")
        if not (np.isfinite(self._velocity).all() and np.isfinite(self._bias_velocity).all()):
            raise ValueError("the velocities must be finite")
        if not len(self.chains_) or self.chains_.max() > 1:
            raise ValueError("chains_ must hold 0 and 1")
        if not {"score", "difference"} <= self.history_.keys():
            raise ValueError("history_ must have score and difference")
        self.history_ = {name: list(map(float, values)) for name, values in self.history_.items()}
        seed_of(self.seed_)
        _checks.at_least("n_iter_", self.n_iter_, 0)
        _checks.at_least("_sweeps", self._sweeps, 0)

    @property
    def _n_features_out(self) -> int:
        return self._hidden or int(self.n_features_in_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
