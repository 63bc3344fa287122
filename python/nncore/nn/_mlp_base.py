"""What the multi-layer perceptrons share: fitting, the fitted attributes, files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from nncore.nn import _mlp_files, _mlp_training
from nncore.nn._mlp_settings import check_settings
from nncore.nn._mlp_training import Objective, Samples, Training
from nncore.nn.sequential import Sequential

Array = NDArray[Any]
Self = TypeVar("Self", bound="MLP")

_ROWS_AT_ONCE = 4096  # that a prediction makes a copy of


class MLP(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share: fitting, the fitted attributes, files."""

    n_features_in_: int
    feature_names_in_: Array
    net_: Sequential
    classes_: Array
    out_activation_: str
    history_: dict[str, list[float]]
    loss_: float
    best_loss_: float | None
    best_validation_score_: float | None
    n_iter_: int
    t_: int
    _training: Training

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 1e-3,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        dtype: str = "float32",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.dtype = dtype

    @property
    def coefs_(self) -> list[Array]:
        """Weights of each layer, (inputs, outputs): live views, changed by training and for predictions."""
        return [self.net_[f"{index}.weight"].T for index in range(len(self.net_.layers))]

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each layer: live views."""
        return [self.net_[f"{index}.bias"] for index in range(len(self.net_.layers))]

    @property
    def n_layers_(self) -> int:
        """Number of layers, the input's included."""
        return len(self.net_.layers) + 1

    @property
    def n_outputs_(self) -> int:
        """Number of outputs of the network."""
        return len(self.intercepts_[-1])

    @property
    def loss_curve_(self) -> list[float]:
        """The loss of each epoch."""
        return self.history_["loss"]

    @property
    def validation_scores_(self) -> list[float] | None:
        """The score on the held-out samples after each epoch; None without early stopping."""
        return self.history_.get("validation_score")

    def fit(self: Self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on X and y, from new weights or, with `warm_start`, from those that are there.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Finite. A batch of a sparse one is made dense when its turn comes.
        y : array of shape (n_samples,) or (n_samples, n_outputs)
            Labels or an indicator matrix; for a regressor numbers.
        sample_weight : array of shape (n_samples,), optional
            At least 0; a sample of weight 0 counts as absent.

        Returns
        -------
        self

        Raises
        ------
        FloatingPointError
            If training diverges: the loss or the gradient of a step is not finite, which then is not taken, or a
            parameter after an epoch. The parameters are those of the last step taken, or with early stopping of the
            best epoch.
        TypeError, ValueError
            If a parameter or the data are not what they must be; the estimator is as before.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(self: Self, X: Any, y: Any, sample_weight: Any, *, incremental: bool, classes: Any = None) -> Self:
        with self._as_before_if_it_fails():
            hidden = check_settings(self)
            if incremental and self.early_stopping:
                raise ValueError("early_stopping must be False for partial_fit, which has no samples to hold out")
            first = not hasattr(self, "net_") or not (incremental or self.warm_start)
            X, y = self._validate(X, y, first)
            targets = self._encode(y, classes, first, incremental)
            n_outputs = len(self.classes_) if targets.ndim == 1 else targets.shape[1]
            samples, unit = self._weighted(cast("X", X, self.dtype), targets, y, sample_weight)
            objective = Objective(self.out_activation_, n_outputs, self.alpha, self.epsilon, unit)
            layers = _mlp_training.make_layers(X.shape[1], hidden, self.activation, n_outputs)
            self._begin(layers, objective, first, incremental)
            held_out = None
            if self.early_stopping:
                stratify = self.out_activation_ == "logistic" and n_outputs == 1
                samples, held_out = _mlp_training.split(
                    samples, self.validation_fraction, stratify, self._training.random
                )
        _mlp_training.train(self, samples, held_out, objective, 1 if incremental else None)
        return self

    @contextmanager
    def _as_before_if_it_fails(self) -> Iterator[None]:
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _validate(self, X: Any, y: Any, first: bool) -> tuple[Any, Array]:
        raise NotImplementedError

    def _encode(self, y: Array, classes: Any, first: bool, incremental: bool) -> Array:
        """Targets of the loss: labels (n,) or numbers (n, n_outputs); sets `out_activation_`."""
        raise NotImplementedError

    def _class_weights(self, y: Array) -> Any:
        """Weights of the samples by their classes, or None."""
        return None

    def _weighted(self, X: Any, targets: Array, y: Array, sample_weight: Any) -> tuple[Samples, float]:
        """Samples with weights up to 2, without those of weight 0, and what a weight of 1 stands for."""
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
            if not (weights >= 0).all() or not weights.any():
                raise ValueError("sample_weight must be at least 0, and not 0 for all samples")
            if not weights.all():
                kept = np.flatnonzero(weights)
                X, targets, y, weights = X[kept], targets[kept], y[kept], weights[kept]
        by_class = self._class_weights(y)
        if by_class is not None:
            if not (by_class >= 0).all() or not by_class.any() or not np.isfinite(by_class).all():
                raise ValueError(
                    "class_weight must be at least 0, finite, and not 0 for all classes, but is "
                    f"{getattr(self, 'class_weight', None)!r}"
                )
            weights = by_class if weights is None else weights * by_class
        if weights is None:
            return Samples(X, targets, None), 1.0
        if not 0 < weights.sum() < np.inf:
            raise ValueError(f"the weights of the samples must have a finite sum above 0, but it is {weights.sum():g}")
        unit = 2.0 ** np.floor(np.log2(weights.max()))  # a power of 2: no weight is rounded
        weights = (weights / unit).astype(self.dtype)
        kept = np.flatnonzero(weights)
        samples = Samples(X, targets, weights)
        return samples if len(kept) == len(weights) else samples[kept], unit

    def _begin(self, layers: tuple[Any, ...], objective: Objective, first: bool, incremental: bool) -> None:
        """Make what is missing: network, counters, optimizer."""
        if not first and (layers != self.net_.layers or self.net_.dtype != self.dtype):
            raise ValueError(
                f"hidden_layer_sizes, activation, dtype and the number of outputs must stay those of the fitted "
                f"network to go on with it ({self.net_!r}, {self.net_.dtype}), but ask for {layers}, {self.dtype}"
            )
        goes_on = not first and incremental and type(self._training.optimizer).__name__.lower() == self.solver
        random = self._training.random if goes_on else _mlp_training.make_random(self.random_state)
        if first:
            self.net_ = _mlp_training.make_network(layers, self.dtype, self.activation, random)
            self.history_ = {"loss": []}
            self.n_iter_ = self.t_ = 0
            self.loss_ = np.inf
            self.best_loss_ = None if self.early_stopping else np.inf
            self.best_validation_score_ = -np.inf if self.early_stopping else None
        if not goes_on:
            stale = 0 if first else self._training.stale
            self._training = Training(_mlp_training.make_optimizer(self, objective.factor), random, stale=stale)

    def _outputs(self, X: Any) -> Array:
        """The network's outputs, before the last activation."""
        outputs = np.empty((X.shape[0], self.n_outputs_), self.net_.dtype)
        for begin in range(0, X.shape[0], _ROWS_AT_ONCE):
            rows = X[begin : begin + _ROWS_AT_ONCE]
            rows = rows.toarray() if sparse.issparse(rows) else rows
            outputs[begin : begin + _ROWS_AT_ONCE] = self.net_(cast("X", rows, self.net_.dtype))
        return outputs

    def _outputs_for(self, X: Any) -> Array:
        """The network's outputs for a user's X, of the type of X."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        return self._outputs(X).astype(X.dtype, copy=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file (safetensors), whole or not at all.

        The solver's state and that of the random numbers are in it: `partial_fit` goes on as without the file. As a
        parameter, a `random_state` that is no int comes back as None.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            If it cannot be written; a file that was there is untouched.
        """
        check_is_fitted(self)
        _mlp_files.save(self, path)

    @classmethod
    def load(cls: type[Self], path: str | os.PathLike[str]) -> Self:
        """Read an estimator of this class that `save` wrote.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        ValueError
            If the file is damaged or holds something else. The message names it.
        OSError
            If it cannot be read.
        """
        return _mlp_files.load(cls, path)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def cast(name: str, array: Any, dtype: Any) -> Any:
    """`array` in this type, itself where it already is of it; ValueError where numbers become too large for it."""
    with np.errstate(over="ignore"):
        result = array.astype(dtype, copy=False)
    if result is not array and not np.isfinite(result.data if sparse.issparse(result) else result).all():
        raise ValueError(f"{name} must be finite, but has a value too large for {np.dtype(dtype)}; try dtype='float64'")
    return result
