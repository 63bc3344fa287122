"""Multi-layer perceptrons as scikit-learn's estimators. Imported on first use: only they need scikit-learn."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import column_or_1d, validate_data

from nncore.nn import _mlp_training
from nncore.nn._mlp_base import MLP, cast
from nncore.nn._mlp_settings import check_settings
from nncore.nn._mlp_training import Objective

__all__ = ["MLPClassifier", "MLPRegressor"]

Array = NDArray[Any]
Self = TypeVar("Self", bound=MLP)


class MLPClassifier(ClassifierMixin, MLP):  # type: ignore[misc]
    """A multi-layer perceptron that classifies: scikit-learn's estimator on `nncore.nn.Sequential`.

    Parameters, attributes and the objective are those of scikit-learn's estimator of this name; an int as
    `random_state` gives its starting weights and its order of samples too.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Of the hidden layers.
    solver : {"adam", "sgd"}, default="adam"
        There is no "lbfgs".
    alpha : float, default=1e-4
        L2 penalty, see Notes.
    batch_size : int or "auto", default="auto"
        At most the number of samples; "auto" is 200.
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        For "sgd": `learning_rate_init`; that divided by t_ to the power of `power_t` from the second epoch on; or that,
        divided by 5 whenever training would stop, down to 1e-6.
    learning_rate_init : float, default=1e-3
    power_t : float, default=0.5
    max_iter : int, default=200
        Epochs.
    shuffle : bool, default=True
        Whether each epoch has another order of the samples.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        Of starting weights, held-out samples and orders.
    tol : float, default=1e-4
        An epoch improves when it makes the loss smaller, or the validation score greater, by this much at least.
    verbose : bool, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Whether `fit` goes on with the weights that are there.
    momentum : float, default=0.9
        In [0, 1); for "sgd".
    nesterovs_momentum : bool, default=True
        For "sgd".
    early_stopping : bool, default=False
        Whether to hold samples out, score them after each epoch, stop when the score no longer improves and keep the
        best weights.
    validation_fraction : float, default=0.1
        Of the samples, held out.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        For "adam"; epsilon is added to the root of the mean square before its bias is corrected.
    n_iter_no_change : int or inf, default=10
        Training stops after more epochs than this without improvement.
    class_weight : dict, "balanced" or None
        Weights of the classes, by label; "balanced": n_samples / (n_classes · count).
    dtype : {"float32", "float64"}, default="float32"
        What is computed in. Results are of the type of X all the same.

    Attributes
    ----------
    classes_ : array
        Labels; for an indicator matrix the numbers of its columns.
    net_ : Sequential
        Its last layer gives logits.
    coefs_, intercepts_ : list of array
        Live views of its parameters, (inputs, outputs) and (outputs,).
    loss_, best_loss_ : float
        Of the last and of the best epoch; `best_loss_` is None with early stopping.
    loss_curve_, validation_scores_ : list of float
        By epoch; `validation_scores_` is None without early stopping.
    best_validation_score_ : float or None
    history_ : dict of list
        "loss" and with early stopping "validation_score".
    n_iter_ : int
        Epochs of the last call.
    t_ : int
        Samples seen.
    n_features_in_, n_layers_, n_outputs_ : int
    feature_names_in_ : array
        Where X had names.
    out_activation_ : {"softmax", "logistic"}
        "logistic" for two classes, which have one output, and for an indicator matrix.

    Notes
    -----
    A batch with sample weights w (1 where none are given) has the loss Σ wℓ / Σ w + alpha / (2 Σ w) · Σ W²: ℓ is the
    cross entropy, for an indicator matrix the sum of those of its columns, and W are the weights without the biases.
    Weights start uniform in ±√(6 / (inputs + outputs)), for "logistic" √2 in place of √6 (Glorot & Bengio 2010).

    Samples of weight 0 count as absent. Where one batch holds all samples, results do not depend on their order, and a
    weight of k is k equal samples, bit for bit.

    Ctrl-C ends `fit` with a warning, as in scikit-learn, and leaves a model that predicts. `partial_fit` draws a
    new order at each call, where scikit-learn with an int as `random_state` repeats one. Results do not depend on the
    number of threads.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from nncore import nn
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = nn.MLPClassifier(random_state=0).fit(X[:1500], y[:1500])
    >>> bool(classifier.score(X[1500:], y[1500:]) > 0.9)
    True
    """

    classes_: Array

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
        class_weight: Any = None,
        dtype: str = "float32",
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            dtype=dtype,
        )
        self.class_weight = class_weight

    def partial_fit(self: Self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on X and y.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array of shape (n_classes,)
            All labels that will come, needed in the first call; `y` need not have all of them. For an indicator matrix
            the numbers of its columns.

        Returns
        -------
        self

        Raises
        ------
        FloatingPointError, TypeError, ValueError
            As `fit`.
        """
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError(
                "class_weight must not be 'balanced' for partial_fit, which sees only a part of the samples"
            )
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def predict(self, X: Any) -> Array:
        """Predict the most probable labels.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y : array of shape (n_samples,), or (n_samples, n_outputs) of 0 and 1 where an indicator matrix was fitted
        """
        z = self._outputs_for(X)
        if self._has_indicators():
            return (z > 0).astype(np.int64)
        if self.out_activation_ == "softmax":
            places = z.argmax(axis=1)
        else:
            places = ((z[:, 0] > 0) & (len(self.classes_) > 1)).astype(np.intp)
        labels: Array = self.classes_[places]
        return labels

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes, in the order of `classes_`.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        p : array of shape (n_samples, n_classes)
            Rows sum to 1, but for an indicator matrix, whose columns have probabilities of their own. Of the type of X.
        """
        return self._probabilities(X, softmax, expit)

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of the probabilities, exact where these are too small to be told from 0.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        log_p : array of shape (n_samples, n_classes)
        """
        return self._probabilities(X, log_softmax, log_expit)

    def _probabilities(self, X: Any, of_classes: Any, of_one: Any) -> Array:
        z = self._outputs_for(X)
        if self.out_activation_ == "logistic" and (self._has_indicators() or len(self.classes_) > 1):
            p: Array = of_one(z if self._has_indicators() else np.hstack([-z, z]))
        else:
            p = of_classes(z, axis=1)  # a single class is certain
        return p

    def _has_indicators(self) -> bool:
        return self.out_activation_ == "logistic" and self.n_outputs_ > 1

    def _validate(self, X: Any, y: Any, first: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, dtype=(np.float64, np.float32), reset=first
        )
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError("y must be labels of shape (n_samples,) or an indicator matrix of 0 and 1")
        if kind == "multilabel-indicator":
            return X, np.asarray(y.toarray() if sparse.issparse(y) else y).astype(np.int64)
        return X, column_or_1d(y, warn=True)

    def _encode(self, y: Array, classes: Any, first: bool, incremental: bool) -> Array:
        if first:
            self.classes_ = self._first_classes(y, classes, incremental)
        elif classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
            raise ValueError(f"classes must be those of the first call, {self.classes_}, but are {classes}")
        if not first and (y.ndim == 2) != self._has_indicators():
            raise ValueError(f"y must be {'an indicator matrix' if y.ndim == 1 else 'labels'}, as in the first call")
        if y.ndim == 2:
            if y.shape[1] != len(self.classes_):
                raise ValueError(f"y must have {len(self.classes_)} columns, one for each class, but has {y.shape[1]}")
            self.out_activation_ = "logistic"
            return y.astype(self.dtype)
        found, labels = np.unique(y, return_inverse=True)
        places = np.searchsorted(self.classes_, found).clip(max=len(self.classes_) - 1)
        unknown = found[self.classes_[places] != found]
        if len(unknown):
            raise ValueError(f"y must have labels in classes_, {self.classes_}, but has {unknown}")
        if not first and not incremental and len(found) < len(self.classes_):
            raise ValueError(f"y must have the labels of the fit before with warm_start, {self.classes_}, not {found}")
        labels = places[labels]
        self.out_activation_ = "softmax" if len(self.classes_) > 2 else "logistic"
        return labels.astype(np.int64) if len(self.classes_) > 2 else labels[:, None].astype(self.dtype)

    def _first_classes(self, y: Array, classes: Any, incremental: bool) -> Array:
        if y.ndim == 2:
            known = np.arange(y.shape[1])
        elif classes is None:
            known = np.unique(y)
        else:
            known = unique_labels(classes)
        if incremental and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if classes is not None and not np.array_equal(unique_labels(classes), known):
            raise ValueError(f"classes must be the numbers of the {len(known)} columns of y, but are {classes}")
        return known

    def _initialise(self, n_features: int, classes: Any) -> None:
        """Makes the network before it is fitted, so that another model's weights can be put into it."""
        hidden = check_settings(self)
        self.classes_ = unique_labels(classes)
        self.n_features_in_ = n_features
        self.out_activation_ = "softmax" if len(self.classes_) > 2 else "logistic"
        n_outputs = len(self.classes_) if len(self.classes_) > 2 else 1
        layers = _mlp_training.make_layers(n_features, hidden, self.activation, n_outputs)
        objective = Objective(self.out_activation_, n_outputs, self.alpha, self.epsilon, 1.0)
        self._begin(layers, objective, first=True, incremental=False)

    def _class_weights(self, y: Array) -> Any:
        return None if self.class_weight is None else compute_sample_weight(self.class_weight, y)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, MLP):  # type: ignore[misc]
    """A multi-layer perceptron that predicts numbers: scikit-learn's estimator on `nncore.nn.Sequential`.

    Parameters and attributes are those of `MLPClassifier`, without `class_weight` and `classes_`; the validation score
    is R².

    Notes
    -----
    A batch with sample weights w (1 where none are given) has the loss Σ wℓ / Σ w + alpha / (2 Σ w) · Σ W², with
    ℓ = Σ (y − t)² / 2 over the outputs, and W the weights without the biases. As in scikit-learn, `loss_` shows the
    mean over the outputs in place of the sum. There is no Poisson loss. Targets of a scale near 1 train best.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import nn
    >>> X = np.linspace(-1, 1, 400)[:, None]
    >>> regressor = nn.MLPRegressor(random_state=0, max_iter=500).fit(X, np.sin(3 * X[:, 0]))
    >>> bool(regressor.score(X, np.sin(3 * X[:, 0])) > 0.9)
    True
    """

    def partial_fit(self: Self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on X and y.

        Parameters, what is returned and what is raised are those of `fit`.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Predict numbers.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y : array of shape (n_samples,), or (n_samples, n_outputs) for more than one output
            Of the type of X.
        """
        outputs = self._outputs_for(X)
        return outputs.reshape(-1) if outputs.shape[1] == 1 else outputs

    def _validate(self, X: Any, y: Any, first: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self,
            *(X, y),
            accept_sparse="csr",
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=first,
        )
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _encode(self, y: Array, classes: Any, first: bool, incremental: bool) -> Array:
        self.out_activation_ = "identity"
        targets: Array = cast("y", y.reshape(len(y), -1), self.dtype)
        return targets

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
