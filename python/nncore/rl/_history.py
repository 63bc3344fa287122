"""How the episodes of a training went."""

from __future__ import annotations

from typing import Any

from nncore._interrupts import uninterrupted

ROWS = 1000  # of a training at most: a row's numbers are means over the episodes that ended in its steps
STEPS = 4096  # of a row, where there are a hundred such rows: shorter calls of the core would cost speed
NAMES = ("timesteps", "return", "length")


class Recorder:
    """Adds rows to a history, one for every thousandth to hundredth of its steps in which episodes ended."""

    def __init__(self, history: dict[str, list[Any]], begin: int, total: int) -> None:
        self._history = history
        self.every = max(1, total // ROWS, min(total // 100, STEPS))
        self._row_ends = begin + self.every
        self._episodes, self._returns, self._lengths = 0, 0.0, 0

    def add(self, timesteps: int, episodes: int, returns: float, lengths: int) -> None:
        """Add episodes that ended by step `timesteps`, and the sums of their returns and lengths."""
        self._episodes += episodes
        self._returns += returns
        self._lengths += lengths
        if timesteps >= self._row_ends:
            self.close(timesteps)

    def close(self, timesteps: int) -> None:
        """Write the row that is open."""
        self._row_ends = timesteps + self.every
        if self._episodes:
            row = (timesteps, self._returns / self._episodes, self._lengths / self._episodes)
            with uninterrupted():
                for name, value in zip(NAMES, row, strict=True):
                    self._history[name].append(value)
                self._episodes, self._returns, self._lengths = 0, 0.0, 0


def empty_history() -> dict[str, list[Any]]:
    """A history without rows."""
    return {name: [] for name in NAMES}
