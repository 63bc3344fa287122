from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from numpy.testing import assert_allclose, assert_array_equal  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks  # noqa: E402

import nncore  # noqa: E402
from nncore import textbook  # noqa: E402
from nncore.energy import Hopfield, ModernHopfield  # noqa: E402

MEMORIES = np.array([[1.0, 0.2, -1.0], [-0.5, 1.0, 0.5]])


@parametrize_with_checks([ModernHopfield(), ModernHopfield(0.5, dtype="float64")])
def test_sklearn_checks(estimator, check):
    check(estimator)


def test_no_check_is_skipped_by_a_tag():
    estimator = ModernHopfield()
    checks = len(list(estimator_checks_generator(estimator)))
    assert checks == 47 if sklearn.__version__.startswith("1.9.") else checks > 40
    tags = get_tags(estimator)
    assert not (tags._skip_test or tags.no_validation or tags.non_deterministic)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    p=st.integers(1, 12),
    d=st.integers(1, 20),
    beta=st.floats(0.1, 4),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_recall_and_energy_equal_the_textbook(seed, p, d, beta, dtype):
    rng = np.random.default_rng(seed)
    memories, states = rng.normal(size=(p, d)), rng.normal(size=(4, d))
    net = ModernHopfield(beta, dtype=dtype, tol=0).fit(memories)
    close = {"rtol": 1e-3, "atol": 1e-3} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-9}
    expected = [textbook.modern_hopfield_recall(x, memories, beta, 3) for x in states]
    assert_allclose(net.recall(states, max_steps=3), expected, **close)
    assert_allclose(net.energy(states), [textbook.modern_hopfield_energy(x, memories, beta) for x in states], **close)
    assert_allclose(net.attention(states).sum(axis=1), 1, rtol=1e-5)
    _, path = net.recall(states, return_path=True, max_steps=20)
    energies = np.array([net.energy(step) for step in path])
    assert (np.diff(energies, axis=0) <= 1e-4 * np.abs(energies[1:]) + 1e-5).all() and (energies > -1e-4).all()


def test_damaged_patterns_are_recalled_and_reported():
    rng = np.random.default_rng(0)
    memories = rng.uniform(-1, 1, (500, 64))
    states = memories[:20].copy()
    states[:, 32:] = 0
    net = ModernHopfield().fit(memories)
    recalled, report = net.recall(states, return_report=True)
    assert_allclose(recalled, memories[:20], atol=1e-3)
    assert report.converged.all() and (report.cycle == 1).all() and (report.n_sweeps <= 5).all()
    assert net.score(states) > 0.999 and net.score(states, memories[:20]) > 0.999 > net.score(states, memories[20:40])
    assert (net.attention(recalled).argmax(axis=1) == np.arange(20)).all()


def test_a_small_beta_recalls_the_mean():
    assert_allclose(ModernHopfield(1e-6).fit(MEMORIES).recall([[3.0, 0, 0]]), [MEMORIES.mean(axis=0)], atol=1e-5)


def test_overlap_of_signs_is_that_of_hopfield():
    signs = np.array([[1, -1, 1, -1], [1, 1, 1, -1]])
    assert_allclose(ModernHopfield().fit(signs).overlap(signs), Hopfield().fit(signs).overlap(signs), atol=1e-7)
    assert_array_equal(ModernHopfield().fit(signs).overlap(np.zeros((1, 4))), [[0, 0]])


def test_partial_fit_adds_what_fit_would_have_stored():
    rng = np.random.default_rng(1)
    memories, states = rng.normal(size=(9, 5)), rng.normal(size=(3, 5))
    parts = ModernHopfield().partial_fit(memories[:4]).partial_fit(memories[4:])
    assert_array_equal(parts.recall(states), ModernHopfield().fit(memories).recall(states))


@pytest.mark.kernel
@pytest.mark.usefixtures("threads")
def test_same_bits_on_any_number_of_threads_and_in_any_company():
    rng = np.random.default_rng(2)
    memories, states = rng.normal(size=(700, 150)), rng.normal(size=(300, 150))
    results = []
    for threads in (1, 2, 3):
        nncore.set_num_threads(threads)
        net = ModernHopfield(0.2).fit(memories)
        results.append([net.recall(states, max_steps=4), net.energy(states), net.attention(states)])
    for other in results[1:]:
        for expected, got in zip(results[0], other, strict=True):
            assert expected.tobytes() == got.tobytes()
    for row in range(5):
        assert_array_equal(net.recall(states[row : row + 1], max_steps=4)[0], results[0][0][row])
        assert net.energy(states[row : row + 1])[0] == results[0][1][row]


