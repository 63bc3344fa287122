"""What the tests of the networks share: a network of textbook layers, differences, comparisons."""

from __future__ import annotations

import numpy as np
import pytest

import nncore.nn as nn
from nncore import textbook


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def fill(net, rng):
    """Give every parameter values of a common size, so that no gate is saturated and no bias is 0."""
    for name in net.names():
        view = net[name]
        view[...] = rng.normal(scale=1 / np.sqrt(view.shape[-1]) if view.ndim > 1 else 0.5, size=view.shape)
    return net


@pytest.fixture(name="fill")
def fill_fixture():
    """fill(net, rng): random parameters of a common size."""
    return fill


def gradient(net, name):
    view = net[name]
    offset = (view.ctypes.data - net.parameters.ctypes.data) // view.itemsize
    return net.gradients[offset : offset + view.size].reshape(view.shape)


@pytest.fixture(name="gradient")
def gradient_fixture():
    """gradient(net, name): the part of net.gradients that belongs to a parameter."""
    return gradient


def assert_close(actual, expected, tolerance, name=""):
    """The largest difference is at most `tolerance` times the largest value."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, name
    if expected.size:
        error, size = np.abs(actual - expected).max(), np.abs(expected).max()
        assert error <= tolerance * max(size, 1e-2), f"{name}: {error} beside values of {size}"


@pytest.fixture(name="assert_close")
def assert_close_fixture():
    """assert_close(actual, expected, tolerance, name=""): relative to the largest value."""
    return assert_close


def state_arrays(state):
    """All arrays of a state, in order."""
    return [array for entry in state for array in (entry if isinstance(entry, tuple) else (entry,))]


@pytest.fixture(name="state_arrays")
def state_arrays_fixture():
    """state_arrays(state): all its arrays in order."""
    return state_arrays


def is_recurrent(layer):
    return isinstance(layer, nn.Elman | nn.LSTM | nn.GRU)


@pytest.fixture
def random_state():
    """random_state(layers, n, rng, dtype): a state of normal numbers for a batch of n."""

    def make(layers, n, rng, dtype=np.float64):
        state = []
        for layer in layers:
            if is_recurrent(layer):
                shape = (layer.num_layers * (2 if layer.bidirectional else 1), n, layer.hidden_size)
                arrays = tuple(rng.normal(size=shape).astype(dtype) for _ in range(2))
                state.append(arrays if isinstance(layer, nn.LSTM) else arrays[0])
        return state

    return make


@pytest.fixture
def differences():
    """differences(f, at, rng, most=24): places in the array `at` and the central differences of f() there."""

    def compute(f, at, rng, most=24, step=1e-5):
        places = np.sort(rng.permutation(at.size)[:most])
        slopes = np.empty(len(places))
        for n, place in enumerate(places):
            index = np.unravel_index(place, at.shape)
            kept = at[index]
            at[index] = kept + step
            above = f()
            at[index] = kept - step
            slopes[n] = (above - f()) / (2 * step)
            at[index] = kept
        return places, slopes

    return compute


class Cell:
    """One direction of one recurrent layer, through the textbook's functions."""

    def __init__(self, layer, get, suffix):
        self.layer, self.names = layer, [f"weight_ih_{suffix}", f"weight_hh_{suffix}"]
        hidden = layer.hidden_size
        single = isinstance(layer, nn.GRU) and not layer.reset_after
        self.biases = [f"bias_{suffix}"] if single else [f"bias_ih_{suffix}", f"bias_hh_{suffix}"]
        self.letters = {nn.LSTM: "ifgo", nn.GRU: "rzh" if single else "rzn"}.get(type(layer), "")
        rows = max(len(self.letters), 1) * hidden
        weights = [get(name) for name in self.names]
        biases = [get(name) if layer.bias else np.zeros(rows) for name in self.biases]
        if isinstance(layer, nn.LSTM | nn.Elman):
            biases = [biases[0] + biases[1]]
        self.weights = [textbook.split_gates(w, self.letters) if self.letters else w for w in weights + biases]

    def forward(self, x, h, *c):
        self.arguments = (x, h, *c, *self.weights)
        if isinstance(self.layer, nn.LSTM):
            states, cells = textbook.lstm(*self.arguments)
            return states, (states[-1], cells[-1]) if len(x) else (h, *c)
        if isinstance(self.layer, nn.Elman):
            states = textbook.elman(*self.arguments, nonlinearity=self.layer.nonlinearity)
        else:
            states = (textbook.gru_reset_after if self.layer.reset_after else textbook.gru)(*self.arguments)
        return states, (states[-1] if len(x) else h,)

    def backward(self, dh, dh_n, *dc_n):
        """Gradients by x, by the initial state, and of each parameter under its name."""
        dh = dh.copy()
        if len(dh):
            dh[-1] += dh_n
        states = 2 if dc_n else 1
        if isinstance(self.layer, nn.LSTM):
            dx, *rest = textbook.lstm_backward(*self.arguments, dh, *dc_n)
        elif isinstance(self.layer, nn.Elman):
            dx, *rest = textbook.elman_backward(*self.arguments, dh, nonlinearity=self.layer.nonlinearity)
        else:
            function = textbook.gru_reset_after_backward if self.layer.reset_after else textbook.gru_backward
            dx, *rest = function(*self.arguments, dh)
        stacked = [np.concatenate([g[k] for k in self.letters]) if self.letters else g for g in rest[states:]]
        stacked += stacked[-1:]  # the two biases of LSTM and Elman have one gradient
        names = self.names + (self.biases if self.layer.bias else [])
        before = rest[:states] if len(dh) else (dh_n, *dc_n)
        return dx, before, dict(zip(names, stacked, strict=False))


