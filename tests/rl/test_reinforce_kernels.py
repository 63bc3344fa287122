"""The kernels of REINFORCE against NumPy, PyTorch and finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from nncore import _core, textbook

SIZES = [5, 7, 3]


def learner(sizes: list[int] = SIZES, environments: int = 2, **settings: Any) -> Any:
    weighing = {"gamma": 0.9, "baseline": True, "standardize": True, "cut_at_reward": False, **settings}
    return _core.ReinforceFloat64(sizes, environments, **weighing, seed=3)


def parameters_of(made: Any, seed: int = 0) -> np.ndarray:
    """Random ones; the padding stays 0."""
    rng = np.random.default_rng(seed)
    out = np.zeros(made.size)
    for inputs, outputs, stride, weight, bias in made.layers:
        out[weight:bias].reshape(inputs, stride)[:, :outputs] = rng.normal(size=(inputs, outputs))
        out[bias : bias + outputs] = rng.normal(size=outputs)
    return out


def played(made: Any, parameters: np.ndarray, lengths: list[list[int]], seed: int = 0) -> list[Any]:
    """Play random episodes of these lengths in each environment; observations, actions and rewards, as they end."""
    rng = np.random.default_rng(seed)
    count, d = len(lengths), made.layers[0][0]
    left = [list(each) for each in lengths]
    open_: list[Any] = [([], [], []) for _ in lengths]
    ended = []
    while any(left):
        x = rng.normal(size=(count, d)) * (rng.random((count, d)) < 0.6)
        actions = np.empty(count, np.int64)
        made.act(parameters, x, actions)
        rewards = rng.integers(-1, 2, count).astype(float)
        valid = np.array([bool(each) for each in left])
        over = np.zeros(count, bool)
        for e in range(count):
            if not valid[e]:
                continue
            for part, value in zip(open_[e], (x[e], actions[e], rewards[e]), strict=True):
                part.append(value)
            left[e][0] -= 1
            if left[e][0] == 0:
                over[e] = True
                left[e].pop(0)
                ended.append(tuple(map(np.array, open_[e])))
                open_[e] = ([], [], [])
        made.take(rewards, over.view(np.uint8), valid.view(np.uint8))
    return ended


def weights(episodes: list[Any], gamma: float, baseline: bool, standardize: bool, cut: bool) -> np.ndarray:
    all_ = np.concatenate([textbook.rewards_to_go(r, gamma, cut_at_reward=cut) for _, _, r in episodes])
    spread = all_.std() if standardize else 1.0
    return (all_ - (all_.mean() if baseline else 0.0)) / spread


def torch_gradient(made: Any, parameters: np.ndarray, episodes: list[Any], advantages: np.ndarray) -> Any:
    """Loss, and the gradient in the kernel's order."""
    torch = pytest.importorskip("torch")
    flat = torch.tensor(parameters, requires_grad=True)
    x = torch.tensor(np.concatenate([o for o, _, _ in episodes]))
    for number, (inputs, outputs, stride, weight, bias) in enumerate(made.layers):
        x = x @ flat[weight:bias].reshape(inputs, stride)[:, :outputs] + flat[bias : bias + outputs]
        x = torch.relu(x) if number + 1 < len(made.layers) else torch.log_softmax(x, 1)
    actions = torch.tensor(np.concatenate([a for _, a, _ in episodes]))
    loss = -(x.gather(1, actions[:, None])[:, 0] * torch.tensor(advantages)).mean()
    loss.backward()
    return loss.item(), flat.grad.numpy()


@pytest.mark.parametrize("sizes", [[5, 3], [5, 7, 3], [6, 20, 9, 4]])
@pytest.mark.parametrize(
    ("baseline", "standardize", "cut"), [(True, True, False), (False, False, True), (True, False, True)]
)
def test_the_gradient_is_pytorchs(sizes: list[int], baseline: bool, standardize: bool, cut: bool) -> None:
    made = learner(sizes, baseline=baseline, standardize=standardize, cut_at_reward=cut)
    parameters = parameters_of(made)
    episodes = played(made, parameters, [[4, 1, 6], [7, 3]])
    assert (made.episodes, made.steps) == (5, 21)
    expected = torch_gradient(made, parameters, episodes, weights(episodes, 0.9, baseline, standardize, cut))
    gradients = np.empty(made.size)
    loss = made.gradient(parameters, gradients)
    assert_allclose(loss, expected[0], rtol=1e-12)
    assert_allclose(gradients, expected[1], rtol=1e-10, atol=1e-13)
    assert made.episodes == 0
    assert made.gradient(parameters, gradients) == 0
    assert not gradients.any()


