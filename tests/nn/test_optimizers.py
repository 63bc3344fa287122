from __future__ import annotations

import copy
import gc
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import _core
from nncore.nn.optimizers import SGD, Adam, AdamW, RMSprop, clip_grad_norm

pytestmark = pytest.mark.kernel

OPTIMIZERS = [
    SGD(0.1),
    SGD(0.1, weight_decay=0.2),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.2),
    RMSprop(),
    RMSprop(0.02, alpha=0.8, eps=1e-3, weight_decay=0.2),
    RMSprop(0.02, momentum=0.9),
    Adam(),
    Adam(0.1, betas=(0.7, 0.95), eps=1e-4, weight_decay=0.2),
    AdamW(),
    AdamW(0.1, weight_decay=0.3),
]
SIZES = [1, 7, 8, 64, 1001]


class Net:
    """What an optimizer sees of a network."""

    def __init__(self, size, dtype=np.float64, seed=0):
        self.rng = np.random.default_rng(seed)
        self.parameters = self.rng.normal(size=size).astype(dtype)
        self.gradients = np.zeros(size, dtype)

    def new_gradients(self):
        self.gradients[:] = self.rng.normal(size=self.gradients.size)


def fresh(optimizer):
    return copy.deepcopy(optimizer)


def reference(optimizer, parameters, gradients_of_steps):
    """The parameters after these steps, in plain NumPy."""
    p = np.array(parameters, np.float64)
    first, second = np.zeros_like(p), np.zeros_like(p)
    for step, gradient in enumerate(gradients_of_steps, 1):
        g = np.array(gradient, np.float64)
        if isinstance(optimizer, AdamW):
            p -= optimizer.lr * optimizer.weight_decay * p
        else:
            g += optimizer.weight_decay * p
        if isinstance(optimizer, SGD):
            first = g if step == 1 else optimizer.momentum * first + g
            p -= optimizer.lr * (g + optimizer.momentum * first if optimizer.nesterov else first)
        elif isinstance(optimizer, RMSprop):
            first = optimizer.alpha * first + (1 - optimizer.alpha) * g**2
            second = optimizer.momentum * second + g / (np.sqrt(first) + optimizer.eps)
            p -= optimizer.lr * second
        else:
            beta1, beta2 = optimizer.betas
            first = beta1 * first + (1 - beta1) * g
            second = beta2 * second + (1 - beta2) * g**2
            denominator = np.sqrt(second / (1 - beta2**step)) + optimizer.eps
            p -= optimizer.lr * first / (1 - beta1**step) / denominator
    return p


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 3e-6), (np.float64, 1e-13)])
def test_steps_equal_plain_numpy(optimizer, size, dtype, rtol):
    optimizer, net = fresh(optimizer), Net(size, dtype)
    before, gradients = net.parameters.copy(), []
    for _ in range(5):
        net.new_gradients()
        gradients.append(net.gradients.copy())
        optimizer.step(net)
        assert_array_equal(net.gradients, gradients[-1])
    expected = reference(optimizer, before, gradients)
    assert_allclose(net.parameters, expected, rtol=rtol, atol=rtol)


@pytest.mark.peer
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_steps_equal_pytorch(optimizer, dtype, rtol):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    optimizer, net = fresh(optimizer), Net(77, dtype)
    parameters = torch.nn.Parameter(torch.tensor(net.parameters))
    settings = {name: getattr(optimizer, name) for name in optimizer._settings}
    peer = getattr(torch.optim, type(optimizer).__name__)([parameters], **settings)
    for step in range(20):
        net.new_gradients()
        parameters.grad = torch.tensor(net.gradients)
        if step == 10:
            optimizer.lr = peer.param_groups[0]["lr"] = 0.03
        optimizer.step(net)
        peer.step()
    expected = parameters.detach().numpy()
    assert_allclose(net.parameters, expected, rtol=rtol, atol=rtol)
    (state,) = peer.state.values() if peer.state else [{}]
    ours = optimizer.state_dict()
    for name, value in state.items():
        if isinstance(value, torch.Tensor) and value.ndim == 1:
            assert_allclose(ours[name], value.numpy(), rtol=10 * rtol, atol=10 * rtol)


