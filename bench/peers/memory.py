"""Peak memory of a training step of a recurrent layer, with the gradient of the input.

    python bench/peers/memory.py [--quick] [--threads 1 2] [--cells lstm] [--sizes 100,64,512,512]

A fresh process for each library makes x, dy, parameters and gradients, takes two steps of another, tiny layer, and then
two steps of this one. What is printed is the most that its resident memory rose above what it was before those. The
count is 4 (T·B·(6H + I) + 3P) bytes, P parameters: in an LSTM the gates, the cells and the output of all steps, dX, and
the parameters three times.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import harness
import recurrent

HEADER = ["cell", "T", "B", "I", "H", "threads", "library", "peak MB", "count MB", "peak / count"]
WIDTHS = [10, 3, 3, 3, 3, 7, 7, 8, 8, 12]
LIBRARIES = ["nncore", "PyTorch"]


def status(field: str) -> int:
    """Bytes that Linux gives for this process: VmRSS, resident now, or VmHWM, the most so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {field}, so peak memory cannot be told here")


def give_back() -> None:
    """Return to the system what malloc keeps, which the steps could take unseen; only glibc has a call for it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def forget_peak() -> None:
    """Let VmHWM begin anew; where that is not allowed it holds what came before too, and the result is too high."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        print(f"(the peak may be that of the preparation: {error})", file=sys.stderr)


def make(library: str, cell: str, size: recurrent.Size) -> Any:
    """A layer whose arrays are all resident."""
    layer = recurrent.Layer(cell, size)
    layer.net.gradients.fill(0)
    if library == "nncore":
        return layer
    peer = importlib.import_module(harness.PEERS[library][0]).Recurrent(cell, layer.weights, layer.x, layer.dy)
    for parameter in peer.layer.parameters():
        parameter.grad = parameter.detach().clone()
    return peer


def measure(library: str, cell: str, size: recurrent.Size) -> int:
    """In this process: bytes that training steps take beyond what was there."""
    tiny, layer = make(library, cell, (2, 2, 8, 8)), make(library, cell, size)
    for _ in range(2):
        tiny.train(True)
    give_back()
    before = status("VmRSS")
    forget_peak()
    for _ in range(2):
        layer.train(True)
    return status("VmHWM") - before


def count(cell: str, size: recurrent.Size) -> int:
    steps, batch, inputs, hidden = size
    parameters = sum(weight.size for weight in recurrent.Layer(cell, (1, 1, inputs, hidden)).weights.values())
    return 4 * (steps * batch * (6 * hidden + inputs) + 3 * parameters)


def row(library: str, cell: str, size: recurrent.Size, threads: int) -> None:
    command = [sys.executable, __file__, "--cells", cell, "--sizes", ",".join(map(str, size)), "--inside", library]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    peak, due = int(done.stdout), count(cell, size)
    numbers = [f"{peak / 1e6:.1f}", f"{due / 1e6:.1f}", f"{peak / due:.2f}"]
    harness.print_row([cell, *map(str, size), str(threads), library, *numbers], WIDTHS)


def main(options: argparse.Namespace, threads: int) -> None:
    if options.inside:
        print(measure(options.inside, options.cells[0], options.sizes[0]))
        return
    harness.headline(threads)
    found = harness.peers(options, threads)
    harness.print_row(HEADER, WIDTHS)
    for cell in options.cells:
        for size in options.sizes:
            for library in ("nncore", *(found if cell != "gru-before" else ())):  # PyTorch lacks this form
                row(library, cell, size, threads)


if __name__ == "__main__":
    parser = harness.parser(__doc__, "PyTorch")
    parser.add_argument("--cells", nargs="+", choices=recurrent.CELLS, default=["lstm"])
    parser.add_argument("--sizes", nargs="+", type=recurrent.size_of, metavar="T,B,I,H", default=[(100, 64, 512, 512)])
    parser.add_argument("--inside", choices=LIBRARIES, help=argparse.SUPPRESS)
    harness.run(main, parser.parse_args())
