"""What an error says came is what the user gave, not what the core made of it."""

import re

import numpy as np
import pytest

import nncore.nn as nn

N, T, F, H, K = 4, 5, 3, 6, 2
X = np.linspace(-1, 1, N * T * F).reshape(N, T, F)
TARGET = np.linspace(0, 1, N * T * K).reshape(N, T, K)
LENGTHS = np.array([5, 2, 3, 1])
HUGE = 2**63 + 5  # of uint64, beyond int64


@pytest.fixture
def net():
    return nn.Sequential([nn.LSTM(F, H), nn.GRU(H, H), nn.Dense(H, K)], seed=0)


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


def diverges(net, x=X, **arguments):
    """The message of a training step that fails, which changes nothing."""
    optimizer = nn.SGD(0.1)
    before = net.parameters.copy()
    with pytest.raises(FloatingPointError, match="is not finite") as caught:
        net.train_step(x, TARGET, nn.MSE(), optimizer, **arguments)
    assert np.array_equal(net.parameters, before, equal_nan=True)
    assert optimizer.state_dict()["step"] == 0
    return str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_x_that_is_not_finite_is_named_with_its_place(value, net):
    x = changed(X, (3, 0, 1), value)
    said = f"x must be finite, but x[3, 0, 1] is {value}; the "
    assert diverges(net, x).startswith(said)
    assert diverges(net, x.tolist()).startswith(said)
    assert diverges(net, changed(x, (1, 4, 0), np.nan), lengths=LENGTHS).startswith(said)  # not what lies behind an end
    ragged = [sequence[:length] for sequence, length in zip(x, LENGTHS, strict=True)]
    with pytest.raises(FloatingPointError, match=re.escape(said)):
        net.train_step(
            ragged, [t[:n] for t, n in zip(TARGET, LENGTHS, strict=True)], nn.MSE(), nn.SGD(0.1), max_grad_norm=1.0
        )


def test_an_x_that_float32_does_not_hold_is_named_as_it_came(net):
    assert diverges(net, changed(X, (0, 4, 2), -1e300)).startswith(
        "x must be finite, but x[0, 4, 2] is -1e+300, too large for float32; the "
    )


def test_a_state_that_is_not_finite_is_named(net):
    zeros = np.zeros((1, N, H))
    spoilt = changed(zeros, (0, 2, 1), np.nan)
    for state, place in (([(zeros, spoilt), zeros], "state[0][1]"), ([(zeros, zeros), spoilt], "state[1]")):
        assert diverges(net, state=state).startswith(f"{place} must be finite, but {place}[0, 2, 1] is nan; the ")


def test_a_parameter_that_is_not_finite_is_named(net):
    net["1.weight_hh_l0"][3, 2] = np.inf
    assert "1.weight_hh_l0 must be finite, but 1.weight_hh_l0[3, 2] is inf; the " in diverges(net)


def test_a_divergence_of_finite_numbers_names_none(net):
    net["2.weight"][...] = 3e38
    assert diverges(net).startswith("the loss is not finite")


