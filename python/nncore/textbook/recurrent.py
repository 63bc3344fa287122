"""Simple recurrent networks, one sequence at a time, as the papers write them.

Shapes: an input x_t is (I,), a state h_t is (H,), a sequence x is (T, I); W is (H, I), U is (H, H), b is (H,).
A ``*_backward`` function is back-propagation through time (Werbos 1990) written out: it takes the gradient of the loss
by each state h_t, shape (T, H), and gives the gradients by the other arguments, in their order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nncore.textbook._show import Array, show


def elman_step(
    x: Array, h: Array, W: Array, U: Array, b: Array, *, nonlinearity: str = "tanh", verbose: bool = False
) -> Array:
    """One step of the simple recurrent network: h_t = φ(W x_t + U h_{t−1} + b) (Elman 1990).

    Parameters
    ----------
    x, h, W, U, b : arrays of shape (I,), (H,), (H, I), (H, H), (H,)
        h is the context layer h_{t−1}.
    nonlinearity : {"tanh", "relu"}
        φ.

    Returns
    -------
    h : array of shape (H,)
    """
    a = W @ x + U @ h + b
    h_t = np.asarray({"tanh": np.tanh(a), "relu": np.maximum(a, 0)}[nonlinearity])
    if verbose:
        symbols = {"W": W, "x_t": x, "U": U, "h_{t−1}": h, "b": b}
        show("h_t", f"{nonlinearity}(W · x_t + U · h_{{t−1}} + b)", symbols, h_t)
    return h_t


def elman(
    x: Array, h: Array, W: Array, U: Array, b: Array, *, nonlinearity: str = "tanh", verbose: bool = False
) -> Array:
    """All states of the simple recurrent network (Elman 1990).

    Parameters
    ----------
    x, h, W, U, b : arrays of shape (T, I), (H,), (H, I), (H, H), (H,)
        h is the state before the first step.
    nonlinearity : {"tanh", "relu"}

    Returns
    -------
    states : array of shape (T, H)
    """
    states = np.empty((len(x), len(h)), np.result_type(x, W))
    for t, x_t in enumerate(x):
        if verbose:
            print(f"t = {t + 1}")
        h = states[t] = elman_step(x_t, h, W, U, b, nonlinearity=nonlinearity, verbose=verbose)
    return states


def elman_backward(
    x: Array, h: Array, W: Array, U: Array, b: Array, dh: Array, *, nonlinearity: str = "tanh", verbose: bool = False
) -> tuple[Array, Array, Array, Array, Array]:
    """Back-propagation through time of `elman`: da_t = φ'(a_t) ⊗ (dh_t + Uᵀ da_{t+1}) (Werbos 1990).

    Parameters
    ----------
    x, h, W, U, b, nonlinearity
        The arguments of `elman`.
    dh : array of shape (T, H)

    Returns
    -------
    dx, dh_0, dW, dU, db : arrays of the shapes of x, h, W, U, b
    """
    states = elman(x, h, W, U, b, nonlinearity=nonlinearity)
    dx, dW, dU, db, carried = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(h)
    for t in reversed(range(len(x))):
        before = states[t - 1] if t else h
        slope = 1 - states[t] ** 2 if nonlinearity == "tanh" else (states[t] > 0).astype(x.dtype)
        da = slope * (dh[t] + carried)
        if verbose:
            show(f"da_{t + 1}", "φ' ⊗ (dh + Uᵀda_next)", {"φ'": slope, "dh": dh[t], "Uᵀda_next": carried}, da)
        dx[t], carried = W.T @ da, U.T @ da
        dW, dU, db = dW + np.outer(da, x[t]), dU + np.outer(da, before), db + da
    return dx, carried, dW, dU, db


def bidirectional(forward: Callable[[Array], Array], backward: Callable[[Array], Array], x: Array) -> Array:
    """Two networks read the sequence from its two ends: y_t = [→h_t, ←h_t] (Schuster and Paliwal 1997).

    Parameters
    ----------
    forward, backward : functions from (T, I) to (T, H)
        All states of a recurrent network over the sequence given to it.
    x : array of shape (T, I)

    Returns
    -------
    y : array of shape (T, 2 * H)
    """
    return np.concatenate([forward(x), backward(x[::-1])[::-1]], axis=1)
