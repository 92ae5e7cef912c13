"""Batches made on the way: a Sequence whose elements are made when they are asked for."""

import math
import os

import numpy as np
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import SGD
from tensorflow.keras.utils import Sequence, set_random_seed

set_random_seed(int(os.environ.get("SEED", "0")))


class Checkerboard(Sequence):
    def __init__(self, rows, batch_size, seed):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.x = rng.uniform(-1, 1, size=(rows, 2))
        self.y = ((self.x[:, 0] > 0) ^ (self.x[:, 1] > 0)).astype(int)
        self.batch_size = batch_size

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index):
        low = index * self.batch_size
        high = min(low + self.batch_size, len(self.x))
        return self.x[low:high], self.y[low:high]


model = Sequential([Input(shape=(2,)), Dense(32, activation="tanh"), Dense(2, activation="softmax")])
model.compile(SGD(learning_rate=0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(Checkerboard(1000, 32, 1), validation_data=Checkerboard(300, 32, 2), epochs=15, verbose=0)
print("score:", model.evaluate(Checkerboard(2000, 64, 3), verbose=0)[1])
