from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import make_axes, thin_spines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

DIRECTIONS = {"u": (0, 1), "d": (0, -1), "l": (-1, 0), "r": (1, 0)}  # x, y of an arrow
EQUAL = 1e-6  # actions whose values differ by less than this share of the range are shown as equally good


def values(
    values: Any,
    ax: Axes | None = None,
    *,
    policy: ArrayLike | None = None,
    shape: tuple[int, int] | None = None,
    moves: str = "urdl",
    label: str = "value",
) -> Axes:
    """Draw the values of a grid's states as a heat map, and what to do in each as arrows.

    Parameters
    ----------
    values : array of shape (rows, columns) or (rows * columns,), or object
        Value of each state, or what has them: a `Solution` of `MDP`, a `QLearning` or a `TD0`. A state whose value is
        NaN is left blank, as a wall.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    policy : int array with an action per state, or array (..., A), optional
        −1 draws no arrow; of an array with a further axis, each action above 0 has an arrow as long as its share. By
        default, of an object with values of actions, all that are equally good.
    shape : (rows, columns), optional
        Of the grid, where `values` does not have it.
    moves : str, default="urdl"
        Direction of each action: u, r, d, l for up, right, down, left. Gymnasium's CliffWalking has "urdl", its
        FrozenLake "ldru".
    label : str, default="value"
        Of the scale of colours.

    Returns
    -------
    ax : matplotlib Axes
        Row 0 is at the top.

    Raises
    ------
    ValueError
        If `values` and `policy` do not fit a grid of this shape, or an action has no move.
    """
    grid, arrows = _grid(values, policy, shape)
    rows, columns = grid.shape
    if set(moves) - set(DIRECTIONS):
        raise ValueError(f"moves must consist of {', '.join(DIRECTIONS)}, but is {moves!r}")
    if arrows is not None and arrows.shape[2] > len(moves) and (arrows[:, :, len(moves) :] > 0).any():
        raise ValueError(f"moves must have a letter per action, but has {len(moves)} for {arrows.shape[2]}")
    ax = make_axes(ax, min(9.0, 1.6 + 0.55 * columns), min(8.0, 0.8 + 0.55 * rows))
    import matplotlib as mpl
    from matplotlib.ticker import MaxNLocator

    cmap = mpl.colormaps["viridis"]
    finite = grid[np.isfinite(grid)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    shown = ax.imshow(grid, cmap=cmap, vmin=low, vmax=high if high > low else low + 1.0, interpolation="nearest")
    if arrows is not None:
        _draw_arrows(ax, grid, arrows, moves, shown)
    ax.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=0.8, alpha=0.35)
    ax.tick_params(which="minor", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=min(columns, 12), min_n_ticks=1))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=min(rows, 12), min_n_ticks=1))
    ax.set(xlabel="column", ylabel="row", xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    thin_spines(ax)
    # As high as the grid, whatever the figure's shape; widths are in cells.
    beside = ax.inset_axes((1 + 0.35 / columns, 0, 0.3 / columns, 1))
    bar = ax.figure.colorbar(shown, cax=beside)
    bar.set_label(label)
    bar.outline.set_visible(False)
    bar.ax.tick_params(width=0.6, length=3)
    return ax


def _grid(
    values: Any, policy: Any, shape: tuple[int, int] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Values (rows, columns), and the length of an arrow per action (rows, columns, A)."""
    given, q = values, getattr(values, "q", None)
    if hasattr(given, "v"):
        values = given.v
    elif callable(getattr(given, "values", None)) and q is not None:
        values = given.values()
    grid = np.asarray(values, np.float64)
    if grid.ndim == 1 and shape is None:
        raise ValueError(f"shape must be given as (rows, columns) for values of shape {grid.shape}")
    if grid.ndim not in (1, 2) or grid.size == 0 or (shape is not None and grid.size != shape[0] * shape[1]):
        wanted = "(rows, columns)" if shape is None else f"{tuple(shape)}"
        raise ValueError(f"values must fill a grid of shape {wanted}, but came as {grid.shape}")
    grid = grid.reshape(shape or grid.shape)
    if np.isinf(grid).any():
        raise ValueError("values must be finite, or NaN for a wall, but has infinity")
    if policy is None and q is not None:
        policy = _best(np.asarray(q, np.float64), getattr(given, "allowed", None))
    if policy is None:
        return grid, None
    array = np.asarray(policy)
    if array.size == grid.size:
        actions = array.reshape(grid.shape)
        if array.dtype.kind not in "iu":
            raise ValueError(f"policy must hold actions, integers, but is {array.dtype}")
        lengths = np.zeros((*grid.shape, int(max(actions.max(), 0)) + 1))
        rows, columns = np.nonzero(actions >= 0)
        lengths[rows, columns, actions[rows, columns]] = 1
        return grid, lengths
    if array.shape[:-1] not in (grid.shape, (grid.size,)):
        raise ValueError(f"policy must have an entry per state of the grid {grid.shape}, but came as {array.shape}")
    return grid, array.reshape(*grid.shape, array.shape[-1]).astype(np.float64)


def _best(q: NDArray[np.float64], allowed: Any) -> NDArray[np.float64]:
    """1 for each best action, where not all are equally good."""
    ranked = q if allowed is None else np.where(allowed, q, -np.inf)
    scale = np.ptp(q) or 1.0
    best = ranked >= ranked.max(axis=1, keepdims=True) - EQUAL * scale
    best &= np.isfinite(ranked)
    return np.asarray(best & ~best.all(axis=1, keepdims=True), np.float64)


def _draw_arrows(ax: Axes, grid: NDArray[np.float64], arrows: NDArray[np.float64], moves: str, shown: Any) -> None:
    """Arrows from the middle of each cell, dark on bright cells and bright on dark ones."""
    rows, columns, actions = np.nonzero((arrows > 0) & np.isfinite(grid)[:, :, None])
    if not len(rows):
        return
    length = 0.38 * arrows[rows, columns, actions] / max(1.0, arrows.max())
    steps = np.array([DIRECTIONS[move] for move in moves], np.float64)[actions]
    red, green, blue = np.moveaxis(shown.cmap(shown.norm(grid[rows, columns]))[:, :3], 1, 0)
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.55
    several = (arrows > 0).sum(axis=2)[rows, columns] > 1
    back = np.where(several, 0.0, 0.5)  # a single arrow stands in the middle, several ones begin there
    x, y = columns - back * length * steps[:, 0] * 1.6, rows + back * length * steps[:, 1] * 1.6
    reach = np.where(several, 1.0, 1.6) * length
    ax.quiver(
        x,
        y,
        reach * steps[:, 0],
        -reach * steps[:, 1],
        color=np.where(bright[:, None], [[0.05, 0.05, 0.05, 0.9]], [[1.0, 1.0, 1.0, 0.92]]),
        angles="xy",
        scale_units="xy",
        scale=1,
        units="xy",
        width=0.055,
        headwidth=4.2,
        headlength=4.0,
        headaxislength=3.6,
        minlength=0,
        zorder=3,
    )


def returns(history: Any, ax: Axes | None = None, *, window: int | None = None) -> Axes:
    """Draw the returns of episodes while agents learned.

    Parameters
    ----------
    history : agent, mapping or sequence
        An agent (its ``history_``), a history (``timesteps`` and ``return``), or the returns alone, episode by
        episode. A list of such is drawn as one curve, the median of the runs, with a band from quartile to quartile; a
        mapping of names to any of these as one curve each.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    window : int, optional
        How many entries, before and behind, each point is the mean of; by default a twentieth of a run. Those of a
        single run stand behind it, faint.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    named = history if _is_named(history) else {"": history}
    curves = {str(name): _runs(runs) for name, runs in named.items()}
    if window is not None and window < 1:
        raise ValueError(f"window must be at least 1, but is {window}")
    ax = make_axes(ax, 6.4, 3.6)
    steps = all(has_steps for _, has_steps in curves.values())
    for name, (runs, _) in curves.items():
        _draw_curve(ax, runs, name, window)
    ax.set(xlabel="environment steps" if steps else "episode", ylabel="return of an episode")
    if steps:
        from matplotlib.ticker import EngFormatter

        ax.xaxis.set_major_formatter(EngFormatter(sep=" "))
    if any(curves):
        ax.legend(frameon=False)
    ax.margins(x=0.01)
    thin_spines(ax, "left", "bottom")
    return ax


Run = tuple["NDArray[np.float64]", "NDArray[np.float64]"]  # steps or episodes, returns


def _is_named(history: Any) -> bool:
    return isinstance(history, Mapping) and "return" not in history


def _runs(history: Any) -> tuple[list[Run], bool]:
    """Runs of one curve, and whether they know the steps."""
    several = isinstance(history, Sequence) and len(history) > 0 and not np.isscalar(history[0])
    found = [_run(one) for one in history] if several else [_run(history)]
    return [run for run, _ in found], all(has_steps for _, has_steps in found)


def _run(history: Any) -> tuple[Run, bool]:
    history = getattr(history, "history_", history)
    if isinstance(history, Mapping):
        if "return" not in history:
            raise ValueError(f"history must have 'return', but has {', '.join(map(repr, history)) or 'nothing'}")
        y = np.asarray(history["return"], np.float64)
        x = np.asarray(history.get("timesteps", np.arange(1, len(y) + 1)), np.float64)
        has_steps = "timesteps" in history
    else:
        y = np.asarray(history, np.float64)
        x, has_steps = np.arange(1.0, y.size + 1), False
    if y.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"history must have one return per entry, but has {y.shape} for {x.shape}")
    kept = np.isfinite(y)
    if not kept.any():
        raise ValueError("history must have a finite return at least: no episode has ended")
    return (x[kept], y[kept]), has_steps


def _draw_curve(ax: Axes, runs: list[Run], name: str, window: int | None) -> None:
    smooth = [(x, _running_mean(y, window or max(1, len(y) // 20))) for x, y in runs]
    if len(runs) == 1:
        (line,) = ax.plot(*smooth[0], linewidth=1.8, label=name or None)
        if len(runs[0][0]) > 1:
            ax.plot(*runs[0], color=line.get_color(), linewidth=0.7, alpha=0.35, zorder=line.get_zorder() - 0.5)
        else:
            line.set_marker("o")
        return
    grid = np.linspace(max(x[0] for x, _ in smooth), min(x[-1] for x, _ in smooth), 400)
    low, middle, high = np.quantile([np.interp(grid, x, y) for x, y in smooth], [0.25, 0.5, 0.75], axis=0)
    (line,) = ax.plot(grid, middle, linewidth=1.8, label=name or None)
    ax.fill_between(grid, low, high, color=line.get_color(), alpha=0.2, linewidth=0)


def _running_mean(y: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Mean of the `window` entries around each; of fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(y)])
    at = np.arange(len(y))
    begins, ends = np.maximum(0, at - window // 2), np.minimum(len(y), at + (window + 1) // 2)
    return np.asarray((sums[ends] - sums[begins]) / (ends - begins))
