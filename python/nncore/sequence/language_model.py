"""A recurrent language model: reads a text, predicts every next character or word, writes more of the same."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from nncore import _core, nn
from nncore._interrupts import uninterrupted
from nncore._random import seed_of

from . import _checkpoint
from ._network import FIXED, check_parameters, make_network
from ._parameters import NotFittedError, Parameters, check_integer, check_real
from ._training import (
    HISTORY,
    Callback,
    Training,
    bits_per_character,
    fingerprint,
    nats_per_token,
    train,
)
from ._vocabulary import Characters, EncodedText, Ids, Vocabulary, Words, check_text, encode_text

MOST_TOKENS = 10**8  # of one call: hours, and 1.6 GB


class LanguageModel(Parameters):
    """Recurrent model of a text, by characters or by words.

    Embedding → recurrent layers → Dense, trained to predict each token of a text from all before it, by truncated
    back-propagation through time (Williams and Peng 1990): the text runs in parallel streams, their states are
    carried from chunk to chunk, gradients stop at the chunk's beginning. Gradients are clipped (Pascanu et al. 2013),
    the optimizer is Adam.

    Parameters
    ----------
    level : {"char", "word"}, default="char"
        What a token is: a character, or a word between blanks; at word level a line break is a token as well.
    cell : {"lstm", "gru", "elman"}, default="lstm"
        "gru" is the form of PyTorch (``reset_after=True``), "elman" has tanh.
    hidden_size : int, default=128
        Units of each recurrent layer.
    num_layers : int, default=1
        Recurrent layers.
    embedding_dim : int or None, default=None
        Size of the vector of a token; None is `hidden_size`.
    sequence_length : int, default=64
        The most steps that a gradient goes back.
    batch_size : int, default=32
        Parallel streams; fewer where a text is too short to give each of them `sequence_length` steps.
    dropout : float, default=0.0
        Share of the values set to 0 before, between and after the recurrent layers, in training (Zaremba et al. 2014).
    epochs : int, default=10
        Passes over the text in `fit`.
    learning_rate : float, default=2e-3
        Adam's.
    max_grad_norm : float or None, default=1.0
        The gradient is scaled down to this norm; None leaves it.
    early_stopping : bool, default=False
        Hold out the end of the text, stop when its bits per character no longer fall, and keep the best parameters.
    validation_fraction : float, default=0.1
        The share held out.
    n_iter_no_change : int, default=10
        Epochs without an improvement by `tol` that end the training.
    tol : float, default=1e-4
        In bits per character.
    unknown : str or None, default=None
        Token of whatever is not in the vocabulary: a single character, or a word. None refuses unknown characters
        with a ValueError, and is "<unk>" at word level.
    min_count : int, default=1
        Tokens that are rarer in the text of `fit` become `unknown`, which is how its probability is learnt: at word
        level choose 2 or more for texts with new words. At character level it needs `unknown`.
    max_vocab_size : int or None, default=None
        Keep only the most frequent tokens, `unknown` included.
    dtype : {"float32", "float64"}, default="float32"
        The type the network computes in.
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
        Of the initial parameters and of dropout.
    verbose : int, default=0
        1 shows a progress bar where standard error is a terminal.

    Attributes
    ----------
    net_ : nncore.nn.Sequential
        The network; logits (N, T, V) of ids (N, T).
    vocabulary_ : dict of str to int
        Tokens and their ids, in the order of the ids.
    history_ : dict of str to list of float
        Per epoch "bits_per_character" (during the epoch, so before its later steps), "seconds" (of training alone),
        "characters_per_second" and, with early stopping, "validation_bits_per_character"; per training step
        "step_loss", in bits per character too.
    n_iter_ : int
        Epochs done.

    Notes
    -----
    Results are the same bit for bit for any number of threads. Training that was stopped, by Ctrl-C, by an exception
    in a callback or by `save`, goes on with ``fit(text, resume=True)`` and ends bit for bit where it would have
    ended. At word level, bits per character count every character after the first word, blanks too.

    Examples
    --------
    >>> from nncore.sequence import LanguageModel
    >>> model = LanguageModel(hidden_size=32, epochs=60, random_state=0).fit("to be or not to be, " * 50)
    >>> model.generate(20, prompt="to be or ", temperature=0)
    'not to be, to be or '
    """

    net_: nn.Sequential
    history_: dict[str, list[float]]
    n_iter_: int
    vocabulary_: dict[str, int]
    _vocabulary: Vocabulary
    _training: Training
    _fixed: dict[str, Any]
    _first_id: int

    def __init__(
        self,
        level: str = "char",
        cell: str = "lstm",
        hidden_size: int = 128,
        num_layers: int = 1,
        embedding_dim: int | None = None,
        sequence_length: int = 64,
        batch_size: int = 32,
        *,
        dropout: float = 0.0,
        epochs: int = 10,
        learning_rate: float = 2e-3,
        max_grad_norm: float | None = 1.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        unknown: str | None = None,
        min_count: int = 1,
        max_vocab_size: int | None = None,
        dtype: str = "float32",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.level = level
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.embedding_dim = embedding_dim
        self.sequence_length = sequence_length
        self.batch_size = batch_size
        self.dropout = dropout
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.max_grad_norm = max_grad_norm
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.unknown = unknown
        self.min_count = min_count
        self.max_vocab_size = max_vocab_size
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self, text: str, y: object = None, *, resume: bool = False, callback: Callback | None = None
    ) -> LanguageModel:
        """Train on a text, from the beginning or from where training stopped.

        Parameters
        ----------
        text : str
            At least two tokens. Its tokens, those of the held-out part included, are the vocabulary.
        y : None
            Not used; for scikit-learn's sake.
        resume : bool, default=False
            Go on with the training that was interrupted, or that `load` brought, until `epochs` epochs are done.
            `text` must be the same; `epochs`, `learning_rate`, `max_grad_norm`, `n_iter_no_change`, `tol` and
            `verbose` may have changed.
        callback : callable or None
            Called with the model after each training step. An exception from it stops training; the model stays
            usable and can be resumed.

        Returns
        -------
        self : LanguageModel

        Raises
        ------
        FloatingPointError
            Training diverged: the loss or the gradient of a step is not finite, which then is not taken; or, after an
            epoch, a parameter is not finite, or the epoch's mean loss is more than 100 times that of guessing, the
            logarithm of the vocabulary's size. The message names epoch and step; the model keeps its parameters.
        KeyboardInterrupt
            Ctrl-C, after the training step that it met. The model is usable.
        ValueError, TypeError
            A parameter or the text is not usable. The model is as it was.
        """
        check_parameters(self.get_params())
        vocabulary = self._fitted()._vocabulary if resume else self._make_vocabulary(text)
        training_text, held_out = self._split(vocabulary, text)
        if resume:
            self._check_resumable(training_text)
        else:
            self._start(vocabulary, training_text)
        train(self, training_text, held_out, self.epochs, callback)
        return self

    def partial_fit(self, text: str, y: object = None, *, callback: Callback | None = None) -> LanguageModel:
        """Train for one more epoch, on this text.

        The vocabulary and the network stay those of the first call; nothing is held out.

        Parameters
        ----------
        text : str
            At least two tokens.
        y : None
            Not used; for scikit-learn's sake.
        callback : callable or None
            As in `fit`.

        Returns
        -------
        self : LanguageModel

        Raises
        ------
        FloatingPointError, KeyboardInterrupt, ValueError, TypeError
            As `fit`; a character that the first text did not have is a ValueError.
        """
        check_parameters(self.get_params())
        first = not hasattr(self, "net_")
        vocabulary = self._make_vocabulary(text) if first else self._vocabulary
        encoded = encode_text(vocabulary, text)
        if first:
            self._start(vocabulary, encoded)
        else:
            self._training = Training(self._training.optimizer, fingerprint(encoded.ids))
        train(self, encoded, None, self.n_iter_ + 1, callback)
        return self

    def bits_per_character(self, text: str) -> float:
        """Mean of -log2 p over the characters of a text, each given all before it.

        Parameters
        ----------
        text : str
            At least two tokens; the first is given.

        Returns
        -------
        bits : float
            At word level the bits of all words but the first, divided by the number of characters after it.
        """
        model = self._fitted()
        return bits_per_character(model.net_, encode_text(model._vocabulary, text))

    def perplexity(self, text: str) -> float:
        """Exponential of the mean of -ln p over the tokens of a text, each given all before it.

        Parameters
        ----------
        text : str
            At least two tokens; the first is given.

        Returns
        -------
        perplexity : float
            Per character or per word, as `level` has it.
        """
        model = self._fitted()
        with np.errstate(over="ignore"):
            return float(np.exp(nats_per_token(model.net_, encode_text(model._vocabulary, text).ids)))

    def score(self, text: str, y: object = None) -> float:
        """Minus the bits per character of a text: higher is better."""
        return -self.bits_per_character(text)

    def generate(self, n: int, prompt: str = "", temperature: float = 1.0, random_state: Any = None) -> str:
        """Write the next `n` tokens of a text, drawn one after another from the model.

        Parameters
        ----------
        n : int
            Characters, or words; at most 10⁸.
        prompt : str, default=""
            What the text begins with; not part of the result. Where it is empty the model starts after a line
            break, or, where its vocabulary has none, after the first token that it was trained on.
        temperature : float, default=1.0
            Logits are divided by it: below 1 keeps closer to the likely. 0 takes the likeliest token each time.
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None, default=None
            The same seed gives the same text, on any number of threads; None gives another one at each call.

        Returns
        -------
        text : str
        """
        model = self._fitted()
        check_integer("n", n, 0)
        if n > MOST_TOKENS:
            raise ValueError(f"n must be at most {MOST_TOKENS}, but is {n}")
        check_real("temperature", temperature, 0, closed_low=True)
        context = model._vocabulary.encode(check_text(prompt, "prompt"), "prompt")
        if len(context) == 0:
            context = np.array([model._first_id], dtype=np.int64)
        draws = np.empty(n)
        _core.random_uniform(draws, 0.0, 1.0, seed=seed_of(random_state), stream=_core.Stream.GENERATE)
        ids = np.empty(n, dtype=np.int64)
        state = None
        for step in range(n):
            logits, state = model.net_(context[None, :], state=state, return_state=True)
            ids[step] = _draw(logits[0, -1].astype(np.float64), temperature, draws[step])
            context = ids[step : step + 1]
        return model._vocabulary.decode(ids)

    def encode(self, text: str) -> Ids:
        """Ids of the tokens of a text.

        Parameters
        ----------
        text : str
            Any length.

        Returns
        -------
        ids : int64 array of shape (n_tokens,)
        """
        return self._fitted()._vocabulary.encode(check_text(text, "text"))

    def decode(self, ids: Any) -> str:
        """Text of ids; at word level with single blanks between the words of a line.

        Parameters
        ----------
        ids : array-like of int, shape (n_tokens,)
            Each at least 0 and below the size of the vocabulary.

        Returns
        -------
        text : str
        """
        return self._fitted()._vocabulary.decode(self._check_ids(ids))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a safetensors file, with all that goes on training from here.

        Parameters
        ----------
        path : str or os.PathLike
            Replaced whole or not at all. A `random_state` that is no int is not kept.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        _checkpoint.save(self._fitted(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LanguageModel:
        """Model from a file of `save`; ``fit(text, resume=True)`` goes on with its training.

        Parameters
        ----------
        path : str or os.PathLike
            The file.

        Raises
        ------
        ValueError
            The file is damaged, or holds something else. The message names it.
        """
        return _checkpoint.load(cls, path)

    def _fitted(self) -> LanguageModel:
        if not hasattr(self, "net_"):
            raise NotFittedError(f"This {type(self).__name__} is not fitted yet; call fit, partial_fit or load first.")
        return self

    def _make_vocabulary(self, text: str) -> Vocabulary:
        check_text(text, "text")
        if self.level == "char":
            return Characters.of_text(text, self.min_count, self.max_vocab_size, self.unknown)
        return Words.of_text(text, self.min_count, self.max_vocab_size, self.unknown or "<unk>")

    def _split(self, vocabulary: Vocabulary, text: str) -> tuple[EncodedText, EncodedText | None]:
        if not self.early_stopping:
            return encode_text(vocabulary, text), None
        check_text(text, "text")
        cut = vocabulary.token_start(text, round(len(text) * (1 - self.validation_fraction)))
        held_out = f"the last {self.validation_fraction:g} of text, which early_stopping holds out,"
        return encode_text(vocabulary, text[:cut]), encode_text(vocabulary, text[cut:], held_out)

    def _start(self, vocabulary: Vocabulary, text: EncodedText) -> None:
        params = self.get_params()
        net = make_network(params, len(vocabulary.tokens), seed_of(self.random_state))
        description = {
            "first_id": vocabulary.tokens.index("\n") if "\n" in vocabulary.tokens else int(text.ids[0]),
            "history": {name: [] for name in HISTORY},
            "n_iter": 0,
        }
        training = Training(nn.Adam(lr=self.learning_rate), fingerprint(text.ids))
        with uninterrupted():
            self._restore(net, vocabulary, training, {name: params[name] for name in FIXED}, description)

    def _restore(
        self,
        net: nn.Sequential,
        vocabulary: Vocabulary,
        training: Training,
        fixed: dict[str, Any],
        description: dict[str, Any],
    ) -> None:
        self.net_ = net
        self._training = training
        self._fixed = fixed
        self._vocabulary = vocabulary
        self.vocabulary_ = {token: index for index, token in enumerate(vocabulary.tokens)}
        self._first_id = description["first_id"]
        self.history_ = description["history"]
        self.n_iter_ = description["n_iter"]

    def _check_resumable(self, text: EncodedText) -> None:
        for name, value in self._fixed.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"{name} was {value!r} when training began and is {getattr(self, name)!r} now; "
                    f"resume=True goes on with the same {name}"
                )
        if fingerprint(text.ids) != self._training.fingerprint:
            raise ValueError("text is not the one that training was reading; resume=True goes on with the same text")

    def _check_ids(self, ids: Any) -> Ids:
        array = np.asarray(ids)
        if array.size == 0:
            array = array.astype(np.int64)
        if array.dtype.kind not in "iu":
            raise TypeError(f"ids must be integers, but is {array.dtype}")
        if array.ndim != 1:
            raise ValueError(f"ids must have shape (n_tokens,), but has {array.shape}")
        size = len(self.vocabulary_)
        strange = array[(array < 0) | (array >= size)]
        if len(strange):
            raise IndexError(
                f"ids must be at least 0 and below {size}, the size of the vocabulary, but has {strange[0]}"
            )
        return array.astype(np.int64)


def _draw(logits: np.ndarray[Any, np.dtype[np.float64]], temperature: float, uniform: float) -> int:
    """The token at which the cumulated probability passes `uniform`, or the likeliest where `temperature` is 0."""
    if temperature == 0:
        return int(np.argmax(logits))
    with np.errstate(over="ignore"):
        cumulated = np.cumsum(np.exp((logits - logits.max()) / temperature))
    return int(np.searchsorted(cumulated, uniform * cumulated[-1], side="right"))
