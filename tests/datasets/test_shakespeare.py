from __future__ import annotations

import hashlib
from importlib import resources

from nncore import datasets


def test_the_excerpt_is_the_one_that_was_chosen() -> None:
    text = datasets.load_shakespeare()
    assert len(text) == 199_994
    assert len(set(text)) == 62
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    assert digest == "d48b8b09f2897bd9046088795c8ba6060e7a4394a2f1e58a562a4cea0a0a74dc"


def test_the_excerpt_begins_and_ends_with_whole_speeches() -> None:
    text = datasets.load_shakespeare()
    assert text.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\n")
    assert text.endswith("When thou hast broke it in so dear degree?\n")
    assert not text.endswith("\n\n")


def test_the_excerpt_holds_both_plays() -> None:
    text = datasets.load_shakespeare()
    assert "CORIOLANUS:\n" in text
    assert "Now is the winter of our discontent" in text


def test_the_excerpt_costs_less_than_100_kb_in_the_wheel() -> None:
    file = resources.files(datasets) / "data" / "shakespeare.txt.gz"
    assert len(file.read_bytes()) < 100_000


def test_the_docstring_names_work_source_and_licence() -> None:
    doc = datasets.load_shakespeare.__doc__ or ""
    for word in ("Coriolanus", "Richard III", "karpathy/char-rnn", "public domain"):
        assert word in doc