class TextbookNetwork:
    """A Sequential of textbook functions: a batch is a list of one (T_n, F) per sequence, or of (1, F) per row."""

    def __init__(self, layers, parameters):
        self.layers = layers
        self.parameters = {name: np.asarray(value, np.float64) for name, value in parameters.items()}

    def forward(self, sequences, state):
        """Outputs of each sequence and the final state; `state` as the network takes it."""
        self.backwards, finals = [], []
        state = iter(state)
        for i, layer in enumerate(self.layers):
            if is_recurrent(layer):
                sequences, final = self._recurrent(i, layer, sequences, next(state))
                finals.append(final)
            else:
                sequences = getattr(self, f"_{type(layer).__name__.lower()}")(i, layer, sequences)
        return sequences, finals

    def backward(self, dy, dstate):
        """Gradients by the parameters, the input and the initial state."""
        self.gradients = {name: np.zeros_like(value) for name, value in self.parameters.items()}
        self.dstate, before = list(dstate), []
        for step in reversed(self.backwards):
            dy = step(dy)
            before = self.before + before if step.__name__ == "recurrent" else before
        return self.gradients, dy, before

    def _add(self, name, gradient):
        if name in self.gradients:
            self.gradients[name] += gradient

    def _by_rows(self, forward, backward, sequences):
        """Push all rows of the batch through at once."""
        ends = np.cumsum([len(s) for s in sequences])[:-1]

        def step(dy):
            dx = backward(np.concatenate(dy))
            return None if dx is None else np.split(dx, ends)

        self.backwards.append(step)
        return np.split(forward(np.concatenate(sequences)), ends)

    def _dense(self, i, layer, sequences):
        weight = layer.tied or f"{i}.weight"
        turned = layer.tied is not None and isinstance(self.layers[int(weight.split(".")[0])], nn.Dense)
        W = self.parameters[weight].T if turned else self.parameters[weight]
        b = self.parameters[f"{i}.bias"] if layer.bias else np.zeros(len(W))
        x = np.concatenate(sequences)

        def backward(dy):
            dx, dW, db = textbook.dense_backward(x, W, b, dy, activation=layer.activation)
            self._add(weight, dW.T if turned else dW)
            self._add(f"{i}.bias", db)
            return dx

        return self._by_rows(lambda x: textbook.dense(x, W, b, activation=layer.activation), backward, sequences)

    def _embedding(self, i, layer, sequences):
        W, ids = self.parameters[f"{i}.weight"], np.concatenate(sequences)
        backward = lambda dy: self._add(f"{i}.weight", textbook.embedding_backward(ids, W, dy))  # noqa: E731
        return self._by_rows(lambda ids: textbook.embedding(ids, W), backward, sequences)

    def _batchnorm(self, i, layer, sequences):
        gamma, beta = self.parameters[f"{i}.weight"], self.parameters[f"{i}.bias"]
        x = np.concatenate(sequences)

        def backward(dy):
            dx, dgamma, dbeta = textbook.batch_norm_backward(x, gamma, beta, dy)
            self._add(f"{i}.weight", dgamma)
            self._add(f"{i}.bias", dbeta)
            return dx

        return self._by_rows(lambda x: textbook.batch_norm(x, gamma, beta)[0], backward, sequences)

    def _laststep(self, i, layer, sequences):
        def backward(dy):
            spread = [np.zeros_like(s) for s in sequences]
            for ds, last in zip(spread, dy, strict=True):
                ds[-1:] = last[: len(ds)]
            return spread

        self.backwards.append(backward)
        return [s[-1:] if len(s) else np.zeros((1, s.shape[1])) for s in sequences]

    def _recurrent(self, i, layer, sequences, state):
        directions = 2 if layer.bidirectional else 1
        pair = isinstance(state, tuple)
        state = state if pair else (state,)
        final = [np.empty_like(s) for s in state]
        steps = []
        for k in range(layer.num_layers * directions):
            level, reverse = divmod(k, directions)
            suffix = f"l{level}" + ("_reverse" if reverse else "")
            if not reverse:
                inputs = sequences
            cells = [Cell(layer, lambda n: self.parameters[f"{i}.{n}"], suffix) for _ in inputs]
            outputs = []
            for n, (cell, x) in enumerate(zip(cells, inputs, strict=True)):
                y, last = cell.forward(x[::-1] if reverse else x, *(s[k, n] for s in state))
                outputs.append(y[::-1] if reverse else y)
                for f, value in zip(final, last, strict=True):
                    f[k, n] = value
            sequences = [np.hstack(p) for p in zip(sequences, outputs, strict=True)] if reverse else outputs
            steps.append(cells)

        def recurrent(dy):
            dfinal = self.dstate.pop()
            dfinal = dfinal if pair else (dfinal,)
            before = [np.empty_like(d) for d in dfinal]
            H = layer.hidden_size
            for level in reversed(range(layer.num_layers)):
                dx = None
                for d in range(directions):
                    k, parts = level * directions + d, []
                    for n, cell in enumerate(steps[level * directions + d]):
                        dh = dy[n][:, d * H : (d + 1) * H]
                        part, initial, named = cell.backward(dh[::-1] if d else dh, *(g[k, n] for g in dfinal))
                        parts.append(part[::-1] if d else part)
                        for b, value in zip(before, initial, strict=True):
                            b[k, n] = value
                        for name, value in named.items():
                            self._add(f"{i}.{name}", value)
                    dx = parts if dx is None else [a + b for a, b in zip(dx, parts, strict=True)]
                dy = dx
            self.before = [tuple(before) if pair else before[0]]
            return dy

        self.backwards.append(recurrent)
        return sequences, tuple(final) if pair else final[0]


