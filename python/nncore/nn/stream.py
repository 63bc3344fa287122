"""Inference one step at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.nn import _checks
from nncore.nn._batch import State, StateLayout, refuse_beyond_int64


class Stream:
    """Runs a network step by step, as data arrives: what `Sequential.stream` returns.

    It keeps a packed copy of the weights that the network had when it was made, and the state of `batch_size`
    independent sequences, zeros at first. Outputs equal those of the network on the whole sequence. One thread at a
    time.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import nn
    >>> net = nn.Sequential([nn.GRU(2, 8), nn.Dense(8, 1)], seed=0)
    >>> stream = net.stream()
    >>> x = np.ones((1, 3, 2), np.float32)
    >>> y = [stream(x[:, t]) for t in range(3)]
    >>> bool(np.allclose(np.stack(y, axis=1), net(x), atol=1e-6))
    True
    """

    def __init__(self, core: Any, layout: StateLayout, batch_size: int, takes_ids: bool, dtype: np.dtype[Any]) -> None:
        self._core = core
        self._step = core.step
        self._layout = layout
        self._memory: list[NDArray[Any]] = core.state  # live
        self._batch_size = batch_size
        self._takes_ids = takes_ids
        self._dtype = dtype

    @property
    def batch_size(self) -> int:
        """Number of sequences."""
        return self._batch_size

    def __call__(self, x: Any, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Take the next step of every sequence.

        Parameters
        ----------
        x : array of shape (N, F), or ids (N,) before an Embedding
            N is the batch size.
        out : array of shape (N, features of the output), optional
            Where to write the output; of the network's type.

        Returns
        -------
        y : array of shape (N, features of the output)
            `out` where it was given.

        Raises
        ------
        TypeError, ValueError, IndexError
            If a type, a shape or an id is not what the stream takes; the state has not changed then.
        RuntimeError
            If another thread uses the stream.
        """
        y: NDArray[Any] | None = self._step(x, out)
        return self._convert(x, out) if y is None else y

    def _convert(self, x: Any, out: Any) -> NDArray[Any]:
        """Take the step with arrays that the core cannot use as they are."""
        if self._takes_ids:
            array = _checks.integer_array("x", x, "ids for an Embedding")
            rank, shape, dtype = 1, "(N,)", np.dtype(np.int64)
        else:
            array = _checks.real_array("x", x)
            rank, shape, dtype = 2, "(N, F)", self._dtype
        if array.ndim != rank or len(array) != self._batch_size:
            raise ValueError(
                f"x must have the shape {shape} with N = {self._batch_size}, one step of each sequence, "
                f"but has {array.shape}"
            )
        if self._takes_ids:
            refuse_beyond_int64(array, None)
        if out is not None and (not isinstance(out, np.ndarray) or out.dtype != self._dtype):
            came = f"of {out.dtype}" if isinstance(out, np.ndarray) else f"a {type(out).__name__}"
            raise TypeError(f"out must be an array of {self._dtype}, but is {came}")
        if out is not None and not out.flags.writeable:
            raise ValueError("out must be writeable, but is read-only")
        y_shape = self._batch_size, self._core.output_features
        if out is not None and out.shape != y_shape:
            raise ValueError(f"out must have the shape {y_shape}, but has {out.shape}")
        y: NDArray[Any] = self._step(_checks.contiguous(array, dtype), None)
        if out is None:
            return y
        out[...] = y
        return out

    @property
    def state(self) -> State:
        """The state: copies, in the form that a network gives and takes; may be set (None: zeros)."""
        with self._core.hold():
            return self._layout.group([memory.copy() for memory in self._memory])

    @state.setter
    def state(self, state: Any) -> None:
        arrays = self._layout.read("state", state)
        for array, memory in zip(arrays, self._memory, strict=False):
            if array.shape != memory.shape:
                raise ValueError(
                    f"state must have arrays (layers, N, H) of the shape {memory.shape}, but one has {array.shape}"
                )
        with self._core.hold():
            for index, memory in enumerate(self._memory):
                memory[...] = arrays[index] if arrays else 0

    def reset(self, rows: Any = None) -> None:
        """Set the state to zeros, for new sequences.

        Parameters
        ----------
        rows : int, integers or a mask of shape (N,), optional
            Which sequences; all by default.

        Raises
        ------
        TypeError, ValueError, IndexError
            If `rows` are no such numbers; the state has not changed then.
        RuntimeError
            If another thread uses the stream.
        """
        index = slice(None) if rows is None else self._rows(rows)
        with self._core.hold():
            for memory in self._memory:
                memory[:, index] = 0

    def _rows(self, rows: Any) -> NDArray[Any]:
        array = _checks.as_array("rows", rows)
        if array.dtype == np.bool_:
            if array.shape != (self._batch_size,):
                raise ValueError(f"rows must be a mask of the shape {(self._batch_size,)}, but has {array.shape}")
            return array
        if array.size == 0:
            return np.zeros(0, np.int64)
        array = np.atleast_1d(_checks.integer_array("rows", array, "numbers of sequences"))
        if array.ndim != 1:
            raise ValueError(f"rows must be a number, numbers (K,) or a mask (N,), but has the shape {array.shape}")
        if array.min() < 0 or array.max() >= self._batch_size:
            wrong = array[(array < 0) | (array >= self._batch_size)][0]
            raise IndexError(f"rows must lie in [0, {self._batch_size}), but has {wrong}")
        return array

    def __reduce__(self) -> Any:
        raise TypeError(
            "a Stream cannot be copied or pickled: make another with net.stream() and give it this one's state"
        )

    def __repr__(self) -> str:
        return f"Stream(batch_size={self._batch_size})"