def test_the_gradient_is_that_of_finite_differences() -> None:
    def loss(parameters: np.ndarray, gradients: np.ndarray) -> float:
        made = learner([3, 4, 2], 1)
        played(made, base, [[6, 5]])
        return float(made.gradient(parameters, gradients))

    base = parameters_of(learner([3, 4, 2], 1))
    gradients, scratch = np.empty(len(base)), np.empty(len(base))
    loss(base, gradients)
    for index in np.flatnonzero(base):
        step = np.zeros(len(base))
        step[index] = 1e-6
        slope = (loss(base + step, scratch) - loss(base - step, scratch)) / 2e-6
        assert_allclose(gradients[index], slope, rtol=1e-6, atol=1e-8)


def test_a_linear_policy_takes_the_textbooks_step() -> None:
    made = learner([4, 3], 1, standardize=False)
    parameters = parameters_of(made)
    inputs, outputs, stride, weight, bias = made.layers[0]
    parameters[bias:] = 0
    ((states, actions, rewards),) = played(made, parameters, [[8]])
    W = parameters[weight:bias].reshape(inputs, stride)[:, :outputs].T
    returns = textbook.rewards_to_go(rewards, 0.9)
    expected = textbook.reinforce_step(W, states, actions, returns, 0.5, returns.mean())
    gradients = np.empty(made.size)
    made.gradient(parameters, gradients)
    moved = (parameters - 0.5 * gradients)[weight:bias].reshape(inputs, stride)[:, :outputs].T
    assert_allclose(moved, expected, rtol=1e-10, atol=1e-13)


def test_actions_are_drawn_as_often_as_their_probabilities_say() -> None:
    made = learner([2, 3], 1000)
    parameters = parameters_of(made)
    row = np.array([[0.3, -0.2]])
    p = np.empty((1, 3))
    made.probabilities(parameters, row, p)
    counts = np.zeros(3)
    for _ in range(20):
        actions = np.empty(1000, np.int64)
        made.act(parameters, np.repeat(row, 1000, axis=0), actions)
        counts += np.bincount(actions, minlength=3)
        made.take(np.zeros(1000), np.ones(1000, np.uint8), np.ones(1000, np.uint8))
    expected = 20_000 * p[0]
    assert ((counts - expected) ** 2 / expected).sum() < 13.8  # chi-squared, 2 degrees of freedom, p = 0.001


@pytest.mark.kernel
@pytest.mark.parametrize("place", range(70))
def test_a_number_among_zeros_is_seen_wherever_it_is(place: int) -> None:
    made = learner([70, 3], 1)
    observation = np.zeros((1, 70))
    observation[0, place] = 0.5
    made.act(parameters_of(made), observation, np.empty(1, np.int64))
    made.take(np.zeros(1), np.ones(1, np.uint8), np.ones(1, np.uint8))
    assert made.state()["indices"].tolist() == [place]
    assert made.state()["values"].tolist() == [0.5]


def test_draws_go_on_after_a_restart() -> None:
    def draws(calls: int) -> list[int]:
        made = learner([2, 4], 50)
        made.restart(calls)
        actions = np.empty(50, np.int64)
        made.act(np.zeros(made.size), np.ones((50, 2)), actions)
        return actions.tolist()

    assert draws(7) == draws(7) != draws(8)


def test_steps_that_were_none_are_forgotten() -> None:
    made = learner([2, 2], 2)
    parameters, actions = parameters_of(made), np.empty(2, np.int64)
    flags = np.array([1, 0], np.uint8)
    made.act(parameters, np.ones((2, 2)), actions)
    made.take(np.ones(2), np.ones(2, np.uint8), flags)
    assert (made.episodes, made.steps) == (1, 1)


@given(st.lists(st.sampled_from([np.nan, np.inf, -np.inf]), min_size=1, max_size=1), st.integers(0, 3))
@settings(max_examples=10)
def test_numbers_that_are_none_are_refused(bad: list[float], place: int) -> None:
    made = learner([2, 2], 2)
    actions = np.empty(2, np.int64)
    x = np.ones((2, 2))
    x.flat[place] = bad[0]
    with pytest.raises(ValueError, match="observations must be finite"):
        made.act(np.zeros(made.size), x, actions)
    made.act(np.zeros(made.size), np.ones((2, 2)), actions)
    with pytest.raises(ValueError, match="rewards must be finite"):
        made.take(np.array([0.0, bad[0]]), np.zeros(2, np.uint8), np.ones(2, np.uint8))