@pytest.mark.peer
def test_defaults_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    parameters = [torch.nn.Parameter(torch.zeros(1))]
    for optimizer in (SGD(0.1), RMSprop(), Adam(), AdamW()):
        peer = getattr(torch.optim, type(optimizer).__name__)
        defaults = (peer(parameters, lr=0.1) if isinstance(optimizer, SGD) else peer(parameters)).defaults
        assert {name: defaults[name] for name in optimizer._settings} == {
            name: getattr(optimizer, name) for name in optimizer._settings
        }


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_and_norms_have_the_same_bits_on_any_number_of_threads(optimizer, dtype, threads):
    results = []
    for count in (1, 2, 3):
        nncore.set_num_threads(count)
        own, net = fresh(optimizer), Net(600_001, dtype)
        for _ in range(2):
            net.new_gradients()
            norm = clip_grad_norm(net, 1.0)
            own.step(net)
        results.append((norm, net.gradients, net.parameters))
    for norm, gradients, parameters in results[1:]:
        assert norm == results[0][0]
        assert_array_equal(gradients, results[0][1])
        assert_array_equal(parameters, results[0][2])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_element_has_the_same_bits_wherever_it_stands(optimizer, dtype):
    long, own = Net(1003, dtype), fresh(optimizer)
    long.new_gradients()
    short = Net(5, dtype)
    short.parameters[:], short.gradients[:] = long.parameters[-5:], long.gradients[-5:]
    own.step(long)
    fresh(optimizer).step(short)
    assert_array_equal(short.parameters, long.parameters[-5:])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_padding_stays_zero(optimizer, dtype):
    optimizer, net = fresh(optimizer), Net(100, dtype)
    net.parameters[40:64] = 0
    for _ in range(20):
        net.new_gradients()
        net.gradients[40:64] = 0
        clip_grad_norm(net, 0.5)
        optimizer.step(net)
    assert not net.parameters[40:64].any()
    assert np.isfinite(net.parameters).all()


def test_the_smallest_eps_keeps_padding_zero_in_float32():
    optimizer, net = Adam(eps=float(np.finfo(np.float32).tiny)), Net(16, np.float32)
    net.parameters[:] = 0
    optimizer.step(net)
    assert not net.parameters.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_without_a_gradient_do_not_fade_into_denormals(dtype):
    optimizer, net = Adam(betas=(0.5, 0.5)), Net(9, dtype)
    tiny = np.finfo(dtype).tiny
    net.new_gradients()
    optimizer.step(net)
    net.gradients[:] = 0
    for _ in range(1200):
        optimizer.step(net)
        state = optimizer.state_dict()
        for slot in (state["exp_avg"], state["exp_avg_sq"]):
            assert ((slot == 0) | (abs(slot) >= tiny)).all()
    assert abs(state["exp_avg"]).max() <= 4 * tiny
    assert dtype(tiny) / dtype(2) > 0, "elsewhere denormals must stay as they were"


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_the_core_scales_the_gradients_within_the_step(kind):
    gradients, p = np.linspace(-1, 1, 37), np.ones(37)
    scaled = p.copy()

    def step(scale, gradients, parameters):
        slots = [np.zeros(37 if slot in used else 0) for slot, used in (("m", "mv"), ("v", "v" if kind > 1 else ""))]
        _core.optimizer_step(
            kind, 0.1, 0.9 * (kind == 0), False, 0.9, 0.99, 0.9, 1e-8, 0, 1, *slots, scale, gradients, parameters
        )

    step(1.0, 0.25 * gradients, p)
    step(0.25, gradients, scaled)
    assert_array_equal(p, scaled)


