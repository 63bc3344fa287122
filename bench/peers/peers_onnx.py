"""Inference of the same layers, steps and networks in ONNX Runtime.

Each is called in the usual way, `session.run` with NumPy arrays, and with an IOBinding to buffers that stay: that does
less per call, and the caller copies x into its buffer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import harness
import numpy as np
from numpy.typing import NDArray

onnx: Any = harness.peer("onnx")
onnxruntime: Any = harness.peer("onnxruntime")
helper = onnx.helper

Array = NDArray[Any]

version: str = onnxruntime.__version__
_threads = 1

# The operator, and which of PyTorch's blocks of rows stands where: i f g o → i o f c, and r z n → z r h.
CELLS: dict[str, tuple[str, list[int]]] = {
    "lstm": ("LSTM", [0, 3, 1, 2]),
    "gru": ("GRU", [1, 0, 2]),
    "gru-before": ("GRU", [1, 0, 2]),
    "elman": ("RNN", [0]),
}


def set_threads(threads: int) -> None:
    global _threads
    _threads = threads


def _session(
    nodes: list[Any], inputs: Mapping[str, Any], outputs: Mapping[str, Any], arrays: Mapping[str, Array]
) -> Any:
    """A session for a graph; inputs and outputs are names with shapes."""
    described = [
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in places.items()]
        for places in (inputs, outputs)
    ]
    constants = [onnx.numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in arrays.items()]
    graph = helper.make_graph(nodes, "graph", *described, constants)
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets))
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = _threads, 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _arrays(cell: str, weights: Mapping[str, Array]) -> dict[str, Array]:
    """W, R and B with the gates in ONNX's order."""

    def ordered(array: Array) -> Array:
        order = CELLS[cell][1]
        blocks = array.reshape(len(order), -1)[order]
        if cell == "gru-before":  # ONNX weighs the candidate by 1 - z, this form by z
            blocks[0] *= -1
        return blocks.reshape(1, *array.shape)

    inner = weights["bias_l0"] if "bias_l0" in weights else weights["bias_ih_l0"]
    outer = np.zeros_like(inner) if "bias_l0" in weights else weights["bias_hh_l0"]
    biases = np.concatenate([ordered(inner), ordered(outer)], axis=1)
    return {"W": ordered(weights["weight_ih_l0"]), "R": ordered(weights["weight_hh_l0"]), "B": biases}


def _recurrent(
    cell: str, weights: Mapping[str, Array], rows: int, inputs: Sequence[str], outputs: Sequence[str]
) -> Any:
    """A session for one recurrent node; of `inputs` and `outputs`, those beside X and the weights."""
    hidden, features = weights["weight_hh_l0"].shape[1], weights["weight_ih_l0"].shape[1]
    attributes = {"linear_before_reset": 1} if cell == "gru" else {}
    names = ["X", "W", "R", "B", *(["", *inputs] if inputs else [])]
    node = helper.make_node(CELLS[cell][0], names, outputs, hidden_size=hidden, **attributes)
    state = [1, rows, hidden]
    shapes = {name: ["T", 1, rows, hidden] if name == "Y" else state for name in outputs if name}
    given = {"X": ["T", rows, features]} | dict.fromkeys(inputs, state)
    return _session([node], given, shapes, _arrays(cell, weights))


class Recurrent:
    """A layer over whole sequences, in inference; x is batch first, weights have PyTorch's names."""

    name = "ONNX Runtime"

    def __init__(self, cell: str, weights: Mapping[str, Array], x: Array, dy: Array) -> None:
        self.x = x.transpose(1, 0, 2).copy()
        self.session = _recurrent(cell, weights, len(x), [], ["Y"])

    def infer(self) -> Array:
        y: Array = self.session.run(["Y"], {"X": self.x})[0]
        return y

    def results(self) -> dict[str, Array]:
        return {"output in inference": self.infer()[:, 0].transpose(1, 0, 2)}


