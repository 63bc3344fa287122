"""Pictures of what a network learned and of what it does.

Every function takes ``ax=None`` (a new figure) and returns the Axes it drew on. Colours of lines and text are
matplotlib's own settings, so that a style or ``rc_context`` applies; colour maps are safe for the colour-blind.
matplotlib is imported by the first call: ``pip install 'nncore[plot]'``.
"""

from __future__ import annotations

from .curves import learning_curve
from .energy import capacity, energy, recall
from .matrices import hinton
from .rbm import filters, free_energy
from .recurrent import cell_text, gates
from .replay import priorities
from .rl import returns, values
from .words import analogy, embedding, frequency_rank

__all__ = [
    "analogy",
    "capacity",
    "cell_text",
    "embedding",
    "energy",
    "filters",
    "free_energy",
    "frequency_rank",
    "gates",
    "hinton",
    "learning_curve",
    "priorities",
    "recall",
    "returns",
    "values",
]
