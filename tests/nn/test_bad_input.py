"""What a network refuses: the error names the argument, and nothing has changed."""

import threading

import numpy as np
import pytest

import nncore.nn as nn

N, T, F, H, K = 4, 5, 3, 6, 2
X = np.linspace(-1, 1, N * T * F).reshape(N, T, F)
TARGET = np.linspace(0, 1, N * T * K).reshape(N, T, K)
H0 = np.zeros((1, N, H))


@pytest.fixture
def net(rng, fill):
    """A trained network, its gradients not 0."""
    net = fill(nn.Sequential([nn.LSTM(F, H), nn.BatchNorm(H), nn.Dense(H, K)], dtype="float64", seed=0), rng)
    net.train_step(X, TARGET, nn.MSE(), nn.SGD(0.1))
    return net


@pytest.fixture
def optimizer(net):
    optimizer = nn.Adam()
    net.train_step(X, TARGET, nn.MSE(), optimizer)
    return optimizer


@pytest.fixture
def letters(rng, fill):
    return fill(nn.Sequential([nn.Embedding(7, F), nn.GRU(F, H), nn.Dense(H, K)], dtype="float64", seed=0), rng)


def everything(*things):
    """All that a refused call must leave alone, as bytes."""
    parts = []
    for thing in things:
        if hasattr(thing, "gradients"):
            parts += [thing.parameters.tobytes(), thing.gradients.tobytes()]
        parts += [(k, np.asarray(v).tobytes() if k != "optimizer" else v) for k, v in thing.state_dict().items()]
    return parts


def refused(call, error, argument, *things):
    before = everything(*things)
    with pytest.raises(error, match=rf"\b{argument}\b") as caught:
        call()
    assert everything(*things) == before
    return str(caught.value)


BAD_X = {
    "one dimension": (X[0, 0], ValueError),
    "two dimensions": (X[0], ValueError),
    "four dimensions": (X[None], ValueError),
    "too few features": (X[..., :2], ValueError),
    "too many features": (np.zeros((N, T, F + 1)), ValueError),
    "empty batch": (X[:0], ValueError),
    "no steps": (X[:, :0], ValueError),
    "a number": (1.0, ValueError),
    "complex": (X.astype(complex), TypeError),
    "bool": (X > 0, TypeError),
    "object": (X.astype(object), TypeError),
    "float16": (X.astype(np.float16), TypeError),
    "text": (X.astype(str), TypeError),
    "nothing": (None, TypeError),
    "ragged lists": ([[[1.0, 2, 3]], [[1.0, 2]]], (ValueError, TypeError)),
}


@pytest.mark.parametrize("name", BAD_X)
def test_input(name, net, optimizer):
    x, error = BAD_X[name]
    refused(lambda: net(x), error, "x", net)
    refused(lambda: net.forward(x), error, "x", net)
    refused(lambda: net.train_step(x, TARGET, nn.MSE(), optimizer), error, "x", net, optimizer)


def test_the_message_says_what_must_be_and_what_came(net):
    message = refused(lambda: net(np.zeros((N, T, 8))), ValueError, "x", net)
    assert "3" in message
    assert "8" in message


BAD_IDS = {
    "too large": (np.full((N, T), 7), (ValueError, IndexError)),
    "negative": (np.full((N, T), -1), (ValueError, IndexError)),
    "real": (np.zeros((N, T)), TypeError),
    "bool": (np.zeros((N, T), bool), TypeError),
    "object": (np.zeros((N, T), object), TypeError),
    "beyond int64": (np.full((N, T), 2**63, np.uint64), (ValueError, IndexError)),
    "three dimensions": (np.zeros((N, T, 1), int), ValueError),
    "empty": (np.zeros((0, T), int), ValueError),
}


@pytest.mark.parametrize("name", BAD_IDS)
def test_ids(name, letters):
    ids, error = BAD_IDS[name]
    optimizer = nn.Adam()  # its first step is refused
    refused(lambda: letters(ids), error, "x", letters)
    refused(lambda: letters.train_step(ids, TARGET, nn.MSE(), optimizer), error, "x", letters, optimizer)


def test_ids_behind_the_end_of_a_sequence_are_not_looked_at(letters):
    ids = np.zeros((N, T), int)
    ids[1, 2:] = -1
    assert np.isfinite(letters(ids, [T, 2, T, T])).all()


BAD_LENGTHS = {
    "negative": ([1, 2, -1, 3], ValueError),
    "beyond the steps": ([1, 2, T + 1, 3], ValueError),
    "too few": ([1, 2, 3], ValueError),
    "too many": ([1, 2, 3, 4, 5], ValueError),
    "two dimensions": ([[1, 2, 3, 4]], ValueError),
    "one number": (3, ValueError),
    "real": ([1.0, 2.0, 3.0, 4.0], TypeError),
    "bool": ([True, True, True, False], TypeError),
    "text": ("1234", (TypeError, ValueError)),
    "huge": (np.full(N, 2**63, np.uint64), ValueError),
}


