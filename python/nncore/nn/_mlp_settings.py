"""What the parameters of the multi-layer perceptrons must be. Checked where fitting begins, as scikit-learn does."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nncore.nn import _checks

_CHOICES = {
    "activation": ("relu", "tanh", "logistic", "identity"),
    "solver": ("adam", "sgd"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
}
_FLAGS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")
_TINY = float(np.finfo(np.float32).tiny)
_AT_LEAST_AND_BELOW = {
    "alpha": (0.0, math.inf),
    "learning_rate_init": (_TINY, 1e38),  # finite in float32
    "power_t": (0.0, math.inf),
    "tol": (0.0, math.inf),
    "momentum": (0.0, 1.0),
    "beta_1": (0.0, 1.0),
    "beta_2": (0.0, 1.0),
    "epsilon": (_TINY, math.inf),
}


def check_settings(model: Any) -> tuple[int, ...]:
    """Check an estimator's parameters and return its hidden layers' sizes.

    Raises
    ------
    TypeError, ValueError
        That names the parameter.
    """
    for name, choices in _CHOICES.items():
        _check_choice(name, getattr(model, name), choices)
    for name in _FLAGS:
        _checks.flag(name, getattr(model, name))
    for name, (least, below) in _AT_LEAST_AND_BELOW.items():
        _checks.number(name, getattr(model, name), least, below)
    _count("max_iter", model.max_iter)
    if model.n_iter_no_change != math.inf:
        _count("n_iter_no_change", model.n_iter_no_change)
    if not (isinstance(model.batch_size, str) and model.batch_size == "auto"):
        _count("batch_size", model.batch_size)
    if not isinstance(model.verbose, (bool, np.bool_, numbers.Integral)):
        raise TypeError(f"verbose must be True, False or an integer, but is {model.verbose!r}")
    fraction = _checks.number("validation_fraction", model.validation_fraction, 0, 1)
    if model.early_stopping and fraction == 0:
        raise ValueError("validation_fraction must be above 0 with early_stopping")
    _check_dtype(model.dtype)
    weights = getattr(model, "class_weight", None)
    if not (weights is None or isinstance(weights, (Mapping, list)) or weights == "balanced"):
        raise ValueError(f"class_weight must be a dict, 'balanced' or None, but is {weights!r}")
    return _sizes(model.hidden_layer_sizes)


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if isinstance(value, str) and value in choices:
        return
    why = ": training goes by batches; scikit-learn's estimator has it" if value == "lbfgs" else ""
    raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, but is {value!r}{why}")


def _check_dtype(dtype: Any) -> None:
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if dtype is None or found not in (np.float32, np.float64):
        raise ValueError(f"dtype must be 'float32' or 'float64', but is {dtype!r}")


def _count(name: str, value: Any) -> int:
    count = _checks.whole_number(name, value)
    if count < 1:
        raise ValueError(f"{name} must be at least 1, but is {count}")
    return count


def _sizes(hidden: Any) -> tuple[int, ...]:
    if isinstance(hidden, str) or not isinstance(hidden, (Iterable, numbers.Integral)):
        raise TypeError(f"hidden_layer_sizes must be integers, one for each hidden layer, but is {hidden!r}")
    sizes = hidden if isinstance(hidden, Iterable) else (hidden,)
    return tuple(_count("hidden_layer_sizes", size) for size in sizes)
