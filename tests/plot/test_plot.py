from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from nncore import nn, plot

mpl = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def trace():
    rng = np.random.default_rng(0)
    return nn.Sequential([nn.LSTM(3, 5)], seed=0).trace(rng.standard_normal((2, 7, 3)))


def test_learning_curve_draws_bits_per_character():
    history = {"bits_per_character": [3.0, 2.5], "validation_bits_per_character": [3.1, 2.8], "seconds": [1.0, 1.0]}
    ax = plot.learning_curve(history)
    lines = {line.get_label(): line.get_ydata().tolist() for line in ax.lines}
    assert lines == {"bits per character": [3.0, 2.5], "held out": [3.1, 2.8]}
    assert ax.lines[0].get_xdata().tolist() == [1, 2]
    assert ax.get_xlabel() == "epoch"
    assert ax.get_ylabel() == "bits per character"


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


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"gate": "update"}, ValueError, "gate must be one of"),
        ({"labels": "abcdefgh"}, ValueError, "labels"),
        ({"sequence": 2}, IndexError, "sequence"),
        ({"layer": 1}, IndexError, "layer"),
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


def test_hinton_draws_a_square_per_weight():
    weights = np.array([[1.0, -0.25], [0.0, 0.5]])
    ax = plot.hinton(weights)
    ax.figure.canvas.draw()
    assert ax.get_xlim() != (0.0, 1.0)


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
