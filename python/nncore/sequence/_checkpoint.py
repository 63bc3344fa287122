"""Files of language models: the network, and all that its training goes on from."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nncore import _files, nn

from ._network import check_parameters, make_network
from ._parameters import check_integer
from ._training import HISTORY, Array, State, Training
from ._vocabulary import Characters, Vocabulary, Words

if TYPE_CHECKING:
    from .language_model import LanguageModel

Model = TypeVar("Model", bound="LanguageModel")

_KIND = "LanguageModel"
_COUNTERS = ("fingerprint", "chunk", "nats", "seconds", "best", "epochs_since_best")


def save(model: LanguageModel, path: str | os.PathLike[str]) -> None:
    """Write `model` to a file."""
    training, params = model._training, model.get_params()
    if not isinstance(params["random_state"], (int, np.integer)):
        params["random_state"] = None
    optimizer, moments = _parted(training.optimizer.state_dict())
    state, carried = _flat_state(training.state)
    description = {
        "params": params,
        "fixed": model._fixed,
        "seed": model.net_.seed,
        "draws": model.net_._draws,
        "tokens": model._vocabulary.tokens,
        "unknown": model._vocabulary.unknown,
        "first_id": model._first_id,
        "n_iter": model.n_iter_,
        "history": model.history_,
        "optimizer": optimizer,
        "state": state,
        "training": {name: getattr(training, name) for name in _COUNTERS},
    }
    arrays = _prefixed("net", model.net_.state_dict()) | _prefixed("optimizer", moments) | _prefixed("state", carried)
    for name in ("best_parameters", "last_parameters"):
        arrays |= _prefixed(name, getattr(training, name) or {})
    # NumPy's scalars, which parameters may be, become numbers of JSON
    plain = json.loads(json.dumps(description, default=lambda value: value.item()))
    _files.write_model(path, _KIND, plain, arrays)


def load(cls: type[Model], path: str | os.PathLike[str]) -> Model:
    """A model from a file of `save`."""
    description, arrays = _files.read_model(path, _KIND)
    try:
        return _rebuilt(cls, description, arrays)
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from error


def _rebuilt(cls: type[Model], description: dict[str, Any], arrays: dict[str, Array]) -> Model:
    params, fixed = description["params"], description["fixed"]
    check_parameters(params)
    check_parameters(params | fixed)
    _check_description(description)
    model = cls(**params)
    tokens, unknown = description["tokens"], description["unknown"]
    vocabulary: Vocabulary = Characters(tokens, unknown) if fixed["level"] == "char" else Words(tokens, unknown)
    net = make_network(params | fixed, len(tokens), description["seed"])
    net.load_state_dict(_without_prefix("net", arrays))
    net._draws = int(description["draws"])
    optimizer = nn.Adam(lr=params["learning_rate"])
    optimizer.load_state_dict(description["optimizer"] | _without_prefix("optimizer", arrays))
    training = Training(optimizer, **description["training"])
    training.state = _nested_state(description["state"], _without_prefix("state", arrays))
    training.best_parameters = _without_prefix("best_parameters", arrays) or None
    training.last_parameters = _without_prefix("last_parameters", arrays) or None
    model._restore(net, vocabulary, training, fixed, description)
    return model


def _check_description(description: dict[str, Any]) -> None:
    """ValueError or TypeError where a part is not what later methods rely on."""
    tokens, unknown, training = description["tokens"], description["unknown"], description["training"]
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise TypeError("tokens must be a list of str")
    if unknown not in tokens and (unknown is not None or description["fixed"]["level"] == "word"):
        raise ValueError(f"unknown must be one of the tokens, but is {unknown!r}")
    for name in ("seed", "draws", "n_iter", "first_id"):
        check_integer(name, description[name], 0)
    for name in ("fingerprint", "chunk", "epochs_since_best"):
        check_integer(name, training[name], 0)
    if not description["first_id"] < len(tokens):
        raise ValueError(f"first_id must be below {len(tokens)}, but is {description['first_id']}")
    history = description["history"]
    if set(history) - {"validation_bits_per_character"} != set(HISTORY):
        raise ValueError(f"history must have {', '.join(HISTORY)}, but has {', '.join(history)}")
    if not all(isinstance(values, list) for values in history.values()):
        raise TypeError("history must hold lists")


def _parted(state_dict: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Numbers and arrays of an optimizer."""
    arrays = {name: value for name, value in state_dict.items() if isinstance(value, np.ndarray)}
    return {name: value for name, value in state_dict.items() if name not in arrays}, arrays


def _flat_state(state: State | None) -> tuple[list[int] | None, dict[str, Array]]:
    """How many arrays each entry of a carried state has (0: it is an array itself), and the arrays."""
    if state is None:
        return None, {}
    entries = [entry if isinstance(entry, tuple) else (entry,) for entry in state]
    arrays = {f"{i}.{k}": array for i, entry in enumerate(entries) for k, array in enumerate(entry)}
    return [len(entry) if isinstance(entry, tuple) else 0 for entry in state], arrays


def _nested_state(sizes: list[int] | None, arrays: dict[str, Array]) -> State | None:
    if sizes is None:
        return None
    return [
        tuple(arrays[f"{i}.{k}"] for k in range(size)) if size else arrays[f"{i}.0"] for i, size in enumerate(sizes)
    ]


def _prefixed(prefix: str, arrays: dict[str, Array]) -> dict[str, Array]:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _without_prefix(prefix: str, arrays: dict[str, Array]) -> dict[str, Array]:
    return {name.split("/", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{prefix}/")}
