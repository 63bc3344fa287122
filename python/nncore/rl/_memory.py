"""Whether a buffer can fit."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from nncore.rl._spaces import ArraySpec


def require_memory(
    capacity: int, parts: Sequence[ArraySpec], action: ArraySpec, stacks: Sequence[tuple[int, bool]], kind: str
) -> None:
    """MemoryError if a full buffer needs more than the machine has, though every frame was kept once."""
    row = action.dtype.itemsize * math.prod(action.shape) + 8 + (40 if kind != "uniform" else 0)
    for part, (frames, _) in zip(parts, stacks, strict=True):
        row += part.dtype.itemsize * math.prod(part.shape) // max(frames, 1)
    require_bytes(capacity, row, " (mmap= keeps transitions in a file)")


def require_bytes(capacity: int, row: int, advice: str = "") -> None:
    """MemoryError if `capacity` times `row` bytes are more than the machine has."""
    try:
        available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return
    if capacity * row > available:
        raise MemoryError(
            f"capacity must be at most {available // row:,} here, but is {capacity:,}: that needs "
            f"{capacity * row / 2**30:,.1f} GiB, and this machine has {available / 2**30:,.1f} GiB{advice}"
        )
