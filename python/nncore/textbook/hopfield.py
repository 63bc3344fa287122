"""Associative memory: d units, p memories in the rows of X (p, d), a state x (d,) of −1 and +1, weights W (d, d)."""

from __future__ import annotations

import numpy as np

from nncore.textbook._show import Array, show, text


def hopfield_energy(x: Array, W: Array, b: Array, *, verbose: bool = False) -> float:
    """E(x) = −(½ Σ_ij x_i w_ij x_j + Σ_i b_i x_i) (Hopfield 1982).

    Parameters
    ----------
    x : array of shape (d,)
        A state of −1 and +1.
    W : array of shape (d, d)
    b : array of shape (d,)
    """
    energy = float(-(x @ W @ x / 2 + b @ x))
    if verbose:
        show("E(x)", "−(½ x · W · x + b · x)", {"x": x, "W": W, "b": b}, energy)
    return energy


def hopfield_weights(X: Array, self_connections: bool = False, *, verbose: bool = False) -> Array:
    """w_ij = (1/d) Σ_k x_i^k x_j^k, and w_ii = 0 unless units act on themselves (Hebb's rule).

    Parameters
    ----------
    X : array of shape (p, d)
        Memories of −1 and +1.
    self_connections : bool, default=False
    """
    d = X.shape[1]
    W = X.T @ X / d
    if verbose:
        show("W", "Xᵀ · X / d", {"Xᵀ": X.T, "X": X, "d": d}, W)
    return np.asarray(W) if self_connections else _without_diagonal("W", W, verbose)


def storkey_weights(X: Array, self_connections: bool = False, *, verbose: bool = False) -> Array:
    """w_ij += (x_i x_j − x_i h_ji − h_ij x_j)/d, h_ij = Σ_{k≠i,j} w_ik x_k, for each memory in turn (Storkey 1997).

    Parameters
    ----------
    X : array of shape (p, d)
        Memories of −1 and +1.
    self_connections : bool, default=False
    """
    d = X.shape[1]
    W = np.zeros((d, d))
    for x in X:
        own = np.diag(W) * x
        h = (W @ x)[:, None] - own[:, None] - W * x  # h_ij: without w_ii x_i and w_ij x_j
        np.fill_diagonal(h, W @ x - own)
        step = (np.outer(x, x) - x[:, None] * h.T - h * x) / d
        if verbose:
            show("ΔW", "(x xᵀ − x hᵀ − h x) / d", {"x": x, "xᵀ": x, "hᵀ": h.T, "h": h, "d": d}, step)
        W = W + (step if self_connections else _without_diagonal("ΔW", step, verbose))
    return np.asarray(W)


def pseudo_inverse_weights(X: Array, self_connections: bool = False, *, verbose: bool = False) -> Array:
    """W = X⁺ X, the projection on the memories (Personnaz, Guyon & Dreyfus 1986).

    Parameters
    ----------
    X : array of shape (p, d)
        Memories of −1 and +1.
    self_connections : bool, default=False
    """
    W = np.linalg.pinv(X) @ X
    if verbose:
        show("W", "X⁺ · X", {"X⁺": np.linalg.pinv(X), "X": X}, W)
    return np.asarray(W) if self_connections else _without_diagonal("W", W, verbose)


def _without_diagonal(name: str, W: Array, verbose: bool) -> Array:
    W = W.copy()
    np.fill_diagonal(W, 0)
    if verbose:
        print(f"w_ii = 0, without self-connections: {name} = {text(W)}")
    return W


def hopfield_step(x: Array, W: Array, b: Array, *, verbose: bool = False) -> Array:
    """x_i ← sign(Σ_j w_ij x_j + b_i), all units at once; unchanged at 0.

    Parameters
    ----------
    x : array of shape (d,)
    W : array of shape (d, d)
    b : array of shape (d,)
    """
    h = W @ x + b
    new = np.where(h == 0, x, np.sign(h))
    if verbose:
        show("h", "W · x + b", {"W": W, "x": x, "b": b}, h)
        show("x", "sign(h)", {"h": h}, new)
    return np.asarray(new)


def hopfield_recall(x: Array, W: Array, b: Array, order: Array, *, verbose: bool = False) -> Array:
    """x_i ← sign(Σ_j w_ij x_j + b_i), one unit after the other, sweep by sweep until none changes.

    Parameters
    ----------
    x : array of shape (d,)
    W : array of shape (d, d)
    b : array of shape (d,)
    order : int array of shape (d,)
        Of the units in each sweep.
    """
    x, before = np.array(x, float), None
    while before is None or (x != before).any():
        before = x.copy()
        for i in order:
            h = W[i] @ x + b[i]
            if verbose:
                show(f"h_{i}", "w · x + b", {"w": W[i], "x": x, "b": b[i]}, h)
            x[i] = x[i] if h == 0 else np.sign(h)
    return x


def glauber_probability(h: float, T: float, *, verbose: bool = False) -> float:
    """p(x_i = +1) = 1/(1 + e^(−ΔE/T)), ΔE = E(x_i = −1) − E(x_i = +1) = 2h (Glauber 1963).

    Parameters
    ----------
    h : float
        Field of the unit.
    T : float
        Temperature.
    """
    p = float(1 / (1 + np.exp(-2 * h / T)))
    if verbose:
        show("p", "1 / (1 + exp(−2 h / T))", {"h": h, "T": T}, p)
    return p


def modern_hopfield_step(xi: Array, X: Array, beta: float, *, verbose: bool = False) -> Array:
    """ξ ← X softmax(β Xᵀ ξ) with memories in the columns of X; here they are rows (Ramsauer et al. 2020).

    Parameters
    ----------
    xi : array of shape (d,)
        A state.
    X : array of shape (p, d)
        Memories.
    beta : float
    """
    a = beta * X @ xi
    a = np.exp(a - a.max()) / np.exp(a - a.max()).sum()
    new = a @ X
    if verbose:
        show("a", "softmax(β X · ξ)", {"β": beta, "X": X, "ξ": xi}, a)
        show("ξ", "a · X", {"a": a, "X": X}, new)
    return np.asarray(new)


def modern_hopfield_recall(xi: Array, X: Array, beta: float, steps: int, *, verbose: bool = False) -> Array:
    """ξ ← X softmax(β Xᵀ ξ), several times.

    Parameters
    ----------
    xi : array of shape (d,)
    X : array of shape (p, d)
    beta : float
    steps : int
    """
    for _ in range(steps):
        xi = modern_hopfield_step(xi, X, beta, verbose=verbose)
    return xi


def modern_hopfield_energy(xi: Array, X: Array, beta: float, *, verbose: bool = False) -> float:
    """E(ξ) = −(1/β) log Σ_k exp(β x_kᵀξ) + ½ ξᵀξ + (1/β) log p + ½ M², M the longest memory's length.

    Parameters
    ----------
    xi : array of shape (d,)
    X : array of shape (p, d)
    beta : float
    """
    top = (X @ xi).max()
    S, M2, p = np.exp(beta * (X @ xi - top)).sum(), (X**2).sum(axis=1).max(), len(X)
    energy = float(-(top + np.log(S) / beta) + xi @ xi / 2 + np.log(p) / beta + M2 / 2)
    if verbose:
        show("E(ξ)", "−max − log(S) / β + ½ ξ · ξ + log(p) / β + ½ M²",
             {"max": top, "S": S, "β": beta, "ξ": xi, "p": p, "M²": M2}, energy)  # fmt: skip
    return energy
