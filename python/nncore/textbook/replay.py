"""Prioritised experience replay (Schaul et al. 2016): the sum tree, priorities and importance-sampling weights.

p are the priorities of N transitions, δ their TD errors. A sum tree is an array of 2K numbers, K the power of 2 from N
on: the leaves p_0 … p_{N−1} stand from K on, and node i is the sum of its children 2i and 2i + 1, so that node 1 is the
total.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nncore.textbook._show import Array, show


def sum_tree(p: npt.ArrayLike, *, verbose: bool = False) -> Array:
    """Sum tree over priorities.

    Parameters
    ----------
    p : array (N,)

    Returns
    -------
    tree : array (2K,)
        Entry 0 is not used.
    """
    leaves = np.asarray(p, float)
    K = 1 << (len(leaves) - 1).bit_length()
    tree = np.zeros(2 * K)
    tree[K : K + len(leaves)] = leaves
    for i in range(K - 1, 0, -1):
        tree[i] = tree[2 * i] + tree[2 * i + 1]
        if verbose:
            show(f"tree[{i}]", "|a| + |b|", {"|a|": tree[2 * i], "|b|": tree[2 * i + 1]}, tree[i])
    return tree


def sum_tree_find(tree: Array, target: float, *, verbose: bool = False) -> int:
    """The leaf i with p_0 + … + p_{i−1} ≤ target < p_0 + … + p_i.

    Parameters
    ----------
    tree : array (2K,)
        Of `sum_tree`.
    target : float
        In [0, total).
    """
    i = 1
    while 2 * i < len(tree):
        left = tree[2 * i]
        goes_right = target >= left
        if verbose:
            show("right", "u ≥ left", {"u": target, "left": left}, int(goes_right))
        target, i = (target - left, 2 * i + 1) if goes_right else (target, 2 * i)
    return i - len(tree) // 2


def sum_tree_sample(tree: Array, units: npt.ArrayLike, *, verbose: bool = False) -> npt.NDArray[np.int64]:
    """Stratified draws: draw j of n lies in the j-th of n equal parts of the total.

    Parameters
    ----------
    tree : array (2K,)
        Of `sum_tree`.
    units : array (n,)
        Uniform numbers U_j of [0, 1).

    Returns
    -------
    indices : int array (n,)
        The leaf of each draw, in ascending order.
    """
    U = np.asarray(units, float)
    targets = (np.arange(len(U)) + U) * (tree[1] / len(U))
    if verbose:
        show("u", "(j + U) · total / n", {"U": U, "total": tree[1], "n": len(U)}, targets)
    return np.array([sum_tree_find(tree, u, verbose=verbose) for u in targets], np.int64)


def proportional_priorities(
    td_errors: npt.ArrayLike, alpha: float = 0.6, eps: float = 1e-6, *, verbose: bool = False
) -> Array:
    """p_i = (|δ_i| + ε)^α.

    Parameters
    ----------
    td_errors : array (N,)
        δ, of either sign.
    alpha : float
        0 makes all equal.
    eps : float
        ε, so that none is 0.
    """
    delta = np.asarray(td_errors, float)
    p = (np.abs(delta) + eps) ** alpha
    if verbose:
        show("p", "(|δ| + ε)^α", {"δ": delta, "ε": eps, "α": alpha}, p)
    return np.asarray(p)


def rank_priorities(td_errors: npt.ArrayLike, alpha: float = 0.6, *, verbose: bool = False) -> Array:
    """p_i = 1 / rank(i)^α, rank 1 being the greatest |δ|, the first of equals.

    Parameters
    ----------
    td_errors : array (N,)
        δ, of either sign.
    alpha : float
        0 makes all equal.
    """
    delta = np.asarray(td_errors, float)
    rank = np.empty(len(delta))
    rank[np.argsort(-np.abs(delta), kind="stable")] = np.arange(1, len(delta) + 1)
    p = 1 / rank**alpha
    if verbose:
        show("p", "1 / rank^α", {"rank": rank, "α": alpha}, p)
    return np.asarray(p)


def importance_weights(p: npt.ArrayLike, indices: npt.ArrayLike, beta: float = 0.4, *, verbose: bool = False) -> Array:
    """w_i = (N P(i))^−β / max_j w_j, with P(i) = p_i / Σ p; the maximum is that of all N transitions.

    Parameters
    ----------
    p : array (N,)
        Priorities; those of 0 are never drawn.
    indices : int array (n,)
        What was drawn.
    beta : float
        1 corrects the distribution wholly.
    """
    p = np.asarray(p, float)
    P = p / p.sum()
    w = (len(p) * P[p > 0]) ** -beta
    weights = (len(p) * P[np.asarray(indices)]) ** -beta / w.max()
    if verbose:
        show("w", "(N P)^−β / w_max", {"N": len(p), "P": P[np.asarray(indices)], "β": beta, "w_max": w.max()}, weights)
    return np.asarray(weights)


def n_step_transition(
    rewards: npt.ArrayLike, ends: npt.ArrayLike, t: int, n: int, gamma: float, *, verbose: bool = False
) -> tuple[float, float, int]:
    """R = Σ_{k<m} γ^k r_{t+k} with m ≤ n: not beyond the end of the episode, nor of what is known.

    Parameters
    ----------
    rewards, ends : array (T,)
        Of the steps of one environment; `ends` says whether the episode ended with the step.
    t, n : int
        First step, and how many at most.
    gamma : float
        γ.

    Returns
    -------
    R, discount : float
        The return, and γ^m, the factor of the value of the state that follows.
    last : int
        The last step, t + m − 1: its next observation is the state that follows.
    """
    r, m = np.asarray(rewards, float), 1
    while m < n and t + m < len(r) and not np.asarray(ends)[t + m - 1]:
        m += 1
    R = np.sum(gamma ** np.arange(m) * r[t : t + m])
    if verbose:
        show("R", "Σ_{k<m} γ^k · r", {"m": m, "γ": gamma, "r": r[t : t + m]}, R)
    return float(R), float(gamma**m), t + m - 1