@pytest.mark.parametrize("name", BAD_LENGTHS)
def test_lengths(name, net, optimizer):
    lengths, error = BAD_LENGTHS[name]
    refused(lambda: net(X, lengths), error, "lengths", net)
    refused(lambda: net.forward(X, lengths), error, "lengths", net)
    call = lambda: net.train_step(X, TARGET, nn.MSE(), optimizer, lengths=lengths)  # noqa: E731
    refused(call, error, "lengths", net, optimizer)
    refused(lambda: nn.MSE()(TARGET, TARGET, None, lengths), error, "lengths", net)


def test_lengths_of_rows():
    net = nn.Sequential([nn.Dense(F, K)], seed=0)
    refused(lambda: net(X[0], [1, 2, 3, 4, 5]), ValueError, "lengths", net)


def with_value(array, value):
    array = array.copy()
    array[1, 2] = value
    return array


BAD_TARGETS = {
    "NaN": (nn.MSE(), with_value(TARGET, np.nan), ValueError),
    "infinite": (nn.Huber(), with_value(TARGET, np.inf), ValueError),
    "beyond float32": (nn.MSE(), with_value(TARGET.astype(object), 10**400), TypeError),
    "another width": (nn.MSE(), TARGET[..., :1], ValueError),
    "another batch": (nn.MSE(), TARGET[:2], ValueError),
    "another rank": (nn.MSE(), TARGET[..., 0], ValueError),
    "complex": (nn.MSE(), TARGET.astype(complex), TypeError),
    "bool": (nn.MSE(), TARGET > 0, TypeError),
    "a probability above one": (nn.BinaryCrossEntropy(), with_value(TARGET, 1.5), ValueError),
    "a probability below zero": (nn.BinaryCrossEntropy(), with_value(TARGET, -0.5), ValueError),
    "a label out of range": (nn.CrossEntropy(), np.full((N, T), K), (ValueError, IndexError)),
    "a negative label": (nn.CrossEntropy(), np.full((N, T), -1), (ValueError, IndexError)),
    "real labels": (nn.CrossEntropy(), np.zeros((N, T)), TypeError),
    "labels of another shape": (nn.CrossEntropy(), np.zeros(N, int), ValueError),
    "nothing": (nn.MSE(), None, TypeError),
}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_target(name, net, optimizer):
    loss, target, error = BAD_TARGETS[name]
    y = np.zeros((N, T, K))
    refused(lambda: loss(y, target), error, "target", net)
    refused(lambda: net.train_step(X, target, loss, optimizer), error, "target", net, optimizer)


def test_targets_behind_the_end_of_a_sequence_are_not_looked_at(net, optimizer):
    lengths = np.array([5, 2, 3, 1])
    value = net.train_step(X, with_value(TARGET, np.nan), nn.MSE(), optimizer, lengths=lengths)
    assert np.isfinite(value)
    labels = np.full((N, T), -100)
    labels[:, 0] = 1
    assert np.isfinite(net.train_step(X, labels, nn.CrossEntropy(), optimizer, lengths=np.ones(N, int)))


