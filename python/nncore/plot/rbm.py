from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import make_axes, thin_spines

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def filters(
    source: Any,
    ax: Axes | None = None,
    *,
    n: int = 36,
    shape: tuple[int, int] | None = None,
    cmap: str = "RdBu_r",
) -> Axes:
    """Draw the weights of hidden units as images, those of the greatest norm first.

    Parameters
    ----------
    source : array of shape (n_components, n_features), or object with such `components_`
        An `RBM`, or what else has components.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    n : int, default=36
        Most units that are drawn.
    shape : (height, width), optional
        Of an image; by default a square.
    cmap : str, default="RdBu_r"
        Colours, whose middle is a weight of 0.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ValueError
        If the weights are not finite, or not images of this shape.
    """
    given = getattr(source, "components_", source)
    weights = np.asarray(given, np.float64) if isinstance(given, (np.ndarray, list, tuple)) else np.empty(0)
    if weights.ndim != 2 or weights.size == 0 or not np.isfinite(weights).all():
        raise ValueError(
            f"source must have components of shape (n, n_features), all finite, but came as {weights.shape}"
        )
    if not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"n must be an integer of at least 1, but is {n!r}")
    shape = shape or (math.isqrt(weights.shape[1]),) * 2
    if len(shape) != 2:
        raise ValueError(f"shape must be (height, width), but is {shape}")
    height, width = shape
    if height * width != weights.shape[1]:
        raise ValueError(f"shape must be that of images of {weights.shape[1]} features, but is {(height, width)}")
    order = np.argsort(-np.linalg.norm(weights, axis=1), kind="stable")[:n]
    columns = math.ceil(math.sqrt(len(order)))
    rows = math.ceil(len(order) / columns)
    gap = max(1, round(0.08 * max(height, width)))
    mosaic = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for place, unit in enumerate(order):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        mosaic[top : top + height, left : left + width] = weights[unit].reshape(height, width)

    ax = make_axes(ax, min(8.0, 1.0 + 0.75 * columns), min(8.0, 0.4 + 0.75 * rows * height / width))
    limit = float(np.quantile(np.abs(weights[order]), 0.995)) or 1.0  # a few weights do not make the others pale
    shown = ax.imshow(mosaic, cmap=cmap, vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    thin_spines(ax)
    bar = ax.figure.colorbar(shown, ax=ax, label="weight", shrink=0.6, extend="both")
    bar.outline.set_visible(False)
    return ax


def free_energy(source: Any, ax: Axes | None = None) -> Axes:
    """Draw how far the free energy of held-out samples is above that of training samples, or how energies are spread.

    Parameters
    ----------
    source : object with `history_`, mapping of history, or mapping of str to array of shape (n,)
        An `RBM` that was fitted with held-out samples, or its `history_`: the gap after each pass, which rises as the
        machine learns its samples by heart. Or free energies under a name for each set of samples: their histograms.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ValueError
        If there is no gap in the history, or there are no finite energies.
    """
    history = getattr(source, "history_", source)
    if not isinstance(history, Mapping):
        raise ValueError(f"source must be a fitted RBM, its history_ or energies under names, but is {source!r}")
    if "free_energy_gap" in history:
        return _gap(history["free_energy_gap"], ax)
    if history is not source or "reconstruction_error" in history:
        raise ValueError(
            "source must have a 'free_energy_gap' in its history_: fit it with X_val=, or early_stopping=True"
        )
    return _histograms({name: np.asarray(values, np.float64).reshape(-1) for name, values in history.items()}, ax)


def _gap(gap: Any, ax: Axes | None) -> Axes:
    ax = make_axes(ax, 5.0, 3.2)
    from matplotlib.ticker import MaxNLocator

    passes = np.arange(1, len(gap) + 1)
    ax.axhline(0, color="0.7", linewidth=0.8)
    ax.plot(passes, gap, marker="o" if len(gap) < 30 else None, markersize=3)
    ax.set_xlabel("pass over the samples")
    ax.set_ylabel("F held out − F trained on (nats)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    thin_spines(ax, "left", "bottom")
    return ax


def _histograms(energies: Mapping[str, Any], ax: Axes | None) -> Axes:
    if not energies or not all(values.size and np.isfinite(values).all() for values in energies.values()):
        raise ValueError("source must have finite energies under each name")
    ax = make_axes(ax, 5.0, 3.2)
    every = np.concatenate(list(energies.values()))
    bins = np.histogram_bin_edges(every, bins=min(60, max(10, len(every) // 20)))
    for name, values in energies.items():
        ax.hist(values, bins=list(bins), density=True, alpha=0.5, label=name)
    ax.set_xlabel("free energy (nats)")
    ax.set_ylabel("density")
    ax.legend(frameon=False)
    thin_spines(ax, "left", "bottom")
    return ax
