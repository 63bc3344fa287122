"""Returns, planning and learning with a table, and hill climbing.

S states, A actions. P is an array (A, S, S) of probabilities, P[a, s, s'], and R an array (S, A) of mean rewards; Q is
(S, A), V is (S,).
"""

from __future__ import annotations

import numpy as np

from nncore.textbook._show import Array, show


def finite_horizon_return(rewards: Array, h: int, *, verbose: bool = False) -> float:
    """Σ_{i<h} r_{t+i}.

    Parameters
    ----------
    rewards : array of shape (T,)
        r_t, r_{t+1}, …
    h : int
    """
    result = float(np.sum(rewards[:h]))
    if verbose:
        show("G", "Σ r", {"r": rewards[:h]}, result)
    return result


def discounted_return(rewards: Array, gamma: float, *, verbose: bool = False) -> float:
    """Σ γ^i r_{t+i}.

    Parameters
    ----------
    rewards : array of shape (T,)
    gamma : float
    """
    result = 0.0
    for r in reversed(rewards):
        result = r + gamma * result
    if verbose:
        show("G", "Σ γ^i r", {"γ": gamma, "r": rewards}, result)
    return float(result)


def average_return(rewards: Array, *, verbose: bool = False) -> float:
    """(1/h) Σ_{i<h} r_{t+i}.

    Parameters
    ----------
    rewards : array of shape (h,)
    """
    result = float(np.sum(rewards) / len(rewards))
    if verbose:
        show("G", "Σ r / h", {"r": rewards, "h": len(rewards)}, result)
    return result


def bellman_backup(P: Array, R: Array, V: Array, gamma: float, *, verbose: bool = False) -> tuple[Array, Array]:
    """Q(s, a) = R(s, a) + γ Σ_s' P(s' | s, a) V(s'); V(s) = max_a Q(s, a) (Bellman 1957).

    Parameters
    ----------
    P : array of shape (A, S, S)
    R : array of shape (S, A)
    V : array of shape (S,)
    gamma : float

    Returns
    -------
    Q : array of shape (S, A)
    V : array of shape (S,)
    """
    Q = R + gamma * (P @ V).T
    if verbose:
        show("Q", "R + γ P V", {"R": R, "γ": gamma, "P": P, "V": V}, Q)
        show("V", "max_a Q", {"Q": Q}, Q.max(axis=1))
    return Q, Q.max(axis=1)


def policy_values(P: Array, R: Array, policy: Array, gamma: float, *, verbose: bool = False) -> Array:
    """V = (I − γ P_π)⁻¹ R_π, the values of a policy (Howard 1960).

    Parameters
    ----------
    P : array of shape (A, S, S)
    R : array of shape (S, A)
    policy : array of shape (S,)
        Actions.
    gamma : float

    Returns
    -------
    V : array of shape (S,)
    """
    states = np.arange(len(R))
    P_pi, R_pi = P[policy, states], R[states, policy]
    V = np.linalg.solve(np.eye(len(R)) - gamma * P_pi, R_pi)
    if verbose:
        show("V", "(I − γ P_π)⁻¹ R_π", {"γ": gamma, "P_π": P_pi, "R_π": R_pi}, V)
    return np.asarray(V)


def relative_value_step(P: Array, R: Array, V: Array, *, verbose: bool = False) -> tuple[float, Array]:
    """V'(s) = max_a [R(s, a) + Σ_s' P(s' | s, a) V(s')]; ρ = V'(0) − V(0), V = V' − V'(0) (White 1963).

    Parameters
    ----------
    P : array of shape (A, S, S)
    R : array of shape (S, A)
    V : array of shape (S,)

    Returns
    -------
    rho : float
        Average reward, in the limit.
    V : array of shape (S,)
    """
    new = (R + (P @ V).T).max(axis=1)
    rho = float(new[0] - V[0])
    if verbose:
        show("V'", "max_a (R + P V)", {"R": R, "P": P, "V": V}, new)
        show("ρ", "V'(0) − V(0)", {"V'(0)": new[0], "V(0)": V[0]}, rho)
    return rho, new - new[0]