@pytest.fixture
def textbook_network():
    """textbook_network(layers, parameters): the same network through nncore.textbook, in float64."""
    return TextbookNetwork


def cut(array, lengths):
    return list(array) if lengths is None else [a[:n] for a, n in zip(array, lengths, strict=True)]


def padded(sequences, like):
    """Sequences (T_n, F) in one array of the shape of `like`, 0 behind their ends."""
    whole = np.zeros(like.shape)
    for row, sequence in zip(whole, sequences, strict=True):
        row[: len(sequence)] = sequence
    return whole


@pytest.fixture
def check_against_textbook():
    """check(net, layers, x, lengths, state, rng, tolerance): forward, state and all gradients."""

    def check(net, layers, x, lengths, state, rng, tolerance):
        book = TextbookNetwork(layers, {name: net[name] for name in net.names()})
        wide = [tuple(np.float64(s) for s in e) if isinstance(e, tuple) else np.float64(e) for e in state]
        real = x.dtype.kind == "f"
        rows = x.ndim == 2 and real  # (N, F): every row a sequence of one step
        outputs, finals = book.forward(cut(np.float64(x)[:, None] if rows else x, lengths), wide)
        y, final = net.forward(x, lengths=lengths, state=state or None, return_state=True)
        flat = y.ndim == 2
        assert_close(y, np.concatenate(outputs) if flat else padded(outputs, y), tolerance, "y")
        for ours, theirs in zip(state_arrays(final), state_arrays(finals), strict=True):
            assert_close(ours, theirs, tolerance, "state")
        dy = rng.normal(size=y.shape).astype(y.dtype)
        dstate = [tuple(rng.normal(size=s.shape).astype(y.dtype) for s in state_arrays([e])) for e in final]
        dstate = [d if isinstance(e, tuple) else d[0] for d, e in zip(dstate, final, strict=True)]
        net.gradients[:] = 0
        got = net.backward(dy, dstate=dstate or None, input_gradient=real, state_gradient=True)
        dx, before = got if real else (None, got)
        gradients, book_dx, book_before = book.backward(list(dy[:, None]) if flat else cut(dy, lengths), dstate)
        for name, expected in gradients.items():
            assert_close(gradient(net, name), expected, tolerance, name)
        if real:
            assert_close(dx, np.concatenate(book_dx) if rows else padded(book_dx, dx), tolerance, "dx")
        for ours, theirs in zip(state_arrays(before), state_arrays(book_before), strict=True):
            assert_close(ours, theirs, tolerance, "dstate")

    return check
