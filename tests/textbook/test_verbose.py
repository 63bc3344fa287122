"""What the textbook prints, and the promises it makes about itself."""

import ast
import pathlib

import numpy as np
import pytest

from nncore import textbook

FILES = sorted(pathlib.Path(textbook.__file__).parent.glob("*.py"))
ONE, ZERO = np.ones((1, 1)), np.zeros(1)
MACHINE = np.array([[0.0, 3.0], [3.0, 0.0]])
ROWS, COLUMN = np.array([[1.0], [0.0]]), np.array([[0.5], [2.0]])


STEPS = np.array([[[0.5, 0.5], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])
SENTENCES, COUNTS = [["a", "b", "a"], ["a"]], np.array([[1.0, 3.0], [2.0, 0.0]])
PATTERNS, PAIR = np.array([[1.0, -1.0], [1.0, 1.0]]), np.array([[0.0, -0.5], [-0.5, 0.0]])


def one_unit(letters):
    return {k: np.array([[0.1 * (n + 1)]]) for n, k in enumerate(letters)}


def no_bias(letters):
    return {k: np.zeros(1) for k in letters}


def lstm_arguments():
    return one_unit("figo"), one_unit("figo"), no_bias("figo")


def test_lstm_step_prints_equation_numbers_and_result(capsys):
    textbook.lstm(ROWS[:1], ZERO, ZERO, *lstm_arguments(), verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "t = 1"
    assert lines[1] == "f = σ(W_f · x_t + U_f · h_{t−1} + b_f) = σ(0.1 · 1 + 0.1 · 0 + 0) = 0.524979"
    assert [line.split(" = ")[0] for line in lines[1:]] == ["f", "i", "g", "o", "c_t", "h_t"]
    assert lines[5] == "c_t = c_{t−1} ⊗ f + i ⊗ g = 0 ⊗ 0.524979 + 0.549834 ⊗ 0.291313 = 0.160174"


def test_gru_step_prints_the_form_that_it_computes(capsys):
    arguments = one_unit("zrh"), one_unit("zrh"), no_bias("zrh")
    textbook.gru_step(np.ones(1), ZERO, *arguments, verbose=True)
    assert "h_t = (1 − z) ⊗ h_{t−1} + z ⊗ ĥ = (1 − 0.524979) ⊗ 0 + 0.524979 ⊗ 0.291313" in capsys.readouterr().out
    textbook.gru_step(np.ones(1), ZERO, *arguments, complement_z=True, verbose=True)
    assert "h_t = z ⊗ h_{t−1} + (1 − z) ⊗ ĥ = 0.524979 ⊗ 0 + (1 − 0.524979) ⊗ 0.291313" in capsys.readouterr().out


def test_arrays_are_printed_on_one_line(capsys):
    textbook.dense(np.array([[1.0, 2]]), np.array([[0.5, 0.25], [1, 1]]), np.array([0.125, 0]), verbose=True)
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "a = x · Wᵀ + b = [[1 2]] · [[0.5 1] [0.25 1]] + [0.125 0] = [[1.125 3]]"


def test_hopfield_weights_print_the_formula_and_then_the_diagonal_that_is_left_out(capsys):
    textbook.hopfield_weights(PATTERNS, verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        "W = Xᵀ · X / d = [[1 1] [-1 1]] · [[1 -1] [1 1]] / 2 = [[1 0] [0 1]]",
        "w_ii = 0, without self-connections: W = [[0 0] [0 0]]",
    ]
    for rule in ("hopfield_weights", "storkey_weights", "pseudo_inverse_weights"):
        for self_connections, count in ((True, 0), (False, 2 if rule == "storkey_weights" else 1)):
            getattr(textbook, rule)(PATTERNS, self_connections, verbose=True)
            assert capsys.readouterr().out.count("w_ii = 0") == count


def test_a_matrix_of_six_rows_is_printed_whole(capsys):
    textbook.hopfield_weights(np.array([[1, -1, 1, -1, 1, 1], [1, 1, 1, -1, -1, -1]]), verbose=True)
    out = capsys.readouterr().out
    assert "..." not in out
    assert "[0 -0.333333 0 0 0.333333 0]]" in out


RBM = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([0.5, -0.5]), np.array([1.0, 0.0])
W_RBM, B_RBM, C_RBM = RBM

CALLS = {
    "annealed_importance_sampling": (*RBM, B_RBM, np.array([0.0, 0.5, 1.0]), 3),
    "contrastive_divergence": (np.array([[1.0, 0.0], [1.0, 1.0]]), *RBM, 2),
    "pseudo_likelihood": (np.array([1.0, 0.0]), *RBM),
    "rbm_energy": (np.array([1.0, 0.0]), np.array([0.0, 1.0]), *RBM),
    "rbm_free_energy": (np.array([1.0, 0.0]), *RBM),
    "rbm_gradient": (np.array([[1.0, 0.0], [1.0, 1.0]]), *RBM),
    "rbm_hidden": (np.array([1.0, 0.0]), W_RBM, C_RBM),
    "rbm_log_partition": RBM,
    "rbm_visible": (np.array([0.0, 1.0]), W_RBM, B_RBM),
    "sum_tree": ([3.0, 1.0, 0.0, 4.0],),
    "sum_tree_find": (np.array([0.0, 3.0, 1.0, 2.0]), 1.5),
    "sum_tree_sample": (np.array([0.0, 3.0, 1.0, 2.0]), [0.5, 0.5]),
    "proportional_priorities": ([0.5, -2.0],),
    "rank_priorities": ([0.5, -2.0],),
    "importance_weights": ([1.0, 3.0], [1, 0]),
    "n_step_transition": ([1.0, 2.0, 4.0], [False, False, True], 0, 3, 0.5),
    "elman_step": (np.ones(1), ZERO, ONE, ONE, ZERO),
    "elman": (ROWS, ZERO, ONE, ONE, ZERO),
    "elman_backward": (ROWS, ZERO, ONE, ONE, ZERO, ROWS),
    "lstm_step": (np.ones(1), ZERO, ZERO, *lstm_arguments()),
    "lstm": (ROWS, ZERO, ZERO, *lstm_arguments()),
    "lstm_step_backward": (np.ones(1), ZERO, ZERO, *lstm_arguments(), np.ones(1), ZERO),
    "lstm_backward": (ROWS, ZERO, ZERO, *lstm_arguments(), ROWS, ZERO),
    "gru_step": (np.ones(1), ZERO, one_unit("zrh"), one_unit("zrh"), no_bias("zrh")),
    "gru": (ROWS, ZERO, one_unit("zrh"), one_unit("zrh"), no_bias("zrh")),
    "gru_step_backward": (np.ones(1), ZERO, one_unit("zrh"), one_unit("zrh"), no_bias("zrh"), np.ones(1)),
    "gru_backward": (ROWS, ZERO, one_unit("zrh"), one_unit("zrh"), no_bias("zrh"), ROWS),
    "gru_reset_after_step": (np.ones(1), ZERO, one_unit("rzn"), one_unit("rzn"), no_bias("rzn"), no_bias("rzn")),
    "gru_reset_after": (ROWS, ZERO, one_unit("rzn"), one_unit("rzn"), no_bias("rzn"), no_bias("rzn")),
    "gru_reset_after_step_backward": (
        *(np.ones(1), ZERO, one_unit("rzn"), one_unit("rzn"), no_bias("rzn"), no_bias("rzn"), np.ones(1)),
    ),
    "gru_reset_after_backward": (
        *(ROWS, ZERO, one_unit("rzn"), one_unit("rzn"), no_bias("rzn"), no_bias("rzn"), ROWS),
    ),
    "dense": (ROWS, ONE, ZERO),
    "dense_backward": (ROWS, ONE, ZERO, ROWS),
    "embedding": (np.array([0, 1]), ROWS),
    "embedding_backward": (np.array([0, 1]), ROWS, ROWS),
    "dropout": (ROWS, ROWS, 0.5),
    "batch_norm": (ROWS, np.ones(1), ZERO),
    "batch_norm_inference": (ROWS, ZERO, np.ones(1), np.ones(1), ZERO),
    "batch_norm_running": (ZERO, np.ones(1), 2),
    "batch_norm_backward": (ROWS, np.ones(1), ZERO, ROWS),
    "sliding_window": (ROWS, 1, 1),
    "window_net": (ROWS, 0, 1, np.ones((1, 2)), ZERO, ONE, ZERO),
    "mse": (ROWS, COLUMN),
    "huber": (ROWS, COLUMN),
    "softmax": (COLUMN,),
    "cross_entropy": (ROWS, np.array([0, 0])),
    "binary_cross_entropy": (ROWS, ROWS),
    "weighted_mean": (ZERO, ONE, None),
    "sgd_step": (ROWS, ROWS, ROWS, 0.1),
    "rmsprop_step": (ROWS, ROWS, ROWS, 0.1),
    "adam_step": (ROWS, ROWS, ROWS, ROWS, 1),
    "adamw_step": (ROWS, ROWS, ROWS, ROWS, 1),
    "clip_grad_norm": (ROWS, 0.5),
    "logistic_update": (ROWS, ROWS, np.array([1, 0]), 0.1),
    "softmax_update": (np.ones(1), ROWS, np.array([1]), 0.1),
    "keep_probability": (np.array([3, 1]), 0.1),
    "negative_distribution": (np.array([3, 1]),),
    "huffman_codes": (np.array([3, 1, 1]),),
    "word_list": (SENTENCES,),
    "ngram_counts": (SENTENCES, ["a", "b"]),
    "ngram_probabilities": (COUNTS,),
    "add_k_probabilities": (COUNTS,),
    "kneser_ney_probabilities": ([COUNTS.sum(axis=0), COUNTS], (0.5, 0.75)),
    "perplexity": (np.array([0.5, 0.25]),),
    "cooccurrence_counts": (SENTENCES, ["a", "b"]),
    "ppmi": (COUNTS,),
    "svd_embedding": (COUNTS, 1),
    "finite_horizon_return": (np.array([0.0, 2.0, 2.0]), 2),
    "discounted_return": (np.array([0.0, 2.0, 2.0]), 0.9),
    "average_return": (np.array([0.0, 2.0, 2.0]),),
    "bellman_backup": (STEPS, np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([1.0, 2.0]), 0.9),
    "policy_values": (STEPS, np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([0, 1]), 0.9),
    "relative_value_step": (STEPS, np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([1.0, 2.0])),
    "td0_update": (np.array([1.0, 2.0]), 0, 1.0, 1, 0.5, 0.9),
    "q_learning_update": (np.array([[1.0, 2.0], [0.0, 4.0]]), 0, 1, 1.0, 1, 0.5, 0.9),
    "epsilon_greedy": (np.array([1.0, 2.0]), 0.2),
    "boltzmann": (np.array([1.0, 2.0]), 0.5),
    "boltzmann_energy": (np.array([1.0, 1.0]), MACHINE, np.array([1.0, -2.0])),
    "boltzmann_sweep": (np.array([1.0, 0.0]), MACHINE, np.array([1.0, -2.0]), 0.5, np.array([0.5, 0.9])),
    "boltzmann_distribution": (MACHINE, np.array([1.0, -2.0]), 2.0),
    "boltzmann_gradient": (np.array([[1.0], [0.0]]), MACHINE, np.array([1.0, -2.0])),
    "hill_climbing_step": (np.array([0.0, 0.0]), np.array([1.0, 2.0]), 1.0, 2.0, 0.5),
    "rewards_to_go": (np.array([0.0, 1.0]), 0.5),
    "reinforce_step": (np.zeros((2, 1)), np.ones((1, 1)), np.array([1]), np.ones(1), 0.5),
    "hopfield_energy": (PATTERNS[0], PAIR, np.zeros(2)),
    "hopfield_weights": (PATTERNS,),
    "storkey_weights": (PATTERNS,),
    "pseudo_inverse_weights": (PATTERNS,),
    "hopfield_step": (PATTERNS[1], PAIR, np.zeros(2)),
    "hopfield_recall": (PATTERNS[1], PAIR, np.zeros(2), [0, 1]),
    "glauber_probability": (0.5, 2.0),
    "modern_hopfield_step": (PATTERNS[0], PATTERNS, 0.5),
    "modern_hopfield_recall": (PATTERNS[0], PATTERNS, 0.5, 2),
    "modern_hopfield_energy": (PATTERNS[0], PATTERNS, 0.5),
    "dqn_targets": (np.ones(1), np.ones(1), np.array([[0.5, 2.0]])),
    "dqn_loss": (np.array([[0.5, 2.0]]), np.array([0]), np.ones(1), np.ones(1)),
}
SILENT = {
    "activate",
    "activation_slope",
    "sigmoid",
    "split_gates",
    "bidirectional",
    "rbm_states",
}  # no equation of their own


@pytest.mark.parametrize("name", CALLS)
def test_verbose_prints_equations_and_changes_nothing(name, capsys):
    function = getattr(textbook, name)
    quiet = function(*CALLS[name])
    assert capsys.readouterr().out == ""
    loud = function(*CALLS[name], verbose=True)
    printed = capsys.readouterr().out.splitlines()
    assert any(line.count(" = ") >= 3 for line in printed)  # name = equation = numbers = result
    np.testing.assert_equal(loud, quiet)


def test_every_function_of_these_systems_is_called_here():
    files = {
        "_gates",
        "boltzmann_machine",
        "dqn",
        "gru",
        "hopfield",
        "layers",
        "losses",
        "lstm",
        "optimizers",
        "recurrent",
        "rbm",
        "replay",
        "reinforce",
        "tabular",
        "word2vec",
        "words",
    }
    public = {n for n in textbook.__all__ if getattr(textbook, n).__module__.rpartition(".")[2] in files}
    assert public == set(CALLS) | SILENT


def test_every_function_is_under_thirty_lines_and_has_a_docstring():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno + 1 < 30, f"{path.name}: {node.name}"
                assert ast.get_docstring(node) or node.name.startswith("_"), f"{path.name}: {node.name}"


def test_the_textbook_uses_numpy_alone():
    imported = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module)
            elif isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
    own = {name for name in imported if name.startswith("nncore.textbook.")}
    assert imported - own <= {
        "__future__",
        "collections.abc",
        "heapq",
        "itertools",
        "math",
        "numpy",
        "numpy.typing",
        "re",
        "typing",
    }
