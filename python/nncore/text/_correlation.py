from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Correlation(NamedTuple):
    """A coefficient of correlation, and the probability by chance of one at least as far from 0."""

    statistic: float
    pvalue: float


def pearson(x: ArrayLike, y: ArrayLike) -> Correlation:
    """Pearson's r of two series of equal length, with the two-sided p-value of Student's t; NaN below two values."""
    first, second = (np.asarray(values, np.float64) for values in (x, y))
    count = len(first)
    if count < 2:
        return Correlation(math.nan, math.nan)
    first, second = first - first.mean(), second - second.mean()
    scale = math.sqrt(first @ first) * math.sqrt(second @ second)
    if not scale > 0 or not math.isfinite(scale):
        return Correlation(math.nan, math.nan)
    r = float(first @ second) / scale
    if 1 - abs(r) < 1e-15:  # what rounding leaves of 1 would be a p-value far from 0
        r = math.copysign(1.0, r)
    if count == 2:
        return Correlation(r, 1.0)
    return Correlation(r, _incomplete_beta((count - 2) / 2, 0.5, (1 - r) * (1 + r)))


def spearman(x: ArrayLike, y: ArrayLike) -> Correlation:
    """Spearman's rank correlation: Pearson's of the ranks, equal values sharing theirs."""
    return pearson(_ranks(x), _ranks(y))


def _ranks(values: ArrayLike) -> NDArray[Any]:
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse])


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b), by its continued fraction (Lentz's method)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly
        return 1 - _incomplete_beta(b, a, 1 - x)
    scale = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    fraction, c, d = 1.0, 1.0, 0.0
    for step in range(400):
        m = step // 2
        if step == 0:
            term = 1.0
        elif step % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / ((1 + term * d) or 1e-300)
        c = (1 + term / c) or 1e-300
        fraction *= c * d
        if step and abs(c * d - 1) < 1e-15:
            break
    return min(1.0, scale * (fraction - 1))
