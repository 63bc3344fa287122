from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import nncore
from nncore import _core, rl, textbook
from nncore.datasets import load_rooms

ROOMS = load_rooms()
CONVERGED = np.array(
    [
        [0, 0, 0, 0, 400, 0],
        [0, 0, 0, 320, 0, 500],
        [0, 0, 0, 320, 0, 0],
        [0, 400, 256, 0, 400, 0],
        [320, 0, 0, 320, 0, 500],
        [0, 400, 0, 0, 400, 500],
    ]
)


def random_mdp(states=7, actions=3, seed=0, dense=0.5):
    rng = np.random.default_rng(seed)
    P = rng.random((actions, states, states)) * (rng.random((actions, states, states)) < dense)
    P[:, :, 0] += 0.01  # none is empty, and state 0 is always reached again
    return P / P.sum(axis=2, keepdims=True), rng.standard_normal((states, actions))


# The worked examples


@pytest.mark.parametrize("method", ["value_iteration", "policy_iteration"])
def test_the_six_rooms(method):
    solution = getattr(rl.MDP.from_reward_matrix(ROOMS, 0.8), method)()
    assert_allclose(solution.q, CONVERGED, atol=1e-7)
    assert_allclose(solution.v, [400, 500, 320, 400, 500, 500], atol=1e-7)
    shares = 100 * solution.q / solution.q.max()
    assert_allclose(shares[[0, 1, 1, 3], [4, 3, 5, 2]], [80, 64, 100, 51.2])
    path = [2]
    while path[-1] != 5:
        path.append(int(solution.policy[path[-1]]))
    assert path in ([2, 3, 1, 5], [2, 3, 4, 5])
    assert solution.q[3, 1] == pytest.approx(solution.q[3, 4])  # both ways are as good


@pytest.mark.parametrize("method", ["value_iteration", "policy_iteration"])
def test_the_six_rooms_with_a_terminal_outside(method):
    solution = getattr(rl.MDP.from_reward_matrix(ROOMS, 0.8, terminal=(5,)), method)()
    assert_allclose(solution.q, CONVERGED / 5, atol=1e-8)
    assert_allclose(solution.q[[0, 1, 1, 3], [4, 3, 5, 2]], [80, 64, 100, 51.2])


def waiting(begin, reward):
    """A chain that gives `reward` in every step from `begin` on."""
    P = np.eye(begin + 1, k=1)
    P[-1, -1] = 1
    return P[None], np.append(np.zeros(begin), reward)


@pytest.mark.parametrize(
    ("begin", "reward", "horizon_5", "horizon_4", "discounted"),
    [(2, 2, 6, 4, 16.2), (5, 10, 0, 0, 59.049), (6, 11, 0, 0, 58.458510)],
)
def test_three_policies_by_the_three_criteria(begin, reward, horizon_5, horizon_4, discounted):
    mdp = rl.MDP(*waiting(begin, reward), gamma=0.9)
    assert mdp.finite_horizon(5).v[0, 0] == horizon_5
    assert mdp.finite_horizon(4).v[0, 0] == horizon_4
    assert mdp.evaluate(np.zeros(begin + 1, int))[0] == pytest.approx(discounted)
    assert mdp.value_iteration().v[0] == pytest.approx(discounted, abs=1e-7)
    assert mdp.relative_value_iteration().gain == pytest.approx(reward, abs=1e-7)


def random_walk():
    """Five states, ends left and right; reward 1 at the right end."""
    P = np.zeros((2, 7, 7))
    for s in range(1, 6):
        P[0, s, s - 1] = P[1, s, s + 1] = 1
    R = np.zeros((2, 7, 7))
    R[1, 5, 6] = 1
    return rl.MDP(P, R, gamma=1.0, start=3)


def test_the_random_walk():
    walk = random_walk()
    assert_allclose(walk.evaluate(np.full((7, 2), 0.5)), [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 0], atol=1e-14)
    assert_allclose(walk.policy_iteration().v, [0, 1, 1, 1, 1, 1, 0])
    # Without a discount, going back and forth is as good, unless it is for ever.
    assert_array_equal(walk.value_iteration().policy, [-1, 1, 1, 1, 1, 1, -1])
    assert_array_equal(walk.policy_iteration().policy, [-1, 1, 1, 1, 1, 1, -1])


