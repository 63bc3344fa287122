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
from pathlib import Path

import pytest

import nncore
from nncore.cli import main
from nncore.sequence import LanguageModel

TEXT = "the cat sat on the mat, the rat sat on the cat. " * 40


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on standard error of a command that the user must change."""
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("nncore: ")
    assert error.count("\n") == 1
    return error


def test_info_shows_the_build(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    shown = capsys.readouterr().out
    assert nncore.__version__ in shown
    assert nncore.isa in shown


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"nncore {nncore.__version__}\n"


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "nncore", "info"], capture_output=True, text=True, check=True)
    assert nncore.__version__ in done.stdout
    assert not done.stderr


def test_an_unknown_command_is_an_error_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["word2vex"])
    assert stop.value.code == 2
    assert "word2vex" in capsys.readouterr().err


def test_lm_trains_saves_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, output = tmp_path / "corpus.txt", tmp_path / "model.safetensors"
    corpus.write_text(TEXT, encoding="utf-8")
    arguments = ["lm", str(corpus), "-o", str(output), "--hidden-size", "16", "--epochs", "2", "--generate", "30"]
    assert main([*arguments, "--prompt", "the "]) == 0
    shown = capsys.readouterr()
    model = LanguageModel.load(output)
    passage = "the " + model.generate(30, prompt="the ", temperature=0.7, random_state=0)
    assert shown.out.endswith(f"\n{passage}\n")
    assert f"{model.history_['bits_per_character'][-1]:.3f} bits per character" in shown.out
    assert not shown.err  # no progress bar where standard error is not a terminal


def test_a_missing_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "none.txt: No such file" in refused(capsys, "lm", str(tmp_path / "none.txt"))


def test_a_corpus_that_is_not_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "latin1.txt"
    corpus.write_bytes("caf\xe9 ".encode("latin-1") * 50)
    assert "latin1.txt: not UTF-8 text at byte 3" in refused(capsys, "lm", str(corpus))


def test_a_folder_that_cannot_be_written_is_found_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(LanguageModel, "fit", lambda *arguments, **more: pytest.fail("trained first"))
    assert "file" in refused(capsys, "tour", "--quick", "-o", str(file / "folder"))
    assert "file: Not a directory" in refused(capsys, "tour", "--quick", "-o", str(file))
    assert "file" in refused(capsys, "lm", str(file), "-o", str(file / "model.safetensors"))
    folder = tmp_path / "folder"
    (folder / "index.html").mkdir(parents=True)
    assert "index.html: Is a directory" in refused(capsys, "tour", "--quick", "-o", str(folder))
    assert "folder: Is a directory" in refused(capsys, "lm", str(file), "-o", str(folder))


def test_lm_makes_no_folder_for_its_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(LanguageModel, "fit", lambda *arguments, **more: pytest.fail("trained first"))
    folder = tmp_path / "missing" / "folder"
    said = refused(capsys, "lm", str(corpus), "-o", str(folder / "model.safetensors"))
    assert said == f"nncore: {folder}: No such file or directory\n"
    assert list(tmp_path.iterdir()) == [corpus]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_size", "0"),
        ("epochs", "0"),
        ("learning_rate", "-1"),
        ("generate", "-1"),
        ("generate", "100000001"),
        ("temperature", "nan"),
        ("prompt", "the dog"),
    ],
)
def test_a_wrong_setting_is_found_before_training(
    name: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr("nncore.sequence._training._step", lambda *arguments: pytest.fail("trained first"))
    assert name in refused(capsys, "lm", str(corpus), f"--{name.replace('_', '-')}", value)


def test_a_reader_that_leaves_early_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "nncore", "info"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_without_the_letters_gets_question_marks(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("né " * 200, encoding="utf-8")
    arguments = ["lm", str(corpus), "--hidden-size", "4", "--epochs", "1", "--prompt", "né", "--generate", "3"]
    done = subprocess.run(
        [sys.executable, "-m", "nncore", *arguments],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert b"\nn?" in done.stdout


def read_terminal(terminal: int, until: str | None = None) -> str:
    """What appears on a terminal until a word does, or until the program has ended."""
    shown = ""
    while until is None or until not in shown:
        assert select.select([terminal], [], [], 60)[0], f"nothing more for a minute after {shown!r}"
        try:
            shown += os.read(terminal, 4096).decode()
        except OSError:  # how Linux says that nobody writes there any more
            break
    return shown


def test_on_a_terminal_there_is_a_progress_bar_and_ctrl_c_ends_it_in_one_line(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(TEXT, encoding="utf-8")
    terminal, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))  # 24 lines of 100 characters
    command = [sys.executable, "-m", "nncore", "lm", str(corpus), "--epochs", "1000000"]
    # A shell starts what it puts in the background with Ctrl-C ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=inner)
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(inner)
    try:
        shown = read_terminal(terminal, "bits/char")
        process.send_signal(signal.SIGINT)
        shown += read_terminal(terminal)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert re.search(r"epoch \d+/1000000", shown)
    assert "Traceback" not in shown
    assert shown.endswith("\nnncore: stopped\r\n")


def test_ctrl_c_says_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(nncore, "show_config", interrupt)
    assert main(["info"]) == 130
    assert capsys.readouterr().err == "\nnncore: stopped\n"


def test_a_model_does_not_replace_its_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(TEXT)
    link = tmp_path / "link"
    link.symlink_to(corpus)
    for output in (corpus, link):
        assert "must not replace the text" in refused(capsys, "lm", str(corpus), "-o", str(output))
    assert corpus.read_text() == TEXT


def test_a_stopped_training_is_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, output = tmp_path / "corpus.txt", tmp_path / "model.safetensors"
    corpus.write_text(TEXT)
    fit = LanguageModel.fit

    def stopped(self: LanguageModel, text: str) -> None:
        fit(self, text)
        raise KeyboardInterrupt

    monkeypatch.setattr(LanguageModel, "fit", stopped)
    assert main(["lm", str(corpus), "-o", str(output), "--hidden-size", "8", "--epochs", "1"]) == 130
    assert f"saved {output} as far as it has come" in capsys.readouterr().out
    assert LanguageModel.load(output).generate(5, random_state=0)


def test_too_little_memory_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(self: LanguageModel, text: str) -> None:
        raise MemoryError

    monkeypatch.setattr(LanguageModel, "fit", no_memory)
    assert "not enough memory" in refused(capsys, "lm", __file__)
