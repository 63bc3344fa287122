"""Layers: descriptions without arrays. A `Sequential` makes the arrays."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nncore.nn import _checks

_MOST = 2**31 - 1  # of one size; products are checked by the core
ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus")


def _size(name: str, value: Any) -> int:
    size = _checks.whole_number(name, value)
    if not 1 <= size <= _MOST:
        raise ValueError(f"{name} must be from 1 to {_MOST}, but is {size}")
    return size


@dataclass(frozen=True)
class Layer:
    """What all layers share."""

    _kind: ClassVar[str]

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if item.type == "int":
                object.__setattr__(self, item.name, _size(item.name, value))
            elif item.type == "bool":
                object.__setattr__(self, item.name, _checks.flag(item.name, value))

    def _core_description(self) -> dict[str, Any]:
        """Return what the core builds the layer from."""
        raise NotImplementedError


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer: y = φ(W x + b).

    Parameters
    ----------
    in_features, out_features : int
        Width of x and of y.
    activation : {"relu", "leaky_relu", "tanh", "sigmoid", "elu", "softplus"}, optional
        φ; none by default. leaky_relu has the slope 0.01 below 0, elu has α = 1.
    bias : bool
        Whether there is a b.
    tied : str, optional
        Name of a weight of a layer before, "0.weight", that this layer shares: the transpose of a Dense layer's (the
        decoder of an autoencoder), or an Embedding's as it is.

    Notes
    -----
    Parameters "weight" (out_features, in_features) and "bias" (out_features), uniform in ±1/√in_features at first, as
    in PyTorch.
    """

    in_features: int
    out_features: int
    activation: str | None = None
    bias: bool = True
    tied: str | None = field(default=None, kw_only=True)

    _kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation is not None and self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be None or one of {', '.join(ACTIVATIONS)}, but is {self.activation!r}")
        if self.tied is not None and not isinstance(self.tied, str):
            raise TypeError(f"tied must be the name of a weight, such as '0.weight', but is {self.tied!r}")

    def _core_description(self) -> dict[str, Any]:
        return {
            "kind": self._kind,
            "input": self.in_features,
            "output": self.out_features,
            "activation": self.activation or "none",
            "bias": self.bias,
            "tied": self.tied or "",
        }


@dataclass(frozen=True)
class Embedding(Layer):
    """A row of a table for each id; the first layer of a network that takes integers.

    Parameters
    ----------
    num_embeddings : int
        Ids are in [0, num_embeddings).
    embedding_dim : int
        Width of a row.

    Notes
    -----
    Parameter "weight" (num_embeddings, embedding_dim), standard normal at first, as in PyTorch.
    """

    num_embeddings: int
    embedding_dim: int

    _kind: ClassVar[str] = "embedding"

    def _core_description(self) -> dict[str, Any]:
        return {"kind": self._kind, "input": self.num_embeddings, "output": self.embedding_dim}


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each value is 0 with probability `p`, else divided by 1 − p (Srivastava et al. 2014).

    Parameters
    ----------
    p : float
        In [0, 1].
    """

    p: float

    _kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        value = _checks.number("p", self.p)
        if value > 1:
            raise ValueError(f"p must be in [0, 1], but is {value:g}")
        object.__setattr__(self, "p", value)

    def _core_description(self) -> dict[str, Any]:
        return {"kind": self._kind, "p": self.p}


@dataclass(frozen=True)
class BatchNorm(Layer):
    """y = γ (x − μ) / √(σ² + 1e-5) + β, over the rows of a batch (Ioffe & Szegedy 2015).

    In inference with running averages of μ and σ² (momentum 0.1). Padding of uneven sequences does not count.

    Parameters
    ----------
    features : int
        Width of x.

    Notes
    -----
    Parameters "weight" (γ, ones at first) and "bias" (β, zeros); buffers "running_mean", "running_var" and
    "num_batches_tracked".
    """

    features: int

    _kind: ClassVar[str] = "batch_norm"

    def _core_description(self) -> dict[str, Any]:
        return {"kind": self._kind, "input": self.features}


@dataclass(frozen=True)
class LastStep(Layer):
    """The last valid step of each sequence: (N, T, F) becomes (N, F). Zeros for a sequence of length 0."""

    _kind: ClassVar[str] = "last_step"

    def _core_description(self) -> dict[str, Any]:
        return {"kind": self._kind}


@dataclass(frozen=True)
class Recurrent(Layer):
    """What Elman, LSTM and GRU share."""

    input_size: int
    hidden_size: int
    num_layers: int = 1

    def _recurrent_description(self, bidirectional: bool, bias: bool, **own: bool) -> dict[str, Any]:
        return {
            "kind": self._kind,
            "input": self.input_size,
            "output": self.hidden_size,
            "num_layers": self.num_layers,
            "bidirectional": bidirectional,
            "bias": bias,
            **own,
        }


@dataclass(frozen=True)
class Elman(Recurrent):
    """A simple recurrent network: h_t = φ(W x_t + U h_{t−1} + b) (Elman 1990).

    Parameters
    ----------
    input_size, hidden_size : int
        Width of x_t and of h_t.
    num_layers : int
        Layers stacked on each other.
    nonlinearity : {"tanh", "relu"}
        φ.
    bidirectional : bool
        A second pass against time; outputs side by side, (N, T, 2 hidden_size).
    bias : bool
        Whether there are biases.

    Notes
    -----
    Parameters as in PyTorch's RNN: "weight_ih_l0" (H, I), "weight_hh_l0" (H, H), "bias_ih_l0", "bias_hh_l0" (H); then
    "_l1", …; "_reverse" for the second direction. Uniform in ±1/√H at first.
    """

    nonlinearity: str = field(default="tanh", kw_only=True)
    bidirectional: bool = field(default=False, kw_only=True)
    bias: bool = field(default=True, kw_only=True)

    _kind: ClassVar[str] = "elman"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity must be 'tanh' or 'relu', but is {self.nonlinearity!r}")

    def _core_description(self) -> dict[str, Any]:
        return self._recurrent_description(self.bidirectional, self.bias, relu=self.nonlinearity == "relu")


@dataclass(frozen=True)
class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

    i, f, o = σ(W x_t + U h_{t−1} + b), g = tanh(W x_t + U h_{t−1} + b), c_t = f ⊗ c_{t−1} + i ⊗ g, h_t = o ⊗ tanh(c_t).

    Parameters
    ----------
    input_size, hidden_size : int
        Width of x_t and of h_t.
    num_layers : int
        Layers stacked on each other.
    bidirectional : bool
        A second pass against time; outputs side by side, (N, T, 2 hidden_size).
    bias : bool
        Whether there are biases.

    Notes
    -----
    Parameters, layout and order of gates (i, f, g, o) as in PyTorch: "weight_ih_l0" (4H, I), "weight_hh_l0" (4H, H),
    "bias_ih_l0", "bias_hh_l0" (4H); then "_l1", …; "_reverse" for the second direction. Uniform in ±1/√H at first.
    """

    bidirectional: bool = field(default=False, kw_only=True)
    bias: bool = field(default=True, kw_only=True)

    _kind: ClassVar[str] = "lstm"

    def _core_description(self) -> dict[str, Any]:
        return self._recurrent_description(self.bidirectional, self.bias)


