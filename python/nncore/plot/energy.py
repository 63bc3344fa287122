from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import make_axes, thin_spines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

CLIFF = 0.138  # memories a unit that Hebb's rule recalls, for many units (Amit, Gutfreund & Sompolinsky 1985)
MOST_IMAGES = 12  # in a row of a strip


def recall(
    path: ArrayLike,
    ax: Axes | None = None,
    *,
    shape: tuple[int, int] | None = None,
    rows: Sequence[str] | None = None,
    cmap: str = "gray",
) -> Axes:
    """Draw the states of a recall as strips of images, from the first on the left to the last.

    Parameters
    ----------
    path : array of shape (steps + 1, n_features) or (steps + 1, n_samples, n_features)
        As `Hopfield.recall` and `ModernHopfield.recall` return it with ``return_path=True``.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    shape : (height, width), optional
        Of an image; by default a square.
    rows : sequence of str, optional
        A name for each sample.
    cmap : str, default="gray"
        Colours, from the least to the greatest value.

    Returns
    -------
    ax : matplotlib Axes
        Of more than 12 steps, 12 are drawn, the first and the last among them.

    Raises
    ------
    ValueError
        If there is nothing to draw, or the features are not images of this shape.
    """
    states = np.asarray(path, np.float64)
    states = states[:, None] if states.ndim == 2 else states
    if states.ndim != 3 or states.size == 0 or not np.isfinite(states).all():
        raise ValueError(
            "path must have shape (steps + 1, n_features) or (steps + 1, n_samples, n_features) and be finite, but "
            f"came as {np.shape(path)}"
        )
    steps, samples, features = states.shape
    height, width = shape or (math.isqrt(features),) * 2
    if height * width != features:
        raise ValueError(f"shape must be that of images of {features} features, but is {(height, width)}")
    if rows is not None and len(rows) != samples:
        raise ValueError(f"rows must have a name for each of the {samples} samples, but has {len(rows)}")
    shown = np.unique(np.linspace(0, steps - 1, min(steps, MOST_IMAGES)).round().astype(int))
    images = states[shown].reshape(len(shown), samples, height, width)

    gap = max(1, round(0.08 * max(height, width)))
    pitch = np.array([height + gap, width + gap])
    mosaic = np.full((samples * pitch[0] - gap, len(shown) * pitch[1] - gap), np.nan)
    for column, sample in np.ndindex(len(shown), samples):
        top, left = sample * pitch[0], column * pitch[1]
        mosaic[top : top + height, left : left + width] = images[column, sample]
    ax = make_axes(ax, min(10.0, 1.0 + 0.95 * len(shown)), min(9.0, 0.7 + 0.95 * samples * height / width))
    ax.imshow(np.ma.masked_invalid(mosaic), cmap=cmap, interpolation="nearest", aspect="equal")
    ax.set_xticks(np.arange(len(shown)) * pitch[1] + (width - 1) / 2, [str(step) for step in shown])
    ax.set_yticks(np.arange(samples) * pitch[0] + (height - 1) / 2, list(rows) if rows is not None else [""] * samples)
    ax.set_xlabel("sweep")
    thin_spines(ax)
    ax.tick_params(length=0)
    for column, sample in np.ndindex(len(shown), samples):
        _frame(ax, column * pitch[1], sample * pitch[0], width, height)
    return ax


def _frame(ax: Axes, left: float, top: float, width: int, height: int) -> None:
    """A thin line around an image, so that a bright one has an edge on a bright page."""
    from matplotlib.patches import Rectangle

    ax.add_patch(
        Rectangle((left - 0.5, top - 0.5), width, height, fill=False, linewidth=0.6, edgecolor="0.6", clip_on=False)
    )


