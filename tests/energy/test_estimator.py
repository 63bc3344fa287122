"""What the energy models share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nncore import energy


@pytest.mark.parametrize(
    "model",
    [
        energy.Hopfield(),
        energy.ModernHopfield(),
        energy.BoltzmannMachine(2, n_iter=1),
        energy.RBM(2, n_iter=1, random_state=0),
    ],
)
def test_images_are_told_how_they_become_rows(model: Any) -> None:
    images = np.ones((3, 2, 2))
    with pytest.raises(ValueError, match=r"Found array with dim 3: .* images\.reshape\(len\(images\), -1\)"):
        model.fit(images)
    assert model.fit(images.reshape(len(images), -1)).n_features_in_ == 4
