"""Words of Shakespeare: neighbours by word2vec, and by counting and decomposing."""

import re

from nncore.datasets import load_shakespeare
from nncore.text import SVDEmbedding, Word2Vec

speeches = [re.findall(r"[a-z']+", speech) for speech in load_shakespeare().lower().split("\n\n")]

model = Word2Vec(speeches, sg=1, vector_size=64, min_count=8, sample=3e-3, epochs=100, deterministic=True)
svd = SVDEmbedding(n_components=64, random_state=0).fit_corpus(speeches, min_count=8)

for word in ("king", "mother", "rome", "thou"):
    for name, wv in (("word2vec", model.wv), ("counts", svd.wv)):
        print(f"{word:8} {name:9}", ", ".join(other for other, _ in wv.most_similar(word, topn=5)))
