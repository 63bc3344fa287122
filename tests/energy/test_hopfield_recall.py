from __future__ import annotations

import io
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("sklearn")

from numpy.testing import assert_array_equal

import nncore
from nncore import _core, energy
from nncore.energy import Hopfield

pytestmark = pytest.mark.kernel
MODES = [("async", "random"), ("async", "cyclic"), ("sync", "random")]


def signs(rng, shape):
    return rng.choice(np.array([-1, 1], np.int8), shape)


def damaged(rng, patterns, share):
    return np.where(rng.random(patterns.shape) < share, -patterns, patterns)


def pack(memories):
    p, d = memories.shape
    rows = np.zeros((p, _core.memory_words(d)), np.uint64)
    columns = np.zeros((d, _core.unit_bytes(p)), np.uint8)
    _core.pack_memories(memories, 0, rows, columns)
    return rows, columns


def run(states, call, **settings):
    """States, sweeps and cycles after a call of the core."""
    n, parts = len(states), (states.copy(), np.zeros_like(states))
    counts = np.arange(n), np.zeros(n, np.int64), np.zeros(n, np.int64)
    call(*parts, *counts, **settings)
    return parts[0], *counts[1:]


# Odd sizes, more bits than a register, and memories so alike that sums of 128, or of 4, outgrow 16 bits.
NETWORKS = {"small": (7, 3), "odd": (131, 77), "wide": (700, 530), "alike": (1500, 150), "large": (20000, 140)}


@pytest.mark.parametrize("shape", NETWORKS)
@pytest.mark.parametrize("self_connections", [False, True])
def test_packed_fields_and_overlaps_are_the_whole_numbers_that_they_should_be(shape, self_connections):
    rng = np.random.default_rng(0)
    d, p = NETWORKS[shape]
    memories = signs(rng, (p, d))
    if shape in ("alike", "large"):
        memories = np.where(rng.random((p, d)) < 0.02, -memories[:1], memories[:1])
    states = np.concatenate([memories[:2], signs(rng, (2, d))])
    rows, columns = pack(memories)
    m = states.astype(int) @ memories.T
    overlaps, fields = np.empty((4, p), np.int64), np.empty((4, d))
    _core.packed_overlaps(rows, columns, states, overlaps)
    assert_array_equal(overlaps, m)
    bias = rng.normal(size=d)
    for b in (None, bias):
        _core.packed_fields(rows, columns, b, self_connections, states, fields)
        expected = m @ memories.astype(int) - (0 if self_connections else p * states.astype(int))
        assert_array_equal(fields, expected + (0 if b is None else b))


def test_memories_have_room_where_they_are_packed():
    memories = signs(np.random.default_rng(0), (3, 10))
    rows, columns = pack(memories)
    before = rows.copy(), columns.copy()
    for first in (1, 4, 2**64 - 1):
        with pytest.raises(ValueError, match="rows must be"):
            _core.pack_memories(memories, first, rows, columns)
    assert_array_equal(rows, before[0])
    assert_array_equal(columns, before[1])


def test_sums_of_overlaps_do_not_outgrow_32_bits():
    """512 overlaps of above 2^22 in one register: their sum is above 2^31."""
    d, p = 2**22 + 512, 512  # all bits set: memories of +1
    rows = np.full((p, _core.memory_words(d)), 2**64 - 1, np.uint64)
    columns = np.full((d, _core.unit_bytes(p)), 255, np.uint8)
    states = np.ones((1, d), np.int8)
    fields = np.empty(states.shape)
    _core.packed_fields(rows, columns, None, True, states, fields)
    assert (fields == float(d) * p).all()
    states[0, :5] = -1
    settings = {"synchronous": False, "random_order": False, "temperature": 0.0, "seed": 0, "first_sweep": 0}

    def call(*rest, **kw):
        _core.packed_hopfield_recall(rows, columns, None, True, *rest, **kw)

    assert (run(states, call, **settings, count=1)[0] == 1).all()


