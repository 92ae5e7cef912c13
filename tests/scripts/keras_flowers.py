"""Flowers: text labels made numbers, folds by scikit-learn, a new model for each fold."""

import os

import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import LabelEncoder
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential
from tensorflow.keras.utils import set_random_seed, to_categorical

seed = int(os.environ.get("SEED", "0"))
set_random_seed(seed)
iris = load_iris()
X = iris.data.astype(float)
names = iris.target_names[iris.target]
encoder = LabelEncoder()
encoded_Y = encoder.fit_transform(names)
dummy_y = to_categorical(encoded_Y)


def baseline_model():
    model = Sequential()
    model.add(Dense(16, input_dim=4, activation="relu"))
    model.add(Dense(3, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


results = []
for train, test in StratifiedKFold(n_splits=5, shuffle=True, random_state=seed).split(X, encoded_Y):
    estimator = baseline_model()
    estimator.fit(X[train], dummy_y[train], epochs=50, batch_size=8, verbose=0)
    loss, acc = estimator.evaluate(X[test], dummy_y[test], verbose=0)
    results.append(acc)
print("Baseline: %.2f%% (%.2f%%)" % (np.mean(results) * 100, np.std(results) * 100))
print("score:", float(np.mean(results)))
