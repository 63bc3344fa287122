"""Files of the multi-layer perceptrons: the network, and all that `partial_fit` goes on from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nncore import _files
from nncore.nn import _checks, _mlp_training
from nncore.nn._mlp_settings import check_settings
from nncore.nn.layers import layer_from_json, layer_to_json
from nncore.nn.optimizers import SGD, Adam
from nncore.nn.sequential import Sequential

if TYPE_CHECKING:
    from nncore.nn._mlp_base import MLP

Model = TypeVar("Model", bound="MLP")
Arrays = dict[str, NDArray[Any]]

_FITTED = ("n_features_in_", "out_activation_", "n_iter_", "t_", "loss_", "best_loss_", "best_validation_score_")
_OPTIMIZERS: dict[str, type[SGD | Adam]] = {"SGD": SGD, "Adam": Adam}


def save(model: MLP, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to a file."""
    training = model._training
    optimizer = training.optimizer.state_dict()
    moments = {name: value for name, value in optimizer.items() if isinstance(value, np.ndarray)}
    _, key, position, has_gauss, gauss = training.random.get_state(legacy=True)
    description = {
        "params": _params_to_json(model.get_params(deep=False)),
        "layers": [layer_to_json(layer) for layer in model.net_.layers],
        "dtype": model.net_.dtype.name,
        "fitted": {name: getattr(model, name) for name in _FITTED},
        "history": model.history_,
        "classes": _labels_to_json(model.classes_) if hasattr(model, "classes_") else None,
        "feature_names": list(getattr(model, "feature_names_in_", [])) or None,
        "optimizer": {name: value for name, value in optimizer.items() if name not in moments},
        "training": {"rate_factor": training.rate_factor, "stale": training.stale},
        "random": [position, has_gauss, gauss],
    }
    arrays = {f"net/{name}": array for name, array in model.net_.state_dict().items()}
    arrays |= {f"optimizer/{name}": array for name, array in moments.items()}
    arrays["random"] = np.asarray(key, np.uint32)
    _files.write_model(path, type(model).__name__, _plain(description), arrays)


def load(cls: type[Model], path: str | os.PathLike[str]) -> Model:
    """A model from a file of `save`."""
    description, arrays = _files.read_model(path, cls.__name__)
    try:
        return _rebuilt(cls, description, arrays)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from None


def _rebuilt(cls: type[Model], description: dict[str, Any], arrays: Arrays) -> Model:
    model = cls(**_params_from_json(description["params"]))
    check_settings(model)
    model.net_ = Sequential(map(layer_from_json, description["layers"]), dtype=description["dtype"], seed=0)
    model.net_.load_state_dict(_without_prefix("net", arrays))
    for name in _FITTED:
        setattr(model, name, description["fitted"][name])
    model.history_ = {name: list(map(float, values)) for name, values in description["history"].items()}
    if description["classes"] is not None:
        model.classes_ = _labels_from_json(description["classes"])
    if description["feature_names"] is not None:
        model.feature_names_in_ = np.array(description["feature_names"], object)
    _check_fitted(model)
    optimizer = _OPTIMIZERS[description["optimizer"]["optimizer"]](lr=0.0)
    optimizer.load_state_dict(description["optimizer"] | _without_prefix("optimizer", arrays))
    training = description["training"]
    _whole_numbers(stale=training["stale"])
    rate_factor = _checks.number("rate_factor", training["rate_factor"])
    random = _random_from(arrays["random"], *description["random"])
    model._training = _mlp_training.Training(optimizer, random, rate_factor, training["stale"])
    return model


def _random_from(key: NDArray[Any], position: int, has_gauss: int, gauss: float) -> np.random.RandomState:
    if not 0 <= position <= len(key):  # NumPy would read beyond the end
        raise ValueError(f"the position in the random numbers must be from 0 to {len(key)}, but is {position}")
    random = np.random.RandomState(0)
    random.set_state(("MT19937", key, position, has_gauss, gauss))
    return random


