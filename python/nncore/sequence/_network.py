"""What the parameters of a language model mean: their limits, and the network that they describe."""

from __future__ import annotations

from typing import Any

from nncore import nn

from ._parameters import check_choice, check_integer, check_real

# What a training that is under way cannot change.
FIXED = (
    "level",
    "cell",
    "hidden_size",
    "num_layers",
    "embedding_dim",
    "sequence_length",
    "batch_size",
    "dropout",
    "early_stopping",
    "validation_fraction",
    "dtype",
)


def check_parameters(params: dict[str, Any]) -> None:
    """ValueError or TypeError naming the first parameter that is not usable."""
    check_choice("level", params["level"], ("char", "word"))
    check_choice("cell", params["cell"], ("lstm", "gru", "elman"))
    check_choice("dtype", params["dtype"], ("float32", "float64"))
    for name in (
        "hidden_size",
        "num_layers",
        "sequence_length",
        "batch_size",
        "epochs",
        "n_iter_no_change",
        "min_count",
    ):
        check_integer(name, params[name], 1)
    for name, low in (("embedding_dim", 1), ("max_vocab_size", 2)):
        if params[name] is not None:
            check_integer(name, params[name], low)
    check_integer("verbose", params["verbose"], 0)
    check_real("dropout", params["dropout"], 0, 1, closed_low=True)
    check_real("learning_rate", params["learning_rate"], 0, 1e38)  # finite in float32
    if params["max_grad_norm"] is not None:
        check_real("max_grad_norm", params["max_grad_norm"], 0)
    check_real("validation_fraction", params["validation_fraction"], 0, 1)
    check_real("tol", params["tol"], 0, closed_low=True)
    if not isinstance(params["early_stopping"], bool):
        raise TypeError(f"early_stopping must be True or False, but is {params['early_stopping']!r}")
    _check_unknown(params)


def _check_unknown(params: dict[str, Any]) -> None:
    unknown, is_char = params["unknown"], params["level"] == "char"
    if unknown is not None and not isinstance(unknown, str):
        raise TypeError(f"unknown must be a str or None, but is {unknown!r}")
    if unknown is not None and is_char and len(unknown) != 1:
        raise ValueError(f"unknown must be a single character with level='char', but is {unknown!r}")
    if unknown is not None and not is_char and unknown.split() != [unknown]:
        raise ValueError(f"unknown must be a word without blanks, but is {unknown!r}")
    for name, harmless in (("min_count", 1), ("max_vocab_size", None)):
        if is_char and unknown is None and params[name] != harmless:
            raise ValueError(f"{name}={params[name]} drops characters, so unknown must be a character, but is None")


def make_network(params: dict[str, Any], vocabulary_size: int, seed: int) -> nn.Sequential:
    """The network of checked parameters: ids (N, T) to logits (N, T, vocabulary_size)."""
    hidden = int(params["hidden_size"])
    embedding = hidden if params["embedding_dim"] is None else int(params["embedding_dim"])
    dropout, num_layers = float(params["dropout"]), int(params["num_layers"])
    layers: list[Any] = [nn.Embedding(vocabulary_size, embedding)]
    if dropout == 0:
        layers.append(_recurrent(params["cell"], embedding, hidden, num_layers))
    else:
        for index in range(num_layers):
            layers += [nn.Dropout(dropout), _recurrent(params["cell"], hidden if index else embedding, hidden, 1)]
        layers.append(nn.Dropout(dropout))
    layers.append(nn.Dense(hidden, vocabulary_size))
    return nn.Sequential(layers, dtype=params["dtype"], seed=seed)


def _recurrent(cell: str, input_size: int, hidden_size: int, num_layers: int) -> Any:
    if cell == "gru":
        return nn.GRU(input_size, hidden_size, num_layers, reset_after=True)
    return (nn.LSTM if cell == "lstm" else nn.Elman)(input_size, hidden_size, num_layers)
