"""Picks the build of ``nncore._core`` for this processor.

A wheel for x86-64 holds one build per level of the x86-64 psABI, each in a folder of that name. The folder of the
chosen level goes first on the package's path, so that the module is ``nncore._core`` whichever build it is.
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


def select(path: list[str]) -> tuple[str, tuple[str, ...]]:
    """Makes ``nncore._core`` importable; returns the chosen level and the levels that could have been.

    Parameters
    ----------
    path : list of str
        The package's ``__path__``; changed in place.
    """
    wanted = os.environ.get("NNCORE_ISA", "")
    try:
        from nncore._cpu import level
    except ModuleNotFoundError:  # a build of one level has its module beside this file
        return _only(wanted)
    highest = level()
    chosen = choose(highest, wanted)
    path[:0] = [os.path.join(folder, chosen) for folder in path]
    return chosen, available(highest)


def is_command() -> bool:
    """Whether this process is the command ``nncore`` or ``python -m nncore``, not a program that imports nncore."""
    program: str = (getattr(sys, "argv", None) or [""])[0]
    return program == "-m" or os.path.splitext(os.path.basename(program))[0] == "nncore"


def _only(wanted: str) -> tuple[str, tuple[str, ...]]:
    from nncore._core import build

    isa = build()["isa"]
    if wanted not in ("", isa):
        raise ImportError(f"NNCORE_ISA asks for {wanted}, but this build of nncore has {isa} only") from None
    return isa, (isa,)
