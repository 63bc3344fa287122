"""Networks from PyTorch, and their weights back; PyTorch itself is never imported."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _files
from nncore.nn._arrays import NetworkArrays
from nncore.nn._torch_layers import describe, infer, is_module, numbers_of
from nncore.nn.layers import GRU, Dense, Layer
from nncore.nn.sequential import Sequential

Shapes = dict[str, tuple[int, ...]]
Arrays = dict[str, NDArray[Any]]


def from_torch(
    module_or_state_dict_or_path: Any,
    layers: Iterable[Layer] | Mapping[str, Layer] | None = None,
    *,
    seed: Any = None,
) -> Sequential:
    """Make a network of a module of PyTorch, or of its weights.

    Parameters
    ----------
    module_or_state_dict_or_path : torch.nn.Module, mapping of str to tensor or array, or path
        A ``torch.nn.Sequential``, nested or not, of Linear, Embedding, BatchNorm1d, RNN, LSTM, GRU and Dropout, with
        ReLU, LeakyReLU, Tanh, Sigmoid, ELU and Softplus behind a Linear, or one such module; or a `state_dict`; or a
        safetensors file of a `state_dict`. A pickle (what ``torch.save`` writes) is not read: it could run code.
    layers : iterable of layers, or mapping of str to layer, optional
        The network that the weights belong to, in its order, with what has no weights (`LastStep`, `Dropout`). Needed
        for a module of another class and where the weights leave a doubt: they tell an LSTM from a GRU, not what
        follows a Linear. Numbered names are taken in the order of their numbers, other names by the shapes of their
        arrays; where these leave a choice, a mapping says which is which: ``{"encoder": nn.LSTM(8, 16), ...}``.
    seed : int, numpy.random.Generator, numpy.random.RandomState or None
        Of dropout.

    Returns
    -------
    net : Sequential
        With the same numbers, in the same type (float32 or float64); it keeps nothing of PyTorch's.

    Raises
    ------
    TypeError
        If the first argument is none of the three, or an array is neither float32 nor float64. Half precision is not
        widened silently: ``module.float()`` does it.
    ValueError
        If something has no counterpart here, if `layers` do not fit, are needed, or hold a GRU with
        ``reset_after=False``, which PyTorch does not have; or if the file is damaged.
    OSError
        If the file cannot be read.

    Notes
    -----
    A GRU becomes ``GRU(reset_after=True)``. Sequences are batch first here, whatever ``batch_first`` says; the weights
    do not depend on it. BatchNorm normalizes each feature of (N, T, F), where PyTorch wants (N, F, T). A setting that
    matters in training alone (``dropout`` inside a recurrent module, ``padding_idx``, another ``momentum``) is
    refused, unless the module is in inference (``module.eval()``). A Linear that shares an Embedding's weight becomes
    tied; other shared weights become independent copies.

    Examples
    --------
    >>> from nncore import nn
    >>> import numpy as np
    >>> weights = {"weight_ih_l0": np.ones((8, 3)), "weight_hh_l0": np.ones((8, 2))}
    >>> nn.from_torch(weights)
    Sequential(
      (0): LSTM(input_size=3, hidden_size=2, num_layers=1, bidirectional=False, bias=False)
    )
    """
    source, names = module_or_state_dict_or_path, None
    if isinstance(source, str | os.PathLike):
        state: Mapping[Any, Any] = _read_file(source)
    elif isinstance(source, Mapping):
        state = source
    elif is_module(source):
        if layers is None:
            layers, names = describe(source)
        state = source.state_dict()
    else:
        raise TypeError(
            "module_or_state_dict_or_path must be a torch.nn.Module, a state_dict or the path of a safetensors file, "
            f"but is a {type(source).__name__}"
        )
    arrays = {name: _array(name, value) for name, value in state.items()}
    groups, dtype = _groups(arrays), _dtype(arrays)
    if isinstance(layers, Mapping):
        names, layers = [*layers], [*layers.values()]
    elif layers is None:
        layers, names = infer(groups)
    net = Sequential(_checked(layers), dtype=dtype, seed=seed)
    entries = _entries(net)
    prefixes = _assign(net, entries, groups) if names is None else [names[index] for index in _owners(entries)]
    _load(net, entries, prefixes, groups)
    net._torch_prefixes = tuple(prefixes)
    return net


def to_torch_state_dict(net: NetworkArrays, prefixes: Sequence[str] | None = None) -> Arrays:
    """Return copies of the weights as a `state_dict`; `Sequential.to_torch_state_dict` documents it."""
    for index, layer in enumerate(net.layers):
        if isinstance(layer, GRU) and not layer.reset_after:
            raise ValueError(f"layers[{index}] is a GRU with reset_after=False, a function that PyTorch does not have")
    entries = _entries(net)
    owners = _owners(entries)
    if prefixes is None:
        prefixes = net._torch_prefixes
    if prefixes is None:
        positions = _positions(net.layers)
        prefixes = [str(positions[index]) for index in owners]
    if isinstance(prefixes, str) or not all(isinstance(prefix, str) for prefix in prefixes):
        raise TypeError(f"prefixes must be a list of str, but is {prefixes!r}")
    if len(prefixes) != len(owners) or len(set(prefixes)) != len(owners):
        raise ValueError(
            f"prefixes must be {len(owners)} different names, one for each layer that has weights, but are "
            f"{list(prefixes)}"
        )
    state = {}
    for index, prefix in zip(owners, prefixes, strict=True):
        for name in entries[index]:
            state[_join(prefix, name)] = _value(net, index, name)
    return state


def _positions(layers: Sequence[Layer]) -> list[int]:
    """Where each layer stands in a torch.nn.Sequential: an activation is a module of its own there."""
    positions, position = [], 0
    for layer in layers:
        positions.append(position)
        position += 2 if isinstance(layer, Dense) and layer.activation is not None else 1
    return positions


def _entries(net: NetworkArrays) -> list[Shapes]:
    """Names and shapes of each layer's arrays, as PyTorch has them: a tied weight is listed where it is shared too."""
    entries: list[Shapes] = [{} for _ in net.layers]
    for index, layer in enumerate(net.layers):
        if isinstance(layer, Dense) and layer.tied is not None:
            entries[index]["weight"] = (layer.out_features, layer.in_features)
    for name, view in net._views.items():
        number, own = name.split(".", 1)
        entries[int(number)][own] = view.shape
    return entries


