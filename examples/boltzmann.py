"""Boltzmann machines: the 4-2-4 encoder learns a code of two bits, and annealing cuts a graph."""

import numpy as np

from nncore.energy import BoltzmannMachine

# Two groups of four units show the same one of four patterns, and are connected only through two hidden units.
patterns = np.tile(np.eye(4), (1, 2))
connections = np.zeros((10, 10), bool)
connections[:4, :4] = connections[4:8, 4:8] = connections[8:] = connections[:, 8:] = True

# Some bits are wrong, so that weights stay finite.
rng = np.random.default_rng(0)
X = np.tile(patterns, (100, 1))
X = np.where(rng.random(X.shape) < np.where(X == 1, 0.1, 0.03), 1 - X, X)

# Some trainings end with the same code for two patterns: the best of six is kept.
encoder = BoltzmannMachine(n_hidden=2, connections=connections, n_iter=100, n_init=6, random_state=0).fit(X)
cooling = [(4, 5), (2, 5), (1, 10), (0.5, 10), (0.2, 10)]
for pattern, code in zip(patterns, encoder.transform(patterns).round().astype(int), strict=True):
    one_side = np.where(np.arange(8) < 4, pattern, np.nan)
    found = encoder.sample(100, given=one_side, schedule=cooling, random_state=0)
    right = (found[:, 4:] == pattern[4:]).all(axis=1).mean()
    print(f"{pattern[:4].astype(int)} → code {code}, the other side right in {right:.0%} of 100 runs")
print(f"log-likelihood {encoder.score(X):.3f} (the four patterns without errors: {-np.log(4):.3f})")

# Max-cut: halves of a graph with as many edges between them as possible. −E(x) is the number of edges that are cut,
# Σ_(i,j) (x_i + x_j − 2 x_i x_j).
n = 60
A = np.triu(rng.random((n, n)) < 0.1, 1)
A = (A | A.T).astype(float)
cut = BoltzmannMachine.from_weights(-2 * A, A.sum(axis=1))
halves = cut.sample(200, schedule=np.append(np.geomspace(5, 0.1, 300), 0), random_state=0)
edges = -cut.energy(halves)
print(f"{edges.max():.0f} of {A.sum() / 2:.0f} edges cut; in the mean of 200 runs {edges.mean():.1f}, at random half")
