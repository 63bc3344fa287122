"""Networks into ONNX files."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nncore
from nncore import _files
from nncore.nn import _checks
from nncore.nn.layers import GRU, LSTM, BatchNorm, Dense, Dropout, Elman, Embedding, LastStep
from nncore.nn.sequential import Sequential

OPSETS = range(17, 23)
# Which of PyTorch's blocks of rows stands where in ONNX: i f g o → i o f c, and r z n → z r h.
GATES = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
ACTIVATIONS = {
    "relu": "Relu",
    "leaky_relu": "LeakyRelu",  # with ONNX's own slope of 0.01
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "elu": "Elu",
    "softplus": "Softplus",
}


def import_onnx(function: str) -> Any:
    """Return the package onnx; ImportError with what to install where it is missing."""
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise ImportError(f"{function} needs onnx: pip install 'nncore[onnx]'") from error


def to_onnx(net: Sequential, path: str | os.PathLike[str], *, opset: int = 17, sequences: bool | None = None) -> None:
    """Write a network's inference to an ONNX file, whole or not at all; ONNX Runtime, say, runs it.

    Parameters
    ----------
    net : Sequential
    path : str or os.PathLike
        Where to write; an existing file is replaced.
    opset : int
        Version of ONNX's operators, from 17 to 22.
    sequences : bool, optional
        Whether the file takes sequences. By default where the network has to: with recurrent layers or a LastStep.

    Raises
    ------
    ImportError
        If onnx is missing, which the extra `onnx` brings.
    TypeError, ValueError
        If an argument is not what it must be, or the file would exceed the 2 GB that the format allows.
    OSError
        If the file cannot be written; one that was there is untouched.

    Notes
    -----
    The input "x" is (N, T, F) or (N, F), or ids (N, T) or (N) of type int64, the output "y" as from calling the
    network, with N and T open. There are no lengths and no state: all sequences of a batch have T steps and begin
    with zeros; LastStep takes step T − 1. Dropout, which does nothing in inference, is left out. The parameters are the
    network's, in its type; in float64 ONNX Runtime lacks some operators, the recurrent ones among them.

    A GRU with ``reset_after=True`` has ``linear_before_reset=1``, one with ``reset_after=False`` has 0 and the rows of
    its update gate negated: ONNX weighs the candidate by 1 − z, the course by z, and 1 − σ(a) = σ(−a).
    """
    onnx = import_onnx("to_onnx")
    if not isinstance(net, Sequential):
        raise TypeError(f"net must be a Sequential, but is a {type(net).__name__}")
    opset = _checks.whole_number("opset", opset)
    newest = min(OPSETS[-1], onnx.defs.onnx_opset_version())
    if not OPSETS[0] <= opset <= newest:
        raise ValueError(f"opset must be from {OPSETS[0]} to {newest}, but is {opset}")
    needed = net._core.needs_steps
    steps = needed if sequences is None else _checks.flag("sequences", sequences)
    if needed and not steps:
        raise ValueError("sequences must be True: the network has recurrent layers or a LastStep")
    if net.parameters.nbytes >= 2**31 - 2**20:  # what the messages around them take is far less
        raise ValueError("net must have less than 2 GB of parameters, which is all that an ONNX file can hold")
    model = _Writer(onnx, net, steps).model(opset)
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    _files.write_whole(path, lambda temporary: Path(temporary).write_bytes(data))


class _Writer:
    """A graph that grows node by node; `value` is the name of what the last node gave, with its axes."""

    def __init__(self, onnx: Any, net: Sequential, steps: bool) -> None:
        self.onnx, self.net = onnx, net
        self.nodes: list[Any] = []
        self.arrays: dict[str, Any] = {}
        self.index = 0
        self.value, self.steps = "x", steps

    def model(self, opset: int) -> Any:
        helper = self.onnx.helper
        kind = helper.np_dtype_to_tensor_dtype(self.net.dtype)
        ids = self.net._core.takes_ids
        axes = ["N", "T"] if self.steps else ["N"]
        shape = axes if ids else [*axes, _input_features(self.net)]
        x = helper.make_tensor_value_info("x", self.onnx.TensorProto.INT64 if ids else kind, shape)
        for index in range(len(self.net.layers)):
            self.index = index
            self.layer()
        self.node("Identity", self.value, output="y")
        axes = ["N", "T"] if self.steps else ["N"]
        y = helper.make_tensor_value_info("y", kind, [*axes, self.net._core.output_features])
        graph = helper.make_graph(self.nodes, "nncore", [x], [y], [*self.arrays.values()])
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=helper.find_min_ir_version_for(opsets),
            producer_name="nncore",
            producer_version=nncore.__version__,
        )

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its first output."""
        name = f"{self.index}.{kind}_{len(self.nodes)}"
        output = output or name
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def array(self, name: str, value: Any) -> str:
        """Add an array and return its name."""
        if name not in self.arrays:
            self.arrays[name] = self.onnx.numpy_helper.from_array(np.array(value, order="C"), name)
        return name

    def layer(self) -> None:
        layer = self.net.layers[self.index]
        if isinstance(layer, Dense):
            self.dense(layer)
        elif isinstance(layer, Embedding):
            self.value = self.node("Gather", self.parameter("weight"), self.value, axis=0)
        elif isinstance(layer, BatchNorm):
            self.batch_norm()
        elif isinstance(layer, LastStep):
            if self.steps:
                self.value = self.node("Gather", self.value, self.array("last", np.int64(-1)), axis=1)
            self.steps = False
        elif isinstance(layer, LSTM | GRU | Elman):
            self.recurrent(layer)
        elif not isinstance(layer, Dropout):
            raise ValueError(f"layers[{self.index}], {layer!r}, has no counterpart in ONNX")

    def parameter(self, name: str) -> str:
        full = f"{self.index}.{name}"
        return self.array(full, self.net[full])

    def dense(self, layer: Dense) -> None:
        weight = layer.tied or self.parameter("weight")
        # The weight of a Dense layer is (out, in); one that shares it takes it turned.
        turned = layer.tied is not None and isinstance(self.net.layers[int(layer.tied.split(".")[0])], Dense)
        bias = [self.parameter("bias")] if layer.bias else []
        if not self.steps:
            self.value = self.node("Gemm", self.value, weight, *bias, transB=int(not turned))
        else:
            matrix = weight if turned else self.node("Transpose", weight, perm=[1, 0])
            self.value = self.node("MatMul", self.value, matrix)
            if bias:
                self.value = self.node("Add", self.value, *bias)
        if layer.activation is not None:
            self.value = self.node(ACTIVATIONS[layer.activation], self.value)

    def batch_norm(self) -> None:
        names = [self.parameter(name) for name in ("weight", "bias", "running_mean", "running_var")]
        if self.steps:  # ONNX has the features on the second axis
            self.value = self.node("Transpose", self.value, perm=[0, 2, 1])
        self.value = self.node("BatchNormalization", self.value, *names, epsilon=1e-5)
        if self.steps:
            self.value = self.node("Transpose", self.value, perm=[0, 2, 1])

    def recurrent(self, layer: LSTM | GRU | Elman) -> None:
        attributes: dict[str, Any] = {"hidden_size": layer.hidden_size}
        if layer.bidirectional:
            attributes["direction"] = "bidirectional"
        kind = "RNN" if isinstance(layer, Elman) else type(layer).__name__
        if isinstance(layer, GRU):
            attributes["linear_before_reset"] = int(layer.reset_after)
        if isinstance(layer, Elman):
            attributes["activations"] = [layer.nonlinearity.capitalize()] * (1 + layer.bidirectional)
        # ONNX Runtime wants time first; Y is (T, directions, N, H).
        self.value = self.node("Transpose", self.value, perm=[1, 0, 2])
        for level in range(layer.num_layers):
            names = self.recurrent_arrays(layer, kind, level)
            self.value = self.node(kind, self.value, *names, **attributes)
            self.value = self.node("Transpose", self.value, perm=[0, 2, 1, 3])
            self.value = self.node("Reshape", self.value, self.array("merge", np.array([0, 0, -1])))
        self.value = self.node("Transpose", self.value, perm=[1, 0, 2])

    def recurrent_arrays(self, layer: LSTM | GRU | Elman, kind: str, level: int) -> list[str]:
        """W, R and B of one level: both directions in one array, the gates in ONNX's order."""
        ends = [f"_l{level}"] + [f"_l{level}_reverse"] * layer.bidirectional
        single = isinstance(layer, GRU) and not layer.reset_after

        def stacked(name: str) -> NDArray[Any]:
            parts = [self.net[f"{self.index}.{name}{end}"] for end in ends]
            return np.stack([to_gates(part, kind, negate=single) for part in parts])

        begin = f"{self.index}.l{level}"
        names = [
            self.array(f"{begin}.W", stacked("weight_ih")),
            self.array(f"{begin}.R", stacked("weight_hh")),
        ]
        if layer.bias:
            inner = stacked("bias" if single else "bias_ih")
            outer = np.zeros_like(inner) if single else stacked("bias_hh")
            names.append(self.array(f"{begin}.B", np.concatenate([inner, outer], axis=1)))
        return names


def _input_features(net: Sequential) -> int | None:
    for layer in net.layers:
        if isinstance(layer, Dense):
            return layer.in_features
        if isinstance(layer, BatchNorm):
            return layer.features
        if isinstance(layer, LSTM | GRU | Elman):
            return layer.input_size
    return None


def to_gates(array: NDArray[Any], kind: str, negate: bool) -> NDArray[Any]:
    """Rows in ONNX's order of gates, those of the update gate negated for the course's GRU."""
    blocks = array.reshape(len(GATES[kind]), -1)[list(GATES[kind])]
    if negate:
        blocks[0] = -blocks[0]
    return blocks.reshape(array.shape)


def from_gates(array: NDArray[Any], kind: str, negate: bool) -> NDArray[Any]:
    """Undo `to_gates`."""
    blocks = array.reshape(len(GATES[kind]), -1).copy()
    if negate:
        blocks[0] = -blocks[0]
    return blocks[np.argsort(GATES[kind])].reshape(array.shape)
