"""Eight measurements of patients, and whether they have an illness: one unit with a sigmoid."""

import os

import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from keras.utils import set_random_seed

seed = int(os.environ.get("SEED", "0"))
set_random_seed(seed)

# age, pregnancies, glucose, pressure, skin, insulin, weight index, family
rng = np.random.default_rng(42)
X = np.column_stack(
    [
        rng.integers(21, 80, 800),
        rng.integers(0, 12, 800),
        rng.normal(120, 30, 800),
        rng.normal(70, 12, 800),
        rng.normal(25, 9, 800),
        rng.gamma(2.0, 60.0, 800),
        rng.normal(32, 7, 800),
        rng.gamma(2.0, 0.25, 800),
    ]
)
risk = 0.04 * (X[:, 2] - 120) + 0.1 * (X[:, 6] - 32) + 0.03 * (X[:, 0] - 40) + 1.5 * (X[:, 7] - 0.5)
y = (risk + rng.logistic(size=800) > 0.5).astype(int)
X = (X - X.mean(axis=0)) / X.std(axis=0)

model = Sequential()
model.add(Dense(12, input_dim=8, activation="relu"))
model.add(Dense(8, activation="relu"))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(X[:600], y[:600], epochs=40, batch_size=16, verbose=0)

_, accuracy = model.evaluate(X[600:], y[600:], verbose=0)
print("Accuracy: %.2f" % (accuracy * 100))
predictions = (model.predict(X[600:], verbose=0) > 0.5).astype(int)
for i in range(5):
    print("%s => %d (expected %d)" % (X[600 + i].round(1).tolist(), predictions[i, 0], y[600 + i]))
print("score:", float((predictions.ravel() == y[600:]).mean()))
