"""Layers without time: batch first, x is (N, F)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncore.textbook._show import Array, show


def sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + e^−x), written so that no exponential overflows; any shape."""
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + e), e / (1 + e)))


def activate(name: str | None, a: Array) -> Array:
    """φ(a) by name: relu, leaky_relu (slope 0.01), tanh, sigmoid, elu (α = 1), softplus, or None for a itself.

    Parameters
    ----------
    name : str or None
    a : array of any shape

    Returns
    -------
    y : array of the shape of a
    """
    functions: dict[str | None, Callable[[], Array]] = {
        None: lambda: a,
        "relu": lambda: np.maximum(a, 0),
        "leaky_relu": lambda: np.where(a > 0, a, 0.01 * a),
        "tanh": lambda: np.tanh(a),
        "sigmoid": lambda: sigmoid(a),
        "elu": lambda: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
        "softplus": lambda: np.logaddexp(0, a),
    }
    return np.asarray(functions[name]())


def activation_slope(name: str | None, a: Array) -> Array:
    """φ'(a) of `activate`, at a kink the slope from the left; any shape."""
    slopes: dict[str | None, Callable[[], Array]] = {
        None: lambda: np.ones_like(a),
        "relu": lambda: np.where(a > 0, 1, 0),
        "leaky_relu": lambda: np.where(a > 0, 1, 0.01),
        "tanh": lambda: 1 - np.tanh(a) ** 2,
        "sigmoid": lambda: sigmoid(a) * (1 - sigmoid(a)),
        "elu": lambda: np.where(a > 0, 1, np.exp(np.minimum(a, 0))),
        "softplus": lambda: sigmoid(a),
    }
    return np.asarray(slopes[name]())


def dense(x: Array, W: Array, b: Array, *, activation: str | None = None, verbose: bool = False) -> Array:
    """Units that each see every input: y = φ(x Wᵀ + b) (Rumelhart, Hinton and Williams 1986).

    Parameters
    ----------
    x, W, b : arrays of shape (N, I), (O, I), (O,)
    activation : str or None
        φ, a name of `activate`.

    Returns
    -------
    y : array of shape (N, O)
    """
    a = x @ W.T + b
    y = activate(activation, a)
    if verbose:
        show("a", "x · Wᵀ + b", {"x": x, "Wᵀ": W.T, "b": b}, a)
        show("y", f"{activation or 'identity'}(a)", {"a": a}, y)
    return y


def dense_backward(
    x: Array, W: Array, b: Array, dy: Array, *, activation: str | None = None, verbose: bool = False
) -> tuple[Array, Array, Array]:
    """Back-propagation through `dense`: da = dy ⊗ φ'(a), dx = da W, dW = daᵀ x (Rumelhart et al. 1986).

    Parameters
    ----------
    x, W, b, activation
        The arguments of `dense`.
    dy : array of shape (N, O)

    Returns
    -------
    dx, dW, db : arrays of the shapes of x, W, b
    """
    slope = activation_slope(activation, x @ W.T + b)
    da = dy * slope
    if verbose:
        show("da", "dy ⊗ φ'", {"dy": dy, "φ'": slope}, da)
        show("dW", "daᵀ · x", {"daᵀ": da.T, "x": x}, da.T @ x)
    return da @ W, da.T @ x, da.sum(axis=0)


def embedding(ids: Array, W: Array, *, verbose: bool = False) -> Array:
    """One row of W for each id: y_n = W[ids_n], a one-hot vector times W (Bengio et al. 2003).

    Parameters
    ----------
    ids : array of int of shape (...)
    W : array of shape (V, E)

    Returns
    -------
    y : array of shape (..., E)
    """
    y = W[ids]
    if verbose:
        show("y", "W[ids]", {"ids": ids, "W": W}, y)
    return np.asarray(y)


def embedding_backward(ids: Array, W: Array, dy: Array, *, verbose: bool = False) -> Array:
    """Gradient of `embedding` by W: row k is the sum of dy_n where ids_n = k (Bengio et al. 2003).

    Parameters
    ----------
    ids, W
        The arguments of `embedding`.
    dy : array of shape (..., E)

    Returns
    -------
    dW : array of shape (V, E)
    """
    dW = np.zeros_like(W)
    for k, gradient in zip(ids.ravel(), dy.reshape(-1, W.shape[1]), strict=True):
        dW[k] += gradient
        if verbose:
            show(f"dW[{k}]", "dW[k] + dy", {"dW[k]": dW[k] - gradient, "dy": gradient}, dW[k])
    return dW


def dropout(x: Array, mask: Array, p: float, *, verbose: bool = False) -> Array:
    """Units drop out with probability p, the others grow: y = x ⊗ mask / (1 − p) (Srivastava et al. 2014).

    Its gradient by x is the same function of dy.

    Parameters
    ----------
    x, mask : arrays of the same shape
        mask is 1 where a unit stays and 0 where it is dropped.
    p : float in [0, 1)

    Returns
    -------
    y : array of the shape of x
    """
    y = x * mask / (1 - p)
    if verbose:
        show("y", "x ⊗ mask / (1 − p)", {"x": x, "mask": mask, "p": p}, y)
    return np.asarray(y)