def test_the_core_refuses_arrays_that_do_not_fit():
    p, empty = np.ones(8), np.zeros(0)
    adam = (2, 0.1, 0.0, False, 0.9, 0.999, 0.99, 1e-8, 0.0)
    with pytest.raises(ValueError, match="gradients must be"):
        _core.optimizer_step(*adam, 1, p.copy(), p.copy(), 1.0, np.ones(7), p)
    with pytest.raises(ValueError, match="slot1 must be"):
        _core.optimizer_step(*adam, 1, p.copy(), empty, 1.0, p.copy(), p)
    with pytest.raises(ValueError, match="slot0 must be"):
        _core.optimizer_step(0, *adam[1:], 1, p.copy(), empty, 1.0, p.copy(), p)
    with pytest.raises(ValueError, match="step must be at least 1"):
        _core.optimizer_step(*adam, 0, p.copy(), p.copy(), 1.0, p.copy(), p)
    assert_array_equal(p, np.ones(8))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("way", ["state", "pickle", "deepcopy", "copy"])
def test_resumed_ends_where_uninterrupted_ends(optimizer, way):
    optimizer, net = fresh(optimizer), Net(33, np.float32)
    for _ in range(3):
        net.new_gradients()
        optimizer.step(net)
    other = pickle.loads(pickle.dumps(net))
    if way == "state":
        resumed = type(optimizer)(lr=7)
        resumed.load_state_dict(pickle.loads(pickle.dumps(optimizer.state_dict())))
    else:
        ways = {"pickle": lambda o: pickle.loads(pickle.dumps(o)), "deepcopy": copy.deepcopy, "copy": copy.copy}
        resumed = ways[way](optimizer)
    assert repr(resumed) == repr(optimizer)
    for one, its in ((optimizer, net), (resumed, other)):
        for _ in range(3):
            its.new_gradients()
            one.step(its)
    assert_array_equal(net.parameters, other.parameters)
    ours, theirs = optimizer.state_dict(), resumed.state_dict()
    assert ours.keys() == theirs.keys()
    assert ours["step"] == theirs["step"] == 6


def test_state_dict_holds_copies():
    optimizer, net = Adam(), Net(5)
    optimizer.step(net)
    state = optimizer.state_dict()
    state["exp_avg"][:] = 9
    assert not (optimizer.state_dict()["exp_avg"] == 9).any()
    optimizer.load_state_dict(state)
    state["exp_avg"][:] = 8
    assert (optimizer.state_dict()["exp_avg"] == 9).all()
    assert list(state) == ["optimizer", "lr", "betas", "eps", "weight_decay", "step", "exp_avg", "exp_avg_sq"]


def test_an_optimizer_belongs_to_the_first_network_it_steps():
    optimizer, net, other = SGD(0.1), Net(5), Net(5)
    optimizer.step(net)
    before = other.parameters.copy()
    with pytest.raises(ValueError, match="optimizer belongs to another network"):
        optimizer.step(other)
    assert_array_equal(other.parameters, before)
    del net
    gc.collect()
    with pytest.raises(ValueError, match="optimizer belongs to another network"):
        optimizer.step(other)


def test_an_optimizer_keeps_no_network_alive():
    optimizer, net = Adam(), Net(5)
    optimizer.step(net)
    gone = optimizer._network
    del net
    gc.collect()
    assert gone() is None


def test_loaded_state_goes_to_the_next_network_of_its_size_and_type_only():
    optimizer, net = Adam(), Net(5)
    optimizer.step(net)
    optimizer.load_state_dict(optimizer.state_dict())
    for other in (Net(6), Net(5, np.float32)):
        with pytest.raises(ValueError, match="net must have 5 parameters of type float64"):
            optimizer.step(other)
    new = Net(5)
    optimizer.step(new)
    with pytest.raises(ValueError, match="another network"):
        optimizer.step(net)


