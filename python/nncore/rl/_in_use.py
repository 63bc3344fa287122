"""Learners that one thread uses at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class InUse:
    """Base of a learner with a lock, which copies and pickles do not share."""

    _in_use: threading.Lock

    @contextmanager
    def _used(self) -> Iterator[None]:
        """Hold the lock; RuntimeError while another thread does."""
        if not self._in_use.acquire(blocking=False):
            raise RuntimeError(f"this {type(self).__name__} is in use by another thread")
        try:
            yield
        finally:
            self._in_use.release()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_in_use"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._in_use = threading.Lock()