# Against the textbook, and the methods against each other


@pytest.mark.kernel
@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), states=st.integers(1, 9), actions=st.integers(1, 4), gamma=st.floats(0, 0.97))
def test_both_iterations_come_to_the_fixed_point_of_the_textbooks_backup(seed, states, actions, gamma):
    P, R = random_mdp(states, actions, seed)
    mdp = rl.MDP(P, R, gamma)
    by_values, by_policies = mdp.value_iteration(), mdp.policy_iteration()
    Q, V = textbook.bellman_backup(P, R, by_policies.v, gamma)
    assert_allclose(by_policies.v, V, atol=1e-10)
    assert_allclose(by_policies.q, Q, atol=1e-10)
    assert_allclose(by_values.v, V, atol=1e-8)
    assert_allclose(textbook.policy_values(P, R, by_policies.policy, gamma), V, atol=1e-10)
    assert_allclose(mdp.evaluate(by_policies.policy), V, atol=1e-10)


@pytest.mark.kernel
def test_a_finite_horizon_is_the_textbooks_backup_so_often():
    P, R = random_mdp()
    solution = rl.MDP(P, R, 0.5).finite_horizon(6)
    V = np.zeros(7)
    for t in reversed(range(6)):
        Q, V = textbook.bellman_backup(P, R, V, 1.0)
        assert_allclose(solution.v[t], V, atol=1e-12)
        assert_allclose(solution.q[t], Q, atol=1e-12)
        assert_array_equal(solution.policy[t], Q.argmax(axis=1))
    assert solution.v.shape == (7, 7) and not solution.v[6].any()
    discounted = rl.MDP(P, R, 0.5).finite_horizon(60, gamma=0.5)
    assert_allclose(discounted.v[0], rl.MDP(P, R, 0.5).value_iteration().v, atol=1e-8)


@pytest.mark.kernel
@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_the_average_reward_is_that_of_the_stationary_distribution(seed):
    P, R = random_mdp(seed=seed)
    solution = rl.MDP(P, R, 0.9).relative_value_iteration()
    V, rho = np.zeros(7), 0.0
    for _ in range(3000):
        rho, V = textbook.relative_value_step(P, R, V)
    assert solution.gain == pytest.approx(rho, abs=1e-7)
    assert_allclose(solution.v, V, atol=1e-6)
    chain = P[solution.policy, np.arange(7)]
    stationary = np.linalg.matrix_power(chain, 2**14)[0]
    assert solution.gain == pytest.approx(stationary @ R[np.arange(7), solution.policy], abs=1e-7)
    assert_allclose(solution.q.max(axis=1), solution.v, atol=1e-6)


def test_a_ring_has_an_average_although_it_never_mixes():
    P = np.roll(np.eye(4), 1, axis=1)[None]
    assert rl.MDP(P, np.array([4.0, 0, 0, 0]), 0.9).relative_value_iteration().gain == pytest.approx(1, abs=1e-8)


def test_an_end_is_followed_by_a_start_in_the_average():
    terminal = rl.MDP.from_reward_matrix(ROOMS, 0.8, terminal=5, start=2)
    assert terminal.relative_value_iteration().gain == pytest.approx(100 / 3)  # 2, 3, 1, 5 and again from 2
    goal = rl.MDP.from_reward_matrix(ROOMS, 0.8, goals=5, start=2)
    assert goal.relative_value_iteration().gain == pytest.approx(100 / 3)
    assert rl.MDP.from_reward_matrix(ROOMS, 0.8).relative_value_iteration().gain == pytest.approx(100)


@pytest.mark.kernel
def test_values_have_the_same_bits_on_any_number_of_threads(threads):
    P, R = random_mdp(400, 3, dense=0.2)
    results = []
    for count in (1, 2, 3):
        nncore.set_num_threads(count)
        results.append(rl.MDP(P, R, 0.99).value_iteration())
    for other in results[1:]:
        for ours, theirs in zip(results[0], other, strict=True):
            assert_array_equal(ours, theirs)


# How a process is given


