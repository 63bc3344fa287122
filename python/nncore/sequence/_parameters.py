"""Parameters of an estimator in scikit-learn's manner, without scikit-learn."""

from __future__ import annotations

import inspect
import numbers
from typing import Any, TypeVar

Self = TypeVar("Self", bound="Parameters")


class NotFittedError(ValueError, AttributeError):
    """A method was called that needs a fitted model."""


class Parameters:
    """`__init__` stores its arguments under their names; `get_params`, `set_params` and `repr` follow from it."""

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in parameters}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters of this estimator, by name.

        Parameters
        ----------
        deep : bool, default=True
            Has no effect: no parameter is itself an estimator.
        """
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self: Self, **params: Any) -> Self:
        """Set parameters by name; they count from the next `fit` on.

        Raises
        ------
        ValueError
            A name that is no parameter; nothing is set then.
        """
        known = self._defaults()
        for name in params:
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self!r}. Valid parameters are: {list(known)}."
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults, params = self._defaults(), self.get_params()
        changed = [f"{name}={value!r}" for name, value in params.items() if repr(value) != repr(defaults[name])]
        return f"{type(self).__name__}({', '.join(changed)})"


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, but is {value!r}")


def check_integer(name: str, value: object, low: int) -> None:
    """TypeError unless `value` is an integer, ValueError unless it is at least `low`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer >= {low}, but is {value!r}")
    if value < low:
        raise ValueError(f"{name} must be an integer >= {low}, but is {value!r}")


def check_real(name: str, value: object, low: float, high: float = float("inf"), *, closed_low: bool = False) -> None:
    """TypeError unless `value` is a number, ValueError unless it lies in (low, high) or [low, high)."""
    interval = f"{'[' if closed_low else '('}{low:g}, {high:g})"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number in {interval}, but is {value!r}")
    number = float(value)
    if not (low < number < high or (closed_low and number == low)):
        raise ValueError(f"{name} must be a number in {interval}, but is {value!r}")
