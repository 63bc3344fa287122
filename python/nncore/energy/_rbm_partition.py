"""Partition functions of RBMs: annealed importance sampling, and enumeration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore.energy._rbm_arrays import pieces

if TYPE_CHECKING:
    from nncore.energy._rbm import RBM

Array = NDArray[Any]

_MOST_UNITS = 30  # that are enumerated


def base_bias(model: RBM) -> Array:
    """Visible biases of a machine without weights that has the mean of the training samples."""
    if model._gaussian:
        return model.visible_mean_
    mean = np.clip(model.visible_mean_.astype(np.float64), 0.01, 0.99)  # no unit is sure
    return np.asarray(np.log(mean / (1 - mean)), model._weights.dtype)


def draw_base(model: RBM, visible: Array, seed: int) -> None:
    """States of that machine into `visible`."""
    _core.rbm_anneal(*model._machine(), base_bias(model), np.zeros(1), seed, 0, visible, np.zeros(len(visible)))


def ais(model: RBM, n_chains: int, n_temperatures: int, seed: int) -> tuple[float, float]:
    """Estimate of log Z, and its standard error."""
    machine, bias = model._machine(), base_bias(model)
    visible = np.empty((n_chains, len(bias)), model._weights.dtype)
    log_weights = np.zeros(n_chains)
    betas = np.linspace(0, 1, n_temperatures + 1)
    with _bar(model, n_temperatures, "AIS", "temperature") as bar:
        for begin, end in pieces(n_temperatures, machine.size * n_chains):
            _core.rbm_anneal(*machine, bias, betas[begin : end + 1], seed, begin, visible, log_weights)
            bar.update(end - begin)
    wide = bias.astype(np.float64)
    gaussian = model._gaussian
    base = 0.5 * np.log(2 * np.pi) * len(wide) if gaussian else np.logaddexp(0, wide).sum()
    base += model._hidden * np.log(2)
    greatest = log_weights.max()
    weights = np.exp(log_weights - greatest)
    error = weights.std(ddof=1) / (weights.mean() * np.sqrt(n_chains))  # of the logarithm, to first order
    return float(base + greatest + np.log(weights.mean())), float(error)


def exact(model: RBM) -> float:
    """Enumerated log Z."""
    machine = model._machine()
    visible, hidden = machine.weights.shape
    units = hidden if machine.gaussian else min(visible, hidden)
    if units > _MOST_UNITS:
        side = "hidden units" if machine.gaussian else "units of the smaller side"
        raise ValueError(
            f"method must be 'ais' for a machine of {visible} visible and {hidden} hidden units: enumeration takes at "
            f"most {_MOST_UNITS} {side}"
        )
    total = -np.inf
    block = 256  # states of a sum of the core, which every range must begin at a multiple of
    states = -(-(2**units) // block)
    with _bar(model, 2**units, "enumeration", "state") as bar:
        for first, last in pieces(states, block * 20 * max(visible, hidden)):
            begin, end = first * block, min(last * block, 2**units)
            with np.errstate(invalid="ignore"):  # numbers that a user set may be anything
                total = np.logaddexp(total, _core.rbm_log_partition(*machine, begin, end))
            bar.update(end - begin)
    return float(total)


def _bar(model: RBM, total: int, what: str, unit: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, unit=unit, unit_scale=True, desc=what, disable=None if model.verbose else True)
