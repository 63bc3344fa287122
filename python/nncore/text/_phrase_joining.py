"""What `Phrases` and `FrozenPhrases` share: finding and joining the phrases of a sentence, and their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, ClassVar

from numpy.typing import NDArray

from nncore._files import read_model, write_model
from nncore.text._phrase_scores import SCORERS, Scorer
from nncore.text._sources import Path, Sentences
from nncore.text._words_file import word_arrays, words_of


class Joined:
    """A corpus with its phrases joined while it is read."""

    def __init__(self, phrases: Transformation, sentences: Sentences) -> None:
        self._phrases, self._sentences = phrases, sentences

    def __iter__(self) -> Iterator[list[str]]:
        return map(self._phrases.join, self._sentences)

    def __len__(self) -> int:
        return len(self._sentences)  # type: ignore[arg-type]  # where the corpus has a length


class Transformation:
    """Words that are joined where `score_candidate` says so."""

    kind: ClassVar[str]
    min_count: int
    threshold: float
    delimiter: str
    scoring: Scorer
    connector_words: frozenset[str]

    def score_candidate(self, word_a: str, word_b: str, in_between: list[str]) -> tuple[str, float] | tuple[None, None]:
        """Phrase and score of two words with connectors between them; (None, None) where they are no phrase."""
        raise NotImplementedError

    def analyze_sentence(self, sentence: Iterable[str]) -> Iterator[tuple[str, float | None]]:
        """The sentence's phrases, each with its score, and its other words, with None.

        From left to right: a word that ended a phrase does not begin another one. A phrase neither begins nor ends
        with a connector.
        """
        start: str | None = None
        between: list[str] = []
        for word in sentence:
            if word in self.connector_words:
                if start is None:
                    yield word, None
                else:
                    between.append(word)
                continue
            if start is not None:
                phrase, score = self.score_candidate(start, word, between)
                if phrase is not None:
                    yield phrase, score
                    start, between = None, []
                    continue
                yield start, None
                yield from ((connector, None) for connector in between)
            start, between = word, []
        if start is not None:
            yield start, None
            yield from ((connector, None) for connector in between)

    def join(self, sentence: Iterable[str]) -> list[str]:
        """The sentence, its phrases joined to one word each."""
        return [token for token, _ in self.analyze_sentence(sentence)]

    def __getitem__(self, sentence: Iterable[Any]) -> Any:
        """Join the phrases of a sentence, or, while they are read, of all sentences of a corpus.

        Parameters
        ----------
        sentence : list of str, or iterable of lists of str
            A sentence or a corpus, by what its first item is.

        Returns
        -------
        list of str, or iterable of lists of str
            The iterable can be read as often as the corpus.
        """
        items = iter(sentence)
        once = items is sentence
        try:
            first = next(items)
        except StopIteration:
            return []
        whole = chain([first], items)
        if isinstance(first, str):
            return self.join(whole)
        return Joined(self, whole if once else sentence)

    def find_phrases(self, sentences: Sentences) -> dict[str, float]:
        """The phrases that a corpus has, with their scores."""
        found = chain.from_iterable(map(self.analyze_sentence, sentences))
        return {phrase: score for phrase, score in found if score is not None}

    def description(self) -> dict[str, Any]:
        names = [name for name, scorer in SCORERS.items() if scorer is self.scoring]
        if not names:
            raise ValueError('a file can hold scoring "default" and "npmi" only, not a function: pickle the object')
        return {
            "min_count": self.min_count,
            "threshold": self.threshold,
            "delimiter": self.delimiter,
            "scoring": names[0],
            "connector_words": sorted(self.connector_words),
        }

    def write(self, path: Path, words: list[str], numbers: NDArray[Any], more: dict[str, Any]) -> None:
        write_model(path, self.kind, {**self.description(), **more}, {**word_arrays(words), "numbers": numbers})

    @classmethod
    def read(cls, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """Description, with scoring and connectors as attributes have them, and words with their numbers."""
        description, arrays = read_model(path, cls.kind)
        try:
            description["scoring"] = SCORERS[description["scoring"]]
            description["connector_words"] = frozenset(description["connector_words"])
            return description, dict(zip(words_of(arrays), arrays["numbers"].tolist(), strict=True))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path!r} is damaged: {error}") from None
