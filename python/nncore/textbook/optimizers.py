"""One step of each optimizer: parameters w, gradient g, all of one shape; the old values are not changed.

Names and order of the steps are the papers'; where PyTorch differs (L2 weight decay is added to the gradient, the
learning rate multiplies the velocity), PyTorch's form stands here and says so.
"""

from __future__ import annotations

import numpy as np

from nncore.textbook._show import Array, show


def sgd_step(
    w: Array,
    g: Array,
    v: Array,
    lr: float,
    *,
    momentum: float = 0,
    nesterov: bool = False,
    weight_decay: float = 0,
    verbose: bool = False,
) -> tuple[Array, Array]:
    """V ← μ v + g; w ← w − lr v, with Nesterov w − lr (g + μ v) (Polyak 1964; Sutskever et al. 2013, PyTorch's form).

    Parameters
    ----------
    w, g, v : arrays of one shape, v = 0 before the first step

    Returns
    -------
    w, v : arrays of that shape
    """
    g = g + weight_decay * w
    v_t = momentum * v + g
    w_t = w - lr * (g + momentum * v_t if nesterov else v_t)
    if verbose:
        show("v", "μ ⊗ v + g", {"μ": momentum, "v": v, "g": g}, v_t)
        symbols = {"w": w, "lr": lr, "g": g, "μ": momentum, "v": v_t}
        show("w", "w − lr ⊗ (g + μ ⊗ v)" if nesterov else "w − lr ⊗ v", symbols, w_t)
    return w_t, v_t


def rmsprop_step(
    w: Array,
    g: Array,
    s: Array,
    lr: float,
    *,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0,
    verbose: bool = False,
) -> tuple[Array, Array]:
    """S ← α s + (1 − α) g²; w ← w − lr g / (sqrt(s) + ε) (Tieleman and Hinton 2012, lecture 6.5).

    Parameters
    ----------
    w, g, s : arrays of one shape
        s is the running mean of g², 0 before the first step.

    Returns
    -------
    w, s : arrays of that shape
    """
    g = g + weight_decay * w
    s_t = alpha * s + (1 - alpha) * g**2
    w_t = w - lr * g / (np.sqrt(s_t) + eps)
    if verbose:
        show("s", "α ⊗ s + (1 − α) ⊗ g²", {"α": alpha, "s": s, "g²": g**2}, s_t)
        show("w", "w − lr ⊗ g / (sqrt(s) + ε)", {"w": w, "lr": lr, "g": g, "s": s_t, "ε": eps}, w_t)
    return w_t, s_t


def adam_step(
    w: Array, g: Array, m: Array, v: Array, t: int, lr: float = 1e-3, *,
    betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0, verbose: bool = False,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """M ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; w ← w − lr m̂ / (sqrt(v̂) + ε) (Kingma and Ba 2015, algorithm 1).

    Parameters
    ----------
    w, g, m, v : arrays of one shape
    t : int
        Number of this step, from 1: m̂ = m / (1 − β₁^t), v̂ = v / (1 − β₂^t).

    Returns
    -------
    w, m, v : arrays of that shape
    """
    g = g + weight_decay * w
    beta1, beta2 = betas
    m_t, v_t = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m_t / (1 - beta1**t), v_t / (1 - beta2**t)
    w_t = w - lr * m_hat / (np.sqrt(v_hat) + eps)
    if verbose:
        show("m", "β₁ ⊗ m + (1 − β₁) ⊗ g", {"β₁": beta1, "m": m, "g": g}, m_t)
        show("v", "β₂ ⊗ v + (1 − β₂) ⊗ g²", {"β₂": beta2, "v": v, "g²": g**2}, v_t)
        show("w", "w − lr ⊗ m̂ / (sqrt(v̂) + ε)", {"w": w, "lr": lr, "m̂": m_hat, "v̂": v_hat, "ε": eps}, w_t)
    return w_t, m_t, v_t


def adamw_step(
    w: Array,
    g: Array,
    m: Array,
    v: Array,
    t: int,
    lr: float = 1e-3,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    verbose: bool = False,
) -> tuple[Array, Array, Array]:
    """Adam, the decay outside the adapted step: w ← (1 − lr λ) w, then Adam (Loshchilov and Hutter 2019).

    Parameters
    ----------
    w, g, m, v, t
        The arguments of `adam_step`; weight_decay is λ.

    Returns
    -------
    w, m, v : arrays of the shape of w
    """
    decayed = (1 - lr * weight_decay) * w
    if verbose:
        show("w", "(1 − lr ⊗ λ) ⊗ w", {"lr": lr, "λ": weight_decay, "w": w}, decayed)
    return adam_step(decayed, g, m, v, t, lr, betas=betas, eps=eps, verbose=verbose)


def clip_grad_norm(g: Array, max_norm: float, *, verbose: bool = False) -> tuple[Array, float]:
    """G ← g · min(1, max_norm / (‖g‖ + 1e−6)) (Pascanu, Mikolov and Bengio 2013; the 1e−6 is PyTorch's).

    Parameters
    ----------
    g : array of any shape
        All gradients of a network together.

    Returns
    -------
    g, norm : array of that shape, and the norm before clipping
    """
    norm = float(np.sqrt((g**2).sum()))
    clipped = g * min(1.0, max_norm / (norm + 1e-6))
    if verbose:
        show("g", "g ⊗ min(1, max_norm / ‖g‖)", {"g": g, "max_norm": max_norm, "‖g‖": norm}, clipped)
    return np.asarray(clipped), norm
