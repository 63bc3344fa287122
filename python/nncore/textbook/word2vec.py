"""word2vec (Mikolov et al. 2013): one update of each objective, and the distributions that the draws come from.

Rows of W (V, d) are the vectors v of words, rows of W′ (outputs, d) the vectors v′ of what is predicted: words, or the
inner nodes of a tree. One update computes everything from the rows as they were before it.
"""

from __future__ import annotations

import heapq

import numpy as np

from nncore.textbook._show import Array, show
from nncore.textbook.layers import sigmoid


def logistic_update(
    X: Array, Y: Array, labels: Array, alpha: float, *, verbose: bool = False
) -> tuple[Array, Array, float]:
    """E = −Σ_ij log σ(±x_i · y_j), + where label_j is 1: a step of length α down its gradient.

    Parameters
    ----------
    X : array of shape (n, d)
        A window's vectors (skip-gram) or their mean (CBOW).
    Y : array of shape (m, d)
        Negative sampling: the centre (label 1) and the words drawn (0). Hierarchical softmax: the nodes of its path (1:
        to the left).
    labels : array of shape (m,)
    alpha : float

    Returns
    -------
    dX, dY, loss : arrays like X and Y, and float
        What is added to X and to Y, and E before the step.
    """
    products = X @ Y.T
    G = alpha * (labels - sigmoid(products))
    loss = float(np.logaddexp(0, np.where(labels, -products, products)).sum())
    if verbose:
        show("G", "α (labels − σ(X · Yᵀ))", {"α": alpha, "labels": labels, "X": X, "Yᵀ": Y.T}, G)
        show("dX", "G · Y", {"G": G, "Y": Y}, G @ Y)
        show("dY", "Gᵀ · X", {"Gᵀ": G.T, "X": X}, G.T @ X)
    return G @ Y, G.T @ X, loss


def softmax_update(
    h: Array, W_out: Array, seen: Array, alpha: float, *, verbose: bool = False
) -> tuple[Array, Array, float]:
    """E = −Σ_{j in seen} log p(j), p(j) = exp(u_j) / Σ_i exp(u_i), u_j = v′_j · h: a step of length α down E.

    Parameters
    ----------
    h : array of shape (d,)
        The centre's vector (skip-gram), or the mean of the context's (CBOW).
    W_out : array of shape (V, d)
    seen : integer array
        The context (skip-gram), or the centre (CBOW).
    alpha : float

    Returns
    -------
    dh, dW_out, loss : arrays of shape (d,) and (V, d), and float
        What is added to h and to W_out, and E before the step.
    """
    u = W_out @ h
    p = np.exp(u - u.max()) / np.exp(u - u.max()).sum()
    e = len(seen) * p - np.bincount(seen, minlength=len(p))
    if verbose:
        show("p", "softmax(W′ · h)", {"W′": W_out, "h": h}, p)
        show("dh", "−α W′ᵀ · e", {"α": alpha, "W′ᵀ": W_out.T, "e": e}, -alpha * W_out.T @ e)
        show("dW′", "−α e · hᵀ", {"α": alpha, "e": e, "hᵀ": h}, -alpha * np.outer(e, h))
    return -alpha * W_out.T @ e, -alpha * np.outer(e, h), -float(np.log(p[seen]).sum())


def keep_probability(counts: Array, t: float, *, paper: bool = False, verbose: bool = False) -> Array:
    """min(1, √(t / f) + t / f), f = count / Σ counts, as gensim and word2vec.c; the paper's is min(1, √(t / f)).

    Parameters
    ----------
    counts : array of shape (V,)
    t : float
        The threshold `sample`.
    paper : bool
        Mikolov et al. (2013): a word is discarded with probability 1 − √(t / f).

    Returns
    -------
    keep : array of shape (V,)
    """
    f = counts / counts.sum()
    keep: Array = np.minimum(1, np.sqrt(t / f) + (0 if paper else t / f))
    if verbose:
        show("keep", "min(1, √(t / f))" if paper else "min(1, √(t / f) + t / f)", {"t": t, "f": f}, keep)
    return keep


def negative_distribution(counts: Array, exponent: float = 0.75, *, verbose: bool = False) -> Array:
    """P(w) = U(w)^¾ / Z: how often each word is drawn as a negative.

    Parameters
    ----------
    counts : array of shape (V,)
    exponent : float

    Returns
    -------
    P : array of shape (V,)
    """
    U = counts.astype(np.float64) ** exponent
    P: Array = U / U.sum()
    if verbose:
        show("P", "U^a / Σ(U^a)", {"U": counts, "a": exponent}, P)
    return P


def huffman_codes(counts: Array, *, verbose: bool = False) -> list[str]:
    """Huffman (1952): the two rarest nodes become one, left "0" and right "1", until one is left.

    Parameters
    ----------
    counts : array of shape (V,)

    Returns
    -------
    codes : list of str
        The way from the root to each word.
    """
    heap = [(int(count), word, [word]) for word, count in enumerate(counts)]
    heapq.heapify(heap)
    codes = [""] * len(counts)
    while len(heap) > 1:
        rarest, second = heapq.heappop(heap), heapq.heappop(heap)
        for digit, (_, _, words) in zip("01", (rarest, second), strict=True):
            for word in words:
                codes[word] = digit + codes[word]
        if verbose:
            show("count", "a + b", {"a": rarest[0], "b": second[0]}, rarest[0] + second[0])
        heapq.heappush(heap, (rarest[0] + second[0], len(counts) + len(heap), rarest[2] + second[2]))
    return codes
