"""Training that stops somewhere, and layers that keep something between batches."""

import fastmlp as fm

from .models import state_bits


def without_seconds(history):
    return {name: values for name, values in history.history.items() if name != "seconds"}


EPOCHS = {"epochs": 4, "batch_size": 7, "verbose": 0}


def same_as(model, whole):
    assert state_bits(model) == state_bits(whole)
    assert without_seconds(model.history) == without_seconds(whole.history)
    assert model.history.batches == whole.history.batches
    assert model.history.epoch == whole.history.epoch
    assert (model.history.stopped, model.history.partial) == ("finished", False)


def deep(rule, dtype="float32"):
    layers = [
        fm.Dense(16, use_bias=False),
        fm.BatchNormalization(0.9),
        fm.Activation("relu"),
        fm.Dropout(0.3),
        fm.GaussianNoise(0.1),
        fm.Dense(5, activation="softmax", kernel_regularizer="l2"),
    ]
    model = fm.Sequential(layers, dtype=dtype, seed=5)
    model.compile(rule)
    return model


RULES = [
    fm.Adam(0.01, gradient_accumulation_steps=3, clipnorm=0.5),
    fm.SGD(0.1, 0.9, nesterov=True, gradient_accumulation_steps=2),
    fm.RMSprop(0.01, momentum=0.5, ema_momentum=0.9),
    fm.AdamW(fm.schedules.OneCycle(0.01, 40)),
]