@dataclass(frozen=True)
class GRU(Recurrent):
    """A gated recurrent unit, in one of its two forms; they are different functions.

    r, z = σ(W x_t + U h_{t−1} + b). With ``reset_after=False`` (Cho et al. 2014) n = tanh(W x_t + U (r ⊗ h_{t−1}) + b)
    and h_t = (1 − z) ⊗ h_{t−1} + z ⊗ n; with ``reset_after=True`` (PyTorch's and cuDNN's form)
    n = tanh(W x_t + b + r ⊗ (U h_{t−1} + b')) and h_t = (1 − z) ⊗ n + z ⊗ h_{t−1}.

    Parameters
    ----------
    input_size, hidden_size : int
        Width of x_t and of h_t.
    num_layers : int
        Layers stacked on each other.
    reset_after : bool
        Which form.
    bidirectional : bool
        A second pass against time; outputs side by side, (N, T, 2 hidden_size).
    bias : bool
        Whether there are biases.

    Notes
    -----
    Parameters and order of gates (r, z, n) as in PyTorch: "weight_ih_l0" (3H, I), "weight_hh_l0" (3H, H) and
    "bias_ih_l0", "bias_hh_l0" (3H); with ``reset_after=False`` there is one bias, "bias_l0", and a PyTorch
    `state_dict` is refused. Uniform in ±1/√H at first.
    """

    reset_after: bool = field(default=False, kw_only=True)
    bidirectional: bool = field(default=False, kw_only=True)
    bias: bool = field(default=True, kw_only=True)

    _kind: ClassVar[str] = "gru"

    def _core_description(self) -> dict[str, Any]:
        return self._recurrent_description(self.bidirectional, self.bias, reset_after=self.reset_after)


LAYERS: dict[str, type[Layer]] = {
    kind.__name__: kind for kind in (Dense, Embedding, Dropout, BatchNorm, LastStep, Elman, LSTM, GRU)
}


def layer_to_json(layer: Layer) -> dict[str, Any]:
    """Return a layer's description in JSON's types."""
    return {"type": type(layer).__name__, **dataclasses.asdict(layer)}


def layer_from_json(description: Any) -> Layer:
    """Return the layer that `layer_to_json` described; ValueError for anything else."""
    try:
        settings = dict(description)
        return LAYERS[settings.pop("type")](**settings)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{description!r} does not describe a layer: {error}") from None
