"""Ctrl-C within one long call: it is given up, and what it was to change is as before."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import nncore
from nncore import nn


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    before = nncore.get_num_threads()
    nncore.set_num_threads(1)
    yield
    nncore.set_num_threads(before)


def interrupted(call):
    """Call something that takes longer than the moment until Ctrl-C comes."""
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call()
    timer.join()


@pytest.fixture(autouse=True)
def alarm():
    """The alarm clock interrupts too."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGALRM, before)


def works_as_new(net):
    """Whether forward and backward do what they do in a network that nothing has happened to."""
    x = np.random.default_rng(1).standard_normal((3, 4, net.layers[0].input_size), dtype=np.float32)
    fresh = nn.Sequential(net.layers)
    fresh.parameters[:] = net.parameters
    for each in (net, fresh):
        each.gradients[:] = 0
        each.backward(np.ones_like(each.forward(x)))
    assert_array_equal(net(x), fresh(x))
    assert_array_equal(net.gradients, fresh.gradients)


@pytest.mark.kernel
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(
    "layer", [nn.LSTM(8, 512), nn.GRU(8, 512), nn.GRU(8, 512, reset_after=True), nn.Elman(8, 1024)], ids=str
)
def test_a_long_call_is_given_up(layer):
    rng = np.random.default_rng(0)
    net = nn.Sequential([layer], seed=0)
    parameters = net.parameters.copy()
    x = rng.standard_normal((16, 1200, 8), dtype=np.float32)
    interrupted(lambda: net(x))
    interrupted(lambda: net.forward(x))
    dy = np.ones((16, 1200, layer.hidden_size), np.float32)
    with pytest.raises(RuntimeError, match="backward needs a forward before it"):
        net.backward(dy)
    optimizer = nn.Adam()
    interrupted(lambda: net.train_step(x, dy, nn.MSE(), optimizer))
    assert_array_equal(net.parameters, parameters)
    net.forward(x)
    net.backward(dy)
    most = np.abs(net.gradients).max()
    net.gradients[:] = 0
    net.forward(x)
    interrupted(lambda: net.backward(dy, input_gradient=True))
    assert np.abs(net.gradients).max() <= 2 * most  # a part of what was to be added, and no gates
    assert_array_equal(net.parameters, parameters)
    works_as_new(net)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("long_way", [False, True])
def test_a_step_that_was_taken_counts(long_way):
    """A short call is not given up: Ctrl-C comes right behind it."""
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 64, 100, 32), dtype=np.float32)
    made = [nn.Sequential([nn.LSTM(32, 32), nn.Dropout(0.5)], seed=0) for _ in range(2)]
    optimizers = [nn.Adam() for _ in made]
    lengths = np.full(64, 100) if long_way else None

    def step(net, optimizer):
        net.train_step(x, dy, nn.MSE(), optimizer, lengths=lengths)

    for _ in range(3):
        for net, optimizer in zip(made, optimizers, strict=True):
            step(net, optimizer)
        before = made[0].parameters.copy()
        signal.setitimer(signal.ITIMER_REAL, 1e-3)  # within the step, which takes longer
        with pytest.raises(KeyboardInterrupt):
            step(made[0], optimizers[0])
        if not np.array_equal(made[0].parameters, before):
            step(made[1], optimizers[1])
        for net in made:
            net.forward(x, lengths)
    assert optimizers[0].state_dict()["step"] == optimizers[1].state_dict()["step"]
    assert_array_equal(made[0].parameters, made[1].parameters)
    assert_array_equal(made[0].forward(x), made[1].forward(x))


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("raises", [False, True])
def test_a_handler_may_compute_and_be_interrupted(raises):
    outer, inner = (nn.Sequential([nn.LSTM(8, 512)], seed=seed) for seed in (0, 1))
    x = np.random.default_rng(0).standard_normal((16, 1200, 8), dtype=np.float32)
    expected, found = inner(x), []

    def handler(number, frame):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if raises:
            interrupted(lambda: inner(x))
            raise KeyError("from the handler")
        found.append(inner(x))

    y = outer(x)
    signal.signal(signal.SIGINT, handler)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    if raises:
        with pytest.raises(KeyError, match="from the handler"):
            outer(x)
    else:
        assert_array_equal(outer(x), y)
        assert_array_equal(found[0], expected)
    timer.join()


@pytest.mark.usefixtures("ctrl_c")
def test_what_a_handler_raises_is_no_refusal():
    net = nn.Sequential([nn.LSTM(8, 512)], seed=0)
    x, dy = np.zeros((16, 1200, 8), np.float32), np.ones((16, 1200, 512), np.float32)

    def handler(number, frame):
        raise FloatingPointError("from the handler")

    signal.signal(signal.SIGINT, handler)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(FloatingPointError, match="from the handler"):
        net.train_step(x, dy, nn.MSE(), nn.Adam())
    timer.join()


@pytest.mark.usefixtures("ctrl_c")
def test_a_handler_that_does_not_raise_gives_nothing_up():
    net = nn.Sequential([nn.LSTM(8, 512)], seed=0)
    x = np.random.default_rng(0).standard_normal((16, 800, 8), dtype=np.float32)
    came = []
    signal.signal(signal.SIGINT, lambda *_: came.append(1))
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    y = net(x)
    timer.join()
    assert len(came) == 1
    assert_array_equal(y, net(x))