def test_what_does_not_fit_is_refused() -> None:
    made = learner([2, 2], 2)
    actions, ones = np.empty(2, np.int64), np.ones(2, np.uint8)
    with pytest.raises(ValueError, match="rewards must follow actions"):
        made.take(np.zeros(2), ones, ones)
    with pytest.raises(ValueError, match=r"observations must have shape \(2, 2\), but have \(2, 3\)"):
        made.act(np.zeros(made.size), np.ones((2, 3)), actions)
    with pytest.raises(ValueError, match="parameters must have length"):
        made.act(np.zeros(3), np.ones((2, 2)), actions)
    made.act(np.zeros(made.size), np.ones((2, 2)), actions)
    with pytest.raises(ValueError, match="must be taken first"):
        made.act(np.zeros(made.size), np.ones((2, 2)), actions)
    for sizes in ([3], [3, 0, 2], []):
        with pytest.raises(ValueError, match="sizes must be"):
            learner(sizes)
    with pytest.raises(ValueError, match="environments must be at least 1"):
        learner(SIZES, 0)


def test_differences_of_pongs_frames() -> None:
    rng = np.random.default_rng(0)
    frames = rng.choice(np.array([87, 107, 147, 236], np.uint8), (3, 2, 210, 160))
    field = (~np.isin(frames[:, :, 34:194:2, ::2], (87, 107))).astype(np.int8).reshape(3, 2, -1)
    previous, out = np.zeros((2, 6400), np.uint8), np.empty((2, 6400), np.float32)
    _core.pong_differences(frames[0], np.ones(2, np.uint8), previous, out)
    assert not out.any()
    assert_array_equal(previous, field[0])
    _core.pong_differences(frames[1], np.zeros(2, np.uint8), previous, out)
    assert_array_equal(out, field[1] - field[0])
    _core.pong_differences(frames[2], np.array([1, 0], np.uint8), previous, out)
    assert not out[0].any()
    assert_array_equal(out[1], field[2, 1] - field[1, 1])
    with pytest.raises(ValueError, match=r"frames must have shape \(n, 210, 160\)"):
        _core.pong_differences(frames[0, :, :84].copy(), np.ones(2, np.uint8), previous, out)


def test_acting_on_pong_is_acting_on_its_differences() -> None:
    rng = np.random.default_rng(0)
    sparse, dense = (_core.ReinforceFloat32([6400, 20, 2], 3, 0.99, True, True, True, 5) for _ in range(2))
    parameters = (rng.standard_normal(sparse.size) / 40).astype(np.float32)
    memories, out = np.zeros((2, 3, 6400), np.uint8), np.empty((3, 6400), np.float32)
    actions = np.empty((2, 3), np.int64)
    for step in range(8):
        frames = rng.choice(np.array([87, 107, 147], np.uint8), (3, 210, 160), p=[0.5, 0.49, 0.01])
        starts = np.array([step == 0, step in (0, 4), step == 0], np.uint8)
        sparse.act_on_pong(parameters, frames, starts, memories[0], actions[0])
        _core.pong_differences(frames, starts, memories[1], out)
        dense.act(parameters, out, actions[1])
        assert_array_equal(*actions)
        for made in (sparse, dense):
            ends = made.take(np.arange(3.0) + step, np.array([step == 6, 0, 0], np.uint8), np.ones(3, np.uint8))
            assert ends == ([(0, 21.0, 7)] if step == 6 else [])
    assert_array_equal(*memories)
    states = sparse.state(), dense.state()
    for name, array in states[0].items():
        assert_array_equal(array, states[1][name])
    refused = [
        (frames[:2], starts, memories[0], "starts must have length 2, but have 3"),
        (frames[:2], starts[:2], memories[0], r"previous must have shape \(2, 6400\)"),
        (frames[:2], starts[:2], memories[0, :2], "frames must be 3 for 6400 inputs, but are 2"),
    ]
    for given_frames, given_starts, previous, message in refused:
        with pytest.raises(ValueError, match=message):
            sparse.act_on_pong(parameters, given_frames, given_starts, previous, actions[0])
