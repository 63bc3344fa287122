"""Quality of word vectors, seed by seed: nncore against gensim on the same corpus with the same settings.

    python bench/peers/word_quality.py CORPUS --analogies questions-words.txt --similarities wordsim353.txt rg65.txt

The corpus is UTF-8, a sentence per line. Printed are the analogies that are right (3CosAdd among the 30,000 most
frequent words, percent) and the rank correlations with the similarities, of each seed, their means, and the lower 95 %
bound of the difference to gensim (Welch). `--results` keeps what was computed, and goes on from it.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np

COMMON = {"vector_size": 100, "window": 5, "sample": 1e-4, "min_count": 5}
KINDS = {
    "gensim sg": ("gensim", {"sg": 1}),
    "sg shared": ("nncore", {"sg": 1}),
    "sg fresh": ("nncore", {"sg": 1, "shared_negatives": False}),
    "gensim cbow": ("gensim", {"sg": 0, "alpha": 0.05}),
    "cbow": ("nncore", {"sg": 0, "alpha": 0.05}),
    "gensim hs": ("gensim", {"sg": 1, "hs": 1, "negative": 0}),
    "hs": ("nncore", {"sg": 1, "hs": 1, "negative": 0}),
    "gensim cbow hs": ("gensim", {"sg": 0, "hs": 1, "negative": 0, "alpha": 0.05}),
    "cbow hs": ("nncore", {"sg": 0, "hs": 1, "negative": 0, "alpha": 0.05}),
    "sg deterministic": ("nncore", {"sg": 1, "deterministic": True}),
}
PEERS = {
    "sg shared": "gensim sg",
    "sg fresh": "gensim sg",
    "sg deterministic": "gensim sg",
    "cbow": "gensim cbow",
    "hs": "gensim hs",
    "cbow hs": "gensim cbow hs",
}


def trained(kind, seed, arguments):
    """The vectors, as nncore's KeyedVectors."""
    library, settings = KINDS[kind]
    settings = {**COMMON, "workers": arguments.workers, "epochs": arguments.epochs, **settings}
    if arguments.sample is not None:
        settings["sample"] = arguments.sample
    if library == "nncore":
        import nncore
        from nncore.text import Word2Vec

        nncore.set_num_threads(arguments.workers)
        return Word2Vec(corpus_file=arguments.corpus, seed=seed, **settings).wv
    from gensim.models import Word2Vec as Peer

    from nncore.text import from_gensim

    return from_gensim(Peer(corpus_file=arguments.corpus, seed=seed, **settings).wv)


def measured(wv, arguments):
    score, sections = wv.evaluate_word_analogies(arguments.analogies, restrict_vocab=30000)
    asked = sum(len(s["correct"]) + len(s["incorrect"]) for s in sections if s["section"].startswith("Total"))
    row = {"analogies": 100 * score, "asked": asked}
    for file in arguments.similarities:
        row[Path(file).stem] = float(wv.evaluate_word_pairs(file)[1][0])
    return row


def lower_bound(ours, theirs):
    """Of the difference of the means, one-sided 95 % (Welch, normal quantile of Student's t by its expansion)."""
    ours, theirs = np.array(ours), np.array(theirs)
    parts = ours.var(ddof=1) / len(ours), theirs.var(ddof=1) / len(theirs)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(ours) - 1) + parts[1] ** 2 / (len(theirs) - 1))
    z = 1.6449
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return ours.mean() - theirs.mean() - t * math.sqrt(sum(parts))


def report(results, kinds):
    measures = [name for name in next(iter(next(iter(results.values())).values())) if name != "asked"]
    for kind in kinds:
        rows = results.get(kind, {})
        for name in measures:
            values = [row[name] for row in rows.values()]
            line = f"{kind:18} {name:12} mean {np.mean(values):7.3f}  seeds " + " ".join(f"{v:.2f}" for v in values)
            peer = results.get(PEERS.get(kind, ""), {})
            if len(values) > 1 and len(peer) > 1:
                theirs = [row[name] for row in peer.values()]
                line += f"  - gensim {np.mean(values) - np.mean(theirs):+.3f}"
                line += f", 95 % above {lower_bound(values, theirs):+.3f}"
            print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("--analogies", required=True)
    parser.add_argument("--similarities", nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--sample", type=float)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    results = json.loads(arguments.results.read_text()) if arguments.results and arguments.results.exists() else {}
    for seed in range(1, arguments.seeds + 1):
        for kind in arguments.kinds:
            if str(seed) in results.get(kind, {}):
                continue
            results.setdefault(kind, {})[str(seed)] = row = measured(trained(kind, seed, arguments), arguments)
            print(f"seed {seed} {kind}: {row}", flush=True)
            if arguments.results:
                arguments.results.write_text(json.dumps(results, indent=1))
    report(results, arguments.kinds)


if __name__ == "__main__":
    main()
