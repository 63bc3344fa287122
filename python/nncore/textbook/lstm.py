"""The LSTM, one sequence at a time.

Shapes and the meaning of ``*_backward`` are those of `nncore.textbook.recurrent`; W, U and b hold one array for each
gate letter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore.textbook._gates import Gates, add, show_gate, through_gates, zeros
from nncore.textbook._show import Array, show
from nncore.textbook.layers import sigmoid


def lstm_step(
    x: Array, h: Array, c: Array, W: Gates, U: Gates, b: Gates, *, verbose: bool = False
) -> tuple[Array, Array]:
    """One step of the LSTM (Hochreiter and Schmidhuber 1997; forget gate: Gers, Schmidhuber and Cummins 2000).

    Parameters
    ----------
    x, h, c : arrays of shape (I,), (H,), (H,)
    W, U, b : gates "f", "i", "g", "o" of shape (H, I), (H, H), (H,)

    Returns
    -------
    h, c : arrays of shape (H,)
    """
    f = sigmoid(W["f"] @ x + U["f"] @ h + b["f"])
    i = sigmoid(W["i"] @ x + U["i"] @ h + b["i"])
    g = np.tanh(W["g"] @ x + U["g"] @ h + b["g"])
    o = sigmoid(W["o"] @ x + U["o"] @ h + b["o"])
    c_t = c * f + i * g
    h_t = np.tanh(c_t) * o
    if verbose:
        for name, squash, value in ("f", "σ", f), ("i", "σ", i), ("g", "tanh", g), ("o", "σ", o):
            show_gate(name, squash, x, h, W, U, b, value)
        show("c_t", "c_{t−1} ⊗ f + i ⊗ g", {"c_{t−1}": c, "f": f, "i": i, "g": g}, c_t)
        show("h_t", "tanh(c_t) ⊗ o", {"c_t": c_t, "o": o}, h_t)
    return h_t, c_t


def lstm(x: Array, h: Array, c: Array, W: Gates, U: Gates, b: Gates, *, verbose: bool = False) -> tuple[Array, Array]:
    """All states and cells of the LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000).

    Parameters
    ----------
    x, h, c : arrays of shape (T, I), (H,), (H,)
        h and c are the state before the first step.
    W, U, b : gates "f", "i", "g", "o" of shape (H, I), (H, H), (H,)

    Returns
    -------
    states, cells : arrays of shape (T, H)
    """
    states = np.empty((len(x), len(h)), np.result_type(x, W["f"]))
    cells = np.empty_like(states)
    for t, x_t in enumerate(x):
        if verbose:
            print(f"t = {t + 1}")
        h, c = states[t], cells[t] = lstm_step(x_t, h, c, W, U, b, verbose=verbose)
    return states, cells


def lstm_step_backward(
    x: Array, h: Array, c: Array, W: Gates, U: Gates, b: Gates, dh: Array, dc: Array, *, verbose: bool = False
) -> tuple[Any, ...]:
    """Gradients of one LSTM step by the chain rule, from dh and dc of its results (Gers et al. 2000).

    Returns
    -------
    dx, dh, dc, dW, dU, db
        Of the shapes of x, h, c, W, U, b.
    """
    f, i, o = (sigmoid(W[k] @ x + U[k] @ h + b[k]) for k in "fio")
    g = np.tanh(W["g"] @ x + U["g"] @ h + b["g"])
    squashed = np.tanh(c * f + i * g)
    dc_t = dc + dh * o * (1 - squashed**2)
    slopes = {"f": dc_t * c, "i": dc_t * g, "g": dc_t * i, "o": dh * squashed}
    da = {k: slopes[k] * s * (1 - s) for k, s in (("f", f), ("i", i), ("o", o))} | {"g": slopes["g"] * (1 - g**2)}
    if verbose:
        symbols = {"dc_t": dc_t, "dc": dc, "dh": dh, "th": squashed, "f": f, "i": i, "g": g, "o": o, "c": c}
        show("dc_t", "dc + dh ⊗ o ⊗ (1 − th²)", symbols | {"th²": squashed**2}, dc_t)
        show("da_f", "dc_t ⊗ c ⊗ f ⊗ (1 − f)", symbols, da["f"])
        show("da_i", "dc_t ⊗ g ⊗ i ⊗ (1 − i)", symbols, da["i"])
        show("da_g", "dc_t ⊗ i ⊗ (1 − g²)", symbols | {"g²": g**2}, da["g"])
        show("da_o", "dh ⊗ th ⊗ o ⊗ (1 − o)", symbols, da["o"])
    dx, dh_before, dW, dU, db = through_gates(x, h, W, U, da)
    return dx, dh_before, dc_t * f, dW, dU, db


def lstm_backward(
    x: Array, h: Array, c: Array, W: Gates, U: Gates, b: Gates, dh: Array, dc: Array, *, verbose: bool = False
) -> tuple[Any, ...]:
    """Back-propagation through time of `lstm` (Werbos 1990; Graves and Schmidhuber 2005 for the full gradient).

    Parameters
    ----------
    x, h, c, W, U, b
        The arguments of `lstm`.
    dh, dc : arrays of shape (T, H), (H,)
        dc is the gradient by the last cell.

    Returns
    -------
    dx, dh_0, dc_0, dW, dU, db
        Of the shapes of x, h, c, W, U, b.
    """
    states, cells = lstm(x, h, c, W, U, b)
    dx, carried, total = np.zeros_like(x), np.zeros_like(h), (zeros(W), zeros(U), zeros(b))
    for t in reversed(range(len(x))):
        if verbose:
            print(f"t = {t + 1}")
        h_before, c_before = (states[t - 1], cells[t - 1]) if t else (h, c)
        step = lstm_step_backward(x[t], h_before, c_before, W, U, b, dh[t] + carried, dc, verbose=verbose)
        dx[t], carried, dc = step[:3]
        total = add(total, step[3:])
    return dx, carried, dc, *total
