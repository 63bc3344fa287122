"""Gymnasium's spaces as far as a buffer looks at them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Box:
    shape: tuple[int, ...]
    dtype: Any = np.float32


@dataclass
class Discrete:
    n: int
    start: int = 0
    shape: tuple[int, ...] = ()
    dtype: Any = np.int64


@dataclass
class MultiDiscrete:
    nvec: Any
    dtype: Any = np.int64


@dataclass
class MultiBinary:
    n: int
    dtype: Any = np.int8

    @property
    def shape(self):
        return (self.n,)


@dataclass
class Dict:
    spaces: dict[str, Any] = field(default_factory=dict)
