"""Rare frauds: class weights, a first bias, and metrics that rare classes need."""

import os

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from tensorflow import keras

keras.utils.set_random_seed(int(os.environ.get("SEED", "0")))

rng = np.random.default_rng(11)
n = 6000
features = rng.normal(size=(n, 12))
amount = rng.lognormal(3, 1, n)
hidden = features[:, 0] * features[:, 1] + features[:, 2] + 0.5 * np.log(amount) - 1.5
labels = (hidden + 0.5 * rng.normal(size=n) > 2.6).astype(int)
features = np.column_stack([features, np.log(amount)])

train_x, test_x, train_y, test_y = train_test_split(features, labels, test_size=0.3, random_state=0, stratify=labels)
train_x, val_x, train_y, val_y = train_test_split(train_x, train_y, test_size=0.25, random_state=0, stratify=train_y)
scaler = StandardScaler()
train_x = np.clip(scaler.fit_transform(train_x), -5, 5)
val_x = np.clip(scaler.transform(val_x), -5, 5)
test_x = np.clip(scaler.transform(test_x), -5, 5)
neg, pos = np.bincount(train_y)
print(f"examples: {neg + pos}, positive: {pos} ({100 * pos / (neg + pos):.2f} %)")

METRICS = [
    keras.metrics.TruePositives(name="tp"),
    keras.metrics.FalsePositives(name="fp"),
    keras.metrics.TrueNegatives(name="tn"),
    keras.metrics.FalseNegatives(name="fn"),
    keras.metrics.BinaryAccuracy(name="accuracy"),
    keras.metrics.Precision(name="precision"),
    keras.metrics.Recall(name="recall"),
    keras.metrics.AUC(name="auc"),
    keras.metrics.AUC(name="prc", curve="PR"),
]


def make_model(metrics=METRICS, output_bias=None):
    if output_bias is not None:
        output_bias = keras.initializers.Constant(output_bias)
    model = keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu", input_shape=(train_x.shape[-1],)),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(1, activation="sigmoid", bias_initializer=output_bias or "zeros"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=1e-3),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=metrics,
    )
    return model


early_stopping = keras.callbacks.EarlyStopping(
    monitor="val_prc", verbose=1, patience=10, mode="max", restore_best_weights=True
)
weight_for_0 = (1 / neg) * (neg + pos) / 2.0
weight_for_1 = (1 / pos) * (neg + pos) / 2.0
model = make_model(output_bias=float(np.log(pos / neg)))
model.fit(
    train_x,
    train_y,
    batch_size=256,
    epochs=60,
    callbacks=[early_stopping],
    validation_data=(val_x, val_y),
    class_weight={0: weight_for_0, 1: weight_for_1},
    verbose=0,
)
results = model.evaluate(test_x, test_y, batch_size=256, verbose=0, return_dict=True)
for name, value in results.items():
    print(name, ":", round(float(value), 4))
assert results["tp"] + results["fn"] == test_y.sum()
print("score:", results["auc"])
