"""Words as arrays, for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def word_arrays(words: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The words' UTF-8, one behind the other, and the length of each."""
    texts = [word.encode() for word in words]
    return {
        "words": np.frombuffer(b"".join(texts), np.uint8),
        "lengths": np.fromiter(map(len, texts), np.int64, len(texts)),
    }


def words_of(arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """The words again; ValueError where the lengths are not theirs."""
    text, lengths = arrays["words"].tobytes(), arrays["lengths"]
    ends = np.cumsum(lengths).tolist()
    if lengths.ndim != 1 or (lengths < 0).any() or (ends[-1] if ends else 0) != len(text):
        raise ValueError("its words are not as long as it says")
    return [text[start:end].decode() for start, end in zip([0, *ends], ends, strict=False)]
