"""``nncore lm``: trains a language model on a text file, and writes more of the same."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "lm",
        help="train a language model on a text file",
        description="Train a recurrent language model on a text file (UTF-8) and print a passage that it writes.",
    )
    parser.add_argument("corpus", metavar="CORPUS", help="the text file")
    parser.add_argument("-o", "--output", metavar="FILE", help="save the model here (safetensors)")
    parser.add_argument("--level", choices=("char", "word"), default="char", help="what a token is (default: char)")
    parser.add_argument("--cell", choices=("lstm", "gru", "elman"), default="lstm", help="default: lstm")
    parser.add_argument("--hidden-size", type=int, default=128, metavar="N", help="units of a layer (default: 128)")
    parser.add_argument("--num-layers", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--epochs", type=int, default=10, metavar="N", help="passes over the text (default: 10)")
    parser.add_argument("--learning-rate", type=float, default=2e-3, metavar="X", help="Adam's (default: 0.002)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument("--generate", type=int, default=400, metavar="N", help="tokens to write (default: 400)")
    parser.add_argument("--prompt", default="", metavar="TEXT", help="what the passage begins with")
    parser.add_argument("--temperature", type=float, default=0.7, metavar="X", help="default: 0.7")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Train, save if asked, and print a passage."""
    from nncore.cli.files import check_writable
    from nncore.sequence import LanguageModel

    try:
        text = Path(arguments.corpus).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{arguments.corpus}: not UTF-8 text at byte {error.start}") from None
    _check(arguments, text)
    if arguments.output:
        check_writable(Path(arguments.output))
        if Path(arguments.output).exists() and Path(arguments.output).samefile(arguments.corpus):
            raise ValueError(f"{arguments.output}: the model must not replace the text that it is to learn")
    word = arguments.level == "word"
    model = LanguageModel(
        level=arguments.level,
        cell=arguments.cell,
        hidden_size=arguments.hidden_size,
        num_layers=arguments.num_layers,
        epochs=arguments.epochs,
        learning_rate=arguments.learning_rate,
        min_count=2 if word else 1,
        random_state=arguments.seed,
        verbose=1,
    )
    try:
        model.fit(text)
    except KeyboardInterrupt:
        if arguments.output and hasattr(model, "net_"):
            model.save(arguments.output)
            print(f"\nsaved {arguments.output} as far as it has come")
        raise
    bits, speed = model.history_["bits_per_character"][-1], model.history_["characters_per_second"][-1]
    print(f"{bits:.3f} bits per character in the last epoch, {speed:,.0f} characters per second")
    if arguments.output:
        model.save(arguments.output)
        print(f"saved {arguments.output}")
    if arguments.generate:
        passage = model.generate(
            arguments.generate,
            prompt=arguments.prompt,
            temperature=arguments.temperature,
            random_state=arguments.seed,
        )
        print(f"\n{arguments.prompt}{' ' if word and arguments.prompt else ''}{passage}")


def _check(arguments: argparse.Namespace, text: str) -> None:
    """Refuse what would only be found after training."""
    from nncore.sequence.language_model import MOST_TOKENS

    if not 0 <= arguments.generate <= MOST_TOKENS:
        raise ValueError(f"--generate must be at least 0 and at most {MOST_TOKENS}, but is {arguments.generate}")
    if not 0 <= arguments.temperature < math.inf:
        raise ValueError(f"--temperature must be at least 0 and finite, but is {arguments.temperature}")
    strange = sorted(set(arguments.prompt) - set(text))
    if arguments.level == "char" and strange:
        raise ValueError(f"--prompt has the character {strange[0]!r}, which {arguments.corpus} does not have")
