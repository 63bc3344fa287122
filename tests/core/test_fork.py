from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.fork, pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")]

# The warning of Python 3.12 about forks in a process with threads is what these tests are about. An alarm ends a child
# that hangs, also where its parent waits for it.
PRELUDE = """
import hashlib, multiprocessing, os, signal, sys, threading, time, warnings
from pathlib import Path
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
import numpy as np
import nncore
from nncore import _core

def digest(n=300_000):
    out = np.empty(n)
    _core.random_normal(out, 0, 1, seed=1)
    return hashlib.sha256(out).hexdigest()

def workers(expected):
    # One that has ended may still be listed for a moment.
    for _ in range(500):
        names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
        if names.count("nncore") == expected:
            break
        time.sleep(0.01)
    return names.count("nncore")

def child(results):
    signal.alarm(20)
    before = workers(0)
    results.put((nncore.get_num_threads(), before, digest(), workers(1)))

context = multiprocessing.get_context("fork")

def forked(target=child):
    results = context.SimpleQueue()
    process = context.Process(target=target, args=(results,))
    process.start()
    process.join(timeout=30)
    assert process.exitcode == 0, process.exitcode
    return results.get()

nncore.set_num_threads(1)
alone = digest()
nncore.set_num_threads(2)
assert digest() == alone
"""


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + script], capture_output=True, text=True, timeout=90
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_a_child_computes_with_two_threads_after_its_parent_did():
    script = """
threads, before, result, after = forked()
print(threads, before, result == alone, after)
print(workers(1), digest() == alone)
"""
    assert run(script) == "2 0 True 1\n1 True"


def test_a_child_of_a_child_computes_too():
    script = """
def grandchild(results):
    signal.alarm(25)
    first = digest() == alone
    results.put((first, *forked()))

first, threads, before, result, after = forked(grandchild)
print(first, threads, before, result == alone, after)
"""
    assert run(script) == "True 2 0 True 1"


def test_a_child_has_its_own_number_of_threads():
    script = """
def changing(results):
    signal.alarm(20)
    nncore.set_num_threads(3)
    results.put((digest() == alone, workers(2)))
    nncore.set_num_threads(1)

print(*forked(changing), nncore.get_num_threads(), workers(1))
"""
    assert run(script) == "True 2 2 1"


def test_a_fork_while_another_thread_keeps_the_pool_busy():
    script = """
stop = False

def busy():
    while not stop:
        assert digest() == alone

def changing():
    while not stop:
        nncore.set_num_threads(2)
        time.sleep(0.001)

threads = [threading.Thread(target=busy), threading.Thread(target=busy), threading.Thread(target=changing)]
for thread in threads:
    thread.start()
good = 0
for _ in range(25):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        os._exit(0 if workers(0) == 0 and digest() == alone and workers(1) == 1 else 1)
    if os.waitpid(pid, 0)[1] != 0:
        break
    good += 1
stop = True
for thread in threads:
    thread.join(timeout=30)
print(good, digest() == alone)
"""
    assert run(script) == "25 True"


def test_a_fork_from_another_thread_than_the_first():
    script = """
answers = []
thread = threading.Thread(target=lambda: answers.append(forked()))
thread.start()
while thread.is_alive():
    digest()
thread.join()
print(answers[0][0], answers[0][2] == alone, answers[0][3])
"""
    assert run(script) == "2 True 1"


def test_a_pool_of_processes_computes():
    script = """
def task(_):
    signal.alarm(20)
    return digest() == alone

with context.Pool(2) as pool:
    print(pool.map(task, range(6)))
"""
    assert run(script) == str([True] * 6)
