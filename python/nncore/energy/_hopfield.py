"""The classic Hopfield network. Imported on first use: it needs scikit-learn."""

from __future__ import annotations

import os
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from nncore import _core
from nncore._random import seed_of
from nncore.energy import _recall
from nncore.energy._estimator import EnergyModel
from nncore.energy._recall import Packed, RecallReport, Weights
from nncore.nn import _checks

__all__ = ["Hopfield", "RecallReport"]

Array = NDArray[Any]
Self = TypeVar("Self", bound="Hopfield")
RULES = ("hebbian", "storkey", "pseudo_inverse")


class Hopfield(OneToOneFeatureMixin, TransformerMixin, EnergyModel):  # type: ignore[misc]
    """Associative memory: patterns of −1 and +1 are stored, and recalled from damaged copies (Hopfield 1982).

    Parameters
    ----------
    rule : {"hebbian", "storkey", "pseudo_inverse"}, default="hebbian"
        How weights come from the memories. Hebb's rule recalls up to about 0.138 memories a unit, Storkey's more; the
        pseudo-inverse keeps any that are linearly independent.
    self_connections : bool, default=False
        Whether a unit acts on itself (w_ii = p/d with Hebb's rule). The field's habit is no.
    bias : float or array of shape (n_features,), default=None
        b; None is 0.
    dtype : {"float32", "float64"}, default="float32"
        Type of the weights. Recall of Hebbian memories does not use them: it is exact.
    verbose : int, default=0
        1 shows progress bars.

    Attributes
    ----------
    weights_ : array of shape (n_features, n_features)
        Symmetric. Made anew at each look for Hebb's rule, which does not keep them.
    bias_ : float64 array of shape (n_features,)
        May be changed between calls.
    memories_ : int8 array of shape (n_memories_, n_features)
        What was stored, unpacked at each look.
    n_memories_, n_features_in_ : int
    feature_names_in_ : array of str
        Where X had names.

    See Also
    --------
    ModernHopfield : continuous patterns, and many more of them.

    Notes
    -----
    With d units and p memories x^k: w_ij = (1/d) Σ_k x_i^k x_j^k, E(x) = −(½ xᵀWx + bᵀx), and x_i ← sign(Σ_j w_ij x_j +
    b_i), unchanged at 0. Asynchronous recall, one unit after the other, never raises E and settles; synchronous recall
    settles or alternates between two states.

    With Hebb's rule h_i = (1/d) Σ_k x_i^k m_k with the overlaps m_k = Σ_j x_j^k x_j, so the memories are kept, a bit
    each, instead of W: recall compares bits (XOR and popcount) and adds whole numbers. Ties are exact; only a bias, or
    a temperature, brings in rounding (of d·h in double).

    Patterns are −1 and +1. Of images, that is ``np.where(images > threshold, 1, -1)``, flat; what is recalled has the
    type of X and can be shaped back into images.

    Results are the same on any number of threads, and those of a row do not depend on the rows around it (at a
    temperature, on its place among them).

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.energy import Hopfield
    >>> memories = np.array([[1, -1, 1, -1, 1, 1], [1, 1, 1, -1, -1, -1]])
    >>> net = Hopfield().fit(memories)
    >>> net.recall([[1, -1, 1, -1, 1, -1]], random_state=0)
    array([[ 1, -1,  1, -1,  1,  1]])
    >>> net.energy(memories)
    array([-2., -2.])
    """

    bias_: Array
    n_memories_: int
    _rule: str  # what the network was made with: parameters may change later
    _self_connections: bool
    _dtype: str
    _rows: Array
    _columns: Array
    _weights: Array  # without the diagonal where there are no self-connections; none for Hebb's rule
    _diagonal: Array  # that the rule goes on from
    _fitted_arrays: ClassVar[tuple[str, ...]] = ("bias_", "_rows", "_columns", "_weights", "_diagonal")
    _fitted_values: ClassVar[tuple[str, ...]] = ("n_memories_", "_rule", "_self_connections", "_dtype")

    def __init__(
        self,
        rule: str = "hebbian",
        self_connections: bool = False,
        *,
        bias: Any = None,
        dtype: str = "float32",
        verbose: int = 0,
    ) -> None:
        self.rule = rule
        self.self_connections = self_connections
        self.bias = bias
        self.dtype = dtype
        self.verbose = verbose

    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Store patterns, and forget those before.

        Parameters
        ----------
        X : array of shape (n_memories, n_features)
            Patterns of −1 and +1.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If a parameter or X is not what it must be, a 0 in X among them; the network is as before.
        """
        with self._as_before_if_it_fails():
            self._check_settings()
            patterns, _ = self._states(X, reset=True)
            d = patterns.shape[1]
            self._rule, self._self_connections = str(self.rule), bool(self.self_connections)
            self._dtype = np.dtype(self.dtype).name
            self.bias_ = self._initial_bias(d)
            self.n_memories_ = 0
            self._rows = np.zeros((0, _core.memory_words(d)), np.uint64)
            self._columns = np.zeros((d, 0), np.uint8)
            for name in ("_weights", "_diagonal"):
                self.__dict__.pop(name, None)
            self._store(patterns)
        return self

    def partial_fit(self: Self, X: Any, y: Any = None) -> Self:
        """Store patterns beside those before.

        The network is the same as after one `fit` to all of them in this order.

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
            As `fit`, and if `rule`, `self_connections` or `dtype` is another one than at `fit`.
        """
        if not hasattr(self, "_rows"):
            return self.fit(X)
        with self._as_before_if_it_fails():
            self._check_settings()
            self._check_unchanged()
            patterns, _ = self._states(X)
            self._store(patterns)
        return self

    def _store(self, patterns: Array) -> None:
        d, before = patterns.shape[1], self.n_memories_
        p = before + len(patterns)
        rows = np.zeros((p, _core.memory_words(d)), np.uint64)
        columns = np.zeros((d, _core.unit_bytes(p)), np.uint8)
        rows[:before], columns[:, : self._columns.shape[1]] = self._rows, self._columns
        for part in _recall.blocks(len(patterns), 2e-9 * d):
            _core.pack_memories(patterns[part], before + part.start, rows, columns)
        if self._rule != "hebbian":
            self._learn(patterns)
        self.n_memories_, self._rows, self._columns = p, rows, columns

    def _learn(self, patterns: Array) -> None:
        """Weights by a rule that takes one pattern after the other."""
        d = patterns.shape[1]
        weights = self._weights.copy() if hasattr(self, "_weights") else np.zeros((d, d), self._dtype)
        if not self._self_connections and hasattr(self, "_diagonal"):
            np.fill_diagonal(weights, self._diagonal)
        hidden = None if self.verbose else True  # None: on a terminal
        with tqdm(total=len(patterns), unit="patterns", disable=hidden, desc=self._rule) as bar:
            for part in _recall.blocks(len(patterns), 1e-9 * d * d):
                if self._rule == "storkey":
                    _core.storkey_learn(patterns[part], self._self_connections, weights)
                else:
                    _core.pseudo_inverse_learn(patterns[part], weights)
                bar.update(part.stop - part.start)
        self._diagonal = weights.diagonal().copy()
        if not self._self_connections:
            np.fill_diagonal(weights, 0)
        self._weights = weights

    def recall(
        self,
        X: Any,
        mode: str = "async",
        max_sweeps: int = 100,
        random_state: Any = None,
        return_path: bool = False,
        *,
        order: str = "random",
        temperature: float = 0.0,
        return_report: bool = False,
        verbose: int | None = None,
    ) -> Any:
        """Let states run until they change no more.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            States of −1 and +1.
        mode : {"async", "sync"}, default="async"
            One unit after the other, or all at once.
        max_sweeps : int, default=100
            Updates of every unit, at most.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None
            Of the order, and of what a temperature draws.
        return_path : bool, default=False
            Also return the states on the way.
        order : {"random", "cyclic"}, default="random"
            Of the units in asynchronous recall: drawn for each sweep, the same for all rows, or as they stand.
        temperature : float, default=0.0
            T above 0: a unit becomes +1 with probability 1/(1 + e^(−2h/T)) (Glauber), for `max_sweeps` sweeps.
            Asynchronous states are then those of e^(−E/T)/Z in the long run.
        return_report : bool, default=False
            Also return how it went.
        verbose : int, optional
            1 shows a progress bar; by default as the estimator's.

        Returns
        -------
        states : array of shape (n_samples, n_features)
            Of the type of X, where that has negative numbers, else int8. A row that alternates is left where this
            was seen.
        path : int8 array of shape (sweeps + 1, n_samples, n_features)
            With `return_path`. The states before the first and after each sweep; a row that is finished stays.
        report : RecallReport
            With `return_report`. `n_sweeps`, `converged` and `cycle` of each row.

        Raises
        ------
        TypeError, ValueError
            If an argument is not what it must be.
        """
        check_is_fitted(self)
        settings = self._recall_settings(mode, max_sweeps, order, temperature)
        states, dtype = self._states(X)
        seed = seed_of(random_state)
        path: list[Array] | None = [] if _checks.flag("return_path", return_path) else None
        with_report = _checks.flag("return_report", return_report)
        bar = self.verbose if verbose is None else verbose
        report = _recall.recall(self._network(), states, int(max_sweeps), path, bar, seed=seed, **settings)
        parts: list[Any] = [states.astype(dtype, copy=False)]
        if path is not None:
            parts.append(np.stack(path[: int(report.n_sweeps.max()) + 1]))
        if with_report:
            parts.append(report)
        return tuple(parts) if len(parts) > 1 else parts[0]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted network to a file (safetensors), whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        TypeError, ValueError
            If a parameter, or `bias_`, is not what it must be.
        OSError
            If it cannot be written; a file that was there is untouched.
        """
        check_is_fitted(self)
        self._check_settings()
        self.bias_ = self._checked_bias()
        super().save(path)

    def transform(self, X: Any) -> Array:
        """Asynchronous recall in cyclic order, which draws nothing.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            States of −1 and +1.

        Returns
        -------
        states : array of shape (n_samples, n_features)
        """
        return np.asarray(self.recall(X, order="cyclic", random_state=0))

    def predict(self, X: Any) -> Array:
        """The same as `transform`, under the name that other libraries give it.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            States of −1 and +1.

        Returns
        -------
        states : array of shape (n_samples, n_features)
        """
        return self.transform(X)

    def score(self, X: Any, y: Any = None) -> float:
        """How well states are recalled.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Damaged patterns, of −1 and +1.
        y : array of shape (n_samples, n_features), optional
            What they should be recalled as; by default the nearest memory, as with labels, which say nothing here.

        Returns
        -------
        overlap : float
            Mean overlap of `transform(X)` with y, or its greatest with any memory; 1 is perfect.
        """
        check_is_fitted(self)
        recalled, _ = self._states(self.transform(X))
        if y is None or np.ndim(y) < 2:
            return float(self.overlap(recalled).max(axis=1).mean())
        targets, _ = self._states(y, "y")
        if len(targets) != len(recalled):
            raise ValueError(f"y must have a row for each of the {len(recalled)} of X, but has {len(targets)}")
        return float(np.mean(recalled == targets) * 2 - 1)

    def energy(self, X: Any) -> Array:
        """Energy of each state.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            States of −1 and +1.

        Returns
        -------
        energy : float64 array of shape (n_samples,)
            E(x) = −(½ xᵀWx + bᵀx); never rises during asynchronous recall.
        """
        check_is_fitted(self)
        states, _ = self._states(X)
        d, single = states.shape[1], (states * self._checked_bias()).sum(axis=1)
        if not hasattr(self, "_weights"):  # xᵀWx = Σ_k m_k² / d, in whole numbers
            squares = (self._packed().overlaps(states) ** 2).sum(axis=1)
            own = 0 if self._self_connections else self.n_memories_ * d
            return np.asarray(-((squares - own) / (2 * d) + single))
        network = Weights(self._weights, np.zeros(d, self._weights.dtype))
        pairs = np.empty(len(states))
        for part in _recall.blocks(len(states), network.seconds()):
            pairs[part] = (states[part] * network.fields(states[part])).sum(axis=1, dtype=np.float64)
        return np.asarray(-(pairs / 2 + single))

    def is_stable(self, X: Any) -> Array:
        """Whether recall leaves each state as it is.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            States of −1 and +1.

        Returns
        -------
        stable : bool array of shape (n_samples,)
            x_i h_i ≥ 0 for all units.
        """
        check_is_fitted(self)
        states, _ = self._states(X)
        network = self._network()
        stable = np.empty(len(states), bool)
        for part in _recall.blocks(len(states), network.seconds()):
            stable[part] = (states[part] * network.fields(states[part]) >= 0).all(axis=1)
        return stable

    def overlap(self, X: Any) -> Array:
        """Overlap of each state with each memory.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            States of −1 and +1.

        Returns
        -------
        overlap : float64 array of shape (n_samples, n_memories_)
            (1/d) Σ_i x_i^k x_i: 1 for the memory, −1 for its negative.
        """
        check_is_fitted(self)
        states, _ = self._states(X)
        return np.asarray(self._packed().overlaps(states) / states.shape[1])

    def classify_states(self, X: Any) -> Array:
        """What each state is.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            States of −1 and +1, such as `recall` returns.

        Returns
        -------
        kind : array of str of shape (n_samples,)
            "memory" or "negative" (of a memory), whether stable or not; else "spurious" for a fixed point, and
            "unstable".
        """
        overlap = self.overlap(X)
        kind = np.where(self.is_stable(X), "spurious", "unstable")
        kind[(overlap == -1).any(axis=1)] = "negative"
        kind[(overlap == 1).any(axis=1)] = "memory"
        return kind

    def is_spurious(self, X: Any) -> Array:
        """Whether each state is a fixed point, but no memory and no negative of one.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            States of −1 and +1.

        Returns
        -------
        spurious : bool array of shape (n_samples,)
        """
        return np.asarray(self.classify_states(X) == "spurious")

    @property
    def weights_(self) -> Array:
        """Weights (n_features, n_features)."""
        if not hasattr(self, "_rows"):
            raise AttributeError("weights_ are there after fit")
        if hasattr(self, "_weights"):
            return self._weights
        weights = _hebbian_weights(self.memories_, self._dtype)
        if not self._self_connections:
            np.fill_diagonal(weights, 0)
        return weights

    @property
    def memories_(self) -> Array:
        """What was stored (n_memories_, n_features), of −1 and +1."""
        if not hasattr(self, "_rows"):
            raise AttributeError("memories_ are there after fit")
        little = self._rows.astype("<u8", copy=False).view(np.uint8)
        bits = np.unpackbits(little, axis=1, count=self.n_features_in_, bitorder="little")
        return np.asarray(bits.astype(np.int8) * 2 - 1)

    def _network(self) -> Packed | Weights:
        if not hasattr(self, "_weights"):
            return self._packed()
        return Weights(self._weights, self._checked_bias().astype(self._weights.dtype))

    def _packed(self) -> Packed:
        bias = self._checked_bias()
        return Packed(self._rows, self._columns, bias * len(bias) if bias.any() else None, self._self_connections)

    def _initial_bias(self, d: int) -> Array:
        given = _real("bias", 0.0 if self.bias is None else self.bias)
        if given.shape not in ((), (d,)):
            raise ValueError(f"bias must be a number or have shape ({d},), but came as {given.shape}")
        return self._checked_bias("bias", np.full(d, given))

    def _checked_bias(self, name: str = "bias_", value: Any = None) -> Array:
        """bias_, which a user may have set, or another one."""
        given = _real(name, self.bias_ if value is None else value)
        d = self.n_features_in_
        if given.shape != (d,):
            raise ValueError(f"{name} must have shape ({d},), but came as {given.shape}")
        # Larger ones would overflow in fields, which have the type of the weights or are d times as large in double.
        most = np.finfo(np.float64 if self._rule == "hebbian" else self._dtype).max / (2 * d)
        wrong = ~(np.abs(given) <= most)
        if wrong.any():
            limit = "finite" if not np.isfinite(given).all() else f"at most {most:.3g} in size"
            raise ValueError(f"{name} must be {limit}, but has {given[wrong][0]:g}")
        return np.ascontiguousarray(given, np.float64)

    def _states(self, X: Any, name: str = "X", reset: bool = False) -> tuple[Array, np.dtype[Any]]:
        """X as int8, a copy, and the type of what comes from it."""
        if name == "X":
            X = self._checked_rows(X, reset=reset)
        else:
            X = _checks.as_array(name, X)
            if X.ndim != 2 or X.shape[1] != self.n_features_in_:
                raise ValueError(f"{name} must have shape (n_samples, {self.n_features_in_}), but came as {X.shape}")
        wrong = np.abs(X) != 1 if X.dtype.kind in "fiu" else X != 1
        if wrong.any():
            row, column = np.unravel_index(int(np.argmax(wrong)), X.shape)
            raise ValueError(
                f"{name} must consist of -1 and +1, but has {X[row, column]} in row {row}, column {column}; of images "
                f"or bits, np.where({name} > threshold, 1, -1) makes patterns"
            )
        return np.array(X, np.int8, order="C"), X.dtype if X.dtype.kind in "fi" else np.dtype(np.int8)

    def _recall_settings(self, mode: str, max_sweeps: int, order: str, temperature: float) -> dict[str, Any]:
        if mode not in ("async", "sync"):
            raise ValueError(f"mode must be 'async' or 'sync', but is {mode!r}")
        if order not in ("random", "cyclic"):
            raise ValueError(f"order must be 'random' or 'cyclic', but is {order!r}")
        if _checks.whole_number("max_sweeps", max_sweeps) < 1:
            raise ValueError(f"max_sweeps must be at least 1, but is {max_sweeps}")
        return {
            "synchronous": mode == "sync",
            "random_order": order == "random",
            "temperature": _checks.number("temperature", temperature),
        }

    def _check_settings(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"rule must be 'hebbian', 'storkey' or 'pseudo_inverse', but is {self.rule!r}")
        _checks.flag("self_connections", self.self_connections)
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', but is {self.dtype!r}")

    def _check_unchanged(self) -> None:
        """ValueError where a parameter that made the network is another one by now."""
        made = {"rule": self._rule, "self_connections": self._self_connections, "dtype": self._dtype}
        for name, value in made.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"{name} must stay {value!r} to go on with the fitted network, but is {getattr(self, name)!r}"
                )

    def _check_fitted(self) -> None:
        if self._rule not in RULES or self._dtype not in ("float32", "float64"):
            raise ValueError(f"the network must say its rule and type, but has {self._rule!r} and {self._dtype!r}")
        _checks.flag("_self_connections", self._self_connections)
        d, p = self.n_features_in_, self.n_memories_
        shapes: dict[str, tuple[tuple[int, ...], Any]] = {
            "_rows": ((p, _core.memory_words(d)), np.uint64),
            "_columns": ((d, _core.unit_bytes(p)), np.uint8),
            "bias_": ((d,), np.float64),
        }
        if self._rule != "hebbian":
            shapes |= {"_weights": ((d, d), self._dtype), "_diagonal": ((d,), self._dtype)}
        for name, (shape, dtype) in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, not {np.dtype(dtype)} of {shape}")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite")
        self._checked_bias()

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_rows")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _real(name: str, value: Any) -> Array:
    array = _checks.as_array(name, value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be of real numbers, but is {value!r}")
    return array


def _hebbian_weights(memories: Array, dtype: str) -> Array:
    """(1/d) Σ_k x_i^k x_j^k, in squares of about a tenth of a second, between which Ctrl-C is answered."""
    p, d = memories.shape
    rows = memories.astype(dtype)
    weights = np.empty((d, d), dtype)
    side = max(1, min(4096, int((2.5e9 / p) ** 0.5)))
    for top in range(0, d, side):
        for left in range(0, top + 1, side):
            i, j = slice(top, top + side), slice(left, left + side)
            square = rows[:, i].T @ rows[:, j]  # whole numbers: exact in any order
            square /= d
            weights[i, j] = square
            weights[j, i] = square.T
    return weights
