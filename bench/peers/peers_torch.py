"""The same layers, steps and networks in PyTorch.

Sequences are time first, which PyTorch prefers; Adam is the fused one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import harness
import numpy as np
from numpy.typing import NDArray

torch: Any = harness.peer("torch")
rnn: Any = torch.nn.utils.rnn

Array = NDArray[Any]

LAYERS: dict[str, Any] = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "elman": torch.nn.RNN}
CELLS: dict[str, Any] = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "elman": torch.nn.RNNCell}

version: str = torch.__version__


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)


def time_first(array: Array) -> Any:
    return torch.from_numpy(array.transpose(1, 0, 2).copy())


class Recurrent:
    """A layer over whole sequences; x and dy are batch first, weights have PyTorch's names."""

    name = "PyTorch"

    def __init__(self, cell: str, weights: Mapping[str, Array], x: Array, dy: Array) -> None:
        self.layer = LAYERS[cell](x.shape[2], dy.shape[2])
        self.layer.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        self.x, self.dy = time_first(x), time_first(dy)

    def forward(self, x: Any) -> Any:
        return self.layer(x)[0]

    def infer(self) -> Any:
        with torch.inference_mode():
            return self.forward(self.x)

    def train(self, input_gradient: bool) -> tuple[Any, Any]:
        self.layer.zero_grad()
        x = self.x.detach().requires_grad_(input_gradient)
        y = self.forward(x)
        y.backward(self.dy)
        return y, x.grad

    def batch_first(self, values: Any) -> Array:
        array: Array = values.detach().numpy()
        return array.transpose(1, 0, 2)

    def results(self) -> dict[str, Array]:
        y, dx = self.train(True)
        found = {"output in inference": self.batch_first(self.infer()), "output": self.batch_first(y)}
        found["gradient of x"] = self.batch_first(dx)
        return found | {f"gradient of {name}": value.grad.numpy() for name, value in self.layer.named_parameters()}


class Packed(Recurrent):
    """Sequences of uneven length, sorted as pack_padded_sequence prefers them."""

    name = "PyTorch, packed"

    def __init__(self, cell: str, weights: Mapping[str, Array], x: Array, dy: Array, lengths: Array) -> None:
        self.order = np.argsort(-lengths, kind="stable")
        super().__init__(cell, weights, x[self.order], dy[self.order])
        self.lengths = torch.from_numpy(lengths[self.order])

    def forward(self, x: Any) -> Any:
        packed = self.layer(rnn.pack_padded_sequence(x, self.lengths))[0]
        return rnn.pad_packed_sequence(packed, total_length=len(x))[0]

    def batch_first(self, values: Any) -> Array:
        return super().batch_first(values)[np.argsort(self.order)]


class Padded(Recurrent):
    """Sequences of uneven length, computed to the end; the gradient of the output is 0 at padding."""

    name = "PyTorch, padded"

    def __init__(self, cell: str, weights: Mapping[str, Array], x: Array, dy: Array, lengths: Array) -> None:
        super().__init__(cell, weights, x, dy)
        self.valid = np.arange(x.shape[1]) < lengths[:, None]

    def batch_first(self, values: Any) -> Array:
        return super().batch_first(values) * self.valid[:, :, None]


class Steps:
    """A cell, one step at a time from a state of zeros on; xs are (N, I)."""

    def __init__(self, cell: str, weights: Mapping[str, Array], xs: Sequence[Array]) -> None:
        hidden = weights["weight_hh_l0"].shape[1]
        self.cell = CELLS[cell](xs[0].shape[1], hidden)
        self.cell.load_state_dict({name[:-3]: torch.from_numpy(value) for name, value in weights.items()})
        self.name = f"PyTorch, {CELLS[cell].__name__}"
        self.xs = [torch.from_numpy(x) for x in xs]
        self.has_memory = cell == "lstm"
        self.zeros = torch.zeros(len(xs[0]), hidden)

    def run(self, steps: int) -> Any:
        """The output of the last of this many steps."""
        h: Any = self.zeros
        c: Any = self.zeros
        with torch.inference_mode():
            for x in self.xs[:steps]:
                if self.has_memory:
                    h, c = self.cell(x, (h, c))
                else:
                    h = self.cell(x, h)
        return h


class Network:
    """Dense layers with ReLU between them, and cross-entropy; weights are (out, in), biases (out), in turn."""

    name = "PyTorch"

    def __init__(self, weights: Sequence[Array], x: Array, labels: Array) -> None:
        modules: list[Any] = []
        for weight in weights[::2]:
            modules += [torch.nn.Linear(weight.shape[1], weight.shape[0]), torch.nn.ReLU()]
        self.net = torch.nn.Sequential(*modules[:-1])
        for mine, given in zip(self.net.parameters(), weights, strict=True):
            mine.data.copy_(torch.from_numpy(given))
        self.optimizer = torch.optim.Adam(self.net.parameters(), fused=True)
        self.x, self.labels = torch.from_numpy(x), torch.from_numpy(labels)

    def infer(self) -> Any:
        with torch.inference_mode():
            return self.net(self.x)

    def loss(self) -> Any:
        self.optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(self.net(self.x), self.labels)
        loss.backward()
        return loss

    def step(self) -> float:
        loss = self.loss()
        self.optimizer.step()
        return float(loss.detach())

    def gradients(self) -> list[Array]:
        """Of the parameters as they are."""
        self.loss()
        return [parameter.grad.numpy().copy() for parameter in self.net.parameters()]

    def weights(self) -> list[Array]:
        return [parameter.detach().numpy() for parameter in self.net.parameters()]
