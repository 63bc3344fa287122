"""Restricted Boltzmann machines. Imported on first use: it needs scikit-learn."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from nncore import _core
from nncore._random import seed_of
from nncore.energy import _rbm_training
from nncore.energy._rbm_distribution import Distribution
from nncore.nn import _checks

__all__ = ["RBM"]

Array = NDArray[Any]
Self = TypeVar("Self", bound="RBM")


_TYPES = (np.float32, np.float64)


class RBM(Distribution):
    """Restricted Boltzmann machine, trained by contrastive divergence.

    Parameters
    ----------
    n_components : int, default=256
        Hidden units, which are 0 or 1.
    learning_rate : float, default=0.05
        Of the gradient of a batch's mean log-likelihood. Gaussian units need less, from 0.001 to 0.01: with a hundred
        hidden units and more, 0.05 diverges.
    k : int, default=1
        Steps of Gibbs sampling for each update (CD-k).
    persistent : bool, default=False
        Whether chains go on from update to update (PCD), instead of beginning at the batch.
    momentum : float, default=0.0
        Below 1.
    weight_decay : float, default=0.0
        Of the weights, by half the squared norm.
    batch_size : int, default=32
    n_iter : int, default=10
        Passes over the samples.
    visible : {"bernoulli", "gaussian"}, default="bernoulli"
        Visible units are 0 or 1, and samples may also be probabilities of 1 (pixels scaled to [0, 1]); or real numbers
        with variance 1, for which samples should be standardised.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        Of first weights, order and sampling.
    verbose : int, default=0
        1 shows a progress bar.
    sparsity_target : float, default=0.1
        Mean state that hidden units are pulled to where `sparsity_cost` is above 0.
    sparsity_cost : float, default=0.0
        How strongly (Hinton 2012, section 11).
    n_chains : int, optional
        Persistent chains; None is `batch_size`.
    init_scale : float, default=0.01
        Standard deviation of the first weights.
    shuffle : bool, default=True
        Whether each pass takes the samples in another order.
    early_stopping : bool, default=False
        Hold out samples, stop when their score no longer rises, and keep the best parameters.
    validation_fraction : float, default=0.1
        Share of samples held out.
    n_iter_no_change : int, default=10
        Passes without a better score after which training stops.
    tol : float, default=1e-4
        By which a score must rise to be better.
    warm_start : bool, default=False
        Whether `fit` goes on from the parameters that are there.
    dtype : {"float32", "float64"}, default="float32"
        That is computed in.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        Weights, a live view.
    intercept_hidden_ : array of shape (n_components,)
    intercept_visible_ : array of shape (n_features,)
    history_ : dict of str to list of float
        Of each pass: "reconstruction_error", the mean of |v − p(v | h)|² (not for persistent chains). By `fit`, of a
        hundredth of the samples (20 to 256), the mean of `score_samples`: "pseudo_likelihood", for Gaussian units
        "score"; with a validation set "free_energy_gap", its mean free energy less theirs, which rises as a machine
        overfits; with early stopping "validation_score".
    n_iter_ : int
        Passes done.
    t_ : int
        Updates done.
    h_samples_ : array of shape (n_chains, n_components)
        States of persistent chains.
    visible_mean_ : array of shape (n_features,)
        Mean of the samples, from which annealed importance sampling begins.
    n_features_in_ : int
    feature_names_in_ : array
        Where X had names.

    Notes
    -----
    E(v, h) = −(Σ b_i v_i + Σ c_j h_j + Σ v_i w_ij h_j), with Σ (v_i − b_i)²/2 in the place of −Σ b_i v_i for Gaussian
    units (Smolensky 1986; Hinton 2002; Tieleman 2008). An update adds learning_rate · (⟨v h⟩ of the batch − ⟨v h⟩ after
    k steps), hidden states in both being probabilities. Results do not depend on the number of threads, nor those of a
    row on the rows beside it.

    Passes are counted, and random numbers with them: five passes, `save`, `load` and five calls of `partial_fit` with
    the same samples give what ten passes give. After Ctrl-C the model is that of the last whole pass.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import energy
    >>> X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, 0]], np.float32)
    >>> rbm = energy.RBM(2, n_iter=20, random_state=0).fit(X)
    >>> rbm.transform(X).shape
    (4, 2)
    """

    _fitted_arrays: ClassVar[tuple[str, ...]] = (
        *("_weights", "intercept_hidden_", "intercept_visible_", "visible_mean_", "h_samples_", "_velocity"),
    )
    _fitted_values: ClassVar[tuple[str, ...]] = ("n_iter_", "t_", "history_", "_seed", "_gaussian")

    h_samples_: Array
    history_: dict[str, list[float]]
    n_iter_: int
    t_: int
    _velocity: Array
    _seed: int

    def __init__(
        self,
        n_components: int = 256,
        learning_rate: float = 0.05,
        k: int = 1,
        persistent: bool = False,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        batch_size: int = 32,
        n_iter: int = 10,
        visible: str = "bernoulli",
        random_state: Any = None,
        verbose: int = 0,
        *,
        sparsity_target: float = 0.1,
        sparsity_cost: float = 0.0,
        n_chains: int | None = None,
        init_scale: float = 0.01,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        dtype: str = "float32",
    ) -> None:
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.k = k
        self.persistent = persistent
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.visible = visible
        self.random_state = random_state
        self.verbose = verbose
        self.sparsity_target = sparsity_target
        self.sparsity_cost = sparsity_cost
        self.n_chains = n_chains
        self.init_scale = init_scale
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.dtype = dtype

    @property
    def components_(self) -> Array:
        """Weights, (n_components, n_features): a live view."""
        return self._weights.T

    @components_.setter
    def components_(self, value: Any) -> None:
        check_is_fitted(self)
        weights = np.array(np.transpose(value), self._weights.dtype, order="C")
        if weights.shape != self._weights.shape:
            raise ValueError(f"components_ must be {self._weights.T.shape}, but came as {weights.T.shape}")
        self._weights = weights

    def fit(self: Self, X: Any, y: Any = None, *, X_val: Any = None) -> Self:
        """Train on X, from new parameters or, with `warm_start`, from those that are there.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Finite; within [0, 1] for Bernoulli units.
        y : None
            Ignored.
        X_val : array or sparse matrix of shape (m, n_features), optional
            Whose free energy is compared with that of X after each pass. With `early_stopping` they are the samples
            held out.

        Returns
        -------
        self

        Raises
        ------
        FloatingPointError
            If training diverges; the parameters are those of the last whole pass.
        TypeError, ValueError
            If a parameter or the samples are not what they must be; the model is as before.
        """
        with self._as_before_if_it_fails():
            self._check_settings()
            first = not (self.warm_start and hasattr(self, "_weights"))
            X = self._validated(X, reset=first)
            held_out = None if X_val is None else self._validated(X_val, reset=False, name="X_val")
            if first:
                self._begin(X)
            else:
                self._check_unchanged()
            if self.early_stopping and held_out is None:
                X, held_out = _rbm_training.split(X, self.validation_fraction, self._seed)
            _rbm_training.prepare(self)
        _rbm_training.train(self, X, self.n_iter, held_out)
        return self

    def partial_fit(self: Self, X: Any, y: Any = None) -> Self:
        """Make one pass over X, in batches, from the parameters that are there.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            As for `fit`.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        FloatingPointError, TypeError, ValueError
            As `fit`.
        """
        with self._as_before_if_it_fails():
            self._check_settings()
            first = not hasattr(self, "_weights")
            X = self._validated(X, reset=first)
            if first:
                self._begin(X)
            else:
                self._check_unchanged()
            _rbm_training.prepare(self)
        _rbm_training.train(self, X, 1, None, monitored=False)
        return self

    def _check_settings(self) -> None:
        for name in ("n_components", "k", "batch_size", "n_iter", "n_iter_no_change"):
            _checks.at_least(name, getattr(self, name), 1)
        if self.n_chains is not None:
            _checks.at_least("n_chains", self.n_chains, 1)
        if self.k > 10_000:
            raise ValueError(f"k must be at most 10000, but is {self.k}")
        for name in ("learning_rate", "weight_decay", "sparsity_cost", "tol"):
            _checks.number(name, getattr(self, name))
        _checks.number("init_scale", self.init_scale, below=1e6)
        _checks.number("momentum", self.momentum, below=1)
        for name in ("persistent", "shuffle", "early_stopping", "warm_start"):
            _checks.flag(name, getattr(self, name))
        for name in ("sparsity_target", "validation_fraction"):
            if not 0 < _checks.number(name, getattr(self, name)) < 1:
                raise ValueError(f"{name} must be between 0 and 1, but is {getattr(self, name)}")
        if self.visible not in ("bernoulli", "gaussian"):
            raise ValueError(f"visible must be 'bernoulli' or 'gaussian', but is {self.visible!r}")
        if not isinstance(self.dtype, (str, np.dtype, type)) or self.dtype not in ("float32", "float64", *_TYPES):
            raise ValueError(f"dtype must be 'float32' or 'float64', but is {self.dtype!r}")

    def _check_unchanged(self) -> None:
        """ValueError where a parameter that made the machine is another one by now."""
        made = {"n_components": self._hidden, "dtype": self._weights.dtype.name}
        made["visible"] = "gaussian" if self._gaussian else "bernoulli"
        for name, value in made.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"{name} must stay {value!r} to go on with the fitted machine, but is {getattr(self, name)!r}"
                )

    def _begin(self, X: Any) -> None:
        """First parameters."""
        visible, hidden = X.shape[1], self.n_components
        self._seed = seed_of(self.random_state)
        self._gaussian = self.visible == "gaussian"
        self._weights = np.empty((visible, hidden), self.dtype)
        _core.random_normal(
            self._weights.reshape(-1), 0.0, self.init_scale, seed=self._seed, stream=_core.Stream.PARAMETERS
        )
        self.intercept_hidden_ = np.zeros(hidden, self.dtype)
        self.intercept_visible_ = np.zeros(visible, self.dtype)
        self.visible_mean_ = np.asarray(X.mean(axis=0, dtype=np.float64), self.dtype).reshape(-1)
        self._velocity = np.zeros((0, 0), self.dtype)
        self.h_samples_ = np.zeros((0, hidden), self.dtype)
        self.history_ = {"reconstruction_error": []}
        self.n_iter_ = self.t_ = 0

    def _check_fitted(self) -> None:
        visible, hidden = self.n_features_in_, self._weights.shape[1]
        shapes = {
            "_weights": (visible, hidden),
            "intercept_hidden_": (hidden,),
            "intercept_visible_": (visible,),
            "visible_mean_": (visible,),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != self._weights.dtype:
                raise ValueError(
                    f"{name} must be {shape} of {self._weights.dtype}, but is {array.shape} of {array.dtype}"
                )
        if self._velocity.shape not in ((0, 0), (visible, hidden)) or self._velocity.dtype != self._weights.dtype:
            raise ValueError(f"the velocity must be as the weights, but is {self._velocity.shape}")
        if self.h_samples_.shape[1:] != (hidden,) or self.h_samples_.dtype != self._weights.dtype:
            raise ValueError(f"h_samples_ must be (n, {hidden}), but is {self.h_samples_.shape}")
        if not all(np.isfinite(getattr(self, name)).all() for name in self._fitted_arrays):
            raise ValueError("its numbers must be finite")
        if self._weights.dtype.char not in "fd" or not isinstance(self._gaussian, bool):
            raise ValueError("the weights must be float32 or float64, and the visible units be said")
        for name in ("n_iter_", "t_", "_seed"):
            _checks.at_least(name, getattr(self, name), 0)
        self.history_ = {name: list(map(float, values)) for name, values in self.history_.items()}

    @property
    def _n_features_out(self) -> int:
        return len(self.intercept_hidden_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_weights")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = self.visible == "bernoulli"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
