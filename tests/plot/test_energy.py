from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore import plot

mpl = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")

# Recall


def test_a_strip_has_a_column_for_each_step_and_a_row_for_each_sample():
    path = np.arange(3 * 2 * 6.0).reshape(3, 2, 6)
    ax = plot.recall(path, shape=(2, 3), rows=["first", "second"])
    mosaic = ax.images[0].get_array()
    assert mosaic.shape == (2 * 2 + 1, 3 * 3 + 2)
    assert_array_equal(mosaic[:2, 4:7], path[1, 0].reshape(2, 3))
    assert_array_equal(mosaic[3:, 8:], path[2, 1].reshape(2, 3))
    assert mosaic.mask[2].all() and mosaic.mask[:, 3].all() and mosaic.count() == path.size
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1", "2"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]


def test_one_sample_and_square_images_need_no_shape():
    assert plot.recall(np.zeros((2, 9))).images[0].get_array().shape == (3, 7)


def test_of_a_long_recall_twelve_steps_are_drawn_the_first_and_the_last_among_them():
    labels = [label.get_text() for label in plot.recall(np.zeros((101, 4))).get_xticklabels()]
    assert len(labels) == 12 and labels[0] == "0" and labels[-1] == "100"


@pytest.mark.parametrize(
    ("path", "settings", "message"),
    [
        (np.zeros(4), {}, r"path must have shape \(steps \+ 1, n_features\)"),
        (np.full((2, 4), np.nan), {}, "be finite"),
        (np.zeros((0, 4)), {}, r"came as \(0, 4\)"),
        (np.zeros((2, 5)), {}, r"shape must be that of images of 5 features, but is \(2, 2\)"),
        (np.zeros((2, 4)), {"rows": ["a", "b"]}, "rows must have a name for each of the 1 samples, but has 2"),
    ],
)
def test_what_is_no_path_is_refused(path, settings, message):
    with pytest.raises(ValueError, match=message):
        plot.recall(path, **settings)


# Energy


def test_energy_falls_to_a_dot_where_it_rests():
    ax = plot.energy([[0.0, 1.0], [-2.0, -1.0], [-2.0, -3.0]])
    first, second, dots = ax.lines
    assert_array_equal(first.get_ydata(), [0, -2, np.nan])
    assert_array_equal(second.get_ydata(), [1, -1, -3])
    assert_array_equal(dots.get_xydata(), [[1, -2], [2, -3]])
    assert ax.get_ylabel() == "energy E(x)" and ax.get_legend() is None


def test_named_energies_have_a_legend_and_a_colour_each():
    _, given = plt.subplots()
    ax = plot.energy({"a": [1.0, 0.0], "b": [[2.0, 2.0], [1.0, 0.0]]}, given)
    assert ax is given
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert len({line.get_color() for line in ax.lines}) == 2


@pytest.mark.parametrize("energies", [[], [np.inf, 0.0], np.zeros((2, 2, 2))])
def test_what_is_no_energy_is_refused(energies):
    with pytest.raises(ValueError, match="energies must have shape"):
        plot.energy(energies)


def test_no_curve_at_all_is_refused():
    with pytest.raises(ValueError, match="energies must have at least one array, but has none"):
        plot.energy({})
    with pytest.raises(ValueError, match="curves must have at least one, but has none"):
        plot.capacity({})


# Capacity


def test_capacity_draws_means_bands_and_the_border():
    ax = plot.capacity({"mine": ([0.2, 0.1], [[0.2, 0.4], [1.0, 0.9]]), "yours": ([0.1, 0.2], [1.0, 0.5])})
    border, mine, yours = ax.lines
    assert_array_equal(border.get_xdata(), [0.138, 0.138])
    assert_allclose(mine.get_xydata(), [[0.1, 0.95], [0.2, 0.3]])
    assert_allclose(yours.get_ydata(), [1, 0.5])
    assert len(ax.collections) == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["mine", "yours"]


def test_capacity_measures_both_modes_and_finds_the_cliff():
    pytest.importorskip("sklearn")
    ax = plot.capacity(n_features=1000, loads=[0.08, 0.2])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["asynchronous", "synchronous"]
    for line in ax.lines[1:]:
        assert line.get_ydata()[0] > 0.97 and line.get_ydata()[1] < 0.6


@pytest.mark.parametrize("pair", [([0.1], [1.0, 0.9]), ([], []), ([0.1], [np.nan])])
def test_what_is_no_curve_is_refused(pair):
    with pytest.raises(ValueError, match="curves must have finite loads .* but those of 'mine' came as"):
        plot.capacity({"mine": pair})
