"""Models of sequences, composed from `nncore.nn`."""

from __future__ import annotations

from .language_model import LanguageModel

__all__ = ["LanguageModel"]
