"""How the multi-layer perceptrons train: scikit-learn's objective, batches and stopping on `Sequential.train_step`."""

from __future__ import annotations

import hashlib
import itertools
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from nncore import _core
from nncore._random import seed_of
from nncore.nn.layers import Dense, Layer
from nncore.nn.losses import MSE, BinaryCrossEntropy, CrossEntropy, Loss
from nncore.nn.optimizers import SGD, Adam
from nncore.nn.sequential import Sequential

if TYPE_CHECKING:
    from nncore.nn._mlp_base import MLP

Array = NDArray[Any]

_LOSSES: dict[str, Loss] = {"softmax": CrossEntropy(), "logistic": BinaryCrossEntropy(), "identity": MSE()}
_ACTIVATIONS = {"identity": None, "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
_LEAST_RATE = 1e-6  # where learning_rate="adaptive" ends


@dataclass
class Training:
    """What goes on from one call of `partial_fit` to the next, and into a file."""

    optimizer: SGD | Adam
    random: np.random.RandomState
    rate_factor: float = 1.0  # of learning_rate_init, by the schedule
    stale: int = 0  # epochs since the last one that improved


@dataclass
class Samples:
    """Rows to train on or to score: X dense or CSR, labels or a matrix of targets, weights or None for 1 each."""

    X: Any
    targets: Array
    weights: Array | None

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, rows: Any) -> Samples:
        return Samples(self.X[rows], self.targets[rows], None if self.weights is None else self.weights[rows])

    def batch(self, rows: Any) -> Samples:
        """The samples of an index or a slice, with a dense X."""
        batch = self[rows]
        if sparse.issparse(batch.X):
            batch.X = batch.X.toarray()
        return batch

    def merged(self) -> Samples:
        """One batch in an order of its own, equal samples as one of their joint weight.

        So training on a single batch gives the same bits for samples in another order, or repeated instead of weighted.
        """
        batch = self.batch(slice(None))
        X, targets = np.ascontiguousarray(batch.X), np.ascontiguousarray(batch.targets)
        digests = np.array(
            [
                hashlib.blake2b(x.tobytes() + t.tobytes(), digest_size=16).digest()
                for x, t in zip(X, targets, strict=True)
            ]
        )
        _, first, group = np.unique(digests, return_index=True, return_inverse=True)
        weights = np.bincount(group, batch.weights)
        return Samples(X[first], targets[first], None if (weights == 1).all() else weights)


class Objective:
    """What scikit-learn minimises, in terms of a loss of nncore, whose value is a mean over outputs.

    A batch of weights w (1 where none are given) has the loss Σ wℓ / Σ w + alpha / (2 Σ w) · Σ W², with ℓ the sum over
    outputs of the cross entropy or of (y − t)² / 2, and W the weights without the biases. ℓ is `factor` times nncore's.
    The factor is divided out of the penalty and put into the optimizer's settings, where it acts the same.

    Parameters
    ----------
    out_activation : {"softmax", "logistic", "identity"}
    n_outputs : int
    alpha : float
    epsilon : float
        Adam's.
    weight_unit : float
        What a weight of 1 in `Samples` stands for.
    """

    def __init__(self, out_activation: str, n_outputs: int, alpha: float, epsilon: float, weight_unit: float) -> None:
        self.loss = _LOSSES[out_activation]
        self.factor = {"softmax": 1.0, "logistic": float(n_outputs), "identity": n_outputs / 2}[out_activation]
        # The value of squared errors that scikit-learn shows is a mean over outputs, though it descends their sum.
        self.shown = 1 / n_outputs if out_activation == "identity" else 1.0
        self.alpha = alpha / weight_unit
        self.epsilon = epsilon

    def step(self, net: Sequential, optimizer: SGD | Adam, batch: Samples) -> float:
        """Train on a batch and return its loss, before the step, as scikit-learn shows it."""
        mass = len(batch) if batch.weights is None else float(batch.weights.sum(dtype=np.float64))
        l2 = self.alpha / (self.factor * mass)
        penalty = 0.0 if self.shown == 1 else l2 / 2 * _squares_of_weights(net)
        if isinstance(optimizer, Adam):
            # scikit-learn adds epsilon to √v before the correction, nncore (as PyTorch) behind it.
            correction = 1 - optimizer.betas[1] ** (optimizer._steps + 1)
            optimizer.eps = self.epsilon / (self.factor * math.sqrt(correction))
        value: float = net.train_step(batch.X, batch.targets, self.loss, optimizer, weights=batch.weights, l2=l2)
        return self.factor * (self.shown * (value - penalty) + penalty)


