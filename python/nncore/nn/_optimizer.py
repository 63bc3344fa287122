"""What the optimizers share: checked settings, and state that belongs to one network."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore._memory import aligned_zeros
from nncore.nn import _checks

# What the core takes for one step: kind, lr, momentum, nesterov, beta1, beta2, alpha, eps, weight_decay, number of the
# step from 1, slot0, slot1.
Prepared = tuple[int, float, float, bool, float, float, float, float, float, int, NDArray[Any], NDArray[Any]]


class Network(Protocol):
    """What an optimizer needs of a network: two flat arrays of one size and type."""

    @property
    def parameters(self) -> NDArray[Any]: ...

    @property
    def gradients(self) -> NDArray[Any]: ...


class Optimizer:
    """What all optimizers share: settings, the count of steps, and an array or two as long as the parameters.

    The state belongs to the first network that is stepped. After `load_state_dict`, and in a copy or an unpickled
    optimizer, it belongs to the next one of the same size and type. Every setting can be changed between steps.
    """

    lr: float
    _kind: ClassVar[int]
    _settings: ClassVar[tuple[str, ...]]

    def __init__(self, **settings: Any) -> None:
        for name in self._settings:
            setattr(self, name, settings[name])
        self._steps = 0
        self._slots: dict[str, NDArray[Any]] = {}
        self._network: weakref.ref[Network] | None = None  # the one that the state belongs to
        self._begun: Any = None  # network and slots of a step that began, to be taken over if it succeeds
        self._ready: Any = None  # settings and slots as the core takes them, made again when a setting changes

    def step(self, net: Network) -> None:
        """Move the parameters of `net` one step along its gradients.

        Gradients that are not finite spoil the parameters, as in PyTorch: `clip_grad_norm` returns their norm first.

        Parameters
        ----------
        net : Sequential

        Raises
        ------
        ValueError
            If the optimizer's state belongs to another network, or to one of another size or type.
        """
        prepared = self._prepare(net)
        _core.optimizer_step(*prepared, 1.0, net.gradients, net.parameters)
        self._commit()

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's name, settings and step count, and copies of its arrays, by name."""
        state: dict[str, Any] = {"optimizer": type(self).__name__}
        state.update((name, getattr(self, name)) for name in self._settings)
        state["step"] = self._steps
        state.update((name, slot.copy()) for name, slot in self._slots.items())
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over settings, step count and arrays; the state then belongs to the next network that is stepped.

        Parameters
        ----------
        state : mapping
            What `state_dict` of an optimizer of this class returned.

        Raises
        ------
        TypeError, ValueError
            If something is missing, superfluous or wrong; nothing has changed then.
        """
        if not isinstance(state, Mapping):
            raise TypeError(f"state must be a mapping, but is a {type(state).__name__}")
        name = type(self).__name__
        if state.get("optimizer") != name:
            raise ValueError(f"state must be of the optimizer {name}, but is of {state.get('optimizer')!r}")
        missing = [key for key in (*self._settings, "step") if key not in state]
        if missing:
            raise ValueError(f"state lacks {', '.join(missing)}")
        settings = {key: _CHECKS[key](key, state[key]) for key in self._settings}
        self._check_together(settings)
        slots = _checked_slots({key: state[key] for key in state if key not in ("optimizer", "step", *settings)})
        needed = [key for key in self._slot_names(settings) if key]
        wrong = sorted(set(slots).difference(self._slot_names({**settings, "momentum": 1.0})))
        steps = _checks.whole_number("step", state["step"])
        if steps < 0:
            raise ValueError(f"step must be at least 0, but is {steps}")
        if wrong:
            raise ValueError(f"state has {', '.join(wrong)}, which {name} does not")
        if steps > 0 and any(key not in slots for key in needed):
            raise ValueError(f"state lacks {', '.join(key for key in needed if key not in slots)}")
        self.__dict__.update(settings, _steps=steps, _slots=slots, **_UNBOUND)

    def _prepare(self, net: Network) -> Prepared:
        """Check that the state fits `net` and return the core's arguments of its next step."""
        if self._network is None or self._network() is not net or not self._ready:
            self._make_ready(net)
        settings, slots = self._ready
        return (*settings, self._steps + 1, *slots)

    def _make_ready(self, net: Network) -> None:
        parameters = getattr(net, "parameters", None)
        if not isinstance(parameters, np.ndarray):
            raise TypeError(f"net must be a network, but is a {type(net).__name__}")
        if self._network is not None and self._network() is not net:
            raise ValueError("optimizer belongs to another network; a new network needs a new optimizer")
        s = self.__dict__
        most = float(np.finfo(parameters.dtype).max)
        for name in ("lr", "weight_decay"):
            if s[name] > most:
                raise ValueError(f"{name} must be finite in {parameters.dtype}, but is {s[name]:g}")
        beta1, beta2 = s.get("betas", (0.0, 0.0))
        alpha, eps = s.get("alpha", 0.0), s.get("eps", 0.0)
        settings = (
            *(self._kind, s["lr"], s.get("momentum", 0.0), s.get("nesterov", False)),
            *(beta1, beta2, alpha, eps, s["weight_decay"]),
        )
        names = self._slot_names(s)
        slots = tuple(self._slot(name, parameters) for name in names)
        used = {name: slot for name, slot in zip(names, slots, strict=True) if name}
        s.update(_ready=(settings, slots), _begun=(weakref.ref(net), used))

    def _commit(self) -> None:
        """Count the step that `_prepare` began and the core has taken."""
        s = self.__dict__  # not by way of __setattr__: this is part of each step
        if s["_begun"]:
            s["_network"], slots = s["_begun"]
            s["_slots"].update(slots)
            s["_begun"] = None
        s["_steps"] += 1

    def _slot(self, name: str, parameters: NDArray[Any]) -> NDArray[Any]:
        """Return the array of this name, made of zeros when it is first needed; "" names an empty one."""
        if not name:
            return parameters[:0]
        slot = self._slots.get(name)
        if slot is not None and slot.size == parameters.size and slot.dtype == parameters.dtype:
            return slot
        if slot is not None and self._steps > 0:
            raise ValueError(
                f"net must have {slot.size} parameters of type {slot.dtype}, as the optimizer's state, "
                f"but has {parameters.size} of type {parameters.dtype}"
            )
        return aligned_zeros(parameters.size, parameters.dtype)

    @classmethod
    def _slot_names(cls, settings: Mapping[str, Any]) -> tuple[str, str]:
        """Names of the core's two slots under these settings, "" where one is not used."""
        raise NotImplementedError

    @classmethod
    def _check_together(cls, settings: Mapping[str, Any]) -> None:
        """ValueError where settings that are right alone do not fit each other."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._settings:
            value = _CHECKS[name](name, value)
            self.__dict__["_ready"] = None
        elif not name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no setting {name}, only {', '.join(self._settings)}")
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._settings)})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, **_UNBOUND}

    def __copy__(self) -> Optimizer:
        return copy.deepcopy(self)  # two optimizers must not share their arrays


_UNBOUND = {"_network": None, "_begun": None, "_ready": None}


def _at_least_zero(name: str, value: Any) -> float:
    return _checks.number(name, value)


def _fraction(name: str, value: Any) -> float:
    return _checks.number(name, value, 0, 1)


def _float32_positive(name: str, value: Any) -> float:
    return _checks.number(name, value, float(np.finfo(np.float32).tiny))  # 0 in float32 would divide 0 by 0


def _two_fractions(name: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise TypeError(f"{name} must be two numbers, but is {value!r}")
    return _fraction(f"{name}[0]", value[0]), _fraction(f"{name}[1]", value[1])


_CHECKS = {
    "lr": _at_least_zero,
    "momentum": _fraction,
    "nesterov": _checks.flag,
    "betas": _two_fractions,
    "alpha": _fraction,
    "eps": _float32_positive,
    "weight_decay": _at_least_zero,
}


def _checked_slots(arrays: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return copies of the arrays of a state; each must be flat, finite, float32 or float64, of one size and type."""
    slots: dict[str, NDArray[Any]] = {}
    for name, value in arrays.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.dtype.itemsize not in (4, 8):
            came = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
            raise TypeError(f"{name} must be an array of type float32 or float64, but is {came}")
        first = next(iter(slots.values()), value)
        if value.ndim != 1 or value.size != first.size or value.dtype != first.dtype:
            raise ValueError(f"{name} must be flat and as long as the state's other arrays, but has {value.shape}")
        if not np.isfinite(value).all():
            raise ValueError(f"{name} must be finite")
        slots[name] = aligned_zeros(value.size, value.dtype.newbyteorder("="))
        slots[name][:] = value
    return slots