BAD_WEIGHTS = {
    "sum to zero": (np.zeros(N), ValueError),
    "negative": (np.array([1.0, -1, 1, 1]), ValueError),
    "NaN": (np.array([1.0, np.nan, 1, 1]), ValueError),
    "infinite": (np.array([1.0, np.inf, 1, 1]), ValueError),
    "another batch": (np.ones(N + 1), ValueError),
    "another rank": (np.ones((N, T, K)), ValueError),
    "other steps": (np.ones((N, T + 1)), ValueError),
    "complex": (np.ones(N, complex), TypeError),
    "bool": (np.ones(N, bool), TypeError),
    "object": (np.ones(N, object), TypeError),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_weights(name, net, optimizer):
    weights, error = BAD_WEIGHTS[name]
    refused(lambda: nn.MSE()(TARGET, TARGET, weights), error, "weights", net)
    call = lambda: net.train_step(X, TARGET, nn.MSE(), optimizer, weights=weights)  # noqa: E731
    refused(call, error, "weights", net, optimizer)


def test_weights_that_only_padding_has(net, optimizer):
    weights, lengths = np.zeros((N, T)), np.full(N, 2)
    weights[:, 2:] = 1
    call = lambda: net.train_step(X, TARGET, nn.MSE(), optimizer, lengths=lengths, weights=weights)  # noqa: E731
    refused(call, ValueError, "weights", net, optimizer)


BAD_STATES = {
    "of another hidden size": ([(np.zeros((1, N, H + 1)), H0)], ValueError),
    "of another batch": ([(np.zeros((1, N - 1, H)), np.zeros((1, N - 1, H)))], ValueError),
    "of more layers": ([(np.zeros((2, N, H)), np.zeros((2, N, H)))], ValueError),
    "of another network": ([H0, (H0, H0)], ValueError),
    "of a GRU": ([H0], (ValueError, TypeError)),
    "empty": ([], ValueError),
    "of text": ([("h", "c")], (ValueError, TypeError)),
    "complex": ([(H0.astype(complex), H0)], TypeError),
    "bool": ([(H0 > 0, H0)], TypeError),
    "a number": (3, (ValueError, TypeError)),
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_state(name, net, optimizer):
    state, error = BAD_STATES[name]
    refused(lambda: net(X, state=state), error, "state", net)
    refused(lambda: net.forward(X, state=state), error, "state", net)
    call = lambda: net.train_step(X, TARGET, nn.MSE(), optimizer, state=state)  # noqa: E731
    refused(call, error, "state", net, optimizer)
    net.forward(X)
    refused(lambda: net.backward(TARGET, dstate=state), error, "dstate", net)


def test_one_row_has_no_statistics(net, optimizer):
    for x, lengths in ((X[:1, :1], None), (X, [1, 0, 0, 0])):
        target = TARGET[: len(x), : x.shape[1]]
        refused(lambda x=x, n=lengths: net.forward(x, n), ValueError, "BatchNorm", net)
        call = lambda x=x, t=target, n=lengths: net.train_step(x, t, nn.MSE(), optimizer, n)  # noqa: E731
        refused(call, ValueError, "BatchNorm", net, optimizer)


def test_no_valid_step_to_learn_from(net, optimizer):
    call = lambda: net.train_step(X, TARGET, nn.MSE(), optimizer, lengths=[0] * N)  # noqa: E731
    refused(call, ValueError, r"lengths|target|x", net, optimizer)


def test_what_is_refused_does_not_use_up_the_forward(letters):
    letters.forward(np.zeros((N, T), int))
    for call in (
        lambda: letters.forward(np.full((N, T), 7)),
        lambda: letters.forward(np.zeros((N, T), int), lengths=[T + 1] * N),
        lambda: letters.train_step(np.zeros((N, T), int), np.full((N, T), K), nn.CrossEntropy(), nn.Adam()),
    ):
        with pytest.raises((ValueError, IndexError)):
            call()
    letters.backward(TARGET)


def test_gradient_of_another_shape_or_type(net):
    net.forward(X)
    for dy, error in (
        (TARGET[:2], ValueError),
        (TARGET[..., :1], ValueError),
        (TARGET[0], ValueError),
        (TARGET.astype(complex), TypeError),
        (TARGET > 0, TypeError),
        (None, TypeError),
    ):
        refused(lambda dy=dy: net.backward(dy), error, "dy", net)
    net.backward(TARGET)  # what was refused has not used up the forward


def test_backward_without_a_forward(net):
    refused(lambda: net.copy().backward(TARGET), RuntimeError, "forward", net)
    fresh = nn.Sequential([nn.Dense(F, K)], seed=0)
    refused(lambda: fresh.backward(np.zeros((1, K))), RuntimeError, "forward", fresh)


def test_input_gradient_of_ids(letters):
    letters.forward(np.zeros((N, T), int))
    refused(lambda: letters.backward(TARGET, input_gradient=True), ValueError, "input_gradient", letters)


@pytest.mark.parametrize("max_norm", [-1.0, np.nan, "1", True])
def test_max_grad_norm(max_norm, net, optimizer):
    call = lambda: net.train_step(X, TARGET, nn.MSE(), optimizer, max_grad_norm=max_norm)  # noqa: E731
    refused(call, (ValueError, TypeError), "max_grad_norm", net, optimizer)
    refused(lambda: nn.clip_grad_norm(net, max_norm), (ValueError, TypeError), "max_norm", net)


@pytest.mark.parametrize("flag", ["no", 0, 1, None, np.ones(1, bool)])
def test_flags(flag, net, optimizer):
    refused(lambda: net(X, return_state=flag), TypeError, "return_state", net)
    refused(lambda: net.forward(X, return_state=flag), TypeError, "return_state", net)
    call = lambda: net.train_step(X, TARGET, nn.MSE(), optimizer, return_state=flag)  # noqa: E731
    refused(call, TypeError, "return_state", net, optimizer)
    net.forward(X)
    for name in ("input_gradient", "state_gradient"):
        refused(lambda name=name: net.backward(TARGET, **{name: flag}), TypeError, name, net)
    assert net.backward(TARGET, input_gradient=np.bool_(True)).shape == X.shape


@pytest.mark.parametrize("no_network", [3, None, "net", np.zeros(3)])
def test_a_network_of_another_kind(no_network, net, optimizer):
    fresh = nn.SGD(0.1)
    refused(lambda: nn.clip_grad_norm(no_network, 1.0), TypeError, "net", net)
    refused(lambda: optimizer.step(no_network), TypeError, "net", net, optimizer)
    refused(lambda: fresh.step(no_network), TypeError, "net", net)


def test_loss_and_optimizer_of_another_kind(net, optimizer):
    refused(lambda: net.train_step(X, TARGET, "mse", optimizer), TypeError, "loss", net, optimizer)
    refused(lambda: net.train_step(X, TARGET, nn.MSE, optimizer), TypeError, "loss", net, optimizer)
    refused(lambda: net.train_step(X, TARGET, nn.MSE(), "adam"), TypeError, "optimizer", net)
    refused(lambda: net.train_step(X, TARGET, nn.MSE(), nn.Adam), TypeError, "optimizer", net)


def test_optimizer_of_another_network(net, optimizer):
    other = net.copy()
    refused(lambda: optimizer.step(other), ValueError, "optimizer", net, other, optimizer)
    call = lambda: other.train_step(X, TARGET, nn.MSE(), optimizer)  # noqa: E731
    refused(call, ValueError, "optimizer", net, other, optimizer)


def test_parameters_of_another_network(net):
    other = nn.Sequential([nn.LSTM(F, H + 1), nn.BatchNorm(H + 1), nn.Dense(H + 1, K)], dtype="float64", seed=0)
    message = refused(lambda: net.load_state_dict(other.state_dict()), ValueError, "0.weight_ih_l0", net)
    assert "(24, 3)" in message
    assert "(28, 3)" in message
    good = net.state_dict()
    missing = {k: v for k, v in good.items() if k != "2.bias"}
    refused(lambda: net.load_state_dict(missing), (ValueError, KeyError), "2.bias", net)
    more = {**good, "3.bias": np.zeros(1)}
    refused(lambda: net.load_state_dict(more), (ValueError, KeyError), "3.bias", net)
    for value, error in ((good["2.bias"].astype(complex), TypeError), (None, (TypeError, ValueError))):
        refused(lambda v=value: net.load_state_dict({**good, "2.bias": v}), error, "2.bias", net)
    refused(lambda: net.load_state_dict(7), TypeError, "mapping", net)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("reset_after", [True, False])
def test_parameters_of_the_other_form_of_the_gru(reset_after, bias):
    net, other = (
        nn.Sequential([nn.GRU(F, H, reset_after=r, bias=bias)], seed=0) for r in (reset_after, not reset_after)
    )
    refused(lambda: net.load_state_dict(other.state_dict()), ValueError, "reset_after|bias_l0|bias_hh_l0", net)


def test_divergence_leaves_the_parameters(net, optimizer):
    for x in (with_value(X, np.nan), with_value(X, np.inf)):
        before = everything(net, optimizer)
        with pytest.raises(FloatingPointError):
            net.train_step(x, TARGET, nn.MSE(), optimizer)
        after = everything(net, optimizer)
        assert after[0] == before[0]
        assert after[2:] == before[2:]  # buffers and optimizer; the gradients may be the new ones
    net["2.weight"][...] = 1e200
    parameters = net.parameters.copy()
    with pytest.raises(FloatingPointError):
        net.train_step(X, TARGET, nn.MSE(), optimizer)
    assert (net.parameters == parameters).all()


def test_a_training_call_from_a_second_thread():
    net = nn.Sequential([nn.LSTM(32, 128), nn.Dense(128, K)], seed=0)
    x, target = np.ones((64, 40, 32), np.float32), np.zeros((64, 40, K))
    refusals, finished, done = [], [], threading.Event()

    def train():
        optimizer = nn.SGD(0.0)
        try:
            while not done.is_set() and len(finished) < 2000:
                try:
                    net.train_step(x, target, nn.MSE(), optimizer)
                    finished.append(True)
                except RuntimeError as error:
                    refusals.append(str(error))
                    done.set()
        finally:
            done.set()

    optimizers = [threading.Thread(target=train) for _ in range(2)]
    for thread in optimizers:
        thread.start()
    for thread in optimizers:
        thread.join()
    assert refusals
    assert all("in use by another thread" in message for message in refusals)
    assert np.isfinite(net.parameters).all()
    net.forward(x)  # and it can be used again


def test_parameters_and_gradients_cannot_be_replaced(net):
    for name in ("parameters", "gradients"):
        with pytest.raises(AttributeError):
            setattr(net, name, np.zeros(3))
    with pytest.raises(KeyError, match=r"7\.weight"):
        net["7.weight"]
