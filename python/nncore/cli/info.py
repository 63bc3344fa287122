"""``nncore info``: which build runs here."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser("info", help="show the version, the instruction set and the threads in use")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Print what `nncore.show_config` shows."""
    import nncore

    nncore.show_config()
