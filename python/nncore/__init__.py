"""The classic neural networks at native speed on a CPU."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nncore import _isa, _threadpool

try:
    _available = _isa.select(__path__[0])
except ImportError as error:
    if not _isa.is_command():
        raise
    raise SystemExit(f"nncore: {error}") from None  # the command line says in one line what is wrong

from nncore import _core

if TYPE_CHECKING:
    from nncore import datasets, energy, nn, plot, rl, sequence, text, textbook

__version__: str = _core.build()["version"]
isa: str = _core.build()["isa"]
__all__ = [
    "__version__",
    "datasets",
    "energy",
    "get_num_threads",
    "isa",
    "nn",
    "plot",
    "rl",
    "sequence",
    "set_num_threads",
    "show_config",
    "text",
    "textbook",
]

_threadpool.register()

_FAMILIES = frozenset({"datasets", "energy", "nn", "plot", "rl", "sequence", "text", "textbook"})


def __getattr__(name: str) -> Any:
    """Imports a family on first use."""
    if name in _FAMILIES:
        return importlib.import_module(f"nncore.{name}")
    raise AttributeError(f"module 'nncore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def get_num_threads() -> int:
    """Threads that a call may use, the calling one included."""
    return _core.get_num_threads()


def set_num_threads(n: int) -> None:
    """Set how many threads a call may use. Results do not depend on it.

    Parameters
    ----------
    n : int
        At least 1. At first it is ``NNCORE_NUM_THREADS``, else the cores that affinity and cgroup leave to the process,
        or the smaller ``OMP_NUM_THREADS``.

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If `n` is below 1, or above what the core can keep.
    """
    _core.set_num_threads(n)


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Show which build runs here, and with how many threads.

    Parameters
    ----------
    mode : {"stdout", "dict"}
        Print, or return the same as a dictionary.

    Returns
    -------
    config : dict or None
        ``version``, ``isa`` (the instruction set in use), ``available`` (those that this build and this processor
        both have), ``threads`` and ``compiler``.

    Raises
    ------
    ValueError
        If `mode` is another word.
    """
    if mode not in ("stdout", "dict"):
        raise ValueError(f"mode must be 'stdout' or 'dict', but is {mode!r}")
    config = {
        "version": __version__,
        "isa": isa,
        "available": _available,
        "threads": get_num_threads(),
        "compiler": _core.build()["compiler"],
    }
    if mode == "dict":
        return config
    for key, value in config.items():
        print(f"{key + ':':<11}{', '.join(value) if isinstance(value, tuple) else value}")
    return None
