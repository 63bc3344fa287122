"""Whether a buffer can fit."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from nncore.rl._spaces import ArraySpec


def require_memory(
    capacity: int,
    parts: Sequence[ArraySpec],
    action: ArraySpec,
    stacks: Sequence[tuple[int, bool]],
    kind: str,
    name: str = "capacity",
    advice: str = "mmap= keeps transitions in a file",
) -> None:
    """MemoryError if a full buffer needs more than the machine has, though every frame was kept once."""
    row = action.dtype.itemsize * math.prod(action.shape) + 8 + (40 if kind != "uniform" else 0)
    for part, (frames, _) in zip(parts, stacks, strict=True):
        row += part.dtype.itemsize * math.prod(part.shape) // max(frames, 1)
    require_bytes(capacity, row, name, f" ({advice})")


def require_bytes(count: int, row: int, name: str = "capacity", advice: str = "") -> None:
    """MemoryError if `count` times `row` bytes are more than the machine has; `name` is what the user calls it."""
    try:
        available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return
    if count * row > available:
        raise MemoryError(
            f"{name} must be at most {available // row:,} here, but is {count:,}: that needs "
            f"{count * row / 2**30:,.1f} GiB, and this machine has {available / 2**30:,.1f} GiB{advice}"
        )
