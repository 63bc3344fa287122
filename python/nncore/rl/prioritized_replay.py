"""A replay buffer that draws by priority."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore._files import Path
from nncore._random import seed_of
from nncore.nn import _checks
from nncore.rl._spaces import array_spec, observation_spec
from nncore.rl._transitions import positive
from nncore.rl.replay import ReplayBuffer

__all__ = ["PrioritizedReplayBuffer"]


class PrioritizedReplayBuffer(ReplayBuffer):
    r"""The last transitions of one or more environments, drawn by priority (Schaul et al. 2016).

    Transition i is drawn with probability P(i) = p_i / Σ p. Draws are stratified: one from each part of the total. Its
    importance-sampling weight is (N P(i))^−β over the greatest weight in the buffer, so (p_i / min p)^−β.

    Parameters
    ----------
    capacity, observation_space, action_space, n_steps, gamma
        As in `ReplayBuffer`.
    alpha : float, default=0.6
        0 draws uniformly.
    kind : {"proportional", "rank"}
        p_i = (\|δ_i\| + eps)^α from the TD error δ_i, or p_i = 1 / rank(i)^α by \|δ_i\|, which outliers do not
        sway; ranks are approximate (a heap that is sorted now and then).
    eps : float, default=1e-6
        Keeps transitions without an error in play.
    stack_axis, seed, mmap
        As in `ReplayBuffer`.

    Notes
    -----
    A new transition gets the greatest priority among those stored, 1 in an empty buffer.
    """

    _kind = "proportional"

    def __init__(
        self,
        capacity: int,
        observation_space: Any,
        action_space: Any,
        n_steps: int = 1,
        gamma: float = 0.99,
        alpha: float = 0.6,
        kind: str = "proportional",
        *,
        eps: float = 1e-6,
        stack_axis: int | str | None = "auto",
        seed: Any = None,
        mmap: Path | None = None,
    ) -> None:
        if kind not in ("proportional", "rank"):
            raise ValueError(f"kind must be 'proportional' or 'rank', but is {kind!r}")
        self._start(
            {
                "capacity": positive("capacity", capacity),
                "n_steps": positive("n_steps", n_steps),
                "gamma": gamma,
                "alpha": _checks.number("alpha", alpha),
                "epsilon": _checks.number("eps", eps),
                "kind": kind,
            },
            observation_spec(observation_space),
            array_spec("action_space", action_space),
            stack_axis,
            seed_of(seed, "seed"),
            mmap,
        )

    @property
    def alpha(self) -> float:
        """Exponent of the priorities."""
        return float(self._settings["alpha"])

    @property
    def kind(self) -> str:
        """Proportional or by rank."""
        return str(self._settings["kind"])

    @property
    def priorities(self) -> NDArray[np.float64]:
        """What each transition is drawn in proportion to, p_i: a copy, (len(buffer),)."""
        return self._core.priorities()
