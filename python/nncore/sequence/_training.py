"""The training loop of a language model, made to be stopped between any two steps and to go on from there."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore import nn
from nncore._interrupts import uninterrupted

from ._streams import Streams
from ._vocabulary import EncodedText, Ids

if TYPE_CHECKING:
    from .language_model import LanguageModel

State = list[Any]
Array = np.ndarray[Any, np.dtype[Any]]
Callback = Callable[["LanguageModel"], object]

HISTORY = ("bits_per_character", "seconds", "characters_per_second", "step_loss")

WORST = 100  # times the loss of guessing: no training that learns something has such an epoch

_LOSS = nn.CrossEntropy()


@dataclass
class Training:
    """Where a training stands: with the network, all that its continuation depends on."""

    optimizer: nn.Adam
    fingerprint: int
    chunk: int = 0
    state: State | None = None
    nats: float = 0.0
    seconds: float = 0.0
    best: float = float("inf")
    epochs_since_best: int = 0
    best_parameters: dict[str, Array] | None = None
    # While the network holds the best parameters: those that training would go on from.
    last_parameters: dict[str, Array] | None = None


def fingerprint(ids: Ids) -> int:
    """A number that another text has hardly ever."""
    return zlib.crc32(np.ascontiguousarray(ids).data, len(ids))


def train(
    model: LanguageModel,
    text: EncodedText,
    held_out: EncodedText | None,
    epochs: int,
    callback: Callback | None,
) -> None:
    """Train until `epochs` epochs are done, or the held-out text has not become more probable for a while.

    Parameters
    ----------
    model : LanguageModel
        Its network, training and history change, always together.
    text, held_out : EncodedText
        The text, and the text that decides when to stop.
    epochs : int
        In all, those of earlier calls included.
    callback : callable or None
        Called with the model after each step.
    """
    net, training = model.net_, model._training
    streams = Streams(text.ids, model.batch_size, model.sequence_length)
    training.optimizer.lr = model.learning_rate
    if training.last_parameters is not None:
        with uninterrupted():
            net.load_state_dict(training.last_parameters)
            training.last_parameters = None
    with _progress(model, streams, epochs) as show:
        while model.n_iter_ < epochs and not (held_out is not None and _stale(model)):
            while training.chunk < streams.n_chunks:
                _step(model, streams, text.bits_per_nat)
                show(streams.size(training.chunk - 1))
                if callback is not None:
                    callback(model)
            _refuse_divergence(model, streams, text.bits_per_nat)
            validation = None if held_out is None else bits_per_character(net, held_out)
            _end_epoch(model, streams, text.bits_per_nat, validation)
    if training.best_parameters is not None:
        with uninterrupted():
            training.last_parameters = net.state_dict()
            net.load_state_dict(training.best_parameters)


def _step(model: LanguageModel, streams: Streams, bits_per_nat: float) -> None:
    training, index = model._training, model._training.chunk
    started = time.perf_counter()
    chunk = streams.chunk(index)
    with uninterrupted():
        try:
            loss, training.state = model.net_.train_step(
                chunk.inputs,
                chunk.targets,
                _LOSS,
                training.optimizer,
                lengths=chunk.lengths,
                state=training.state,
                max_grad_norm=model.max_grad_norm,
                return_state=True,
            )
        except FloatingPointError as error:
            where = f"epoch {model.n_iter_ + 1}, step {index + 1} of {streams.n_chunks}"
            raise _divergence(model, f"{where}: {error}") from None
        training.seconds += time.perf_counter() - started
        training.nats += loss * chunk.size
        training.chunk += 1
        model.history_["step_loss"].append(bits_per_nat * loss)


def _refuse_divergence(model: LanguageModel, streams: Streams, bits_per_nat: float) -> None:
    """FloatingPointError if the epoch's steps, each of a finite loss, have led nowhere."""
    epoch = f"epoch {model.n_iter_ + 1}"
    if not np.isfinite(model.net_.parameters).all():
        raise _divergence(model, f"{epoch}: its last step made parameters that are not finite")
    needed = model._training.nats / streams.n_pairs
    guessing = math.log(len(model.vocabulary_))
    if needed > WORST * guessing:
        raise _divergence(
            model,
            f"{epoch}: it needs {bits_per_nat * needed:.3g} bits per character, more than {WORST} times the "
            f"{bits_per_nat * guessing:.3g} of guessing",
        )


def _divergence(model: LanguageModel, what: str) -> FloatingPointError:
    return FloatingPointError(f"training diverged in {what}; a learning_rate below {model.learning_rate:g} may help")


def _end_epoch(model: LanguageModel, streams: Streams, bits_per_nat: float, validation: float | None) -> None:
    training, history = model._training, model.history_
    with uninterrupted():
        history["bits_per_character"].append(bits_per_nat * training.nats / streams.n_pairs)
        history["seconds"].append(training.seconds)
        characters = streams.n_pairs / (bits_per_nat * math.log(2))
        history["characters_per_second"].append(characters / max(training.seconds, 1e-9))
        model.n_iter_ += 1
        training.chunk, training.state, training.nats, training.seconds = 0, None, 0.0, 0.0
        if validation is not None:
            history.setdefault("validation_bits_per_character", []).append(validation)
            improved = validation < training.best - model.tol
            training.epochs_since_best = 0 if improved else training.epochs_since_best + 1
            if validation < training.best:
                training.best, training.best_parameters = validation, model.net_.state_dict()


def _stale(model: LanguageModel) -> bool:
    return model._training.epochs_since_best >= model.n_iter_no_change


def bits_per_character(net: nn.Sequential, text: EncodedText) -> float:
    """Bits that the network needs per character, after the first token."""
    return text.bits_per_nat * nats_per_token(net, text.ids)


def nats_per_token(net: nn.Sequential, ids: Ids) -> float:
    """Mean of -ln p(token | all tokens before it), over every token but the first."""
    vocabulary_size = len(net["0.weight"])
    steps = max(16, min(1024, 2**22 // vocabulary_size))  # logits and their gradient stay below 32 MB
    total, state, n_pairs = 0.0, None, len(ids) - 1
    for begin in range(0, n_pairs, steps):
        end = min(begin + steps, n_pairs)
        logits, state = net(ids[None, begin:end], state=state, return_state=True)
        total += (end - begin) * _LOSS(logits, ids[None, begin + 1 : end + 1])[0]
    return total / n_pairs


@contextmanager
def _progress(model: LanguageModel, streams: Streams, epochs: int) -> Iterator[Callable[[int], None]]:
    """A function that is told after each step how many tokens it saw."""
    if not model.verbose:
        yield lambda size: None
        return
    from tqdm import tqdm

    done = sum(streams.size(index) for index in range(model._training.chunk))
    unit = "char" if model.level == "char" else "word"
    total = (epochs - model.n_iter_) * streams.n_pairs
    # None: no bar where standard error is not a terminal
    with tqdm(total=total, initial=done, unit=unit, unit_scale=True, disable=None) as bar:

        def show(size: int) -> None:
            loss = model.history_["step_loss"][-1]
            bar.set_description(f"epoch {model.n_iter_ + 1}/{epochs}", refresh=False)
            bar.set_postfix_str(f"{loss:.3f} bits/char", refresh=False)
            bar.update(size)

        yield show
