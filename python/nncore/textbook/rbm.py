"""Restricted Boltzmann machines (Smolensky 1986; Hinton 2002): W (V, H), visible biases b (V), hidden biases c (H).

`gaussian=True` has real visible units of variance 1 in the place of units of 0 and 1.
"""

from __future__ import annotations

import numpy as np

from nncore.textbook._show import Array, show
from nncore.textbook.layers import sigmoid


def rbm_energy(
    v: Array, h: Array, W: Array, b: Array, c: Array, *, gaussian: bool = False, verbose: bool = False
) -> float:
    """E(v, h) = −(Σ b_i v_i + Σ c_j h_j + Σ v_i w_ij h_j); Σ (v_i − b_i)²/2 in the place of −Σ b_i v_i if Gaussian."""
    visible = float(np.square(v - b).sum() / 2 if gaussian else -b @ v)
    energy = visible - float(c @ h) - float(v @ W @ h)
    if verbose:
        first = "‖v − b‖²/2" if gaussian else "−bᵀ · v"
        numbers = {"b": b, "bᵀ": b, "cᵀ": c, "v": v, "vᵀ": v, "h": h, "W": W}
        show("E", f"{first} − cᵀ · h − vᵀ · W · h", numbers, energy)
    return energy


def rbm_free_energy(v: Array, W: Array, b: Array, c: Array, *, gaussian: bool = False, verbose: bool = False) -> float:
    """F(v) = −log Σ_h exp(−E(v, h)) = −bᵀv − Σ_j log(1 + exp(c_j + Σ_i v_i w_ij)); ‖v − b‖²/2 first if Gaussian."""
    x = c + v @ W
    energy = float(np.square(v - b).sum() / 2 if gaussian else -b @ v) - float(np.logaddexp(0, x).sum())
    if verbose:
        show("x", "c + v·W", {"c": c, "v": v, "W": W}, x)
        first = "‖v − b‖²/2" if gaussian else "−bᵀ · v"
        show("F", f"{first} − Σ log(1 + exp(x))", {"b": b, "bᵀ": b, "v": v, "x": x}, energy)
    return energy


def rbm_hidden(v: Array, W: Array, c: Array, *, verbose: bool = False) -> Array:
    """p(h = 1 | v) = σ(c + v·W)."""
    p = sigmoid(c + v @ W)
    if verbose:
        show("p(h = 1 | v)", "σ(c + v·W)", {"c": c, "v": v, "W": W}, p)
    return p


def rbm_visible(h: Array, W: Array, b: Array, *, gaussian: bool = False, verbose: bool = False) -> Array:
    """p(v = 1 | h) = σ(b + h·Wᵀ); if Gaussian the mean of v, b + h·Wᵀ."""
    x = b + h @ W.T
    result = x if gaussian else sigmoid(x)
    if verbose:
        name, formula = ("mean of v", "b + h·Wᵀ") if gaussian else ("p(v = 1 | h)", "σ(b + h·Wᵀ)")
        show(name, formula, {"b": b, "h": h, "Wᵀ": W.T}, result)
    return result


def contrastive_divergence(
    v0: Array, W: Array, b: Array, c: Array, k: int, seed: int = 0, *, verbose: bool = False
) -> tuple[Array, Array, Array]:
    """CD-k: ΔW = v₀ᵀ·p(h | v₀) − v_kᵀ·p(h | v_k), Δb = v₀ − v_k, Δc = p(h | v₀) − p(h | v_k), means over rows.

    Each of the k steps draws h from p(h | v), and v from p(v | h).
    """
    rng = np.random.default_rng(seed)
    p0 = p = rbm_hidden(v0, W, c, verbose=verbose)
    v = v0
    for _ in range(k):
        h = (rng.random(p.shape) < p).astype(float)
        q = rbm_visible(h, W, b, verbose=verbose)
        v = (rng.random(q.shape) < q).astype(float)
        p = rbm_hidden(v, W, c, verbose=verbose)
    dW = (v0.T @ p0 - v.T @ p) / len(v0)
    if verbose:
        numbers = {"v₀ᵀ": v0.T, "p₀": p0, "v_kᵀ": v.T, "p_k": p, "n": len(v0)}
        show("ΔW", "(v₀ᵀ·p₀ − v_kᵀ·p_k) / n", numbers, dW)
    return dW, (v0 - v).mean(0), (p0 - p).mean(0)


