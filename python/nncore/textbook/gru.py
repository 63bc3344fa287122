"""The GRU in its two forms, one sequence at a time.

Shapes and the meaning of ``*_backward`` are those of `nncore.textbook.recurrent`; W, U and b hold one array for each
gate letter.
The two forms are different functions: no exact conversion of weights exists between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore.textbook._gates import Gates, add, show_gate, through_gates, zeros
from nncore.textbook._show import Array, show
from nncore.textbook.layers import sigmoid


def gru_step(
    x: Array, h: Array, W: Gates, U: Gates, b: Gates, *, complement_z: bool = False, verbose: bool = False
) -> Array:
    """One step of the GRU (Cho et al. 2014; z as in Chung et al. 2014: the share of the candidate).

    Parameters
    ----------
    x, h : arrays of shape (I,), (H,)
    W, U, b : gates "z", "r" and candidate "h" of shape (H, I), (H, H), (H,)
    complement_z : bool
        Let z be the share of the old state, h_t = z ⊗ h_{t−1} + (1 − z) ⊗ ĥ, as in Cho et al.

    Returns
    -------
    h : array of shape (H,)
    """
    z = sigmoid(W["z"] @ x + U["z"] @ h + b["z"])
    r = sigmoid(W["r"] @ x + U["r"] @ h + b["r"])
    candidate = np.tanh(W["h"] @ x + U["h"] @ (r * h) + b["h"])
    h_t: Array = z * h + (1 - z) * candidate if complement_z else (1 - z) * h + z * candidate
    if verbose:
        show_gate("z", "σ", x, h, W, U, b, z)
        show_gate("r", "σ", x, h, W, U, b, r)
        symbols = {"W": W["h"], "x_t": x, "U": U["h"], "r": r, "h_{t−1}": h, "b_h": b["h"], "z": z, "ĥ": candidate}
        show("ĥ", "tanh(W · x_t + U · (r ⊗ h_{t−1}) + b_h)", symbols, candidate)
        show("h_t", "z ⊗ h_{t−1} + (1 − z) ⊗ ĥ" if complement_z else "(1 − z) ⊗ h_{t−1} + z ⊗ ĥ", symbols, h_t)
    return h_t


def gru(
    x: Array, h: Array, W: Gates, U: Gates, b: Gates, *, complement_z: bool = False, verbose: bool = False
) -> Array:
    """All states of the GRU (Cho et al. 2014); the arguments are `gru_step`'s, with x (T, I).

    Returns
    -------
    states : array of shape (T, H)
    """
    states = np.empty((len(x), len(h)), np.result_type(x, W["z"]))
    for t, x_t in enumerate(x):
        if verbose:
            print(f"t = {t + 1}")
        h = states[t] = gru_step(x_t, h, W, U, b, complement_z=complement_z, verbose=verbose)
    return states


def gru_step_backward(
    x: Array, h: Array, W: Gates, U: Gates, b: Gates, dh: Array, *, complement_z: bool = False, verbose: bool = False
) -> tuple[Any, ...]:
    """Gradients of one GRU step by the chain rule, from dh of its result (Cho et al. 2014).

    Returns
    -------
    dx, dh, dW, dU, db
        Of the shapes of x, h, W, U, b.
    """
    z, r = (sigmoid(W[k] @ x + U[k] @ h + b[k]) for k in "zr")
    n = np.tanh(W["h"] @ x + U["h"] @ (r * h) + b["h"])
    share = 1 - z if complement_z else z
    da_h = dh * share * (1 - n**2)
    d_reset = U["h"].T @ da_h  # gradient by r ⊗ h
    da = {"z": dh * (h - n if complement_z else n - h) * z * (1 - z), "r": d_reset * h * r * (1 - r)}
    if verbose:
        symbols = {"dh": dh, "z": z, "ĥ": n, "h": h, "r": r, "U": U["h"], "da_h": da_h, "share": share}
        show("da_h", "dh ⊗ share ⊗ (1 − ĥ ⊗ ĥ)", symbols, da_h)
        show("da_z", f"dh ⊗ ({'h − ĥ' if complement_z else 'ĥ − h'}) ⊗ z ⊗ (1 − z)", symbols, da["z"])
        show("da_r", "(Uᵀ · da_h) ⊗ h ⊗ r ⊗ (1 − r)", symbols | {"Uᵀ": U["h"].T}, da["r"])
    dx, dh_before, dW, dU, db = through_gates(x, h, W, U, da)
    dh_before = dh_before + dh * (1 - share) + d_reset * r
    dW["h"], dU["h"], db["h"] = np.outer(da_h, x), np.outer(da_h, r * h), da_h
    return dx + W["h"].T @ da_h, dh_before, dW, dU, db


def gru_backward(
    x: Array, h: Array, W: Gates, U: Gates, b: Gates, dh: Array, *, complement_z: bool = False, verbose: bool = False
) -> tuple[Any, ...]:
    """Back-propagation through time of `gru` (Werbos 1990); dh is (T, H).

    Returns
    -------
    dx, dh_0, dW, dU, db
        Of the shapes of x, h, W, U, b.
    """
    states = gru(x, h, W, U, b, complement_z=complement_z)
    dx, carried, total = np.zeros_like(x), np.zeros_like(h), (zeros(W), zeros(U), zeros(b))
    for t in reversed(range(len(x))):
        if verbose:
            print(f"t = {t + 1}")
        before, dh_t = states[t - 1] if t else h, dh[t] + carried
        step = gru_step_backward(x[t], before, W, U, b, dh_t, complement_z=complement_z, verbose=verbose)
        dx[t], carried = step[:2]
        total = add(total, step[2:])
    return dx, carried, *total


def gru_reset_after_step(
    x: Array, h: Array, W: Gates, U: Gates, b_ih: Gates, b_hh: Gates, *, verbose: bool = False
) -> Array:
    """One step of the GRU that resets after the product with U (cuDNN's and PyTorch's ``torch.nn.GRU``).

    Parameters
    ----------
    x, h : arrays of shape (I,), (H,)
    W, U, b_ih, b_hh : gates "r", "z" and candidate "n" of shape (H, I), (H, H), (H,), (H,)

    Returns
    -------
    h : array of shape (H,)
    """
    r = sigmoid(W["r"] @ x + b_ih["r"] + U["r"] @ h + b_hh["r"])
    z = sigmoid(W["z"] @ x + b_ih["z"] + U["z"] @ h + b_hh["z"])
    n = np.tanh(W["n"] @ x + b_ih["n"] + r * (U["n"] @ h + b_hh["n"]))
    h_t: Array = (1 - z) * n + z * h
    if verbose:
        b = {k: b_ih[k] + b_hh[k] for k in "rz"}
        show_gate("r", "σ", x, h, W, U, b, r)
        show_gate("z", "σ", x, h, W, U, b, z)
        symbols = {"W_n": W["n"], "x_t": x, "b_in": b_ih["n"], "r": r, "U_n": U["n"], "b_hn": b_hh["n"]}
        symbols |= {"h_{t−1}": h, "z": z, "n": n}
        show("n", "tanh(W_n · x_t + b_in + r ⊗ (U_n · h_{t−1} + b_hn))", symbols, n)
        show("h_t", "(1 − z) ⊗ n + z ⊗ h_{t−1}", symbols, h_t)
    return h_t


def gru_reset_after(
    x: Array, h: Array, W: Gates, U: Gates, b_ih: Gates, b_hh: Gates, *, verbose: bool = False
) -> Array:
    """All states of PyTorch's GRU; the arguments are `gru_reset_after_step`'s, with x (T, I).

    Returns
    -------
    states : array of shape (T, H)
    """
    states = np.empty((len(x), len(h)), np.result_type(x, W["z"]))
    for t, x_t in enumerate(x):
        if verbose:
            print(f"t = {t + 1}")
        h = states[t] = gru_reset_after_step(x_t, h, W, U, b_ih, b_hh, verbose=verbose)
    return states


def gru_reset_after_step_backward(
    x: Array, h: Array, W: Gates, U: Gates, b_ih: Gates, b_hh: Gates, dh: Array, *, verbose: bool = False
) -> tuple[Any, ...]:
    """Gradients of one step of PyTorch's GRU by the chain rule, from dh of its result.

    Returns
    -------
    dx, dh, dW, dU, db_ih, db_hh
        Of the shapes of x, h, W, U, b_ih, b_hh.
    """
    r, z = (sigmoid(W[k] @ x + b_ih[k] + U[k] @ h + b_hh[k]) for k in "rz")
    u = U["n"] @ h + b_hh["n"]
    n = np.tanh(W["n"] @ x + b_ih["n"] + r * u)
    da_n = dh * (1 - z) * (1 - n**2)
    da = {"r": da_n * u * r * (1 - r), "z": dh * (h - n) * z * (1 - z)}
    if verbose:
        symbols = {"dh": dh, "z": z, "n": n, "r": r, "u": u, "h": h, "da_n": da_n}
        show("da_n", "dh ⊗ (1 − z) ⊗ (1 − n ⊗ n)", symbols, da_n)
        show("da_r", "da_n ⊗ u ⊗ r ⊗ (1 − r)", symbols, da["r"])
        show("da_z", "dh ⊗ (h − n) ⊗ z ⊗ (1 − z)", symbols, da["z"])
    dx, dh_before, dW, dU, db = through_gates(x, h, W, U, da)
    dW["n"], dU["n"] = np.outer(da_n, x), np.outer(da_n * r, h)
    dh_before = dh_before + dh * z + U["n"].T @ (da_n * r)
    return dx + W["n"].T @ da_n, dh_before, dW, dU, db | {"n": da_n}, db | {"n": da_n * r}


def gru_reset_after_backward(
    x: Array, h: Array, W: Gates, U: Gates, b_ih: Gates, b_hh: Gates, dh: Array, *, verbose: bool = False
) -> tuple[Any, ...]:
    """Back-propagation through time of `gru_reset_after` (Werbos 1990); dh is (T, H).

    Returns
    -------
    dx, dh_0, dW, dU, db_ih, db_hh
        Of the shapes of x, h, W, U, b_ih, b_hh.
    """
    states = gru_reset_after(x, h, W, U, b_ih, b_hh)
    dx, carried, total = np.zeros_like(x), np.zeros_like(h), tuple(zeros(p) for p in (W, U, b_ih, b_hh))
    for t in reversed(range(len(x))):
        if verbose:
            print(f"t = {t + 1}")
        before, dh_t = states[t - 1] if t else h, dh[t] + carried
        step = gru_reset_after_step_backward(x[t], before, W, U, b_ih, b_hh, dh_t, verbose=verbose)
        dx[t], carried = step[:2]
        total = add(total, step[2:])
    return dx, carried, *total
