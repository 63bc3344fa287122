from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core

from ._correlation import Correlation, pearson, spearman
from ._open import reading
from ._similarity import Similarities

Path = str | os.PathLike[str]
Section = dict[str, Any]
Words = tuple[str, ...]

_FUNCTIONS = ("most_similar", "most_similar_cosmul")
_WORDS = 1024  # that are looked at together: their cosines with a thousand words of questions take 4 MB


class Evaluations(Similarities):
    """How good vectors are: the part of `KeyedVectors` that compares them with people's judgements."""

    def evaluate_word_analogies(
        self,
        analogies: Path,
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> tuple[float, list[Section]]:
        """Share of the analogies "a is to b as c is to …" that the vectors solve.

        Parameters
        ----------
        analogies : str or os.PathLike
            A file with four words a line, under headings ``: name``; a line of another number of words is left out.
            It may be compressed (.gz, .bz2, .xz).
        restrict_vocab : int, optional
            Use only the first so many keys.
        case_insensitive : bool
            Compare words in upper case; of keys that are then equal the first counts.
        dummy4unknown : bool
            Count analogies with words that are not there as wrong, rather than leave them out.
        similarity_function : {"most_similar", "most_similar_cosmul"}
            How to solve them: by sums (3CosAdd) or by products (3CosMul).

        Returns
        -------
        score : float
            Share of the right answers; 0 where there is no question.
        sections : list of dict
            "section" (its name), "correct" and "incorrect" (lists of four words) for each heading, and at last for all
            of them, "Total accuracy".

        Raises
        ------
        ValueError
            A question comes before any heading, the file is not UTF-8, or `similarity_function` is another word.
        OSError
            The file cannot be read.
        """
        if similarity_function not in _FUNCTIONS:
            raise ValueError(f"similarity_function must be one of {_FUNCTIONS}, got {similarity_function!r}")
        groups = _groups(self.index_to_key[:restrict_vocab], case_insensitive)
        sections, asked = _read_questions(analogies, case_insensitive)
        known = [all(word in groups for word in words) for _, words in asked]
        rows = [[groups[word] for word in words] for (_, words), there in zip(asked, known, strict=True) if there]
        right = np.zeros(len(asked), bool)
        if rows:
            first = np.array([groups[_fold(key, case_insensitive)] for key in self.index_to_key[:restrict_vocab]])
            found = self._solve(np.array(rows)[:, :3], first, similarity_function == "most_similar_cosmul")
            right[known] = first[found] == np.array(rows)[:, 3]
        total: Section = {"section": "Total accuracy", "correct": [], "incorrect": []}
        for (section, words), there, solved in zip(asked, known, right, strict=True):
            if there or dummy4unknown:
                section["correct" if solved else "incorrect"].append(words)
        for kind in ("correct", "incorrect"):
            total[kind] = [words for section in sections for words in section[kind]]
        questions = len(total["correct"]) + len(total["incorrect"])
        return (len(total["correct"]) / questions if questions else 0.0), [*sections, total]

    def evaluate_word_pairs(
        self,
        pairs: Path,
        delimiter: str = "\t",
        encoding: str = "utf8",
        restrict_vocab: int | None = 300000,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> tuple[Correlation, Correlation, float]:
        """Correlation of the similarities of pairs of words with people's judgements.

        Parameters
        ----------
        pairs : str or os.PathLike
            A file with two words and a number a line; a line that is not so is left out, as is one that begins with
            ``#``. It may be compressed (.gz, .bz2, .xz).
        delimiter : str
            What stands between them.
        encoding : str
            That of the file.
        restrict_vocab : int, optional
            Use only the first so many keys.
        case_insensitive : bool
            Compare words in upper case; of keys that are then equal the first counts.
        dummy4unknown : bool
            Count pairs with words that are not there as of similarity 0, rather than leave them out.

        Returns
        -------
        pearson, spearman : tuple of (float, float)
            Coefficient and two-sided p-value.
        oov_ratio : float
            Percentage of the pairs with a word that is not there.

        Raises
        ------
        ValueError
            There is no pair left.
        OSError
            The file cannot be read.
        """
        groups = _groups(self.index_to_key[:restrict_vocab], case_insensitive)
        judged, computed, absent = [], [], 0
        for first, second, value in _read_pairs(pairs, delimiter, encoding, case_insensitive):
            if first in groups and second in groups:
                computed.append(self.similarity(self.index_to_key[groups[first]], self.index_to_key[groups[second]]))
            else:
                absent += 1
                if not dummy4unknown:
                    continue
                computed.append(0.0)
            judged.append(value)
        if not judged:
            raise ValueError(
                f"{os.fspath(pairs)!r} has no pair of words of this vocabulary in lines of two words and a number "
                f"separated by {delimiter!r}"
            )
        share = 100 * absent / (len(judged) if dummy4unknown else len(judged) + absent)
        return pearson(judged, computed), spearman(judged, computed), share

    def _solve(self, given: NDArray[Any], first: NDArray[Any], products: bool) -> NDArray[Any]:
        """Index of the best answer of each question.

        Similarities add up: those of all words with the few different ones that are asked about are one product of
        matrices, of which a question needs three rows.

        Parameters
        ----------
        given : array of shape (questions, 3)
            Indices of a, b and c.
        first : array of shape (words,)
            For each word the first of those that count as the same; only words that differ from a, b and c are answers.
        products : bool
            3CosMul instead of 3CosAdd.
        """
        asked, places = np.unique(given, return_inverse=True)
        places = np.ascontiguousarray(places.reshape(given.shape), np.int64)
        vectors = self._unit_rows(asked)
        excluded = np.sort(_members(first, given), axis=1)
        best = np.full(len(given), -np.inf, vectors.dtype)
        answers = np.full(len(given), -1, np.int64)
        for at in range(0, len(first), _WORDS):
            block = self._unit_rows(np.arange(at, min(at + _WORDS, len(first))))
            cosines = np.empty((len(vectors), len(block)), vectors.dtype)
            _core.matmul(vectors, np.ascontiguousarray(block.T), None, cosines)
            if products:
                cosines = (1 + cosines) / 2
            _core.best_answers(cosines, at, places, excluded, products, best, answers)
        return answers

    def _unit_rows(self, indices: NDArray[Any]) -> NDArray[Any]:
        rows: NDArray[Any] = self._vectors[indices]
        rows = rows.astype(np.promote_types(rows.dtype, np.float32), copy=False)
        rows /= self._divisors()[indices, None]
        return rows


def _fold(key: Any, case_insensitive: bool) -> Any:
    return key.upper() if case_insensitive and isinstance(key, str) else key


def _groups(keys: list[Any], case_insensitive: bool) -> dict[Any, int]:
    """Of each word, in upper case where that does not matter, the index of its first key."""
    return {_fold(keys[index], case_insensitive): index for index in reversed(range(len(keys)))}


def _members(first: NDArray[Any], given: NDArray[Any]) -> NDArray[Any]:
    """Indices of all words that count as the same as those given, −1 for fewer than the most: (questions, members)."""
    order = np.argsort(first, kind="stable")
    begin = np.searchsorted(first[order], given, "left")
    counts = np.searchsorted(first[order], given, "right") - begin
    steps = np.arange(counts.max())
    found = order[np.minimum(begin[..., None] + steps, len(order) - 1)]
    return np.where(steps < counts[..., None], found, -1).reshape(len(given), -1)


def _read_questions(path: Path, case_insensitive: bool) -> tuple[list[Section], list[tuple[Section, Words]]]:
    sections: list[Section] = []
    asked: list[tuple[Section, Words]] = []
    with reading(path) as file:
        for number, line in enumerate(file, 1):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                raise ValueError(f"{os.fspath(path)!r}, line {number}: not UTF-8 text") from None
            if text.startswith(": "):
                sections.append({"section": text.lstrip(": ").strip(), "correct": [], "incorrect": []})
                continue
            if not sections:
                raise ValueError(f"{os.fspath(path)!r}, line {number}: no heading ': name' stands before it")
            words = tuple(_fold(word, case_insensitive) for word in text.split())
            if len(words) == 4:
                asked.append((sections[-1], words))
    return sections, asked


def _read_pairs(path: Path, delimiter: str, encoding: str, case_insensitive: bool) -> list[tuple[str, str, float]]:
    pairs = []
    with reading(path) as file:
        for number, line in enumerate(file, 1):
            try:
                text = line.decode(encoding)
            except UnicodeDecodeError:
                raise ValueError(f"{os.fspath(path)!r}, line {number}: not {encoding} text") from None
            parts = text.split(delimiter)
            if len(parts) != 3 or text.startswith("#"):
                continue
            try:
                value = float(parts[2])
            except ValueError:
                continue
            pairs.append((_fold(parts[0], case_insensitive), _fold(parts[1], case_insensitive), value))
    return pairs
