"""The learner's update against the textbook's, in NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nncore import _core, textbook

CASES = {
    "few inputs and outputs": ((3, 20, 7, 2), {}),
    "double": ((3, 20, 7, 2), {"double": True}),
    "clipping": ((3, 20, 7, 2), {"max_grad_norm": 0.05}),
    "many inputs and outputs": ((40, 50, 33, 21), {"double": True}),
    "eight and nine": ((8, 16, 9), {}),
    "nine and eight": ((9, 17, 8), {}),
    "no hidden layer": ((5, 3), {"double": True}),
    "wide": ((4, 64, 130, 2), {"double": True, "max_grad_norm": 1.0}),
}


def forward(x, layers):
    """Input of each layer, and the output."""
    inputs = []
    for i, (weight, bias) in enumerate(layers):
        inputs.append(x)
        x = textbook.dense(x, weight, bias, activation="relu" if i + 1 < len(layers) else None)
    return inputs, x


def update(layers, target, moments, step, batch, double=False, max_grad_norm=np.inf):
    observations, actions, rewards, reached, bootstrap, weights = batch
    q_online = forward(reached, layers)[1] if double else None
    targets = textbook.dqn_targets(rewards, bootstrap, forward(reached, target)[1], q_online)
    inputs, q = forward(observations, layers)
    loss, dy, errors = textbook.dqn_loss(q, actions, targets, weights)
    gradients = []
    for i in reversed(range(len(layers))):
        activation = "relu" if i + 1 < len(layers) else None
        dy, *gradient = textbook.dense_backward(inputs[i], *layers[i], dy, activation=activation)
        gradients[:0] = gradient
    flat = np.concatenate([g.ravel() for g in gradients])
    clipped, _ = textbook.clip_grad_norm(flat, max_grad_norm)
    before = np.concatenate([a.ravel() for layer in layers for a in layer])
    after, *moments[:] = textbook.adam_step(before, clipped, *moments, step, 1e-2)
    for array in (a for layer in layers for a in layer):
        array[...] = after[: array.size].reshape(array.shape)
        after = after[array.size :]
    return loss, errors


def layers_of(learner, which):
    flat = learner.get(which)
    arrays = [flat[at : at + int(np.prod(shape))].reshape(shape).copy() for _, at, shape in learner.parameters()]
    return list(zip(arrays[::2], arrays[1::2], strict=True))


@pytest.mark.kernel
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_updates_are_those_of_the_textbook(case, dtype):
    sizes, settings = CASES[case]
    of_type = {"float32": _core.DqnLearnerFloat32, "float64": _core.DqnLearnerFloat64}[dtype]
    learner = of_type(
        [(dtype, sizes[0], 1.0, [], [])], list(sizes[1:-1]), sizes[-1], 0, double_q=settings.get("double", False),
        huber=True, max_grad_norm=settings.get("max_grad_norm", np.inf), seed=1,
    )  # fmt: skip
    layers, target = ([(w.astype(float), b.astype(float)) for w, b in layers_of(learner, which)] for which in (0, 1))
    moments = [np.zeros(sum(a.size for layer in layers for a in layer)) for _ in range(2)]
    rng, n = np.random.default_rng(0), 37
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    for step in range(1, 6):
        numbers = [rng.normal(size=(n, sizes[0])), 3 * rng.normal(size=n), rng.normal(size=(n, sizes[0])),
                   0.9 * (rng.random(n) < 0.8), rng.uniform(0.2, 1, n)]  # fmt: skip
        x, r, x2, b, w = (a.astype(dtype) for a in numbers)
        batch = x, rng.integers(0, sizes[-1], n), r, x2, b, w
        td_errors = np.empty(n, dtype)
        loss = learner.update(*batch, 1e-2, td_errors)
        expected, errors = update(
            layers,
            target,
            moments,
            step,
            [np.asarray(a, float) if a.dtype.kind == "f" else a for a in batch],
            **settings,
        )
        assert_allclose(loss, expected, rtol=tolerance)
        assert_allclose(td_errors, errors, rtol=0, atol=10 * tolerance)
        for ours, theirs in zip(layers_of(learner, 0), layers, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                assert_allclose(a, b, rtol=0, atol=10 * tolerance if dtype == "float64" else 3e-3)


@pytest.mark.kernel
@pytest.mark.parametrize("actions", [2, 8, 9])
def test_a_row_has_the_same_values_alone_and_among_others(actions):
    for of_type, dtype in ((_core.DqnLearnerFloat32, "float32"), (_core.DqnLearnerFloat64, "float64")):
        learner = of_type(
            [(dtype, 5, 1.0, [], [])], [33, 40], actions, 0, double_q=True, huber=True, max_grad_norm=1.0, seed=1
        )
        x = np.random.default_rng(0).normal(size=(70, 5)).astype(dtype)
        together, alone = np.empty((70, actions), dtype), np.empty((70, actions), dtype)
        learner.values([x], together)
        for row in range(70):
            learner.values([x[row : row + 1]], alone[row : row + 1])
        np.testing.assert_array_equal(alone, together)
        acted = np.empty(70, np.int64)
        learner.act([x], False, 0.0, 0, acted)
        np.testing.assert_array_equal(acted, together.argmax(axis=1))


def test_exploration_is_uniform_and_by_place():
    learner = _core.DqnLearnerFloat32(
        [("float32", 2, 1.0, [], [])], [4], 3, 5, double_q=True, huber=True, max_grad_norm=1.0, seed=1
    )
    x, acted = np.ones((30_000, 2), np.float32), np.empty(30_000, np.int64)
    learner.act([x], False, 1.0, 7, acted)
    counts = np.bincount(acted, minlength=8)[5:]
    assert counts.sum() == 30_000 and abs(counts - 10_000).max() < 400  # five deviations
    again = acted.copy()
    learner.act([x], False, 1.0, 7, again)
    np.testing.assert_array_equal(again, acted)
    learner.act([x], False, 1.0, 8, again)
    assert (again != acted).mean() > 0.5
    learner.act([x], False, 0.3, 9, acted)
    greedy = np.bincount(acted - 5, minlength=3).max() / 30_000
    assert abs(greedy - (0.7 + 0.1)) < 0.02
