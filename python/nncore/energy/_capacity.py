"""How much a Hopfield network can hold. Imported on first use: it needs scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from nncore._random import seed_of
from nncore.energy._hopfield import Hopfield
from nncore.nn import _checks


def retrieval_overlap(
    loads: ArrayLike,
    n_features: int = 1000,
    *,
    mode: str = "async",
    rule: str = "hebbian",
    flipped: float = 0.0,
    n_networks: int = 3,
    n_probes: int = 32,
    max_sweeps: int = 200,
    random_state: Any = None,
    verbose: int = 0,
) -> NDArray[np.float64]:
    """Overlap of recalled states with the memories that they started from, for networks of random memories.

    Parameters
    ----------
    loads : float or array-like of shape (n_loads,)
        Memories a unit, p/d, each above 0.
    n_features : int, default=1000
        Units, d.
    mode : {"async", "sync"}, default="async"
        Of recall. Synchronous recall that alternates counts where it was seen to.
    rule : {"hebbian", "storkey", "pseudo_inverse"}, default="hebbian"
    flipped : float, default=0.0
        Share of the units that are flipped before recall.
    n_networks, n_probes : int, default=3, 32
        Networks for each load, and memories that are recalled in each.
    max_sweeps : int, default=200
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    overlap : float64 array of shape (n_loads, n_networks)
        Mean over the probes. Near 1 up to p/d = 0.138 for Hebb's rule and large d, where it falls (Amit, Gutfreund &
        Sompolinsky 1985).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it must be.
    """
    values = np.atleast_1d(_checks.as_array("loads", loads))
    if values.dtype.kind not in "fiu":
        raise TypeError(f"loads must be positive numbers, but is {loads!r}")
    values = values.astype(np.float64)
    if values.ndim != 1 or not len(values) or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"loads must be positive numbers, but is {loads!r}")
    counts = {"n_features": n_features, "n_networks": n_networks, "n_probes": n_probes}
    for name, count in counts.items():
        if _checks.whole_number(name, count) < 1:
            raise ValueError(f"{name} must be at least 1, but is {count}")
    share = _checks.number("flipped", flipped, 0.0, 1.0)
    rng = np.random.default_rng(seed_of(random_state))
    overlap = np.empty((len(values), n_networks))
    for i, load in enumerate(tqdm(values, disable=None if verbose else True, desc="capacity", unit="loads")):
        for j in range(n_networks):
            memories = _signs(rng, (max(1, round(load * n_features)), n_features))
            targets = memories[:n_probes]
            starts = np.where(rng.random(targets.shape) < share, -targets, targets)
            net = Hopfield(rule).fit(memories)
            recalled = net.recall(starts, mode, max_sweeps, rng)
            overlap[i, j] = np.mean(recalled == targets) * 2 - 1
    return overlap


def _signs(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.int8]:
    return np.asarray(rng.integers(2, size=shape, dtype=np.int8) * 2 - 1, np.int8)
