from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._axes import make_axes, thin_spines
from ._labels import place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nncore.text import KeyedVectors

# Safe for the colour-blind (Okabe & Ito), and dark enough for text.
_COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8A6D00", "#56B4E9", "#000000"]


def embedding(
    vectors: Any,
    words: Sequence[str] | None = None,
    ax: Axes | None = None,
    *,
    method: str = "pca",
    groups: Sequence[Any] | None = None,
    label: bool = True,
    fontsize: float = 8.0,
    random_state: int = 0,
) -> Axes:
    """Draw a map of words: similar words lie near each other, as far as two dimensions can show it.

    Parameters
    ----------
    vectors : KeyedVectors, or array of shape (n, d)
        Where the words' vectors are, or the vectors themselves. Those of a KeyedVectors get the length 1 first.
    words : sequence of str, optional
        The words to draw; for an array what to call its rows. By default the first 60 keys, or nothing.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    method : {"pca", "tsne"}
        The plane in which the vectors spread most, or scikit-learn's t-SNE, which keeps neighbours together and
        distorts distances.
    groups : sequence, optional
        For each word what it belongs to; each group has a colour, named in a legend.
    label : bool
        Write the words. One that has no room left is only a dot; earlier words choose first.
    fontsize : float
        Of the words, in points.
    random_state : int
        For t-SNE.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    KeyError
        A word is not there. The message names it.
    ValueError
        There are fewer than two words, the numbers of words, rows or groups differ, a vector is not finite, or
        `method` is another word.
    ImportError
        t-SNE without scikit-learn.
    """
    rows, names = _chosen(vectors, words)
    if groups is not None and len(groups) != len(rows):
        raise ValueError(f"groups must have one entry for each of the {len(rows)} words, got {len(groups)}")
    if method not in ("pca", "tsne"):
        raise ValueError(f"method must be 'pca' or 'tsne', got {method!r}")
    if method == "pca":
        points, shares = _plane(rows)
        names_of_axes = [f"component {i + 1} ({share:.0%})" for i, share in enumerate(shares)]
    else:
        points, names_of_axes = _neighbours(rows, random_state), ["t-SNE 1", "t-SNE 2"]
    ax = make_axes(ax, 7.2, 5.6)
    members = list(range(len(rows))) if groups is None else [list(dict.fromkeys(groups)).index(g) for g in groups]
    colors = [_COLORS[0] if groups is None else _COLORS[member % len(_COLORS)] for member in members]
    if groups is None:
        ax.scatter(points[:, 0], points[:, 1], s=9, color=colors, linewidths=0)
    else:
        for number, group in enumerate(dict.fromkeys(groups)):
            inside = np.array(members) == number
            ax.scatter(
                points[inside, 0],
                points[inside, 1],
                s=9,
                color=_COLORS[number % len(_COLORS)],
                linewidths=0,
                label=str(group),
            )
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), handletextpad=0.2)
    _frame(ax, points, *names_of_axes)
    if label and names:
        place_labels(ax, points, names, colors if groups is not None else ["0.15"] * len(names), fontsize=fontsize)
    return ax


