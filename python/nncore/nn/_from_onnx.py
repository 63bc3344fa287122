"""Networks out of ONNX files."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _files
from nncore.nn._onnx_graph import RECURRENT, Graph
from nncore.nn._onnx_recurrent import recurrent_layer
from nncore.nn._to_onnx import ACTIVATIONS, import_onnx
from nncore.nn.layers import GRU, LSTM, BatchNorm, Dense, Dropout, Elman, Embedding, LastStep, Layer
from nncore.nn.sequential import Sequential

_ACTIVATIONS = {operator: name for name, operator in ACTIVATIONS.items()}


def from_onnx(path: str | os.PathLike[str], *, seed: Any = None) -> Sequential:
    """Make a network of an ONNX file.

    Parameters
    ----------
    path : str or os.PathLike
        A file of `to_onnx`, or of another program where the graph is a chain of what nncore has: Gemm or MatMul and
        Add, activations behind them, Gather from a table, LSTM, GRU, RNN, BatchNormalization, Dropout, and the
        Transpose, Squeeze and Reshape between them; the last step taken by a Gather, or as Y_h.
    seed : int, numpy.random.Generator, numpy.random.RandomState or None
        Of dropout.

    Returns
    -------
    net : Sequential
        With the same numbers, in the same type. Of a file of `to_onnx`: the layers that were written, without Dropout,
        and with BatchNorm's count of batches at 0.

    Raises
    ------
    ImportError
        If onnx is missing, which the extra `onnx` brings.
    TypeError
        If the weights are neither float32 nor float64.
    ValueError
        If the file is damaged or no ONNX file, or something in it has no counterpart. The message names the node.
    OSError
        If the file cannot be read.

    Notes
    -----
    Sequences are batch first here, also where the graph has time first. A GRU with ``linear_before_reset=0`` becomes
    ``GRU(reset_after=False)``; its two biases are added.
    """
    onnx = import_onnx("from_onnx")
    name = _files.path_text(path)
    with open(name, "rb"):  # the clear errors of the operating system, before the parser's
        pass
    try:
        model = onnx.load(name, format="protobuf")
        onnx.checker.check_model(model)
    except (KeyboardInterrupt, MemoryError, OSError):
        raise
    except Exception as error:  # of the parser, whose types are no part of its interface
        raise ValueError(f"{name!r} is damaged, or no ONNX file: {error}") from None
    try:
        versions = [opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")]
        if not versions or versions[0] < 9:
            raise ValueError(f"opset must be 9 or newer, but is {versions[0] if versions else 'missing'}")
        reader = _Reader(Graph(onnx, model.graph))
        reader.read()
        return reader.network(seed)
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(f"{name!r} does not hold a network of nncore: {error}") from None


class _Reader:
    """Layers that grow node by node along the graph.

    `axes` names those of the value at hand: N batch, T time, F features, and of a recurrent node's output D directions
    and H hidden units.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.layers: list[Layer] = []
        self.arrays: dict[str, NDArray[Any]] = {}
        self.owners: dict[str, tuple[int, bool]] = {}  # layers by the name of their weight, and whether it is turned
        self.axes = ""
        self.sizes: dict[str, int] = {}  # of the input's axes, 0 where open
        self.stacked = False  # whether a recurrent node would go on with the last layer

    def read(self) -> None:
        steps = self.graph.path()
        for output in self.graph.graph.output[1:]:
            if not self.graph.is_state(output.name):
                raise ValueError(f"output {output.name!r} is one more than a network has")
        start = self.axes = self._start(steps)
        shape = self.graph.input.type.tensor_type.shape
        self.sizes = {letter: axis.dim_value for letter, axis in zip(start, shape.dim, strict=False)}
        for node, before, output in steps:
            self._node(node, before, output)
        if self.axes not in (start if start.endswith("F") else start + "F", "NF"):
            raise ValueError(f"output {self.graph.graph.output[0].name!r} has other axes than the input")
        if not self.layers:
            raise ValueError("the graph computes nothing")

    def network(self, seed: Any) -> Sequential:
        types = {array.dtype.newbyteorder("=") for array in self.arrays.values()}
        if not types <= {np.dtype(np.float32), np.dtype(np.float64)}:
            raise TypeError(f"weights must be float32 or float64, but are {', '.join(sorted(map(str, types)))}")
        if len(types) > 1:
            raise ValueError("weights must be of one type, but are float32 and float64")
        net = Sequential(self.layers, dtype=types.pop() if types else "float32", seed=seed)
        net.load_state_dict({**self.arrays, **dict.fromkeys(net._form_names(), np.zeros((), np.uint8))})
        return net

    def _start(self, steps: list[tuple[Any, str, str]]) -> str:
        """Axes of the input; which of the first two is time, the first recurrent node tells."""
        kind = self.graph.input.type.tensor_type
        ids = kind.elem_type in (self.graph.onnx.TensorProto.INT64, self.graph.onnx.TensorProto.INT32)
        rank = len(kind.shape.dim) + ids
        if rank not in (2, 3):
            raise ValueError(f"input {self.graph.input.name!r} must be (N, F), (N, T, F), or ids (N) or (N, T)")
        if rank == 2:
            return "N" if ids else "NF"
        axes = [0, 1] if ids else [0, 1, 2]
        for node, _, _ in steps:
            attributes = self.graph.attributes(node)
            if node.op_type == "Gather" and len(axes) == 2:
                axes.append(2)
            elif node.op_type == "Transpose" and len(attributes.get("perm", ())) == len(axes):
                axes = [axes[k] for k in attributes["perm"]]
            elif node.op_type in RECURRENT:
                first = axes[attributes.get("layout", 0)] == 0
                return ("TN" if first else "NT") + ("" if ids else "F")
        return "NT" if ids else "NTF"

    def _node(self, node: Any, before: str, output: str) -> None:
        operator = node.op_type
        method = _METHODS.get(operator) if node.domain in ("", "ai.onnx") else None
        try:
            if method is None:
                raise ValueError("has no counterpart")
            if before != node.input[0] and operator not in ("Add", "Gather"):
                raise ValueError("must have what comes from the input as its first input")
            if output != node.output[0] and operator not in RECURRENT:
                raise ValueError("must lead on with its first output")
            method(self, node, self.graph.attributes(node), output)
        except (IndexError, ValueError) as error:
            raise ValueError(f"node {node.name or output!r} ({operator}) {error}") from None
        goes_on = "D" in self.axes or operator in ("Squeeze", "Reshape")
        self.stacked = operator in RECURRENT or (self.stacked and goes_on)

    def _array(self, node: Any, index: int, what: str) -> NDArray[Any]:
        array = self.graph.constant(node.input[index]) if len(node.input) > index else None
        if array is None:
            raise ValueError(f"must have a constant {what}")
        return array

    def _add(self, layer: Layer, **arrays: NDArray[Any]) -> None:
        self.arrays.update((f"{len(self.layers)}.{name}", array) for name, array in arrays.items())
        self.layers.append(layer)

    def identity(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        pass

    def cast(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        if self.axes.endswith("F"):
            raise ValueError("must not change the type of values")

    def flatten(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        if self.axes != "NF" or attributes.get("axis", 1) not in (1, -1):
            raise ValueError("must leave (N, F) as it is")

    def dropout(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        given = [bool(name) for name in node.input]
        ratio = self._array(node, 1, "ratio") if given[1:2] == [True] else attributes.get("ratio", 0.5)
        if given[2:3] == [True] and self._array(node, 2, "training_mode").any():
            raise ValueError("must not have training_mode")
        self._add(Dropout(float(ratio)))

    def transpose(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        order = list(attributes.get("perm", range(len(self.axes))[::-1]))
        if sorted(order) != list(range(len(self.axes))):
            raise ValueError(f"must have an order of {len(self.axes)} axes, not {order}")
        self.axes = "".join(self.axes[k] for k in order)

    def squeeze(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        removed = attributes["axes"] if "axes" in attributes else self._array(node, 1, "axes").ravel().tolist()
        if [self.axes[k] for k in removed] != ["D"] or self._directions() != 1:
            raise ValueError("must remove the axis of the one direction of a recurrent node")
        self.axes = self.axes.replace("D", "").replace("H", "F")

    def reshape(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        shape = self._array(node, 1, "shape").tolist()
        width = self._directions() * getattr(self.layers[-1], "hidden_size", 0) if self.layers else 0
        fixed = [self.sizes.get(letter) for letter in self.axes[:2]]
        kept = [0 if given == size else given for given, size in zip(shape[:2], fixed, strict=False)]
        literal = attributes.get("allowzero", 0) and 0 in shape
        if self.axes[2:] != "DH" or literal or [*kept, *shape[2:]] not in ([0, 0, -1], [0, 0, width]):
            raise ValueError("must put the directions of a recurrent node side by side")
        self.axes = self.axes[:2] + "F"

    def _directions(self) -> int:
        return 2 if self.layers and getattr(self.layers[-1], "bidirectional", False) else 1

    def gather(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        axis = attributes.get("axis", 0)
        if self.axes in ("N", "NT", "TN"):
            table = self._array(node, 0, "table")
            if axis or table.ndim != 2:
                raise ValueError("must take rows of a table")
            name, turned = self.graph.origin(node.input[0])
            self.owners.setdefault(name, (len(self.layers), turned))
            self._add(Embedding(*table.shape), weight=table)
            self.axes += "F"
            return
        letter, index = self.axes[axis], self._array(node, 1, "index")
        if index.shape == () and letter == "T" and "D" not in self.axes and int(index) == -1:
            self._add(LastStep())
        elif index.shape != () or letter != "D" or self._directions() != 1:
            raise ValueError("must take the last step")
        self.axes = self.axes.replace(letter, "")
        if letter == "D":
            self.axes = self.axes.replace("H", "F")

    def gemm(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        if self.axes != "NF" or attributes.get("transA", 0):
            raise ValueError("must have rows of features for A")
        if attributes.get("alpha", 1.0) != 1 or attributes.get("beta", 1.0) != 1:
            raise ValueError("must have alpha=1 and beta=1")
        self._dense(node, turned=not attributes.get("transB", 0))
        if len(node.input) > 2 and node.input[2]:
            self._bias(self._array(node, 2, "C"))

    def matmul(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        if not self.axes.endswith("F"):
            raise ValueError("must have features on its last axis")
        self._dense(node, turned=True)

    def add(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        found = [array for array in map(self.graph.constant, node.input) if array is not None]
        if len(found) != 1:
            raise ValueError("must add a constant bias")
        self._bias(found[0])

    def _dense(self, node: Any, turned: bool) -> None:
        """Add a Dense layer whose weight (out, in) is the node's second input, or that turned."""
        matrix = self._array(node, 1, "weight")
        if matrix.ndim != 2:
            raise ValueError(f"must have a matrix for its weight, not {matrix.shape}")
        weight = matrix.T if turned else matrix
        name, turned_before = self.graph.origin(node.input[1])
        turned ^= turned_before
        index = len(self.layers)
        owner, turned_there = self.owners.setdefault(name, (index, turned))
        layer = Dense(weight.shape[1], weight.shape[0], bias=False)
        # A tied layer has an Embedding's weight as it is, a Dense layer's turned.
        if owner < index and (turned == turned_there) == isinstance(self.layers[owner], Embedding):
            self._add(dataclasses.replace(layer, tied=f"{owner}.weight"))
        else:
            self._add(layer, weight=weight)

    def _bias(self, bias: NDArray[Any]) -> None:
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, Dense) or last.bias or last.activation or not self.axes.endswith("F"):
            raise ValueError("must add the bias of a Gemm or MatMul before it")
        if bias.size not in (1, last.out_features) or bias.shape[-1:] not in ((), (bias.size,)):
            raise ValueError(f"must add {last.out_features} numbers, not {bias.shape}")
        self.arrays[f"{len(self.layers) - 1}.bias"] = np.broadcast_to(bias.ravel(), last.out_features)
        self.layers[-1] = dataclasses.replace(last, bias=True)

    def activation(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, Dense) or last.activation:
            raise ValueError("must follow a Gemm, or a MatMul and an Add: an activation belongs to a Dense layer here")
        usual = {"LeakyRelu": 0.01, "Elu": 1.0}.get(node.op_type)
        alpha = attributes.get("alpha", usual)
        if alpha is not None and np.float32(alpha) != np.float32(usual or 0):
            raise ValueError(f"must have alpha={usual}, which nncore has alone, but has {alpha:g}")
        self.layers[-1] = dataclasses.replace(last, activation=_ACTIVATIONS[node.op_type])

    def batch_norm(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        if self.axes not in ("NF", "NFT"):
            raise ValueError("must have the features on its second axis")
        if np.float32(attributes.get("epsilon", 1e-5)) != np.float32(1e-5) or attributes.get("training_mode", 0):
            raise ValueError("must have epsilon=1e-5, which nncore has alone, and no training_mode")
        names = "weight", "bias", "running_mean", "running_var"
        arrays = {name: self._array(node, index, name) for index, name in enumerate(names, 1)}
        self._add(BatchNorm(arrays["weight"].size), **arrays)
        self.arrays[f"{len(self.layers) - 1}.num_batches_tracked"] = np.zeros((), arrays["weight"].dtype)

    def recurrent(self, node: Any, attributes: dict[str, Any], output: str) -> None:
        layout = attributes.get("layout", 0)
        if self.axes != ("NTF" if layout else "TNF"):
            raise ValueError("must have sequences with time first (or, with layout=1, second)")
        layer, arrays = recurrent_layer(self.graph, node, attributes)
        level, last = 0, self.layers[-1] if self.layers else None
        if not isinstance(last, LSTM | GRU | Elman) or not self.stacked:
            last = None
        if last and dataclasses.replace(last, input_size=layer.input_size, num_layers=1) == layer:
            level = last.num_layers
            layer = dataclasses.replace(last, num_layers=level + 1)
            self.layers.pop()
        self.layers.append(layer)
        begin = f"{len(self.layers) - 1}."
        for name, array in arrays.items():
            self.arrays[begin + name.replace("_l0", f"_l{level}")] = array
        if output == node.output[0]:
            self.axes = "NTDH" if layout else "TDNH"
            return
        if output != node.output[1] or self._directions() != 1:
            raise ValueError("must lead on with Y, or in one direction with Y_h")
        self.layers.append(LastStep())
        self.axes = "NDH" if layout else "DNH"


_METHODS: dict[str, Any] = {
    "Identity": _Reader.identity,
    "Cast": _Reader.cast,
    "Flatten": _Reader.flatten,
    "Dropout": _Reader.dropout,
    "Transpose": _Reader.transpose,
    "Squeeze": _Reader.squeeze,
    "Reshape": _Reader.reshape,
    "Gather": _Reader.gather,
    "Gemm": _Reader.gemm,
    "MatMul": _Reader.matmul,
    "Add": _Reader.add,
    "BatchNormalization": _Reader.batch_norm,
    **dict.fromkeys(_ACTIVATIONS, _Reader.activation),
    **dict.fromkeys(RECURRENT, _Reader.recurrent),
}
