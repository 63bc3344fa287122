"""A network: layers one after the other, over one flat array of parameters."""

from __future__ import annotations

import math
from typing import Any, Literal, overload

import numpy as np

from nncore.nn import _checks
from nncore.nn._batch import Batch, State, is_ragged, pad
from nncore.nn._explain import Given, explained
from nncore.nn._optimizer import Optimizer
from nncore.nn._passes import NetworkPasses, fields
from nncore.nn.losses import Loss, prepare_target
from nncore.nn.stream import Stream


class Sequential(NetworkPasses):
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

    @overload
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
        return_state: Literal[False] = False,
        *,
        l2: float = 0.0,
    ) -> float: ...

    @overload
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
        *,
        return_state: Literal[True],
        l2: float = 0.0,
    ) -> tuple[float, State]: ...

    @overload
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
    ) -> float | tuple[float, State]: ...

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
            If the loss or the norm of the gradient is not finite; parameters, buffers and optimizer are as before. The
            message names the first entry of x, state or parameters that is not finite, if there is one.
        RuntimeError
            If another thread trains the network.
        TypeError, ValueError, IndexError
            If an argument does not fit; nothing has changed then.
        """
        if not isinstance(loss, Loss):
            raise TypeError(f"loss must be a loss of nncore.nn, but is a {type(loss).__name__}")
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be an optimizer of nncore.nn, but is a {type(optimizer).__name__}")
        limit = 0.0 if max_grad_norm is None else _checks.number("max_grad_norm", max_grad_norm, -math.inf)
        if max_grad_norm is not None and limit <= 0:
            raise ValueError(f"max_grad_norm must be above 0, but is {limit:g}")
        penalty = _checks.number("l2", l2)
        if lengths is None and state is None and weights is None and return_state is False:
            plain = self._train_plain(x, target, loss, optimizer, penalty, limit)
            if plain is not None:
                return plain
        wanted = _checks.flag("return_state", return_state)
        batch = self._batch(x, lengths)
        if batch.lengths is not None and is_ragged(x) and is_ragged(target):
            target, target_lengths = pad("target", target)
            if not np.array_equal(target_lengths, batch.lengths):
                raise ValueError("target must have sequences of the lengths of those of x")
        y_shape = self._y_shape(batch)
        rows, weight_rows = prepare_target(loss, target, weights, y_shape, self._dtype)
        labels = rows.ndim == 1
        out = self._states.make(batch.count, wanted)
        state_in = self._states.read("state", state)
        passes = self._core.passes
        try:
            value: float = self._core.train_step(
                self._parameters,
                self._gradients,
                self._buffers,
                *fields(batch),
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
        except (ValueError, FloatingPointError) as error:
            raise explained(error, self._given(batch, x, target, weights, state), self._dtype) from None
        except KeyboardInterrupt:
            if self._count(passes):
                optimizer._commit()
            raise
        self._draws += 1
        optimizer._commit()
        return (value, self._states.group(out)) if wanted else value

    def _train_plain(
        self, x: Any, target: Any, loss: Loss, optimizer: Optimizer, penalty: float, limit: float
    ) -> float | None:
        """Train on arrays that the core takes as they are; None where they are not, or where it refuses them.

        The long way then says what is wrong: nothing has changed.
        """
        passes = self._core.passes
        try:
            value: float | None = self._core.train_step_plain(
                self._parameters,
                self._gradients,
                self._buffers,
                x,
                self._seed,
                self._draws,
                *loss._specification,
                target,
                penalty,
                limit,
                optimizer._prepare(self),
            )
        except (ValueError, FloatingPointError) as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise  # by a signal's handler, in Python, and not by the core
            return None
        except KeyboardInterrupt:
            if self._count(passes):
                optimizer._commit()
            raise
        if value is not None:
            self._draws += 1
            optimizer._commit()
        return value

    def stream(self, batch_size: int = 1) -> Stream:
        """Begin to run the network one step at a time, as data arrives.

        Parameters
        ----------
        batch_size : int
            How many sequences go on side by side, N.

        Returns
        -------
        stream : Stream
            ``stream(x_t)`` takes the next step of each sequence, (N, F) or ids (N,), and returns its output; the state
            stays inside. It has the weights of now: it does not see later training. A LastStep passes every step on.

        Raises
        ------
        TypeError, ValueError
            If `batch_size` is no number above 0, or a layer is bidirectional and so needs whole sequences.
        """
        count = _checks.whole_number("batch_size", batch_size)
        if not 1 <= count < 2**31:
            raise ValueError(f"batch_size must be at least 1 and below 2**31, but is {count}")
        core = self._core.stream(self._parameters, self._buffers, count)
        return Stream(core, self._states, count, self._core.takes_ids, self._dtype)

    def _given(self, batch: Batch, x: Any, target: Any, weights: Any, state: Any) -> list[Given]:
        """What a training step computed with, as the user gave it."""
        lengths = batch.lengths
        of_target = None if self._core.drops_steps else lengths
        return [
            ("x", pad("x", x)[0] if is_ragged(x) else x, lengths),
            ("target", target, of_target),
            ("weights", weights, of_target),
            *((name, array, None) for name, array in self._states.named("state", state)),
            *((name, self[name], None) for name in self.names()),
        ]

    def __repr__(self) -> str:
        lines = "".join(f"  ({index}): {layer!r}\n" for index, layer in enumerate(self._layers))
        return f"Sequential(\n{lines})"
