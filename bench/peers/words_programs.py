"""Speed of word2vec against programs in C and C++, one thread, interleaved rounds; not part of a run by itself.

The time for an epoch is half of what three epochs take longer than one, so that neither the vocabulary nor the writing
of vectors counts. The programs read the file again in each epoch; nncore keeps the numbers of the words from the first.

The word2vec.c of github.com/tmikolov/word2vec ends after one epoch whatever is asked for, as it never forgets that it
has reached the file's end: where it counts an epoch less (`local_iter--`), add `eof = 0`.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import harness
import numpy as np

from nncore.text import Word2Vec

SKIP_GRAM: dict[str, Any] = {"sg": 1}
CBOW: dict[str, Any] = {"alpha": 0.05}
_C = (
    "-train {path} -output {output} -size 100 -window 5 -negative 5 -sample 1e-4 -min-count 5 -threads 1 -iter {epochs}"
)
_CPP = "-f {path} -o {output} -s 100 -w 5 -n 5 -l 1e-4 -m 5 -t 1 -a 0.05 -i {epochs}"
COMMANDS = {  # of the programs, each the work and its options
    "word2vec": {"skip-gram": (SKIP_GRAM, _C + " -hs 0 -cbow 0"), "cbow": (CBOW, _C + " -hs 0 -cbow 1 -alpha 0.05")},
    "pWord2Vec": {"skip-gram": (SKIP_GRAM, _C)},
    "word2vec++": {"cbow": (CBOW, _CPP)},
}


def compare(binaries: Mapping[str, str], path: str, common: Mapping[str, Any], rounds: int) -> None:
    """Print how many times as fast nncore trains as each program of which the binary is given."""
    for name, works in COMMANDS.items():
        if name not in binaries:
            print(f"{name}: not run, its binary was not given with --program {name}=BINARY")
            continue
        for work, (settings, arguments) in works.items():
            print(f"{work}, {name} / nncore: {_ratio(binaries[name], arguments, path, {**common, **settings}, rounds)}")


def _ratio(binary: str, arguments: str, path: str, settings: Mapping[str, Any], rounds: int) -> str:
    model = Word2Vec(**settings, workers=1)
    model.build_vocab(corpus_file=path)
    with tempfile.TemporaryDirectory() as folder:

        def run(epochs: int) -> None:
            command = arguments.format(path=path, output=Path(folder) / "vectors", epochs=epochs).split()
            subprocess.run([binary, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

        candidates: dict[str, Callable[[], object]] = {}
        for epochs in (1, 3):
            candidates[f"program {epochs}"] = lambda n=epochs: run(n)
            candidates[f"nncore {epochs}"] = lambda n=epochs: model.train(corpus_file=path, epochs=n)
        timing = harness.measure(candidates, rounds, 0.0)
    theirs, ours = (
        np.subtract(timing.seconds[f"{name} 3"], timing.seconds[f"{name} 1"]) for name in ("program", "nncore")
    )
    return harness.ratio_text(harness.spread(list(theirs / ours)))
