"""The command line: one file per command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from nncore.cli import agent, convert, info, lm, tour, word2vec

_OPTIONS = {  # what messages say of arguments, and what the command line has
    "unicode_errors, of LineSentence for one,": "--unicode-errors",
    'unicode_errors="replace"': "--unicode-errors replace",
    "buffer_size": "--buffer-size",
}
COMMANDS = (tour, info, lm, word2vec, agent, convert)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    code : int
        0; 2 when the user must change something, 130 after Ctrl-C. What is wrong is one line on standard error.
    """
    arguments = make_parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character ends no training
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nnncore: stopped", file=sys.stderr)
        return 130
    except MemoryError as error:
        text = _one_line(error)
        known = text not in ("MemoryError", "std::bad_alloc")
        print(f"nncore: {text if known else 'there is not enough memory for this'}", file=sys.stderr)
        return 2
    except (OSError, ValueError, ImportError, FloatingPointError) as error:
        print(f"nncore: {_one_line(error)}", file=sys.stderr)
        return 2
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    from nncore import __version__

    parser = argparse.ArgumentParser(prog="nncore", description="The classic neural networks at native speed on a CPU.")
    parser.add_argument("--version", action="version", version=f"nncore {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = " ".join(str(error).split()) or type(error).__name__
    for argument, option in _OPTIONS.items():
        text = text.replace(argument, option)
    return text
