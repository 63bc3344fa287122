"""Picks the build of the kernels for this processor.

A wheel for x86-64 holds the kernels once per level of the x86-64 psABI, as a library in a folder of that name. The
module ``nncore._core`` needs a library of that file name: it gets the one that is loaded already.
"""

from __future__ import annotations

import os  # not pathlib: its import takes longer than everything else here
import sys

LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")


def available(highest: str) -> tuple[str, ...]:
    """Levels that a processor with this highest level runs."""
    return LEVELS[: LEVELS.index(highest) + 1] if highest in LEVELS else ()


def choose(highest: str, wanted: str) -> str:
    """The level to load: `wanted`, or where that is empty the `highest` that the processor has.

    Raises
    ------
    ImportError
        If the processor lacks that level, or there is no such level.
    """
    levels = available(highest)
    if not levels:
        raise ImportError(f"nncore needs a processor of level {LEVELS[0]} or above, but this one is {highest}")
    if not wanted:
        return highest
    if wanted not in LEVELS:
        raise ImportError(f"NNCORE_ISA must be one of {', '.join(LEVELS)}, but is {wanted!r}")
    if wanted not in levels:
        raise ImportError(f"NNCORE_ISA asks for {wanted}, but this processor has {', '.join(levels)} only")
    return wanted


def select(folder: str) -> tuple[str, ...]:
    """Loads the kernels for ``nncore._core``; returns the levels that could have been.

    Parameters
    ----------
    folder : str
        The package's.

    Raises
    ------
    ImportError
        As `choose` does, or if the library cannot be loaded.
    """
    wanted = os.environ.get("NNCORE_ISA", "")
    try:
        from nncore._cpu import level, load
    except ModuleNotFoundError:  # a build of one level has its kernels in the module
        return _only(wanted)
    highest = level()
    load(os.path.join(folder, choose(highest, wanted), "libnncore_kernels.so"))
    return available(highest)


def is_command() -> bool:
    """Whether this process is the command ``nncore`` or ``python -m nncore``, not a program that imports nncore."""
    program: str = (getattr(sys, "argv", None) or [""])[0]
    return program == "-m" or os.path.splitext(os.path.basename(program))[0] == "nncore"


def _only(wanted: str) -> tuple[str, ...]:
    from nncore._core import build

    isa = build()["isa"]
    if wanted not in ("", isa):
        raise ImportError(f"NNCORE_ISA asks for {wanted}, but this build of nncore has {isa} only") from None
    return (isa,)
