from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

import nncore

hypothesis.settings.register_profile("nncore", deadline=None)  # time is the machine's, not the code's
hypothesis.settings.load_profile("nncore")

# Set where every peer is installed: there a test that looks for one and skips has gone wrong.
STRICT = os.environ.get("NNCORE_CI_STRICT") == "1"


def data_folder() -> Path:
    named = os.environ.get("NNCORE_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real data sets that are not part of the project; without them the test skips."""
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"no data in {folder}; NNCORE_DATA names the folder")
    return folder


@pytest.fixture
def threads() -> Generator[None]:
    """Puts the number of threads back that the test changes."""
    before = nncore.get_num_threads()
    yield
    nncore.set_num_threads(before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        peer = item.get_closest_marker("peer") is not None or "could not import" in str(report.longrepr)
        data = "data_dir" in getattr(item, "fixturenames", ()) and data_folder().is_dir()
        if peer or data:
            fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if STRICT and report.skipped:  # a whole file, which always is for the want of a peer
        fail(report)
    return report


def fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    report.longrepr = f"skipped, but what it needs is here: {report.longrepr}"
    report.outcome = "failed"


@pytest.fixture
def ctrl_c() -> Generator[None]:
    """Python's own answer to Ctrl-C, which a process that was started in the background does not have.

    Hypothesis has a function called at every garbage collection. A KeyboardInterrupt that is raised in there is lost,
    and the test would run until the memory is full, so nothing is called meanwhile.
    """
    before, callbacks = signal.signal(signal.SIGINT, signal.default_int_handler), gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = callbacks
    signal.signal(signal.SIGINT, before)