def _squares_of_weights(net: Sequential) -> float:
    return sum(_core.gradient_norm(net[name].reshape(-1)) ** 2 for name in net.names() if name.endswith("weight"))


def make_layers(n_features: int, hidden: tuple[int, ...], activation: str, n_outputs: int) -> tuple[Layer, ...]:
    """Hidden layers with an activation and an output layer without: its outputs are logits or predictions."""
    widths = (n_features, *hidden)
    layers = [Dense(a, b, _ACTIVATIONS[activation]) for a, b in itertools.pairwise(widths)]
    return (*layers, Dense(widths[-1], n_outputs))


def make_network(layers: tuple[Layer, ...], dtype: str, activation: str, random: np.random.RandomState) -> Sequential:
    """A network whose weights and biases are drawn as scikit-learn draws them (Glorot & Bengio 2010)."""
    net = Sequential(layers, dtype=dtype, seed=0)
    for index in range(len(layers)):
        weight, bias = net[f"{index}.weight"], net[f"{index}.bias"]
        bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / sum(weight.shape))
        weight[...] = random.uniform(-bound, bound, weight.shape[::-1]).T
        bias[...] = random.uniform(-bound, bound, bias.shape)
    return net


def make_random(random_state: Any) -> np.random.RandomState:
    """Where starting values, held-out samples and the order of samples are drawn from, as scikit-learn draws them."""
    if isinstance(random_state, np.random.RandomState):
        return random_state
    seed = seed_of(random_state)
    return np.random.RandomState(seed if seed < 2**32 else np.random.MT19937(seed))


def make_optimizer(model: MLP, factor: float) -> SGD | Adam:
    """The solver; `factor` is the objective's."""
    if model.solver == "sgd":
        nesterov = bool(model.nesterovs_momentum) and model.momentum > 0
        return SGD(model.learning_rate_init * factor, model.momentum, nesterov)
    return Adam(model.learning_rate_init, (model.beta_1, model.beta_2), model.epsilon)


def split(samples: Samples, fraction: float, stratify: bool, random: np.random.RandomState) -> tuple[Samples, Samples]:
    """Samples to train on, and held-out ones that decide when to stop."""
    targets = samples.targets if stratify else None
    train, held_out = train_test_split(
        np.arange(len(samples)), test_size=fraction, stratify=targets, random_state=random
    )
    if len(held_out) < 2:
        raise ValueError(
            f"validation_fraction must leave at least 2 samples to validate on, but {fraction:g} of {len(samples)} "
            f"samples are {len(held_out)}"
        )
    return samples[train], samples[held_out]


def train(model: MLP, samples: Samples, held_out: Samples | None, objective: Objective, epochs: int | None) -> None:
    """Train `model.net_` until loss or validation score have not improved for a while, or for `epochs` epochs.

    Ctrl-C ends it with a warning; the model is then what the last whole step made it, or with held-out samples the best
    one so far.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Its network, training and history change.
    samples, held_out : Samples
        To train on, and to score after each epoch.
    objective : Objective
    epochs : int or None
        None for those of the model, with a warning when they were not enough.
    """
    n = len(samples)
    batch_size = min(200 if model.batch_size == "auto" else int(model.batch_size), n)
    samples = samples.merged() if batch_size == n else samples
    orders = _orders(model, len(samples), batch_size)
    best = None if held_out is None else model.net_.parameters.copy()
    model.n_iter_ = 0
    try:
        while model.n_iter_ < (epochs or model.max_iter):
            model._training.optimizer.lr = _rate(model, objective)
            loss = _epoch(model, samples, next(orders), batch_size, objective)
            if _end_epoch(model, n, loss, held_out) and best is not None:
                best[:] = model.net_.parameters
            if model._training.stale > model.n_iter_no_change and _stops(model):
                return
        if epochs is None:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
                stacklevel=4,
            )
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=4)
    finally:
        if best is not None:
            model.net_.parameters[:] = best


