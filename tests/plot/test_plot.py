from __future__ import annotations

import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest

from nncore import nn, plot

mpl = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")


@pytest.fixture
def trace():
    rng = np.random.default_rng(0)
    return nn.Sequential([nn.LSTM(3, 5)], seed=0).trace(rng.standard_normal((2, 7, 3)))


def test_learning_curve_draws_bits_per_character():
    history = {"bits_per_character": [3.0, 2.5], "validation_bits_per_character": [3.1, 2.8], "seconds": [1.0, 1.0]}
    ax = plot.learning_curve(history)
    lines = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert lines == {"training": [3.0, 2.5], "held out": [3.1, 2.8]}
    assert ax.lines[0].get_xdata().tolist() == [1, 2]
    assert ax.get_xlabel() == "epoch"
    assert ax.get_ylabel() == "bits per character"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "held out"]


def test_learning_curve_of_one_series_has_no_legend():
    ax = plot.learning_curve({"loss": [2.0, 1.0]})
    assert ax.get_legend() is None
    assert ax.get_ylabel() == "loss"


def test_learning_curve_takes_a_model_and_chosen_names():
    class Model:
        history_: ClassVar = {"loss": [2.0, 1.0], "seconds": [0.5, 0.25]}

    assert plot.learning_curve(Model()).lines[0].get_ydata().tolist() == [2.0, 1.0]
    assert plot.learning_curve(Model(), names=["seconds"]).lines[0].get_ydata().tolist() == [0.5, 0.25]
    with pytest.raises(ValueError, match="names: 'speed'"):
        plot.learning_curve(Model(), names=["speed"])


def test_learning_curve_leaves_out_what_is_not_finite():
    ax = plot.learning_curve({"loss": [1.0, np.nan, 0.5]})
    assert ax.lines[0].get_xdata().tolist() == [1, 3]


@pytest.mark.parametrize("history", [{}, {"loss": []}, {"loss": [np.nan]}])
def test_an_empty_history_is_refused(history):
    with pytest.raises(ValueError, match="history"):
        plot.learning_curve(history)


def test_a_history_of_another_type_is_refused():
    with pytest.raises(TypeError, match="history"):
        plot.learning_curve(3)


def test_gates_draws_on_the_axes_that_it_is_given(trace):
    _, ax = plt.subplots()
    assert plot.gates(trace, "forget", ax=ax) is ax


def test_gates_shows_units_over_time(trace):
    ax = plot.gates(trace, "input", labels="abcdefg", sort=False, sequence=1)
    np.testing.assert_allclose(ax.images[0].get_array(), trace[0]["input_gate"][1].T)
    assert [label.get_text() for label in ax.get_xticklabels()] == list("abcdefg")
    assert ax.images[0].get_clim() == (0.0, 1.0)
    assert ax.get_title(loc="left") == "input gate"


def test_gates_are_sorted_by_their_mean(trace):
    shown = plot.gates(trace, "state").images[0].get_array()
    assert (np.diff(shown.mean(axis=1)) >= 0).all()
    np.testing.assert_allclose(np.sort(shown, axis=0), np.sort(trace[0]["state"][0].T, axis=0))


def test_gates_draws_the_units_that_are_asked_for_in_their_order(trace):
    ax = plot.gates(trace, "forget", units=[3, 0])
    np.testing.assert_allclose(ax.images[0].get_array(), trace[0]["forget_gate"][0].T[[3, 0]])
    assert ax.get_ylabel() == "2 of 5 hidden units"


def test_gates_shows_only_the_steps_that_have_a_label(trace):
    ax = plot.gates(trace, labels=["to", "be\n"])
    assert ax.images[0].get_array().shape == (5, 2)
    assert ax.get_title(loc="left") == "forget gate"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["to", "be↵"]


@pytest.mark.parametrize(
    ("layer", "first"),
    [(nn.GRU(3, 4), "update gate"), (nn.Elman(3, 4), "state")],
)
def test_every_kind_of_cell_has_a_gate_to_begin_with(layer, first):
    x = np.random.default_rng(0).standard_normal((1, 6, 3))
    ax = plot.gates(nn.Sequential([layer], seed=0).trace(x)[0])
    assert ax.get_title(loc="left") == first
    assert ax.images[0].get_array().shape == (4, 6)


