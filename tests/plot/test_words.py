from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nncore import plot
from nncore.text import KeyedVectors

mpl = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")


def vectors(count=40, size=6):
    rows = np.random.default_rng(0).standard_normal((count, size)).astype(np.float32)
    return KeyedVectors.from_arrays([f"word{index}" for index in range(count)], rows, range(count, 0, -1))


def written(ax):
    return [note.get_text() for note in ax.texts if note.get_text()]


def dots(ax):
    return np.vstack([np.asarray(drawn.get_offsets()) for drawn in ax.collections])


def boxes(ax):
    ax.figure.draw_without_rendering()
    return [note.get_window_extent() for note in ax.texts if note.get_text()]


def test_a_map_shows_the_plane_of_the_greatest_spread():
    kv = vectors()
    points = dots(plot.embedding(kv))
    normed = kv.get_normed_vectors().astype(float)
    centred = normed - normed.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    assert_allclose(np.abs(points), np.abs(centred @ axes[:2].T), atol=1e-6)
    ax = plot.embedding(kv, ["word3", "word1", "word2"])
    assert len(dots(ax)) == 3
    assert set(written(ax)) <= {"word1", "word2", "word3"}
    assert ax.get_xlabel().startswith("component 1 (")


def test_labels_do_not_overlap_and_stay_inside():
    rows = np.random.default_rng(1).standard_normal((200, 2)) * [1, 0.01]  # far too many for the room
    ax = plot.embedding(rows, [f"a long label {index}" for index in range(200)])
    extents = boxes(ax)
    assert 10 < len(extents) < 200
    assert len(dots(ax)) == 200
    frame = ax.get_window_extent()
    for index, box in enumerate(extents):
        assert not any(box.overlaps(other) for other in extents[:index])
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1


def test_a_map_of_rows_needs_no_words():
    ax = plot.embedding(np.eye(3))
    assert len(dots(ax)) == 3
    assert not written(ax)
    assert not written(plot.embedding(vectors(), label=False))
    assert set(written(plot.embedding(np.eye(3), ["a", "b", "c"]))) == {"a", "b", "c"}
    assert len(dots(plot.embedding(np.array([[1.0], [2.0]]), ["a", "b"]))) == 2
    assert len(dots(plot.embedding(np.ones((3, 2)), ["a", "b", "c"]))) == 3


def test_groups_have_colours_and_a_legend():
    ax = plot.embedding(vectors(), ["word1", "word2", "word3"], groups=["x", "y", "x"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["x", "y"]
    assert [len(drawn.get_offsets()) for drawn in ax.collections] == [2, 1]
    colours = {note.get_text(): note.get_color() for note in ax.texts}
    assert colours["word1"] == colours["word3"] != colours["word2"]


def test_tsne_keeps_clusters_together():
    pytest.importorskip("sklearn", reason="t-SNE is scikit-learn's")
    rng = np.random.default_rng(0)
    rows = np.repeat(np.eye(3) * 10, 8, axis=0) + rng.standard_normal((24, 3)) / 10
    points = dots(plot.embedding(rows, method="tsne")).reshape(3, 8, 2)
    within = np.linalg.norm(points - points.mean(axis=1, keepdims=True), axis=-1).max()
    middles = points.mean(axis=1)
    assert within < min(np.linalg.norm(middles[0] - middles[1]), np.linalg.norm(middles[1] - middles[2]))


def test_an_analogy_is_a_parallelogram():
    rows = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]], np.float32)
    kv = KeyedVectors.from_arrays(["man", "king", "woman", "queen"], rows)
    ax = plot.analogy(kv, "man", "king", "woman")
    assert ax.get_title().startswith("man : king = woman : queen")
    assert set(written(ax)) == {"man", "king", "woman", "queen", "king − man + woman"}
    arrows = [note for note in ax.texts if note.arrow_patch is not None and not note.get_text()]
    assert len(arrows) >= 2
    points = dots(ax)
    assert_allclose(points[4] - points[2], points[1] - points[0], atol=1e-9)  # the cross is where the arrow would end
    for index, box in enumerate(boxes(ax)):
        assert not any(box.overlaps(other) for other in boxes(ax)[:index])
    with pytest.raises(KeyError, match="'rook'"):
        plot.analogy(kv, "man", "king", "rook")


def test_frequencies_over_ranks():
    counts = Counter({f"w{rank}": 1000 // rank for rank in range(1, 501)})
    ax = plot.frequency_rank(counts)
    line, fit = ax.lines
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert_allclose(line.get_xydata()[:3], [[1, 1000], [2, 500], [3, 333]])
    slope = np.diff(np.log(fit.get_ydata())) / np.diff(np.log(fit.get_xdata()))
    assert_allclose(slope, -1, atol=0.05)
    assert written(ax) == ["w1", "w10", "w100"]
    kv = KeyedVectors.from_arrays(["rare", "often"], np.eye(2), [1, 9])
    assert written(plot.frequency_rank(kv, fit=False)) == ["often"]
    same = plot.frequency_rank([0, 3, 9, 3], examples=False)
    assert same.lines[0].get_ydata().tolist() == [9, 3, 3]

    class Vocabulary:
        index_to_key = ("a", "b")
        counts = np.array([4, 2])

    assert written(plot.frequency_rank(Vocabulary())) == ["a"]
    assert len(plot.frequency_rank({"only": 3}).lines) == 1


def test_pictures_draw_on_the_axes_they_are_given():
    _, axes = plt.subplots(1, 3)
    kv = vectors()
    assert plot.embedding(kv, ["word1", "word2"], axes[0]) is axes[0]
    assert plot.analogy(kv, "word1", "word2", "word3", ax=axes[1]) is axes[1]
    assert plot.frequency_rank(kv, axes[2]) is axes[2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda kv: plot.embedding(kv, ["word1", "rook"]), KeyError, "'rook'"),
        (lambda kv: plot.embedding(kv, ["word1"]), ValueError, "at least 2 words"),
        (lambda kv: plot.embedding(kv, []), ValueError, "at least 2 words"),
        (lambda kv: plot.embedding(np.ones(3)), ValueError, r"shape \(n, d\), got shape \(3,\)"),
        (lambda kv: plot.embedding(np.ones((3, 2)), ["a"]), ValueError, "name each of the 3 vectors, got 1"),
        (lambda kv: plot.embedding(np.full((3, 2), np.nan)), ValueError, "must be finite"),
        (lambda kv: plot.embedding(kv, groups=[1]), ValueError, "groups must have one entry for each of the 40"),
        (lambda kv: plot.embedding(kv, method="umap"), ValueError, "method must be 'pca' or 'tsne', got 'umap'"),
        (lambda kv: plot.frequency_rank([0, 0]), ValueError, "not all 0"),
        (lambda kv: plot.frequency_rank([1, -1]), ValueError, "at least 0"),
        (lambda kv: plot.frequency_rank(np.ones((2, 2))), ValueError, "one number"),
        (lambda kv: plot.frequency_rank(KeyedVectors(3)), ValueError, "no attribute 'count'"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(vectors())
    assert not plt.get_fignums()  # no empty figure is left behind


def test_importing_plot_loads_neither_matplotlib_nor_sklearn():
    code = "import sys, nncore.plot; sys.exit('matplotlib' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