def analogy(
    vectors: KeyedVectors, a: str, b: str, c: str, d: str | None = None, ax: Axes | None = None, *, fontsize: float = 10
) -> Axes:
    """Draw an analogy, "a is to b as c is to d", as two arrows in the plane where the four words spread most.

    The better the analogy, the more the arrows are parallel and equally long. A cross is where b − a + c lies.

    Parameters
    ----------
    vectors : KeyedVectors
        Where the words' vectors are. They get the length 1 first.
    a, b, c : str
        The words.
    d : str, optional
        By default the answer of ``vectors.most_similar([b, c], [a])``.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    fontsize : float
        Of the words, in points.

    Returns
    -------
    ax : matplotlib Axes
        The title gives the cosine between d and b − a + c.

    Raises
    ------
    KeyError
        A word is not there. The message names it.
    """
    if d is None:
        d = vectors.most_similar([b, c], [a], topn=1)[0][0]
    words = [a, b, c, d]
    rows = np.stack([vectors.get_vector(word, norm=True) for word in words]).astype(np.float64)
    target = rows[1] - rows[0] + rows[2]
    length = float(np.linalg.norm(target))
    cosine = float(rows[3] @ target / length) if length else 0.0
    points, _ = _plane(np.vstack([rows, target]), fit=4)
    points *= np.where(points[1] < points[0], -1, 1)  # the first arrow points up and to the right
    ax = make_axes(ax, 5.6, 4.4)
    for begin, end, color in ((0, 1, _COLORS[0]), (2, 3, _COLORS[1])):
        ax.annotate(
            "",
            points[end],
            points[begin],
            arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.8, "shrinkA": 3, "shrinkB": 3},
        )
    for begin, end in ((0, 2), (1, 3)):
        ax.plot(*points[[begin, end]].T, color="0.7", linewidth=0.8, linestyle="--", zorder=0)
    ax.scatter(points[:4, 0], points[:4, 1], s=22, color=[_COLORS[0], _COLORS[0], _COLORS[1], _COLORS[1]], zorder=3)
    ax.scatter(points[4:, 0], points[4:, 1], s=45, color="0.4", marker="x", linewidths=1.4, zorder=3)
    _frame(ax, points, "", "", equal=True)
    ax.set_title(f"{a} : {b} = {c} : {d}   (cosine {cosine:.2f})", fontsize=10)
    names, colors = [*words, f"{b} − {a} + {c}"], [*[_COLORS[0]] * 2, *[_COLORS[1]] * 2, "0.4"]
    lines = [points[[begin, end]] for begin, end in ((0, 1), (2, 3), (0, 2), (1, 3))]
    place_labels(ax, points, names, colors, fontsize=fontsize, lines=lines, radius=3.5)
    return ax


def frequency_rank(counts: Any, ax: Axes | None = None, *, fit: bool = True, examples: bool = True) -> Axes:
    """Draw how often words occur over their rank, both on scales of logarithms (Zipf 1935: a line of slope −1).

    Parameters
    ----------
    counts : Vocabulary, KeyedVectors, mapping of str to int, or array of int
        How often each word occurs; of a KeyedVectors the attribute "count". Words that never occur are left out.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    fit : bool
        Draw the power law that fits best, every doubling of the rank counting the same.
    examples : bool
        Write the words of rank 1, 10, 100, … where they are known.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ValueError
        Nothing occurs, or a count is negative.
    """
    frequencies, words = _frequencies(counts)
    ranks = np.arange(1, len(frequencies) + 1)
    shown = np.unique(np.geomspace(1, len(ranks), 600).astype(np.int64)) - 1
    ax = make_axes(ax, 6.0, 4.2)
    ax.set(xscale="log", yscale="log", xlabel="rank", ylabel="occurrences")
    ax.plot(ranks[shown], frequencies[shown], color=_COLORS[0], linewidth=0.8)
    ax.scatter(ranks[shown], frequencies[shown], s=7, color=_COLORS[0], linewidths=0)
    if fit and len(shown) > 1:
        slope, offset = np.polyfit(np.log(ranks[shown]), np.log(frequencies[shown]), 1)
        label = rf"$\propto\,\mathrm{{rank}}^{{{slope:.2f}}}$"
        ends = np.array([1, len(ranks)])
        ax.plot(ends, np.exp(offset + slope * np.log(ends)), color="0.5", linewidth=0.9, linestyle="--", label=label)
        ax.legend(frameon=False)
    thin_spines(ax, "left", "bottom")
    if examples and words is not None:
        some = [rank - 1 for rank in 10 ** np.arange(8) if rank <= len(ranks)]
        points = np.stack([ranks[some], frequencies[some]], axis=1)
        ax.scatter(points[:, 0], points[:, 1], s=18, color=_COLORS[1], zorder=3)
        curve = np.stack([ranks[shown], frequencies[shown]], axis=1)
        names = [str(words[index]) for index in some]
        place_labels(ax, points, names, ["0.15"] * len(some), fontsize=9, lines=[curve], radius=3)
    return ax


