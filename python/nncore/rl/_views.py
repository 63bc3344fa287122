"""How REINFORCE sees observations: as they are, or as what moves on a screen of Pong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore.rl._seen import Seen

Array = NDArray[Any]


@dataclass(frozen=True)
class Plain:
    """Observations as a network sees them."""

    seen: Seen

    def __str__(self) -> str:
        return str(self.seen)

    @property
    def size(self) -> int:
        """Inputs of the network."""
        return self.seen.width

    def rows_of(self, observations: Any) -> int | None:
        """How many observations are given: None for a single one."""
        rows = self.seen.rows_of(observations)
        if rows is None:
            self.seen.arrays(observations, None)  # raises for what is no observation
        return rows

    def arrays(self, observations: Any) -> list[Array]:
        """The arrays of the observation of a single environment."""
        return self.seen.arrays(observations, 1)

    def describe(self) -> dict[str, Any]:
        """In JSON's types; `view_from_description` reads it."""
        return self.seen.describe()

    def start(self, count: int) -> Any:
        """What is remembered from one observation to the next."""
        return None

    def rows(self, observations: Any, memory: Any, starts: Array) -> Array:
        """Inputs of the network, (n, size)."""
        return self.seen.numbers(observations, len(starts))

    def act(
        self, learner: Any, parameters: Array, observations: Any, memory: Any, starts: Array, actions: Array
    ) -> None:
        """Draw an action for each observation."""
        learner.act(parameters, self.rows(observations, memory, starts), actions)


@dataclass(frozen=True)
class PongDifferences:
    """The field of Pong, halved, without its background, less the frame before: 80 x 80 numbers -1, 0, 1."""

    shape: tuple[int, ...]
    size: ClassVar[int] = 6400
    actions: ClassVar[tuple[int, ...]] = (2, 3)  # up and down, of Atari's

    def __str__(self) -> str:
        return f"Box of shape {self.shape}, uint8"

    @classmethod
    def of(cls, space: Any) -> PongDifferences:
        """Of an observation space; ValueError for one without such frames."""
        shape, dtype = tuple(getattr(space, "shape", None) or ()), getattr(space, "dtype", None)
        if shape not in ((210, 160), (1, 210, 160), (210, 160, 1)) or dtype != np.uint8:
            raise ValueError(
                f"env must have frames of grey, uint8, of shape (210, 160), for preprocess='pong', but has {space}"
            )
        return cls(shape)

    def rows_of(self, observations: Any) -> int | None:
        """How many observations are given: None for a single one."""
        return None if np.shape(observations) == self.shape else len(observations)

    def arrays(self, observations: Any) -> list[Array]:
        """The arrays of the observation of a single environment."""
        return [np.asarray(observations)]

    def describe(self) -> dict[str, Any]:
        """In JSON's types; `view_from_description` reads it."""
        return {"pong": list(self.shape)}

    def start(self, count: int) -> Array:
        """Frames before the first; they do not count where an episode starts."""
        return np.zeros((count, self.size), np.uint8)

    def rows(self, observations: Any, memory: Array, starts: Array) -> Array:
        """Inputs of the network, (n, size); `memory` is replaced by the frames."""
        frames = self._frames(observations)
        out = np.empty((len(frames), self.size), np.float32)
        _core.pong_differences(frames, np.ascontiguousarray(starts, np.uint8), memory, out)
        return out

    def act(
        self, learner: Any, parameters: Array, observations: Any, memory: Array, starts: Array, actions: Array
    ) -> None:
        """Draw an action for each observation, as from `rows`, but of what has changed alone."""
        learner.act_on_pong(parameters, self._frames(observations), starts.view(np.uint8), memory, actions)

    def _frames(self, observations: Any) -> Array:
        frames = np.asarray(observations)
        if frames.dtype != np.uint8 or frames.shape[1:] != self.shape:
            raise ValueError(
                f"observations must be uint8 of shape (n, *{self.shape}), but are {frames.dtype} of {frames.shape}"
            )
        return np.ascontiguousarray(frames.reshape(len(frames), 210, 160))


def view_of(preprocess: Any, space: Any) -> Plain | PongDifferences:
    """The view that `preprocess` names."""
    if preprocess is None:
        return Plain(Seen.of(space))
    if preprocess == "pong":
        return PongDifferences.of(space)
    raise ValueError(f"preprocess must be None or 'pong', but is {preprocess!r}")


def view_from_description(description: Any) -> Plain | PongDifferences:
    """The view that `describe` wrote."""
    if "pong" in description:
        return PongDifferences(tuple(int(n) for n in description["pong"]))
    return Plain(Seen.from_description(description))
