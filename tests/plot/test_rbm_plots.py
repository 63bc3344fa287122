from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nncore import plot
from nncore.energy import RBM

mpl = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="pictures need matplotlib")


@pytest.fixture(scope="module")
def machine():
    X = np.random.default_rng(0).random((60, 9))
    return RBM(7, n_iter=5, random_state=0).fit(X[:40], X_val=X[40:])


def test_filters_are_the_greatest_weights_as_images(machine):
    ax = plot.filters(machine, n=4)
    (image,) = ax.images
    mosaic = np.ma.filled(image.get_array(), np.nan)
    order = np.argsort(-np.linalg.norm(machine.components_, axis=1))
    assert mosaic.shape == (7, 7)
    assert_allclose(mosaic[:3, :3].ravel(), machine.components_[order[0]], rtol=1e-6)
    assert_allclose(mosaic[4:, 4:].ravel(), machine.components_[order[3]], rtol=1e-6)
    assert np.isnan(mosaic[3]).all()
    low, high = image.get_clim()
    assert low == -high


def test_filters_of_an_array_on_the_callers_axes():
    _, ax = plt.subplots()
    assert plot.filters(np.ones((2, 6)), ax, shape=(2, 3)) is ax
    assert plot.filters(np.zeros((1, 4))).images[0].get_clim() == (-1, 1)


def test_the_gap_of_a_machine_or_its_history(machine):
    for source in (machine, machine.history_):
        ax = plot.free_energy(source)
        line = ax.lines[-1]
        assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5])
        assert_allclose(line.get_ydata(), machine.history_["free_energy_gap"])


def test_energies_under_names_are_histograms():
    ax = plot.free_energy({"a": np.arange(50.0), "b": np.arange(30.0) + 40})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert ax.get_xlabel() == "free energy (nats)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot.filters(np.ones((2, 5))), "shape must be that of images of 5 features, but is"),
        (lambda: plot.filters(np.full((2, 4), np.nan)), "all finite"),
        (lambda: plot.filters(np.ones(4)), r"source must have components of shape \(n, n_features\)"),
        (lambda: plot.filters(np.ones((2, 4)), n=0), "n must be an integer of at least 1, but is 0"),
        (lambda: plot.free_energy(RBM(2, n_iter=1).fit(np.eye(3))), "fit it with X_val="),
        (lambda: plot.free_energy([1.0]), "source must be a fitted RBM, its history_ or energies under names"),
        (lambda: plot.free_energy({"a": [np.inf]}), "finite energies"),
        (lambda: plot.free_energy({}), "finite energies"),
    ],
)
def test_what_cannot_be_drawn_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    assert not plt.get_fignums()