def test_a_step_counts_when_it_is_committed():
    optimizer, net, other = Adam(), Net(5), Net(9, np.float32)
    net.gradients[:] = 1
    prepared = optimizer._prepare(net)
    assert prepared[:10] == (2, 1e-3, 0.0, False, 0.9, 0.999, 0.0, 1e-8, 0.0, 1)
    assert [slot.size for slot in prepared[10:]] == [5, 5]
    assert all(slot.ctypes.data % 64 == 0 for slot in prepared[10:])
    assert list(optimizer.state_dict())[-1] == "step"
    assert optimizer.state_dict()["step"] == 0
    optimizer._prepare(other)  # the first did not come to a step, so nothing belongs to its network
    optimizer._commit()
    assert optimizer.state_dict()["step"] == 1
    with pytest.raises(ValueError, match="another network"):
        optimizer._prepare(net)


def test_momentum_can_be_switched_on_and_off():
    optimizer, net = SGD(0.1), Net(5)
    before = net.parameters.copy()
    net.gradients[:] = 1
    for momentum in (0, 0.5, 0.5, 0):
        optimizer.momentum = momentum
        optimizer.step(net)
    assert_allclose(net.parameters, before - 0.1 * (1 + 1 + 1.5 + 1))


def change(**changes):
    return lambda state: {name: value for name, value in {**state, **changes}.items() if value is not None}


BAD_STATES = {
    "another class": (change(optimizer="SGD"), ValueError, "state must be of the optimizer Adam, but is of 'SGD'"),
    "nothing": (lambda state: {}, ValueError, "state must be of the optimizer Adam"),
    "no mapping": (lambda state: list(state), TypeError, "state must be a mapping"),
    "no setting": (change(lr=None), ValueError, "state lacks lr"),
    "wrong setting": (change(betas=(0.9, 1.0)), ValueError, r"betas\[1\] must be"),
    "no step": (change(step=None), ValueError, "state lacks step"),
    "negative step": (change(step=-1), ValueError, "step must be at least 0"),
    "broken step": (change(step=1.5), TypeError, "step must be an integer"),
    "no slot": (change(exp_avg=None), ValueError, "state lacks exp_avg"),
    "another slot": (change(momentum_buffer=np.zeros(5)), ValueError, "state has momentum_buffer, which Adam does not"),
    "slot of another size": (change(exp_avg_sq=np.zeros(6)), ValueError, "exp_avg_sq must be flat and as long as"),
    "slot of another type": (change(exp_avg_sq=np.zeros(5, "f4")), ValueError, "exp_avg_sq must be"),
    "slot of integers": (change(exp_avg=np.zeros(5, int)), TypeError, "exp_avg must be an array of type"),
    "slot of rank 2": (change(exp_avg=np.zeros((5, 1))), ValueError, "exp_avg must be flat"),
    "slot not finite": (change(exp_avg=np.full(5, np.nan)), ValueError, "exp_avg must be finite"),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_a_wrong_state_changes_nothing(case):
    make, error, words = BAD_STATES[case]
    optimizer, net = Adam(0.3), Net(5)
    optimizer.step(net)
    before = optimizer.state_dict()
    with pytest.raises(error, match=words):
        optimizer.load_state_dict(make({**before, "lr": 0.7}))
    assert repr(before) == repr(optimizer.state_dict())
    optimizer.step(net)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: SGD(-1), ValueError, "lr must be at least 0 and finite, but is -1"),
        (lambda: SGD(np.nan), ValueError, "lr must be"),
        (lambda: SGD(np.inf), ValueError, "lr must be"),
        (lambda: SGD("0.1"), TypeError, "lr must be a number, but is '0.1'"),
        (lambda: SGD(True), TypeError, "lr must be a number"),
        (lambda: SGD(0.1, momentum=1), ValueError, "momentum must be at least 0 and below 1, but is 1"),
        (lambda: SGD(0.1, nesterov=True), ValueError, "nesterov needs momentum"),
        (lambda: SGD(0.1, momentum=0.9, nesterov=1), TypeError, "nesterov must be True or False"),
        (lambda: SGD(0.1, weight_decay=-1), ValueError, "weight_decay must be"),
        (lambda: RMSprop(alpha=1.5), ValueError, "alpha must be"),
        (lambda: RMSprop(eps=0), ValueError, "eps must be"),
        (lambda: Adam(betas=(0.9, 1)), ValueError, r"betas\[1\] must be"),
        (lambda: Adam(betas=0.9), TypeError, "betas must be two numbers"),
        (lambda: Adam(betas=(0.9,)), TypeError, "betas must be two numbers"),
        (lambda: Adam(eps=1e-50), ValueError, "eps must be"),
        (lambda: Adam().step(None), TypeError, "net must be a network, but is a NoneType"),
        (lambda: clip_grad_norm(Net(3), -1), ValueError, "max_norm must be"),
        (lambda: clip_grad_norm(Net(3), np.nan), ValueError, "max_norm must be"),
        (lambda: clip_grad_norm(Net(3), None), TypeError, "max_norm must be a number"),
    ],
)
def test_bad_arguments_are_refused_by_name(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_settings_are_checked_when_they_are_set():
    optimizer = Adam()
    optimizer.lr = np.float32(0.5)
    assert optimizer.lr == 0.5
    for name, wrong in (("lr", -1), ("betas", (0.9, 2)), ("eps", 0)):
        before = getattr(optimizer, name)
        with pytest.raises(ValueError, match=name):
            setattr(optimizer, name, wrong)
        assert getattr(optimizer, name) == before
    with pytest.raises(AttributeError, match="Adam has no setting learning_rate, only lr, betas, eps, weight_decay"):
        optimizer.learning_rate = 1


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4096, 300_001])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_scales_to_the_largest_norm(size, dtype):
    net = Net(size, dtype)
    net.new_gradients()
    before = net.gradients.copy()
    norm = np.sqrt((before.astype(np.float64) ** 2).sum())
    assert_allclose(clip_grad_norm(net, np.inf), norm, rtol=1e-12)
    assert_allclose(clip_grad_norm(net, norm + 1), norm, rtol=1e-12)
    assert_array_equal(net.gradients, before)
    assert_allclose(clip_grad_norm(net, 0.3), norm, rtol=1e-12)
    rtol = 1e-6 if dtype == np.float32 else 1e-13
    assert_allclose(net.gradients, before * min(1, 0.3 / (norm + 1e-6)), rtol=rtol)


