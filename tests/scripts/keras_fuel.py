"""Fuel that cars need: regression on a data frame, with a stop when validation no longer improves."""

import os

import numpy as np
import pandas as pd
from tensorflow import keras
from tensorflow.keras import layers

seed = int(os.environ.get("SEED", "0"))
keras.utils.set_random_seed(seed)

rng = np.random.default_rng(7)
n = 600
cars = pd.DataFrame(
    {
        "cylinders": rng.choice([4, 6, 8], n),
        "power": rng.normal(110, 30, n),
        "weight": rng.normal(1400, 300, n),
        "year": rng.integers(70, 83, n),
        "origin": rng.choice(["USA", "Japan", "Europe"], n),
    }
)
cars["fuel"] = (
    0.004 * cars["weight"]
    + 0.02 * cars["power"]
    - 0.15 * (cars["year"] - 76)
    + 0.3 * cars["cylinders"]
    - 0.8 * (cars["origin"] == "Japan")
    + rng.normal(0, 0.4, n)
)
cars = pd.get_dummies(cars, columns=["origin"], prefix="", prefix_sep="").astype(float)

train = cars.sample(frac=0.8, random_state=0)
test = cars.drop(train.index)
train_labels = train.pop("fuel")
test_labels = test.pop("fuel")
stats = train.describe().transpose()


def norm(x):
    return (x - stats["mean"]) / stats["std"]


def build_model():
    model = keras.Sequential(
        [
            layers.Dense(64, activation="relu", input_shape=[len(train.keys())]),
            layers.Dense(64, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.compile(loss="mse", optimizer=keras.optimizers.RMSprop(0.001), metrics=["mae", "mse"])
    return model


model = build_model()
early_stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=10)
history = model.fit(norm(train), train_labels, epochs=100, validation_split=0.2, verbose=0, callbacks=[early_stop])
hist = pd.DataFrame(history.history)
hist["epoch"] = history.epoch
print(hist.tail()[["val_loss", "val_mae", "val_mse", "epoch"]])

loss, mae, mse = model.evaluate(norm(test), test_labels, verbose=0)
print(f"mean absolute error on the test set: {mae:5.2f}")
test_predictions = model.predict(norm(test), verbose=0).flatten()
error = test_predictions - test_labels
print("score:", float(1 - (error**2).mean() / test_labels.var()))
