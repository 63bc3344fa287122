from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import make_axes, thin_spines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


def priorities(buffer: Any, ax: Axes | None = None) -> Axes:
    """Draw how much more often than by chance each transition is drawn from a buffer with priorities.

    Parameters
    ----------
    buffer : PrioritizedReplayBuffer, agent, array or mapping
        What has priorities: a buffer, a `DQN` (its ``replay_buffer``), or the priorities themselves, of any order. A
        mapping of names to any of these is drawn as one curve each.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib Axes
        From left to right the transitions, the greatest priority first, in percent; upwards p_i / mean(p). The legend
        says what share of the draws goes to the first tenth of them.

    Raises
    ------
    ValueError
        If there are no priorities, one is negative or not finite, or all are 0.
    """
    named = buffer if isinstance(buffer, Mapping) else {"": buffer}
    curves = {str(name): _sorted(one) for name, one in named.items()}
    if not curves:
        raise ValueError("buffer must have priorities, but is an empty mapping")
    ax = make_axes(ax, 6.4, 3.6)
    from matplotlib.ticker import FuncFormatter

    for name, curve in curves.items():
        share = curve[: max(1, round(len(curve) / 10))].sum() / curve.sum()
        said = f"{share:.0%} of the draws go to the first tenth"
        x = 100 * np.arange(len(curve) + 1) / len(curve)
        ax.plot(x, np.append(curve, curve[-1]), linewidth=1.8, drawstyle="steps-post",
                label=f"{name}: {said}" if name else said)  # fmt: skip
    ax.axhline(1, color="gray", linewidth=0.8, linestyle=":", zorder=0.5)
    ax.set(
        xlim=(0, 100), yscale="log", xlabel="transitions, the greatest priority first", ylabel="draws, against chance"
    )
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}%"))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}x"))
    ax.legend(frameon=False)
    thin_spines(ax, "left", "bottom")
    return ax


def _sorted(buffer: Any) -> NDArray[np.float64]:
    """Priorities over their mean, falling."""
    buffer = getattr(buffer, "replay_buffer", buffer)
    given = getattr(buffer, "priorities", buffer)
    if not hasattr(buffer, "priorities") and hasattr(buffer, "sample"):
        raise ValueError(f"buffer must have priorities, but is a {type(buffer).__name__}")
    p = np.asarray(given, np.float64)
    if p.ndim != 1 or p.size == 0:
        raise ValueError(f"buffer must have a priority for each of 1 or more transitions, but came as {p.shape}")
    if not (np.isfinite(p).all() and (p >= 0).all() and p.max() > 0):
        raise ValueError("priorities must be finite, at least 0 and not all 0")
    p = np.sort(p)[::-1]
    return np.asarray(p / p.mean())
