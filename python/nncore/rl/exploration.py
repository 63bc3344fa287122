"""Exploration, and numbers that change while an agent learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from nncore.nn import _checks

__all__ = ["Boltzmann", "EpsilonGreedy", "ExponentialSchedule", "LinearSchedule"]

Parts: TypeAlias = tuple[str, float, float, float]  # kind, initial, final, steps: what the core reads


@dataclass(frozen=True)
class LinearSchedule:
    """A number that goes from `initial` to `final` by equal steps, and then stays.

    Parameters
    ----------
    initial, final : float
        At least 0.
    steps : int
        How many it takes; at least 1.

    Examples
    --------
    >>> from nncore import rl
    >>> rate = rl.LinearSchedule(1.0, 0.0, 4)
    >>> [rate(t) for t in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    initial: float
    final: float
    steps: int

    def __post_init__(self) -> None:
        _checks.number("initial", self.initial)
        _checks.number("final", self.final)
        _check_steps("steps", self.steps)

    def __call__(self, step: int) -> float:
        """Value at a step, counted from 0."""
        if step >= self.steps:
            return float(self.final)
        return self.initial + (self.final - self.initial) * (step / self.steps)


@dataclass(frozen=True)
class ExponentialSchedule:
    """A number that goes from `initial` to `final` by equal factors, and then stays.

    Parameters
    ----------
    initial, final : float
        Above 0.
    steps : int
        How many it takes; at least 1.

    Examples
    --------
    >>> from nncore import rl
    >>> rate = rl.ExponentialSchedule(16.0, 1.0, 4)
    >>> [rate(t) for t in range(6)]
    [16.0, 8.0, 4.0, 2.0, 1.0, 1.0]
    """

    initial: float
    final: float
    steps: int

    def __post_init__(self) -> None:
        for name in ("initial", "final"):
            if _checks.number(name, getattr(self, name)) == 0:
                raise ValueError(f"{name} must be above 0, but is 0")
        _check_steps("steps", self.steps)

    def __call__(self, step: int) -> float:
        """Value at a step, counted from 0."""
        if step >= self.steps:
            return float(self.final)
        return float(self.initial * (self.final / self.initial) ** (step / self.steps))


Schedule: TypeAlias = LinearSchedule | ExponentialSchedule


@dataclass(frozen=True)
class EpsilonGreedy:
    """ε-greedy exploration: with the probability ε any action, each as likely, else the best one.

    Among equally good actions one is drawn while the agent learns.

    Parameters
    ----------
    initial : float or schedule, default=1.0
        ε of the first step, or a schedule of its own.
    final : float, optional
        ε of the last; `initial` stays without it.
    decay_steps : int, optional
        Steps that the way from `initial` to `final` takes, in equal parts; by default half of those that `learn` is
        asked for.

    Examples
    --------
    >>> from nncore import rl
    >>> exploration = rl.EpsilonGreedy(1.0, 0.05, 10_000)
    """

    initial: float | Schedule = 1.0
    final: float | None = None
    decay_steps: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.initial, Schedule):
            if self.final is not None or self.decay_steps is not None:
                raise ValueError("final and decay_steps must be left out where initial is a schedule")
            ends = {"initial": self.initial.initial, "final": self.initial.final}
        else:
            ends = {"initial": self.initial} | ({} if self.final is None else {"final": self.final})
        for name, value in ends.items():
            if _checks.number(name, value) > 1:
                raise ValueError(f"{name} must be from 0 to 1, but is {value:g}")
        if self.decay_steps is not None:
            _check_steps("decay_steps", self.decay_steps)

    def _resolved(self, total: int) -> tuple[str, Parts]:
        """What the core reads, where `learn` comes to `total` steps."""
        if self.final is None:
            return "epsilon_greedy", parts_of(self.initial)
        steps = max(1, total // 2) if self.decay_steps is None else int(self.decay_steps)
        return "epsilon_greedy", ("linear", float(self.initial), float(self.final), float(steps))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Boltzmann:
    """Boltzmann exploration: action a with a probability in proportion to exp(Q(s, a) / T).

    Parameters
    ----------
    temperature : float or schedule, default=1.0
        T, above 0.

    Examples
    --------
    >>> from nncore import rl
    >>> exploration = rl.Boltzmann(rl.ExponentialSchedule(10.0, 0.1, 5_000))
    """

    temperature: float | Schedule = 1.0

    def __post_init__(self) -> None:
        ends = (
            (self.temperature.initial, self.temperature.final)
            if isinstance(self.temperature, Schedule)
            else (self.temperature,)
        )
        for value in ends:
            if _checks.number("temperature", value) == 0:
                raise ValueError("temperature must be above 0, but is 0")

    def _resolved(self, total: int) -> tuple[str, Parts]:
        """What the core reads."""
        return "boltzmann", parts_of(self.temperature)


Exploration: TypeAlias = EpsilonGreedy | Boltzmann


def parts_of(value: float | Schedule) -> Parts:
    """What the core reads of a number or a schedule."""
    if isinstance(value, LinearSchedule):
        return "linear", float(value.initial), float(value.final), float(value.steps)
    if isinstance(value, ExponentialSchedule):
        return "exponential", float(value.initial), float(value.final), float(value.steps)
    return "constant", float(value), float(value), 1.0


def rate(name: str, value: Any) -> float | Schedule:
    """Return a learning rate: a number from 0 to 1, or a schedule of such; raises as `_checks.number`."""
    ends = (value.initial, value.final) if isinstance(value, Schedule) else (value,)
    for number in ends:
        if _checks.number(name, number) > 1:
            raise ValueError(f"{name} must be from 0 to 1, but is {number:g}")
    return value if isinstance(value, Schedule) else float(value)


def rate_at(value: float | Schedule, step: int) -> float:
    """Value of a number or a schedule at a step."""
    return value(step) if isinstance(value, Schedule) else float(value)


def described(value: Any) -> Any:
    """What JSON keeps of a number, a schedule or an exploration; `restored` undoes it."""
    if isinstance(value, (LinearSchedule, ExponentialSchedule, EpsilonGreedy, Boltzmann)):
        return {"kind": type(value).__name__, **{name: described(part) for name, part in vars(value).items()}}
    return value


def restored(value: Any) -> Any:
    """Undo `described`."""
    if not isinstance(value, dict):
        return value
    made = {kind.__name__: kind for kind in (LinearSchedule, ExponentialSchedule, EpsilonGreedy, Boltzmann)}
    parts = {name: restored(part) for name, part in value.items() if name != "kind"}
    return made[value["kind"]](**parts)


def _check_steps(name: str, steps: Any) -> None:
    if _checks.whole_number(name, steps) < 1:
        raise ValueError(f"{name} must be at least 1, but is {steps}")
