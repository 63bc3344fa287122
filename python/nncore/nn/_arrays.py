"""What a network is between two calls: its layers, and the arrays that belong to them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nncore import _core
from nncore._memory import aligned_zeros
from nncore._random import seed_of
from nncore.nn import _checks
from nncore.nn._explain import entry_text, first_place
from nncore.nn.layers import GRU, Layer

Self = TypeVar("Self", bound="NetworkArrays")


class NetworkArrays:
    """Layers, and their parameters and buffers by name: read, changed, taken over, copied, pickled and saved."""

    _torch_prefixes: tuple[str, ...] | None = None  # what PyTorch calls the layers that have weights

    def __init__(self, layers: Iterable[Layer], *, dtype: DTypeLike = "float32", seed: Any = None) -> None:
        if isinstance(layers, Layer) or not isinstance(layers, Iterable):
            raise TypeError(f"layers must be a list of layers, but is a {type(layers).__name__}")
        self._layers = tuple(layers)
        for index, layer in enumerate(self._layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"layers[{index}] must be a layer of nncore.nn, but is a {type(layer).__name__}")
        self._dtype = _network_dtype(dtype)
        self._seed = seed_of(seed, "seed")
        self._draws = 0  # training passes so far: what dropout's random numbers depend on
        self._build()
        self._core.initialize(self._seed, self._parameters, self._buffers)

    def _build(self) -> None:
        core_class = _core.NetworkFloat32 if self._dtype == np.float32 else _core.NetworkFloat64
        self._core = core_class([layer._core_description() for layer in self._layers])
        self._parameters = aligned_zeros(self._core.parameter_size, self._dtype)
        self._gradients = aligned_zeros(self._core.parameter_size, self._dtype)
        self._buffers = aligned_zeros(self._core.buffer_size, self._dtype)
        self._views: dict[str, NDArray[Any]] = {}
        for flat, infos in ((self._parameters, self._core.parameters), (self._buffers, self._core.buffers)):
            for name, shape, offset in infos:
                self._views[name] = flat[offset : offset + math.prod(shape)].reshape(shape)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers' descriptions."""
        return self._layers

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of parameters and results."""
        return self._dtype

    @property
    def seed(self) -> int:
        """Seed of the starting values and of dropout."""
        return self._seed

    @property
    def parameters(self) -> NDArray[Any]:
        """All parameters: flat, live, with zeros between them."""
        return self._parameters

    @property
    def gradients(self) -> NDArray[Any]:
        """All gradients, laid out like `parameters`."""
        return self._gradients

    def names(self) -> list[str]:
        """Names of the parameters, "0.weight", in their order."""
        return [name for name, _, _ in self._core.parameters]

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a live view of a parameter (or of a buffer of BatchNorm)."""
        try:
            return self._views[name]
        except KeyError:
            raise KeyError(f"no parameter {name!r}; there are {', '.join(self._views)}") from None

    def gradient(self, name: str) -> NDArray[Any]:
        """Return a live view of a parameter's gradient."""
        for known, shape, offset in self._core.parameters:
            if known == name:
                return self._gradients[offset : offset + math.prod(shape)].reshape(shape)
        raise KeyError(f"no parameter {name!r}; there are {', '.join(self.names())}")

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """Return copies of parameters and buffers by name, with PyTorch's names, shapes and gates.

        The GRU form of ``reset_after=False``, which PyTorch does not have, adds an entry "0.reset_after" that says so.
        """
        state = {name: view.copy() for name, view in self._views.items()}
        state.update((name, np.zeros((), np.uint8)) for name in self._form_names())
        return state

    def load_state_dict(self, mapping: Mapping[str, Any]) -> None:
        """Take over parameters and buffers.

        Parameters
        ----------
        mapping : mapping of str to array
            Exactly the names of `state_dict`, from this or another network of the same layers, or from PyTorch.

        Raises
        ------
        TypeError, ValueError
            If names are missing or superfluous, or an array has another shape or type; nothing has changed then.
        """
        if not isinstance(mapping, Mapping):
            raise TypeError(f"mapping must map names to arrays, but is a {type(mapping).__name__}")
        forms = self._form_names()
        self._check_names(mapping, forms)
        arrays: dict[str, NDArray[Any]] = {}
        for name, view in self._views.items():
            array = _checks.real_array(name, mapping[name])
            if array.shape != view.shape:
                raise ValueError(f"{name} must have the shape {view.shape}, but has {array.shape}")
            if array.dtype.kind == "f" and array.dtype.itemsize > view.dtype.itemsize:
                _refuse_overflow(name, array, view.dtype)
            arrays[name] = array
        for name, array in arrays.items():
            self._views[name][...] = array

    def _check_names(self, mapping: Mapping[str, Any], forms: list[str]) -> None:
        missing = [name for name in self._views if name not in mapping]
        unknown = [name for name in mapping if name not in self._views and name not in forms]
        forms_missing = [
            name for name in forms if name not in mapping and f"{name.split('.')[0]}.bias_l0" not in mapping
        ]
        if forms and (forms_missing or any("bias_hh" in name for name in unknown)):
            raise ValueError(
                f"mapping holds a GRU of PyTorch's form, but layers[{forms[0].split('.')[0]}] is a GRU with "
                "reset_after=False, another function; build it with reset_after=True"
            )
        if missing or unknown:
            parts = [f"lacks {', '.join(missing)}"] if missing else []
            parts += [f"has {', '.join(map(str, unknown))}, which the network does not"] if unknown else []
            raise ValueError(f"mapping {' and '.join(parts)}")

    def _form_names(self) -> list[str]:
        """Names of the entries that say that a GRU is of the form U(r ⊗ h)."""
        return [
            f"{index}.reset_after"
            for index, layer in enumerate(self._layers)
            if isinstance(layer, GRU) and not layer.reset_after
        ]

    def to_torch_state_dict(self, prefixes: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Return copies of parameters and buffers as the `state_dict` of the same network in PyTorch.

        Parameters
        ----------
        prefixes : list of str, optional
            A name for each layer that has weights: ``["encoder", "head"]`` gives "encoder.weight_ih_l0"; ``[""]``
            gives the names of a single module, "weight_ih_l0". By default the names that `from_torch` found, else
            the numbers of a torch.nn.Sequential with one module for each layer, and one more behind each Dense that
            has an activation: Dense(4, 8, "relu"), Dense(8, 2) are "0" and "2".

        Returns
        -------
        state : dict of str to array
            In PyTorch's order, in the network's type; "num_batches_tracked" is int64. A tied weight stands under both
            names. PyTorch takes it as ``{name: torch.from_numpy(array) for name, array in state.items()}``, with a
            module without weights (torch.nn.Identity, say) in the place of a LastStep.

        Raises
        ------
        ValueError
            For a GRU with ``reset_after=False``, which PyTorch does not have, or a wrong number of prefixes.
        """
        from nncore.nn._torch import to_torch_state_dict

        return to_torch_state_dict(self, prefixes)

    def copy(self: Self) -> Self:
        """Return an independent network with the same layers, parameters, buffers and seed."""
        other = object.__new__(type(self))
        other.__setstate__(self.__getstate__())
        return other

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file (safetensors), whole or not at all; `nncore.nn.load` reads it.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            If it cannot be written; a file that was there is untouched.
        """
        from nncore.nn import _sequential_files

        _sequential_files.save(self, path)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "layers": self._layers,
            "dtype": self._dtype.name,
            "seed": self._seed,
            "draws": self._draws,
            "torch_prefixes": self._torch_prefixes,
            "parameters": self._parameters.copy(),
            "buffers": self._buffers.copy(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._layers = tuple(state["layers"])
        self._dtype = np.dtype(state["dtype"])
        self._seed = state["seed"]
        self._draws = state["draws"]
        self._torch_prefixes = state["torch_prefixes"]
        self._build()
        self._parameters[:] = state["parameters"]
        self._buffers[:] = state["buffers"]


def _refuse_overflow(name: str, array: NDArray[Any], dtype: np.dtype[Any]) -> None:
    """ValueError for a number that would become infinite."""
    place = first_place(np.isfinite(array) & (np.abs(array) > np.finfo(dtype).max), None)
    if place is not None:
        raise ValueError(f"{name} must hold numbers of {dtype}, but {entry_text(name, array, place)}")


def _network_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in (np.float32, np.float64):
        raise ValueError(f"dtype must be 'float32' or 'float64', but is {dtype!r}")
    return found.newbyteorder("=")
