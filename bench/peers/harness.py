"""Side by side with other libraries: the same work, checked to be the same, in interleaved rounds on the same cores.

A script measures and prints in `main(options, threads)` and calls `run(main, options)`. Every number of threads runs
in a process of its own, pinned to that many cores before any library starts its threads. Peers share that process: a
library's pool may spin for tens of milliseconds after a call, on the core that the next one needs, so each turn begins
once all threads are idle, with calls that are not timed. Within a turn each library waits for work in its default way.
With several threads the machine must be idle otherwise: what else runs costs a pool that spins far more than one core.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

_CHILD = "NNCORE_BENCH_THREADS"

# The module here that knows a peer, and what it needs.
PEERS = {
    "PyTorch": ("peers_torch", ["torch"]),
    "ONNX Runtime": ("peers_onnx", ["onnx", "onnxruntime"]),
    "JAX": ("peers_jax", ["jax", "optax"]),
}


@dataclass
class Timing:
    """Seconds per call in each round, under the names of what was timed."""

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratio(self, slow: str, fast: str) -> tuple[float, float, float]:
        """Median and quartiles over the rounds of how many times as long `slow` takes as `fast`."""
        return spread([a / b for a, b in zip(self.seconds[slow], self.seconds[fast], strict=True)])


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, lower and upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    lower, middle, upper = statistics.quantiles(values, n=4, method="inclusive")
    return middle, lower, upper


def measure(candidates: Mapping[str, Callable[[], Any]], rounds: int, seconds: float) -> Timing:
    """Time each candidate once per round, in turn, each time for about `seconds` and at least once.

    What slows the machine down for a while so falls on all of them alike. The order changes from round to round.
    """
    repeats, short = {}, {}
    for name, call in candidates.items():
        settle()
        call()  # first calls allocate and compile
        once = _time(call, 2)
        repeats[name] = max(1, round(seconds / max(once, 1e-7)))
        short[name] = seconds > 0 and once < 0.2
    times: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for index in range(rounds):
        for name in names[index % len(names) :] + names[: index % len(names)]:
            settle()
            if short[name]:
                warm_up(candidates[name])
            times[name].append(_time(candidates[name], repeats[name]))
    return Timing(times)


def warm_up(call: Callable[[], Any]) -> None:
    """Bring data back into the caches and threads onto cores of their own.

    A pool's thread that has slept often wakes up on its caller's core, and shares that for tens of milliseconds.
    """
    until = time.perf_counter() + (0.04 if len(os.sched_getaffinity(0)) > 1 else 0.0)
    call()
    while time.perf_counter() < until:
        call()


def settle() -> None:
    """Wait, 2 s at most, until no thread of this process computes or spins."""
    for _ in range(500):
        before = time.process_time()
        time.sleep(0.004)
        if time.process_time() - before < 0.0004:
            return


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


def check_results(where: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], tolerance: float = 1e-5) -> None:
    """End the run unless all that a peer computes agrees with what nncore computes under the same name."""
    for name, value in theirs.items():
        check_equal(f"{where}: {name}", ours[name], value, tolerance)


def peer(module: str, package: str | None = None) -> ModuleType:
    """The module of another library; without it the run ends and says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise SystemExit(
            f"{package or module} is not installed, so there is nothing to compare with: pip install "
            f"{package or module}"
        ) from None


def peers(options: argparse.Namespace, threads: int) -> dict[str, ModuleType]:
    """The modules of the chosen peers that are installed, set to this many threads; says which are skipped."""
    found = {}
    for name in options.peers:
        module, libraries = PEERS[name]
        missing = [library for library in libraries if importlib.util.find_spec(library) is None]
        if missing:
            print(f"{name}: skipped, not installed: pip install {' '.join(missing)}", flush=True)
        else:
            found[name] = importlib.import_module(module)
            found[name].set_threads(threads)
    return found


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header, numbers to the right."""
    lines = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        print_row(line, widths)


def print_row(cells: Sequence[str], widths: Sequence[int]) -> None:
    """Print the first cell to the left, the others to the right of their widths."""
    placed = (
        cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    print("  ".join(placed), flush=True)


def microseconds(seconds: float) -> str:
    value = seconds * 1e6
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio_text(ratio: tuple[float, float, float]) -> str:
    return f"{ratio[0]:.2f}x ({ratio[1]:.2f} to {ratio[2]:.2f})"


def parser(description: str | None, *peers: str) -> argparse.ArgumentParser:
    """The options that all scripts share, and, where there are several peers, which."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    made.add_argument("--quick", action="store_true", help="small sizes and few rounds, within a minute")
    made.add_argument("--rounds", type=int, help="rounds per line (default: 15, with --quick 5)")
    if peers:
        made.add_argument("--peers", nargs="+", choices=peers, default=peers, metavar="PEER", help=", ".join(peers))
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
        os.sched_setaffinity(0, cores[:threads])  # the child inherits it
        try:
            done = subprocess.run([sys.executable, *sys.argv], env=_environment(threads), check=False)
        finally:
            os.sched_setaffinity(0, cores)
        if done.returncode:
            raise SystemExit(done.returncode)


def _environment(threads: int) -> dict[str, str]:
    """What tells the libraries how many threads to use."""
    environment = {**os.environ, _CHILD: str(threads), "JAX_PLATFORMS": "cpu"}
    environment |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NNCORE_NUM_THREADS")}
    if threads == 1:  # else XLA takes as many as there are cores to run on, which is as many as this
        environment["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
    return environment


def set_threads(threads: int) -> None:
    """Give nncore, and PyTorch where a script has imported it, this many threads."""
    import nncore

    nncore.set_num_threads(threads)
    torch = sys.modules.get("torch")
    if torch is not None:
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
