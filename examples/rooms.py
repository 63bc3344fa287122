"""Six rooms: the way out by Q-learning, by planning, and by the course's own updates."""

import numpy as np

from nncore import rl
from nncore.datasets import load_rooms
from nncore.textbook import q_learning_update

R = load_rooms()  # R[s, s'] is the reward of the door from s to s', −1 where there is none; 5 is outside

# By hand, from a table of zeros: two updates with η = 1 and γ = 0.8.
Q = q_learning_update(np.zeros((6, 6)), 1, 5, 100, 5, eta=1, gamma=0.8, verbose=True)
Q = q_learning_update(Q, 3, 1, 0, 1, eta=1, gamma=0.8, verbose=True)

# Many episodes that start in any room and end outside.
rooms = rl.MDP.from_reward_matrix(R, gamma=0.8, goals=5)
agent = rl.QLearning(6, 6, learning_rate=1.0, gamma=0.8, exploration=rl.EpsilonGreedy(1.0))
agent.learn(rooms, 20_000, seed=0)
print(agent.q.round().astype(int))

room = 2
while room != 5:
    print(room, end=" → ")
    room = agent.policy()[room]
print(room)

# Planning, which knows the doors, comes to the same table.
print("as planned:", np.allclose(agent.q, rooms.policy_iteration().q))
