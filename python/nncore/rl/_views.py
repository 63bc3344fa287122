"""How REINFORCE sees observations: as they are, or as what moves on a screen of Pong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core

Array = NDArray[Any]


class Plain:
    """Observations as rows of float32."""

    def __init__(self, space: Any) -> None:
        shape, dtype = getattr(space, "shape", None), getattr(space, "dtype", None)
        self.one_of = int(space.n) if hasattr(space, "n") and not shape else 0
        self.first = int(getattr(space, "start", 0))
        if not self.one_of and (shape is None or dtype is None or np.dtype(dtype).kind not in "fiub"):
            raise TypeError(f"env must have observations that are arrays of numbers (Box) or Discrete, but has {space}")
        self.shape = () if self.one_of else tuple(shape or ())
        self.size = self.one_of or int(np.prod(self.shape, dtype=np.int64))

    def start(self, count: int) -> Any:
        """What is remembered from one observation to the next."""
        return None

    def rows(self, observations: Any, memory: Any, starts: Array) -> Array:
        """Inputs of the network, (n, size)."""
        values = np.asarray(observations)
        if values.shape[1:] != self.shape:
            raise ValueError(f"observations must have shape (n, *{self.shape}), but have {values.shape}")
        if self.one_of:
            return np.asarray(np.eye(self.one_of, dtype=np.float32)[values - self.first])
        return np.ascontiguousarray(values.reshape(len(values), -1), np.float32)


class PongDifferences:
    """The field of Pong, halved, without its background, less the frame before: 80 x 80 numbers -1, 0, 1."""

    size = 6400
    actions = (2, 3)  # up and down, of Atari's

    def __init__(self, space: Any) -> None:
        shape, dtype = tuple(getattr(space, "shape", None) or ()), getattr(space, "dtype", None)
        if shape not in ((210, 160), (1, 210, 160), (210, 160, 1)) or dtype != np.uint8:
            raise ValueError(
                f"env must have frames of grey, uint8, of shape (210, 160), for preprocess='pong', but has {space}"
            )
        self.shape = shape

    def start(self, count: int) -> Array:
        """Frames before the first; they do not count where an episode starts."""
        return np.zeros((count, self.size), np.uint8)

    def rows(self, observations: Any, memory: Array, starts: Array) -> Array:
        """Inputs of the network, (n, size); `memory` is replaced by the frames."""
        frames = np.asarray(observations)
        if frames.dtype != np.uint8 or frames.shape[1:] != self.shape:
            raise ValueError(
                f"observations must be uint8 of shape (n, *{self.shape}), but are {frames.dtype} of {frames.shape}"
            )
        frames = np.ascontiguousarray(frames.reshape(len(frames), 210, 160))
        out = np.empty((len(frames), self.size), np.float32)
        _core.pong_differences(frames, np.ascontiguousarray(starts, np.uint8), memory, out)
        return out


def view_of(preprocess: Any, space: Any) -> Plain | PongDifferences:
    """The view that `preprocess` names."""
    if preprocess is None:
        return Plain(space)
    if preprocess == "pong":
        return PongDifferences(space)
    raise ValueError(f"preprocess must be None or 'pong', but is {preprocess!r}")
