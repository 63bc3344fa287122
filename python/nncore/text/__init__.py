"""Words: vocabularies, n-grams, co-occurrence counts and word vectors, with gensim's names."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nncore.text._cooccurrence import cooccurrence
    from nncore.text._from_gensim import from_gensim
    from nncore.text._svd_embedding import SVDEmbedding
    from nncore.text.keyed_vectors import KeyedVectors
    from nncore.text.ngrams import NGramModel
    from nncore.text.phrases import FrozenPhrases, Phrases
    from nncore.text.readers import LineSentence, PathLineSentences, Text8Corpus
    from nncore.text.vocabulary import Vocabulary
    from nncore.text.word2vec import Word2Vec

__all__ = [
    "FrozenPhrases",
    "KeyedVectors",
    "LineSentence",
    "NGramModel",
    "PathLineSentences",
    "Phrases",
    "SVDEmbedding",
    "Text8Corpus",
    "Vocabulary",
    "Word2Vec",
    "cooccurrence",
    "from_gensim",
]

_MODULES = {
    "FrozenPhrases": "phrases",
    "KeyedVectors": "keyed_vectors",
    "LineSentence": "readers",
    "NGramModel": "ngrams",
    "PathLineSentences": "readers",
    "Phrases": "phrases",
    "SVDEmbedding": "_svd_embedding",
    "Text8Corpus": "readers",
    "Vocabulary": "vocabulary",
    "Word2Vec": "word2vec",
    "cooccurrence": "_cooccurrence",
    "from_gensim": "_from_gensim",
}


def __getattr__(name: str) -> Any:
    """Imports a class or function on first use."""
    if name in _MODULES:
        return getattr(importlib.import_module(f"nncore.text.{_MODULES[name]}"), name)
    if name in ("Doc2Vec", "FastText"):
        raise AttributeError(f"nncore.text has no {name}: gensim has it")
    raise AttributeError(f"module 'nncore.text' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