def test_rewards_may_belong_to_states_actions_or_transitions():
    P, R = random_mdp()
    by_action = rl.MDP(P, R, 0.9).value_iteration().v
    assert_allclose(rl.MDP(P, np.broadcast_to(R.T[:, :, None], P.shape).copy(), 0.9).value_iteration().v, by_action)
    by_state = rl.MDP(P, R[:, 0], 0.9).value_iteration().v
    assert_allclose(rl.MDP(P, np.repeat(R[:, :1], 3, axis=1), 0.9).value_iteration().v, by_state)


def test_sparse_matrices_give_the_same_process():
    sparse = pytest.importorskip("scipy.sparse")
    P, R = random_mdp(30, 2, dense=0.1)
    dense = rl.MDP(P, R, 0.9)
    for kind in (sparse.csr_matrix, sparse.coo_array, sparse.csc_matrix):
        made = rl.MDP([kind(p) for p in P], R, 0.9)
        for ours, theirs in zip(made._transitions.arrays, dense._transitions.arrays, strict=True):
            assert_array_equal(ours, theirs)
    rewards = np.where(P > 0, 1.0 + np.arange(30), 0)
    both = rl.MDP([sparse.csr_matrix(p) for p in P], [sparse.csr_matrix(r) for r in rewards], 0.9)
    assert_allclose(both.value_iteration().v, rl.MDP(P, rewards, 0.9).value_iteration().v)


def test_many_states_are_solved_by_sparse_algebra():
    sparse = pytest.importorskip("scipy.sparse")
    n = 3000
    forward = sparse.eye(n, k=1, format="lil")
    forward[n - 1, n - 1] = 1
    mdp = rl.MDP([forward.tocsr()], np.append(np.zeros(n - 1), 1.0), 0.999)
    assert_allclose(mdp.evaluate(np.zeros(n, int)), 1000 * 0.999 ** np.arange(n)[::-1], rtol=1e-9)
    assert_allclose(mdp.value_iteration().v, 1000 * 0.999 ** np.arange(n)[::-1], atol=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 0.99, 0.9999])
def test_many_states_in_no_order_are_solved_to_rounding(gamma):
    """Whose elimination would take long, as it would fill the matrix."""
    sparse = pytest.importorskip("scipy.sparse")
    rng, n, k = np.random.default_rng(0), 2000, 5
    columns, weights = rng.integers(n, size=(n, k)), rng.dirichlet(np.ones(k), n)
    P = sparse.csr_matrix((weights.ravel(), (np.repeat(np.arange(n), k), columns.ravel())), shape=(n, n))
    R = rng.normal(size=n)
    v = rl.MDP([P], R, gamma).evaluate(np.zeros(n, int))
    assert np.abs(R + gamma * (P @ v) - v).max() < 1e-14 * np.abs(v).max()
    assert_allclose(v, sparse.linalg.spsolve((sparse.identity(n) - gamma * P).tocsc(), R), rtol=1e-9, atol=1e-9)


def test_what_elimination_raises_is_raised(monkeypatch):
    linalg = pytest.importorskip("scipy.sparse.linalg")

    def fails(*_):
        raise MemoryError("of SciPy")

    monkeypatch.setattr(linalg, "spsolve", fails)
    n = 1600
    sparse = pytest.importorskip("scipy.sparse")
    mdp = rl.MDP([sparse.identity(n, format="csr")], np.ones(n), 0.9)
    with pytest.raises(MemoryError, match="of SciPy"):
        mdp.evaluate(np.zeros(n, int))


def test_sparse_rewards_of_an_action_that_is_allowed_nowhere():
    sparse = pytest.importorskip("scipy.sparse")
    for kind in (sparse.csr_matrix, sparse.csr_array):
        P = [kind(np.array([[0.0, 1], [1, 0]])), kind((2, 2))]
        R = [kind(np.array([[0.0, 1], [2, 0]]))] * 2
        assert_allclose(rl.MDP(P, R, 0.5).value_iteration(tol=1e-12).v, [8 / 3, 10 / 3])


