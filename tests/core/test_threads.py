from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import nncore
from nncore import _core

NO_QUOTA = 2**31 - 1

# What the scripts below have in common: enough work for any number of threads, and a look at the pool's workers.
PRELUDE = """
import os, sys, time
from pathlib import Path
import numpy as np
import nncore
from nncore import _core

def fill(n=1 << 20):
    out = np.empty(n)
    _core.random_normal(out, 0, 1, seed=1)
    return out

def workers(expected):
    # One that has ended may still be listed for a moment.
    for _ in range(500):
        names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
        if names.count("nncore") == expected:
            break
        time.sleep(0.01)
    return names.count("nncore")
"""


def run(script: str, **environment: str) -> str:
    """What a script prints in a fresh process; a hang or another exit code fails."""
    env = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + script],
        env=env | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def fill(seed: int) -> np.ndarray:
    out = np.empty(200_001)
    _core.random_normal(out, 0, 1, seed=seed)
    return out


def test_a_process_starts_with_the_cores_that_it_may_use():
    assert run("print(nncore.get_num_threads() == _core.available_cores() >= 1)") == "True"


@pytest.mark.parametrize("value", ["1", "3", "0012", "1024"])
def test_the_environment_sets_the_number_of_threads(value):
    assert run("print(nncore.get_num_threads())", NNCORE_NUM_THREADS=value) == str(int(value))


@pytest.mark.parametrize("value", ["", "0", "-1", "+2", " 2", "2.0", "two", "1025", "99999999999999999999"])
def test_another_text_in_the_environment_is_ignored(value):
    cores = str(_core.available_cores())
    assert run("print(nncore.get_num_threads())", NNCORE_NUM_THREADS=value) == cores


@pytest.mark.parametrize(
    ("value", "threads"), [("1", 1), ("1,4", 1), ("1024", None), ("0", None), ("many", None), ("", None)]
)
def test_the_number_for_openmp_only_lowers_that_of_the_cores(value, threads):
    expected = threads or _core.available_cores()
    assert run("print(nncore.get_num_threads())", OMP_NUM_THREADS=value) == str(expected)


def test_its_own_variable_comes_before_that_of_openmp():
    assert run("print(nncore.get_num_threads())", OMP_NUM_THREADS="1", NNCORE_NUM_THREADS="3") == "3"


def test_the_affinity_mask_counts():
    script = """
core = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {core})
print(_core.available_cores(), nncore.get_num_threads())
"""
    assert run(script) == "1 1"


def cgroup(root, lines, files):
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("".join(line + "\n" for line in lines))
    for name, text in files.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return _core.quota_cores(str(root))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("200000 100000\n", 2),
        ("250000 100000\n", 3),
        ("10000 100000\n", 1),
        ("50000 25000\n", 2),
        ("9223372036854775807 1\n", NO_QUOTA),
        ("max 100000\n", NO_QUOTA),
        ("", NO_QUOTA),
        ("7", NO_QUOTA),
        ("0 100000", NO_QUOTA),
        ("100000 0", NO_QUOTA),
    ],
)
def test_a_quota_of_cgroup_v2_is_rounded_up(tmp_path, quota, cores):
    assert cgroup(tmp_path, ["0::/user/job"], {"user/job/cpu.max": quota}) == cores


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000", "cpu.max": "500000 100000"}, 3),
        ({"a/b/cpu.max": "400000 100000", "a/cpu.max": "max 100000", "cpu.max": "100000 100000"}, 1),
        ({"a/b/cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "200000 100000"}, 2),  # in a container: the path is the host's
        ({"unified/a/b/cpu.max": "200000 100000"}, 2),  # v1 and v2 side by side
        ({"b/cpu.max": "200000 100000"}, NO_QUOTA),
        ({}, NO_QUOTA),
    ],
)
def test_the_smallest_quota_of_the_groups_around_counts(tmp_path, files, cores):
    assert cgroup(tmp_path, ["0::/a/b"], files) == cores


