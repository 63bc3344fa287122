from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ._axes import make_axes, thin_spines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

Trace = Mapping[str, "ArrayLike"]

FIRST_CHOICE = ("forget_gate", "update_gate", "state")
SIGNED = "PuOr_r"  # purple below zero, orange above
OPEN = "cividis"


def gates(
    trace: Trace | Sequence[Trace],
    gate: str | None = None,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    *,
    sequence: int = 0,
    layer: int = 0,
    sort: bool = True,
    units: ArrayLike | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draw one gate of a recurrent layer over time: a row per hidden unit, a column per step.

    Parameters
    ----------
    trace : dict, or list of dict
        What ``net.trace(x)`` gives: arrays of shape (N, T, H) by name. Of a list, `layer` says which.
    gate : str, optional
        "input", "forget", "output" (LSTM), "reset", "update" (GRU), "candidate", "cell" or "state"; "forget_gate"
        is the same as "forget". By default the forget gate, the update gate or the state, whichever is there.
    labels : str or sequence of str, optional
        The T inputs (characters, words) to write under the columns. Fewer than T show only their own steps, as for a
        padded sequence.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    sequence : int
        Which of the N sequences.
    layer : int
        Which of the layers, when `trace` is a list.
    sort : bool
        Order the units by their mean over time, so that units that do the same lie together; False keeps their order.
    units : array of int, optional
        Draw only these units, in this order, whatever `sort` is: to compare the same ones in several pictures.
    colorbar : bool
        Show what the colours mean.

    Returns
    -------
    ax : matplotlib Axes
        Gates are drawn from 0 (closed, dark) to 1 (open, light); candidate, cell and state from purple (negative)
        to orange (positive).

    Raises
    ------
    ValueError
        `gate` is not in the trace, or there are more labels than steps.
    IndexError
        `layer`, `sequence` or one of `units` is out of range.
    """
    name, values = _units_over_time(trace, gate, sequence, layer)
    if labels is not None:
        if not 0 < len(labels) <= values.shape[1]:
            raise ValueError(f"labels must name 1 to {values.shape[1]} steps, got {len(labels)}")
        values = values[:, : len(labels)]
    n_units, steps = values.shape
    if units is not None:
        values = values[_chosen(units, n_units)]
    elif sort:
        values = values[np.argsort(values.mean(axis=1), kind="stable")]
    ax = make_axes(ax, float(np.clip(1.6 + 0.13 * steps, 5.0, 14.0)), 3.2)
    thin_spines(ax)
    is_gate = name.endswith("_gate")
    limit = 1.0 if is_gate or name != "cell" else float(np.abs(values).max() or 1.0)
    image = ax.imshow(
        values,
        aspect="auto",
        interpolation="nearest",
        cmap=OPEN if is_gate else SIGNED,
        vmin=0.0 if is_gate else -limit,
        vmax=limit,
    )
    ax.set_title(name.replace("_", " "), loc="left")
    _label_units(ax, len(values), n_units, sort or units is not None)
    _label_steps(ax, labels)
    if colorbar:
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.05, pad=0.01, aspect=16)
        bar.outline.set_visible(False)
        bar.ax.tick_params(width=0.6, length=3)
        bar.set_ticks([0.0, 0.5, 1.0] if is_gate else [-limit, 0.0, limit])
        bar.set_ticklabels(["0 closed", "0.5", "1 open"] if is_gate else [f"−{limit:.2g}", "0", f"+{limit:.2g}"])
    return ax


def cell_text(text: str, activations: ArrayLike, ax: Axes | None = None, *, width: int = 64) -> Axes:
    """Write a text in a grid, each character on the colour of one cell's value when it was read.

    Parameters
    ----------
    text : str
        The characters, newlines among them.
    activations : array of shape (len(text),)
        One value per character, for instance ``net.trace(ids)[0]["state"][0, :, 17]``.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    width : int
        The longest line; longer ones are broken.

    Returns
    -------
    ax : matplotlib Axes
        Purple is negative, white is zero, orange is positive; the colours span plus and minus the largest value.

    Raises
    ------
    ValueError
        `activations` does not have one finite value per character, `text` is empty or `width` is less than 1.
    """
    values = np.asarray(activations, np.float64)
    if not text or values.shape != (len(text),):
        raise ValueError(
            f"activations must have one value per character of a text that is not empty, shape ({len(text)},), "
            f"got {values.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("activations must be finite, got NaN or infinity")
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}")
    places = _places(text, width)
    rows = places[-1][0] + 1
    columns = max(column for _, column in places) + 1
    grid = np.full((rows, columns), np.nan)
    grid[tuple(np.transpose(places))] = values
    ax = make_axes(ax, 0.7 + 0.115 * columns, 0.4 + 0.21 * rows)
    limit = float(np.abs(values).max() or 1.0)
    image = ax.imshow(grid, aspect="auto", interpolation="nearest", cmap=SIGNED, vmin=-limit, vmax=limit)
    for character, (row, column), value in zip(text, places, values, strict=True):
        if not character.isspace():
            # The two ends of the map are dark.
            colour = "white" if abs(value) > 0.7 * limit else "black"
            ax.text(column, row, character, ha="center", va="center", family="monospace", fontsize=8, color=colour)
    ax.set(xticks=[], yticks=[])
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.03, pad=0.01, ticks=[-limit, 0.0, limit], label="activation")
    bar.ax.set_yticklabels([f"−{limit:.2g}", "0", f"+{limit:.2g}"])
    bar.outline.set_visible(False)
    thin_spines(ax)
    return ax


def _units_over_time(
    trace: Trace | Sequence[Trace], gate: str | None, sequence: int, layer: int
) -> tuple[str, NDArray[np.float64]]:
    if not isinstance(trace, Mapping):
        if not -len(trace) <= layer < len(trace):
            raise IndexError(f"layer must be one of the {len(trace)} recurrent layers of the trace, got {layer}")
        trace = trace[layer]
    if gate is None:
        gate = next((name for name in FIRST_CHOICE if name in trace), "state")
    name = gate if gate in trace else f"{gate}_gate"
    if name not in trace:
        raise ValueError(f"gate must be one of {', '.join(map(repr, trace))}, got {gate!r}")
    values = np.asarray(trace[name], np.float64)
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(f"trace[{name!r}] must have shape (N, T, H), none of them 0, got {values.shape}")
    if not -len(values) <= sequence < len(values):
        raise IndexError(f"sequence must be one of the {len(values)} sequences of the trace, got {sequence}")
    return name, values[sequence].T


def _chosen(units: ArrayLike, n_units: int) -> NDArray[np.int64]:
    chosen = np.asarray(units)
    if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu":
        raise ValueError(f"units must be a list of integers, not empty, got {units!r}")
    strange = chosen[(chosen < 0) | (chosen >= n_units)]
    if len(strange):
        raise IndexError(f"units must be at least 0 and below {n_units}, got {strange[0]}")
    return chosen.astype(np.int64)


def _label_units(ax: Axes, shown: int, n_units: int, moved: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    if moved:  # row numbers would not be the numbers of the units
        ax.set_yticks([])
        ax.set_ylabel(f"{shown if shown == n_units else f'{shown} of {n_units}'} hidden unit{'s' * (n_units > 1)}")
    else:
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylabel("hidden unit")


def _label_steps(ax: Axes, labels: Sequence[str] | None) -> None:
    if labels is None:
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("step")
        return
    shown = [label.replace("\n", "↵").replace("\t", "→") for label in labels]
    if all(len(label) <= 1 for label in shown):
        ax.set_xticks(range(len(shown)), shown, family="monospace")
    else:
        ax.set_xticks(range(len(shown)), shown, rotation=90)
    ax.tick_params(axis="x", length=0)


def _places(text: str, width: int) -> list[tuple[int, int]]:
    """Row and column of each character; a newline keeps the place at the end of its line."""
    places = []
    row = column = 0
    for character in text:
        if column == width and character != "\n":
            row, column = row + 1, 0
        places.append((row, column))
        row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
    return places
