"""How strongly two words belong together."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

Scorer = Callable[..., float]
_PARAMETERS = ("worda_count", "wordb_count", "bigram_count", "len_vocab", "min_count", "corpus_word_count")


def original_scorer(
    worda_count: int, wordb_count: int, bigram_count: int, len_vocab: int, min_count: int, corpus_word_count: int
) -> float:
    """Score (n_ab − min_count) · V / (n_a · n_b) of a pair, V the number of different words and pairs."""
    together = worda_count * wordb_count
    return (bigram_count - min_count) / float(together) * len_vocab if together else -math.inf


def npmi_scorer(
    worda_count: int, wordb_count: int, bigram_count: int, len_vocab: int, min_count: int, corpus_word_count: int
) -> float:
    """Normalized information ln(p_ab / (p_a · p_b)) / −ln p_ab of a pair, from −1 to 1 (Bouma 2009)."""
    if bigram_count < min_count:
        return -math.inf
    total = float(corpus_word_count)
    pa, pb, pab = worda_count / total, wordb_count / total, bigram_count / total
    try:
        return math.log(pab / (pa * pb)) / -math.log(pab)
    except (ValueError, ZeroDivisionError):
        return -math.inf


SCORERS: dict[str, Scorer] = {"default": original_scorer, "npmi": npmi_scorer}


def checked_scorer(scoring: str | Scorer) -> Scorer:
    if isinstance(scoring, str):
        if scoring not in SCORERS:
            raise ValueError(f'scoring must be "default", "npmi" or a function, but came as {scoring!r}')
        return SCORERS[scoring]
    if not callable(scoring):
        raise TypeError(f'scoring must be "default", "npmi" or a function, but came as {type(scoring).__name__}')
    missing = [name for name in _PARAMETERS if name not in inspect.signature(scoring).parameters]
    if missing:
        raise ValueError(f"scoring must be a function with the parameters {', '.join(_PARAMETERS)}; it lacks {missing}")
    return scoring
