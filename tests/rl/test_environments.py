import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from nncore import rl

gymnasium = pytest.importorskip("gymnasium")
from gymnasium import spaces  # noqa: E402
from gymnasium.vector import AutoresetMode, SyncVectorEnv  # noqa: E402

LENGTHS = (3, 2, 4)  # of the episodes, over and over


class Count(gymnasium.Env):
    """Observes (name, episode, step); episodes of these lengths, of which every second one is cut short."""

    action_space = spaces.Discrete(3, start=1)
    observation_space = spaces.Box(-1, 100, (3,), np.float32)

    def __init__(self, name=0, kind="box"):
        self.name, self.kind, self.episode, self.seeds, self.actions = name, kind, -1, [], []
        if kind == "dict":
            self.observation_space = spaces.Dict({"b": spaces.Discrete(9), "a": self.observation_space})
        self.memory = np.zeros(3, np.float32)

    def observe(self):
        self.memory[:] = self.name, self.episode, self.step_number
        seen = self.memory if self.kind == "same memory" else self.memory.copy()
        return {"b": self.step_number, "a": seen} if self.kind == "dict" else seen

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seeds.append(seed)
        self.episode += 1
        self.step_number = 0
        return self.observe(), {}

    def step(self, action):
        self.actions.append(action)
        self.step_number += 1
        ends = self.step_number == LENGTHS[(self.episode + self.name) % 3]
        truncated = ends and self.episode % 2 == 1
        return self.observe(), float(self.step_number), ends and not truncated, truncated, {"at": self.step_number}


class Pool:
    """The methods of a VecEnv of stable-baselines3, and nothing else."""

    def __init__(self, envs):
        self.envs, self.num_envs, self.seeded = envs, len(envs), None
        self.observation_space, self.action_space = envs[0].observation_space, envs[0].action_space

    def seed(self, seed):
        self.seeded = seed

    def reset(self):
        return np.array([env.reset()[0] for env in self.envs])

    def step_async(self, actions):
        self.actions = actions

    def step_wait(self):
        results = []
        for env, action in zip(self.envs, self.actions, strict=True):
            observation, reward, terminated, truncated, info = env.step(action)
            info["TimeLimit.truncated"] = truncated and not terminated
            if terminated or truncated:
                info["terminal_observation"] = observation.copy()
                observation = env.reset()[0]
            results.append((observation.copy(), reward, terminated or truncated, info))
        observations, rewards, dones, infos = zip(*results, strict=True)
        return np.array(observations), np.array(rewards, np.float32), np.array(dones), list(infos)

    def step(self, actions):
        self.step_async(actions)
        return self.step_wait()

    def close(self):
        self.closed = True


def vector(mode, n=3, **settings):
    return SyncVectorEnv([lambda i=i: Count(i, **settings) for i in range(n)], autoreset_mode=mode)


KINDS = {
    "single": lambda: Count(),
    "same memory": lambda: Count(kind="same memory"),
    "next step": lambda: vector(AutoresetMode.NEXT_STEP),
    "same step": lambda: vector(AutoresetMode.SAME_STEP),
    "disabled": lambda: vector(AutoresetMode.DISABLED),
    "pool": lambda: Pool([Count(i) for i in range(3)]),
}


def transitions(environments, calls):
    """For each environment, its transitions in order."""
    n = environments.num_envs
    made = [[] for _ in range(n)]
    before = environments.reset()
    for _ in range(calls):
        steps = environments.step(np.full(n, 2))
        for i in np.flatnonzero(steps.valid):
            values = (before[i], steps.rewards[i], steps.terminated[i], steps.truncated[i], steps.next_observations[i])
            made[i].append(tuple(np.ravel(v).tolist() for v in values))
        before = steps.observations
    return made


def expected(name, count):
    made, episode, step = [], 0, 0
    for _ in range(count):
        step += 1
        ends = step == LENGTHS[(episode + name) % 3]
        cut = ends and episode % 2 == 1
        flags = [ends and not cut], [cut]
        made.append(([name, episode, step - 1], [step], *flags, [name, episode, step]))
        if ends:
            episode, step = episode + 1, 0
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_transitions_have_their_true_ends(kind):
    environments = rl.as_environments(KINDS[kind]())
    made = transitions(environments, 30)
    for name, of_one in enumerate(made):
        assert of_one == expected(name, len(of_one))
    if kind == "next step":  # each episode but the last costs a call that is no transition
        assert all(20 <= len(of_one) < 30 for of_one in made)
    else:
        assert all(len(of_one) == 30 for of_one in made)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_dict_observations_have_their_true_ends(mode):
    environments = rl.as_environments(vector(mode, kind="dict"))
    observations = environments.reset(7)
    assert_array_equal(observations["b"], [0, 0, 0])
    for _ in range(12):
        steps = environments.step(np.full(3, 1))
        ended = (steps.terminated | steps.truncated) & steps.valid
        for i in np.flatnonzero(steps.valid):
            assert steps.next_observations["b"][i] == observations["b"][i] + 1
            assert_array_equal(steps.next_observations["a"][i][:2], observations["a"][i][:2])
        begins = steps.observations["b"] == 0
        assert_array_equal(begins, ~steps.valid if mode is AutoresetMode.NEXT_STEP else ended)
        observations = steps.observations


def test_a_single_environment_plays_an_episode_again_by_its_seed():
    env = Count()
    environments = rl.as_environments(env)
    environments.reset(5)
    for _ in range(8):
        environments.step(np.array([1]))
    environments.reset(5)
    assert env.seeds[0] == env.seeds[-1]
    assert len(set(env.seeds[:-1])) == len(env.seeds) - 1
    assert all(type(action) is int for action in env.actions)


