from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import make_axes, thin_spines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

# The first word that occurs in a history is what is drawn: the quantity a reader understands best.
MEASURES = ("bits_per_character", "loss")


def learning_curve(history: Any, ax: Axes | None = None, *, names: list[str] | None = None) -> Axes:
    """Draw how training went, one line per series, epoch by epoch.

    Parameters
    ----------
    history : mapping of str to sequence of float, or model
        Series by name, one value per epoch, or a fitted model (its ``history_``). A value that is NaN or None is
        left out.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    names : list of str, optional
        Which series. By default those in bits per character, or else the losses, or else all of them.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    TypeError
        `history` is neither a mapping nor has a ``history_``.
    ValueError
        A name is not in the history, or there is nothing to draw.
    """
    series = _series(history, names)
    ax = make_axes(ax, 6.4, 3.6)
    from matplotlib.ticker import MaxNLocator

    several = len(series) > 1
    for name, values in series.items():
        epochs = np.arange(1, len(values) + 1)
        seen = np.isfinite(values)
        # A single epoch has no line: its mark is all there is to see.
        ax.plot(
            epochs[seen],
            values[seen],
            marker="o" if len(values) < 40 else None,
            markersize=3.5,
            label=_words(name, several),
        )
    ax.set_xlabel("epoch")
    ax.set_ylabel(_unit(list(series)))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if several:
        ax.legend(frameon=False)
    thin_spines(ax, "left", "bottom")
    return ax


def _series(history: Any, names: list[str] | None) -> dict[str, NDArray[np.float64]]:
    history = getattr(history, "history_", history)
    if not isinstance(history, Mapping):
        raise TypeError(f"history must be a mapping of names to values or a fitted model, got {type(history).__name__}")
    if names is None:
        measured = [[name for name in history if measure in name] for measure in MEASURES]
        names = next((found for found in measured if found), list(history))
    missing = [name for name in names if name not in history]
    if missing:
        raise ValueError(f"names: {missing[0]!r} is not in the history, which has {', '.join(map(repr, history))}")
    series = {name: np.atleast_1d(np.asarray(history[name], np.float64)) for name in names}
    if not any(np.isfinite(values).any() for values in series.values()):
        raise ValueError("history must hold at least one finite value")
    return series


def _words(name: str, several: bool) -> str:
    """What a reader calls a series; the quantity itself already stands on the axis."""
    if several and name in MEASURES:
        return "training"
    for measure in MEASURES:
        name = name.replace(measure, "") if name != measure else name
    name = name.strip("_")
    return {"validation": "held out", "train": "training"}.get(name, name.replace("_", " "))


def _unit(names: list[str]) -> str:
    for measure in MEASURES:
        if all(measure in name for name in names):
            return measure.replace("_", " ")
    return "" if len(names) > 1 else names[0].replace("_", " ")
