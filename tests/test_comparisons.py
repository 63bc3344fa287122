"""The comparisons with other libraries, in bench/peers: that they run, and that they refuse results that differ."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PEERS = Path(__file__).resolve().parents[1] / "bench" / "peers"


@pytest.fixture
def harness(monkeypatch):
    monkeypatch.syspath_prepend(str(PEERS))
    return importlib.import_module("harness")


def test_results_that_differ_end_the_run(harness):
    ours = {"output": np.array([1.0, 100.0]), "more": np.zeros(2)}
    harness.check_results("here", ours, {"output": np.array([1.0005, 100.0])})
    with pytest.raises(SystemExit, match="here: output: nncore and the peer differ by 2e-05 of the greatest value"):
        harness.check_results("here", ours, {"output": np.array([1.002, 100.0])})
    with pytest.raises(SystemExit, match="here: output: nncore and the peer differ by nan"):
        harness.check_results("here", ours, {"output": np.array([np.nan, 100.0])})
    with pytest.raises(SystemExit, match="here: more: nncore gives \\(2,\\), the peer \\(1, 2\\)"):
        harness.check_results("here", ours, {"more": np.zeros((1, 2))})


def test_a_peer_that_is_not_installed_is_skipped_by_name(harness, monkeypatch, capsys):
    monkeypatch.setitem(harness.PEERS, "Absent", ("peers_absent", ["no_such_library"]))
    assert harness.peers(argparse.Namespace(peers=["Absent"]), 1) == {}
    assert capsys.readouterr().out == "Absent: skipped, not installed: pip install no_such_library\n"


def test_ratios_are_those_of_each_round(harness):
    timing = harness.Timing({"nncore": [1, 2, 1, 1, 4], "peer": [1, 4, 3, 4, 20]})
    assert timing.ratio("peer", "nncore") == (3, 2, 4)
    assert harness.spread([7.0]) == (7, 7, 7)


@pytest.mark.peer
@pytest.mark.parametrize(
    ("script", "options", "lines"),
    [
        ("recurrent.py", "--works inference training training-dx --sizes 3,1,5,6", 20),
        ("recurrent.py", "--cells lstm gru elman --works lengths --sizes 3,2,5,6", 6),
        ("streaming.py", "--cells lstm gru elman --hidden 7", 12),
        ("mlp.py", "--nets tiny --batches 5", 6),
        ("memory.py", "--sizes 4,3,5,6", 2),
    ],
    ids=["layers", "lengths", "streaming", "mlp", "memory"],
)
def test_a_comparison_ends_with_equal_results_and_a_row_for_each_peer(script, options, lines):
    for name in ("torch", "onnx", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} is not installed; the extra `peers` brings it")
    peers = ["PyTorch"] if script == "memory.py" else ["PyTorch", "ONNX Runtime"]
    command = [sys.executable, str(PEERS / script), "--threads", "1", "--rounds", "1", *options.split()]
    done = subprocess.run([*command, "--peers", *peers], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith(("lstm", "gru", "elman", "4-64"))]
    assert len(rows) == lines, done.stdout
