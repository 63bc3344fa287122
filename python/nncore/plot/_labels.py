from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

# Where a label may stand: directions in the order of preference, and points from the dot; beyond NEAR it gets a line.
_DIRECTIONS = [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (0.8, 0.8), (-0.8, 0.8), (0.8, -0.8), (-0.8, -0.8)]
_DISTANCES = (2.0, 7.0, 13.0, 20.0, 28.0)
_NEAR = 7.0


def place_labels(
    ax: Axes,
    points: NDArray[Any],
    labels: Sequence[str],
    colors: Sequence[Any],
    *,
    fontsize: float,
    lines: Sequence[NDArray[Any]] = (),
    radius: float = 2.0,
) -> list[Any]:
    """Write labels beside points of an Axes so that they overlap neither each other nor the points.

    A label that finds no room stays away: its point is there to see, and a heap of letters is not.

    Parameters
    ----------
    points : array of shape (n, 2)
        In data coordinates; the limits of the axes must be set.
    labels : sequence of str
        One for each point; earlier ones choose first.
    lines : sequence of array of shape (m, 2)
        What else must not be written over, in data coordinates.
    radius : float
        Of the points, in points of the typographer.

    Returns
    -------
    written : list of matplotlib Annotation
    """
    figure: Any = getattr(ax.figure, "figure", None) or ax.figure  # the whole one, of a part of a figure
    figure.draw_without_rendering()  # which also lays the figure out
    scale = figure.dpi / 72
    pixels = ax.transData.transform(points)
    frame = ax.get_window_extent()
    around = radius * scale
    taken = np.concatenate([pixels - around, pixels + around], axis=1)  # left, bottom, right, top
    for line in lines:
        dense = _dense(ax.transData.transform(line), 4 * scale)
        taken = np.vstack([taken, np.concatenate([dense - scale, dense + scale], axis=1)])
    written = []
    for place, point, label, color in zip(pixels, points, labels, colors, strict=True):
        note = ax.annotate(
            label,
            point,
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            color=color,
            fontsize=fontsize,
        )
        extent = note.get_window_extent()
        half = np.array([extent.width, extent.height]) / 2
        found = _free_place(place, half, taken, frame, scale, radius)
        if found is None:
            note.remove()
            continue
        centre, distance = found
        note.set_position(tuple((centre - place) / scale))
        taken = np.vstack([taken, np.concatenate([centre - half, centre + half])])
        if distance > _NEAR:
            ax.annotate(
                "",
                point,
                xytext=tuple((_edge(centre, half, place) - place) / scale),
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2},
            )
        written.append(note)
    return written


def _free_place(
    place: NDArray[Any], half: NDArray[Any], taken: NDArray[Any], frame: Any, scale: float, radius: float
) -> tuple[NDArray[Any], float] | None:
    for distance in _DISTANCES:
        for x, y in _DIRECTIONS:
            centre = place + np.array([x, y]) * (distance + radius) * scale + np.sign([x, y]) * half
            left, bottom = centre - half
            right, top = centre + half
            inside = left >= frame.x0 and right <= frame.x1 and bottom >= frame.y0 and top <= frame.y1
            overlaps = (taken[:, 0] < right) & (taken[:, 2] > left) & (taken[:, 1] < top) & (taken[:, 3] > bottom)
            if inside and not overlaps.any():
                return centre, distance
    return None


def _dense(line: NDArray[Any], step: float) -> NDArray[Any]:
    """Points along a line, so near to each other that no letter fits between them."""
    parts = [line[:1]]
    for begin, end in itertools.pairwise(line):
        count = int(np.hypot(*(end - begin)) / step) + 1
        parts.append(begin + (end - begin) * np.linspace(0, 1, count + 1)[1:, None])
    return np.vstack(parts)


def _edge(centre: NDArray[Any], half: NDArray[Any], towards: NDArray[Any]) -> NDArray[Any]:
    """Where the line from the middle of a label leaves it."""
    way = towards - centre
    steps = [h / abs(w) for h, w in zip(half, way, strict=True) if w]
    return np.asarray(centre + way * min(steps, default=math.inf))
