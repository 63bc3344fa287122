"""The two ways through a network: forward, from an input to an output, and backward, from there to the gradients."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from nncore.nn import _checks
from nncore.nn._arrays import NetworkArrays
from nncore.nn._batch import Batch, State, StateLayout, make_batch

Array = NDArray[Any]


class NetworkPasses(NetworkArrays):
    """A network that can be called, traced, and taken forward and backward."""

    def _build(self) -> None:
        super()._build()
        self._states = StateLayout(self._core.states, self._dtype)

    @overload
    def __call__(
        self, x: Any, lengths: Any = None, state: Any = None, return_state: Literal[False] = False
    ) -> Array: ...

    @overload
    def __call__(
        self, x: Any, lengths: Any = None, state: Any = None, *, return_state: Literal[True]
    ) -> tuple[Array, State]: ...

    @overload
    def __call__(
        self, x: Any, lengths: Any = None, state: Any = None, return_state: bool = False
    ) -> Array | tuple[Array, State]: ...

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
        if lengths is None and state is None and return_state is False:
            plain = self._core.infer_plain(self._parameters, self._buffers, x)
            if plain is not None:
                return plain
        wanted = _checks.flag("return_state", return_state)
        batch = self._batch(x, lengths)
        out = self._states.make(batch.count, wanted)
        y = self._output(batch)
        self._core.infer(self._parameters, self._buffers, *fields(batch), self._states.read("state", state), out, y)
        return self._result(batch, y, out, wanted)

    @overload
    def forward(
        self, x: Any, lengths: Any = None, state: Any = None, return_state: Literal[False] = False
    ) -> Array: ...

    @overload
    def forward(
        self, x: Any, lengths: Any = None, state: Any = None, *, return_state: Literal[True]
    ) -> tuple[Array, State]: ...

    @overload
    def forward(
        self, x: Any, lengths: Any = None, state: Any = None, return_state: bool = False
    ) -> Array | tuple[Array, State]: ...

    def forward(self, x: Any, lengths: Any = None, state: Any = None, return_state: bool = False) -> Any:
        """Compute the output, in training: with dropout and batch statistics, and remembered for `backward`.

        Parameters and what is returned or raised are those of calling the network.
        """
        if lengths is None and state is None and return_state is False:
            passes = self._core.passes
            try:
                plain = self._core.forward_plain(self._parameters, self._buffers, x, self._seed, self._draws)
            except KeyboardInterrupt:
                self._count(passes)
                raise
            if plain is not None:
                self._draws += 1
                return plain
        wanted = _checks.flag("return_state", return_state)
        batch = self._batch(x, lengths)
        out = self._states.make(batch.count, wanted)
        y, state_in, passes = self._output(batch), self._states.read("state", state), self._core.passes
        try:
            self._core.forward(
                self._parameters, self._buffers, *fields(batch), self._seed, self._draws, state_in, out, y
            )
        except KeyboardInterrupt:
            self._count(passes)
            raise
        self._draws += 1
        return self._result(batch, y, out, wanted)

    @overload
    def backward(
        self,
        dy: Any,
        dstate: Any = None,
        input_gradient: Literal[False] = False,
        state_gradient: Literal[False] = False,
    ) -> None: ...

    @overload
    def backward(
        self, dy: Any, dstate: Any = None, *, input_gradient: Literal[True], state_gradient: Literal[False] = False
    ) -> Array: ...

    @overload
    def backward(
        self, dy: Any, dstate: Any = None, input_gradient: Literal[False] = False, *, state_gradient: Literal[True]
    ) -> State: ...

    @overload
    def backward(
        self, dy: Any, dstate: Any = None, *, input_gradient: Literal[True], state_gradient: Literal[True]
    ) -> tuple[Array, State]: ...

    @overload
    def backward(
        self, dy: Any, dstate: Any = None, input_gradient: bool = False, state_gradient: bool = False
    ) -> Array | State | tuple[Array, State] | None: ...

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
        KeyboardInterrupt
            At Ctrl-C, also within a long call: `gradients` then hold a part of what was to be added.
        """
        if dstate is None and state_gradient is False and (input_gradient is True or input_gradient is False):
            plain = self._core.backward_plain(self._parameters, self._gradients, dy, input_gradient)
            if plain is not None:
                return plain[0] if plain else None
        with_dx = _checks.flag("input_gradient", input_gradient)
        with_dstate = _checks.flag("state_gradient", state_gradient)
        if not self._core.remembers:
            raise RuntimeError("backward needs a forward before it; each forward serves one backward")
        if with_dx and self._core.takes_ids:
            raise ValueError("input_gradient must be False: x are ids, which have no gradient")
        y_shape = tuple(self._core.remembered_shape)
        array = _checks.real_array("dy", dy)
        if array.shape != y_shape:
            raise ValueError(f"dy must have the shape of y, {y_shape}, but has {array.shape}")
        x_shape = self._core.remembered_input_shape
        dy_rows = with_steps(_checks.contiguous(array, self._dtype))
        dstate_in = self._states.read("dstate", dstate)
        dstate_out = self._states.make(len(array), with_dstate)
        dx = np.empty(x_shape, self._dtype) if with_dx else None
        dx_rows = None if dx is None else with_steps(dx)
        self._core.backward(self._parameters, self._gradients, dy_rows, dstate_in, dstate_out, dx_rows)
        results = [*([dx] if with_dx else []), *([self._states.group(dstate_out)] if with_dstate else [])]
        return tuple(results) if len(results) == 2 else results[0] if results else None

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
        values, ids, lengths_array, _ = fields(batch)
        result: list[dict[str, NDArray[Any]]] = self._core.trace(
            self._parameters, self._buffers, values, ids, lengths_array
        )
        return result

    def _batch(self, x: Any, lengths: Any) -> Batch:
        return make_batch(
            x, lengths, takes_ids=self._core.takes_ids, needs_steps=self._core.needs_steps, dtype=self._dtype
        )

    def _count(self, passes: int) -> bool:
        """Count the pass that the core was to do, if it has: Ctrl-C may have come within it or right behind it."""
        done: bool = self._core.passes != passes
        self._draws += done
        return done

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


def with_steps(rows: Array) -> Array:
    """Return rows (N, F) as sequences of one step, and sequences (N, T, F) as they are."""
    return rows[:, None] if rows.ndim == 2 else rows


def fields(batch: Batch) -> tuple[Any, Any, Any, bool]:
    """Return what each call of the core takes of a batch."""
    return batch.values, batch.ids, batch.lengths, batch.has_steps
