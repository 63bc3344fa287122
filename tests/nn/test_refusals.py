"""Unusual calls: what they are told, and that nothing has changed."""

from __future__ import annotations

import copy
import os
import pickle
import threading

import numpy as np
import pytest

from nncore import nn


def test_a_list_of_rows_is_a_batch_of_rows():
    net = nn.Sequential([nn.Dense(3, 2)], seed=0)
    rows = [np.ones(3), np.zeros(3)]
    np.testing.assert_array_equal(net(rows), net(np.stack(rows)))
    np.testing.assert_array_equal(net(tuple(rows)), net(np.stack(rows)))
    losses = [
        net.copy().train_step(x, target, nn.MSE(), nn.SGD(0.1))
        for x, target in ((rows, [np.ones(2), np.ones(2)]), (np.stack(rows), np.ones((2, 2))))
    ]
    assert losses[0] == losses[1]
    with pytest.raises(TypeError, match=r"x\[1\] must have no masked entries"):
        net([np.ones(3), np.ma.masked_array(np.ones(3), [True, False, False])])
    with pytest.raises(ValueError, match="x must"):
        net([np.ones(3), np.ones(2)])


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [(nn.SGD(lr=1e39), "lr"), (nn.Adam(lr=1e39), "lr"), (nn.AdamW(lr=0.1, weight_decay=1e39), "weight_decay")],
    ids=repr,
)
def test_a_setting_that_float32_does_not_hold_is_refused(optimizer, name):
    net = nn.Sequential([nn.Dense(3, 2)], seed=0)
    before = net.parameters.copy()
    for step in (lambda: net.train_step(np.ones((1, 3)), [[1, 1]], nn.MSE(), optimizer), lambda: optimizer.step(net)):
        with pytest.raises(ValueError, match=rf"{name} must be finite in float32, but is 1e\+39"):
            step()
    np.testing.assert_array_equal(net.parameters, before)


def test_an_l2_that_float32_does_not_hold_is_refused():
    net = nn.Sequential([nn.Dense(3, 2)], seed=0)
    with pytest.raises(ValueError, match=r"l2 must be at least 0 and finite in float32, but came as 1e\+39"):
        net.train_step(np.ones((1, 3)), [[1, 1]], nn.MSE(), nn.SGD(0.1), l2=1e39)


def test_weights_that_float32_does_not_hold_are_refused():
    net = nn.Sequential([nn.Dense(3, 2)], seed=0)
    before = net.parameters.copy()
    state = {name: array.astype(np.float64) for name, array in net.state_dict().items()}
    state["0.weight"][1, 2] = 1e300
    with pytest.raises(ValueError, match=r"0.weight must hold numbers of float32, but 0.weight\[1, 2\] is 1e\+300"):
        net.load_state_dict(state)
    np.testing.assert_array_equal(net.parameters, before)


def test_read_only_parameters_are_named():
    net = nn.Sequential([nn.Dense(3, 2)], seed=0)
    net.parameters.flags.writeable = False
    assert net(np.ones((1, 3))).shape == (1, 2)
    for step in (
        lambda: net.train_step(np.ones((1, 3), np.float32), np.ones((1, 2), np.float32), nn.MSE(), nn.SGD(0.1)),
        lambda: nn.SGD(0.1).step(net),
    ):
        with pytest.raises(ValueError, match="parameters, gradients, buffers and outputs must be writeable"):
            step()


@pytest.mark.parametrize("size", [2**31, 2**60, 2**62, 2**70])
def test_a_stream_of_too_many_sequences_is_refused(size):
    with pytest.raises(ValueError, match="batch_size must be at least 1 and below"):
        nn.Sequential([nn.GRU(3, 4)]).stream(size)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_stream_is_not_copied(duplicate):
    with pytest.raises(TypeError, match=r"make another with net.stream\(\)"):
        duplicate(nn.Sequential([nn.GRU(3, 4)]).stream())


@pytest.mark.fork
def test_what_a_thread_used_at_a_fork_is_refused_in_the_child():
    net = nn.Sequential([nn.LSTM(64, 128), nn.Dense(128, 8)], seed=0)
    x, target = np.ones((16, 60, 64), np.float32), np.zeros((16, 60, 8), np.float32)
    stop = threading.Event()

    def train() -> None:
        optimizer = nn.SGD(1e-6)
        while not stop.is_set():
            net.train_step(x, target, nn.MSE(), optimizer)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        codes = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    net.copy().train_step(x, target, nn.MSE(), nn.SGD(0.1))
                    net.train_step(x, target, nn.MSE(), nn.SGD(0.1))
                    code = 0  # forked between two steps
                except RuntimeError as error:
                    code = 0 if "when this process was forked" in str(error) else 2
                finally:
                    os._exit(code)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    finally:
        stop.set()
        thread.join()
    assert codes == [0] * 4