@pytest.mark.parametrize(
    ("line", "folder", "quota", "period", "cores"),
    [
        ("4:cpu,cpuacct:/docker/x", "cpu,cpuacct/docker/x", "150000", "100000", 2),
        ("4:cpu,cpuacct:/docker/x", "cpu,cpuacct", "150000", "50000", 3),
        ("4:cpuacct,cpu:/", "cpu", "100000", "100000", 1),
        ("1:cpu:/job", "cpu/job", "-1", "100000", NO_QUOTA),
        ("1:cpu:/job", "cpu/job", "100000", "", NO_QUOTA),
        ("1:cpuset:/job", "cpu/job", "100000", "100000", NO_QUOTA),
        ("1:name=systemd:/job", "cpu/job", "100000", "100000", NO_QUOTA),
    ],
)
def test_a_quota_of_cgroup_v1_is_rounded_up(tmp_path, line, folder, quota, period, cores):
    files = {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": period}
    assert cgroup(tmp_path, ["9:memory:/job", line], files) == cores


@pytest.mark.parametrize("lines", [[], ["nonsense"], ["::"], ["0::"], ["0::relative"], ["", "0::/"]])
def test_a_strange_list_of_groups_is_no_quota(tmp_path, lines):
    assert cgroup(tmp_path, lines, {}) == NO_QUOTA
    assert _core.quota_cores(str(tmp_path / "absent")) == NO_QUOTA


def test_workers_start_with_the_first_call_that_is_worth_it_and_end_when_fewer_are_wanted():
    script = """
nncore.set_num_threads(4)
counts = [workers(0)]
fill(100)
counts += [workers(0)]
for threads, before in [(1, 0), (2, 0), (4, 1), (3, 2), (1, 0), (2, 0)]:
    nncore.set_num_threads(threads)
    counts += [workers(before)]
    fill()
    counts += [workers(threads - 1)]
print(*counts)
"""
    assert run(script) == "0 0 0 0 0 1 1 3 2 2 0 0 0 1"


def test_workers_leave_signals_to_the_threads_of_the_program():
    script = """
import signal
nncore.set_num_threads(2)
fill()
for task in Path("/proc/self/task").iterdir():
    status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
    if status["Name"].strip() == "nncore":
        blocked = int(status["SigBlk"], 16)
print(*[blocked >> (s - 1) & 1 for s in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGSEGV)])
print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
    assert run(script) == "1 1 1 0\nset()"


def test_parts_take_the_rounding_mode_of_the_caller():
    upward = {"x86_64": 0x800, "aarch64": 0x400000}.get(platform.machine())
    if upward is None:
        pytest.skip("the rounding modes of this processor are not known here")
    script = f"""
import ctypes
nncore.set_num_threads(2)
fill()
set_mode = ctypes.CDLL("libm.so.6").fesetround
nearest = fill()
set_mode({upward})
several = [fill() for _ in range(20)]
nncore.set_num_threads(1)
alone = fill()
set_mode(0)
print(all(np.array_equal(one, alone) for one in several), np.array_equal(nearest, alone))
nncore.set_num_threads(2)
print(np.array_equal(fill(), nearest))
"""
    assert run(script) == "True False\nTrue"


@pytest.mark.parametrize("threads", [2, 3])
def test_a_process_ends_although_workers_sleep_or_spin(threads):
    pause = "import time; time.sleep(0.05)"
    for end in ("", pause, "sys.exit(0)", "nncore.set_num_threads(1)"):
        assert run(f"nncore.set_num_threads({threads})\nfill()\n{end}") == ""


def test_a_process_ends_although_a_daemon_thread_keeps_the_pool_busy():
    script = """
import threading
nncore.set_num_threads(2)

def work():
    while True:
        fill(1 << 22)

for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""
    assert run(script) == ""


def test_a_system_without_further_threads_gets_the_same_result():
    script = """
import resource
alone = fill(1 << 22)
nncore.set_num_threads(1024)
again = np.empty(1 << 22)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (40 << 20), resource.RLIM_INFINITY))
_core.random_normal(again, 0, 1, seed=1)
names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
print(np.array_equal(alone, again), names.count("nncore") < 30)
"""
    assert run(script, NNCORE_NUM_THREADS="1") == "True True"


@pytest.mark.kernel
@pytest.mark.usefixtures("threads")
def test_python_threads_that_compute_at_once_get_the_same_bits():
    nncore.set_num_threads(1)
    alone = [fill(seed) for seed in range(12)]
    nncore.set_num_threads(3)
    together: list[np.ndarray | None] = [None] * len(alone)

    def work(first: int) -> None:
        for seed in range(first, len(alone), 3):
            together[seed] = fill(seed)

    workers = [threading.Thread(target=work, args=(first,)) for first in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
        assert not worker.is_alive()
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one, other)


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_may_change_while_another_thread_computes():
    alone = fill(1)
    results = []

    def work() -> None:
        results.extend(fill(1) for _ in range(60))

    worker = threading.Thread(target=work)
    worker.start()
    changes = 0
    while worker.is_alive():
        nncore.set_num_threads(1 + changes % 4)
        changes += 1
    worker.join()
    assert len(results) == 60
    for result in results:
        assert_array_equal(result, alone)


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (1025, ValueError), (2**70, ValueError)])
@pytest.mark.usefixtures("threads")
def test_a_number_of_threads_out_of_range_is_refused(n, error):
    nncore.set_num_threads(3)
    for set_threads in (nncore.set_num_threads, _core.set_num_threads):
        with pytest.raises(error, match="^n must be"):
            set_threads(n)
    assert nncore.get_num_threads() == 3