def td0_update(
    V: Array, s: int, r: float, s2: int, eta: float, gamma: float, end: bool = False, *, verbose: bool = False
) -> Array:
    """V(s) ← V(s) + η [r + γ V(s') − V(s)], without V(s') at an end (Sutton 1988).

    Parameters
    ----------
    V : array of shape (S,)
    s, r, s2 : int, float, int
    eta, gamma : float
    end : bool

    Returns
    -------
    V : array of shape (S,)
        A new one.
    """
    new, follows = np.array(V, np.float64), 0.0 if end else V[s2]
    new[s] = V[s] + eta * (r + gamma * follows - V[s])
    if verbose:
        numbers = {"V(s)": V[s], "η": eta, "r": r, "γ": gamma, "V(s')": follows}
        show(f"V({s})", "V(s) + η [r + γ V(s') − V(s)]", numbers, new[s])
    return new


def q_learning_update(
    Q: Array, s: int, a: int, r: float, s2: int, eta: float, gamma: float, end: bool = False, *, verbose: bool = False
) -> Array:
    """Q(s, a) ← Q(s, a) + η [r + γ max_b Q(s', b) − Q(s, a)], without the max at an end (Watkins 1989).

    Parameters
    ----------
    Q : array of shape (S, A)
    s, a, r, s2 : int, int, float, int
    eta, gamma, end : float, float, bool

    Returns
    -------
    Q : array of shape (S, A)
    """
    new, best = np.array(Q, np.float64), 0.0 if end else Q[s2].max()
    new[s, a] = Q[s, a] + eta * (r + gamma * best - Q[s, a])
    if verbose:
        numbers = {"Q(s,a)": Q[s, a], "η": eta, "r": r, "γ": gamma, "max_b Q(s',b)": best}
        show(f"Q({s},{a})", "Q(s,a) + η [r + γ max_b Q(s',b) − Q(s,a)]", numbers, new[s, a])
    return new


def epsilon_greedy(q: Array, epsilon: float, *, verbose: bool = False) -> Array:
    """p(a) = ε / A + (1 − ε) [a is best] / (number of best ones).

    Parameters
    ----------
    q : array of shape (A,)
    epsilon : float

    Returns
    -------
    p : array of shape (A,)
    """
    best = (q == q.max()) / np.sum(q == q.max())
    p = epsilon / len(q) + (1 - epsilon) * best
    if verbose:
        show("p", "ε / A + (1 − ε) best", {"ε": epsilon, "A": len(q), "best": best}, p)
    return np.asarray(p)


def boltzmann(q: Array, T: float, *, verbose: bool = False) -> Array:
    """p(a) = exp(q_a / T) / Σ_b exp(q_b / T).

    Parameters
    ----------
    q : array of shape (A,)
    T : float

    Returns
    -------
    p : array of shape (A,)
    """
    e = np.exp((q - q.max()) / T)
    p = e / e.sum()
    if verbose:
        show("p", "exp(q / T) / Σ exp(q / T)", {"q": q, "T": T}, p)
    return np.asarray(p)


def hill_climbing_step(
    champion: Array, mutant: Array, F_champion: float, F_mutant: float, alpha: float, *, verbose: bool = False
) -> Array:
    """θ_champ ← (1 − α) θ_champ + α θ_mutant if F(θ_mutant) > F(θ_champ).

    Parameters
    ----------
    champion, mutant : array of shape (W,)
    F_champion, F_mutant : float
        Mean returns on the same tasks.
    alpha : float

    Returns
    -------
    champion : array of shape (W,)
    """
    share = alpha if F_mutant > F_champion else 0.0
    new = (1 - share) * champion + share * mutant
    if verbose:
        show("θ_champ", "(1 − α) θ_champ + α θ_mutant", {"α": share, "θ_champ": champion, "θ_mutant": mutant}, new)
    return np.asarray(new)
