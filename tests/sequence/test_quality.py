"""The language model against the same one in PyTorch, in bench/peers/language_model.py."""

from __future__ import annotations

import dataclasses
import importlib
import statistics
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.peer

PEERS = Path(__file__).resolve().parents[2] / "bench" / "peers"


@pytest.fixture
def peers(monkeypatch):
    """The module of the comparison."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # its pool of spinning threads stalls where other work runs
    monkeypatch.syspath_prepend(str(PEERS))
    yield importlib.import_module("language_model")
    torch.set_num_threads(before)


@pytest.mark.parametrize("cell", ["lstm", "gru", "elman"])
def test_every_step_has_the_loss_of_pytorch(peers, rhyme, noise, cell):
    settings = peers.Settings(
        cell=cell, hidden_size=20, num_layers=2, sequence_length=15, batch_size=6, learning_rate=0.01
    )
    ours, theirs = peers.step_losses(rhyme + noise, settings)
    assert len(ours) == len(theirs) == 23
    assert np.ptp(ours) > 0.3, "losses that are all alike prove little"
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.slow
def test_shakespeare_is_learnt_as_well_as_in_pytorch(peers, data_dir):
    text = peers.read_text(data_dir / "text" / "shakespeare.txt.xz")
    results = [peers.compare(text, dataclasses.replace(peers.Settings(), epochs=5), seed) for seed in range(3)]
    ours, theirs = (statistics.mean(result.bits[name] for result in results) for name in ("nncore", "PyTorch"))
    assert abs(ours - theirs) < 0.02, [result.bits for result in results]
