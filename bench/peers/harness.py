"""Side by side with another library: the same work, checked to be the same, in interleaved rounds on the same cores.

A script measures and prints in `main(options, threads)` and calls `run(main, options)`. Every number of threads runs
in a process of its own, pinned to that many cores before any library starts its threads.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

_CHILD = "NNCORE_BENCH_THREADS"


@dataclass
class Timing:
    """Seconds per call in each round, under the names of what was timed."""

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratio(self, slow: str, fast: str) -> tuple[float, float, float]:
        """Median, least and greatest over the rounds of how many times as long `slow` takes as `fast`."""
        ratios = [a / b for a, b in zip(self.seconds[slow], self.seconds[fast], strict=True)]
        return statistics.median(ratios), min(ratios), max(ratios)


def measure(candidates: dict[str, Callable[[], Any]], rounds: int, seconds: float) -> Timing:
    """Time each candidate once per round, in turn, each time for about `seconds` and at least once.

    What slows the machine down for a while so falls on all of them alike. The order changes from round to round.
    """
    repeats = {}
    for name, call in candidates.items():
        call()  # first calls allocate and compile
        repeats[name] = max(1, round(seconds / max(_time(call, 2), 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for index in range(rounds):
        for name in names[index % len(names) :] + names[: index % len(names)]:
            times[name].append(_time(candidates[name], repeats[name]))
    return Timing(times)


def _time(call: Callable[[], Any], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - started) / repeats


def check_equal(what: str, ours: Any, theirs: Any, tolerance: float) -> None:
    """End the run unless two results agree, relative to the greatest value in them."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape:
        raise SystemExit(f"{what}: nncore gives {ours.shape}, the peer {theirs.shape}")
    scale = max(np.abs(theirs).max(initial=0.0), 1e-30)
    error = np.abs(ours - theirs).max(initial=0.0) / scale
    if not error <= tolerance:
        raise SystemExit(
            f"{what}: nncore and the peer differ by {error:.2g} of the greatest value; {tolerance:g} is due"
        )


def peer(module: str, package: str | None = None) -> ModuleType:
    """The module of another library; without it the run ends and says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise SystemExit(
            f"{package or module} is not installed, so there is nothing to compare with: pip install "
            f"{package or module}"
        ) from None


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header, numbers to the right."""
    lines = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        print(
            "  ".join(
                cell.rjust(width) if i else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ),
            flush=True,
        )


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"


def ratio_text(ratio: tuple[float, float, float]) -> str:
    return f"{ratio[0]:.2f}x ({ratio[1]:.2f} to {ratio[2]:.2f})"


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all scripts share."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    made.add_argument("--quick", action="store_true", help="small sizes and few rounds, within a minute")
    made.add_argument("--rounds", type=int, help="rounds per line (default: 15, with --quick 5)")
    return made


def run(main: Callable[[argparse.Namespace, int], None], options: argparse.Namespace) -> None:
    """Call `main(options, threads)` for every number of threads, each in a pinned process of its own."""
    if options.rounds is None:
        options.rounds = 5 if options.quick else 15
    if _CHILD in os.environ:
        threads = int(os.environ[_CHILD])
        set_threads(threads)
        main(options, threads)
        return
    cores = sorted(os.sched_getaffinity(0))
    for threads in options.threads:
        if not 1 <= threads <= len(cores):
            print(f"{threads} threads: not run, this process may use {len(cores)} cores")
            continue
        environment = {**os.environ, _CHILD: str(threads)}
        environment |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NNCORE_NUM_THREADS")}
        os.sched_setaffinity(0, cores[:threads])  # the child inherits it
        try:
            done = subprocess.run([sys.executable, *sys.argv], env=environment, check=False)
        finally:
            os.sched_setaffinity(0, cores)
        if done.returncode:
            raise SystemExit(done.returncode)


def set_threads(threads: int) -> None:
    """Give nncore, and PyTorch where it is there, this many threads."""
    import nncore

    nncore.set_num_threads(threads)
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(threads)


def headline(threads: int, **versions: str) -> None:
    """Say what runs where."""
    import nncore

    load = os.getloadavg()[0]
    parts = [
        f"nncore {nncore.__version__} ({nncore.isa})",
        *(f"{name} {version}" for name, version in versions.items()),
    ]
    print(
        f"\n{threads} thread{'s' if threads > 1 else ''}; {', '.join(parts)}; Python {platform.python_version()}; "
        f"load of the machine at the start {load:.1f}",
        flush=True,
    )