def test_states_and_memories_in_parts_give_the_same_bits(monkeypatch):
    rng = np.random.default_rng(3)
    memories, states = rng.normal(size=(9000, 12)), rng.normal(size=(40, 12))
    net = ModernHopfield(0.5, dtype="float64").fit(memories)
    whole = [net.recall(states), net.energy(states), net.attention(states), net.overlap(states)]
    logits = 0.5 * states @ memories.T
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert_allclose(whole[2], weights / weights.sum(axis=1, keepdims=True), rtol=1e-10)
    monkeypatch.setattr("nncore.energy._modern_hopfield.MOST_NUMBERS", 7 * 9000)
    monkeypatch.setattr("nncore.energy._recall.CALL_SECONDS", 1e-6)
    in_parts = [net.recall(states), net.energy(states), net.attention(states), net.overlap(states)]
    for expected, got in zip(whole, in_parts, strict=True):
        assert expected.tobytes() == got.tobytes()
        assert got.flags.c_contiguous


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[1.0, np.nan, 0.0]], "Input X contains NaN"),
        ([[1.0, np.inf, 0.0]], "Input X contains infinity"),
        (np.empty((0, 3)), r"Found array with 0 sample\(s\)"),
        ([1.0, 2.0, 3.0], "Expected 2D array, got 1D array instead"),
        ([[1e30, 0.0, 0.0]], "X must be small enough for products in float32, but has 1e\\+30"),
    ],
)
def test_bad_patterns_are_named_and_change_nothing(given, message):
    net = ModernHopfield().fit(MEMORIES)
    before = copy.deepcopy(net.__dict__)
    for call in (net.fit, net.partial_fit, net.recall, net.energy, net.attention, net.overlap):
        with pytest.raises(ValueError, match=message):
            call(given)
    assert_array_equal(net.memories_, before["memories_"])
    assert net.n_features_in_ == 3


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"beta": 0}, ValueError, "beta must be above 0, but is 0"),
        ({"beta": "8"}, TypeError, "beta must be a number, but is '8'"),
        ({"max_steps": 0}, ValueError, "max_steps must be at least 1, but is 0"),
        ({"tol": -1.0}, ValueError, "tol must be at least 0 and finite, but is -1"),
        ({"dtype": "half"}, ValueError, "dtype must be 'float32' or 'float64', but is 'half'"),
    ],
)
def test_parameters_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        ModernHopfield(**parameters).fit(MEMORIES)
    net = ModernHopfield().fit(MEMORIES)
    with pytest.raises(ValueError, match="max_steps must be at least 1, but is 0"):
        net.recall(MEMORIES, max_steps=0)
    with pytest.raises(ValueError, match="X has 2 features, but ModernHopfield is expecting 3"):
        net.recall(MEMORIES[:, :2])


def test_types_come_back_and_the_input_stays():
    net = ModernHopfield().fit(MEMORIES)
    for dtype in (np.float32, np.float64, ">f8"):
        states = MEMORIES.astype(dtype)
        states.flags.writeable = False
        recalled, path = net.recall(states, return_path=True)
        assert recalled.dtype == path.dtype == np.dtype(dtype).newbyteorder("=")
        assert_array_equal(path[0], states.astype(np.float32))


def test_saved_loaded_and_pickled_networks_are_the_same(tmp_path):
    net = ModernHopfield(3.0, tol=1e-4).fit(MEMORIES)
    net.save(tmp_path / "net")
    for other in (ModernHopfield.load(tmp_path / "net"), pickle.loads(pickle.dumps(net))):
        assert_array_equal(other.recall(-MEMORIES), net.recall(-MEMORIES))
        assert other.get_params() == net.get_params()
    net.memories_ = net.memories_[:, :2]
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match="is damaged: memories_ is float32 of shape"):
        ModernHopfield.load(tmp_path / "net")


def test_a_fitted_network_stays_what_it_is_when_parameters_change(tmp_path):
    net = ModernHopfield().fit(MEMORIES)
    recalled = net.recall(-MEMORIES)
    net.set_params(dtype="float64").save(tmp_path / "net")
    for other in (net, ModernHopfield.load(tmp_path / "net")):
        assert_array_equal(other.recall(-MEMORIES), recalled)
        with pytest.raises(ValueError, match="dtype must stay 'float32' to go on with the fitted network"):
            other.partial_fit(MEMORIES)


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="beta must be above 0, but is 0"):
        ModernHopfield().fit(MEMORIES).set_params(beta=0).save(tmp_path / "net")
    assert not (tmp_path / "net").exists()
