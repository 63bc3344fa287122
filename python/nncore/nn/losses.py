"""Losses: how far a network's output is from a target, and the gradient of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nncore import _core
from nncore.nn import _checks
from nncore.nn._explain import explained


@dataclass(frozen=True)
class Loss:
    """What all losses share: they are called with an output and a target.

    The value is Σ wℓ / Σ w over the valid rows (samples, or steps of sequences), with ℓ the mean over features.
    """

    _kind: ClassVar[int]
    _labels: ClassVar[bool] = False

    @property
    def _specification(self) -> tuple[int, float]:
        """Kind and delta, as the core takes them."""
        return self._kind, 1.0

    def __call__(self, y: Any, target: Any, weights: Any = None, lengths: Any = None) -> tuple[float, NDArray[Any]]:
        """Compute the loss and its gradient with respect to `y`.

        Parameters
        ----------
        y : array of shape (N, F) or (N, T, F)
            The network's output, float32 or float64.
        target : array of the shape of `y`; for CrossEntropy integers of shape (N,) or (N, T)
            What `y` should be. Without the last axis it is taken too where F is 1. Nothing is broadcast.
        weights : array of shape (N,) or (N, T), optional
            How much each sample or step counts; (N,) counts for all steps of a sequence. 1 where it is not given.
            A row of weight 0 is left out; its target must be valid all the same.
        lengths : integers of shape (N,), optional
            Valid steps of each sequence, in [0, T]. What is behind them is not looked at.

        Returns
        -------
        value : float
            The loss; NaN where `y` has one.
        dy : array of the shape and type of `y`
            The gradient of `value`; 0 at steps that are not valid.

        Raises
        ------
        TypeError
            If an argument is of a type that it cannot be: complex, bool, object, float16, labels that are not integers.
        ValueError
            If shapes do not fit, there is no row, a valid target is NaN, infinite or out of range, or weights are
            negative, not finite or sum to 0.
        """
        output = _output(y)
        shape, features = output.shape, output.shape[-1]
        rows, weight_rows = prepare_target(self, target, weights, shape, output.dtype)
        valid = None if lengths is None else valid_rows(lengths, shape)
        count = output.size // features
        dy = np.empty_like(output) if valid is None else np.zeros_like(output)
        try:
            value: float = _core.loss_forward_backward(
                *self._specification,
                output.reshape(count, features),
                rows,
                valid,
                np.arange(count) if valid is None else valid,
                weight_rows,
                dy.reshape(count, features),
            )
        except ValueError as error:
            steps = None if lengths is None else np.asarray(lengths)
            given = [("target", target, steps), ("weights", weights, steps)]
            raise explained(error, given, output.dtype) from None
        return value, dy


@dataclass(frozen=True)
class MSE(Loss):
    """Squared error: ℓ is the mean over features of (y − target)²."""

    _kind: ClassVar[int] = 0


@dataclass(frozen=True)
class Huber(Loss):
    """Squared error near the target, straight far from it (Huber 1964).

    With d = |y − target|, ℓ is the mean over features of d² / 2 where d ≤ delta, else delta (d − delta / 2).

    Parameters
    ----------
    delta : float
        Where the straight part begins; above 0.
    """

    delta: float = 1.0

    _kind: ClassVar[int] = 1

    def __post_init__(self) -> None:
        # float32 must not round it to 0 or to infinity.
        object.__setattr__(self, "delta", _checks.number("delta", self.delta, 1e-30, 1e30))

    @property
    def _specification(self) -> tuple[int, float]:
        return self._kind, self.delta


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Cross entropy of logits and integer labels: ℓ = −log softmax(y)[label]."""

    _kind: ClassVar[int] = 2
    _labels: ClassVar[bool] = True


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Binary cross entropy of logits y and targets t in [0, 1]: ℓ is the mean over features of log(1 + eʸ) − t y."""

    _kind: ClassVar[int] = 3


def prepare_target(
    loss: Loss, target: Any, weights: Any, shape: tuple[int, ...], dtype: DTypeLike
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Check the shapes and types of a target and its weights, and lay them out row by row for the core.

    Parameters
    ----------
    loss : Loss
        Tells whether the target is labels or values.
    target, weights : array
        As they come from the user.
    shape : (N, F) or (N, T, F)
        Of the network's output.
    dtype : float32 or float64
        Of the network's output.

    Returns
    -------
    target : array of shape (N T, F) of type `dtype`, or labels of shape (N T,) of type int64
        Contiguous; the given array's memory where that already fits.
    weights : array of shape (N T,) of type `dtype`, or None

    Raises
    ------
    TypeError, ValueError
        As calling the loss does; values are checked by the core.
    """
    samples, features = shape[:-1], shape[-1]
    rows: NDArray[Any]
    if loss._labels:
        labels = _checks.integer_array("target", target, "one label for each row of logits")
        if labels.shape != samples:
            raise ValueError(f"target must be labels of shape {samples} for y of shape {shape}, not {labels.shape}")
        rows = _flat(_checks.contiguous(labels, np.int64))
    else:
        values = _checks.real_array("target", target)
        if values.shape != shape and not (features == 1 and values.shape == samples):
            raise ValueError(f"target must have the shape of y, {shape}, not {values.shape}")
        rows = _checks.contiguous(values, dtype)
        if rows.ndim != 2 or rows.shape != shape:
            rows = rows.reshape(-1, features)
    return rows, None if weights is None else _weight_rows(weights, samples, dtype)


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    return array if array.ndim == 1 else array.reshape(-1)


def _weight_rows(weights: Any, samples: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    array = _checks.real_array("weights", weights)
    if array.shape == samples:
        return _flat(_checks.contiguous(array, dtype))
    if len(samples) == 2 and array.shape == samples[:1]:
        return np.repeat(_checks.contiguous(array, dtype), samples[1])
    shapes = " or ".join(str(samples[:axes]) for axes in range(1, len(samples) + 1))
    raise ValueError(f"weights must have the shape {shapes}, not {array.shape}")


def valid_rows(lengths: Any, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the numbers n T + t, for t < lengths[n], of the valid steps of sequences of this shape (N, T, F)."""
    if len(shape) != 3:
        raise ValueError(f"lengths belong to sequences (N, T, F), but y has shape {shape}")
    array = _checks.integer_array("lengths", lengths, "one for each sequence")
    if array.shape != shape[:1]:
        raise ValueError(f"lengths must have shape {shape[:1]}, one for each sequence, not {array.shape}")
    if array.min() < 0 or array.max() > shape[1]:
        raise ValueError(f"lengths must be in [0, {shape[1]}], but reach from {array.min()} to {array.max()}")
    if array.max() == 0:
        raise ValueError("lengths must leave at least one step, but all are 0")
    return np.flatnonzero(np.arange(shape[1]) < array[:, None])


def _output(y: Any) -> NDArray[Any]:
    array = _checks.as_array("y", y)
    if array.dtype.kind != "f" or array.dtype.itemsize not in (4, 8):
        raise TypeError(f"y must be of type float32 or float64, but is {array.dtype}")
    if array.ndim not in (2, 3):
        raise ValueError(f"y must have shape (N, F) or (N, T, F), but has {array.shape}")
    if array.size == 0:
        raise ValueError(f"y must not be empty, but has shape {array.shape}")
    return _checks.contiguous(array, array.dtype.newbyteorder("="))