def test_signed_values_have_zero_in_the_middle_of_the_colours(trace):
    for name in ("state", "candidate", "cell"):
        low, high = plot.gates(trace, name).images[0].get_clim()
        assert low == -high
        assert high == (1 if name != "cell" else np.abs(trace[0]["cell"][0]).max())


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"gate": "update"}, ValueError, "gate must be one of"),
        ({"labels": "abcdefgh"}, ValueError, "labels"),
        ({"sequence": 2}, IndexError, "sequence"),
        ({"layer": 1}, IndexError, "layer"),
        ({"units": [5]}, IndexError, "units"),
        ({"units": []}, ValueError, "units"),
        ({"units": [0.5]}, ValueError, "units"),
    ],
)
def test_gates_says_what_is_wrong(trace, arguments, error, words):
    with pytest.raises(error, match=words):
        plot.gates(trace, **arguments)


def test_cell_text_writes_every_character():
    ax = plot.cell_text("ab\nc d", np.linspace(-1, 1, 6), width=10)
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c", "d"]
    assert [text.get_position() for text in ax.texts] == [(0, 0), (1, 0), (0, 1), (2, 1)]


@pytest.mark.parametrize(("text", "values"), [("ab", [1.0]), ("", []), ("ab", [1.0, np.nan])])
def test_cell_text_refuses_values_that_do_not_fit(text, values):
    with pytest.raises(ValueError, match="activations"):
        plot.cell_text(text, values)


def test_cell_text_colours_each_character_with_its_value():
    values = np.array([-1.0, 0.5, 0.25, 1.0, 0.0])
    ax = plot.cell_text("abcde", values, width=2)
    grid = ax.images[0].get_array()
    np.testing.assert_array_equal(grid.compressed(), values)
    assert grid.shape == (3, 2)
    assert ax.images[0].get_clim() == (-1.0, 1.0)


def test_hinton_draws_a_square_per_weight_its_area_for_its_size():
    weights = np.array([[1.0, -0.25, 0.0], [0.0, 0.5, -1.0]])
    ax = plot.hinton(weights)
    above, below = ax.collections
    for squares, shown in ((above, weights > 0), (below, weights < 0)):
        boxes = [path.get_extents() for path in squares.get_paths()]
        centres = [((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in boxes]
        np.testing.assert_allclose(centres, np.argwhere(shown)[:, ::-1], atol=1e-12)
        areas = [box.width * box.height for box in boxes]
        np.testing.assert_allclose(areas, 0.95**2 * np.abs(weights[shown]))
    assert above.get_facecolor()[0].tolist() == [1, 1, 1, 1]
    assert below.get_facecolor()[0].tolist() == [0, 0, 0, 1]
    assert ax.get_xlim() == (-0.5, 2.5)
    assert ax.get_ylim() == (1.5, -0.5)


@pytest.mark.parametrize("matrix", [np.zeros(3), np.zeros((0, 3)), [[1.0, np.nan]]])
def test_hinton_refuses_what_is_no_matrix(matrix):
    with pytest.raises(ValueError, match="matrix"):
        plot.hinton(matrix)


def test_hinton_of_zeros_is_empty():
    plot.hinton(np.zeros((2, 2))).figure.canvas.draw()


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plot.learning_curve({"loss": [1.0]}, ax),
        lambda ax: plot.cell_text("ab", [1.0, 0.0], ax),
        lambda ax: plot.hinton(np.eye(2), ax),
    ],
)
def test_every_picture_goes_on_the_axes_that_it_is_given(draw):
    _, ax = plt.subplots()
    assert draw(ax) is ax
    ax.figure.canvas.draw()


def test_importing_plot_loads_no_matplotlib():
    code = "import sys, nncore.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_matplotlib_the_error_says_what_to_install():
    code = """
import sys
sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
from nncore import plot
try:
    plot.learning_curve({"loss": [1.0]})
except ImportError as error:
    assert "nncore[plot]" in str(error), error
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True)