def _chosen(vectors: Any, words: Sequence[str] | None) -> tuple[NDArray[np.float64], list[str]]:
    """Vectors of the words, and what to call them."""
    if hasattr(vectors, "get_vector"):
        names = list(vectors.index_to_key[:60] if words is None else words)
        empty = np.empty((0, 1))
        rows = np.stack([vectors.get_vector(word, norm=True) for word in names]) if names else empty
    else:
        if hasattr(vectors, "wv"):
            raise TypeError(f"vectors must be a KeyedVectors or an array, got a {type(vectors).__name__}: give its .wv")
        rows = np.asarray(vectors)
        if rows.ndim != 2:
            raise ValueError(f"vectors must be a KeyedVectors or have shape (n, d), got shape {rows.shape}")
        names = [] if words is None else list(words)
        if names and len(names) != len(rows):
            raise ValueError(f"words must name each of the {len(rows)} vectors, got {len(names)}")
    if len(rows) < 2:
        raise ValueError(f"there must be at least 2 words to draw, got {len(rows)}")
    if not np.isfinite(rows).all():
        raise ValueError("vectors must be finite, got NaN or infinity")
    return rows.astype(np.float64), [str(name) for name in names]


def _plane(rows: NDArray[np.float64], fit: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates in the plane in which the first `fit` rows spread most, and its axes' shares of their variance."""
    mean = rows[:fit].mean(axis=0)
    _, values, axes = np.linalg.svd(rows[:fit] - mean, full_matrices=False)
    # A singular vector has no sign of its own: the largest entry is made positive, so that a map stays as it is.
    axes = axes[:2] * np.sign(axes[np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(axis=1)] + 1e-300)[:, None]
    points = np.zeros((len(rows), 2))
    points[:, : len(axes)] = (rows - mean) @ axes.T
    shares = np.zeros(2)
    shares[: len(axes)] = values[:2] ** 2 / ((values**2).sum() or 1.0)
    return points, shares


def _neighbours(rows: NDArray[np.float64], random_state: int) -> NDArray[np.float64]:
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise ImportError("method='tsne' needs scikit-learn: pip install 'nncore[sklearn]'") from error
    perplexity = min(30.0, max(1.0, (len(rows) - 1) / 3))
    start, _ = _plane(rows)
    start *= 1e-4 / (start[:, 0].std() or 1.0)
    made = TSNE(perplexity=perplexity, init=start, random_state=random_state).fit_transform(rows)
    return np.asarray(made, np.float64)


def _frame(ax: Axes, points: NDArray[Any], x: str, y: str, *, equal: bool = False) -> None:
    """Limits with room for labels, and no more than the axes' names."""
    low, high = points.min(axis=0), points.max(axis=0)
    most = max(1e-6, (high - low).max())
    room = np.array([0.3, 0.15]) * most if equal else np.maximum((high - low) * [0.14, 0.08], 0.02 * most)
    ax.set(xlim=(low[0] - room[0], high[0] + room[0]), ylim=(low[1] - room[1], high[1] + room[1]), xlabel=x, ylabel=y)
    if equal:
        ax.set_aspect("equal")
    ax.set(xticks=[], yticks=[])
    thin_spines(ax, "left", "bottom", "right", "top")


def _frequencies(counts: Any) -> tuple[NDArray[np.float64], list[Any] | None]:
    """Counts in descending order, without zeros, and their words where they are known."""
    words: list[Any] | None = None
    if isinstance(counts, Mapping):
        words, values = list(counts), np.fromiter(counts.values(), np.float64, len(counts))
    elif hasattr(counts, "get_vecattr"):
        if "count" not in counts.expandos:
            raise ValueError("counts: these KeyedVectors have no attribute 'count'")
        words, values = counts.index_to_key, np.asarray(counts.expandos["count"], np.float64)
    elif hasattr(counts, "counts") and hasattr(counts, "index_to_key"):
        words, values = counts.index_to_key, np.asarray(counts.counts, np.float64)
    else:
        values = np.asarray(counts, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or (values < 0).any() or not (values > 0).any():
        raise ValueError("counts must be one number of at least 0 per word, and not all 0")
    order = np.argsort(-values, kind="stable")[: np.count_nonzero(values)]
    return values[order], None if words is None else [words[index] for index in order]
