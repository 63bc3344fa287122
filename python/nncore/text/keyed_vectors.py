"""Words and their vectors, with gensim's names."""

from __future__ import annotations

from ._evaluation import Evaluations

__all__ = ["KeyedVectors"]


class KeyedVectors(Evaluations):
    """Vectors by key, with gensim 4's names and results."""
