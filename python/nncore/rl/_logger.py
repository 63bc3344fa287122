"""A log of named numbers, with the methods of stable-baselines3's that its callbacks call."""

from __future__ import annotations

from typing import Any

import numpy as np


def verbosity(verbose: Any) -> int:
    """`verbose` as an int; TypeError if it is none."""
    if not isinstance(verbose, (int, np.integer)):
        raise TypeError(f"verbose must be an integer, but is {verbose!r}")
    return int(verbose)


class Logger:
    """Collects values and writes them out together.

    Parameters
    ----------
    verbose : int
        Above 0, `dump` prints.

    Attributes
    ----------
    name_to_value : dict
        What was recorded since the last `dump`.
    last : dict
        What the last `dump` had.
    """

    def __init__(self, verbose: int = 0) -> None:
        self.verbose = verbosity(verbose)
        self.name_to_value: dict[str, Any] = {}
        self.last: dict[str, Any] = {}
        self._counts: dict[str, int] = {}

    def record(self, key: str, value: Any, exclude: Any = None) -> None:
        """Keep a value for the next `dump`; `exclude` is accepted and means nothing here."""
        self.name_to_value[key] = value

    def record_mean(self, key: str, value: float | None, exclude: Any = None) -> None:
        """The same, but the mean of several."""
        if value is None:
            return
        count = self._counts[key] = self._counts.get(key, 0) + 1
        before = self.name_to_value.get(key, 0.0)
        self.name_to_value[key] = before + (value - before) / count

    def dump(self, step: int = 0) -> None:
        """Write out what was recorded, at this step, and begin anew."""
        if self.verbose > 0 and self.name_to_value:
            width = max(map(len, self.name_to_value))
            print(f"step {step}")
            for key, value in sorted(self.name_to_value.items()):
                print(f"  {key:<{width}}  {value:.6g}" if isinstance(value, float) else f"  {key:<{width}}  {value}")
        self.last = self.name_to_value
        self.name_to_value, self._counts = {}, {}
