"""Which layers a module of PyTorch, or the names and shapes of its weights, stand for."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from nncore.nn.layers import GRU, LSTM, BatchNorm, Dense, Dropout, Elman, Embedding, Layer, Recurrent

_ACTIVATIONS: dict[str, tuple[str, dict[str, float]]] = {
    "ReLU": ("relu", {}),
    "LeakyReLU": ("leaky_relu", {"negative_slope": 0.01}),
    "Tanh": ("tanh", {}),
    "Sigmoid": ("sigmoid", {}),
    "ELU": ("elu", {"alpha": 1.0}),
    "Softplus": ("softplus", {"beta": 1.0, "threshold": 20.0}),
}
_SUPPORTED = "Linear, Embedding, BatchNorm1d, RNN, LSTM, GRU, Dropout, Flatten, Identity and " + ", ".join(_ACTIVATIONS)


def is_module(value: Any) -> bool:
    """Whether this is a torch.nn.Module, found without importing PyTorch."""
    return any(kind.__name__ == "Module" and _of_torch(kind) for kind in type(value).__mro__)


def _of_torch(kind: type) -> bool:
    return kind.__module__.startswith("torch.nn.modules.")


def describe(module: Any) -> tuple[list[Layer], list[str]]:
    """Return the layers that a module stands for, and the name in it of each.

    Raises
    ------
    ValueError
        If a part has no counterpart; the message names it.
    """
    layers: list[Layer] = []
    names: list[str] = []
    tables: dict[int, int] = {}  # where a table of embeddings stands, by identity
    flat = False
    for name, part in module.named_modules(remove_duplicate=False):
        kind = type(part).__name__ if _of_torch(type(part)) else f"{type(part).__module__}.{type(part).__qualname__}"
        where = f"module{f'[{name!r}]' if name else ''} ({kind})"
        if part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part):
            raise ValueError(f"{where} must have no hooks and no forward of its own: they change what it computes")
        if kind in ("Sequential", "Identity"):
            continue
        if flat and kind not in ("Linear", "BatchNorm1d", "Flatten"):
            raise ValueError(f"{where} must not follow a Flatten")
        if kind == "Flatten":
            _require(where, part, start_dim=1, end_dim=-1)
            flat = True
            continue
        if kind in _ACTIVATIONS:
            _activate(where, part, kind, layers)
            continue
        if kind not in _MAKERS:
            raise ValueError(f"{where} has no counterpart: there are {_SUPPORTED}; another module needs layers=")
        layer = _MAKERS[kind](where, part)
        weight = id(getattr(part, "weight", None))
        if isinstance(layer, Dense) and weight in tables:
            layer = dataclasses.replace(layer, tied=f"{tables[weight]}.weight")
        if isinstance(layer, Embedding):
            tables.setdefault(weight, len(layers))
        layers.append(layer)
        names.append(name)
        flat = False
    if flat:
        raise ValueError("module must not end with a Flatten: a network here gives (N, T, F) or (N, F) as it is")
    if not layers:
        raise ValueError("module must not be empty")
    return layers, names


def _require(where: str, part: Any, **settings: Any) -> None:
    for name, wanted in settings.items():
        found = getattr(part, name)
        if found != wanted:
            raise ValueError(f"{where} must have {name}={wanted}, which nncore has alone, but has {found}")


def _require_in_training(where: str, part: Any, **settings: Any) -> None:
    """Refuse what changes the training alone, unless the module is set to inference."""
    for name, wanted in settings.items():
        found = getattr(part, name)
        if part.training and found != wanted:
            raise ValueError(
                f"{where} has {name}={found}, which nncore does not have; it matters in training alone: "
                "call module.eval() first to leave it out"
            )


def _activate(where: str, part: Any, kind: str, layers: list[Layer]) -> None:
    activation, settings = _ACTIVATIONS[kind]
    _require(where, part, **settings)
    last = layers[-1] if layers else None
    if not isinstance(last, Dense) or last.activation is not None:
        raise ValueError(f"{where} must follow a Linear: an activation belongs to a Dense layer here")
    layers[-1] = dataclasses.replace(last, activation=activation)


def _linear(where: str, part: Any) -> Layer:
    return Dense(part.in_features, part.out_features, bias=part.bias is not None)


def _embedding(where: str, part: Any) -> Layer:
    _require(where, part, max_norm=None)
    _require_in_training(where, part, padding_idx=None, scale_grad_by_freq=False)
    return Embedding(part.num_embeddings, part.embedding_dim)


def _batch_norm(where: str, part: Any) -> Layer:
    _require(where, part, eps=1e-5, affine=True, track_running_stats=True)
    _require_in_training(where, part, momentum=0.1)
    return BatchNorm(part.num_features)


def _dropout(where: str, part: Any) -> Layer:
    return Dropout(part.p)


def _recurrent(where: str, part: Any) -> Layer:
    _require(where, part, proj_size=0)
    _require_in_training(where, part, dropout=0.0)
    sizes = part.input_size, part.hidden_size, part.num_layers
    both, bias = part.bidirectional, part.bias
    if type(part).__name__ == "LSTM":
        return LSTM(*sizes, bidirectional=both, bias=bias)
    if type(part).__name__ == "GRU":
        return GRU(*sizes, reset_after=True, bidirectional=both, bias=bias)
    return Elman(*sizes, nonlinearity=part.nonlinearity, bidirectional=both, bias=bias)


_MAKERS = {
    "Linear": _linear,
    "Embedding": _embedding,
    "BatchNorm1d": _batch_norm,
    "Dropout": _dropout,
    "RNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
}


def infer(groups: dict[str, dict[str, NDArray[Any]]]) -> tuple[list[Layer], list[str]]:
    """Return the layers that weights stand for, and the name in `groups` of each.

    Raises
    ------
    ValueError
        If the weights leave a doubt, which only a description of the layers resolves.
    """
    names = _ordered(groups)
    layers = []
    for name in names:
        layer = _infer_layer(groups[name])
        if layer is None:
            held = ", ".join(f"{own} {array.shape}" for own, array in groups[name].items())
            raise ValueError(f"layers must be given: {held} under the name {name!r} leave their kind open")
        layers.append(layer)
    if names[-1] and not isinstance(layers[-1], Recurrent):
        raise ValueError(
            f"layers must be given: weights do not tell what follows {names[-1]!r}; if nothing does, "
            f"layers=[{', '.join(map(_call, layers))}]"
        )
    return layers, names


def _ordered(groups: dict[str, Any]) -> list[str]:
    numbers = numbers_of(groups)
    if numbers is None and len(groups) == 1:
        return list(groups)
    names = sorted(groups, key=lambda name: (numbers or {})[name]) if numbers else []
    if not numbers or [numbers[name] for name in names] != [(k,) for k in range(len(names))]:
        raise ValueError(
            f"layers must be given: the names {', '.join(map(repr, groups))} do not tell the order of the modules, or "
            "leave out numbers of modules without weights"
        )
    return names


def numbers_of(names: Iterable[str]) -> dict[str, tuple[int, ...]] | None:
    """Numbers that modules have for names, behind a name that all share; None where they have others."""
    found = {name: re.fullmatch(r"(?:(.*?)\.)?(\d+(?:\.\d+)*)", name) for name in names}
    if len({match and match[1] for match in found.values()}) > 1:
        return None
    numbers = {name: tuple(map(int, match[2].split("."))) for name, match in found.items() if match}
    return numbers if len(numbers) == len(found) else None


def _infer_layer(group: dict[str, NDArray[Any]]) -> Layer | None:
    if "weight_hh_l0" in group and "weight_ih_l0" in group:
        return _infer_recurrent(group)
    shapes = {name: array.shape for name, array in group.items()}
    if set(shapes) == {"weight", "bias"} and len(shapes["weight"]) == 2:
        return Dense(shapes["weight"][1], shapes["weight"][0])
    if set(shapes) == {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}:
        return BatchNorm(shapes["weight"][0]) if len(shapes["weight"]) == 1 else None
    return None


def _infer_recurrent(group: dict[str, NDArray[Any]]) -> Layer | None:
    inputs, states = group["weight_ih_l0"].shape, group["weight_hh_l0"].shape
    if len(inputs) != 2 or len(states) != 2 or inputs[0] != states[0] or not states[1]:
        return None
    depth = sum(re.fullmatch(r"weight_ih_l\d+", name) is not None for name in group)
    both, bias = "weight_ih_l0_reverse" in group, "bias_ih_l0" in group
    if states[0] == 4 * states[1]:
        return LSTM(inputs[1], states[1], depth, bidirectional=both, bias=bias)
    if states[0] == 3 * states[1]:
        return GRU(inputs[1], states[1], depth, reset_after=True, bidirectional=both, bias=bias)
    return None  # an RNN may be one of tanh or of ReLU


def _call(layer: Layer) -> str:
    return f"nn.{layer!r}"
