"""A training loop of one's own: batches drawn by hand, and the rate lowered on the way."""

import os

import numpy as np
from keras.layers import Dense, LeakyReLU
from keras.models import Sequential
from keras.optimizers import Adam
from keras.utils import set_random_seed

seed = int(os.environ.get("SEED", "0"))
set_random_seed(seed)
rng = np.random.default_rng(9)
x = rng.uniform(-2, 2, size=(1500, 1))
y = np.sin(3 * x) + 0.3 * x**2

model = Sequential()
model.add(Dense(64, input_dim=1, activation="tanh"))
model.add(Dense(32))
model.add(LeakyReLU(negative_slope=0.1))
model.add(Dense(1))
model.compile(optimizer=Adam(0.01), loss="mse")

batches = np.random.default_rng(seed)
for step in range(600):
    rows = batches.integers(0, 1200, 64)
    loss = model.train_on_batch(x[rows], y[rows])
    if step == 400:
        model.optimizer.learning_rate = 0.002

weights = model.get_weights()
first_weights, first_biases = model.layers[0].get_weights()
print("tensors:", len(weights), "first layer:", first_weights.shape, first_biases.shape)
restored = Sequential.from_config(model.get_config())
restored.set_weights(weights)
answer = restored.predict(x[1200:], verbose=0)
print("score:", float(1 - ((answer - y[1200:]) ** 2).mean() / y[1200:].var()))
