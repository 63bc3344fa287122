"""What the arguments of Word2Vec must be."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from nncore._random import seed_of


def whole(value: Any, name: str, least: int) -> int:
    """An integer of at least `least`."""
    try:
        if isinstance(value, (bool, np.bool_)) and least > 0:
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, but came as {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, but is {number}")
    return number


def whole_or_none(value: Any, name: str, least: int = -(2**63)) -> int | None:
    """An integer of at least `least`, or None."""
    return None if value is None else whole(value, name, least)


def real(value: Any, name: str, least: float = -math.inf, greatest: float = math.inf) -> float:
    """A finite number of at least `least` and at most `greatest`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, but came as {value!r}") from None
    if not math.isfinite(number) or not least <= number <= greatest:
        bound = "finite" if least == -math.inf else f"finite and at least {least:g}"
        bound = bound if greatest == math.inf else f"from {least:g} to {greatest:g}"
        raise ValueError(f"{name} must be {bound}, but is {number:g}")
    return number


def one_of(value: Any, name: str, choices: tuple[str, ...]) -> str:
    """One of some words."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, but is {value!r}")
    return str(value)


def switch(value: Any, name: str) -> int:
    """0 or 1, gensim's way to say no and yes."""
    if value not in (0, 1):
        raise ValueError(f"{name} must be 0 or 1, but is {value!r}")
    return int(value)


MOMENTS = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end")


def checked_callbacks(callbacks: Any) -> tuple[Any, ...]:
    """Callbacks, each with one of the methods at least that are called."""
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks must be a list of callbacks, but is {callbacks!r}")
    given = tuple(callbacks)
    for callback in given:
        if not any(hasattr(callback, moment) for moment in MOMENTS):
            raise TypeError(f"callbacks must have one of the methods {', '.join(MOMENTS)}, but {callback!r} has none")
    return given


_WHOLE = {"vector_size": 1, "window": 1, "min_count": 0, "workers": 1, "negative": 0, "epochs": 1, "verbose": 0}
_WHOLE_OR_NONE = {"max_vocab_size": 1, "max_final_vocab": 1, "memory_limit": 0}
_REAL = {"alpha": 0.0, "min_alpha": 0.0, "sample": 0.0, "ns_exponent": -16.0}
_GREATEST = {
    "vector_size": 1 << 20,  # of which some rows for each thread fit the memory
    "ns_exponent": 16.0,  # whose powers of any count are finite
}
_SWITCHES = ("sg", "hs", "cbow_mean", "sorted_vocab")
_WORDS = {"cbow_gradient": ("classic", "exact"), "subsampling": ("word2vec", "paper")}


def checked(name: str, value: Any) -> Any:
    """The value of a setting, in Python's own types; TypeError or ValueError names the one that cannot be."""
    if name == "seed":
        return seed_of(value, name)
    if name in _WHOLE:
        count = whole(value, name, _WHOLE[name])
        if count > _GREATEST.get(name, math.inf):
            raise ValueError(f"{name} must be at most {_GREATEST[name]:,}, but is {count:,}")
        return count
    if name in _WHOLE_OR_NONE:
        return whole_or_none(value, name, _WHOLE_OR_NONE[name])
    if name in _REAL:
        return real(value, name, _REAL[name], _GREATEST.get(name, math.inf))
    if name in _SWITCHES:
        return switch(value, name)
    return one_of(value, name, _WORDS[name]) if name in _WORDS else bool(value)


def say_without_effect(**given: tuple[Any, Any]) -> None:
    """Warn of each argument that differs from its default: they are there so that gensim's calls run."""
    for name, (value, default) in given.items():
        if value != default:
            warnings.warn(f"{name} has no effect in nncore", UserWarning, stacklevel=4)


def check_objective(hs: int, negative: int, full_softmax: bool, *, warn: bool = True) -> None:
    """Refuse a model without an objective, or with two that exclude each other; warn of two that do not."""
    if full_softmax and (hs or negative):
        raise ValueError(
            f"full_softmax=True needs hs=0 and negative=0, but hs is {hs} and negative is {negative}: "
            "they stand in its place"
        )
    if not (hs or negative or full_softmax):
        raise ValueError("hs=0 and negative=0 leave nothing to train: set one of them, or full_softmax=True")
    if hs and negative and warn:
        warnings.warn(
            "Both hierarchical softmax and negative sampling are on (hs=1, negative > 0): each window is trained with "
            "both. This is probably a mistake: set either hs=0 or negative=0.",
            UserWarning,
            stacklevel=4,
        )
