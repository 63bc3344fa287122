"""``nncore tour``: one model of each family on embedded data, and a page of pictures."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from nncore.cli.files import check_writable, made_folder, write_text


def add_to(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "tour",
        help="train a model of each family and make a page of pictures",
        description="Train one model of each family on embedded data, about a minute in all, and write a page of "
        "pictures of what they learned.",
    )
    parser.add_argument("-o", "--output", default="nncore-tour", metavar="FOLDER", help="default: nncore-tour")
    parser.add_argument("--quick", action="store_true", help="train for a moment only: to see that all works")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Make every stop, then the page."""
    folder = Path(arguments.output)
    with made_folder(folder):
        check_writable(folder / "index.html")
        _make(folder / "index.html", quick=arguments.quick)


def _make(page: Path, *, quick: bool) -> None:
    import nncore
    from nncore.cli.tour import control, language, memories, words, worlds
    from nncore.cli.tour.page import make_page

    started = time.perf_counter()
    threads = nncore.get_num_threads()
    where = f"nncore {nncore.__version__} · {nncore.isa} · {threads} {'threads' if threads > 1 else 'thread'}"
    print(where)
    places = (language, words, worlds, control, memories)
    visited = [place.visit(quick=quick) for place in places]
    stops = [stop for stop in visited if stop is not None]
    seconds = time.perf_counter() - started
    write_text(page, make_page(stops, where, seconds))
    print(f"\n{seconds:.0f} s in all. The pictures: {page}")
    if not any(stop.has_pictures for stop in stops):
        print("There are none without matplotlib: pip install 'nncore[plot]'", file=sys.stderr)
