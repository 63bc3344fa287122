"""Simulated annealing of a Boltzmann machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from nncore import _core
from nncore._random import seed_of
from nncore.energy import _boltzmann_settings as settings
from nncore.energy import _boltzmann_sums as sums
from nncore.nn import _checks

Array = NDArray[Any]

_SCHEDULE = (*np.geomspace(10, 1, 100), *np.ones(100))


class Sampling:
    """The part of a Boltzmann machine that draws states."""

    if TYPE_CHECKING:
        n_features_in_: int
        order: str
        _machine: sums.Machine

    def sample(
        self,
        n_samples: int = 1,
        *,
        random_state: Any = None,
        schedule: Any = None,
        given: Any = None,
        hidden: bool = False,
    ) -> Array:
        """Draw states by simulated annealing, each in a chain of its own that starts from random units.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, numpy.random.Generator, numpy.random.RandomState or None
        schedule : sequence of (temperature, sweeps), or of temperatures of one sweep each; optional
            Samples are of the last temperature's distribution exp(−E(x)/T), approximately; at 0 a unit is switched on
            where that lowers the energy, so that sweeps descend. None: 100 sweeps from 10 to 1, geometrically, and 100
            at 1.
        given : array of shape (n_features,) or (n_samples, n_features), optional
            Units that are clamped, at 0 or 1; NaN: the unit is free, in each row the same ones. Hidden units are free.
        hidden : bool, default=False
            Whether the hidden units come too, after the visible ones.

        Returns
        -------
        states : array of shape (n_samples, n_features or n_units)
            0 and 1, of the machine's `dtype`.

        Raises
        ------
        TypeError, ValueError
            If an argument is not what it must be.
        """
        check_is_fitted(self)
        chains = _checks.at_least("n_samples", n_samples, 1)
        temperatures = settings.temperatures_of("schedule", _SCHEDULE if schedule is None else schedule)
        machine, seed = self._machine, seed_of(random_state)
        words = np.empty((chains, len(machine)), np.uint32)
        _core.random_words(words.reshape(-1), 0, seed=seed, stream=sums.STREAM, substream=sums.SAMPLE)
        states, clamped = (words >> 31).astype(np.uint8), sums.nobody_clamped(machine)
        if given is not None:
            values, fixed = self._given(given, chains)
            clamped[: self.n_features_in_] = fixed
            states[:, : self.n_features_in_][:, fixed] = values[:, fixed]
        sums.sweep(
            machine,
            states,
            temperatures,
            clamped=clamped,
            seed=seed,
            substream=sums.SAMPLE,
            first=1,
            random_order=self.order == "random",
        )
        return np.asarray(states if hidden else states[:, : self.n_features_in_]).astype(self._machine.weights.dtype)

    def _given(self, given: Any, chains: int) -> tuple[Array, Array]:
        """Values of (chains, n_features), and which of the units they are for."""
        values = settings.numbers_of("given", given, np.float64)
        if values.shape not in ((self.n_features_in_,), (chains, self.n_features_in_)):
            raise ValueError(
                f"given must have the shape (n_features,) or (n_samples, n_features) with n_features = "
                f"{self.n_features_in_}, n_samples = {chains}, but came as {values.shape}"
            )
        values = np.broadcast_to(values, (chains, self.n_features_in_))
        fixed = ~np.isnan(values[0])
        if (np.isnan(values) == fixed).any():
            raise ValueError("given must have NaN for the same units in each row")
        if not np.isin(values[:, fixed], (0, 1)).all():
            raise ValueError("given must be 0 or 1, or NaN for a unit that is free")
        return values, fixed
