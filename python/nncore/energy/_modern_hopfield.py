"""The modern Hopfield network. Imported on first use: it needs scikit-learn."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from nncore import _core
from nncore.energy._estimator import EnergyModel
from nncore.energy._recall import RecallReport, blocks
from nncore.nn import _checks

__all__ = ["ModernHopfield"]

Array = NDArray[Any]
Self = TypeVar("Self", bound="ModernHopfield")
MOST_NUMBERS = 1 << 24  # of products of states and memories at a time


class ModernHopfield(OneToOneFeatureMixin, TransformerMixin, EnergyModel):  # type: ignore[misc]
    """Associative memory of continuous patterns, recalled by softmax attention (Ramsauer et al. 2020).

    Parameters
    ----------
    beta : float, default=8.0
        β, the inverse temperature. Large: recall of the one nearest memory; small: of a mean of several. It weighs
        products, so patterns of many or large features want a smaller one.
    max_steps : int, default=100
        Of a recall. One is nearly always enough for memories that lie apart.
    tol : float, default=1e-6
        A state is settled when no feature changes by more than tol times the largest of the memories.
    dtype : {"float32", "float64"}, default="float32"
        That recall computes in.
    verbose : int, default=0
        1 shows progress bars.

    Attributes
    ----------
    memories_ : array of shape (n_memories, n_features)
        What was stored, of type `dtype`.
    n_features_in_ : int
    feature_names_in_ : array of str
        Where X had names.

    See Also
    --------
    Hopfield : patterns of −1 and +1.

    Notes
    -----
    With memories x_k in the columns of X: ξ ← X softmax(β Xᵀ ξ), which never raises E(ξ) = −(1/β) log Σ_k exp(β x_kᵀξ)
    + ½ ξᵀξ + (1/β) log p + ½ max_k ‖x_k‖² ≥ 0.

    Results are the same on any number of threads, and those of a row do not depend on the rows around it.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.energy import ModernHopfield
    >>> net = ModernHopfield().fit([[1.0, 0.2, -1.0], [-0.5, 1.0, 0.5]])
    >>> net.recall([[0.9, 0.0, 0.0]]).round(3)
    array([[ 1. ,  0.2, -1. ]])
    """

    memories_: Array
    _fitted_arrays: ClassVar[tuple[str, ...]] = ("memories_",)

    def __init__(
        self,
        beta: float = 8.0,
        *,
        max_steps: int = 100,
        tol: float = 1e-6,
        dtype: str = "float32",
        verbose: int = 0,
    ) -> None:
        self.beta = beta
        self.max_steps = max_steps
        self.tol = tol
        self.dtype = dtype
        self.verbose = verbose

    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Store patterns, and forget those before.

        Parameters
        ----------
        X : array of shape (n_memories, n_features)
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If a parameter or X is not what it must be; the network is as before.
        """
        with self._as_before_if_it_fails():
            self._check_settings()
            self.memories_ = self._states(X, reset=True)[0].copy()
        return self

    def partial_fit(self: Self, X: Any, y: Any = None) -> Self:
        """Store patterns beside those before.

        Parameters
        ----------
        X, y
            As in `fit`.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit`, and if `dtype` is another one than at `fit`.
        """
        if not hasattr(self, "memories_"):
            return self.fit(X)
        with self._as_before_if_it_fails():
            self._check_settings()
            made = self.memories_.dtype.name
            if self.dtype != made:
                raise ValueError(f"dtype must stay {made!r} to go on with the fitted network, but is {self.dtype!r}")
            self.memories_ = np.concatenate([self.memories_, self._states(X)[0]])
        return self

    def recall(
        self,
        X: Any,
        max_steps: int | None = None,
        return_path: bool = False,
        *,
        return_report: bool = False,
        verbose: int | None = None,
    ) -> Any:
        """Update states until they change no more.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        max_steps : int, optional
            By default the estimator's.
        return_path : bool, default=False
            Also return the states on the way.
        return_report : bool, default=False
            Also return how it went.
        verbose : int, optional
            1 shows a progress bar; by default as the estimator's.

        Returns
        -------
        states : array of shape (n_samples, n_features)
            Of the type of X, or float64 where that is of integers.
        path : array of shape (steps + 1, n_samples, n_features)
            With `return_path`. The states before the first and after each step; a row that is settled stays.
        report : RecallReport
            With `return_report`. `n_sweeps`, `converged` and `cycle` of each row.

        Raises
        ------
        TypeError, ValueError
            If an argument is not what it must be.
        """
        check_is_fitted(self)
        self._check_settings()
        steps = _whole("max_steps", self.max_steps if max_steps is None else max_steps)
        with_path, with_report = _checks.flag("return_path", return_path), _checks.flag("return_report", return_report)
        states, dtype = self._states(X)
        states = states.copy()
        path = [states.copy()]
        n_sweeps, converged = np.zeros(len(states), np.int64), np.zeros(len(states), bool)
        going, least = np.arange(len(states)), self.tol * np.abs(self.memories_).max()
        hidden = None if (self.verbose if verbose is None else verbose) else True  # None: on a terminal
        with tqdm(total=steps, unit="steps", desc="recall", disable=hidden) as bar:
            for _ in range(steps):
                new = self._step(states[going])
                settled = np.abs(new - states[going]).max(axis=1) <= least
                states[going] = new
                n_sweeps[going] += 1
                converged[going] = settled
                bar.update()
                if with_path:
                    path.append(states.copy())
                going = going[~settled]
                if not len(going):
                    break
            bar.total = bar.n  # no more steps are needed
        parts: list[Any] = [states.astype(dtype)]
        if with_path:
            parts.append(np.stack(path).astype(dtype))
        if with_report:
            parts.append(RecallReport(n_sweeps, converged, converged.astype(np.int64)))
        return tuple(parts) if len(parts) > 1 else parts[0]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted network to a file (safetensors), whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        TypeError, ValueError
            If a parameter is not what it must be.
        OSError
            If it cannot be written; a file that was there is untouched.
        """
        check_is_fitted(self)
        self._check_settings()
        super().save(path)

    def transform(self, X: Any) -> Array:
        """Recall with the estimator's own settings.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        states : array of shape (n_samples, n_features)
        """
        return np.asarray(self.recall(X))

    def attention(self, X: Any) -> Array:
        """Weight of each memory in the next step of each state.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        attention : array of shape (n_samples, n_memories)
            softmax(β Xᵀ ξ): rows add up to 1.
        """
        check_is_fitted(self)
        self._check_settings()
        states, dtype = self._states(X)
        attention = np.concatenate([self._attention(states[rows])[0].T for rows in self._rows(len(states))])
        return np.asarray(attention.astype(dtype, order="C"))

    def overlap(self, X: Any) -> Array:
        """Cosine of the angle between each state and each memory.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        overlap : array of shape (n_samples, n_memories)
            From −1 to 1, and 0 with a state or memory of zeros. Of patterns of −1 and +1 it is `Hopfield.overlap`.
        """
        check_is_fitted(self)
        states, dtype = self._states(X)
        products = np.concatenate([self._products(states[rows]).T for rows in self._rows(len(states))])
        lengths = np.sqrt(_squares(states))[:, None] * np.sqrt(_squares(self.memories_))
        cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        return np.asarray(cosines.astype(dtype, order="C"))

    def energy(self, X: Any) -> Array:
        """Energy of each state.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)

        Returns
        -------
        energy : float64 array of shape (n_samples,)
            E(ξ) = −(1/β) log Σ_k exp(β x_kᵀξ) + ½ ξᵀξ + (1/β) log p + ½ max_k ‖x_k‖².
        """
        check_is_fitted(self)
        self._check_settings()
        states, _ = self._states(X)
        log_sums = np.concatenate([self._attention(states[rows])[1] for rows in self._rows(len(states))])
        constant = np.log(len(self.memories_)) / self.beta + _squares(self.memories_).max() / 2
        return np.asarray(constant + _squares(states) / 2 - log_sums / self.beta)

    def score(self, X: Any, y: Any = None) -> float:
        """How well states are recalled.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Damaged patterns.
        y : array of shape (n_samples, n_features), optional
            What they should be recalled as; by default the nearest memory, as with labels, which say nothing here.

        Returns
        -------
        overlap : float
            Mean cosine of `transform(X)` with y, or its greatest with any memory; 1 is perfect.
        """
        recalled, _ = self._states(self.transform(X))
        if y is None or np.ndim(y) < 2:
            return float(self.overlap(recalled).max(axis=1).mean())
        targets, _ = self._states(y)
        if len(targets) != len(recalled):
            raise ValueError(f"y must have a row for each of the {len(recalled)} of X, but has {len(targets)}")
        lengths = np.sqrt(_squares(targets) * _squares(recalled))
        products = (recalled.astype(np.float64) * targets).sum(axis=1)
        return float(np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0).mean())

    def _step(self, states: Array) -> Array:
        new = np.zeros_like(states)
        for rows in self._rows(len(states)):
            weights = self._attention(states[rows])[0]
            for part in self._memory_parts(weights.shape[1]):
                _core.add_transposed_product(weights[part], self.memories_[part], new[rows])
        return new

    def _attention(self, states: Array) -> tuple[Array, Array]:
        """softmax(β Xᵀ ξ), a column for each state, and the logarithms of its denominators."""
        weights = self._products(states)
        weights *= weights.dtype.type(self.beta)
        top = weights.max(axis=0)
        weights -= top
        _core.exp(weights.reshape(-1), weights.reshape(-1))
        sums = np.zeros(len(states))
        for begin in range(0, len(weights), 4096):  # one after the other, in double: the same for a state alone
            part = weights[begin : begin + 4096]
            sums += np.add.accumulate(part, axis=0, dtype=np.float64)[-1]
        weights /= sums.astype(weights.dtype)
        return weights, top + np.log(sums)

    def _products(self, states: Array) -> Array:
        """Xᵀ ξ, a column for each state: so that states are transposed, which are fewer than memories."""
        columns = np.ascontiguousarray(states.T)
        products = np.empty((len(self.memories_), len(states)), states.dtype)
        for part in self._memory_parts(len(states)):
            _core.matmul(self.memories_[part], columns, None, products[part])
        return products

    def _memory_parts(self, states: int) -> Iterator[slice]:
        return blocks(len(self.memories_), 2e-11 * states * self.memories_.shape[1], _core.CHAIN)

    def _rows(self, count: int) -> Iterator[slice]:
        """As many states at a time as memory allows: all memories pass by for each part of them."""
        size = max(1, MOST_NUMBERS // max(self.memories_.shape))
        for begin in range(0, count, size):
            yield slice(begin, min(count, begin + size))

    def _states(self, X: Any, reset: bool = False) -> tuple[Array, np.dtype[Any]]:
        """X in the type of the computation, and the type of what comes from it."""
        X = self._checked_rows(X, reset=reset, dtype=(np.float64, np.float32))
        dtype = np.dtype(self.dtype) if reset else self.memories_.dtype  # the parameter may change after fit
        with np.errstate(over="ignore"):
            states = np.ascontiguousarray(X, dtype)
        # Of larger ones a product with a memory might overflow.
        if np.abs(states).max() > np.sqrt(np.finfo(dtype).max / X.shape[1] / max(1.0, self.beta)) / 2:
            raise ValueError(f"X must be small enough for products in {dtype}, but has {np.abs(X).max():g}")
        return states, X.dtype

    def _check_settings(self) -> None:
        if _checks.number("beta", self.beta) == 0:
            raise ValueError("beta must be above 0, but is 0")
        _whole("max_steps", self.max_steps)
        _checks.number("tol", self.tol)
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', but is {self.dtype!r}")

    def _check_fitted(self) -> None:
        memories, d = self.memories_, self.n_features_in_
        if memories.ndim != 2 or memories.shape[1] != d or not len(memories) or memories.dtype.char not in "fd":
            raise ValueError(f"memories_ is {memories.dtype} of shape {memories.shape}, not floats of (p, {d})")
        if not np.isfinite(memories).all():
            raise ValueError("memories_ must be finite")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "memories_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _whole(name: str, value: Any) -> int:
    if _checks.whole_number(name, value) < 1:
        raise ValueError(f"{name} must be at least 1, but is {value}")
    return int(value)


def _squares(rows: Array) -> Array:
    """Squared length of each row, in double."""
    return np.asarray(np.square(rows, dtype=np.float64).sum(axis=1))