def energy(energies: ArrayLike | Mapping[str, ArrayLike], ax: Axes | None = None, *, label: str = "sweep") -> Axes:
    """Draw how the energy of states falls during recall.

    Parameters
    ----------
    energies : array of shape (steps + 1,) or (steps + 1, n_samples), or mapping
        Energy after each sweep, ``[net.energy(states) for states in path]``; or names with such arrays.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    label : str, default="sweep"
        Of the axis.

    Returns
    -------
    ax : matplotlib Axes
        A line for each sample, up to a dot where it has come to rest.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    named: Mapping[str, Any] = energies if isinstance(energies, Mapping) else {"": energies}
    if not named:
        raise ValueError("energies must have at least one array, but has none")
    curves = {name: np.asarray(values, np.float64) for name, values in named.items()}
    for values in curves.values():
        if values.ndim not in (1, 2) or values.size == 0 or not np.isfinite(values).all():
            raise ValueError(
                f"energies must have shape (steps + 1,) or (steps + 1, n_samples) and be finite, but came as "
                f"{values.shape}"
            )
    ax = make_axes(ax, 6.4, 3.6)
    for name, values in curves.items():
        lines = values.reshape(len(values), -1)
        rest = np.argmax(lines == lines[-1], axis=0)  # where the last value first stood
        ends = lines[-1]
        lines = np.where(np.arange(len(lines))[:, None] > rest, np.nan, lines)
        drawn = ax.plot(lines[:, :1], linewidth=1.4, alpha=0.8, label=name or None)
        drawn += ax.plot(lines[:, 1:], color=drawn[0].get_color(), linewidth=1.4, alpha=0.8)
        ax.plot(rest, ends, "o", color=drawn[0].get_color(), markersize=5)
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel=label, ylabel="energy E(x)")
    if any(curves):
        ax.legend(frameon=False)
    thin_spines(ax, "left", "bottom")
    return ax


def capacity(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    ax: Axes | None = None,
    *,
    n_features: int = 1000,
    loads: ArrayLike | None = None,
    random_state: Any = 0,
    verbose: int = 0,
) -> Axes:
    """Draw how well Hopfield networks of random memories recall, against the number of memories a unit.

    Parameters
    ----------
    curves : mapping of str to (loads, overlap), optional
        Measured by `nncore.energy.retrieval_overlap`, each overlap of shape (n_loads,) or (n_loads, n_networks). By
        default Hebb's rule is measured here, for asynchronous and synchronous recall, with what follows.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    n_features : int, default=1000
        Units of the networks.
    loads : array-like of float, optional
        Memories a unit; by default 24 from 0.05 to 0.2.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=0
    verbose : int, default=0
        1 shows progress bars.

    Returns
    -------
    ax : matplotlib Axes
        A line is the mean of the networks, its band from the worst to the best. Theory's border for Hebb's rule and
        many units, p/d = 0.138, is marked.

    Raises
    ------
    ValueError
        If the curves are not what they must be.
    """
    if curves is None:
        from nncore.energy import retrieval_overlap

        at = np.linspace(0.05, 0.2, 24) if loads is None else np.atleast_1d(np.asarray(loads, np.float64))
        measured = {"asynchronous": "async", "synchronous": "sync"}
        curves = {
            name: (
                at,
                retrieval_overlap(at, n_features, mode=mode, random_state=random_state, verbose=verbose),
            )
            for name, mode in measured.items()
        }
    if not curves:
        raise ValueError("curves must have at least one, but has none")
    lines = {name: _measured(name, *pair) for name, pair in curves.items()}
    ax = make_axes(ax, 6.4, 3.8)
    ax.axvline(CLIFF, color="0.55", linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    ax.annotate(
        f"{CLIFF}", (CLIFF, 0.02), xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points",
        color="0.4", fontsize="small",
    )  # fmt: skip
    for name, (x, overlap) in lines.items():
        (line,) = ax.plot(x, overlap.mean(axis=1), linewidth=1.8, marker="o", markersize=3.5, label=name, zorder=3)
        if overlap.shape[1] > 1:
            ax.fill_between(x, overlap.min(axis=1), overlap.max(axis=1), color=line.get_color(), alpha=0.2, linewidth=0)
    ax.set(xlabel="memories per unit, p/d", ylabel="overlap with the memory")
    ax.set_ylim(min(0.0, *(float(overlap.min()) for _, overlap in lines.values())), 1.03)
    ax.legend(frameon=False, loc="lower left")
    thin_spines(ax, "left", "bottom")
    return ax


def _measured(name: str, loads: ArrayLike, overlap: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.atleast_1d(np.asarray(loads, np.float64)), np.atleast_1d(np.asarray(overlap, np.float64))
    y = y[:, None] if y.ndim == 1 else y
    if (
        x.ndim != 1
        or y.ndim != 2
        or len(x) != len(y)
        or y.size == 0
        or not (np.isfinite(x).all() and np.isfinite(y).all())
    ):
        raise ValueError(
            f"curves must have finite loads (n,) and overlaps (n, n_networks), but those of {name!r} came as {x.shape} "
            f"and {y.shape}"
        )
    order = np.argsort(x)
    return x[order], y[order]
