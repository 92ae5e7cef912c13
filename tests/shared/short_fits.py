"""Fits of six batches an epoch, and callbacks that record, fail or stop them."""

from types import SimpleNamespace

import numpy as np

import fastmlp as fm
from fastmlp import callbacks

ROWS, FEATURES, CLASSES = 23, 3, 3  # 6 batches of 4, the last of 3
X = np.random.default_rng(0).normal(size=(ROWS, FEATURES)).astype(np.float32)
Y = np.arange(ROWS) % CLASSES
VALIDATION = (X[:7], Y[:7])
BATCHES = 6


def network(*hidden, rate=0.01):
    model = fm.mlp(list(hidden or (4,)), classes=CLASSES, seed=0)
    model.compile(fm.Adam(learning_rate=rate))
    return model


def fit(model=None, x=X, y=Y, **settings):
    model = network() if model is None else model
    return model.fit(x, y, **{"verbose": 0, "batch_size": 4, "epochs": 3, **settings})


PLAN = {
    "epochs": 9,
    "first_epoch": 0,
    "batches": BATCHES,
    "rows": ROWS,
    "batch_size": 4,
    "validation_rows": 7,
    "validation_freq": 1,
    "validation_batches": None,
    "higher_is_better": {"accuracy": True},
    "logs": ["loss", "accuracy", "seconds", "samples_per_second", "learning_rate", "val_loss", "val_accuracy"],
}


def fed(callback, values, name="val_loss", first_epoch=0):
    """Tell a callback of epochs with these values, until it stops; the learning rate after each."""
    callback.model = SimpleNamespace(stop_training=False, learning_rate=1.0, has_schedule=False)
    callback.on_train_begin(PLAN)
    rates = []
    for epoch, value in enumerate(values, first_epoch):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {} if value is None else {name: value})
        rates.append(callback.model.learning_rate)
        if callback.model.stop_training:
            break
    return rates


class Recorder(callbacks.Callback):
    def __init__(self, every=None):
        self.every_batches = every
        self.seen, self.batches, self.reason = [], [], None

    def on_train_begin(self, run_info):
        self.run_info = run_info

    def on_epoch_begin(self, epoch):
        self.seen.append(epoch)

    def on_batches_end(self, batch, logs):
        self.batches.append((self.seen[-1], batch))
        self.logs = logs

    def on_epoch_end(self, epoch, logs):
        self.logs = logs

    def on_train_end(self, reason):
        self.reason = reason


class Fails(callbacks.Callback):
    def __init__(self, *hooks):
        for hook in hooks:
            setattr(self, hook, lambda *arguments, hook=hook: self.fail(hook))

    def fail(self, hook):
        raise RuntimeError(hook)
