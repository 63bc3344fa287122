"""What a replay buffer gives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Observations = NDArray[Any] | dict[str, NDArray[Any]]


class Batch(NamedTuple):
    """Transitions of m ≤ n_steps steps each; all arrays are the caller's own.

    Attributes
    ----------
    observations : array (batch_size, ...), or dict of them
        s_t.
    actions : array (batch_size, ...)
        a_t.
    rewards : float32 array (batch_size,)
        Σ_{k<m} γ^k r_{t+k}.
    next_observations : array (batch_size, ...), or dict of them
        s_{t+m}: the true final observation where an episode ends.
    terminated : bool array (batch_size,)
        Whether s_{t+m} is terminal. False where the time was up: such an episode would have gone on.
    discounts : float32 array (batch_size,)
        γ^m.
    indices : int64 array (batch_size,)
        Places in the buffer, for `update_priorities`.
    weights : float32 array (batch_size,)
        Importance-sampling weights, 1 for a uniform buffer.
    """

    observations: Observations
    actions: NDArray[Any]
    rewards: NDArray[np.float32]
    next_observations: Observations
    terminated: NDArray[np.bool_]
    discounts: NDArray[np.float32]
    indices: NDArray[np.int64]
    weights: NDArray[np.float32]
