from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nncore.cli import main
from nncore.cli.tour.page import Stop, coloured_text, make_page

VOID = {"meta", "img", "source", "br", "link", "hr"}
NEEDS_MATPLOTLIB = "pictures need matplotlib"


class Balance(HTMLParser):
    """Fails unless every tag is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_html(page: str) -> None:
    balance = Balance()
    balance.feed(page)
    assert balance.open == []


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("matplotlib", reason=NEEDS_MATPLOTLIB)
    folder = tmp_path_factory.mktemp("tour") / "made" / "on the way"
    assert main(["tour", "--quick", "-o", str(folder)]) == 0
    assert [path.name for path in folder.iterdir()] == ["index.html"]
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_page_is_whole(page: str) -> None:
    check_html(page)


def test_the_page_has_the_curve_and_the_gates(page: str) -> None:
    for caption in ("Bits per character on the text", "Forget gate", "Input gate", "Output gate", "The state h"):
        assert f'alt="{caption}' in page
    pictures = re.findall(r'(?:src|srcset)="data:image/png;base64,([^"]*)"', page)
    assert len(pictures) == 2 * 5  # light and dark
    assert len(set(pictures)) == len(pictures)
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)


def test_the_page_needs_nothing_else(page: str) -> None:
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_the_page_shows_what_the_model_wrote(page: str) -> None:
    assert '<b class="prompt">CORIOLANUS:\n</b>' in page


def test_the_tour_says_what_it_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason=NEEDS_MATPLOTLIB)
    assert main(["tour", "--quick", "-o", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "bits per character of text it has not seen" in shown.out
    assert "    CORIOLANUS:" in shown.out
    assert str(tmp_path / "index.html") in shown.out
    assert not shown.err


def test_the_tour_without_matplotlib(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["tour", "--quick", "-o", str(tmp_path)]) == 0
    assert "pip install 'nncore[plot]'" in capsys.readouterr().err
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    check_html(page)
    assert "<img" not in page
    assert "CORIOLANUS" in page


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").write_text("old", encoding="utf-8")

    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    assert main(["tour", "--quick", "-o", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == "old"


def test_text_is_escaped() -> None:
    stop = Stop("<b>", "", [("<", "&")], [coloured_text("<a\n&", [1.0, -0.5, 0.0, 0.25])])
    page = make_page([stop], "<where>", 1.0)
    check_html(page)
    assert "&lt;where&gt;" in page
    assert page.count("<span style=") == 3


def test_colours_follow_sign_and_size() -> None:
    html = coloured_text("abc", [2.0, -1.0, 0.0])
    assert re.findall(r"var\(--(above|below)\) (\d+)%", html) == [("above", "85"), ("below", "42"), ("below", "0")]
