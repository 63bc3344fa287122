from __future__ import annotations

import subprocess
import sys

import pytest

from nncore import energy

BLOCKED = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("scipy", "sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from nncore import energy
energy."""


@pytest.mark.parametrize("name", energy.__all__)
def test_without_scikit_learn_every_name_says_what_to_install(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED + name], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: nncore.energy needs scikit-learn: pip install 'nncore[sklearn]'" in done.stderr