def test_seeds_reach_every_kind():
    pool = Pool([Count()])
    rl.as_environments(pool).reset(5)
    assert isinstance(pool.seeded, int)
    environments = rl.as_environments(vector(AutoresetMode.NEXT_STEP))
    environments.reset(5)
    seeds = [env.seeds[-1] for env in environments.env.envs]
    assert len(set(seeds)) == 3 and None not in seeds


def test_infos_are_told_apart():
    environments = rl.as_environments(vector(AutoresetMode.SAME_STEP))
    environments.reset()
    environments.step(np.full(3, 1))
    infos = environments.list_infos(environments.step(np.full(3, 1)).infos)
    assert infos[0] == {"at": 2}
    assert infos[1]["final_info"] == {"at": 2} and "at" not in infos[1]


def test_an_id_is_made_and_closed():
    environments = rl.as_environments("CartPole-v1")
    assert environments.num_envs == 1 and environments.env.spec.id == "CartPole-v1"
    assert environments.reset(1).shape == (1, 4)
    environments.close()
    assert rl.as_environments(environments) is environments


def test_what_is_no_environment_is_refused():
    with pytest.raises(TypeError, match="^env must be an id, .* but is int$"):
        rl.as_environments(3)
    env = vector(AutoresetMode.NEXT_STEP)
    env.metadata = {"autoreset_mode": "Sometimes"}
    with pytest.raises(ValueError, match="its autoreset_mode is 'Sometimes'"):
        rl.as_environments(env)


def test_a_reset_of_all_where_one_was_asked_for_is_refused():
    class Careless(SyncVectorEnv):
        def reset(self, *, seed=None, options=None):
            return super().reset(seed=seed)

    environments = rl.as_environments(
        Careless([lambda i=i: Count(i) for i in range(3)], autoreset_mode=AutoresetMode.DISABLED)
    )
    environments.reset()
    environments.step(np.full(3, 1))
    with pytest.raises(ValueError, match="reset_mask, but others changed"):
        environments.step(np.full(3, 1))


@pytest.mark.peer
def test_vec_envs_of_stable_baselines3():
    vec_env = pytest.importorskip("stable_baselines3.common.vec_env")
    environments = rl.as_environments(vec_env.DummyVecEnv([lambda i=i: Count(i) for i in range(3)]))
    made = transitions(environments, 30)
    for name, of_one in enumerate(made):
        assert of_one == expected(name, 30)


class Plain:
    """Ten steps, of which each test makes something wrong."""

    observation_space, action_space = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        self.left = 10
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.left -= 1
        return np.zeros(2, np.float32), 1.0, self.left == 0, False, {}


class Numbered(Plain):
    """The same for tables."""

    observation_space = spaces.Discrete(3)

    def reset(self, **given):
        return 0, super().reset(**given)[1]

    def step(self, action):
        return 1, *super().step(action)[1:]


def dqn(env):
    return rl.DQN(env, hidden=(4,), buffer_size=100, learning_starts=5, seed=0)


LEARNERS = {
    "dqn": (Plain, lambda env: dqn(env).learn(30)),
    "dqn with a callback": (Plain, lambda env: dqn(env).learn(30, callback=lambda *_: True)),
    "reinforce": (Plain, lambda env: rl.REINFORCE(env, hidden=(4,), seed=0).learn(30)),
    "hill climbing": (Plain, lambda env: rl.HillClimbing(env, n_episodes=1, seed=0).learn(30)),
    "q-learning": (Numbered, lambda env: rl.QLearning(3, 2).learn(env, 30)),
    "td": (Numbered, lambda env: rl.TD0(3).learn(env, 30)),
    "evaluation of q-learning": (Numbered, lambda env: rl.QLearning(3, 2).evaluate(env, 1)),
}
SHORT = {
    "step": lambda result: (*result[:3], result[4]),
    "reward": lambda result: (result[0], None, *result[2:]),
    "rewards": lambda result: (result[0], np.ones(1), *result[2:]),
    "text": lambda result: (result[0], "1", *result[2:]),
}


@pytest.mark.parametrize("learner", LEARNERS)
def test_an_environment_of_ones_own_that_gives_something_else_is_told(learner):
    kind, learn = LEARNERS[learner]

    class Old(kind):
        def reset(self, **given):
            return super().reset(**given)[0]

    with pytest.raises(TypeError, match=r"^env.reset must return \(observation, info\), but returned (ndarray|int)"):
        learn(Old())
    for what, spoil in SHORT.items():

        class Spoilt(kind):
            def step(self, action, spoil=spoil):
                return spoil(super().step(action))

        due = "number as reward, but" if what != "step" else r"\(observation, .*\), but returned 4 values"
        with pytest.raises(TypeError, match=f"^env.step must return .*{due}"):
            learn(Spoilt())


@pytest.mark.parametrize("learner", LEARNERS)
def test_rewards_and_ends_may_be_of_any_type(learner):
    kind, learn = LEARNERS[learner]

    class Other(kind):
        def step(self, action):
            observation, reward, terminated, truncated, _ = super().step(action)
            if self.left % 2:
                return observation, np.float32(reward), int(terminated), np.bool_(truncated), None
            return observation, np.array(reward), np.int8(terminated), 0, {}

    learn(Other())


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_the_environment_that_callbacks_see_can_be_copied(copied):
    env = gymnasium.make("CartPole-v1")
    agent = rl.DQN(env, hidden=(4,))
    shown = copied(agent.get_env())
    assert shown.num_envs == 1 and shown.spec.id == "CartPole-v1"
    shown.reset(seed=0)
    assert shown.step(0)[1] == 1
    gymnasium.make(agent.get_env().spec).close()
    agent.get_env().note = 3
    assert env.note == 3
    agent.set_env(agent.get_env())
    assert agent.get_env().env is env
