from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def make_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the Axes of a new pyplot figure of width x height inches."""
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("nncore.plot needs matplotlib: pip install 'nncore[plot]'") from error
    _, created = plt.subplots(figsize=(width, height), layout="constrained")
    return created


def thin_spines(ax: Axes, *sides: str) -> None:
    """Keep only the named sides of the frame, thin."""
    for side, spine in ax.spines.items():
        spine.set_visible(side in sides)
        spine.set_linewidth(0.6)
    ax.tick_params(width=0.6, length=3)
