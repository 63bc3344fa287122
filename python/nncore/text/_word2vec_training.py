"""The loop of Word2Vec.train: epochs, chunks, progress, callbacks, and where an interrupted training stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore import _core
from nncore._interrupts import is_held_back, uninterrupted
from nncore.text._corpus import EncodedCorpus
from nncore.text._finite import all_finite, first_strange

if TYPE_CHECKING:
    from nncore.text.word2vec import Word2Vec

NAMES = {"_input": "wv.vectors", "_negative": "syn1neg", "_tree": "syn1"}
MAPPED_WORDS = 1 << 18  # of a call, where their ids lie in a file and are read into memory
CALL_SECONDS = 0.2  # Ctrl-C is answered between calls, and within one that takes long


@dataclass
class Position:
    """A training and how far it has come."""

    epochs: int
    start_alpha: float
    end_alpha: float
    size: int  # of the ids
    checksum: int
    epoch: int = 0
    chunk: int = 0
    # Of this epoch
    words: int = 0
    pairs: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    # Of all epochs
    trained_words: int = 0
    total_loss: float = 0.0

    @property
    def chunks(self) -> int:
        """Chunks of an epoch."""
        return -(-self.size // int(_core.WORD2VEC_CHUNK))

    @property
    def done(self) -> float:
        """The part of the training that is done."""
        within = self.chunk / self.chunks if self.chunks else 1.0
        return min(1.0, (self.epoch + within) / self.epochs)

    def continues(self, other: Position) -> bool:
        """Whether `other` begins the same training on the same corpus, and this one has not come to its end."""
        if self.epoch >= self.epochs:
            return False
        first = ("epochs", "start_alpha", "end_alpha", "size", "checksum")
        return all(getattr(self, name) == getattr(other, name) for name in first)

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


def begin(model: Word2Vec, corpus: EncodedCorpus, epochs: int, start_alpha: float, end_alpha: float) -> Position:
    """A new training, or the one that was interrupted."""
    position = Position(epochs, start_alpha, end_alpha, len(corpus.ids), corpus.checksum())
    if model._unfinished is not None and model._unfinished.continues(position):
        return model._unfinished
    return position


def run(model: Word2Vec, corpus: EncodedCorpus, position: Position, callbacks: Sequence[Any]) -> None:
    """Train to the end. An exception, Ctrl-C for one, leaves the model as it then is, and the position in it."""
    for name in ("_input", "_negative", "_tree"):
        matrix = getattr(model, name)
        if matrix is not None and not all_finite(matrix):
            row = first_strange(matrix)
            of = f"row {row}" if name == "_tree" else f"that of {model.wv.index_to_key[row]!r}"
            raise ValueError(f"{NAMES[name]} must be finite, but {of} is not: nothing was trained")
    training = model._make_training()
    model._unfinished = position
    model.running_training_loss = position.total_loss
    words, count = model.wv.index_to_key, len(model.wv)

    def tell(moment: str) -> None:
        call(callbacks, moment, model)
        if model.wv.index_to_key is not words or len(words) != count:
            model._unfinished = None
            raise RuntimeError(
                "the vocabulary must stay as it is during train, but a callback has sorted or changed it: the training "
                "ends here"
            )
        model._adopt_vectors()  # a callback may have put others in their place

    tell("on_train_begin")
    with _progress(model, corpus, position) as show:
        while position.epoch < position.epochs:
            if position.chunk == 0:
                tell("on_epoch_begin")
            _train_epoch(model, training, corpus, position, show)
            if not all_finite(model._input):
                raise _diverged(position)
            with uninterrupted():
                _end_epoch(model, corpus, position)
            tell("on_epoch_end")
    model._unfinished = None
    call(callbacks, "on_train_end", model)


def _train_epoch(
    model: Word2Vec,
    training: Any,
    corpus: EncodedCorpus,
    position: Position,
    show: Callable[[Position], None],
) -> None:
    least = _core.WORD2VEC_ROUND if model.deterministic else 1
    most = max(least, MAPPED_WORDS // int(_core.WORD2VEC_CHUNK)) if corpus.is_mapped else position.chunks
    count, restart = least, True
    while position.chunk < position.chunks:
        begin = position.chunk
        end = min(begin + count, position.chunks)
        started = time.perf_counter()
        with uninterrupted():
            words, pairs, losses = training.train(
                *model._matrices(),
                model.vector_size,
                corpus.ids,
                begin,
                end,
                position.epoch,
                model._epochs_begun,
                position.start_alpha,
                position.end_alpha,
                float(position.epochs),
                model.workers,
                deterministic=model.deterministic,
                restart=restart,
                stop=is_held_back,
            )
            seconds = time.perf_counter() - started
            position.chunk += len(losses)
            position.words += words
            position.pairs += pairs
            for loss in losses.tolist():  # one after the other: calls of any length have the same sums
                position.loss += loss
                position.total_loss += loss
            position.seconds += seconds
            position.trained_words += words
            model.running_training_loss = position.total_loss
        if not np.isfinite(position.loss):
            raise _diverged(position)
        corpus.let_go()
        restart = len(losses) < end - begin  # what was given up has left its traces in the copies
        count = min(_next_count(count, CALL_SECONDS / max(seconds, 1e-9), least), most)
        show(position)


def _diverged(position: Position) -> FloatingPointError:
    return FloatingPointError(
        f"training diverged in epoch {position.epoch + 1} of {position.epochs}, after {position.words} of its "
        f"words: the vectors are no longer finite; an alpha below {position.start_alpha:g} may help"
    )


def _next_count(count: int, factor: float, least: int) -> int:
    """Chunks of the next call, so that it takes as long as it should."""
    wanted = int(count * min(factor, 8.0))
    return max(least, wanted // least * least)


def _end_epoch(model: Word2Vec, corpus: EncodedCorpus, position: Position) -> None:
    history = model.history_
    history["loss"].append(position.loss / position.pairs if position.pairs else float("nan"))
    history["words_per_second"].append(corpus.raw_words / max(position.seconds, 1e-9))
    model._epochs_begun += 1
    model.total_train_time += position.seconds
    position.epoch += 1
    position.chunk = position.words = position.pairs = 0
    position.loss = position.seconds = 0.0
    model._forget_norms()


def call(callbacks: Sequence[Any], moment: str, model: Word2Vec) -> None:
    """Tell every callback that has a method for this moment."""
    for callback in callbacks:
        method = getattr(callback, moment, None)
        if method is not None:
            method(model)


@contextmanager
def _progress(model: Word2Vec, corpus: EncodedCorpus, position: Position) -> Iterator[Callable[[Position], None]]:
    """A function that is told after each call how far the training has come."""
    if not model.verbose:
        yield lambda position: None
        return
    from tqdm import tqdm

    total = corpus.raw_words * position.epochs
    # None: no bar where standard error is not a terminal
    with tqdm(total=total, initial=int(position.done * total), unit="word", unit_scale=True, disable=None) as bar:

        def show(position: Position) -> None:
            bar.set_description(f"epoch {min(position.epoch + 1, position.epochs)}/{position.epochs}", refresh=False)
            if position.pairs:
                bar.set_postfix_str(f"loss {position.loss / position.pairs:.3f}", refresh=False)
            bar.update(int(position.done * total) - bar.n)

        yield show
