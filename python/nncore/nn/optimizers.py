"""Optimizers: how a network's parameters follow its gradients. Names, formulas and defaults are PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nncore import _core
from nncore.nn import _checks
from nncore.nn._optimizer import Network, Optimizer

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "clip_grad_norm"]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013).

    g = gradient + weight_decay θ; without momentum θ ← θ − lr g. With momentum μ, b ← μ b + g and θ ← θ − lr b, or
    with Nesterov's θ ← θ − lr (g + μ b).

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    momentum : float
        μ, in [0, 1).
    nesterov : bool
        Whether the momentum is Nesterov's; needs momentum above 0.
    weight_decay : float
        At least 0.
    """

    momentum: float
    nesterov: bool
    weight_decay: float
    _kind = 0
    _settings = ("lr", "momentum", "nesterov", "weight_decay")

    def __init__(self, lr: float, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0) -> None:
        super().__init__(lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
        self._check_together(self.__dict__)

    @classmethod
    def _slot_names(cls, settings: Mapping[str, Any]) -> tuple[str, str]:
        return ("momentum_buffer" if settings["momentum"] else "", "")

    @classmethod
    def _check_together(cls, settings: Mapping[str, Any]) -> None:
        if settings["nesterov"] and not settings["momentum"]:
            raise ValueError("nesterov needs momentum above 0")


class RMSprop(Optimizer):
    """Gradients divided by the root of their mean square (Hinton 2012).

    g = gradient + weight_decay θ; v ← alpha v + (1 − alpha) g²; θ ← θ − lr g / (√v + eps), or with momentum
    b ← momentum b + g / (√v + eps) and θ ← θ − lr b.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    alpha : float
        How much of the mean square stays at each step, in [0, 1).
    eps : float
        Above 0.
    weight_decay : float
        At least 0.
    momentum : float
        In [0, 1).
    """

    alpha: float
    eps: float
    weight_decay: float
    momentum: float
    _kind = 1
    _settings = ("lr", "alpha", "eps", "weight_decay", "momentum")

    def __init__(
        self,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        super().__init__(lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)

    @classmethod
    def _slot_names(cls, settings: Mapping[str, Any]) -> tuple[str, str]:
        return ("square_avg", "momentum_buffer" if settings["momentum"] else "")


class Adam(Optimizer):
    """Adaptive moments (Kingma & Ba 2015).

    g = gradient + weight_decay θ; m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; at step t
    θ ← θ − lr · m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + eps).

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    betas : (float, float)
        β₁ and β₂, each in [0, 1).
    eps : float
        Above 0.
    weight_decay : float
        At least 0.
    """

    betas: tuple[float, float]
    eps: float
    weight_decay: float
    _kind = 2
    _settings = ("lr", "betas", "eps", "weight_decay")

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    @classmethod
    def _slot_names(cls, settings: Mapping[str, Any]) -> tuple[str, str]:
        return ("exp_avg", "exp_avg_sq")


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    Each step first takes θ ← (1 − lr · weight_decay) θ; the decay is not part of the gradient. Parameters as in Adam.
    """

    _kind = 3

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def clip_grad_norm(net: Network, max_norm: float) -> float:
    """Scale the gradients of `net` down to a Euclidean norm of `max_norm`, where theirs is larger.

    They are multiplied by max_norm / (norm + 1e-6), at most 1 (Pascanu et al. 2013). Where the norm is not finite they
    stay as they are: look at what is returned before a step.

    Parameters
    ----------
    net : Sequential
    max_norm : float
        At least 0; infinity only measures.

    Returns
    -------
    norm : float
        The norm before.
    """
    limit = max_norm if max_norm == math.inf else _checks.number("max_norm", max_norm)
    gradients = getattr(net, "gradients", None)
    if not isinstance(gradients, np.ndarray):
        raise TypeError(f"net must be a network, but is a {type(net).__name__}")
    norm = _core.gradient_norm(gradients)
    factor = _core.clip_factor(norm, limit)
    if factor < 1:
        _core.scale(gradients, factor)
    return norm
