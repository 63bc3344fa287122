"""Hopfield networks, Boltzmann machines and restricted Boltzmann machines, as estimators of scikit-learn."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nncore.energy._boltzmann import BoltzmannMachine
    from nncore.energy._capacity import retrieval_overlap
    from nncore.energy._hopfield import Hopfield, RecallReport
    from nncore.energy._modern_hopfield import ModernHopfield
    from nncore.energy._rbm import RBM
    from nncore.energy._to_classifier import to_classifier

__all__ = [
    "RBM",
    "BoltzmannMachine",
    "Hopfield",
    "ModernHopfield",
    "RecallReport",
    "retrieval_overlap",
    "to_classifier",
]

_MODULES = {
    "BoltzmannMachine": "_boltzmann",
    "Hopfield": "_hopfield",
    "ModernHopfield": "_modern_hopfield",
    "RBM": "_rbm",
    "RecallReport": "_recall",
    "retrieval_overlap": "_capacity",
    "to_classifier": "_to_classifier",
}


def __getattr__(name: str) -> Any:
    """Imports a class or function on first use."""
    if name in _MODULES:
        importlib.import_module("nncore.energy._estimator")  # says what to install where scikit-learn is missing
        return getattr(importlib.import_module(f"nncore.energy.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'nncore.energy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
