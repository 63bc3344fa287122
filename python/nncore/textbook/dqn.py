"""Deep Q-learning: targets, and the loss of the actions that were taken, with its gradient."""

from __future__ import annotations

import numpy as np

from nncore.textbook._show import Array, show


def dqn_targets(
    rewards: Array, bootstrap: Array, q_target: Array, q_online: Array | None = None, *, verbose: bool = False
) -> Array:
    """Y = r + g Q'(s', b), b = argmax Q'(s', ·) (Mnih et al. 2015), or argmax Q(s', ·): double (van Hasselt 2016).

    Parameters
    ----------
    rewards, bootstrap : arrays of shape (N,)
        r, of m steps, and g = γ^m, 0 where s' is terminal.
    q_target, q_online : arrays of shape (N, A)
        Q'(s', ·) of the target network; Q(s', ·) of the online network, for double Q-learning.

    Returns
    -------
    y : array of shape (N,)
    """
    best = (q_target if q_online is None else q_online).argmax(axis=1)
    values = q_target[np.arange(len(best)), best]
    y = rewards + bootstrap * values
    if verbose:
        show("y", "r + g ⊗ Q'(s', b)", {"r": rewards, "g": bootstrap, "Q'(s', b)": values}, y)
    return np.asarray(y)


def dqn_loss(
    q: Array, actions: Array, targets: Array, weights: Array, *, verbose: bool = False
) -> tuple[float, Array, Array]:
    """L = mean(w ⊗ ℓ(δ)), δ = y − Q(s, a), ℓ Huber's with a bend at 1; its gradient by Q(s, ·) (Mnih et al. 2015).

    Parameters
    ----------
    q : array of shape (N, A)
        Q(s, ·).
    actions, targets, weights : arrays of shape (N,)
        a, y and the importance weights w, 1 without priorities.

    Returns
    -------
    loss, dq, td_errors : float and arrays of shape (N, A) and (N,)
    """
    rows, n = np.arange(len(actions)), len(actions)
    errors = targets - q[rows, actions]
    losses = np.where(abs(errors) > 1, abs(errors) - 0.5, 0.5 * errors**2)
    dq = np.zeros_like(q)
    dq[rows, actions] = -weights * np.clip(errors, -1, 1) / n
    loss = float((weights * losses).mean())
    if verbose:
        show("δ", "y − Q(s, a)", {"y": targets, "Q(s, a)": q[rows, actions]}, errors)
        show("L", "mean(w ⊗ ℓ)", {"w": weights, "ℓ": losses}, loss)
    return loss, dq, errors
