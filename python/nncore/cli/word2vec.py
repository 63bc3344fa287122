"""``nncore word2vec``: trains word vectors on a text file."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "word2vec",
        help="train word vectors on a text file",
        description="Train word vectors (word2vec) on a text file: UTF-8, a sentence per line, words between white "
        "space; .gz, .bz2 and .xz are decompressed. Ctrl-C ends the training early and keeps the vectors.",
    )
    parser.add_argument("corpus", metavar="CORPUS", help="the text file")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="the vectors: word2vec's text format, its binary one (.bin), or nncore's own (.safetensors)",
    )
    parser.add_argument("--model", metavar="FILE", help="save the whole model here, to train on later (safetensors)")
    parser.add_argument("--sg", action="store_true", help="skip-gram (default: CBOW)")
    parser.add_argument("--hs", action="store_true", help="hierarchical softmax (default: negative sampling)")
    parser.add_argument("--negative", type=int, metavar="N", help="negatives (default: 5, or 0 with --hs)")
    parser.add_argument("--vector-size", type=int, default=100, metavar="N", help="default: 100")
    parser.add_argument("--window", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument("--min-count", type=int, default=5, metavar="N", help="leave rarer words out (default: 5)")
    parser.add_argument("--max-words", type=int, metavar="N", help="at most so many words")
    parser.add_argument("--sample", type=float, default=1e-3, metavar="X", help="subsampling (default: 0.001; 0: none)")
    parser.add_argument("--alpha", type=float, metavar="X", help="learning rate (default: 0.025, CBOW 0.05)")
    parser.add_argument("--epochs", type=int, default=5, metavar="N", help="passes over the corpus (default: 5)")
    parser.add_argument("--workers", type=int, metavar="N", help="threads (default: all)")
    parser.add_argument("--deterministic", action="store_true", help="the same bits for any number of threads")
    parser.add_argument(
        "--unicode-errors",
        choices=("strict", "ignore", "replace"),
        default="strict",
        help="what to do with bytes that are not UTF-8 (default: strict, an error)",
    )
    parser.add_argument("--memory-limit", type=int, metavar="MB", help="of the encoded corpus; the rest goes to a file")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: 1")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Count, train, and write the vectors."""
    from nncore.cli.files import check_writable
    from nncore.text import LineSentence, Word2Vec

    output = Path(arguments.output)
    for file in (output, *([Path(arguments.model)] if arguments.model else [])):
        check_writable(file)
        if file.exists() and Path(arguments.corpus).exists() and file.samefile(arguments.corpus):
            raise ValueError(f"{file}: what is written must not replace the corpus")
    if arguments.negative == 0 and not arguments.hs:
        raise ValueError("--negative 0 leaves nothing to train without --hs")
    limit = arguments.memory_limit
    model = Word2Vec(
        sg=int(arguments.sg),
        hs=int(arguments.hs),
        negative=(0 if arguments.hs else 5) if arguments.negative is None else arguments.negative,
        vector_size=arguments.vector_size,
        window=arguments.window,
        min_count=arguments.min_count,
        max_final_vocab=arguments.max_words,
        sample=arguments.sample,
        alpha=(0.025 if arguments.sg else 0.05) if arguments.alpha is None else arguments.alpha,
        epochs=arguments.epochs,
        workers=arguments.workers,
        deterministic=arguments.deterministic,
        memory_limit=None if limit is None else limit * 2**20,
        seed=arguments.seed,
        verbose=1,
    )
    corpus = LineSentence(arguments.corpus, unicode_errors=arguments.unicode_errors)
    model.build_vocab(corpus)
    print(f"{len(model.wv)} words; {model.corpus_total_words} in the corpus, {model.corpus_count} sentences")
    try:
        model.train(corpus)
    except KeyboardInterrupt:
        print("\nstopped: the vectors are kept as they are", file=sys.stderr)
    if output.suffix == ".safetensors":
        model.wv.save(output)
    else:
        model.wv.save_word2vec_format(output, binary=".bin" in output.suffixes[-2:])
    if arguments.model:
        model.save(arguments.model)
    for epoch, loss in enumerate(model.history_["loss"], 1):
        learned = "no word has a neighbour" if math.isnan(loss) else f"loss {loss:.4f}"
        print(f"epoch {epoch}: {learned}, {model.history_['words_per_second'][epoch - 1]:,.0f} words/s")
    print(f"wrote {output}")