def rbm_states(n: int) -> Array:
    """All states of n units, (2^n, n): row s has bit i of s at place i."""
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(float)


def rbm_log_partition(W: Array, b: Array, c: Array, *, verbose: bool = False) -> float:
    """Z = Σ_v exp(−F(v)) over all states of the visible units; log Z."""
    energies = np.array([rbm_free_energy(v, W, b, c) for v in rbm_states(len(b))])
    result = float(np.logaddexp.reduce(-energies))
    if verbose:
        show("log Z", "log Σ exp(−F)", {"F": energies}, result)
    return result


def rbm_gradient(V: Array, W: Array, b: Array, c: Array, *, verbose: bool = False) -> tuple[Array, Array, Array]:
    """D mean log p(v) / dW = ⟨v h⟩ of the rows of V − ⟨v h⟩ of the machine, which is enumerated; and by b and c."""
    states = rbm_states(len(b))
    p = np.exp([-rbm_free_energy(v, W, b, c) - rbm_log_partition(W, b, c) for v in states])
    data, model = rbm_hidden(V, W, c), rbm_hidden(states, W, c)
    dW = V.T @ data / len(V) - (states * p[:, None]).T @ model
    if verbose:
        numbers = {"⟨v h⟩_data": V.T @ data / len(V), "⟨v h⟩_model": (states * p[:, None]).T @ model}
        show("∂ log p / ∂W", "⟨v h⟩_data − ⟨v h⟩_model", numbers, dW)
    return dW, V.mean(0) - p @ states, data.mean(0) - p @ model


def annealed_importance_sampling(
    W: Array, b: Array, c: Array, a: Array, betas: Array, chains: int, seed: int = 0, *, verbose: bool = False
) -> Array:
    """Logarithms of weights whose mean is Z / Z₀, Z₀ = 2^H Π (1 + exp(a_i)) (Salakhutdinov & Murray 2008).

    log p*_β(v) = (1 − β) aᵀv + β bᵀv + Σ_j log(1 + exp(β (c_j + Σ_i v_i w_ij))).
    """

    def log_p(v: Array, beta: float) -> Array:
        """Log p*_β(v)."""
        return np.asarray(v @ ((1 - beta) * a + beta * b) + np.logaddexp(0, beta * (c + v @ W)).sum(1))

    rng = np.random.default_rng(seed)
    v = (rng.random((chains, len(b))) < sigmoid(a)).astype(float)
    log_weights = np.zeros(chains)
    for t in range(1, len(betas)):
        before, beta = betas[t - 1], betas[t]
        log_weights += log_p(v, beta) - log_p(v, before)
        if verbose:
            show("log w", "log w + log p*_β(v) − log p*_before(v)", {"β": beta}, log_weights)
        p = sigmoid(beta * (c + v @ W))
        h = (rng.random(p.shape) < p).astype(float)
        q = sigmoid((1 - beta) * a + beta * (b + h @ W.T))
        v = (rng.random(q.shape) < q).astype(float)
    return log_weights


def pseudo_likelihood(v: Array, W: Array, b: Array, c: Array, *, verbose: bool = False) -> float:
    """Σ_i log p(v_i | the other v) = −Σ_i log(1 + exp(F(v) − F(v with v_i flipped)))."""
    energy = rbm_free_energy(v, W, b, c)
    flipped = np.array([rbm_free_energy(np.where(np.arange(len(v)) == i, 1 - v, v), W, b, c) for i in range(len(v))])
    result = -float(np.logaddexp(0, energy - flipped).sum())
    if verbose:
        show("Σ log p(v_i | …)", "−Σ log(1 + exp(F − F_i))", {"F": energy, "F_i": flipped}, result)
    return result
