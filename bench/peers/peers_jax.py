"""The same layers, steps and networks in JAX.

Compiled functions over `lax.scan`, time first, with the product with x before the scan and weights (in, out), as Flax
has them: on a CPU all of that is faster than its opposite. So is dispatch in the calling thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import harness
import numpy as np
from numpy.typing import NDArray

jax: Any = harness.peer("jax")
optax: Any = harness.peer("optax")
jnp, sigmoid = jax.numpy, jax.nn.sigmoid

Array = NDArray[Any]
State = tuple[Any, ...]

version: str = jax.__version__


def set_threads(threads: int) -> None:
    """Their number is the harness's affair: XLA looks at the environment and at the cores when it starts."""
    jax.config.update("jax_cpu_enable_async_dispatch", False)


def _lstm(state: State, a: Any, u: Any, b: Any) -> State:
    h, c = state
    i, f, g, o = jnp.split(a + h @ u + b, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


def _gru(state: State, a: Any, u: Any, b: Any) -> State:
    (h,) = state
    (ar, az, an), (ur, uz, un) = jnp.split(a, 3, axis=-1), jnp.split(h @ u + b, 3, axis=-1)
    z = sigmoid(az + uz)
    n = jnp.tanh(an + sigmoid(ar + ur) * un)
    return ((1 - z) * n + z * h,)


def _gru_before(state: State, a: Any, u: Any, b: Any) -> State:
    """The form U(r ⊗ h), whose z is the share of the candidate; its one bias is in `a`."""
    (h,) = state
    gates = 2 * h.shape[-1]
    r, z = jnp.split(sigmoid(a[..., :gates] + h @ u[:, :gates]), 2, axis=-1)
    n = jnp.tanh(a[..., gates:] + (r * h) @ u[:, gates:])
    return ((1 - z) * h + z * n,)


def _elman(state: State, a: Any, u: Any, b: Any) -> State:
    return (jnp.tanh(a + state[0] @ u + b),)


CELLS = {"lstm": _lstm, "gru": _gru, "gru-before": _gru_before, "elman": _elman}


def _parameters(weights: Mapping[str, Array]) -> dict[str, Any]:
    """W and U (in, out), and the biases."""
    turned = {"w": weights["weight_ih_l0"].T.copy(), "u": weights["weight_hh_l0"].T.copy()}
    biases = {"b_ih": weights["bias_l0"]} if "bias_l0" in weights else {}
    if not biases:
        biases = {"b_ih": weights["bias_ih_l0"], "b_hh": weights["bias_hh_l0"]}
    return {name: jnp.asarray(value) for name, value in (turned | biases).items()}


def _zeros(cell: str, rows: int, hidden: int) -> State:
    return (jnp.zeros((rows, hidden)),) * (2 if cell == "lstm" else 1)


class Recurrent:
    """A layer over whole sequences; x and dy are batch first, weights have PyTorch's names."""

    name = "JAX"

    def __init__(self, cell: str, weights: Mapping[str, Array], x: Array, dy: Array) -> None:
        self.parameters, self.single = _parameters(weights), "bias_l0" in weights
        self.x, self.dy = (jnp.asarray(array.transpose(1, 0, 2)) for array in (x, dy))
        unroll = 2 if len(x) == 1 else 1  # where a step is short, two at a time are 10 % faster; more are not

        def layer(p: dict[str, Any], x: Any) -> Any:
            def step(state: State, a: Any) -> tuple[State, Any]:
                state = CELLS[cell](state, a, p["u"], p.get("b_hh"))
                return state, state[0]

            state = _zeros(cell, x.shape[1], p["u"].shape[0])
            return jax.lax.scan(step, state, x @ p["w"] + p["b_ih"], unroll=unroll)[1]

        def train(p: dict[str, Any], x: Any, dy: Any) -> Any:
            y, pull = jax.vjp(lambda p: layer(p, x), p)
            return y, *pull(dy)

        def train_input(p: dict[str, Any], x: Any, dy: Any) -> Any:
            y, pull = jax.vjp(layer, p, x)
            return y, *pull(dy)

        self._infer = jax.jit(layer)
        self._train = {False: jax.jit(train), True: jax.jit(train_input)}

    def infer(self) -> Any:
        return jax.block_until_ready(self._infer(self.parameters, self.x))

    def train(self, input_gradient: bool) -> Any:
        return jax.block_until_ready(self._train[input_gradient](self.parameters, self.x, self.dy))

    def results(self) -> dict[str, Array]:
        y, gradients, dx = self.train(True)
        found = {"output in inference": self.infer(), "output": y, "gradient of x": dx}
        found = {name: np.asarray(value).transpose(1, 0, 2) for name, value in found.items()}
        names = {"w": "weight_ih_l0", "u": "weight_hh_l0", "b_hh": "bias_hh_l0"}
        names["b_ih"] = "bias_l0" if self.single else "bias_ih_l0"
        return found | {f"gradient of {names[name]}": np.asarray(value).T for name, value in gradients.items()}


class Steps:
    """A cell, one step at a time from a state of zeros on; xs are (N, I)."""

    name = "JAX"

    def __init__(self, cell: str, weights: Mapping[str, Array], xs: Sequence[Array]) -> None:
        self.parameters = _parameters(weights)
        self.xs = [jnp.asarray(x) for x in xs]
        self.zeros = _zeros(cell, len(xs[0]), self.parameters["u"].shape[0])
        self.step = jax.jit(lambda p, x, state: CELLS[cell](state, x @ p["w"] + p["b_ih"], p["u"], p.get("b_hh")))

    def run(self, steps: int) -> Array:
        """The output of the last of this many steps; each is looked at when it is there."""
        state = self.zeros
        for x in self.xs[:steps]:
            state = self.step(self.parameters, x, state)
            y = np.asarray(state[0])
        return y


class Network:
    """Dense layers with ReLU between them, and cross-entropy; weights are (out, in), biases (out), in turn.

    The compiled step donates parameters and optimizer state, which it so may write in place.
    """

    name = "JAX"

    def __init__(self, weights: Sequence[Array], x: Array, labels: Array) -> None:
        self.parameters = [
            (jnp.array(weight.T), jnp.array(bias)) for weight, bias in zip(weights[::2], weights[1::2], strict=True)
        ]
        self.x, self.labels = jnp.asarray(x), jnp.asarray(labels)
        adam = optax.adam(1e-3)
        self.state = adam.init(self.parameters)

        def network(parameters: Any, x: Any) -> Any:
            for weight, bias in parameters[:-1]:
                x = jax.nn.relu(x @ weight + bias)
            return x @ parameters[-1][0] + parameters[-1][1]

        def loss(parameters: Any, x: Any, labels: Any) -> Any:
            return optax.softmax_cross_entropy_with_integer_labels(network(parameters, x), labels).mean()

        def step(parameters: Any, state: Any, x: Any, labels: Any) -> Any:
            value, gradients = jax.value_and_grad(loss)(parameters, x, labels)
            updates, state = adam.update(gradients, state)
            return optax.apply_updates(parameters, updates), state, value

        self._infer, self._step = jax.jit(network), jax.jit(step, donate_argnums=(0, 1))
        self._gradients = jax.grad(loss)

    def infer(self) -> Any:
        return self._infer(self.parameters, self.x).block_until_ready()

    def step(self) -> float:
        self.parameters, self.state, loss = self._step(self.parameters, self.state, self.x, self.labels)
        return float(loss)

    def gradients(self) -> list[Array]:
        """Of the parameters as they are."""
        gradients = self._gradients(self.parameters, self.x, self.labels)
        return [np.asarray(array).T for pair in gradients for array in pair]

    def weights(self) -> list[Array]:
        return [np.asarray(array).T for pair in self.parameters for array in pair]
