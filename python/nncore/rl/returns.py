"""What a sequence of rewards is worth, by the three criteria."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.nn import _checks

__all__ = ["average_return", "discounted_return", "finite_horizon_return"]


def finite_horizon_return(rewards: ArrayLike, horizon: int) -> Any:
    """Sum of the next rewards, Σ_{i<h} r_{t+i}.

    Parameters
    ----------
    rewards : array of shape (..., T)
        r_t, r_{t+1}, …; zeros follow the last.
    horizon : int
        h, at least 0.

    Returns
    -------
    value : float, or array of shape (...)

    Raises
    ------
    TypeError, ValueError
        If `rewards` are no finite numbers, or `horizon` is no whole number of at least 0.

    Examples
    --------
    >>> from nncore import rl
    >>> rl.finite_horizon_return([0, 0, 2, 2, 2, 2], 5)
    6.0
    """
    steps = _checks.whole_number("horizon", horizon)
    if steps < 0:
        raise ValueError(f"horizon must be at least 0, but is {steps}")
    return _result(_rewards(rewards)[..., :steps].sum(axis=-1))


def discounted_return(rewards: ArrayLike, gamma: float) -> Any:
    """Sum of the discounted rewards, Σ γ^i r_{t+i}.

    Parameters
    ----------
    rewards : array of shape (..., T)
        r_t, r_{t+1}, …; zeros follow the last.
    gamma : float
        γ, from 0 to 1.

    Returns
    -------
    value : float, or array of shape (...)

    Raises
    ------
    TypeError, ValueError
        If `rewards` are no finite numbers, or `gamma` is none from 0 to 1.

    Examples
    --------
    >>> from nncore import rl
    >>> round(rl.discounted_return([0, 0] + [2] * 500, 0.9), 6)
    16.2
    """
    factor = discount(gamma)
    values = _rewards(rewards)
    return _result(values @ factor ** np.arange(values.shape[-1]))


def average_return(rewards: ArrayLike) -> Any:
    """Mean reward of a step, (1/h) Σ_{i<h} r_{t+i} of all h rewards: what their limit is estimated by.

    `MDP.relative_value_iteration` gives the limit itself where the model is known.

    Parameters
    ----------
    rewards : array of shape (..., T)
        At least one.

    Returns
    -------
    value : float, or array of shape (...)

    Raises
    ------
    TypeError, ValueError
        If `rewards` are no finite numbers, or none.
    """
    values = _rewards(rewards)
    if values.shape[-1] == 0:
        raise ValueError("rewards must have at least one, but are empty")
    return _result(values.mean(axis=-1))


def discount(gamma: Any) -> float:
    """Return `gamma` as a float from 0 to 1; raises as `_checks.number`."""
    factor = _checks.number("gamma", gamma)
    if factor > 1:
        raise ValueError(f"gamma must be from 0 to 1, but is {factor:g}")
    return factor


def _rewards(rewards: ArrayLike) -> NDArray[np.float64]:
    array = _checks.as_array("rewards", rewards)
    if array.size and array.dtype.kind not in "buif":
        raise TypeError(f"rewards must be numbers, but are {array.dtype}")
    if array.ndim == 0:
        raise ValueError("rewards must have shape (..., T), but came as a single number")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("rewards must be finite, but one is NaN or infinite")
    return values


def _result(value: Any) -> Any:
    return float(value) if np.ndim(value) == 0 else np.asarray(value)
