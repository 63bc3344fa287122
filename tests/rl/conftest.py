from __future__ import annotations

import signal
from collections.abc import Generator

import pytest


@pytest.fixture
def ctrl_c() -> Generator[None]:
    """Python's own answer to Ctrl-C, which a process that was started in the background does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
