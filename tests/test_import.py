from __future__ import annotations

import os
import re
import subprocess
import sys
import types

import pytest

import nncore
from nncore import _isa


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key not in ("NNCORE_ISA", "NNCORE_NUM_THREADS")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env={**env, **environment}, capture_output=True, text=True
    )


def test_import_loads_the_core_and_nothing_heavier():
    done = run("import sys, nncore; print(*sorted(sys.modules))")
    assert done.returncode == 0, done.stderr
    modules = done.stdout.split()
    ours = {name for name in modules if name.split(".")[0] == "nncore"}
    assert ours <= {"nncore", "nncore._core", "nncore._cpu", "nncore._isa", "nncore._threadpool"}
    heavy = {"gymnasium", "matplotlib", "safetensors", "scipy", "sklearn", "threadpoolctl", "torch", "tqdm"}
    assert heavy.isdisjoint(modules)


@pytest.mark.parametrize("family", ["datasets", "nn", "plot", "rl", "sequence", "textbook"])
def test_a_family_loads_on_first_use(family):
    done = run(f"import sys, nncore; nncore.{family}; print('nncore.{family}' in sys.modules)")
    assert done.stdout.split() == ["True"], done.stderr


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'nncore' has no attribute 'nothing'"):
        nncore.nothing  # noqa: B018
    assert set(nncore.__all__) <= set(dir(nncore))


def test_show_config_prints_what_it_returns(capsys):
    config = nncore.show_config(mode="dict")
    assert nncore.show_config() is None
    printed = capsys.readouterr().out
    assert config["version"] == nncore.__version__
    assert config["isa"] == nncore.isa
    assert config["isa"] in config["available"]
    assert config["threads"] == nncore.get_num_threads()
    for key, value in config.items():
        for word in value if isinstance(value, tuple) else [value]:
            assert any(line.startswith(f"{key}:") and str(word) in line for line in printed.splitlines())


def test_show_config_refuses_another_mode():
    with pytest.raises(ValueError, match="mode must be 'stdout' or 'dict', but is 'json'"):
        nncore.show_config("json")


def test_the_number_of_threads_can_be_set(threads):
    nncore.set_num_threads(3)
    assert nncore.get_num_threads() == 3


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (2**40, ValueError), (1.5, TypeError)])
def test_the_number_of_threads_is_checked(threads, n, error):
    before = nncore.get_num_threads()
    with pytest.raises(error, match="n must be"):
        nncore.set_num_threads(n)
    assert nncore.get_num_threads() == before


def test_the_environment_sets_the_number_of_threads():
    done = run("import nncore; print(nncore.get_num_threads())", NNCORE_NUM_THREADS="3")
    assert done.stdout.split() == ["3"], done.stderr


@pytest.mark.parametrize(
    ("highest", "wanted", "chosen"),
    [
        ("x86-64-v2", "", "x86-64-v2"),
        ("x86-64-v4", "", "x86-64-v4"),
        ("x86-64-v4", "x86-64-v2", "x86-64-v2"),
        ("x86-64-v3", "x86-64-v3", "x86-64-v3"),
    ],
)
def test_the_highest_level_is_chosen_unless_one_is_named(highest, wanted, chosen):
    assert _isa.choose(highest, wanted) == chosen


@pytest.mark.parametrize(
    ("highest", "wanted", "message"),
    [
        ("x86-64-v3", "x86-64-v4", "NNCORE_ISA asks for x86-64-v4, but this processor has x86-64-v2, x86-64-v3 only"),
        ("x86-64-v4", "avx9", "NNCORE_ISA must be one of x86-64-v2, x86-64-v3, x86-64-v4, but is 'avx9'"),
        ("x86-64", "", "nncore needs a processor of level x86-64-v2 or above, but this one is x86-64"),
    ],
)
def test_a_level_that_cannot_run_is_an_import_error(highest, wanted, message):
    with pytest.raises(ImportError, match=message):
        _isa.choose(highest, wanted)


def test_the_kernels_of_the_chosen_level_are_loaded(monkeypatch):
    loaded = []
    cpu = types.ModuleType("nncore._cpu")
    cpu.level = lambda: "x86-64-v3"
    cpu.load = loaded.append
    monkeypatch.setitem(sys.modules, "nncore._cpu", cpu)
    monkeypatch.setenv("NNCORE_ISA", "x86-64-v2")
    assert _isa.select("/a/nncore") == ("x86-64-v2", "x86-64-v3")
    assert loaded == ["/a/nncore/x86-64-v2/libnncore_kernels.so"]


def test_a_library_that_cannot_be_loaded_is_an_import_error():
    cpu = pytest.importorskip("nncore._cpu", reason="a build of one level")
    with pytest.raises(ImportError, match="/nowhere/libnncore_kernels.so"):
        cpu.load("/nowhere/libnncore_kernels.so")


@pytest.mark.parametrize("level", [*_isa.LEVELS, "avx9"])
def test_the_environment_chooses_the_level_or_the_import_fails_plainly(level):
    done = run("import nncore; print(nncore.isa)", NNCORE_ISA=level)
    if level in nncore.show_config(mode="dict")["available"]:
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [level]
    else:
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("ImportError: NNCORE_ISA ")


@pytest.mark.parametrize("level", [*_isa.LEVELS, "avx9"])
@pytest.mark.parametrize("way", ["script", "module"])
def test_the_command_says_in_one_line_that_a_level_cannot_run(way, level, tmp_path):
    script = tmp_path / "nncore"
    script.write_text("import sys; from nncore.cli import main; sys.exit(main())")
    start = [str(script)] if way == "script" else ["-m", "nncore"]
    env = {**os.environ, "NNCORE_ISA": level}
    done = subprocess.run([sys.executable, *start, "info"], env=env, capture_output=True, text=True)
    if level in nncore.show_config(mode="dict")["available"]:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1
        assert re.fullmatch(r"nncore: NNCORE_ISA .*\n", done.stderr), done.stderr
