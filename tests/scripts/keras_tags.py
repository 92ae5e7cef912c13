"""Several tags for each text: independent yes-or-no answers, and predictions above one half."""

import os

import numpy as np
from keras import Input, Sequential, layers, utils

utils.set_random_seed(int(os.environ.get("SEED", "0")))

rng = np.random.default_rng(5)
topics = rng.random((4, 60)) ** 6
tags = (rng.random((1500, 4)) < 0.35).astype("float32")
counts = rng.poisson(8 * (tags @ topics) + 0.3)
x = np.log1p(counts).astype("float32")

model = Sequential(
    [
        Input((60,)),
        layers.Dense(48, activation="relu", kernel_initializer="glorot_uniform"),
        layers.Dropout(0.25),
        layers.Dense(4, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["binary_accuracy"])
model.fit(x[:1200], tags[:1200], epochs=30, batch_size=32, validation_split=0.1, verbose=0)
probabilities = model.predict(x[1200:], batch_size=64, verbose=0)
found = (probabilities > 0.5).astype(int)
print("all tags right:", float((found == tags[1200:]).all(axis=1).mean()))
print("score:", float((found == tags[1200:]).mean()))
