"""Passes of an RBM's training: order, calls of the core, what is measured after each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore import _core
from nncore.energy._rbm_arrays import rows_of

if TYPE_CHECKING:
    from nncore.energy._rbm import RBM

Array = NDArray[Any]

_SECONDS = 0.15  # of one call of the core
_PRODUCT = 2e-11  # of a weight and a row, before it is known what they take here
_MONITORED = 20, 256  # samples that are scored after each pass: a hundredth, but at least and at most so many
_ORDER, _SPLIT, _MONITOR = 0, 1, 2  # substreams of the shuffles

_SHOWN = {  # by the progress bar
    "reconstruction_error": "error",
    "pseudo_likelihood": "log PL",
    "score": "score",
    "free_energy_gap": "gap",
}
_LIVE = ("_weights", "intercept_hidden_", "intercept_visible_", "_velocity", "h_samples_")


def split(X: Any, fraction: float, seed: int) -> tuple[Any, Any]:
    """Samples to train on, and samples that are held out."""
    count = X.shape[0]
    held_out = max(1, round(fraction * count))
    if held_out >= count:
        raise ValueError(
            f"validation_fraction must leave samples to train on, but {fraction:g} of {count} samples leaves none"
        )
    order = _permutation(count, seed, _SPLIT, 0)
    return X[np.sort(order[held_out:])], X[np.sort(order[:held_out])]


def train(model: RBM, X: Any, passes: int, held_out: Any, *, monitored: bool = True) -> None:
    """Make passes over checked samples."""
    samples = rows_of(X, model._weights.dtype)
    watch = _watched(model, X) if monitored else None
    best, stale, kept = -np.inf, 0, None
    with _bar(model, X.shape[0], passes) as bar:
        for _ in range(passes):
            with _whole_pass(model):
                error = _one_pass(model, samples, X.shape[0], bar)
                shown = _measure(model, error, watch, held_out)
            bar.set_postfix(shown)
            if not (model.early_stopping and monitored):
                continue
            score = float(model._scores(held_out).mean())
            model.history_.setdefault("validation_score", []).append(score)
            stale = 0 if score > best + model.tol else stale + 1
            if score > best:
                best, kept = score, _copies(model)
            if stale >= model.n_iter_no_change:
                break
    if kept is not None:
        model.__dict__.update(kept)


def _watched(model: RBM, X: Any) -> Any:
    count = min(max(X.shape[0] // 100, _MONITORED[0]), _MONITORED[1])
    return X[np.sort(_permutation(X.shape[0], model._seed, _MONITOR, 0)[:count])]


def prepare(model: RBM) -> None:
    """Velocity and chains as the settings ask for, and nothing that may not be written, as in a mapped file."""
    for name in ("_weights", "intercept_visible_", "intercept_hidden_", "_velocity", "h_samples_"):
        if not getattr(model, name).flags.writeable:
            setattr(model, name, getattr(model, name).copy())
    if model.momentum > 0 and model._velocity.shape != model._weights.shape:
        model._velocity = np.zeros_like(model._weights)
    elif model.momentum == 0:
        model._velocity = np.zeros((0, 0), model._weights.dtype)
    chains = (model.n_chains or model.batch_size) if model.persistent else 0
    if len(model.h_samples_) != chains:
        model.h_samples_ = np.zeros((chains, model._hidden), model._weights.dtype)


def _one_pass(model: RBM, samples: Any, count: int, bar: Any) -> float:
    """One pass; the mean squared error of reconstructions."""
    order = _permutation(count, model._seed, _ORDER, model.n_iter_) if model.shuffle else np.arange(count)
    error, done = 0.0, 0
    products = 3 * model.batch_size + 2 * model.k * max(model.batch_size, len(model.h_samples_))  # rows of an update
    batches = max(1, int(_SECONDS / (_PRODUCT * products * model._weights.size)))
    while done < count:
        some = min(count - done, batches * model.batch_size)
        began = time.perf_counter()
        step = _core.rbm_train(
            *model._machine(),
            samples,
            order[done : done + some],
            model.batch_size,
            model.learning_rate,
            model.momentum,
            model.weight_decay,
            model.sparsity_target,
            model.sparsity_cost,
            model.k,
            model._seed,
            model.t_,
            model._velocity,
            model.h_samples_,
        )
        if not np.isfinite(step):
            raise FloatingPointError(
                f"training diverged in pass {model.n_iter_ + 1}, at update {model.t_ + 1} or soon after: a weight is "
                f"no longer finite. The parameters are those before this pass; try a learning_rate below "
                f"{model.learning_rate:g}" + (" (Gaussian units need 0.001 to 0.01)" if model._gaussian else "")
            )
        error += step
        done += some
        model.t_ += -(-some // model.batch_size)
        bar.update(some)
        seconds = max(time.perf_counter() - began, 1e-6)
        batches = max(1, min(int(batches * _SECONDS / seconds), 8 * batches))
    model.n_iter_ += 1
    return error / count


def _measure(model: RBM, error: float, watch: Any, held_out: Any) -> dict[str, str]:
    """What `history_` gets of a pass; what the progress bar shows."""
    found: dict[str, float] = {}
    if not model.persistent:
        found["reconstruction_error"] = error
    if watch is not None:
        found["score" if model._gaussian else "pseudo_likelihood"] = float(model._scores(watch).mean())
        if held_out is not None:
            gap = model._free_energies(held_out).mean() - model._free_energies(watch).mean()
            found["free_energy_gap"] = float(gap)
    for name, value in found.items():
        model.history_.setdefault(name, []).append(value)
    return {_SHOWN[name]: f"{value:.2f}" for name, value in found.items()}


@contextmanager
def _whole_pass(model: RBM) -> Iterator[None]:
    """Leaves the model as it was before a pass that does not end."""
    before = _copies(model)
    lengths = {name: len(values) for name, values in model.history_.items()}
    try:
        yield
    except BaseException:
        model.__dict__.update(before)
        model.history_ = {name: model.history_[name][:length] for name, length in lengths.items()}
        raise


def _copies(model: RBM) -> dict[str, Any]:
    return {name: getattr(model, name).copy() for name in _LIVE} | {"n_iter_": model.n_iter_, "t_": model.t_}


def _permutation(count: int, seed: int, substream: int, step: int) -> Array:
    order = np.empty(count, np.int64)
    _core.random_permutation(order, seed=seed, stream=_core.Stream.SHUFFLE, substream=substream, step=step)
    return order


def _bar(model: RBM, count: int, passes: int) -> Any:
    from tqdm import tqdm

    return tqdm(
        total=count * passes,
        unit="row",
        unit_scale=True,
        desc="RBM",
        disable=None if model.verbose else True,
        bar_format="{desc} {percentage:3.0f}%|{bar:8}| {elapsed}<{remaining}, {rate_fmt}{postfix}",
    )
