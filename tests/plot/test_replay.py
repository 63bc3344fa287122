from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nncore import plot, rl

mpl = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")


def filled(kind="proportional"):
    gymnasium = pytest.importorskip("gymnasium", reason="spaces are Gymnasium's")
    box = gymnasium.spaces.Box(-1, 1, (2,))
    buffer = rl.PrioritizedReplayBuffer(16, box, gymnasium.spaces.Discrete(2), kind=kind, seed=0)
    for i in range(10):
        buffer.add(np.zeros(2, np.float32), i % 2, 0.0, np.zeros(2, np.float32), False, False)
    buffer.update_priorities(np.arange(10), np.arange(1.0, 11.0))
    return buffer


def test_priorities_fall_and_are_against_their_mean():
    ax = plot.priorities([1.0, 5.0, 2.0, 0.0])
    (line,) = (line for line in ax.lines if len(line.get_xdata()) == 5)
    assert_allclose(line.get_xdata(), [0, 25, 50, 75, 100])
    assert_allclose(line.get_ydata(), [2.5, 1.0, 0.5, 0.0, 0.0])


def test_priorities_of_a_buffer():
    buffer = filled()
    ax = plot.priorities(buffer)
    p = np.sort(buffer.priorities)[::-1]
    assert_allclose(ax.lines[0].get_ydata()[:-1], p / p.mean())
    assert ax.get_legend().get_texts()[0].get_text() == f"{p[0] / p.sum():.0%} of the draws go to the first tenth"


def test_names_are_a_legend():
    ax = plot.priorities({"proportional": filled(), "by rank": filled("rank")})
    assert [text.get_text().split(":")[0] for text in ax.get_legend().get_texts()] == ["proportional", "by rank"]


def test_priorities_are_drawn_where_one_asks():
    _, ax = plt.subplots()
    assert plot.priorities([1.0, 2.0], ax) is ax


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "a priority for each of 1 or more transitions, but came as \\(0,\\)"),
        ([[1.0]], "but came as \\(1, 1\\)"),
        ([1.0, np.nan], "finite, at least 0 and not all 0"),
        ([1.0, -1.0], "finite, at least 0 and not all 0"),
        ([0.0, 0.0], "finite, at least 0 and not all 0"),
        ({}, "is an empty mapping"),
    ],
)
def test_what_are_no_priorities_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        plot.priorities(given)


def test_a_buffer_without_priorities_is_refused():
    gymnasium = pytest.importorskip("gymnasium", reason="spaces are Gymnasium's")
    box = gymnasium.spaces.Box(-1, 1, (2,))
    with pytest.raises(ValueError, match="must have priorities, but is a ReplayBuffer"):
        plot.priorities(rl.ReplayBuffer(16, box, gymnasium.spaces.Discrete(2)))
