from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import nncore

TRAIN = """
import sys
import numpy as np
from scipy import sparse
from nncore import nn
from nncore.text._svd import truncated_svd

results = {}
rng = np.random.default_rng(0)
x = rng.standard_normal((7, 9, 5))
target = rng.standard_normal((7, 9, 3))
lengths = np.array([9, 0, 1, 4, 9, 2, 7])
cells = {
    "elman": lambda: nn.Elman(5, 37, 2, bidirectional=True),
    "lstm": lambda: nn.LSTM(5, 37, 2, bidirectional=True),
    "gru": lambda: nn.GRU(5, 37, 2, bidirectional=True),
    "gru_reset_after": lambda: nn.GRU(5, 37, 2, reset_after=True, bidirectional=True),
}
for dtype in ("float32", "float64"):
    for name, cell in cells.items():
        net = nn.Sequential([cell(), nn.Dense(74, 11, "tanh"), nn.Dropout(0.2), nn.Dense(11, 3)], dtype=dtype, seed=1)
        optimizer = nn.SGD(lr=0.05, momentum=0.9)
        for _ in range(3):
            net.train_step(x, target, nn.MSE(), optimizer, lengths=lengths, max_grad_norm=1.0)
        results[f"{name} {dtype} parameters"] = net.parameters
        results[f"{name} {dtype} output"] = net(x, lengths)
    rows, labels = rng.standard_normal((700, 5)), rng.integers(3, size=700)
    net = nn.Sequential([nn.Dense(5, 16, "relu"), nn.Dense(16, 3)], dtype=dtype, seed=1)
    losses = [net.train_step(rows, labels, nn.CrossEntropy(), nn.SGD(lr=0.5)) for _ in range(3)]
    results[f"classes {dtype} losses"] = np.array(losses, dtype)
    results[f"classes {dtype} parameters"] = net.parameters
    tall = sparse.random(5000, 40, 0.2, format="csr", dtype=dtype, random_state=0)
    results[f"singular values {dtype}"] = truncated_svd(tall, 5, 2, 0)[1]
np.savez(sys.argv[1], **results)
"""


def trained_at(level, folder):
    file = folder / f"{level}.npz"
    subprocess.run([sys.executable, "-c", TRAIN, file], env={**os.environ, "NNCORE_ISA": level}, check=True)
    with np.load(file) as arrays:
        return dict(arrays)


def test_v3_and_v4_train_to_the_same_bits_and_v2_within_rounding(tmp_path):
    levels = nncore.show_config(mode="dict")["available"]
    if len(levels) < 2:
        pytest.skip(f"this build and this processor have {levels[0]} only")
    low, *high = (trained_at(level, tmp_path) for level in levels)
    for name, expected in high[0].items():
        for other in high[1:]:
            assert other[name].tobytes() == expected.tobytes(), name
        tolerance = 1e-4 if expected.dtype == np.float32 else 1e-10
        np.testing.assert_allclose(low[name], expected, rtol=tolerance, atol=tolerance, err_msg=name)
