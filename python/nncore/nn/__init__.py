"""Networks: layers, losses and optimizers, with PyTorch's names and layouts."""

from __future__ import annotations

from nncore.nn._torch import from_torch
from nncore.nn.layers import GRU, LSTM, BatchNorm, Dense, Dropout, Elman, Embedding, LastStep
from nncore.nn.losses import MSE, BinaryCrossEntropy, CrossEntropy, Huber
from nncore.nn.optimizers import SGD, Adam, AdamW, RMSprop, clip_grad_norm
from nncore.nn.sequential import Sequential, load

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
    "from_torch",
    "load",
]
