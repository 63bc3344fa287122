"""The textbook: every update of the library as one plain NumPy function under 30 lines, for reading and for checking.

The functions have the names and the order of the equations, work on one sequence (T, I) or one batch of rows (N, F),
and use NumPy alone. With ``verbose=True`` each prints its equations, the numbers put in and the results. The tests
measure the compiled core against them.
"""

from nncore.textbook._gates import split_gates
from nncore.textbook.dqn import dqn_loss, dqn_targets
from nncore.textbook.gru import (
    gru,
    gru_backward,
    gru_reset_after,
    gru_reset_after_backward,
    gru_reset_after_step,
    gru_reset_after_step_backward,
    gru_step,
    gru_step_backward,
)
from nncore.textbook.layers import (
    activate,
    activation_slope,
    batch_norm,
    batch_norm_backward,
    batch_norm_inference,
    batch_norm_running,
    dense,
    dense_backward,
    dropout,
    embedding,
    embedding_backward,
    sigmoid,
    sliding_window,
    window_net,
)
from nncore.textbook.losses import binary_cross_entropy, cross_entropy, huber, mse, softmax, weighted_mean
from nncore.textbook.lstm import lstm, lstm_backward, lstm_step, lstm_step_backward
from nncore.textbook.optimizers import adam_step, adamw_step, clip_grad_norm, rmsprop_step, sgd_step
from nncore.textbook.recurrent import bidirectional, elman, elman_backward, elman_step
from nncore.textbook.word2vec import (
    huffman_codes,
    keep_probability,
    logistic_update,
    negative_distribution,
    softmax_update,
)
from nncore.textbook.words import (
    add_k_probabilities,
    cooccurrence_counts,
    kneser_ney_probabilities,
    ngram_counts,
    ngram_probabilities,
    perplexity,
    ppmi,
    svd_embedding,
    word_list,
)

__all__ = [
    "activate",
    "activation_slope",
    "adam_step",
    "adamw_step",
    "add_k_probabilities",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_inference",
    "batch_norm_running",
    "bidirectional",
    "binary_cross_entropy",
    "clip_grad_norm",
    "cooccurrence_counts",
    "cross_entropy",
    "dense",
    "dense_backward",
    "dqn_loss",
    "dqn_targets",
    "dropout",
    "elman",
    "elman_backward",
    "elman_step",
    "embedding",
    "embedding_backward",
    "gru",
    "gru_backward",
    "gru_reset_after",
    "gru_reset_after_backward",
    "gru_reset_after_step",
    "gru_reset_after_step_backward",
    "gru_step",
    "gru_step_backward",
    "huber",
    "huffman_codes",
    "keep_probability",
    "kneser_ney_probabilities",
    "logistic_update",
    "lstm",
    "lstm_backward",
    "lstm_step",
    "lstm_step_backward",
    "mse",
    "negative_distribution",
    "ngram_counts",
    "ngram_probabilities",
    "perplexity",
    "ppmi",
    "rmsprop_step",
    "sgd_step",
    "sigmoid",
    "sliding_window",
    "softmax",
    "softmax_update",
    "split_gates",
    "svd_embedding",
    "weighted_mean",
    "window_net",
    "word_list",
]
