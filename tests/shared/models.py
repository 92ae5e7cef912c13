"""Small data and models, and what is compared of two models."""

import numpy as np

import fastmlp as fm


def data(rows=500, features=20, classes=4, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(rows, features)).astype(np.float32), generator.integers(0, classes, rows)


def clusters(rows=30, width=4, seed=0, apart=2, dtype="float32"):
    """Three classes that are easy to tell apart."""
    generator = np.random.default_rng(seed)
    y = np.arange(rows) % 3
    return (generator.normal(size=(rows, width)) + apart * np.eye(3, width)[y]).astype(dtype), y


def network(hidden=(13,), classes=4, optimizer="adam", **settings):
    model = fm.mlp(list(hidden), classes=classes, seed=5, **settings)
    model.compile(optimizer)
    return model


def bits(model):
    return b"".join(weight.tobytes() for weight in model.get_weights())


def state_bits(model):
    return bits(model) + model.engine.state.tobytes() + str((model.engine.step, model.position)).encode()


def through_a_file(model, tmp_path):
    model.save(tmp_path / "model.npz")
    return fm.load(tmp_path / "model.npz")


def adapted(x):
    layer = fm.Normalization()
    layer.adapt(x)
    return layer


def built():
    """The smallest model that has parameters."""
    model = fm.mlp([2], classes=2, seed=0)
    model.build(3)
    return model