@pytest.mark.parametrize("shape", ["small", "odd", "wide"])
@pytest.mark.parametrize(("mode", "order"), MODES)
@pytest.mark.parametrize("self_connections", [False, True])
@pytest.mark.parametrize("temperature", [0.0, 0.4])
def test_packed_memories_and_weights_recall_the_same(shape, mode, order, self_connections, temperature):
    rng = np.random.default_rng(1)
    d, p = NETWORKS[shape]
    memories = signs(rng, (p, d))
    rows, columns = pack(memories)
    whole = memories.T.astype(float) @ memories  # d·W, so that both are exact
    if not self_connections:
        np.fill_diagonal(whole, 0)
    states = np.concatenate([damaged(rng, memories[:4], 0.1), signs(rng, (4, d))])
    settings = {"synchronous": mode == "sync", "random_order": order == "random", "seed": 5, "first_sweep": 0}
    for bias in (None, rng.normal(size=d), rng.integers(-3, 4, d).astype(float)):
        b = np.zeros(d) if bias is None else bias
        fields = np.empty(states.shape)
        _core.hopfield_fields(states, whole, b, fields)
        packed = run(
            states,
            lambda *rest, b=bias, **kw: _core.packed_hopfield_recall(rows, columns, b, self_connections, *rest, **kw),
            **settings,
            temperature=temperature,
            count=6,
        )
        dense = run(
            states,
            lambda *rest, b=b, f=fields, **kw: _core.hopfield_recall(whole, b, *rest, f, **kw),
            **settings,
            temperature=temperature * d,
            count=6,
        )
        for ours, theirs in zip(packed, dense, strict=True):
            assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("rule", ["hebbian", "storkey", "pseudo_inverse"])
@pytest.mark.parametrize(("mode", "order"), MODES)
def test_same_bits_on_any_number_of_threads_and_in_any_company(rule, mode, order):
    rng = np.random.default_rng(2)
    memories = signs(rng, (90, 300))
    states = damaged(rng, np.repeat(memories, 2, axis=0), 0.2)
    results = []
    for threads in (1, 2, 3):
        nncore.set_num_threads(threads)
        net = Hopfield(rule).fit(memories)
        warm = net.recall(states, mode, 7, 3, order=order, temperature=0.2)
        results.append([net.weights_, net.energy(states), net.recall(states, mode, random_state=3, order=order), warm])
    for other in results[1:]:
        for expected, got in zip(results[0], other, strict=True):
            assert expected.tobytes() == got.tobytes()
    alone = np.concatenate([net.recall(x[None], mode, random_state=3, order=order) for x in states[:10]])
    assert_array_equal(alone, results[0][2][:10])


@pytest.mark.parametrize("rule", ["hebbian", "storkey"])
@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_results_do_not_depend_on_how_sweeps_are_divided_between_calls(rule, temperature, monkeypatch):
    rng = np.random.default_rng(3)
    memories = signs(rng, (40, 200))
    net = Hopfield(rule).fit(memories)
    states = damaged(rng, memories, 0.3)
    whole = net.recall(states, random_state=1, temperature=temperature, max_sweeps=30)
    path_of_whole = net.recall(states, random_state=1, temperature=temperature, max_sweeps=30, return_path=True)[1]
    monkeypatch.setattr(energy._recall, "CALL_SECONDS", 1e-9)  # a row and a sweep a call
    parts, path = net.recall(states, random_state=1, temperature=temperature, max_sweeps=30, return_path=True)
    assert_array_equal(parts, whole)
    assert_array_equal(path, path_of_whole)
    assert_array_equal(path[-1], parts)