def _owners(entries: list[Shapes]) -> list[int]:
    return [index for index, shapes in enumerate(entries) if shapes]


def _value(net: NetworkArrays, index: int, name: str) -> NDArray[Any]:
    layer = net.layers[index]
    if name == "weight" and isinstance(layer, Dense) and layer.tied is not None:
        weight = net[layer.tied]
        turned = isinstance(net.layers[int(layer.tied.split(".")[0])], Dense)
        return np.array(weight.T if turned else weight, order="C")
    value = net[f"{index}.{name}"]
    return value.astype(np.int64) if name == "num_batches_tracked" else value.copy()


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _read_file(path: str | os.PathLike[str]) -> Arrays:
    try:
        arrays, metadata = _files.read_safetensors(path)
    except ValueError as error:
        with open(path, "rb") as file:
            start = file.read(4)
        if start == b"PK\3\4" or start[:1] == b"\x80":
            raise ValueError(
                f"{os.fspath(path)!r} is a pickle of PyTorch, which is not read because unpickling can run code; "
                "write the state_dict with safetensors.torch.save_file"
            ) from None
        found = re.search(r"b?float(8|16)\w*", str(error).replace(repr(os.fspath(path)), ""))  # types NumPy lacks
        if found is None:
            raise
        raise TypeError(f"{os.fspath(path)!r} {_NO_HALF.format(found[0])}") from None
    if metadata.get("format") == _files.FORMAT:
        raise ValueError(f"{os.fspath(path)!r} is a file of nncore itself, which nncore.nn.load reads")
    return arrays


_NO_HALF = "must hold float32 or float64, but holds {}; convert it first, as module.float() does"


