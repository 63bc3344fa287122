"""An ONNX graph to be read: who makes what, what is constant, and the way from the input to the output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

RECURRENT = ("LSTM", "GRU", "RNN")
_MOVES = ("Expand", "Slice", "Identity", "Transpose", "Unsqueeze", "Squeeze", "Reshape", "Cast", "Gather", "Concat")


class Graph:
    """A graph of the package onnx, which a checker has passed."""

    def __init__(self, onnx: Any, graph: Any) -> None:
        self.onnx, self.graph = onnx, graph
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = {value.name: value for value in graph.input if value.name not in self.tensors}
        self.makers = {name: node for node in graph.node for name in node.output if name}
        self.arrays: dict[str, NDArray[Any]] = {}

    def attributes(self, node: Any) -> dict[str, Any]:
        """Attributes of a node by name."""
        return {item.name: self.onnx.helper.get_attribute_value(item) for item in node.attribute}

    def origin(self, name: str) -> tuple[str, bool]:
        """Return the value that this one is, and whether it is that value turned (a matrix transposed)."""
        turned = False
        while name not in self.tensors and name in self.makers:
            node = self.makers[name]
            if node.op_type == "Transpose" and self.attributes(node).get("perm", [1, 0]) == [1, 0]:
                turned = not turned
            elif node.op_type != "Identity":
                break
            name = node.input[0]
        return name, turned

    def constant(self, name: str) -> NDArray[Any] | None:
        """Return a value that does not depend on the input; None for another (and for more than this reads)."""
        name, turned = self.origin(name)
        if name not in self.arrays:
            value = self._stored(name)
            if value is None:
                return None
            self.arrays[name] = value
        array = self.arrays[name]
        return array.T if turned else array

    def _stored(self, name: str) -> NDArray[Any] | None:
        if name in self.tensors:
            return np.asarray(self.onnx.numpy_helper.to_array(self.tensors[name]))
        node = self.makers.get(name)
        if node is None or node.op_type != "Constant":
            return None
        ((kind, value),) = self.attributes(node).items()
        if kind == "value":
            return np.asarray(self.onnx.numpy_helper.to_array(value))
        return np.asarray(value) if kind in ("value_int", "value_ints", "value_float", "value_floats") else None

    def path(self) -> list[tuple[Any, str, str]]:
        """Nodes from the input to the first output, each with the value that leads to it and the one that leads on."""
        name, steps = self.graph.output[0].name, []
        while name not in self.inputs:
            node = self.makers.get(name)
            if node is None or not any(node.input):
                raise ValueError(f"output {self.graph.output[0].name!r} does not depend on an input")
            given = [value for value in node.input if value]
            before = next((value for value in given if self.constant(value) is None), given[0])
            steps.append((node, before, name))
            name = before
        self.input = self.inputs[name]
        return steps[::-1]

    def is_zero(self, name: str) -> bool:
        """Whether a value is 0 everywhere, of whatever shape: the usual initial state."""
        for origin in self._origins(name):
            array, node = self.constant(origin), self.makers.get(origin)
            if array is None and node is not None and node.op_type == "ConstantOfShape":
                value = self.attributes(node).get("value")
                array = np.zeros(1) if value is None else self.onnx.numpy_helper.to_array(value)
            if array is None or array.any():
                return False
        return True

    def is_state(self, name: str) -> bool:
        """Whether a value is the final state of recurrent nodes, which a network returns when asked."""
        makers = [(origin, self.makers.get(origin)) for origin in self._origins(name)]
        return all(node and node.op_type in RECURRENT and origin != node.output[0] for origin, node in makers)

    def _origins(self, name: str) -> set[str]:
        """Values whose elements this one holds, moved about."""
        pending, seen, origins = [name], {name}, set()
        while pending:
            name = pending.pop()
            node = self.makers.get(name)
            if node is None or node.op_type not in _MOVES or self.constant(name) is not None:
                origins.add(name)
                continue
            before = set(node.input if node.op_type == "Concat" else node.input[:1]) - seen
            seen |= before
            pending.extend(before)
        return origins