def test_random_order_differs_from_sweep_to_sweep_and_by_the_seed():
    rng = np.random.default_rng(4)
    net = Hopfield().fit(signs(rng, (60, 200)))
    states = signs(rng, (20, 200))
    first, again, other = (net.recall(states, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_a_row_that_is_finished_stays_while_others_go_on():
    rng = np.random.default_rng(5)
    memories = signs(rng, (10, 200))
    net = Hopfield().fit(memories)
    states = np.concatenate([memories[:1], signs(rng, (5, 200))])
    recalled, path, report = net.recall(states, random_state=0, return_path=True, return_report=True)
    assert report.n_sweeps[0] == 1 < report.n_sweeps.max()
    assert (path[:, 0] == memories[0]).all()
    for row, sweeps in enumerate(report.n_sweeps):
        assert (path[sweeps:, row] == recalled[row]).all()


def test_max_sweeps_ends_a_recall_that_has_not_settled():
    rng = np.random.default_rng(6)
    net = Hopfield().fit(signs(rng, (60, 200)))
    _, report = net.recall(signs(rng, (8, 200)), max_sweeps=1, return_report=True, random_state=0)
    assert_array_equal(report.n_sweeps, 1)
    assert not report.converged.any() and (report.cycle == 0).all()


# Temperature


@pytest.mark.parametrize("rule", ["hebbian", "storkey"])
@pytest.mark.parametrize("order", ["random", "cyclic"])
def test_glauber_dynamics_have_boltzmann_frequencies(rule, order):
    stats = pytest.importorskip("scipy.stats")
    states = np.array(list(itertools.product([-1, 1], repeat=5)))
    net = Hopfield(rule, bias=[0.1, -0.2, 0.0, 0.3, 0.05]).fit([[1, 1, -1, 1, -1], [1, -1, -1, -1, 1]])
    T, n = 0.7, 20000
    final = net.recall(np.ones((n, 5), int), max_sweeps=40, temperature=T, random_state=11, order=order)
    seen = np.bincount((final > 0) @ (2 ** np.arange(5)[::-1]), minlength=32)
    weights = np.exp(-net.energy(states) / T)
    assert stats.chisquare(seen, n * weights / weights.sum()).pvalue > 1e-3


def test_synchronous_updates_at_a_temperature_have_the_probability_of_the_field():
    net = Hopfield(bias=[0.5, -0.5]).fit([[1, -1]])
    n = 40000
    after = net.recall(np.tile([1, 1], (n, 1)), "sync", 1, 3, temperature=0.8)
    p = 1 / (1 + np.exp(-2 * np.array([-0.5 + 0.5, -0.5 - 0.5]) / 0.8))
    np.testing.assert_allclose((after > 0).mean(axis=0), p, atol=4 * 0.5 / np.sqrt(n))


def test_random_numbers_of_sweeps_and_rows_differ():
    net = Hopfield().fit(np.ones((1, 64), int))
    once = net.recall(np.ones((2, 64), int), max_sweeps=1, temperature=9.0, random_state=0)
    twice = net.recall(once, max_sweeps=2, temperature=9.0, random_state=0)
    assert (once[0] != once[1]).any() and (once != twice).any()


# Long calls


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory in use")
@pytest.mark.parametrize("kind", ["packed", "weights", "fields"])
def test_too_little_memory_for_the_threads_is_an_error(kind):
    script = f"""
import resource
import numpy as np
import nncore
from nncore import _core
nncore.set_num_threads(2)
_core.random_normal(np.empty(1 << 22), 0, 1, seed=1)  # starts the other thread
d = 4000 if {kind!r} == "weights" else 1 << 21
n = 3000 if {kind!r} == "weights" else 2
states, previous = np.ones((n, d), np.int8), np.zeros((n, d), np.int8)
counts = np.arange(n), np.zeros(n, np.int64), np.zeros(n, np.int64)
settings = dict(synchronous=True, random_order=False, temperature=1.0, seed=0, first_sweep=0, count=1)
if {kind!r} == "weights":
    weights, bias, fields = np.zeros((d, d), np.float32), np.zeros(d, np.float32), np.zeros((n, d), np.float32)
    call = lambda: _core.hopfield_recall(weights, bias, states, previous, *counts, fields, **settings)
else:
    rows = np.zeros((1, _core.memory_words(d)), np.uint64)
    columns = np.zeros((d, _core.unit_bytes(1)), np.uint8)
    fields = np.zeros((n, d))
    if {kind!r} == "packed":
        call = lambda: _core.packed_hopfield_recall(rows, columns, None, False, states, previous, *counts, **settings)
    else:
        call = lambda: _core.packed_fields(rows, columns, None, False, states, fields)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
for more in (0, 1, 4, 16, 24, 32):
    resource.setrlimit(resource.RLIMIT_AS, (used + (more << 20), resource.RLIM_INFINITY))
    try:
        call()
    except MemoryError:
        print("MemoryError")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert kind == "weights" or "MemoryError" in done.stdout


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("rule", ["hebbian", "storkey"])
def test_ctrl_c_is_answered_within_a_second(rule):
    rng = np.random.default_rng(7)
    memories = signs(rng, (200, 2000))
    net = Hopfield(rule).fit(memories)
    before = memories[:100].copy()
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.7, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        net.recall(memories[:100], temperature=0.5, max_sweeps=10**6)
    assert time.monotonic() - sent[0] < 1
    assert_array_equal(memories[:100], before)
    assert_array_equal(net.memories_, memories)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_is_answered_while_hebbian_weights_are_made():
    net = Hopfield().fit(signs(np.random.default_rng(7), (6000, 8000)))
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.5, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        all(net.weights_.any() for _ in range(100))
    assert time.monotonic() - sent[0] < 1


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_when_asked(monkeypatch):
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    net = Hopfield("storkey", verbose=1).fit(np.ones((2, 6), int))
    net.recall(np.ones((2, 6), int))
    assert "storkey: 100%" in shown.getvalue() and "recall: 100%" in shown.getvalue()
    energy.retrieval_overlap(0.1, 20, n_networks=1, random_state=0, verbose=1)
    assert "capacity: 100%" in shown.getvalue()
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    net.recall(np.ones((2, 6), int), verbose=0)
    assert shown.getvalue() == ""


def test_progress_of_modern_recall_ends_where_it_is_settled(monkeypatch):
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    energy.ModernHopfield(verbose=1).fit(np.eye(4)).recall(np.eye(4))
    assert re.search(r"recall: 100%.* (\d+)/\1 ", shown.getvalue().splitlines()[-1])


def test_progress_is_not_shown_in_a_file(capsys):
    Hopfield("storkey", verbose=1).fit(np.ones((2, 6), int)).recall(np.ones((2, 6), int))
    energy.ModernHopfield(verbose=1).fit(np.eye(4)).recall(np.eye(4))
    energy.retrieval_overlap(0.1, 20, n_networks=1, random_state=0, verbose=1)
    assert capsys.readouterr().err == ""


def test_each_sweep_has_an_order_of_its_own():
    rng = np.random.default_rng(8)
    memories = signs(rng, (60, 200))
    rows, columns = pack(memories)
    states = signs(rng, (20, 200))
    settings = {"synchronous": False, "random_order": True, "temperature": 0.0, "seed": 0, "count": 1}
    first, second = (
        run(
            states,
            lambda *rest, **kw: _core.packed_hopfield_recall(rows, columns, None, False, *rest, **kw),
            first_sweep=sweep,
            **settings,
        )[0]
        for sweep in (0, 1)
    )
    assert (first != second).any()


def test_weights_settle_by_fields_that_no_flip_has_rounded():
    state, weights = np.ones((1, 2), np.int8), np.array([[0.0, -1.0], [-1.0, 0.0]])
    rounded = np.full((1, 2), 0.5)  # says that nothing changes; the true field is -1
    settings = {"synchronous": False, "random_order": False, "temperature": 0.0, "seed": 0, "first_sweep": 0}

    def call(*rest, **kw):
        _core.hopfield_recall(weights, np.zeros(2), *rest, rounded, **kw)

    after, sweeps, cycle = run(state, call, **settings, count=1)
    assert_array_equal(after, state)
    assert sweeps[0] == 1 and cycle[0] == 0
    after, sweeps, cycle = run(state, call, **settings, count=2)
    assert_array_equal(after, [[-1, 1]])
    assert sweeps[0] == 2 and cycle[0] == 1
