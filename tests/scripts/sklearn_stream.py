"""Data that arrive in pieces: partial_fit, with all classes named at the first one."""

import os

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

seed = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(8)


def piece(rows):
    x = rng.normal(size=(rows, 6)) * [1, 10, 0.1, 5, 1, 2]
    side = x[:, 0] + 0.1 * x[:, 1] * np.sign(x[:, 2])
    return x, np.array(["low", "middle", "high"])[np.digitize(side, [-0.8, 0.8])]


clf = MLPClassifier(hidden_layer_sizes=(32,), learning_rate_init=0.01, random_state=seed)
scaler = StandardScaler()
for n in range(40):
    x, y = piece(250)
    scaler.partial_fit(x)
    clf.partial_fit(scaler.transform(x), y, classes=["high", "low", "middle"])
    if n % 10 == 9:
        print("after", (n + 1) * 250, "rows: loss", round(clf.loss_, 3))
x, y = piece(2000)
print("classes", clf.classes_)
print("score:", clf.score(scaler.transform(x), y))
