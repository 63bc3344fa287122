"""Text as numbers: the characters or the words of a text, each with its id."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Ids = np.ndarray[Any, np.dtype[np.int64]]

_WORD = re.compile(r"\n|\S+")


class Characters:
    """Every character is a token; the ids are in the order of the code points.

    Parameters
    ----------
    tokens : sequence of str
        The characters, by id.
    unknown : str or None
        The token that stands for every other character; None refuses them.
    """

    def __init__(self, tokens: Sequence[str], unknown: str | None = None) -> None:
        self.tokens = list(tokens)
        self.unknown = unknown
        self._codes = np.array([ord(token) for token in self.tokens], dtype=np.uint32)

    @classmethod
    def of_text(cls, text: str, min_count: int, max_size: int | None, unknown: str | None) -> Characters:
        """The characters of a text, rare ones left to `unknown` where there is one."""
        codes, counts = np.unique(_code_points(text), return_counts=True)
        known = {chr(code): int(count) for code, count in zip(codes, counts, strict=True)}
        return cls(sorted(_kept(known, min_count, max_size, unknown)), unknown)

    def encode(self, text: str, name: str = "text") -> Ids:
        """Ids (n_characters,) of a text; ValueError names a character that has none, and the text by its `name`."""
        codes = _code_points(text)
        ids = np.searchsorted(self._codes, codes)
        np.minimum(ids, len(self._codes) - 1, out=ids)
        strange = np.flatnonzero(self._codes[ids] != codes)
        if len(strange) and self.unknown is None:
            first = int(strange[0])
            raise ValueError(
                f"{name} has the character {text[first]!r} (at index {first}), which is not among the "
                f"{len(self.tokens)} characters of the vocabulary; fit with unknown= to accept such characters"
            )
        if len(strange):
            ids[strange] = self.tokens.index(str(self.unknown))
        return ids.astype(np.int64, copy=False)

    def decode(self, ids: Ids) -> str:
        """The text of these ids."""
        return self._codes[ids].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")

    @staticmethod
    def first_token_end(text: str) -> int:
        """Where the first token of a text ends."""
        return min(len(text), 1)

    @staticmethod
    def token_start(text: str, position: int) -> int:
        """Where a token starts, at `position` or the next one after it."""
        return position


class Words:
    r"""Every word between blanks is a token, and so is every line break; other blanks are not kept.

    Parameters
    ----------
    tokens : sequence of str
        The words, by id: frequent ones first.
    unknown : str
        The token that stands for every other word.
    """

    def __init__(self, tokens: Sequence[str], unknown: str = "<unk>") -> None:
        self.tokens = list(tokens)
        self.unknown = unknown
        self._ids = {token: index for index, token in enumerate(self.tokens)}

    @classmethod
    def of_text(cls, text: str, min_count: int, max_size: int | None, unknown: str) -> Words:
        """The words of a text, frequent ones first, rare ones left to `unknown`."""
        return cls(_kept(Counter(_WORD.findall(text)), min_count, max_size, unknown), unknown)

    def encode(self, text: str, name: str = "text") -> Ids:
        """Ids (n_words,) of a text; `name` is what Characters would call it in an error."""
        ids, unknown = self._ids, self._ids[self.unknown]
        return np.array([ids.get(word, unknown) for word in _WORD.findall(text)], dtype=np.int64)

    def decode(self, ids: Ids) -> str:
        """The words of these ids, with a blank between two that stand on one line."""
        line = " ".join(self.tokens[index] for index in ids)
        return re.sub(" ?\n ?", "\n", line)

    @staticmethod
    def first_token_end(text: str) -> int:
        """Where the first token of a text ends."""
        first = _WORD.search(text)
        return first.end() if first else len(text)

    @staticmethod
    def token_start(text: str, position: int) -> int:
        """Where a token starts, at `position` or the next one after it."""
        while 0 < position < len(text) and not text[position - 1].isspace():
            position += 1
        return position


Vocabulary = Characters | Words


class EncodedText(NamedTuple):
    """Tokens of a text, and what turns nats per token into bits per character."""

    ids: Ids
    bits_per_nat: float


def check_text(text: object, name: str) -> str:
    """TypeError unless `text` is a str."""
    if isinstance(text, (bytes, bytearray)):
        raise TypeError(f"{name} must be a str, but is {type(text).__name__}; decode it first: {name}.decode('utf-8')")
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a str, but is {type(text).__name__}")
    return text


def encode_text(vocabulary: Vocabulary, text: str, name: str = "text") -> EncodedText:
    """A text of at least two tokens, so that there is one to predict."""
    ids = vocabulary.encode(check_text(text, name), name)
    if len(ids) < 2:
        unit = "characters" if isinstance(vocabulary, Characters) else "words or line breaks"
        raise ValueError(f"{name} must have at least 2 {unit}, so that there is one to predict, but has {len(ids)}")
    characters = len(text) - vocabulary.first_token_end(text)
    return EncodedText(ids, (len(ids) - 1) / characters / math.log(2))


def _code_points(text: str) -> np.ndarray[Any, np.dtype[np.uint32]]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32, copy=False)


def _kept(counts: dict[str, int], min_count: int, max_size: int | None, unknown: str | None) -> list[str]:
    """The tokens that get an id of their own, frequent first, equally frequent ones in alphabetical order."""
    counts = {token: count for token, count in counts.items() if count >= min_count or token == unknown}
    if unknown is not None:
        counts.setdefault(unknown, 0)
    tokens = sorted(counts, key=lambda token: (-counts[token], token))
    if max_size is not None and len(tokens) > max_size and unknown is not None:
        tokens = tokens[:max_size]
        if unknown not in tokens:
            tokens[-1] = unknown
    return tokens
