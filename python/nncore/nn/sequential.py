"""A network: layers one after the other, over one flat array of parameters."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nncore import _core, _files
from nncore._random import seed_of
from nncore.nn import _checks
from nncore.nn._batch import Batch, StateLayout, is_ragged, make_batch, pad
from nncore.nn._optimizer import Optimizer, aligned_zeros
from nncore.nn.layers import GRU, Layer, layer_from_json, layer_to_json
from nncore.nn.losses import Loss, prepare_target


class Sequential:
    """A network of layers, each taking what the one before gives.

    Parameters
    ----------
    layers : iterable of layers
        `Dense`, `Embedding` (first only), `Dropout`, `BatchNorm`, `LastStep`, `Elman`, `LSTM`, `GRU`.
    dtype : {"float32", "float64"}
        Of parameters and results. Float and integer input is cast to it.
    seed : int, numpy.random.Generator, numpy.random.RandomState or None
        Of the starting values and of dropout.

    Attributes
    ----------
    layers : tuple
    dtype : numpy.dtype
    seed : int
    parameters, gradients : array
        Flat and live: each parameter starts on 64 bytes, what lies between is 0. ``net["0.weight"]`` is a view of one.

    Notes
    -----
    Sequences are (N, T, F), or a list of arrays (T_i, F); `lengths` (N,) gives each one's valid steps. Padding is never
    computed with and comes back as 0. A sequence of length 0 passes its state on. A state is a list with one entry per
    recurrent layer, h or, for an LSTM, (h, c), each (num_layers * directions, N, H); None stands for zeros.

    Examples
    --------
    >>> from nncore import nn
    >>> net = nn.Sequential([nn.LSTM(3, 16), nn.LastStep(), nn.Dense(16, 2)], seed=0)
    >>> optimizer = nn.Adam(lr=1e-2)
    >>> loss = net.train_step([[[1, 0, 0], [0, 1, 0]]], [1], nn.CrossEntropy(), optimizer)
    >>> net([[[1, 0, 0], [0, 1, 0]]]).shape
    (1, 2)
    """

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
        self._states = StateLayout(self._core.states, self._dtype)
        self._remembered: Batch | None = None
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

    def __call__(self, x: Any, lengths: Any = None, state: Any = None, return_state: bool = False) -> Any:
        """Compute the output, in inference: nothing is remembered, several threads may call at once.

        Parameters
        ----------
        x : array of shape (N, F) or (N, T, F), or ids (N,) or (N, T)
            Or a list of sequences (T_i, F).
        lengths : integers of shape (N,), optional
            Valid steps of each sequence, in [0, T].
        state : list, optional
            What the sequences go on from; zeros by default.
        return_state : bool
            Whether to return the final state too.

        Returns
        -------
        y : array of shape (N, F), or (N, T, F) for sequences without a LastStep
        state : list
            Only with `return_state`.

        Raises
        ------
        TypeError, ValueError, IndexError
            If a type, a shape, a length or an id is not what the network takes.
        """
        batch = self._batch(x, lengths)
        out = self._states.make(batch.count, return_state)
        y = self._output(batch)
        self._core.infer(self._parameters, self._buffers, *_fields(batch), self._states.read("state", state), out, y)
        return self._result(batch, y, out, return_state)

    def forward(self, x: Any, lengths: Any = None, state: Any = None, return_state: bool = False) -> Any:
        """Compute the output, in training: with dropout and batch statistics, and remembered for `backward`.

        Parameters and what is returned or raised are those of calling the network.
        """
        batch = self._batch(x, lengths)
        out = self._states.make(batch.count, return_state)
        y = self._output(batch)
        self._core.forward(
            self._parameters,
            self._buffers,
            *_fields(batch),
            self._seed,
            self._draws,
            self._states.read("state", state),
            out,
            y,
        )
        self._draws += 1
        self._remembered = batch
        return self._result(batch, y, out, return_state)

    def backward(self, dy: Any, dstate: Any = None, input_gradient: bool = False, state_gradient: bool = False) -> Any:
        """Back-propagate through the last `forward`, once; adds to `gradients`.

        Parameters
        ----------
        dy : array of the shape of y
            Gradient of the output; at padding it is not looked at.
        dstate : list, optional
            Gradient of the final state.
        input_gradient, state_gradient : bool
            Whether to compute the gradient of x, and of the initial state.

        Returns
        -------
        None, dx, dstate or (dx, dstate)
            What was asked for.

        Raises
        ------
        RuntimeError
            If there was no `forward` since the last `backward` or `train_step`, or another thread trains the network.
        TypeError, ValueError
            If an argument does not fit.
        """
        batch = self._remembered
        if batch is None or not self._core.remembers:
            raise RuntimeError("backward needs a forward before it; each forward serves one backward")
        if input_gradient and batch.values is None:
            raise ValueError("input_gradient must be False: x are ids, which have no gradient")
        y_shape = tuple(self._core.remembered_shape)
        array = _checks.real_array("dy", dy)
        if array.shape != y_shape:
            raise ValueError(f"dy must have the shape of y, {y_shape}, but has {array.shape}")
        steps = y_shape[1] if len(y_shape) == 3 else 1
        dy_rows = _checks.contiguous(array, self._dtype).reshape(batch.count, steps, y_shape[-1])
        dstate_in = self._states.read("dstate", dstate)
        dstate_out = self._states.make(batch.count, state_gradient)
        dx = np.empty(batch.values.shape, self._dtype) if input_gradient and batch.values is not None else None
        self._core.backward(self._parameters, self._gradients, dy_rows, dstate_in, dstate_out, dx)
        self._remembered = None
        if dx is not None and not batch.has_steps:
            dx = dx[:, 0]
        results = [*([dx] if input_gradient else []), *([self._states.group(dstate_out)] if state_gradient else [])]
        return tuple(results) if len(results) == 2 else results[0] if results else None

    def train_step(
        self,
        x: Any,
        target: Any,
        loss: Loss,
        optimizer: Optimizer,
        lengths: Any = None,
        state: Any = None,
        weights: Any = None,
        max_grad_norm: float | None = None,
        return_state: bool = False,
        *,
        l2: float = 0.0,
    ) -> Any:
        """Train on one batch: forward, loss, backward, clipping and the optimizer's step, in one call of the core.

        Parameters
        ----------
        x, lengths, state
            As in calling the network.
        target, weights
            As in calling the loss; for a list of sequences the target may be one too.
        loss : Loss
        optimizer : Optimizer
            Belongs to this network from its first step on.
        max_grad_norm : float, optional
            Gradients are scaled down to this Euclidean norm.
        return_state : bool
            Whether to return the final state too, to go on from.
        l2 : float
            Makes l2 / 2 · Σ W² part of the loss, over all weights: the parameters of more than one axis, no biases.
            An optimizer's `weight_decay` takes in the biases and is not seen in the loss.

        Returns
        -------
        value : float
            The loss, before the step.
        state : list
            Only with `return_state`.

        Raises
        ------
        FloatingPointError
            If the loss or the norm of the gradient is not finite; parameters, buffers and optimizer are as before.
        RuntimeError
            If another thread trains the network.
        TypeError, ValueError, IndexError
            If an argument does not fit; nothing has changed then.
        """
        if not isinstance(loss, Loss):
            raise TypeError(f"loss must be a loss of nncore.nn, but is a {type(loss).__name__}")
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be an optimizer of nncore.nn, but is a {type(optimizer).__name__}")
        limit = 0.0 if max_grad_norm is None else _checks.number("max_grad_norm", max_grad_norm)
        if max_grad_norm is not None and limit == 0:
            raise ValueError("max_grad_norm must be above 0")
        penalty = _checks.number("l2", l2)
        batch = self._batch(x, lengths)
        if is_ragged(x) and is_ragged(target):
            target, target_lengths = pad("target", target)
            if batch.lengths is None or not np.array_equal(target_lengths, batch.lengths):
                raise ValueError("target must have sequences of the lengths of those of x")
        y_shape = self._y_shape(batch)
        rows, weight_rows = prepare_target(loss, target, weights, y_shape, self._dtype)
        labels = rows.ndim == 1
        out = self._states.make(batch.count, return_state)
        state_in = self._states.read("state", state)
        value: float = self._core.train_step(
            self._parameters,
            self._gradients,
            self._buffers,
            *_fields(batch),
            self._seed,
            self._draws,
            state_in,
            out,
            *loss._specification,
            None if labels else rows,
            rows if labels else None,
            weight_rows,
            penalty,
            limit,
            optimizer._prepare(self),
        )
        self._draws += 1
        optimizer._commit()
        return (value, self._states.group(out)) if return_state else value

    def trace(self, x: Any, lengths: Any = None) -> list[dict[str, NDArray[Any]]]:
        """Compute what goes on inside the recurrent layers, for pictures.

        Parameters
        ----------
        x, lengths
            Sequences, as in calling the network.

        Returns
        -------
        list of dict
            One per recurrent layer (a stacked one counts as several), each array (N, T, H), 0 at padding: "state" (h)
            for all; LSTM also "input_gate", "forget_gate", "output_gate", "candidate" and "cell"; GRU "reset_gate",
            "update_gate" and "candidate". The second direction's names end in "_reverse".
        """
        batch = self._batch(x, lengths)
        if not batch.has_steps:
            raise ValueError("x must be sequences to be traced over time")
        values, ids, lengths_array, _ = _fields(batch)
        result: list[dict[str, NDArray[Any]]] = self._core.trace(
            self._parameters, self._buffers, values, ids, lengths_array
        )
        return result

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

    def copy(self) -> Sequential:
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
        description = {
            "layers": [layer_to_json(layer) for layer in self._layers],
            "dtype": self._dtype.name,
            "seed": self._seed,
            "draws": self._draws,
            "torch_prefixes": self._torch_prefixes,
        }
        _files.write_model(path, "Sequential", description, self.state_dict())

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

    def __repr__(self) -> str:
        lines = "".join(f"  ({index}): {layer!r}\n" for index, layer in enumerate(self._layers))
        return f"Sequential(\n{lines})"

    def _batch(self, x: Any, lengths: Any) -> Batch:
        return make_batch(
            x, lengths, takes_ids=self._core.takes_ids, needs_steps=self._core.needs_steps, dtype=self._dtype
        )

    def _y_shape(self, batch: Batch) -> tuple[int, ...]:
        features = self._core.output_features
        if batch.has_steps and not self._core.drops_steps:
            return batch.count, batch.steps, features
        return batch.count, features

    def _output(self, batch: Batch) -> NDArray[Any]:
        steps = 1 if self._core.drops_steps else batch.steps
        return np.empty((batch.count, steps, self._core.output_features), self._dtype)

    def _result(self, batch: Batch, y: NDArray[Any], state: list[NDArray[Any]], return_state: bool) -> Any:
        y = y.reshape(self._y_shape(batch))
        return (y, self._states.group(state)) if return_state else y


def load(path: str | os.PathLike[str]) -> Sequential:
    """Read a network that `Sequential.save` wrote.

    Parameters
    ----------
    path : str or os.PathLike

    Returns
    -------
    net : Sequential

    Raises
    ------
    ValueError
        If the file is damaged, or is none of nncore's networks. The message names it.
    OSError
        If it cannot be read.
    """
    description, arrays = _files.read_model(path, "Sequential")
    try:
        layers = [layer_from_json(layer) for layer in description["layers"]]
        net = Sequential(layers, dtype=description["dtype"], seed=description["seed"])
        net._draws = _checks.whole_number("draws", description["draws"])
        prefixes = description.get("torch_prefixes")
        net._torch_prefixes = None if prefixes is None else tuple(map(str, prefixes))
        net.load_state_dict(arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged: {error}") from None
    return net


def _fields(batch: Batch) -> tuple[Any, Any, Any, bool]:
    return batch.values, batch.ids, batch.lengths, batch.has_steps


def _network_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in (np.float32, np.float64):
        raise ValueError(f"dtype must be 'float32' or 'float64', but is {dtype!r}")
    return found.newbyteorder("=")
