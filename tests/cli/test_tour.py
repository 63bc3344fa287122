from __future__ import annotations

import base64
import contextlib
import importlib.util
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from nncore.cli import main
from nncore.cli.tour.language import _features, _unit_that_follows, _whole_lines
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


class Made(NamedTuple):
    """What a tour left behind."""

    folder: Path
    page: str
    out: str
    err: str


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Made:
    pytest.importorskip("matplotlib", reason=NEEDS_MATPLOTLIB)
    folder = tmp_path_factory.mktemp("tour") / "made" / "on the way"
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        assert main(["tour", "--quick", "-o", str(folder)]) == 0
    return Made(folder, (folder / "index.html").read_text(encoding="utf-8"), out.getvalue(), err.getvalue())


@pytest.fixture
def page(tour: Made) -> str:
    return tour.page


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


def test_the_tour_leaves_the_page_alone_in_its_folder(tour: Made) -> None:
    assert [path.name for path in tour.folder.iterdir()] == ["index.html"]


def test_the_page_is_whole(page: str) -> None:
    check_html(page)


def test_the_page_has_its_pictures(page: str) -> None:
    language = ("Bits per character on the text", "Forget gate", "Input gate", "Output gate", "The state h")
    words = ("How often each word comes", "Vectors of 70 frequent words")
    worlds = ("A house with slippery floors", "What an episode brought")
    control = ("For how many steps the pole stood", "What it does with a cart", "Its memory at the end")
    control = control if importlib.util.find_spec("gymnasium") else ()
    memories = ("From the upper half of a digit", "What 36 hidden units look for", "Six dreams")
    memories = memories if importlib.util.find_spec("sklearn") else ()
    for caption in (*language, *words, *worlds, *control, *memories):
        assert f'alt="{caption}' in page
    pictures = re.findall(r'(?:src|srcset)="data:image/png;base64,([^"]*)"', page)
    assert len(pictures) == 2 * (9 + len(control) + len(memories))  # light and dark
    assert len(set(pictures)) == len(pictures)
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)


def test_a_picture_much_wider_than_a_phone_is_scrolled_instead_of_shrunk(page: str) -> None:
    figures = re.findall(r'<figure( class="wide")?>.*?width="(\d+)"', page)
    assert [bool(wide) for wide, _ in figures] == [int(width) > 500 for _, width in figures]
    assert any(wide for wide, _ in figures)
    assert re.search(r"\.wide picture {[^}]*overflow-x: auto", page)
    assert re.search(r"\.wide img {[^}]*max-width: none", page)


def test_the_page_needs_nothing_else(page: str) -> None:
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_the_page_shows_what_the_model_wrote(page: str) -> None:
    assert '<b class="prompt">CORIOLANUS:\n</b>' in page


def test_the_page_has_the_rhyme_and_the_nearest_words(page: str) -> None:
    assert "<tr><td><b>a</b></td><td>crooked 6/7, little 1/7</td></tr>" in page
    assert re.search(r"<td><b>king</b></td><td>(\w|')+(, (\w|')+){4}</td>", page)


def test_the_page_has_the_six_rooms(page: str) -> None:
    assert "<tr><td><b>room 3</b></td><td></td><td>80</td><td>51</td><td></td><td>80</td><td></td></tr>" in page
    assert re.search("goes room 2 → room 3 → room [14] → outside", page)


def test_the_tour_says_what_it_does(tour: Made) -> None:
    assert "a        → crooked 6/7, little 1/7" in tour.out
    assert "bits per character of text it has not seen" in tour.out
    assert re.search(r"from room 2: 2 → 3 → [14] → 5\n", tour.out)
    assert "    CORIOLANUS:" in tour.out
    assert re.search(r"of 500 steps\.\n|pip install 'nncore\[rl\]'\n", tour.out)
    assert str(tour.folder / "index.html") in tour.out
    assert not tour.err  # no progress bar where standard error is not a terminal


@pytest.mark.usefixtures("no_matplotlib")
def test_the_tour_without_matplotlib(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour", "--quick", "-o", str(tmp_path)]) == 0
    assert "pip install 'nncore[plot]'" in capsys.readouterr().err
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    check_html(page)
    assert "<img" not in page
    assert "CORIOLANUS" in page


@pytest.mark.usefixtures("no_matplotlib")
def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").write_text("old", encoding="utf-8")

    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    assert main(["tour", "--quick", "-o", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("there", [[], ["made"], ["made", "on the way"]])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), FloatingPointError("diverged")])
def test_a_tour_that_is_stopped_leaves_no_folder_that_it_made(
    there: list[str], error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*, quick: bool) -> None:
        assert (tmp_path / "made" / "on the way").is_dir()
        raise error

    tmp_path.joinpath(*there).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr("nncore.cli.tour.language.visit", stop)
    assert main(["tour", "--quick", "-o", str(tmp_path / "made" / "on the way")]) != 0
    left = [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))]
    assert left == ["/".join(there[: n + 1]) for n in range(len(there))]


def test_a_tour_that_is_stopped_leaves_what_else_is_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*, quick: bool) -> None:
        (tmp_path / "made" / "note").write_text("mine", encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setattr("nncore.cli.tour.language.visit", stop)
    assert main(["tour", "--quick", "-o", str(tmp_path / "made")]) == 130
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["note"]


def test_the_cell_of_the_page_is_the_one_that_follows_the_text_best() -> None:
    text = "ANN:\nWhat say you, my lord?\n\nTHE DUKE:\nNothing.\n"
    features = _features(text)
    line, named = features.values()
    assert line.tolist()[:8] == [1, 2, 3, 4, 5, 1, 2, 3]
    assert named.tolist() == [1.0] * 5 + [0.0] * 24 + [1.0] * 10 + [0.0] * 9
    cells = np.random.default_rng(0).standard_normal((len(text), 6))
    cells[:, 4] = 5 - 3 * named
    unit, correlation, what = _unit_that_follows(cells, features)
    assert (unit, what) == (4, list(features)[1])
    assert correlation == pytest.approx(-1)


@pytest.mark.parametrize(
    ("passage", "shown"),
    [
        ("Speak, sir.\nI will not he", "Speak, sir."),
        ("Speak, sir.\n\nANN:\nI wi", "Speak, sir."),
        ("Speak, sir.\n\nAN", "Speak, sir."),
        ("He said: go.\nAnd th", "He said: go."),
        ("no line", "no line"),
    ],
)
def test_a_passage_ends_where_a_line_does(passage: str, shown: str) -> None:
    assert _whole_lines(passage) == shown


def test_text_is_escaped() -> None:
    stop = Stop("<b>", "", [("<", "&")], [coloured_text("<a\n&", [1.0, -0.5, 0.0, 0.25])])
    page = make_page([stop], "<where>", 1.0)
    check_html(page)
    assert "&lt;where&gt;" in page
    assert all(f">{character}</span>" in page for character in ("&lt;", "a", "&amp;"))
    assert page.count("<span style=") == 3


def test_colours_follow_sign_and_size() -> None:
    html = coloured_text("abc", [2.0, -1.0, 0.0])
    assert re.findall(r"var\(--(above|below)\) (\d+)%", html) == [("above", "85"), ("below", "42"), ("below", "0")]