def test_a_row_of_zeros_is_an_action_that_is_not_allowed():
    P = np.array([[[0.0, 1], [0, 0]], [[0, 0], [0, 0]]])
    mdp = rl.MDP(P, np.array([[-3.0, 9], [9, 9]]), 0.9)
    assert_array_equal(mdp.allowed, [[True, False], [False, False]])
    solution = mdp.value_iteration()
    assert_array_equal(solution.v, [-3, 0])
    assert_array_equal(solution.policy, [0, -1])
    assert_array_equal(solution.q, [[-3, 0], [0, 0]])
    assert_array_equal(mdp.start, [1, 0])


def test_a_policy_of_probabilities():
    P, R = random_mdp()
    policy = np.random.default_rng(1).dirichlet(np.ones(3), 7)
    chain, reward = np.einsum("sa,ast->st", policy, P), (policy * R).sum(axis=1)
    mdp = rl.MDP(P, R, 0.9)
    assert_allclose(mdp.evaluate(policy), np.linalg.solve(np.eye(7) - 0.9 * chain, reward))
    assert_allclose(mdp.under(policy).value_iteration().v, mdp.evaluate(policy), atol=1e-7)
    assert mdp.under(policy).n_actions == 1


def test_forbidden_may_be_nan():
    nan = np.where(ROOMS < 0, np.nan, ROOMS)
    for forbidden in (np.nan, None):
        assert_allclose(rl.MDP.from_reward_matrix(nan, 0.8, forbidden).value_iteration().q, CONVERGED, atol=1e-7)


def test_no_discount_without_an_end_is_refused():
    mdp = rl.MDP.from_reward_matrix(ROOMS, 1.0)
    with pytest.raises(ValueError, match="from state 0 it never does"):
        mdp.policy_iteration()
    with pytest.raises(RuntimeError, match="after 50 sweeps"):
        mdp.value_iteration(max_iter=50)
    with pytest.raises(RuntimeError, match="max_iter = 40"):
        rl.MDP(np.eye(2)[None], [1.0, 2.0], 0.9).relative_value_iteration(max_iter=40)  # two gains


def test_no_discount_with_an_end():
    solution = rl.MDP.from_reward_matrix(np.where(ROOMS >= 0, -1, -9), 1.0, forbidden=-9, terminal=5)
    assert_array_equal(solution.policy_iteration().v, [-2, -1, -3, -2, -1, -1])
    assert_array_equal(solution.value_iteration().v, [-2, -1, -3, -2, -1, -1])


# Gymnasium


@pytest.mark.parametrize(("name", "states"), [("FrozenLake-v1", 16), ("CliffWalking-v1", 48)])
def test_a_model_from_an_environment(name, states):
    gymnasium = pytest.importorskip("gymnasium", reason="environments are Gymnasium's")
    env = gymnasium.make(name)
    mdp = rl.MDP.from_env(env, 0.95)
    assert (mdp.n_states, mdp.n_actions) == (states, 4)
    assert mdp.allowed.all()
    assert mdp.max_episode_steps == env.spec.max_episode_steps
    assert_allclose(mdp.start, env.unwrapped.initial_state_distrib)
    V = np.zeros(states)
    for _ in range(2000):
        for s in range(states):
            V[s] = max(
                sum(p * (r + 0.95 * (not end) * V[s2]) for p, s2, r, end in env.unwrapped.P[s][a]) for a in range(4)
            )
    assert_allclose(mdp.value_iteration().v, V, atol=1e-8)
    assert_allclose(mdp.policy_iteration().v, V, atol=1e-8)
    assert_allclose(rl.MDP.from_env(name, 0.95).value_iteration().v, V, atol=1e-8)


def test_the_cliff_is_thirteen_steps_long():
    pytest.importorskip("gymnasium", reason="environments are Gymnasium's")
    assert rl.MDP.from_env("CliffWalking-v1", 1.0).policy_iteration().v[36] == -13


def test_an_environment_without_a_table_is_refused():
    pytest.importorskip("gymnasium", reason="environments are Gymnasium's")
    with pytest.raises(ValueError, match=r"env must have its transitions in env.unwrapped.P, but <CartPoleEnv"):
        rl.MDP.from_env("CartPole-v1", 0.9)
    with pytest.raises(TypeError, match="env must be a Gymnasium environment"):
        rl.MDP.from_env(3, 0.9)