def _orders(model: MLP, n: int, batch_size: int) -> Iterator[Array | None]:
    """The order of the samples in each epoch; None for that in which they came."""
    order = np.arange(n)
    while True:
        if not model.shuffle or batch_size >= n:
            yield None
        else:
            order = order[model._training.random.permutation(n)]
            yield order


def _rate(model: MLP, objective: Objective) -> float:
    """The optimizer's learning rate; Adam's does not depend on the scale of the loss."""
    rate: float = model.learning_rate_init * model._training.rate_factor
    return rate * objective.factor if model.solver == "sgd" else rate


def _epoch(model: MLP, samples: Samples, order: Array | None, batch_size: int, objective: Objective) -> float:
    """Train once on every sample; the mean loss over them."""
    total, n = 0.0, len(samples)
    for begin in range(0, n, batch_size):
        end = min(begin + batch_size, n)
        batch = samples.batch(slice(begin, end) if order is None else order[begin:end])
        try:
            total += (end - begin) * objective.step(model.net_, model._training.optimizer, batch)
        except FloatingPointError as error:
            where = f"epoch {model.n_iter_ + 1}, step {begin // batch_size + 1} of {-(-n // batch_size)}"
            raise _divergence(model, f"{where}: {error}") from None
    if not np.isfinite(model.net_.parameters).all():
        raise _divergence(model, f"epoch {model.n_iter_ + 1}: its last step made parameters that are not finite")
    return total / n


def _divergence(model: MLP, what: str) -> FloatingPointError:
    return FloatingPointError(
        f"training diverged in {what}; features of a common scale, or a learning_rate_init below "
        f"{model.learning_rate_init:g}, may help"
    )


def _end_epoch(model: MLP, n: int, loss: float, held_out: Samples | None) -> bool:
    """Take down how the epoch went; whether the network is the best so far."""
    score = None if held_out is None else _score(model, held_out)
    model.n_iter_ += 1
    model.t_ += n
    model.loss_ = loss
    model.history_["loss"].append(loss)
    if model.verbose:
        print(f"Iteration {model.n_iter_}, loss = {loss:.8f}")
    if score is None:
        before = np.inf if model.best_loss_ is None else model.best_loss_
        better, enough = loss < before, loss <= before - model.tol
        model.best_loss_ = min(loss, before)
    else:
        model.history_.setdefault("validation_score", []).append(score)
        if model.verbose:
            print(f"Validation score: {score:f}")
        before = -np.inf if model.best_validation_score_ is None else model.best_validation_score_
        better, enough = score > before, score >= before + model.tol
        model.best_validation_score_ = max(score, before)
    model._training.stale = 0 if enough else model._training.stale + 1
    if model.solver == "sgd" and model.learning_rate == "invscaling":
        model._training.rate_factor = (model.t_ + 1) ** -model.power_t
    return better


def _stops(model: MLP) -> bool:
    """Whether training ends after a while without improvement; an adaptive learning rate first becomes smaller."""
    what = "Validation score" if model.early_stopping else "Training loss"
    message = f"{what} did not improve more than tol={model.tol:f} for {model.n_iter_no_change} consecutive epochs."
    training = model._training
    ends, reason = True, ""
    if model.solver == "sgd" and model.learning_rate == "adaptive":
        ends = model.learning_rate_init * training.rate_factor <= _LEAST_RATE
        reason = " Learning rate too small."
    if not ends:
        training.rate_factor /= 5
        training.stale = 0
    if model.verbose:
        rate = model.learning_rate_init * training.rate_factor
        print(f"{message}{reason} Stopping." if ends else f"{message} Setting learning rate to {rate:f}")
    return ends


def _score(model: MLP, held_out: Samples) -> float:
    """Accuracy, or R² of predictions, as the model's `score`."""
    outputs, targets = model._outputs(held_out.X), held_out.targets
    if model.out_activation_ == "identity":
        return float(r2_score(targets, outputs, sample_weight=held_out.weights))
    right = outputs.argmax(axis=1) == targets if targets.ndim == 1 else ((outputs > 0) == targets).all(axis=1)
    return float(np.average(right, weights=held_out.weights))
