"""Recurrent nodes of an ONNX graph as layers."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from nncore.nn._onnx_graph import Graph
from nncore.nn._to_onnx import GATES, from_gates
from nncore.nn.layers import GRU, LSTM, Elman

_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
_USUAL = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}


def recurrent_layer(
    graph: Graph, node: Any, attributes: dict[str, Any]
) -> tuple[LSTM | GRU | Elman, dict[str, NDArray[Any]]]:
    """Return a layer of one level, and its arrays with PyTorch's names and gates.

    Raises
    ------
    ValueError
        If the node does what no layer of nncore does.
    """
    inputs = {name: value for name, value in zip(_INPUTS, node.input, strict=False) if value}
    _check(graph, inputs, attributes)
    kind, both = node.op_type, attributes.get("direction") == b"bidirectional"
    single = kind == "GRU" and not attributes.get("linear_before_reset", 0)
    parts, sizes = _parts(graph, inputs, kind, 1 + both, single)
    if attributes.get("hidden_size", sizes[1]) != sizes[1]:
        raise ValueError(f"must have hidden_size={sizes[1]}, as its weights have")
    arrays = {
        f"{name}_l0{end}": from_gates(part[direction], kind, negate=single)
        for name, part in parts.items()
        for direction, end in enumerate(("", "_reverse")[: 1 + both])
    }
    activations = _activations(kind, attributes, 1 + both)
    if kind == "LSTM":
        return LSTM(*sizes, bidirectional=both, bias="B" in inputs), arrays
    if kind == "GRU":
        return GRU(*sizes, reset_after=not single, bidirectional=both, bias="B" in inputs), arrays
    return Elman(*sizes, nonlinearity=activations[0], bidirectional=both, bias="B" in inputs), arrays


def _parts(
    graph: Graph, inputs: dict[str, str], kind: str, directions: int, single: bool
) -> tuple[dict[str, NDArray[Any]], tuple[int, int]]:
    """Weights and biases of all directions by PyTorch's names, and the widths of input and state."""
    W, R = _array(graph, inputs, "W"), _array(graph, inputs, "R")
    if W.ndim != 3 or R.ndim != 3:
        raise ValueError(f"must have W and R of three axes, not {W.shape} and {R.shape}")
    features, hidden = W.shape[2], R.shape[2]
    rows = len(GATES[kind]) * hidden
    if W.shape[:2] != (directions, rows) or R.shape[:2] != (directions, rows):
        raise ValueError(f"must have W and R of {directions} times {rows} rows, not {W.shape} and {R.shape}")
    parts = {"weight_ih": W, "weight_hh": R}
    if "B" in inputs:
        B = _array(graph, inputs, "B")
        if B.shape != (directions, 2 * rows):
            raise ValueError(f"must have B of shape {(directions, 2 * rows)}, not {B.shape}")
        inner, outer = B[:, :rows], B[:, rows:]
        parts.update({"bias": inner + outer} if single else {"bias_ih": inner, "bias_hh": outer})
    return parts, (features, hidden)


def _array(graph: Graph, inputs: dict[str, str], name: str) -> NDArray[Any]:
    array = graph.constant(inputs[name])
    if array is None:
        raise ValueError(f"must have a constant {name}")
    return array


def _activations(kind: str, attributes: dict[str, Any], directions: int) -> list[str]:
    found = [name.decode().lower() for name in attributes.get("activations", ())] or _USUAL[kind] * directions
    allowed = [_USUAL[kind] * directions, *([["relu"] * directions] if kind == "RNN" else [])]
    if found not in allowed:
        raise ValueError(f"has the activations {', '.join(found)}, which nncore does not have there")
    return found


def _check(graph: Graph, inputs: dict[str, str], attributes: dict[str, Any]) -> None:
    for name in ("clip", "input_forget", "activation_alpha", "activation_beta"):
        if attributes.get(name):
            raise ValueError(f"has {name}, which nncore does not have")
    if attributes.get("direction") == b"reverse":
        raise ValueError("goes backwards alone, which nncore does not do")
    if "sequence_lens" in inputs:
        raise ValueError("has sequence_lens: lengths are an argument of the call here")
    for name in ("initial_h", "initial_c", "P"):
        if name in inputs and not graph.is_zero(inputs[name]):
            raise ValueError(f"has {name} other than zeros")
