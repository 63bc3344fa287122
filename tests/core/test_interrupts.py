"""Blocks in which Ctrl-C is held back."""

from __future__ import annotations

import contextlib
import signal
import threading

import pytest

from nncore._interrupts import many_uninterrupted, uninterrupted


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("loop", [contextlib.nullcontext, many_uninterrupted])
@pytest.mark.parametrize("nested", [contextlib.nullcontext, uninterrupted])
def test_ctrl_c_comes_at_the_end_of_the_block(loop, nested):
    before, passed = signal.getsignal(signal.SIGINT), []

    def work():
        with loop():
            with uninterrupted():
                with nested():
                    signal.raise_signal(signal.SIGINT)
                passed.append("inside")
            passed.append("behind")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert passed == ["inside"]
    assert signal.getsignal(signal.SIGINT) == before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c")
def test_a_loop_answers_between_its_blocks():
    with many_uninterrupted():
        with uninterrupted():
            pass
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("ctrl_c")
def test_another_threads_block_takes_nothing():
    inside, left = threading.Event(), threading.Event()
    raised = []

    def work():
        try:
            with uninterrupted():
                inside.set()
                left.wait()
        except KeyboardInterrupt:
            raised.append("in the thread")

    with many_uninterrupted():
        thread = threading.Thread(target=work)
        thread.start()
        inside.wait()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        left.set()
        thread.join()
    assert not raised


@pytest.mark.usefixtures("ctrl_c")
def test_a_handler_that_is_set_in_the_loop_is_held_back_and_stays():
    came = []

    def handler(number, frame):
        came.append(number)

    with many_uninterrupted():
        signal.signal(signal.SIGINT, handler)
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            assert not came
        assert len(came) == 1
    assert signal.getsignal(signal.SIGINT) is handler