@pytest.mark.parametrize("n", [True, 2.0, "2", None])
def test_a_number_of_threads_of_another_type_is_refused(n):
    for set_threads in (nncore.set_num_threads, _core.set_num_threads):
        with pytest.raises(TypeError, match="^n must be"):
            set_threads(n)


LIMIT = """
nncore.set_num_threads(3)
entries = [entry for entry in threadpoolctl.threadpool_info() if entry["user_api"] == "nncore"]
print([(e["num_threads"], e["prefix"], e["internal_api"], e["version"] == nncore.__version__) for e in entries])
with threadpoolctl.threadpool_limits(1):
    print(nncore.get_num_threads())
print(nncore.get_num_threads())
with threadpoolctl.threadpool_limits(2, user_api="nncore"):
    print(nncore.get_num_threads())
with threadpoolctl.threadpool_limits(1, user_api="blas"):
    print(nncore.get_num_threads())
print([type(f).__name__ for f in sys.meta_path].count("_Announcer"))
"""
LIMITED = "[(3, '_core', 'nncore', True)]\n1\n3\n2\n3\n0"


def test_importing_nncore_does_not_import_threadpoolctl():
    assert run("print('threadpoolctl' in sys.modules)") == "False"


@pytest.mark.parametrize(
    "imports",
    [
        "import threadpoolctl",
        "import importlib.util; importlib.util.find_spec('threadpoolctl'); import threadpoolctl",
        "from threadpoolctl import threadpool_info; import threadpoolctl",
    ],
)
def test_threadpoolctl_imported_later_knows_nncore(imports):
    assert run(imports + LIMIT) == LIMITED


def test_threadpoolctl_imported_earlier_knows_nncore():
    first = "import threadpoolctl\nthreadpoolctl.threadpool_info()\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", first + PRELUDE + LIMIT], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", LIMITED)


def test_threadpoolctl_stays_the_module_that_it_is():
    script = """
import inspect, threadpoolctl
spec = threadpoolctl.__spec__
print(type(spec.loader).__name__, spec.loader is threadpoolctl.__loader__, vars(spec.loader).get("exec_module"))
print("class LibController" in inspect.getsource(threadpoolctl))
"""
    assert run(script) == "SourceFileLoader True None\nTrue"


def test_an_import_of_threadpoolctl_that_fails_can_be_tried_again(tmp_path):
    (tmp_path / "threadpoolctl.py").write_text("raise ImportError('broken')")
    script = f"""
sys.path.insert(0, {str(tmp_path)!r})
try:
    import threadpoolctl
except ImportError as error:
    print(error)
del sys.path[0]
import threadpoolctl
"""
    assert run(script + LIMIT) == "broken\n" + LIMITED


def test_an_old_or_absent_threadpoolctl_is_left_alone(tmp_path):
    (tmp_path / "threadpoolctl.py").write_text("OLD = True")
    assert run(f"sys.path.insert(0, {str(tmp_path)!r})\nimport threadpoolctl\nprint(threadpoolctl.OLD)") == "True"
    script = """
sys.path = [entry for entry in sys.path if "site-packages" not in entry]
sys.path_importer_cache.clear()
try:
    import threadpoolctl
except ModuleNotFoundError as error:
    print(error)
"""
    assert run(script) == "No module named 'threadpoolctl'"