def batch_norm(
    x: Array, gamma: Array, beta: Array, *, eps: float = 1e-5, verbose: bool = False
) -> tuple[Array, Array, Array]:
    """Y = γ (x − mean) / sqrt(variance + ε) + β with the batch's own statistics (Ioffe and Szegedy 2015).

    Parameters
    ----------
    x, gamma, beta : arrays of shape (N, F), (F,), (F,)

    Returns
    -------
    y, mean, variance : arrays of shape (N, F), (F,), (F,)
        The variance is the biased one, divided by N.
    """
    mean = x.mean(axis=0)
    variance = ((x - mean) ** 2).mean(axis=0)
    y = batch_norm_inference(x, mean, variance, gamma, beta, eps=eps, verbose=verbose)
    return y, mean, variance


def batch_norm_inference(
    x: Array, mean: Array, variance: Array, gamma: Array, beta: Array, *, eps: float = 1e-5, verbose: bool = False
) -> Array:
    """Y = γ (x − mean) / sqrt(variance + ε) + β with statistics from training (Ioffe and Szegedy 2015).

    Parameters
    ----------
    x, mean, variance, gamma, beta : arrays of shape (N, F), (F,), (F,), (F,), (F,)

    Returns
    -------
    y : array of shape (N, F)
    """
    y = gamma * (x - mean) / np.sqrt(variance + eps) + beta
    if verbose:
        symbols = {"γ": gamma, "x": x, "mean": mean, "variance": variance, "ε": eps, "β": beta}
        show("y", "γ ⊗ (x − mean) / sqrt(variance + ε) + β", symbols, y)
    return np.asarray(y)


def batch_norm_running(
    running: Array, batch: Array, n: int | None = None, *, momentum: float = 0.1, verbose: bool = False
) -> Array:
    """Statistics as ``torch.nn.BatchNorm1d`` keeps them: running ← (1 − momentum) running + momentum · batch.

    Parameters
    ----------
    running, batch : arrays of shape (F,)
        Two means, or two variances.
    n : int, optional
        Rows of the batch, given for the variance alone: it is kept unbiased, batch · n / (n − 1).

    Returns
    -------
    running : array of shape (F,)
    """
    kept = batch if n is None else batch * n / (n - 1)
    updated = (1 - momentum) * running + momentum * kept
    if verbose:
        symbols = {"momentum": momentum, "running": running, "batch": kept}
        show("running", "(1 − momentum) ⊗ running + momentum ⊗ batch", symbols, updated)
    return np.asarray(updated)


def batch_norm_backward(
    x: Array, gamma: Array, beta: Array, dy: Array, *, eps: float = 1e-5, verbose: bool = False
) -> tuple[Array, Array, Array]:
    """Back-propagation through `batch_norm`, its mean and its variance (Ioffe and Szegedy 2015, section 3).

    Parameters
    ----------
    x, gamma, beta, eps
        The arguments of `batch_norm`.
    dy : array of shape (N, F)

    Returns
    -------
    dx, dgamma, dbeta : arrays of the shapes of x, gamma, beta
    """
    deviation = np.sqrt(x.var(axis=0) + eps)
    normal = (x - x.mean(axis=0)) / deviation
    d_normal = dy * gamma
    dx = (d_normal - d_normal.mean(axis=0) - normal * (d_normal * normal).mean(axis=0)) / deviation
    if verbose:
        symbols: dict[str, Any] = {"dx̂": d_normal, "mean(dx̂)": d_normal.mean(axis=0), "x̂": normal, "s": deviation}
        symbols["mean(dx̂ ⊗ x̂)"] = (d_normal * normal).mean(axis=0)
        show("dx", "(dx̂ − mean(dx̂) − x̂ ⊗ mean(dx̂ ⊗ x̂)) / s", symbols, dx)
    return dx, (dy * normal).sum(axis=0), dy.sum(axis=0)


def sliding_window(x: Array, left: int, right: int, *, fill: float = 0, verbose: bool = False) -> Array:
    """Row t: positions t − left … t + right side by side, `fill` beyond the ends (Sejnowski and Rosenberg 1987).

    Parameters
    ----------
    x : array of shape (T, F)
        For NETtalk one-hot letters, with left = right = 3.

    Returns
    -------
    windows : array of shape (T, (left + 1 + right) * F)
    """
    padded = np.concatenate([np.full((left, x.shape[1]), fill), x, np.full((right, x.shape[1]), fill)])
    windows = np.stack([padded[t : t + left + 1 + right].ravel() for t in range(len(x))])
    if verbose:
        for t in range(len(x)):
            symbols = {f"x_{s + 1}": x[s] if 0 <= s < len(x) else fill for s in range(t - left, t + right + 1)}
            show(f"window_{t + 1}", "[" + " ".join(symbols) + "]", symbols, windows[t])
    return windows


def window_net(
    x: Array, left: int, right: int, W: Array, b: Array, V: Array, d: Array, *, verbose: bool = False
) -> Array:
    """NETtalk: units o_t = σ(V σ(W window_t + b) + d) judge the centre letter (Sejnowski and Rosenberg 1987).

    Parameters
    ----------
    x : array of shape (T, F)
    W, b, V, d : arrays of shape (H, (left + 1 + right) * F), (H,), (O, H), (O,)

    Returns
    -------
    o : array of shape (T, O)
    """
    windows = sliding_window(x, left, right, verbose=verbose)
    hidden = dense(windows, W, b, activation="sigmoid", verbose=verbose)
    return dense(hidden, V, d, activation="sigmoid", verbose=verbose)
