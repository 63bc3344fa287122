"""Counting words: n-grams, co-occurrence, and vectors by a singular value decomposition.

Sentences are lists of words, V is the number of distinct ones. C is an array of counts with an axis of length V for
each word of an n-gram: those of the context in order, and the word that follows it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncore.textbook._show import Array, show

Sentences = Sequence[Sequence[str]]


def word_list(sentences: Sentences, *, verbose: bool = False) -> list[str]:
    """The distinct words, by descending frequency, then first sight.

    Parameters
    ----------
    sentences : list of list of str

    Returns
    -------
    words : list of str
        V of them.
    """
    counts: dict[str, int] = {}
    for sentence in sentences:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
    words = sorted(counts, key=lambda word: -counts[word])
    if verbose:
        show("V", "|{words}|", {"{words}": " ".join(words)}, len(words))
    return words


def ngram_counts(sentences: Sentences, words: Sequence[str], n: int = 2, *, verbose: bool = False) -> Array:
    """C[w_1, …, w_n] = number of times that w_1 … w_n stand side by side (Shannon 1948).

    Parameters
    ----------
    sentences : list of list of str
    words : list of str
        V words; all that come.
    n : int

    Returns
    -------
    C : array of shape (V,) * n
    """
    index = {word: i for i, word in enumerate(words)}
    C = np.zeros((len(words),) * n)
    for sentence in sentences:
        ids = [index[word] for word in sentence]
        for t in range(len(ids) - n + 1):
            C[tuple(ids[t : t + n])] += 1
    if verbose:
        show("ΣC", "Σ(T − n + 1)", {"T": np.array([len(s) for s in sentences]), "n": n}, C.sum())
    return C


def ngram_probabilities(C: Array, *, verbose: bool = False) -> Array:
    """p(w | context) = C[context, w] / Σ_v C[context, v]; 0 after a context that never came (Shannon 1948).

    Parameters
    ----------
    C : array of shape (V,) * n

    Returns
    -------
    p : array of shape (V,) * n
    """
    total = C.sum(axis=-1, keepdims=True)
    p = C / np.where(total > 0, total, 1)
    if verbose:
        show("p", "C / ΣC", {"C": C, "ΣC": total}, p)
    return np.asarray(p)


def add_k_probabilities(C: Array, k: float = 1.0, *, verbose: bool = False) -> Array:
    """p(w | context) = (C[context, w] + k) / (Σ_v C[context, v] + k V) (Lidstone 1920; k = 1 is Laplace's).

    Parameters
    ----------
    C : array of shape (V,) * n
    k : float

    Returns
    -------
    p : array of shape (V,) * n
    """
    V, total = C.shape[-1], C.sum(axis=-1, keepdims=True)
    p = (C + k) / (total + k * V)
    if verbose:
        show("p", "(C + k) / (ΣC + k V)", {"C": C, "k": k, "ΣC": total, "V": V}, p)
    return np.asarray(p)


def kneser_ney_probabilities(counts: Sequence[Array], discounts: Sequence[float], *, verbose: bool = False) -> Array:
    """p(w | c) = (max(N[c, w] − D, 0) + D kinds(c) p(w | c')) / T(c), interpolated (Chen & Goodman 1999).

    T(c) is the sum of N[c, ·] and kinds(c) the number of its entries above 0; c' is c without its first word. For the
    longest n-grams N is their count C, for shorter ones N[c', w] is the number of words v with C[v, c', w] > 0. Where
    T(c) is 0, p(w | c) is p(w | c'); below the single word it is 1 / V.

    Parameters
    ----------
    counts : list of arrays of shape (V,), (V, V), ..., (V,) * n
        C of words, of pairs and so on; see `ngram_counts`.
    discounts : list of float
        D for contexts of no word, of one, and so on: n of them, from 0 to 1.

    Returns
    -------
    p : array of shape (V,) * n
    """
    p = np.full(len(counts[0]), 1 / len(counts[0]))
    for j, D in enumerate(discounts):
        N = counts[j] if j + 1 == len(counts) else (counts[j + 1] > 0).sum(axis=0)
        total, kinds = N.sum(axis=-1, keepdims=True), (N > 0).sum(axis=-1, keepdims=True)
        shorter = p
        p = (np.maximum(N - D, 0) + D * kinds * shorter) / np.where(total > 0, total, 1)
        p = np.where(total > 0, p, shorter)
        if verbose:
            numbers = {"N": N, "D": D, "kinds": kinds, "p'": shorter, "T": total}
            show("p", "(max(N − D, 0) + D kinds p') / T", numbers, p)
    return p


def perplexity(p: Array, *, verbose: bool = False) -> float:
    """exp(−(1/T) Σ_t log p_t): among how many equally likely words one would hesitate (Jelinek et al. 1977).

    Parameters
    ----------
    p : array of shape (T,)
        Probability of each word of a text after its context, above 0.
    """
    result = float(np.exp(-np.log(p).mean()))
    if verbose:
        show("perplexity", "exp(−mean(log(p)))", {"p": p}, result)
    return result


def cooccurrence_counts(
    sentences: Sentences, words: Sequence[str], window: int = 2, *, harmonic: bool = False, verbose: bool = False
) -> Array:
    """X[a, b] = Σ of the weights of b's places at distance 1 ≤ d ≤ window of a's; 1, or 1/d (Pennington et al. 2014).

    Parameters
    ----------
    sentences : list of list of str
    words : list of str
        V words; all that come.
    window : int
    harmonic : bool

    Returns
    -------
    X : array of shape (V, V)
        Symmetric.
    """
    index = {word: i for i, word in enumerate(words)}
    X = np.zeros((len(words), len(words)))
    for sentence in sentences:
        for t, a in enumerate(sentence):
            for d, b in enumerate(sentence[t + 1 : t + 1 + window], start=1):
                X[index[a], index[b]] += 1 / d if harmonic else 1
    if verbose:
        show("X", "right + rightᵀ", {"right": X, "rightᵀ": X.T}, X + X.T)
    return X + X.T


def ppmi(X: Array, context_smoothing: float = 1.0, shift: float = 1.0, *, verbose: bool = False) -> Array:
    """M = max(0, log(X / (row p)) − log(shift)), p = col^a / Σ col^a (Church & Hanks 1990; Levy et al. 2015).

    Parameters
    ----------
    X : array of shape (V, C)
        Counts; row and col are the sums of its rows and columns.
    context_smoothing : float
        a.
    shift : float

    Returns
    -------
    M : array of shape (V, C)
    """
    row, col = X.sum(axis=1, keepdims=True), X.sum(axis=0)
    p = np.where(col > 0, np.maximum(col, 1e-300) ** context_smoothing, 0)
    p = p / p.sum()
    expected = row * p
    ratio = np.divide(X, expected, out=np.zeros_like(expected), where=X > 0)
    M = np.maximum(np.log(np.maximum(ratio / shift, 1e-300)), 0)
    if verbose:
        show("M", "max(0, log(X / (row p)) − log(shift))", {"X": X, "row": row, "p": p, "shift": shift}, M)
    return np.asarray(M)


def svd_embedding(M: Array, k: int, power: float = 0.5, *, verbose: bool = False) -> Array:
    """Rows of U_k Σ_k^power of M = U Σ Vᵀ (Eckart & Young 1936), each column of V with its greatest component positive.

    Parameters
    ----------
    M : array of shape (V, C)
    k : int
        At most min(V, C).
    power : float
        0 for U, 1 for U Σ.

    Returns
    -------
    vectors : array of shape (V, k)
    """
    U, S, Vt = np.linalg.svd(M, full_matrices=False)
    signs = np.sign(Vt[np.arange(k), np.abs(Vt[:k]).argmax(axis=1)])
    vectors = U[:, :k] * signs * S[:k] ** power
    if verbose:
        show("vectors", "U ⊗ Σ^power", {"U": U[:, :k] * signs, "Σ": S[:k], "power": power}, vectors)
    return np.asarray(vectors)
