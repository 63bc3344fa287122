"""The learner's update against the same one in PyTorch, fed the same batches."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import _core

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peer

SIZES = (6, 24, 17, 3)
CASES = {
    "plain": {},
    "double": {"double": True},
    "n-step": {"n_steps": 3},
    "priorities": {"weighted": True},
    "clipping": {"max_grad_norm": 0.05},
    "mse": {"huber": False},
    "all": {"double": True, "n_steps": 3, "weighted": True, "max_grad_norm": 0.05},
    "linear": {"sizes": (6, 3), "double": True},
    "three layers": {"sizes": (6, 33, 16, 5, 3)},
}


@pytest.fixture(autouse=True)
def one_thread_of_pytorch():
    """Its threads, on cores that others want as well, wait for each other for most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make_learner(sizes, dtype="float64", double=False, huber=True, max_grad_norm=np.inf, seed=3):
    of_type = {"float32": _core.DqnLearnerFloat32, "float64": _core.DqnLearnerFloat64}[dtype]
    part = (dtype, sizes[0], 1.0, [], [])
    return of_type(
        [part], list(sizes[1:-1]), sizes[-1], 0, double_q=double, huber=huber, max_grad_norm=max_grad_norm, seed=seed
    )


def make_batch(rng, sizes, n=40, n_steps=1, weighted=False, dtype="float64"):
    """Observations, actions, rewards, next observations, bootstrap and weights."""
    taken = rng.integers(1, n_steps + 1, n)
    terminated = rng.random(n) < 0.2
    return (
        rng.normal(size=(n, sizes[0])).astype(dtype),
        rng.integers(0, sizes[-1], n),
        (3 * rng.normal(size=n)).astype(dtype),
        rng.normal(size=(n, sizes[0])).astype(dtype),
        np.where(terminated, 0, 0.9**taken).astype(dtype),
        rng.uniform(0.2, 1, n).astype(dtype) if weighted else np.ones(n, dtype),
    )


def arrays_of(learner, which=0):
    """Name to array."""
    flat = learner.get(which)
    return {name: flat[at : at + int(np.prod(shape))].reshape(shape) for name, at, shape in learner.parameters()}


class Twin:
    """The same learner in PyTorch."""

    def __init__(self, learner, sizes, double=False, huber=True, max_grad_norm=np.inf):
        self.double, self.huber, self.max_grad_norm = double, huber, max_grad_norm
        self.online, self.target = self.network(sizes), self.network(sizes)
        state = {name: torch.from_numpy(a.copy()) for name, a in arrays_of(learner).items()}
        places = {f"{i}.{kind}": f"{2 * i}.{kind}" for i in range(len(sizes) - 1) for kind in ("weight", "bias")}
        for network in (self.online, self.target):
            network.load_state_dict({places[name]: a for name, a in state.items()})
        self.optimizer = torch.optim.Adam(self.online.parameters(), lr=1e-2, eps=1e-8)

    @staticmethod
    def network(sizes):
        layers = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(inputs, outputs, dtype=torch.float64), torch.nn.ReLU()]
        return torch.nn.Sequential(*layers[:-1])

    def update(self, observations, actions, rewards, next_observations, bootstrap, weights):
        s, a, r, s2, b, w = map(
            torch.from_numpy, (observations, actions, rewards, next_observations, bootstrap, weights)
        )
        with torch.no_grad():
            chooser = self.online if self.double else self.target
            best = chooser(s2).argmax(dim=1, keepdim=True)
            target = r + b * self.target(s2).gather(1, best)[:, 0]
        q = self.online(s).gather(1, a[:, None])[:, 0]
        loss_of = torch.nn.functional.smooth_l1_loss if self.huber else torch.nn.functional.mse_loss
        loss = (w * loss_of(q, target, reduction="none")).mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.online.parameters(), self.max_grad_norm)
        self.optimizer.step()
        return loss.item(), (target - q).detach().numpy()

    def flat(self, network):
        return np.concatenate([p.detach().numpy().ravel() for p in network.parameters()])


def flat(learner, which=0):
    return np.concatenate([a.ravel() for a in arrays_of(learner, which).values()])


