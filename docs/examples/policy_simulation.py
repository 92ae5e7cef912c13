"""Balance a pole on a cart with a small policy network, inside compiled simulation code.

    python docs/examples/policy_simulation.py [generations]

The simulation is a loop in numba code of one's own, and asks the network in every step which way to push. Many
policies of one architecture are rows of a matrix of weights, and are simulated in parallel. An evolution strategy
(noise around one policy, and a step towards the noise that did well) needs nothing but their scores.
"""

import math
import sys
import time

import numba
import numpy as np

import fastmlp as fm
from fastmlp.jitted import predict

STEPS = 500  # of 0.02 seconds; a policy that balances so long has the best score
EPISODES = 4  # for each policy, from other starts
PAIRS, NOISE, RATE = 32, 0.2, 0.3  # of the evolution strategy


@numba.njit(nogil=True, cache=True)
def push(state, force):
    """Move the cart and the pole on by one step; the state is position, speed, angle, and angular speed."""
    gravity, cart, pole, half_length, seconds = 9.8, 1.0, 0.1, 0.5, 0.02
    x, speed, angle, turning = state
    sine, cosine = math.sin(angle), math.cos(angle)
    thrust = (force + pole * half_length * turning**2 * sine) / (cart + pole)
    torque = (gravity * sine - cosine * thrust) / (half_length * (4 / 3 - pole * cosine**2 / (cart + pole)))
    state[0] = x + seconds * speed
    state[1] = speed + seconds * (thrust - pole * half_length * torque * cosine / (cart + pole))
    state[2] = angle + seconds * turning
    state[3] = turning + seconds * torque
    return abs(state[0]) < 2.4 and abs(state[2]) < 0.21


@numba.njit(nogil=True, cache=True)
def steps_balanced(start, weights, network):
    """Simulate one episode with one policy: the network decides in every step."""
    state, choice = start.copy(), np.empty(2, np.float32)
    for step in range(STEPS):
        predict(choice, state, weights, network)
        if not push(state, 10.0 if choice[1] > choice[0] else -10.0):
            return step
    return STEPS


@numba.njit(nogil=True, cache=True, parallel=True)
def score_population(scores, starts, population, network):
    """Mean number of steps for each policy: a policy is a row of ``population``."""
    for i in numba.prange(len(population)):
        total = 0
        for start in starts:
            total += steps_balanced(start, population[i], network)
        scores[i] = total / len(starts)


def evolve(model, generations, generator):
    """Improve a model's weights in place; yields the mean score of each generation, and its steps per second."""
    _, weights, network = model.jitted()
    scores = np.empty(2 * PAIRS)
    for _ in range(generations):
        starts = generator.uniform(-0.1, 0.1, (EPISODES, 4)).astype(np.float32)
        noise = NOISE * generator.standard_normal((PAIRS, weights.size), np.float32)
        began = time.perf_counter()
        score_population(scores, starts, np.concatenate([weights + noise, weights - noise]), network)
        seconds = time.perf_counter() - began
        yield scores.mean(), scores.sum() * EPISODES / seconds
        gains = scores[:PAIRS] - scores[PAIRS:]
        if gains.any():
            weights += RATE * (gains / gains.std()).astype(np.float32) @ noise / math.sqrt(PAIRS)


def main(generations=20):
    model = fm.Sequential([fm.Dense(16, activation="relu"), fm.Dense(2)], seed=0)
    model.build(n_features=4)
    generator = np.random.default_rng(0)
    print("generation  mean steps balanced  million steps per second")
    for number, (score, speed) in enumerate(evolve(model, generations, generator)):
        note = "  (with compilation)" if number == 0 else ""
        print(f"{number:10}  {score:19.1f}  {speed / 1e6:24.2f}{note}")

    # The weights are the model's own, so that it has learned what they have.
    _, weights, network = model.jitted()
    starts = generator.uniform(-0.1, 0.1, (100, 4)).astype(np.float32)
    print(f"from 100 new starts: {np.mean([steps_balanced(start, weights, network) for start in starts]):.1f} steps")
    print(f"upright and at rest, the model says {model.predict(np.zeros((1, 4)))[0].round(2)} for left and right")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
