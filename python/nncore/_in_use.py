"""Objects that one thread uses at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar


class InUse:
    """Base of a class whose objects have a lock, which copies and pickles do not share."""

    _make_lock: ClassVar[Callable[[], Any]] = threading.Lock  # RLock where the thread itself may come back

    @contextmanager
    def _used(self) -> Iterator[None]:
        """Hold the lock; RuntimeError while another thread does."""
        lock = vars(self).setdefault("_in_use", type(self)._make_lock())
        if not lock.acquire(blocking=False):
            raise RuntimeError(f"this {type(self).__name__} is in use by another thread")
        try:
            yield
        finally:
            lock.release()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_in_use"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