# Bad input

GOOD = np.eye(2)[None].repeat(2, axis=0)
REWARDS = np.zeros((2, 2))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rl.MDP(np.eye(2), REWARDS, 0.9), ValueError, r"P must have shape \(A, S, S\)"),
        (lambda: rl.MDP(np.ones((2, 3, 2)) / 2, REWARDS, 0.9), ValueError, r"give P.transpose\(1, 0, 2\)"),
        (lambda: rl.MDP(GOOD / 2, REWARDS, 0.9), ValueError, r"P\[0\] must have rows that add up to 1"),
        (lambda: rl.MDP(-GOOD, REWARDS, 0.9), ValueError, r"P\[0\] must hold probabilities, but has -1"),
        (lambda: rl.MDP(GOOD * np.nan, REWARDS, 0.9), ValueError, "must hold probabilities, but has nan"),
        (lambda: rl.MDP(GOOD, REWARDS + np.inf, 0.9), ValueError, "R must be finite"),
        (lambda: rl.MDP(GOOD, np.zeros(3), 0.9), ValueError, r"R must have shape \(S,\), \(S, A\) or \(A, S, S\)"),
        (lambda: rl.MDP(GOOD, REWARDS, 1.5), ValueError, "gamma must be from 0 to 1"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9, start=2), IndexError, "start must be states from 0 to 1, but has 2"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9, start=[0.5, 0.6]), ValueError, "start must hold probabilities"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9, max_episode_steps=0), ValueError, "max_episode_steps must be at least 1"),
        (lambda: rl.MDP(np.zeros((1, 2, 2)), [0.0, 0], 0.9), ValueError, "P must allow an action"),
        (lambda: rl.MDP("abc", REWARDS, 0.9), TypeError, "P must be"),
        (lambda: rl.MDP.from_reward_matrix(np.zeros((2, 3)), 0.9), ValueError, r"R must have shape \(S, S\)"),
        (lambda: rl.MDP.from_reward_matrix(ROOMS, 0.9, terminal=6), IndexError, "terminal must be states from 0 to 5"),
        (lambda: rl.MDP.from_reward_matrix(ROOMS * np.nan, 0.9), ValueError, "R must be finite where"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9).evaluate([0, 2]), IndexError, "policy must hold actions from 0 to 1"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9).evaluate([0, -1]), IndexError, "policy must hold actions from 0 to 1"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9).evaluate([0.0, 1.0]), TypeError, "policy must be integers"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9).evaluate([[0.5, 0.6]] * 2), ValueError, "policy must hold probabilities"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9).evaluate([0]), ValueError, "policy must have shape"),
        (lambda: rl.MDP.from_reward_matrix(ROOMS, 0.9).evaluate([0] * 6), ValueError, "takes 0 in state 0"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9).finite_horizon(0), ValueError, "horizon must be at least 1"),
        (lambda: rl.MDP(GOOD, REWARDS, 0.9).value_iteration(tol=0), ValueError, "tol must be above 0"),
    ],
)
def test_what_is_no_process_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_core_reads_past_no_array():
    good = rl.MDP.from_reward_matrix(ROOMS, 0.8)._transitions.arrays
    for index, value in ((0, 99), (1, 6), (2, 99), (3, 6), (3, -1)):
        arrays = [array.copy() for array in good]
        arrays[index][-1] = value
        with pytest.raises(ValueError, match="must"):
            _core.check_mdp(tuple(arrays), 6)


def test_no_gymnasium_and_no_scipy_is_needed_for_a_model():
    code = (
        "import sys; sys.modules['gymnasium'] = sys.modules['scipy'] = None\n"
        "from nncore import rl; from nncore.datasets import load_rooms\n"
        "mdp = rl.MDP.from_reward_matrix(load_rooms(), 0.8, goals=5)\n"
        "print(mdp.policy_iteration().v.max().round(6), rl.QLearning(6, 6).learn(mdp, 10).num_timesteps)\n"
        "rl.QLearning(6, 6).learn('CliffWalking-v1', 10)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["500.0", "10"], done.stderr
    assert done.stderr.splitlines()[-1] == "ImportError: environments need Gymnasium: pip install 'nncore[rl]'"