def _array(name: Any, value: Any) -> NDArray[Any]:
    if not isinstance(name, str):
        raise TypeError(f"a state_dict must have names of type str, but has {name!r}")
    if re.search(r"\bweight_hr_l\d+(_reverse)?$", name):
        raise ValueError(f"{name} belongs to an LSTM with proj_size, which nncore does not have")
    if re.search(r"\b(reset_after|bias_l\d+(_reverse)?)$", name):
        raise ValueError(f"{name} belongs to a GRU with reset_after=False, a function that PyTorch does not have")
    found = str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.").lstrip("<>=")
    if name.endswith("num_batches_tracked"):
        if found not in ("int64", "int32", "i8", "i4"):
            raise TypeError(f"{name} must be an integer, but is {found}")
    elif found not in ("float32", "float64", "f4", "f8"):
        raise TypeError(f"{name} {_NO_HALF.format(found)}")
    try:
        return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    except (NotImplementedError, RuntimeError, TypeError) as error:  # a tensor without data, or a sparse one
        raise TypeError(f"{name} must be an ordinary tensor: {error}") from None


def _dtype(arrays: Arrays) -> np.dtype[Any]:
    types = {array.dtype.newbyteorder("=") for array in arrays.values() if array.dtype.kind == "f"}
    if len(types) != 1:
        found = ", ".join(sorted(map(str, types))) or "no weights"
        raise ValueError(f"module_or_state_dict_or_path must hold floats of one type, but holds {found}")
    return types.pop()


def _groups(arrays: Arrays) -> dict[str, Arrays]:
    """Arrays of each module, by its name and theirs."""
    groups: dict[str, Arrays] = {}
    for name, array in arrays.items():
        prefix, _, own = name.rpartition(".")
        groups.setdefault(prefix, {})[own] = array
    return groups


def _checked(layers: Any) -> list[Layer]:
    if isinstance(layers, Layer) or not isinstance(layers, Iterable):
        raise TypeError(f"layers must be a list of layers, but is a {type(layers).__name__}")
    checked = list(layers)
    for index, layer in enumerate(checked):
        if isinstance(layer, GRU) and not layer.reset_after:
            raise ValueError(
                f"layers[{index}] is a GRU with reset_after=False, another function than PyTorch's GRU; "
                "describe that one with reset_after=True"
            )
    return checked


def _assign(net: Sequential, entries: list[Shapes], groups: dict[str, Arrays]) -> list[str]:
    """Find the name of each layer that has arrays: by number, or by what fits it alone."""
    owners, numbers = _owners(entries), numbers_of(groups)
    if numbers is not None:
        if len(groups) != len(owners):
            raise ValueError(
                f"layers must have {len(groups)} layers with weights, for {_quoted(groups)}, but have {len(owners)}"
            )
        return sorted(groups, key=lambda name: numbers[name])
    prefixes: list[str] = []
    for index in owners:
        fitting = [name for name, group in groups.items() if _shapes(group) == entries[index]]
        if len(fitting) > 1 or set(fitting) & set(prefixes):
            raise ValueError(
                f"layers[{index}], {net.layers[index]!r}, leaves a choice between names ({_quoted(groups)}): "
                "give layers as a mapping of names to layers, in their order"
            )
        if not fitting:
            held = "; ".join(f"{name!r}: {_text(_shapes(group))}" for name, group in groups.items())
            raise ValueError(
                f"layers[{index}], {net.layers[index]!r}, has {_text(entries[index])}, which fits none of {held}"
            )
        prefixes += fitting
    return prefixes


def _load(net: Sequential, entries: list[Shapes], prefixes: list[str], groups: dict[str, Arrays]) -> None:
    owners = _owners(entries)
    superfluous = [name for name in groups if name not in prefixes]
    if superfluous:
        raise ValueError(f"layers have nothing for the arrays of {_quoted(superfluous)}")
    state: Arrays = {}
    for index, prefix in zip(owners, prefixes, strict=True):
        group = groups.get(prefix, {})
        if _shapes(group) != entries[index]:
            raise ValueError(
                f"layers[{index}], {net.layers[index]!r}, has {_text(entries[index])}, but under the name {prefix!r} "
                f"there is {_text(_shapes(group)) or 'nothing'}"
            )
        state.update((f"{index}.{name}", array) for name, array in group.items())
    tied = {name: array for name, array in state.items() if name not in net._views}
    net.load_state_dict({name: array for name, array in state.items() if name not in tied})
    for name, array in tied.items():
        index = int(name.split(".")[0])
        if not np.array_equal(_value(net, index, "weight"), array, equal_nan=True):
            raise ValueError(f"layers[{index}], {net.layers[index]!r}, shares a weight, but the weights given differ")


def _shapes(group: Arrays) -> Shapes:
    return {name: array.shape for name, array in group.items()}


def _text(shapes: Shapes) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items())


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
