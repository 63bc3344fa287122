"""Learning of a Boltzmann machine: clamped minus free statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nncore import _core
from nncore._interrupts import uninterrupted
from nncore.energy import _boltzmann_sums as sums
from nncore.energy._boltzmann_settings import connections_of, learned_exactly, temperatures_of

if TYPE_CHECKING:
    from nncore.energy._boltzmann import BoltzmannMachine

Array = NDArray[Any]

_ITERATIONS, _EXACT_ITERATIONS = 100, 500
_MOMENTUM = 0.9  # of exact learning, which has little noise
_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: seeds far apart
_CLAMPED_SCHEDULE = (4.0, 3.0, 2.0, 1.5, 1.0, 1.0, 1.0, 1.0, 1.0)


def begin(model: BoltzmannMachine, rows: Array) -> None:
    """First weights, biases and free chains; nothing is learned yet."""
    visible, units = rows.shape[1], rows.shape[1] + model.n_hidden
    weights = np.zeros((units, units))
    if model.n_hidden:
        drawn = np.empty(weights.size)
        _core.random_normal(drawn, 0.0, model.init_scale, seed=model.seed_, stream=_core.Stream.PARAMETERS)
        weights = np.tril(drawn.reshape(weights.shape), -1)
        weights[:visible] = 0
        weights += weights.T
        mask = connections_of(model.connections, units)
        if mask is not None:
            weights *= mask
    on = (rows.sum(axis=0) + 0.5) / (len(rows) + 1)
    bias = np.concatenate([np.log(on / (1 - on)), np.zeros(model.n_hidden)])
    model.weights_, model.bias_ = weights.astype(model.dtype), bias.astype(model.dtype)
    model._velocity, model._bias_velocity = np.zeros((units, units)), np.zeros(units)
    model.n_iter_ = model._sweeps = 0
    model.history_ = {"score": [], "difference": []}
    start_chains(model)


def start_chains(model: BoltzmannMachine) -> None:
    """Independent units for the free chains to start from, as their biases have them."""
    model.chains_ = np.zeros((model.n_chains, len(model.bias_)), np.uint8)
    machine = model._machine
    sums.sweep(
        machine.without_weights(machine.bias),
        model.chains_,
        np.ones(1),
        clamped=sums.nobody_clamped(machine),
        seed=model.seed_,
        substream=sums.START,
        first=model._sweeps,
    )


def train_best(model: BoltzmannMachine, rows: Array, held_out: Array | None) -> bool:
    """Train the machine that was begun, and others from the beginning; the best one stays, also where one diverges.

    Returns
    -------
    finished : bool
        False after Ctrl-C.
    """
    exact = learned_exactly(model.learning, model._units)
    n_iter = (_EXACT_ITERATIONS if exact else _ITERATIONS) if model.n_iter is None else model.n_iter
    first, best, kept = model.seed_, -np.inf, dict(model.__dict__)
    finished = True
    try:
        for index in range(model.n_init):
            if index:
                model.seed_ = (first + index * _GOLDEN) % 2**64
                begin(model, rows)
            finished = train(model, rows, held_out, n_iter, model.final_learning_rate is not None)
            if index == 0:
                kept = dict(model.__dict__)
            score = float(model._scores(rows if held_out is None else held_out).mean()) if model.n_init > 1 else 0.0
            if score > best:
                best, kept = score, dict(model.__dict__)
            if not finished:
                break
    except KeyboardInterrupt:
        finished = False
    except FloatingPointError:
        if best == -np.inf:
            kept = dict(model.__dict__)
        raise
    finally:
        with uninterrupted():
            model.__dict__.update(kept)
    return finished


def train(model: BoltzmannMachine, rows: Array, held_out: Array | None, n_iter: int, decay: bool) -> bool:
    """Learn for `n_iter` iterations over the rows, or until the held-out ones have not become likelier for a while.

    After Ctrl-C the model is what the last whole update made it.

    Parameters
    ----------
    model : BoltzmannMachine
    rows, held_out : uint8 array of shape (N, n_features)
    n_iter : int
    decay : bool
        Whether the learning rate falls to `final_learning_rate`.

    Returns
    -------
    finished : bool
        False after Ctrl-C.
    """
    learner = _Learner(model, rows.shape[1])
    best, stale = -np.inf, 0
    kept = (model.weights_, model.bias_)
    try:
        with _bar(model, n_iter) as bar:
            for index in range(n_iter):
                learner.iterate(rows, _rate(model, index / max(1, n_iter - 1) if decay else 0.0))
                _show(model, bar)
                if held_out is None:
                    continue
                score = float(model._scores(held_out).mean())
                model.history_.setdefault("validation_score", []).append(score)
                stale = 0 if score > best + model.tol else stale + 1
                if score > best:
                    best, kept = score, (model.weights_, model.bias_)
                if stale >= model.n_iter_no_change:
                    break
    except KeyboardInterrupt:
        return False
    finally:
        if held_out is not None and np.isfinite(best):
            model.weights_, model.bias_ = kept
    return True


def _bar(model: BoltzmannMachine, n_iter: int) -> Any:
    return tqdm(
        total=n_iter,
        desc="Boltzmann",
        bar_format="{desc} {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]",
        disable=None if model.verbose else True,
    )


def _rate(model: BoltzmannMachine, done: float) -> float:
    final = model.learning_rate if model.final_learning_rate is None else model.final_learning_rate
    return float(model.learning_rate + (final - model.learning_rate) * done)


def _show(model: BoltzmannMachine, bar: Any) -> None:
    scores = model.history_["score"]
    bar.set_postfix(
        {model._score_name: f"{scores[-1]:.4g}"}
        if scores
        else {"clamped − free": f"{model.history_['difference'][-1]:.3g}"},
        refresh=False,
    )
    bar.update()


class _Learner:
    """Updates of a model."""

    def __init__(self, model: BoltzmannMachine, visible: int) -> None:
        units = visible + model.n_hidden
        self.model = model
        self.exact = learned_exactly(model.learning, units)
        self.momentum = (_MOMENTUM if self.exact else 0.0) if model.momentum is None else model.momentum
        self.mask = connections_of(model.connections, units)
        self.clamped = np.zeros(units, np.uint8)
        self.clamped[:visible] = 1
        self.free = np.zeros(units, np.uint8)
        self.clamped_temperatures = temperatures_of(
            "clamped_schedule", _CLAMPED_SCHEDULE if model.clamped_schedule is None else model.clamped_schedule
        )

    def iterate(self, rows: Array, rate: float) -> None:
        """Once over the rows in batches, in an order of its own."""
        model = self.model
        size = len(rows) if model.batch_size is None else min(model.batch_size, len(rows))
        order = np.arange(len(rows))
        if size < len(rows):
            _core.random_permutation(order, seed=model.seed_, stream=_core.Stream.SHUFFLE, step=model.n_iter_)
        differences = [self.update(rows[order[at : at + size]], rate) for at in range(0, len(rows), size)]
        shown = model._monitored(rows)
        with uninterrupted():
            model.n_iter_ += 1
            model.history_["difference"].append(float(np.mean(differences)))
            if shown is not None:
                model.history_["score"].append(shown)

    def update(self, batch: Array, rate: float) -> float:
        """One step; the mean size of clamped minus free statistics."""
        model = self.model
        states = np.zeros((len(batch), len(self.free)), np.uint8)
        states[:, : batch.shape[1]] = batch
        if self.exact:
            machine = model._machine.double()
            clamped, chains, sweeps = self._expected(machine, states), model.chains_, model._sweeps
            free = sums.moments(machine, self.free, np.zeros((1, len(machine)), np.uint8))[1]
        else:
            clamped, free, chains, sweeps = self._sampled(states)
        difference = clamped - free
        slope, bias_slope = self._slopes(difference, np.diagonal(clamped))
        slope -= model.weight_decay * model.weights_
        velocity = self.momentum * model._velocity + rate * slope
        bias_velocity = self.momentum * model._bias_velocity + rate * bias_slope
        with np.errstate(over="ignore"):  # which is divergence
            weights = (model.weights_ + velocity).astype(model.dtype)
            bias = (model.bias_ + bias_velocity).astype(model.dtype)
        if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
            raise FloatingPointError(
                f"learning diverged in iteration {model.n_iter_ + 1}; a learning_rate below {model.learning_rate:g} "
                "may help"
            )
        with uninterrupted():
            model.weights_, model.bias_, model._velocity, model._bias_velocity = weights, bias, velocity, bias_velocity
            model.chains_, model._sweeps = chains, sweeps
        return float(np.abs(difference).mean())

    def _slopes(self, difference: Array, mean: Array) -> tuple[Array, Array]:
        """Slopes of the log-likelihood by weights and biases, or those of a machine of x − mean, in terms of x."""
        bias_slope = np.diagonal(difference).copy()
        slope = difference
        if self.model.centered:
            crossed = np.outer(mean, bias_slope)
            slope = difference - (crossed + crossed.T)
        np.fill_diagonal(slope, 0)
        if self.mask is not None:
            slope = slope * self.mask
        if self.model.centered:
            bias_slope -= slope @ mean
        return slope, bias_slope

    def _expected(self, machine: sums.Machine, states: Array) -> Array:
        """<x xᵀ> over the hidden units' settings, each row clamped."""
        return np.asarray(sums.moments(machine, self.clamped, states)[1] / len(states))

    def _sampled(self, states: Array) -> tuple[Array, Array, Array, int]:
        """<x xᵀ> clamped and free, over chains and sweeps; the free chains then, and the number of the next sweep."""
        model, machine = self.model, self.model._machine
        place: dict[str, Any] = {"seed": model.seed_, "random_order": model.order == "random"}
        at_one, units = np.ones(model.n_sweeps), len(machine)
        counts = np.zeros((units, units), np.int64)
        if model._hidden:
            annealed = len(self.clamped_temperatures)
            place |= {"clamped": self.clamped, "substream": sums.CLAMPED}
            sums.sweep(machine, states, self.clamped_temperatures, first=model._sweeps, **place)
            sums.sweep(machine, states, at_one, first=model._sweeps + annealed, counts=counts, **place)
            clamped = counts / (len(states) * model.n_sweeps)
        else:
            annealed = 0
            _core.boltzmann_counts(states, counts)
            clamped = counts / len(states)
        chains, counts = model.chains_.copy(), np.zeros_like(counts)
        place |= {"clamped": self.free, "substream": sums.LEARNING}
        sums.sweep(machine, chains, at_one, first=model._sweeps, counts=counts, **place)
        free = counts / (len(chains) * model.n_sweeps)
        return clamped, free, chains, model._sweeps + annealed + model.n_sweeps
