from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from nncore.cli import main
from nncore.text import KeyedVectors, Word2Vec


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "corpus.txt"
    path.write_text("the cat sat on the mat\nthe dog sat on the rug\n" * 200, encoding="utf-8")
    return str(path)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on standard error of a command that the user must change."""
    assert main(["word2vec", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("nncore: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("name", ["v.txt", "v.bin", "v.safetensors", "v.txt.gz"])
def test_it_trains_and_writes(corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    output, model = tmp_path / name, tmp_path / "model"
    options = ("--sg", "--vector-size", "7", "--epochs", "2", "--workers", "1", "--model", str(model))
    assert main(["word2vec", corpus, "-o", str(output), *options]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("7 words; 2400 in the corpus, 400 sentences\n")
    assert re.search(r"^epoch 2: loss \d\.\d{4}, [\d,]+ words/s$", shown.out, re.MULTILINE)
    assert shown.out.endswith(f"wrote {output}\n")
    assert shown.err == ""
    if name == "v.safetensors":
        wv = KeyedVectors.load(output)
    else:
        wv = KeyedVectors.load_word2vec_format(output, binary=name == "v.bin")
    assert wv.index_to_key[0] == "the" and wv.vectors.shape == (7, 7)
    whole = Word2Vec.load(model)
    assert whole.sg == 1 and whole.wv.index_to_key == wv.index_to_key


def test_a_sample_that_drops_all_is_said(corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["word2vec", corpus, "-o", str(tmp_path / "v.txt"), "--sample", "1e-12", "--epochs", "1"]) == 0
    assert "epoch 1: no word has a neighbour, " in capsys.readouterr().out


def test_text_that_is_not_utf8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, output = tmp_path / "corpus", tmp_path / "v"
    corpus.write_bytes(b"caf\xe9 open\n" * 20)
    error = refused(capsys, corpus, "-o", output)
    assert "byte 3 (line 1) is not" in error and '--unicode-errors can be "ignore" or "replace"' in error
    options = ("-o", str(output), "--unicode-errors", "replace", "--workers", "1", "--vector-size", "2")
    assert main(["word2vec", str(corpus), *options]) == 0
    assert sorted(KeyedVectors.load_word2vec_format(output).index_to_key) == ["caf\ufffd", "open"]


def test_what_is_wrong_is_said_in_a_line(corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "v"
    assert "No such file" in refused(capsys, tmp_path / "none", "-o", output)
    assert "must not replace the corpus" in refused(capsys, corpus, "-o", corpus)
    assert "none comes 999 times" in refused(capsys, corpus, "-o", output, "--min-count", 999)
    assert "window must be at least 1" in refused(capsys, corpus, "-o", output, "--window", 0)
    assert "--negative 0 leaves nothing to train without --hs" in refused(capsys, corpus, "-o", output, "--negative", 0)
    assert not output.exists()


def test_ctrl_c_keeps_the_vectors(tmp_path: Path) -> None:
    corpus, output = tmp_path / "corpus.txt", tmp_path / "v.txt"
    corpus.write_text("the cat sat on the mat and the dog sat on the rug\n" * 20_000, encoding="utf-8")
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))  # of no width there would be no bar
    command = [sys.executable, "-m", "nncore", "word2vec", str(corpus), "-o", str(output), "--epochs", "100000"]
    # A shell starts what it puts in the background with Ctrl-C ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        os.close(follower)
        seen = b""
        while b"epoch " not in seen and select.select([leader], [], [], 30)[0]:
            seen += os.read(leader, 4096)  # the bar moves: it is training
        assert b"epoch " in seen
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        out = process.stdout.read()
        assert process.wait(30) == 0
    os.close(leader)
    assert b"words/s" in out or b"wrote" in out
    assert len(KeyedVectors.load_word2vec_format(output)) == 8
