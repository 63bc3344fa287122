"""What a DQN is told: checked once, and kept."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from nncore.nn import _checks
from nncore.rl._transitions import at_least


@dataclass(frozen=True)
class DqnSettings:
    """Settings of a DQN, as `DQN` documents them; made by `checked_settings`."""

    hidden: tuple[int, ...]
    double: bool
    prioritized: Literal["proportional", "rank"] | None
    alpha: float
    beta: tuple[float, float]
    n_steps: int
    learning_rate: float | Callable[[float], float] | None  # None: a function that a file could not keep
    buffer_size: int
    learning_starts: int
    batch_size: int
    tau: float
    gamma: float
    train_freq: tuple[int, Literal["step", "episode"]]
    gradient_steps: int
    target_update_interval: int
    exploration_fraction: float
    exploration_initial_eps: float
    exploration_final_eps: float
    max_grad_norm: float
    loss: Literal["huber", "mse"]
    asynchronous: bool
    dtype: Literal["float32", "float64"]

    @property
    def parts(self) -> int:
        """Into how many equal parts a training is cut.

        Beside the environment, many updates after many steps are spread over these steps, so that the network that acts
        is not an old one.
        """
        steps, unit = self.train_freq
        return _parts(steps, self.gradient_steps) if self.asynchronous and unit == "step" else 1

    @property
    def often(self) -> tuple[int, Literal["step", "episode"]]:
        """How often to train, or a part of it."""
        return self.train_freq[0] // self.parts, self.train_freq[1]

    def rate(self, progress_remaining: float) -> float:
        """Learning rate when this share of the run is still to come."""
        given = self.learning_rate
        if given is None:
            raise ValueError("learning_rate was a function, which a file cannot keep: give it to load")
        if not callable(given):
            return given
        # The last step of several environments may go beyond the end.
        return _checks.number("learning_rate(progress_remaining)", given(min(max(progress_remaining, 0.0), 1.0)))

    def importance(self, progress_remaining: float) -> float:
        """β of the importance weights, on its way from the first to the second value."""
        first, last = self.beta
        return last + (first - last) * min(max(progress_remaining, 0.0), 1.0)

    def exploration(self, progress: float) -> float:
        """ε when this share of the run is over."""
        first, last = self.exploration_initial_eps, self.exploration_final_eps
        if progress >= self.exploration_fraction:
            return last
        return first + (last - first) * progress / self.exploration_fraction

    def describe(self) -> dict[str, Any]:
        """In JSON's types, as `checked_settings` takes them."""
        values = dataclasses.asdict(self)
        values["learning_rate"] = None if callable(self.learning_rate) else self.learning_rate
        values["prioritized"] = self.prioritized or False
        return values


@cache
def _parts(steps: int, updates: int) -> int:
    """How many parts of at least 16 steps and of equal updates there can be."""
    common = steps if updates < 0 else math.gcd(steps, updates)
    return max((part for part in range(2, steps // 16 + 1) if common % part == 0), default=1)


def checked_settings(
    *,
    hidden: Sequence[int],
    double: bool,
    prioritized: bool | str,
    alpha: float,
    beta: float | Sequence[float],
    learning_rate: Any,
    train_freq: Any,
    gradient_steps: int,
    max_grad_norm: float | None,
    loss: str,
    asynchronous: bool,
    dtype: str,
    **others: Any,
) -> DqnSettings:
    """Settings of the right types and within their ranges; ValueError or TypeError names the one that is not."""
    counts = ("n_steps", "buffer_size", "batch_size", "target_update_interval")
    shares = ("tau", "gamma", "exploration_fraction", "exploration_initial_eps", "exploration_final_eps")
    for name in counts:
        others[name] = at_least(name, others[name], 1)
    others["learning_starts"] = at_least("learning_starts", others["learning_starts"], 0)
    for name in shares:
        others[name] = share(name, others[name])
    if learning_rate is not None and not callable(learning_rate):
        learning_rate = _checks.number("learning_rate", learning_rate)
    if max_grad_norm is None:
        max_grad_norm = math.inf
    elif max_grad_norm != math.inf and not _checks.number("max_grad_norm", max_grad_norm) > 0:
        raise ValueError(f"max_grad_norm must be above 0, but is {max_grad_norm}")
    return DqnSettings(
        hidden=layer_sizes(hidden),
        double=_checks.flag("double", double),
        prioritized=_prioritized(prioritized),
        alpha=_checks.number("alpha", alpha),
        beta=_beta(beta),
        learning_rate=learning_rate,
        train_freq=_train_freq(train_freq),
        gradient_steps=at_least("gradient_steps", gradient_steps, -1),
        max_grad_norm=float(max_grad_norm),
        loss=_one_of("loss", loss, ("huber", "mse")),
        asynchronous=_checks.flag("asynchronous", asynchronous),
        dtype=_one_of("dtype", dtype, ("float32", "float64")),
        **others,
    )


def share(name: str, value: Any) -> float:
    """A number from 0 to 1."""
    number = _checks.number(name, value, -math.inf)
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be from 0 to 1, but is {number:g}")
    return number


def _one_of(name: str, value: Any, words: tuple[str, ...]) -> Any:
    if value not in words:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, words))}, but is {value!r}")
    return value


def layer_sizes(hidden: Any) -> tuple[int, ...]:
    """Sizes of hidden layers, each at least 1."""
    if isinstance(hidden, (str, bytes)) or not hasattr(hidden, "__iter__"):
        raise TypeError(f"hidden must be a sequence of layers' sizes, but is {hidden!r}")
    return tuple(at_least("hidden's sizes", size, 1) for size in hidden)


def _prioritized(value: Any) -> Literal["proportional", "rank"] | None:
    if isinstance(value, str):
        kind: Literal["proportional", "rank"] = _one_of("prioritized", value, ("proportional", "rank"))
        return kind
    return "proportional" if _checks.flag("prioritized", value) else None


def _beta(beta: Any) -> tuple[float, float]:
    pair = tuple(beta) if hasattr(beta, "__iter__") else (beta, beta)
    if len(pair) != 2:
        raise ValueError(f"beta must be a number or two, at the beginning and at the end, but is {beta!r}")
    return _checks.number("beta", pair[0]), _checks.number("beta", pair[1])


def _train_freq(value: Any) -> tuple[int, Literal["step", "episode"]]:
    count, unit = tuple(value) if isinstance(value, (tuple, list)) and len(value) == 2 else (value, "step")
    return at_least("train_freq", count, 1), _one_of("train_freq's unit", unit, ("step", "episode"))
