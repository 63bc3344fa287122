"""The Boltzmann machine (Ackley, Hinton & Sejnowski 1985): x in {0, 1}^n, weights W symmetric without a diagonal."""

from __future__ import annotations

import itertools

import numpy as np

from nncore.textbook._show import Array, show
from nncore.textbook.layers import sigmoid


def boltzmann_energy(x: Array, W: Array, b: Array, *, verbose: bool = False) -> float:
    """E(x) = −(Σ_{i<j} x_i w_ij x_j + Σ_i b_i x_i).

    Parameters
    ----------
    x : array of shape (n,)
    W : array of shape (n, n)
    b : array of shape (n,)
    """
    energy = float(-(0.5 * x @ W @ x + b @ x))
    if verbose:
        show("E(x)", "−(½ xᵀ · W · x + bᵀ · x)", {"xᵀ": x, "W": W, "x": x, "bᵀ": b}, energy)
    return energy


def boltzmann_sweep(x: Array, W: Array, b: Array, T: float, u: Array, *, verbose: bool = False) -> Array:
    """x_i ← 1 if u_i < 1 / (1 + e^{−ΔE_i/T}) else 0, for i = 0, 1, …, where ΔE_i = E(x_i = 0) − E(x_i = 1).

    Parameters
    ----------
    x : array of shape (n,)
    W : array of shape (n, n)
    b : array of shape (n,)
    T : float
    u : array of shape (n,)
        Uniform random numbers.

    Returns
    -------
    x : array of shape (n,)
        A new one.
    """
    x = np.array(x, np.float64)
    for i in range(len(x)):
        gap = W[i] @ x + b[i]
        p = float(sigmoid(gap / T))
        if verbose:
            show(f"ΔE_{i}", "Σ_j w_j x_j + b", {"w_j": W[i], "x_j": x, "b": b[i]}, gap)
            show(f"p_{i}", "1 / (1 + e^(−ΔE / T))", {"ΔE": gap, "T": T}, p)
            show(f"x_{i}", "[u < p]", {"u": u[i], "p": p}, float(u[i] < p))
        x[i] = float(u[i] < p)
    return x


def boltzmann_distribution(W: Array, b: Array, T: float = 1.0, *, verbose: bool = False) -> tuple[Array, Array]:
    """p(x) = e^{−E(x)/T} / Z, Z = Σ_x e^{−E(x)/T}, over all 2^n states.

    Parameters
    ----------
    W : array of shape (n, n)
    b : array of shape (n,)
    T : float

    Returns
    -------
    states : array of shape (2^n, n)
        In the order of binary numbers.
    p : array of shape (2^n,)
    """
    states = np.array(list(itertools.product([0.0, 1.0], repeat=len(b))))
    E = np.array([boltzmann_energy(x, W, b) for x in states])
    e = np.exp(-(E - E.min()) / T)
    if verbose:
        show("p", "e^(−E / T) / Σ e^(−E / T)", {"E": E, "T": T}, e / e.sum())
    return states, e / e.sum()


def boltzmann_gradient(X: Array, W: Array, b: Array, *, verbose: bool = False) -> tuple[Array, Array]:
    """Slopes of the mean log-likelihood of visible rows: ⟨x xᵀ⟩ clamped − ⟨x xᵀ⟩ free, and ⟨x⟩ clamped − ⟨x⟩ free.

    Clamped: the first units as in a row of X, the hidden ones, which follow, as p(h | v) has them; free: as p(x) has.

    Parameters
    ----------
    X : array of shape (N, n_visible)
    W : array of shape (n, n)
    b : array of shape (n,)

    Returns
    -------
    dW : array of shape (n, n)
    db : array of shape (n,)
    """
    states, p = boltzmann_distribution(W, b)
    agree = (states[None, :, : X.shape[1]] == X[:, None]).all(axis=2) * p  # p(v, h) where v is the row's
    q = (agree / agree.sum(axis=1, keepdims=True)).mean(axis=0)
    clamped, free = (states.T * q) @ states, (states.T * p) @ states
    slope = clamped - free
    if verbose:
        show("∂L/∂W", "clamped − free", {"clamped": clamped, "free": free}, slope)
    return slope - np.diag(np.diag(slope)), np.diag(slope).copy()
