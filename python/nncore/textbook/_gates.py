"""What the gated cells share: one array for each gate, kept under the gate's letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from nncore.textbook._show import Array, show

Gates: TypeAlias = Mapping[str, Array]


def split_gates(stacked: Array, letters: str) -> dict[str, Array]:
    """One array for each gate from rows stacked gate after gate: ``split_gates(weight_ih, "ifgo")["f"]`` is W_f.

    Parameters
    ----------
    stacked : array of shape (len(letters) * H, ...)
    letters : str
        Gates in the order of the rows: "ifgo" and "rzn" are PyTorch's.

    Returns
    -------
    gates : dict of str to array of shape (H, ...)
    """
    return dict(zip(letters, np.split(stacked, len(letters)), strict=True))


def show_gate(name: str, squash: str, x: Array, h: Array, W: Gates, U: Gates, b: Gates, value: Array) -> None:
    """Print gate = φ(W x_t + U h_{t−1} + b) with its numbers."""
    symbols = {f"W_{name}": W[name], "x_t": x, f"U_{name}": U[name], "h_{t−1}": h, f"b_{name}": b[name]}
    show(name, f"{squash}(W_{name} · x_t + U_{name} · h_{{t−1}} + b_{name})", symbols, value)


def through_gates(
    x: Array, h: Array, W: Gates, U: Gates, da: Gates
) -> tuple[Array, Array, dict[str, Array], dict[str, Array], dict[str, Array]]:
    """Gradients by x, h, W, U and b of a = W x + U h + b, from da (H,) of each gate."""
    dx = np.sum([W[k].T @ da[k] for k in da], axis=0)
    dh = np.sum([U[k].T @ da[k] for k in da], axis=0)
    return dx, dh, {k: np.outer(da[k], x) for k in da}, {k: np.outer(da[k], h) for k in da}, dict(da)


def zeros(value: Any) -> Any:
    """Zeros of the shape of an array, or of each gate's array."""
    return {k: np.zeros_like(v) for k, v in value.items()} if isinstance(value, Mapping) else np.zeros_like(value)


def add(total: tuple[Any, ...], part: tuple[Any, ...]) -> tuple[Any, ...]:
    """Add entry by entry, for gates gate by gate."""
    return tuple(
        {k: a[k] + b[k] for k in b} if isinstance(b, dict) else a + b for a, b in zip(total, part, strict=True)
    )