@pytest.mark.kernel
@pytest.mark.parametrize("case", CASES)
def test_updates_are_those_of_pytorch(case):
    settings = dict(CASES[case])
    sizes, n_steps = settings.pop("sizes", SIZES), settings.pop("n_steps", 1)
    weighted = settings.pop("weighted", False)
    learner = make_learner(sizes, **settings)
    twin = Twin(learner, sizes, **settings)
    rng = np.random.default_rng(0)
    for update in range(100):
        batch = make_batch(rng, sizes, n_steps=n_steps, weighted=weighted)
        td_errors = np.empty(40)
        loss = learner.update(*batch, 1e-2, td_errors)
        expected_loss, expected_errors = twin.update(*batch)
        tolerance = 1e-10 if update == 0 else 1e-6
        assert_allclose(loss, expected_loss, rtol=0, atol=tolerance)
        assert_allclose(td_errors, expected_errors, rtol=0, atol=tolerance)
        assert_allclose(flat(learner), twin.flat(twin.online), rtol=0, atol=tolerance)
        if update % 10 == 9:  # a copy, and a soft step between
            tau = 1.0 if update % 20 == 9 else 0.25
            learner.update_target(tau)
            with torch.no_grad():
                for kept, new in zip(twin.target.parameters(), twin.online.parameters(), strict=True):
                    kept.mul_(1 - tau).add_(new, alpha=tau)
            assert_allclose(flat(learner, 1), twin.flat(twin.target), rtol=0, atol=tolerance)
    assert learner.updates == 100


@pytest.mark.kernel
def test_single_precision_follows_double_precision():
    learner, exact = make_learner(SIZES, "float32", double=True), make_learner(SIZES, double=True)
    for which in (0, 1):  # padding apart, they lay out their parameters alike
        values = exact.get(which)
        starts = {name: at for name, at, _ in exact.parameters()}
        for name, array in arrays_of(learner, which).items():
            values[starts[name] : starts[name] + array.size] = array.ravel()
        exact.set(which, values)
    rng = np.random.default_rng(1)
    for _ in range(20):
        batch = make_batch(rng, SIZES)
        rounded = [x.astype(np.float32) if x.dtype == np.float64 else x for x in batch]
        learner.update(*rounded, 1e-3, np.empty(40, np.float32))
        exact.update(*(x.astype(np.float64) if x.dtype == np.float32 else x for x in rounded), 1e-3, np.empty(40))
    assert_allclose(flat(learner), flat(exact), rtol=0, atol=2e-5)


@pytest.mark.kernel
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(4, 256, 256, 2), (40, 203, 7, 500, 11), (400, 300, 1, 3), (4000, 9)])
def test_updates_have_the_same_bits_on_any_number_of_threads(sizes, dtype):
    threads, results = nncore.get_num_threads(), []
    try:
        for counts in ([1], [2], [3], [5], [2, 1, 3]):
            learner, rng = make_learner(sizes, dtype, double=True, max_grad_norm=10), np.random.default_rng(2)
            for update in range(20):
                nncore.set_num_threads(counts[update % len(counts)])
                learner.update(*make_batch(rng, sizes, 257, dtype=dtype), 1e-3, np.empty(257, dtype))
            results.append(learner.get(0))
    finally:
        nncore.set_num_threads(threads)
    for result in results[1:]:
        assert_array_equal(result, results[0])


def test_a_diverged_update_changes_nothing():
    learner = make_learner(SIZES, max_grad_norm=1.0)
    batch = list(make_batch(np.random.default_rng(3), SIZES))
    before = learner.get(0)
    batch[2] = np.where(np.arange(40) == 7, np.inf, batch[2])
    assert not np.isfinite(learner.update(*batch, 1e-3, np.empty(40)))
    assert_array_equal(learner.get(0), before)
    assert learner.updates == 0


def test_what_does_not_fit_is_named():
    learner = make_learner(SIZES)
    batch = make_batch(np.random.default_rng(3), SIZES)
    wrong = {0: "observations", 2: "rewards", 3: "next_observations", 4: "bootstrap", 5: "weights"}
    for place, name in wrong.items():
        bad = list(batch)
        bad[place] = bad[place][:-1]
        with pytest.raises(ValueError, match=f"^{name} must be"):
            learner.update(*bad, 1e-3, np.empty(40))
    for action in (-1, 3):
        bad = list(batch)
        bad[1] = np.full(40, action)
        with pytest.raises(ValueError, match=f"actions must be from 0 to 2, but one is {action}"):
            learner.update(*bad, 1e-3, np.empty(40))
