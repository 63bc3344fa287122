"""A network as an object: names, live views, state, copies, truncated back-propagation, traces."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose

import nncore.nn as nn
from nncore import textbook

LAYERS = [
    nn.Embedding(11, 3),
    nn.LSTM(3, 5, 2, bidirectional=True),
    nn.Dropout(0.1),
    nn.GRU(10, 4),
    nn.BatchNorm(4),
    nn.Elman(4, 3, bias=False),
    nn.LastStep(),
    nn.Dense(3, 2, "tanh"),
]
SHAPES = {
    "0.weight": (11, 3),
    **{
        f"1.{n}_l0{s}": shape for s in ("", "_reverse") for n, shape in [("weight_ih", (20, 3)), ("weight_hh", (20, 5))]
    },
    **{
        f"1.{n}_l1{s}": shape
        for s in ("", "_reverse")
        for n, shape in [("weight_ih", (20, 10)), ("weight_hh", (20, 5))]
    },
    **{f"1.bias_{n}_l{k}{s}": (20,) for s in ("", "_reverse") for n in ("ih", "hh") for k in (0, 1)},
    "3.weight_ih_l0": (12, 10),
    "3.weight_hh_l0": (12, 4),
    "3.bias_l0": (12,),
    "4.weight": (4,),
    "4.bias": (4,),
    "5.weight_ih_l0": (3, 4),
    "5.weight_hh_l0": (3, 3),
    "7.weight": (2, 3),
    "7.bias": (2,),
}
IDS = np.array([[1, 2, 3, 4], [10, 0, 0, 5], [7, 7, 7, 7]])
TARGET = np.array([[0.0, 1], [1, 0], [0.5, -0.5]])


@pytest.fixture(params=["float32", "float64"])
def net(request):
    return nn.Sequential(LAYERS, dtype=request.param, seed=4)


def test_names_and_shapes(net):
    assert {name: net[name].shape for name in net.names()} == SHAPES
    buffers = set(net.state_dict()) - set(net.names())
    assert buffers == {"4.running_mean", "4.running_var", "4.num_batches_tracked", "3.reset_after"}
    assert nn.Sequential([nn.GRU(3, 4, reset_after=True)]).names() == [
        *("0.weight_ih_l0", "0.weight_hh_l0", "0.bias_ih_l0", "0.bias_hh_l0")
    ]


def test_what_a_network_says_of_itself(net):
    assert [type(layer) for layer in net.layers] == [type(layer) for layer in LAYERS]
    assert net.layers[1].hidden_size == 5
    assert net.seed == 4
    assert net.dtype == net.parameters.dtype
    assert nn.Sequential([nn.Dense(2, 2)]).dtype == np.float32


def test_named_views_are_live(net):
    before = net(IDS)
    net["7.bias"][...] = 3
    assert np.count_nonzero(net.parameters == 3) == 2
    assert (net(IDS) != before).all()
    net.parameters[:] = 0
    assert not net["1.weight_hh_l1_reverse"].any()
    assert np.shares_memory(net["0.weight"], net.parameters)
    net.gradients[:] = 7
    assert net.gradient("1.bias_hh_l1").shape == (20,)
    assert (net.gradient("1.bias_hh_l1") == 7).all()


def places(net):
    """Where each parameter lies in the flat array."""
    start = net.parameters.ctypes.data
    return {n: ((net[n].ctypes.data - start) // net[n].itemsize, net[n].size) for n in net.names()}


@pytest.mark.parametrize(
    "optimizer",
    [nn.SGD(0.1, momentum=0.9, nesterov=True), nn.RMSprop(), nn.Adam(), nn.AdamW(weight_decay=0.1)],
    ids=repr,
)
def test_each_parameter_starts_on_64_bytes_and_padding_stays_zero(net, optimizer):
    padding = np.ones(net.parameters.size, bool)
    for offset, size in places(net).values():
        assert padding[offset : offset + size].all()  # no overlap
        padding[offset : offset + size] = False
    assert all(net[name].ctypes.data % 64 == 0 for name in net.names())
    assert padding.any()
    optimizer = copy.deepcopy(optimizer)
    for _ in range(3):
        net.train_step(IDS, TARGET, nn.MSE(), optimizer, max_grad_norm=1.0)
        assert not net.parameters[padding].any()
        assert not net.gradients[padding].any()


def test_same_seed_same_network():
    one, two, other = (nn.Sequential(LAYERS, seed=s) for s in (7, 7, 8))
    assert (one.parameters == two.parameters).all()
    assert (one.parameters != other.parameters).any()
    values = [
        [n.train_step(IDS, TARGET, nn.MSE(), o) for _ in range(4)] for n, o in ((one, nn.Adam()), (two, nn.Adam()))
    ]
    assert values[0] == values[1]


def test_dropout_differs_from_step_to_step_and_rests_in_inference():
    net = nn.Sequential([nn.Dense(50, 50, bias=False), nn.Dropout(0.5)], seed=1)
    net["0.weight"][...] = np.eye(50)
    x = np.ones((40, 50), np.float32)
    first, second = net.forward(x), net.forward(x)
    assert set(np.unique(first)) == {0, 2}
    assert 0.45 < np.mean(first == 0) < 0.55
    assert 0.4 < np.mean(first == second) < 0.6
    assert (net(x) == x).all()


def test_dropout_draws_each_of_many_features_alone():
    net = nn.Sequential([nn.Dense(1, 1000, bias=False), nn.Dropout(0.5)], seed=1)
    net["0.weight"][...] = 1
    kept = net.forward(np.ones((20, 1))) > 0
    assert 0.47 < kept.mean() < 0.53
    for shift in (1, 4, 256, 500):
        assert 0.45 < np.mean(kept[:, shift:] == kept[:, :-shift]) < 0.55
    for one, other in zip(kept[1:], kept, strict=False):
        assert 0.4 < np.mean(one == other) < 0.6


def test_dropout_of_everything_is_zero_with_a_zero_gradient():
    net = nn.Sequential([nn.Dense(3, 4), nn.Dropout(1.0)], seed=1)
    assert not net.forward(np.ones((2, 3))).any()
    assert not net.backward(np.ones((2, 4)), input_gradient=True).any()
    assert not net.gradients.any()


def test_state_dict_round_trip(net):
    net.train_step(IDS, TARGET, nn.MSE(), nn.Adam())
    other = nn.Sequential(LAYERS, dtype=net.dtype, seed=9)
    other.load_state_dict(net.state_dict())
    assert (other.parameters == net.parameters).all()
    assert (other(IDS) == net(IDS)).all()  # the statistics as well
    taken = net.state_dict()
    taken["7.bias"][...] = 100
    assert (net["7.bias"] != 100).all()


@pytest.mark.parametrize(
    "twin",
    [lambda n: n.copy(), copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))],
    ids=["copy method", "copy", "deepcopy", "pickle"],
)
def test_a_copy_trains_as_the_original_and_apart_from_it(net, twin):
    optimizer = nn.Adam()
    net.train_step(IDS, TARGET, nn.MSE(), optimizer)
    other, again = twin(net), nn.Adam()
    again.load_state_dict(optimizer.state_dict())
    assert (other.parameters == net.parameters).all()
    assert all(other[name].ctypes.data % 64 == 0 for name in other.names())
    kept = other.parameters.copy()
    values = [net.train_step(IDS, TARGET, nn.MSE(), optimizer) for _ in range(3)]
    assert (other.parameters == kept).all()
    assert [other.train_step(IDS, TARGET, nn.MSE(), again) for _ in range(3)] == values
    assert (other.parameters == net.parameters).all()
    assert (other(IDS) == net(IDS)).all()


def test_backward_adds_and_train_step_overwrites():
    net = nn.Sequential([nn.Dense(3, 2)], dtype="float64", seed=0)
    x, dy = np.ones((4, 3)), np.ones((4, 2))
    for _ in range(2):
        net.forward(x)
        assert net.backward(dy) is None
    assert_allclose(net.gradients[:6], 8)
    net.gradients[:] = 1e9
    net.train_step(x, dy, nn.MSE(), nn.SGD(0.0))
    assert np.abs(net.gradients).max() < 100


RECURRENT = {
    "elman": [nn.Elman(3, 5, 2)],
    "lstm": [nn.LSTM(3, 5, 2), nn.Dense(5, 4)],
    "gru": [nn.Dense(3, 3, "tanh"), nn.GRU(3, 5), nn.LSTM(5, 2)],
    "gru reset after": [nn.GRU(3, 5, 2, reset_after=True)],
}


@pytest.mark.parametrize("kind", RECURRENT)
def test_two_halves_with_carried_state_equal_the_whole(kind, rng, fill, state_arrays, random_state):
    net = fill(nn.Sequential(RECURRENT[kind], dtype="float64", seed=0), rng)
    x, start = rng.normal(size=(7, 10, 3)), random_state(RECURRENT[kind], 7, rng)
    whole, end = net(x, state=start, return_state=True)
    first, middle = net(x[:, :4], state=start, return_state=True)
    second, last = net.forward(x[:, 4:], state=middle, return_state=True)
    assert (np.concatenate([first, second], axis=1) == whole).all()
    for a, b in zip(state_arrays(end), state_arrays(last), strict=True):
        assert (a == b).all()


@pytest.mark.parametrize("kind", RECURRENT)
def test_gradients_through_the_state_equal_those_of_the_whole_sequence(
    kind, rng, fill, state_arrays, random_state, assert_close
):
    net = fill(nn.Sequential(RECURRENT[kind], dtype="float64", seed=0), rng)
    x, start = rng.normal(size=(7, 10, 3)), random_state(RECURRENT[kind], 7, rng)
    dy, dend = rng.normal(size=net(x).shape), random_state(RECURRENT[kind], 7, rng)
    net.forward(x, state=start)
    dx, dstart = net.backward(dy, dstate=dend, input_gradient=True, state_gradient=True)
    whole = net.gradients.copy()

    net.gradients[:] = 0
    _, middle = net(x[:, :4], state=start, return_state=True)
    net.forward(x[:, 4:], state=middle)
    dx_second, dmiddle = net.backward(dy[:, 4:], dstate=dend, input_gradient=True, state_gradient=True)
    net.forward(x[:, :4], state=start)
    dx_first, dfirst = net.backward(dy[:, :4], dstate=dmiddle, input_gradient=True, state_gradient=True)
    assert_close(net.gradients, whole, 1e-12)
    assert_close(np.concatenate([dx_first, dx_second], axis=1), dx, 1e-12)
    for a, b in zip(state_arrays(dfirst), state_arrays(dstart), strict=True):
        assert_close(a, b, 1e-12)


def test_train_step_carries_the_state(rng, fill, state_arrays):
    layers = [nn.LSTM(3, 5), nn.Dense(5, 2)]
    net = fill(nn.Sequential(layers, seed=0), rng)
    x, target = rng.normal(size=(4, 6, 3)), rng.normal(size=(4, 6, 2))
    _, expected = net(x, return_state=True)
    value, state = net.train_step(x, target, nn.MSE(), nn.SGD(0.1), return_state=True)
    assert isinstance(value, float)
    for a, b in zip(state_arrays(state), state_arrays(expected), strict=True):
        assert (a == b).all()
    _, expected = net(x, state=state, return_state=True)
    _, state = net.train_step(x, target, nn.MSE(), nn.SGD(0.1), state=state, return_state=True)
    for a, b in zip(state_arrays(state), state_arrays(expected), strict=True):
        assert (a == b).all()


def test_a_sequence_of_length_zero_passes_its_state_on(rng, state_arrays, random_state):
    layers = [nn.GRU(3, 5, bidirectional=True), nn.LSTM(10, 4)]
    net, state = nn.Sequential(layers, dtype="float64", seed=0), random_state(layers, 3, rng)
    y, final = net(rng.normal(size=(3, 4, 3)), [4, 0, 1], state, return_state=True)
    assert not y[1].any()
    assert not y[2, 1:].any()
    for a, b in zip(state_arrays(state), state_arrays(final), strict=True):
        assert (a[:, 1] == b[:, 1]).all()
        assert (a[:, 0] != b[:, 0]).any()


def test_sequences_of_length_zero_alone(state_arrays, random_state, rng):
    layers = [nn.LSTM(3, 5), nn.Dense(5, 2)]
    net, state = nn.Sequential(layers, dtype="float64", seed=0), random_state(layers, 2, rng)
    for call in (net, net.forward):
        y, final = call(np.ones((2, 4, 3)), [0, 0], state, return_state=True)
        assert not y.any()
        assert all((a == b).all() for a, b in zip(state_arrays(state), state_arrays(final), strict=True))
    dx, dstate = net.backward(np.ones((2, 4, 2)), dstate=state, input_gradient=True, state_gradient=True)
    assert not dx.any()
    assert not net.gradients.any()
    assert all((a == b).all() for a, b in zip(state_arrays(state), state_arrays(dstate), strict=True))


def test_inference_from_several_threads_equals_serial(rng):
    net = nn.Sequential([nn.LSTM(8, 32, bidirectional=True), nn.GRU(64, 16), nn.Dense(16, 3)], seed=0)
    inputs = [rng.normal(size=(n, 9, 8)) for n in (1, 7, 30, 2) for _ in range(10)]
    expected = [net(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for y, alone in zip(pool.map(net, inputs), expected, strict=True):
            assert (y == alone).all()


def test_inference_while_forward_is_remembered(rng):
    net = nn.Sequential([nn.LSTM(3, 5), nn.Dense(5, 2)], dtype="float64", seed=0)
    x, dy = rng.normal(size=(4, 6, 3)), rng.normal(size=(4, 6, 2))
    net.forward(x)
    net.backward(dy)
    expected = net.gradients.copy()
    net.gradients[:] = 0
    net.forward(x)
    net(rng.normal(size=(9, 8, 3)))
    net.backward(dy)
    assert (net.gradients == expected).all()


def test_tied_weights_are_one_array():
    net = nn.Sequential([nn.Embedding(7, 5), nn.GRU(5, 5), nn.Dense(5, 7, tied="0.weight")], seed=0)
    assert "2.weight" not in net.names()
    assert "2.bias" in net.names()
    before = net["0.weight"].copy()
    net.train_step(np.zeros((2, 3), int), np.ones((2, 3), int), nn.CrossEntropy(), nn.SGD(0.1))
    assert (net["0.weight"] != before).all()  # rows of words that never came, through the output
    assert (net.copy()(IDS % 7) == net(IDS % 7)).all()


def test_trace_of_an_lstm_equals_the_textbook(rng, fill):
    net = fill(nn.Sequential([nn.LSTM(3, 5)], dtype="float64", seed=0), rng)
    x, lengths = rng.normal(size=(4, 6, 3)), [6, 0, 1, 4]
    [trace] = net.trace(x, lengths)
    W, U = (textbook.split_gates(net[f"0.weight_{k}_l0"], "ifgo") for k in ("ih", "hh"))
    b = textbook.split_gates(net["0.bias_ih_l0"] + net["0.bias_hh_l0"], "ifgo")
    for n, steps in enumerate(lengths):
        states, cells = textbook.lstm(x[n, :steps], np.zeros(5), np.zeros(5), W, U, b)
        assert_allclose(trace["state"][n, :steps], states, rtol=1e-10)
        assert_allclose(trace["cell"][n, :steps], cells, rtol=1e-10)
        before = np.vstack([np.zeros(5), states])[:steps]
        names = {"i": "input_gate", "f": "forget_gate", "g": "candidate", "o": "output_gate"}
        for k, name in names.items():
            squash = np.tanh if k == "g" else textbook.sigmoid
            expected = squash(x[n, :steps] @ W[k].T + before @ U[k].T + b[k])
            assert_allclose(trace[name][n, :steps], expected, rtol=1e-10, err_msg=name)
        assert set(trace) == {*names.values(), "cell", "state"}
        assert not any(array[n, steps:].any() for array in trace.values())


@pytest.mark.parametrize("reset_after", [False, True])
def test_trace_of_a_gru_equals_the_textbook(reset_after, rng, fill):
    layers = [nn.Dense(3, 4), nn.GRU(4, 5, reset_after=reset_after), nn.Dense(5, 2)]
    net = fill(nn.Sequential(layers, dtype="float64", seed=0), rng)
    x = rng.normal(size=(2, 6, 3))
    [trace] = net.trace(x)
    W, U = (textbook.split_gates(net[f"1.weight_{k}_l0"], "rzn") for k in ("ih", "hh"))
    b = textbook.split_gates(net["1.bias_ih_l0" if reset_after else "1.bias_l0"], "rzn")
    b_hh = textbook.split_gates(net["1.bias_hh_l0"] if reset_after else np.zeros(15), "rzn")
    inputs = x @ net["0.weight"].T + net["0.bias"]
    h = trace["state"]
    before = np.concatenate([np.zeros((2, 1, 5)), h[:, :-1]], axis=1)
    r, z = (textbook.sigmoid(inputs @ W[k].T + b[k] + before @ U[k].T + b_hh[k]) for k in "rz")
    late, early = r * (before @ U["n"].T + b_hh["n"]), (r * before) @ U["n"].T
    n = np.tanh(inputs @ W["n"].T + b["n"] + (late if reset_after else early))
    for key, expected in ("reset_gate", r), ("update_gate", z), ("candidate", n):
        assert_allclose(trace[key], expected, rtol=1e-9, err_msg=key)
    assert_allclose(h, (1 - z) * n + z * before if reset_after else (1 - z) * before + z * n, rtol=1e-9)


def test_trace_of_both_directions_equals_the_output(rng):
    net = nn.Sequential([nn.Elman(3, 4, bidirectional=True)], seed=0)
    x = rng.normal(size=(2, 5, 3))
    [trace] = net.trace(x, [5, 2])
    assert (np.concatenate([trace["state"], trace["state_reverse"]], axis=2) == net(x, [5, 2])).all()
