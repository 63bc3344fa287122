"""Losses: each gives its value Σ_n w_n ℓ_n / Σ_n w_n and the gradient by y.

y is (N, F), ℓ_n the mean over the features of row n, w the weights (N,) of the rows, 1 when not given.
"""

from __future__ import annotations

import numpy as np

from nncore.textbook._show import Array, show
from nncore.textbook.layers import sigmoid


def weighted_mean(losses: Array, slopes: Array, weights: Array | None, *, verbose: bool = False) -> tuple[float, Array]:
    """Σ w ℓ / Σ w over the rows, and its gradient from the slopes of each ℓ.

    Parameters
    ----------
    losses : array of shape (N,)
    slopes : array of shape (N, F)
        Gradient of ℓ_n by row n of y.
    weights : array of shape (N,), optional

    Returns
    -------
    value, dy : float and array of shape (N, F)
    """
    w = np.ones(len(losses)) if weights is None else weights
    value = float((w * losses).sum() / w.sum())
    if verbose:
        show("value", "Σ(w ⊗ ℓ) / Σ(w)", {"w": w, "ℓ": losses}, value)
    return value, slopes * (w / w.sum())[:, None]


def mse(y: Array, target: Array, weights: Array | None = None, *, verbose: bool = False) -> tuple[float, Array]:
    """ℓ = mean over features of (y − target)² (Gauss 1809; as ``torch.nn.MSELoss``, without ½).

    Parameters
    ----------
    y, target : arrays of shape (N, F)
    weights : array of shape (N,), optional

    Returns
    -------
    value, dy : float and array of shape (N, F)
    """
    error = y - target
    losses = (error**2).mean(axis=1)
    if verbose:
        show("ℓ", "mean((y − target)²)", {"y": y, "target": target}, losses)
    return weighted_mean(losses, 2 * error / y.shape[1], weights, verbose=verbose)


def huber(
    y: Array, target: Array, weights: Array | None = None, *, delta: float = 1.0, verbose: bool = False
) -> tuple[float, Array]:
    """ℓ = mean over features of ½ e² where |e| ≤ δ, else δ (|e| − ½ δ), e = y − target (Huber 1964).

    Parameters
    ----------
    y, target : arrays of shape (N, F)
    weights : array of shape (N,), optional
    delta : float
        δ > 0, where the square turns into a line.

    Returns
    -------
    value, dy : float and array of shape (N, F)
    """
    e = y - target
    losses = np.where(np.abs(e) <= delta, 0.5 * e**2, delta * (np.abs(e) - 0.5 * delta)).mean(axis=1)
    if verbose:
        show("ℓ", "mean(½ e² or δ (|e| − ½ δ))", {"e": e, "δ": delta}, losses)
    return weighted_mean(losses, np.clip(e, -delta, delta) / y.shape[1], weights, verbose=verbose)


def softmax(y: Array, *, verbose: bool = False) -> Array:
    """p_j = exp(y_j) / Σ_k exp(y_k) over the last axis (Bridle 1990).

    Parameters
    ----------
    y : array of shape (..., K)

    Returns
    -------
    p : array of shape (..., K)
    """
    e = np.exp(y - y.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    if verbose:
        show("p", "exp(y) / Σexp(y)", {"y": y}, p)
    return np.asarray(p)


def cross_entropy(
    y: Array, target: Array, weights: Array | None = None, *, verbose: bool = False
) -> tuple[float, Array]:
    """ℓ = −log softmax(y)[target], on logits (Bridle 1990).

    Parameters
    ----------
    y : array of shape (N, K)
    target : array of int of shape (N,)
        Class of each row, in [0, K).
    weights : array of shape (N,), optional

    Returns
    -------
    value, dy : float and array of shape (N, K)
    """
    p = softmax(y, verbose=verbose)
    rows = np.arange(len(y))
    highest = y.max(axis=1)
    losses = np.log(np.exp(y - highest[:, None]).sum(axis=1)) + highest - y[rows, target]
    if verbose:
        show("ℓ", "−log(p[target])", {"p[target]": p[rows, target]}, losses)
    one_hot = np.zeros_like(p)
    one_hot[rows, target] = 1
    return weighted_mean(losses, p - one_hot, weights, verbose=verbose)


def binary_cross_entropy(
    y: Array, target: Array, weights: Array | None = None, *, verbose: bool = False
) -> tuple[float, Array]:
    """ℓ = mean over features of −t log σ(y) − (1 − t) log(1 − σ(y)) = log(1 + e^y) − t y, on logits (Cox 1958).

    Parameters
    ----------
    y, target : arrays of shape (N, F)
        Targets t in [0, 1].
    weights : array of shape (N,), optional

    Returns
    -------
    value, dy : float and array of shape (N, F)
    """
    losses = (np.logaddexp(0, y) - target * y).mean(axis=1)
    if verbose:
        show("ℓ", "mean(log(1 + exp(y)) − t ⊗ y)", {"y": y, "t": target}, losses)
    return weighted_mean(losses, (sigmoid(y) - target) / y.shape[1], weights, verbose=verbose)
