from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore import plot, rl

mpl = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")

from matplotlib.quiver import Quiver  # noqa: E402


def arrows(ax):
    """(row, column, right, down) of each arrow, from its beginning."""
    drawn = [quiver for quiver in ax.collections if isinstance(quiver, Quiver)]
    if not drawn:
        return np.zeros((0, 4))
    (quiver,) = drawn
    return np.stack([quiver.Y, quiver.X, quiver.U, quiver.V], axis=1)


def cells(ax):
    return np.ma.getdata(ax.images[0].get_array())


# Values


def test_values_are_a_heat_map_with_row_0_at_the_top():
    grid = np.arange(6.0).reshape(2, 3)
    ax = plot.values(grid)
    assert_array_equal(cells(ax), grid)
    assert ax.get_ylim() == (1.5, -0.5) and ax.get_xlim() == (-0.5, 2.5)
    assert not len(arrows(ax))
    assert_array_equal(cells(plot.values(grid.ravel(), shape=(2, 3))), grid)
    assert ax.images[0].get_clim() == (0, 5)
    assert ax.images[0].colorbar.ax.get_ylabel() == "value"


def test_arrows_point_where_the_policy_goes():
    ax = plot.values(np.zeros((2, 3)), policy=[0, 1, 2, 3, -1, 1])
    found = {
        tuple(np.round(at + back * np.array(to)).astype(int)): tuple(np.sign(to))
        for *at, right, down in arrows(ax)
        for back, to in [(0.5, (down, right))]
    }
    assert found == {(0, 0): (-1, 0), (0, 1): (0, 1), (0, 2): (1, 0), (1, 0): (0, -1), (1, 2): (0, 1)}
    lake = plot.values(np.zeros((1, 4)), policy=[[0, 1, 2, 3]], moves="ldru")
    assert_array_equal(np.sign(arrows(lake)[:, 2:]), [[-1, 0], [0, 1], [1, 0], [0, -1]])
    inside = arrows(ax)
    assert (np.abs(inside[:, :2] - np.round(inside[:, :2])) < 0.5).all()


def test_equally_good_actions_are_all_shown():
    mdp = rl.MDP.from_reward_matrix(np.tile([0.0, 1, 1, 0], (4, 1)), 0.5)
    solution = mdp.value_iteration()
    ax = plot.values(solution, shape=(2, 2))
    assert len(arrows(ax)) == 8  # to 1 and to 2 from each
    agent = rl.QLearning(4, 4)
    agent.q[2, 3] = 1.0
    ax = plot.values(agent, shape=(2, 2))
    assert_array_equal(cells(ax), [[0, 0], [1, 0]])
    assert_allclose(np.sign(arrows(ax)[:, 2:]), [[-1, 0]])  # where all are as good, there is none
    assert len(arrows(plot.values(rl.TD0(4), shape=(2, 2)))) == 0


def test_shares_are_lengths():
    ax = plot.values(np.zeros((1, 2)), policy=[[[0.25, 0.75, 0, 0], [0, 0, 1, 0]]])
    lengths = np.hypot(*arrows(ax)[:, 2:].T)
    assert lengths[1] == pytest.approx(3 * lengths[0])


def test_a_wall_is_blank_and_has_no_arrow():
    grid = np.array([[1.0, np.nan], [2.0, 3.0]])
    ax = plot.values(grid, policy=[1, 1, 1, 1])
    assert len(arrows(ax)) == 3
    assert np.ma.getmaskarray(ax.images[0].get_array())[0, 1]
    assert ax.images[0].get_clim() == (1, 3)


def test_arrows_can_be_seen_on_every_cell():
    ax = plot.values(np.arange(8.0).reshape(2, 4), policy=np.ones(8, int))
    (quiver,) = [drawn for drawn in ax.collections if isinstance(drawn, Quiver)]
    colours = quiver.get_facecolors()[:, :3].mean(axis=1)
    assert (colours[:4] > 0.9).all()  # dark cells
    assert (colours[6:] < 0.1).all()  # bright ones


def test_values_are_drawn_where_one_asks():
    _, axes = plt.subplots(1, 2)
    assert plot.values(np.eye(2), axes[1]) is axes[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.values(np.zeros(6)), r"shape must be given as \(rows, columns\)"),
        (lambda: plot.values(np.zeros(6), shape=(2, 2)), r"values must fill a grid of shape \(2, 2\)"),
        (lambda: plot.values(np.zeros((0, 3))), "values must fill a grid"),
        (lambda: plot.values([[np.inf]]), "values must be finite"),
        (lambda: plot.values(np.zeros((2, 2)), policy=[0, 1]), "policy must have an entry per state"),
        (lambda: plot.values(np.zeros((2, 2)), policy=[0.0] * 4), "policy must hold actions"),
        (lambda: plot.values(np.zeros((2, 2)), policy=[0, 0, 0, 4]), "moves must have a letter per action"),
        (lambda: plot.values(np.zeros((2, 2)), moves="urdx"), "moves must consist of u, d, l, r"),
    ],
)
def test_values_that_are_no_grid_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert not plt.get_fignums()


# Returns


def test_the_returns_of_an_agent():
    agent = rl.QLearning(6, 6)
    agent.history_ = {"timesteps": [10, 20, 30], "return": [1.0, 2.0, 6.0], "length": [5, 5, 5]}
    ax = plot.returns(agent, window=2)
    smooth, raw = ax.lines
    assert_array_equal(smooth.get_xdata(), [10, 20, 30])
    assert_array_equal(smooth.get_ydata(), [1, 1.5, 4])
    assert_array_equal(raw.get_ydata(), [1, 2, 6])
    assert raw.get_color() == smooth.get_color() and raw.get_alpha() < 1
    assert ax.get_xlabel() == "environment steps"
    assert ax.get_legend() is None


def test_returns_alone_are_drawn_by_episode():
    ax = plot.returns([3.0, 1.0, 2.0], window=1)
    assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3])
    assert ax.get_xlabel() == "episode"
    assert plot.returns(np.array([3.0])).lines[0].get_marker() == "o"


def test_several_runs_are_a_median_and_a_band():
    runs = [{"timesteps": [0, 100], "return": [0.0, level]} for level in (1.0, 2.0, 3.0, 4.0, 10.0)]
    ax = plot.returns(runs, window=1)
    (line,) = ax.lines
    assert line.get_ydata()[-1] == 3
    edge = ax.collections[0].get_paths()[0].vertices
    assert edge[:, 1].max() == 4


def test_names_are_a_legend():
    ax = plot.returns({"one": [1.0, 2.0], "several": [[1.0, 2.0], [3.0, 4.0]]})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "several"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.returns([]), "history must have a finite return"),
        (lambda: plot.returns(rl.QLearning(2, 2)), "no episode has ended"),
        (lambda: plot.returns({"a": {"loss": [1.0]}}), "history must have 'return', but has 'loss'"),
        (lambda: plot.returns({"timesteps": [1], "return": [1.0, 2.0]}), "one return per entry"),
        (lambda: plot.returns([1.0], window=0), "window must be at least 1"),
    ],
)
def test_a_history_without_returns_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert not plt.get_fignums()
