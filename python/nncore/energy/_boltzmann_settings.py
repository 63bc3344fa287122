"""What the parameters of a Boltzmann machine must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore.nn import _checks

if TYPE_CHECKING:
    from nncore.energy._boltzmann import BoltzmannMachine

Array = NDArray[Any]

MOST_LEARNED_EXACTLY = 20
_EXACT_BY_ITSELF = 10  # units that learning="auto" enumerates: one block
_MOST_SWEEPS = 10_000_000  # of a schedule, whose temperatures are kept one by one
MOST_SUMMED = 10  # hidden units whose settings are summed for each row and each of its visible units


def scored_without_sampling(units: int, hidden: int) -> bool:
    """Whether a machine's score is exact, or a pseudo-log-likelihood."""
    return units <= MOST_LEARNED_EXACTLY or hidden <= MOST_SUMMED


def learned_exactly(learning: str, units: int) -> bool:
    """Whether both phases are enumerated."""
    return learning == "exact" or (learning == "auto" and units <= _EXACT_BY_ITSELF)


def check_settings(model: BoltzmannMachine) -> None:
    """TypeError or ValueError where a parameter is not what it must be."""
    _checks.at_least("n_hidden", model.n_hidden, 0)
    for name in ("n_init", "n_chains", "n_sweeps", "n_iter_no_change"):
        _checks.at_least(name, getattr(model, name), 1)
    for name in ("n_iter", "batch_size"):
        if getattr(model, name) is not None:
            _checks.at_least(name, getattr(model, name), 1)
    for name in ("learning_rate", "weight_decay", "init_scale", "tol"):
        _checks.number(name, getattr(model, name))
    if model.final_learning_rate is not None:
        _checks.number("final_learning_rate", model.final_learning_rate)
    if model.momentum is not None:
        _checks.number("momentum", model.momentum, below=1.0)
    if _checks.number("validation_fraction", model.validation_fraction, below=1.0) == 0:
        raise ValueError("validation_fraction must be above 0 and below 1, but is 0")
    for name in ("centered", "early_stopping"):
        _checks.flag(name, getattr(model, name))
    for name, choices in (
        ("learning", ("auto", "sampled", "exact")),
        ("order", ("fixed", "random")),
        ("dtype", ("float32", "float64")),
    ):
        if getattr(model, name) not in choices:
            *others, last = map(repr, choices)
            raise ValueError(f"{name} must be {', '.join(others)} or {last}, but is {getattr(model, name)!r}")
    if model.binarize is not None:
        _checks.number("binarize", model.binarize, least=-np.inf)
    if model.clamped_schedule is not None:
        temperatures_of("clamped_schedule", model.clamped_schedule)


def check_sizes(model: BoltzmannMachine, units: int) -> None:
    """ValueError where the parameters do not fit a machine of so many units."""
    connections_of(model.connections, units)
    if (model.early_stopping or model.n_init > 1) and not scored_without_sampling(units, model.n_hidden):
        raise ValueError(
            f"early_stopping and n_init need a score without sampling: at most {MOST_LEARNED_EXACTLY} units, or at "
            f"most {MOST_SUMMED} hidden ones, but there are {units} and {model.n_hidden}"
        )
    if model.learning == "exact" and units > MOST_LEARNED_EXACTLY:
        raise ValueError(
            f"learning='exact' enumerates all states, of at most {MOST_LEARNED_EXACTLY} visible and hidden units, but "
            f"there are {units}; use learning='sampled'"
        )


def connections_of(connections: Any, units: int) -> Array | None:
    """Which units are connected, as bools; None for all."""
    if connections is None:
        return None
    mask = np.asarray(connections)
    if mask.shape != (units, units):
        raise ValueError(
            f"connections must have the shape (n_units, n_units) with n_units = {units}, visible units and then hidden "
            f"ones, but came as {mask.shape}"
        )
    if not np.isin(mask, (0, 1)).all() or (mask != mask.T).any():
        raise ValueError("connections must be a symmetric array of True and False")
    mask = mask.astype(bool)
    np.fill_diagonal(mask, False)
    return mask


def temperatures_of(name: str, schedule: Any) -> Array:
    """Temperature of each sweep.

    Parameters
    ----------
    name : str
        What the caller calls it.
    schedule : sequence of (temperature, sweeps) pairs, or of temperatures
    """
    try:
        given = np.asarray(schedule, np.float64)
    except (OverflowError, TypeError, ValueError):
        given = np.empty((0, 0, 0))
    if given.size == 0 or not (given.ndim == 1 or (given.ndim == 2 and given.shape[1] == 2)):
        raise ValueError(
            f"{name} must be pairs (temperature, sweeps), or temperatures of one sweep each, but is {_shown(schedule)}"
        )
    if given.ndim == 2:
        sweeps = given[:, 1]
        if not (np.isfinite(sweeps).all() and (sweeps >= 0).all() and (sweeps == np.floor(sweeps)).all()):
            raise ValueError(f"{name} must have whole numbers of sweeps, at least 0, but is {_shown(schedule)}")
        if sweeps.sum() > _MOST_SWEEPS:
            raise ValueError(f"{name} must have at most {_MOST_SWEEPS} sweeps in all, but has {sweeps.sum():g}")
        given = np.repeat(given[:, 0], sweeps.astype(np.int64))
    if not (np.isfinite(given).all() and (given >= 0).all()):
        raise ValueError(f"{name} must have temperatures that are at least 0 and finite, but is {_shown(schedule)}")
    return given


def numbers_of(name: str, values: Any, dtype: Any) -> Array:
    """A copy as an array; the error of what is none names the argument."""
    try:
        return np.array(values, dtype, order="C")
    except (OverflowError, TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers, but is {_shown(values)}") from None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def weights_of(weights: Any, bias: Any, dtype: Any) -> tuple[Array, Array]:
    """A machine's own arrays from the caller's."""
    W = numbers_of("weights", weights, dtype)
    if W.ndim != 2 or W.shape[0] != W.shape[1] or not len(W):
        raise ValueError(f"weights must be a square matrix, but came as {W.shape}")
    b = np.zeros(len(W), dtype) if bias is None else numbers_of("bias", bias, dtype)
    if b.shape != (len(W),):
        raise ValueError(f"bias must have one value per unit, ({len(W)},), but came as {b.shape}")
    for name, array in (("weights", W), ("bias", b)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite, but has NaN or infinity")
    if (W != W.T).any() or np.diagonal(W).any():
        raise ValueError("weights must be symmetric with a diagonal of 0")
    return W, b