class Bound(Recurrent):
    """The same with an IOBinding."""

    name = "ONNX Runtime, bound"

    def __init__(self, cell: str, weights: Mapping[str, Array], x: Array, dy: Array) -> None:
        super().__init__(cell, weights, x, dy)
        steps, rows, _ = self.x.shape
        self.buffer, self.y = np.empty_like(self.x), np.empty((steps, 1, rows, dy.shape[2]), np.float32)
        self.binding = _bind(self.session, {"X": self.buffer}, {"Y": self.y})

    def infer(self) -> Array:
        self.buffer[...] = self.x
        self.session.run_with_iobinding(self.binding)
        return self.y


def _bind(session: Any, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> Any:
    """An IOBinding to NumPy arrays, whose memory ONNX Runtime shares."""
    binding = session.io_binding()
    for name, array in inputs.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    for name, array in outputs.items():
        binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    return binding


class Steps:
    """A cell, one step at a time from a state of zeros on: the state is an output, and an input of the next call."""

    name = "ONNX Runtime"

    def __init__(self, cell: str, weights: Mapping[str, Array], xs: Sequence[Array]) -> None:
        self.rows, self.hidden = len(xs[0]), weights["weight_hh_l0"].shape[1]
        self.inputs, self.outputs = (["h", "c"], ["Y_h", "Y_c"]) if cell == "lstm" else (["h"], ["Y_h"])
        self.session = _recurrent(cell, weights, self.rows, self.inputs, ["", *self.outputs])
        self.xs = [x[None] for x in xs]

    def zeros(self) -> Array:
        return np.zeros((1, self.rows, self.hidden), np.float32)

    def run(self, steps: int) -> Array:
        """The output of the last of this many steps."""
        feed = {name: self.zeros() for name in self.inputs}
        for x in self.xs[:steps]:
            feed["X"] = x
            state = self.session.run(self.outputs, feed)
            feed = dict(zip(self.inputs, state, strict=True))
        y: Array = state[0][0]
        return y


class BoundSteps(Steps):
    """The same with two IOBindings in turn, so that each step's state is where the next one looks for it."""

    name = "ONNX Runtime, bound"

    def __init__(self, cell: str, weights: Mapping[str, Array], xs: Sequence[Array]) -> None:
        super().__init__(cell, weights, xs)
        self.x = np.empty_like(self.xs[0])
        self.states = [[self.zeros() for _ in self.inputs] for _ in range(2)]
        self.bindings = [
            _bind(
                self.session,
                {"X": self.x, **dict(zip(self.inputs, before, strict=True))},
                dict(zip(self.outputs, after, strict=True)),
            )
            for before, after in (self.states, self.states[::-1])
        ]

    def run(self, steps: int) -> Array:
        for array in self.states[0]:
            array[...] = 0
        for index, x in enumerate(self.xs[:steps]):
            self.x[...] = x
            self.session.run_with_iobinding(self.bindings[index % 2])
        y: Array = self.states[steps % 2][0][0]
        return y


class Network:
    """Dense layers with ReLU between them, in inference; weights are (out, in), biases (out), in turn."""

    name = "ONNX Runtime"

    def __init__(self, weights: Sequence[Array], x: Array, labels: Array) -> None:
        self.x, nodes, value = x, [], "x"
        count = len(weights) // 2
        for index in range(count):
            last = index == count - 1
            nodes.append(
                helper.make_node("Gemm", [value, f"w{index}", f"b{index}"], ["y" if last else f"a{index}"], transB=1)
            )
            if not last:
                nodes.append(helper.make_node("Relu", [f"a{index}"], [f"h{index}"]))
                value = f"h{index}"
        arrays = {f"{'wb'[index % 2]}{index // 2}": weight for index, weight in enumerate(weights)}
        self.session = _session(nodes, {"x": x.shape}, {"y": [len(x), len(weights[-1])]}, arrays)

    def infer(self) -> Array:
        y: Array = self.session.run(["y"], {"x": self.x})[0]
        return y