def _whole_numbers(**values: Any) -> None:
    for name, value in values.items():
        if _checks.whole_number(name, value) < 0:
            raise ValueError(f"{name} must be at least 0, but is {value}")


def _check_fitted(model: MLP) -> None:
    """ValueError where parts that are right alone do not fit each other, so that a later call would fail."""
    layers: Any = model.net_.layers
    _whole_numbers(n_iter_=model.n_iter_, t_=model.t_, n_features_in_=model.n_features_in_)
    numbers = {name: getattr(model, name) for name in ("loss_", "best_loss_", "best_validation_score_")}
    if not all(isinstance(value, float) or (value is None and name != "loss_") for name, value in numbers.items()):
        raise TypeError(f"{', '.join(numbers)} must be numbers, but are {list(numbers.values())}")
    if model.n_features_in_ != layers[0].in_features:
        raise ValueError(f"n_features_in_ must be {layers[0].in_features}, but is {model.n_features_in_!r}")
    if len(getattr(model, "feature_names_in_", [""] * model.n_features_in_)) != model.n_features_in_:
        raise ValueError(f"feature_names_in_ must be {model.n_features_in_} names")
    if hasattr(model, "classes_") != (model.out_activation_ in ("softmax", "logistic")):
        raise ValueError(f"out_activation_ must not be {model.out_activation_!r}")
    classes = len(getattr(model, "classes_", []))
    outputs = 1 if model.out_activation_ == "logistic" and classes <= 2 and model.n_outputs_ == 1 else classes
    if classes and model.n_outputs_ != outputs:
        raise ValueError(f"a network of {model.n_outputs_} outputs does not tell {classes} classes apart")
    if "loss" not in model.history_:
        raise ValueError("history_ must have the loss")


def _params_to_json(params: Mapping[str, Any]) -> dict[str, Any]:
    params = dict(params)
    params["dtype"] = np.dtype(params["dtype"]).name
    if not isinstance(params["random_state"], (int, np.integer)):
        params["random_state"] = None  # where it has come to is in the file by itself
    weights = params.get("class_weight")
    if isinstance(weights, Mapping):  # JSON's keys are text only
        params["class_weight"] = {"labels": _labels_to_json(list(weights)), "weights": list(weights.values())}
    sizes = params["hidden_layer_sizes"]
    params["hidden_layer_sizes"] = list(sizes) if np.iterable(sizes) else sizes
    return params


def _params_from_json(params: dict[str, Any]) -> dict[str, Any]:
    if isinstance(params["hidden_layer_sizes"], list):
        params["hidden_layer_sizes"] = tuple(params["hidden_layer_sizes"])
    weights = params.get("class_weight")
    if isinstance(weights, dict):
        labels = _labels_from_json(weights["labels"]).tolist()
        params["class_weight"] = dict(zip(labels, weights["weights"], strict=True))
    return params


def _labels_to_json(labels: Any) -> dict[str, Any]:
    array = np.asarray(labels)
    if array.dtype.kind not in "biufUO" or not all(isinstance(x, (bool, int, float, str)) for x in array.tolist()):
        raise TypeError(f"classes must be numbers or text to be saved, but are {array.dtype}")
    return {"dtype": array.dtype.str, "values": array.tolist()}


def _labels_from_json(labels: dict[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(labels["dtype"])
    if dtype.kind not in "biufUO":
        raise ValueError(f"classes must be numbers or text, not {dtype}")
    return np.array(labels["values"], dtype)


def _without_prefix(prefix: str, arrays: Arrays) -> Arrays:
    return {name.split("/", 1)[1]: array for name, array in arrays.items() if name.startswith(f"{prefix}/")}


def _plain(value: Any) -> Any:
    """What JSON holds of it: NumPy's scalars, which parameters may be, become numbers."""
    return json.loads(json.dumps(value, default=lambda scalar: scalar.item()))