def test_a_target_or_weight_that_float32_does_not_hold_is_shown_as_it_came(net):
    target, weights = changed(TARGET, (2, 1, 0), 1e300), changed(np.ones((N, T)), (2, 1), 1e39)
    rule = "weights must be at least 0 and finite"
    y = np.zeros((N, T, K), np.float32)
    for given, message in (
        ((target,), "target must be finite, but target[2, 1, 0] is 1e+300, too large for float32"),
        ((TARGET, weights), f"{rule}, but weights[2, 1] is 1e+39, too large for float32"),
        ((TARGET, [1e300, 1, 1, 1]), f"{rule}, but weights[0] is 1e+300, too large for float32"),
        ((TARGET, [1, -1, 1, 1]), f"{rule}, but weight 5 is -1"),  # of a step: the core's own words
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            net.train_step(X, given[0], nn.MSE(), nn.SGD(0.1), weights=given[1] if len(given) > 1 else None)
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            nn.MSE()(y, *given)


def test_behind_the_end_of_a_sequence_anything_may_stand(net):
    target, weights = changed(TARGET, (1, 4, 0), 1e300), changed(np.ones((N, T)), (1, 4), 1e300)
    given = {"loss": nn.MSE(), "optimizer": nn.SGD(0.1), "lengths": LENGTHS, "weights": weights}
    assert np.isfinite(net.train_step(X, target, **given))


def test_what_is_wrong_with_a_shape_is_said_of_the_shape(net):
    with pytest.raises(ValueError, match=r"^x must have 3 features, but has 4$"):
        net.train_step(np.full((N, T, 4), 1e300), TARGET, nn.MSE(), nn.SGD(0.1))


def test_integers_beyond_int64_are_shown_as_they_came(net):
    letters = nn.Sequential([nn.Embedding(7, F), nn.Dense(F, K)], seed=0)
    ids = changed(np.zeros((N, T), np.uint64), (2, 1), HUGE)
    labels = changed(np.zeros((N, T), np.uint64), (3, 0), HUGE)
    lengths = np.array([1, HUGE, 1, 1], np.uint64)
    y = np.zeros((N, T, K))
    for call in (letters, letters.forward, lambda x: letters.train_step(x, y, nn.MSE(), nn.SGD(0.1))):
        with pytest.raises(IndexError, match=rf"^x must hold ids .*, but x\[2, 1\] is {HUGE}$"):
            call(ids)
    for step in (lambda t: net.train_step(X, t, nn.CrossEntropy(), nn.SGD(0.1)), lambda t: nn.CrossEntropy()(y, t)):
        with pytest.raises(ValueError, match=rf"^target must hold labels in \[0, 2\), but target\[3, 0\] is {HUGE}$"):
            step(labels)
    with pytest.raises(ValueError, match=rf"^lengths must lie in \[0, 5\], but lengths\[1\] is {HUGE}$"):
        net(X, lengths)


def test_integers_beyond_int64_may_stand_behind_the_end_of_a_sequence():
    letters = nn.Sequential([nn.Embedding(7, F), nn.Dense(F, K)], seed=0)
    ids = changed(np.zeros((N, T), np.uint64), (1, 4), HUGE)
    step = letters.train_step(ids, ids, nn.CrossEntropy(), nn.SGD(0.1), lengths=LENGTHS.astype(np.uint64))
    assert np.isfinite(step)


def masked(array):
    return np.ma.masked_array(array, mask=np.arange(array.size).reshape(array.shape) == 1)


def test_masked_entries_are_refused_and_a_mask_of_nothing_is_not(net):
    step = lambda x=X, target=TARGET, **more: net.train_step(x, target, nn.MSE(), nn.SGD(0.1), **more)  # noqa: E731
    for call, name in (
        (lambda: net(masked(X)), "x"),
        (lambda: step(x=masked(X)), "x"),
        (lambda: step(target=masked(TARGET)), "target"),
        (lambda: step(weights=masked(np.ones(N))), "weights"),
        (lambda: step(lengths=masked(np.full(N, T))), "lengths"),
        (lambda: net([X[0], masked(X[1])]), r"x\[1\]"),
        (lambda: nn.MSE()(masked(TARGET), TARGET), "y"),
    ):
        with pytest.raises(TypeError, match=rf"^{name} must have no masked entries: fill them, as {name}\.filled"):
            call()
    whole = np.ma.masked_array(X, mask=False)
    assert (net(whole) == net(X)).all()
    assert (net(list(whole)) == net(X)).all()


@pytest.mark.peer
def test_a_tensor_that_numpy_cannot_read_is_named_with_what_to_do(net):
    torch = pytest.importorskip("torch", reason="needs tensors of PyTorch")
    for change, advice in ((lambda t: t.requires_grad_(), "x.detach()"), (lambda t: t.bfloat16(), "x.float()")):
        with pytest.raises(TypeError, match=rf"^x must be an array, .* give {re.escape(advice)}: "):
            net(change(torch.ones(N, T, F)))
    with pytest.raises(TypeError, match="^x must be an array: .*sparse|^x must be an array: .*Sparse"):
        net(torch.ones(N, T, F).to_sparse())
    with pytest.raises(TypeError, match=r"^state\[1\] must be an array, .* give state\[1\]\.detach\(\)"):
        net(X, state=[(np.zeros((1, N, H)),) * 2, torch.zeros(1, N, H, requires_grad=True)])
    assert (net(torch.tensor(X)) == net(X)).all()
