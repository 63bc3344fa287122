from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._axes import make_axes, thin_spines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike


def hinton(matrix: ArrayLike, ax: Axes | None = None) -> Axes:
    """Draw a matrix as squares: area for size, white for positive, black for negative (Hinton diagram).

    Parameters
    ----------
    matrix : array of shape (rows, columns)
        The weights. The largest absolute value fills its cell.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    ax : matplotlib Axes
        Row 0 is at the top. The title-free axes show row and column numbers.

    Raises
    ------
    ValueError
        `matrix` is not of rank 2, is empty or holds NaN or infinity.
    """
    weights = np.asarray(matrix, np.float64)
    if weights.ndim != 2 or weights.size == 0:
        raise ValueError(f"matrix must have shape (rows, columns), none of them 0, got {weights.shape}")
    if not np.isfinite(weights).all():
        raise ValueError("matrix must be finite, got NaN or infinity")
    rows, columns = weights.shape
    ax = make_axes(ax, min(8.0, 1.0 + 0.3 * columns), min(8.0, 1.0 + 0.3 * rows))
    from matplotlib.collections import PolyCollection
    from matplotlib.ticker import MaxNLocator

    ax.set_facecolor("0.5")
    # sqrt: the eye compares areas. 0.95 keeps the largest neighbours apart.
    side = 0.95 * np.sqrt(np.abs(weights) / (np.abs(weights).max() or 1.0))
    y, x = np.mgrid[:rows, :columns]
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    squares = np.stack([x, y], -1)[..., None, :] + side[..., None, None] * corners
    for shown, colour in ((weights > 0, "white"), (weights < 0, "black")):
        ax.add_collection(PolyCollection(list(squares[shown]), facecolors=colour, edgecolors="none"))
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal", xlabel="column", ylabel="row")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    thin_spines(ax)
    return ax
