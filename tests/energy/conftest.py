from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nncore.datasets import load_digits


@pytest.fixture(scope="session")
def digits() -> NDArray[np.float64]:
    """The 8 × 8 digits as rows of 0 and 1."""
    images, _ = load_digits()
    return (images.reshape(-1, 64) > 7).astype(np.float64)
