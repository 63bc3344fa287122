"""REINFORCE (Williams 1992): θ ← θ + η (r_total − b) ∇ log π_θ(a | s), for a policy that is a softmax of W · s."""

from __future__ import annotations

import numpy as np

from nncore.textbook._show import Array, show
from nncore.textbook.losses import softmax


def rewards_to_go(rewards: Array, gamma: float, *, cut_at_reward: bool = False, verbose: bool = False) -> Array:
    """R_t = r_t + γ R_{t+1}, the discounted return from each step to the episode's end.

    Parameters
    ----------
    rewards : array of shape (T,)
    gamma : float
    cut_at_reward : bool
        Whether a reward other than 0 ends a game, so that the steps before see nothing beyond it.

    Returns
    -------
    returns : array of shape (T,)
    """
    returns = np.zeros(len(rewards))
    after = 0.0
    for t in reversed(range(len(rewards))):
        if cut_at_reward and rewards[t] != 0:
            after = 0.0
        returns[t] = rewards[t] + gamma * after
        if verbose:
            show(f"R_{t}", "r_t + γ R_{t+1}", {"r_t": rewards[t], "γ": gamma, "R_{t+1}": after}, returns[t])
        after = returns[t]
    return returns


def reinforce_step(
    W: Array, S: Array, actions: Array, returns: Array, eta: float, b: float = 0.0, *, verbose: bool = False
) -> Array:
    """W + η (1/T) Σ_t (R_t − b) ∇ log π(a_t | s_t), where ∇ log π(a | s) = (onehot(a) − π(s)) sᵀ.

    Parameters
    ----------
    W : array of shape (actions, d)
    S : array of shape (T, d)
        States, one per step.
    actions : integer array of shape (T,)
    returns : array of shape (T,)
    eta, b : float
        Step and baseline.

    Returns
    -------
    W : array of shape (actions, d)
        After the step.
    """
    P = softmax(S @ W.T)
    A = returns - b
    chosen = np.eye(len(W))[actions]
    gradient = ((chosen - P) * A[:, None]).T @ S / len(S)
    if verbose:
        show("π", "softmax(S · Wᵀ)", {"S": S, "Wᵀ": W.T}, P)
        show("∇", "((onehot(a) − π) ⊗ (R − b))ᵀ · S / T", {"onehot(a)": chosen, "π": P, "R": returns, "b": b}, gradient)
        show("W", "W + η ∇", {"W": W, "η": eta, "∇": gradient}, W + eta * gradient)
    return np.asarray(W + eta * gradient)