def test_the_factor_of_clipping_is_at_most_one():
    assert _core.clip_factor(2.0, 1.0) == 1 / (2 + 1e-6)
    assert _core.clip_factor(0.5, 1.0) == _core.clip_factor(0.0, 1.0) == _core.clip_factor(np.nan, 1.0) == 1


@pytest.mark.peer
def test_clipping_equals_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    net = Net(101)
    net.new_gradients()
    parameters = torch.nn.Parameter(torch.zeros(101, dtype=torch.float64))
    parameters.grad = torch.tensor(net.gradients)
    norm = torch.nn.utils.clip_grad_norm_([parameters], 0.7)
    assert_allclose(clip_grad_norm(net, 0.7), norm.item(), rtol=1e-13)
    assert_allclose(net.gradients, parameters.grad.numpy(), rtol=1e-13)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_gradients_whose_norm_is_not_finite_stay_as_they_are(wrong):
    net = Net(20)
    net.new_gradients()
    net.gradients[13] = wrong
    before = net.gradients.copy()
    assert not np.isfinite(clip_grad_norm(net, 1.0))
    assert_array_equal(net.gradients, before)


def test_large_float32_gradients_do_not_overflow_the_norm():
    net = Net(4, np.float32)
    net.gradients[:] = 1e30
    assert_allclose(clip_grad_norm(net, 1.0), 2e30, rtol=1e-6)
    assert_allclose(net.gradients, 0.5, rtol=1e-6)
