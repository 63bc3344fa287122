"""Ctrl-C where it can be answered."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any


def uninterrupted() -> AbstractContextManager[None]:
    """Hold Ctrl-C back until the end of the block, so that what belongs together changes together."""
    return _blocks if _blocks is not None and _blocks.holds() else _uninterrupted()


def is_held_back() -> bool:
    """Whether Ctrl-C has come in a block of `uninterrupted` that has not ended yet."""
    return _blocks is not None and _blocks.has_held()


@contextmanager
def many_uninterrupted() -> Iterator[None]:
    """Let the blocks of `uninterrupted` in a loop share a handler: to change it takes longer than a short step."""
    global _blocks
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    before, blocks = _blocks, _Blocks(handler)
    try:
        _blocks = blocks
        signal.signal(signal.SIGINT, blocks.answer)
        yield
    finally:
        _blocks = before
        if blocks.holds():
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    with many_uninterrupted():
        if _blocks is None or not _blocks.holds():
            yield
            return
        with _blocks:
            yield


class _Blocks:
    """Blocks of the main thread, one after the other or within another, in which Ctrl-C is held back."""

    def __init__(self, handler: Callable[[int, FrameType | None], Any]) -> None:
        self._thread = threading.get_ident()
        self._handler = handler
        self.answer = self._answer  # the same object each time
        self._depth = 0
        self._held: tuple[int, FrameType | None] | None = None

    def holds(self) -> bool:
        """Whether this thread's Ctrl-C comes here, and to no handler that was set meanwhile."""
        return self._thread == threading.get_ident() and signal.getsignal(signal.SIGINT) is self.answer

    def has_held(self) -> bool:
        """Whether Ctrl-C has come in the present block."""
        return self._held is not None

    def _answer(self, number: int, frame: FrameType | None) -> None:
        if self._depth > 0:
            self._held = number, frame
        else:
            self._handler(number, frame)

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0 and self._held is not None:
            held, self._held = self._held, None
            self._handler(*held)


_blocks: _Blocks | None = None
