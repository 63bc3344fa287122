"""Networks: layers, losses and optimizers, with PyTorch's names and layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nncore.nn._from_onnx import from_onnx
from nncore.nn._sequential_files import load
from nncore.nn._to_onnx import to_onnx
from nncore.nn._torch import from_torch
from nncore.nn.layers import GRU, LSTM, BatchNorm, Dense, Dropout, Elman, Embedding, LastStep
from nncore.nn.losses import MSE, BinaryCrossEntropy, CrossEntropy, Huber
from nncore.nn.optimizers import SGD, Adam, AdamW, RMSprop, clip_grad_norm
from nncore.nn.sequential import Sequential

if TYPE_CHECKING:
    from nncore.nn._mlp import MLPClassifier as MLPClassifier
    from nncore.nn._mlp import MLPRegressor as MLPRegressor

__all__ = [
    "GRU",
    "LSTM",
    "MSE",
    "SGD",
    "Adam",
    "AdamW",
    "BatchNorm",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Dense",
    "Dropout",
    "Elman",
    "Embedding",
    "Huber",
    "LastStep",
    "RMSprop",
    "Sequential",
    "clip_grad_norm",
    "from_onnx",
    "from_torch",
    "load",
    "to_onnx",
]

_ESTIMATORS = ("MLPClassifier", "MLPRegressor")


def __getattr__(name: str) -> Any:
    """Imports the estimators on first use: only they need scikit-learn."""
    if name not in _ESTIMATORS:
        raise AttributeError(f"module 'nncore.nn' has no attribute {name!r}")
    try:
        from nncore.nn import _mlp
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("sklearn", "scipy"):
            raise
        raise ImportError(f"nncore.nn.{name} needs scikit-learn: pip install 'nncore[sklearn]'") from error
    return getattr(_mlp, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ESTIMATORS])
