"""Results do not depend on threads, on the rest of the batch, or on how an input lies in memory, bit for bit."""

import numpy as np
import pytest

import nncore
import nncore.nn as nn

pytestmark = pytest.mark.kernel

KINDS = {
    "elman": lambda *a, **k: nn.Elman(*a, **k),
    "elman relu": lambda *a, **k: nn.Elman(*a, nonlinearity="relu", **k),
    "lstm": lambda *a, **k: nn.LSTM(*a, **k),
    "gru": lambda *a, **k: nn.GRU(*a, **k),
    "gru reset after": lambda *a, **k: nn.GRU(*a, reset_after=True, **k),
}


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


def assert_same_bits(one, other, what=""):
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    assert one.tobytes() == other.tobytes(), f"{what}: {np.flatnonzero(one.ravel() != other.ravel())[:10]}"


def bits_on_threads(compute, what):
    """compute() gives arrays under names; they are the same on one, two and three threads, and again."""
    results = []
    for count in (1, 2, 3, 2):
        nncore.set_num_threads(count)
        results.append(compute())
    for count, result in zip((2, 3, 2), results[1:], strict=True):
        for name, array in result.items():
            assert_same_bits(results[0][name], array, f"{what}, {count} threads, {name}")


@pytest.mark.parametrize("lengths", [None, "uneven"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_layer_on_any_number_of_threads(
    kind, bidirectional, lengths, dtype, rng, fill, random_state, state_arrays, threads
):
    check_on_threads(kind, bidirectional, (37, 12, 30, 70), lengths, dtype, rng, fill, random_state, state_arrays)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_wide_layer_with_fewer_sequences_than_threads(kind, n, dtype, rng, fill, random_state, state_arrays, threads):
    check_on_threads(kind, True, (n, 60, 20, 261), "uneven", dtype, rng, fill, random_state, state_arrays)


def check_on_threads(kind, bidirectional, size, lengths, dtype, rng, fill, random_state, state_arrays):
    n, steps, features, hidden = size
    layers = [KINDS[kind](features, hidden, 2, bidirectional=bidirectional)]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    x = rng.normal(size=(n, steps, features)).astype(dtype)
    lengths = None if lengths is None else rng.integers(steps + 1, size=n)
    state, dstate = (random_state(layers, n, rng, dtype) for _ in range(2))
    dy = rng.normal(size=net(x).shape).astype(dtype)

    def compute():
        net.gradients[:] = 0
        y, final = net.forward(x, lengths=lengths, state=state, return_state=True)
        dx, before = net.backward(dy, dstate=dstate, input_gradient=True, state_gradient=True)
        states = {f"state {i}": s for i, s in enumerate(state_arrays(final) + state_arrays(before))}
        return {"y": y, "dx": dx, "gradients": net.gradients.copy(), "inference": net(x, lengths, state), **states}

    bits_on_threads(compute, kind)


MODELS = {
    "letters": (
        [nn.Embedding(50, 40), nn.LSTM(40, 64), nn.Dropout(0.2), nn.Dense(64, 50)],
        lambda rng: (rng.integers(50, size=(40, 16)), rng.integers(50, size=(40, 16))),
        nn.CrossEntropy(),
    ),
    "rows": (
        [nn.Dense(60, 256, "relu"), nn.BatchNorm(256), nn.Dense(256, 300, "tanh"), nn.Dense(300, 9)],
        lambda rng: (rng.normal(size=(700, 60)), rng.normal(size=(700, 9))),
        nn.MSE(),
    ),
    "last step": (
        [nn.GRU(20, 64, bidirectional=True), nn.LastStep(), nn.BatchNorm(128), nn.Dense(128, 3)],
        lambda rng: (rng.normal(size=(50, 14, 20)), rng.random((50, 3))),
        nn.BinaryCrossEntropy(),
    ),
}
OPTIMIZERS = {
    "sgd": lambda: nn.SGD(0.1, momentum=0.9),
    "rmsprop": lambda: nn.RMSprop(lr=1e-3),
    "adam": lambda: nn.Adam(lr=1e-3),
    "adamw": lambda: nn.AdamW(lr=1e-3),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", MODELS)
def test_training_on_any_number_of_threads(model, optimizer, dtype, rng, threads):
    layers, data, loss = MODELS[model]
    x, target = data(rng)
    lengths = rng.integers(x.shape[1] + 1, size=len(x)) if model != "rows" else None
    weights = rng.random(len(x))

    def compute():
        net, steps = nn.Sequential(layers, dtype=dtype, seed=3), OPTIMIZERS[optimizer]()
        values = [
            net.train_step(x, target, loss, steps, lengths=lengths, weights=weights, max_grad_norm=0.2)
            for _ in range(3)
        ]
        return {
            "values": np.array(values),
            "parameters": net.parameters.copy(),
            "gradients": net.gradients.copy(),
            **{name: np.array(value) for name, value in net.state_dict().items()},
        }

    bits_on_threads(compute, model)


@pytest.mark.parametrize(("features", "hidden"), [(3, 5), (33, 37), (16, 64)])
@pytest.mark.parametrize("kind", [*KINDS, "dense"])
def test_a_row_alone_and_in_any_batch(kind, features, hidden, dtype, rng, fill, state_arrays, random_state):
    if kind == "dense":
        layers = [nn.Dense(features, hidden, "sigmoid"), nn.BatchNorm(hidden), nn.Dense(hidden, 3)]
        x = rng.normal(size=(37, features)).astype(dtype)
    else:
        layers = [KINDS[kind](features, hidden, bidirectional=True), nn.Dense(2 * hidden, 3)]
        x = rng.normal(size=(37, 6, features)).astype(dtype)
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    lengths = None if kind == "dense" else rng.integers(7, size=37)
    state = random_state(layers, 37, rng, dtype)
    whole, final = net(x, lengths, state or None, return_state=True)

    def some(start, stop):
        part = [tuple(s[:, start:stop] for s in e) if isinstance(e, tuple) else e[:, start:stop] for e in state]
        return net(x[start:stop], None if lengths is None else lengths[start:stop], part or None, return_state=True)

    for size in range(1, 10):
        for start in (0, 11, 37 - size):
            y, last = some(start, start + size)
            assert_same_bits(y, whole[start : start + size], f"{size} rows from {start}")
            for a, b in zip(state_arrays(last), state_arrays(final), strict=True):
                assert_same_bits(a, np.ascontiguousarray(b[:, start : start + size]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_shorter_sequence_is_the_beginning_of_a_longer_one(kind, dtype, rng, fill):
    net = fill(nn.Sequential([KINDS[kind](5, 37)], dtype=dtype, seed=0), rng)
    x = rng.normal(size=(3, 9, 5)).astype(dtype)
    whole = net(x)
    for steps in range(1, 9):
        assert_same_bits(net(np.ascontiguousarray(x[:, :steps])), np.ascontiguousarray(whole[:, :steps]))
        assert_same_bits(net(x, [steps] * 3)[:, :steps].copy(), whole[:, :steps].copy())


def test_training_forward_and_inference_agree(dtype, rng, fill):
    layers = [nn.Embedding(9, 5), nn.LSTM(5, 37, bidirectional=True), nn.GRU(74, 5), nn.Elman(5, 5), nn.Dense(5, 3)]
    net = fill(nn.Sequential(layers, dtype=dtype, seed=0), rng)
    ids = rng.integers(9, size=(7, 8))
    assert_same_bits(net(ids, [8, 0, 1, 4, 2, 8, 7]), net.forward(ids, [8, 0, 1, 4, 2, 8, 7]))


def strided(a):
    wide = np.empty((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def misaligned(a):
    raw = bytearray(a.nbytes + 1)
    moved = np.frombuffer(raw, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    moved[...] = a
    assert not moved.flags.aligned
    return moved


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


FORMS = {
    "Fortran order": np.asfortranarray,
    "every second number": strided,
    "reversed twice": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "read-only": read_only,
    "misaligned": misaligned,
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
}


@pytest.mark.parametrize("form", FORMS)
def test_arrays_in_any_form(form, dtype, rng, state_arrays, random_state):
    convert = FORMS[form]
    layers = [nn.LSTM(3, 5), nn.Dense(5, 4)]
    x, target = rng.normal(size=(7, 6, 3)).astype(dtype), rng.normal(size=(7, 6, 4)).astype(dtype)
    lengths, weights = rng.integers(1, 7, size=7), rng.random((7, 6)).astype(dtype)
    [(h, c)] = random_state(layers, 7, rng, dtype)
    dy = rng.normal(size=(7, 6, 4)).astype(dtype)

    def compute(change):
        net, optimizer = nn.Sequential(layers, dtype=dtype, seed=0), nn.Adam()
        state = [(change(h), change(c))]
        y, final = net.forward(change(x), change(lengths), state, return_state=True)
        dx = net.backward(change(dy), dstate=state, input_gradient=True)
        loss, slope = nn.MSE()(change(y), change(target), change(weights), change(lengths))
        value = net.train_step(change(x), change(target), nn.MSE(), optimizer, change(lengths), state, change(weights))
        return [y, *state_arrays(final), dx, np.array([loss, value]), slope, net.parameters.copy()]

    plain = compute(lambda a: a)
    for a, b in zip(plain, compute(convert), strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize("form", FORMS)
def test_ids_and_labels_in_any_form(form, rng):
    ids, labels = rng.integers(9, size=(5, 6)), rng.integers(4, size=(5, 6))
    results = []
    for change in (lambda a: a, FORMS[form]):
        net = nn.Sequential([nn.Embedding(9, 3), nn.GRU(3, 5), nn.Dense(5, 4)], seed=0)
        y = net(change(ids))
        value = net.train_step(change(ids), change(labels), nn.CrossEntropy(), nn.Adam())
        results.append((y, np.array(value), net.parameters.copy()))
    for a, b in zip(*results, strict=True):
        assert_same_bits(a, b)


def test_lists_of_numbers(dtype, rng):
    net, other = (nn.Sequential([nn.LSTM(3, 5), nn.Dense(5, 4)], dtype=dtype, seed=0) for _ in range(2))
    x, target = rng.normal(size=(2, 6, 3)).astype(dtype), rng.normal(size=(2, 6, 4)).astype(dtype)
    assert_same_bits(net(x, [6, 2]), net(x.tolist(), (6, 2)))
    value = net.train_step(x, target, nn.MSE(), nn.Adam(), [6, 2], weights=np.array([1, 2]))
    assert other.train_step(x.tolist(), target.tolist(), nn.MSE(), nn.Adam(), (6, 2), weights=[1, 2]) == value
    assert_same_bits(net.parameters, other.parameters)


@pytest.mark.parametrize("first", ["numbers", "ids"])
def test_a_list_of_sequences_is_the_padded_batch(first, dtype, rng):
    layers = [nn.Embedding(9, 3)] if first == "ids" else [nn.Dense(3, 3)]
    layers += [nn.GRU(3, 5), nn.Dense(5, 4)]
    lengths = [4, 0, 6, 1]
    whole = rng.integers(9, size=(4, 6)) if first == "ids" else rng.normal(size=(4, 6, 3)).astype(dtype)
    labels = rng.integers(4, size=(4, 6))
    net, other = (nn.Sequential(layers, dtype=dtype, seed=0) for _ in range(2))
    cut = [a[:n] for a, n in zip(whole, lengths, strict=True)]
    assert_same_bits(net(whole, lengths), net(cut))
    value = net.train_step(whole, labels, nn.CrossEntropy(), nn.Adam(), lengths)
    short = [a[:n] for a, n in zip(labels, lengths, strict=True)]
    assert other.train_step(cut, short, nn.CrossEntropy(), nn.Adam()) == value
    assert_same_bits(net.parameters, other.parameters)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "uint64", "int64"])
def test_ids_of_any_integer_type(kind, rng):
    net = nn.Sequential([nn.Embedding(9, 3)], seed=0)
    ids = rng.integers(9, size=(5, 6))
    assert_same_bits(net(ids), net(ids.astype(kind)))


def test_integer_input_counts_as_numbers(rng):
    net = nn.Sequential([nn.Dense(3, 2)], seed=0)
    x = rng.integers(-5, 5, size=(4, 3))
    assert_same_bits(net(x), net(x.astype(np.float32)))
    assert_same_bits(net(x.astype(np.float64)), net(x.astype(np.float32)))
