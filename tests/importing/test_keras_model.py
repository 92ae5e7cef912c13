"""Keras's sequences of layers become models of ours, and ours become theirs, with the same predictions."""

import os

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, activations, layers

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

from .test_torch_modules import every_layer, trained  # noqa: E402

X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)


def moved(model):
    """The model with weights that do something."""
    random = np.random.default_rng(1)
    model.set_weights([values + random.uniform(0.1, 0.4, values.shape) for values in model.get_weights()])
    return model


def adapted():
    layer = keras.layers.Normalization()
    layer.adapt(X * 3 + 2)
    return layer


LAYERS = {
    "activations of dense layers": lambda: [
        keras.layers.Dense(5, activation=name)
        for name in ("relu", "tanh", "gelu", "silu", "elu", "selu", "softplus", "mish", "hard_sigmoid", "leaky_relu")
    ],
    "activations": lambda: [
        *(keras.layers.LeakyReLU(negative_slope=0.1), keras.layers.ELU(alpha=0.3), keras.layers.ReLU()),
        *(keras.layers.ReLU(negative_slope=0.2), keras.layers.Activation("swish"), keras.layers.Softmax()),
    ],
    "normalisations": lambda: [
        *(adapted(), keras.layers.Dense(6, use_bias=False), keras.layers.BatchNormalization()),
        *(keras.layers.LayerNormalization(center=False), keras.layers.BatchNormalization(scale=False)),
    ],
    "what does nothing": lambda: [
        *(keras.layers.Flatten(), keras.layers.Dropout(0.3), keras.layers.GaussianNoise(0.2)),
        keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Identity()]),
    ],
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_imported(name):
    theirs = moved(keras.Sequential([keras.Input((5,)), *LAYERS[name](), keras.layers.Dense(3, activation="softmax")]))
    np.testing.assert_allclose(fm.import_model(theirs).predict(X), theirs.predict(X, verbose=0), atol=2e-6)


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (lambda: keras.layers.PReLU(), "PReLU, which cannot be imported"),
        (lambda: keras.layers.Dense(3, lora_rank=2), "has 4 arrays of weights"),
        (lambda: keras.layers.ReLU(max_value=6), "neither max_value nor threshold"),
        (lambda: keras.layers.Dense(3, activation="relu6"), "activation cannot be .relu6.: write it as two functions"),
        (lambda: keras.layers.LayerNormalization(rms_scaling=True), "rms_scaling=True"),
        (lambda: Dense(3), "layer 'own' of source is a Dense of your own"),
        (lambda: keras.layers.BatchNormalization(axis=1), None),
        (lambda: keras.layers.Softmax(axis=1), None),
    ],
)
def test_what_cannot_be_imported_is_named(layer, what):
    theirs = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4), layer()])
    if what is None:
        fm.import_model(theirs)
        return
    with pytest.raises(ArgumentError, match=what):
        fm.import_model(theirs)


class Dense(keras.layers.Dense):
    """Named like Keras's layer, and something else."""

    def __init__(self, units):
        super().__init__(units, name="own")

    def call(self, x):
        return 2 * super().call(x)


ROWS_OF_ROWS = {
    "a softmax": ([keras.layers.Softmax], "shape \\(4, 2\\) for each row, not one dimension: put Flatten"),
    "a softmax of columns": ([lambda: keras.layers.Softmax(axis=1)], "put Flatten"),
    "a softmax by name": ([lambda: keras.layers.Activation("softmax")], "put Flatten"),
    "a dense layer": ([lambda: keras.layers.Dense(2)], "put Flatten"),
    "a normalisation": ([keras.layers.BatchNormalization], "put Flatten"),
    "statistics of columns": ([lambda: keras.layers.Normalization(axis=1, mean=[0.0] * 4, variance=[1.0] * 4)], "put"),
    "one inside": ([lambda: keras.Sequential([keras.layers.Softmax()])], "put Flatten"),
    "a flattening of channels": ([lambda: keras.layers.Flatten(data_format="channels_first")], "moves channels"),
    "what works number by number": ([keras.layers.ReLU, lambda: keras.layers.Activation("tanh")], None),
}


@pytest.mark.parametrize("name", ROWS_OF_ROWS)
def test_layers_along_one_of_several_dimensions_are_refused(name):
    made, message = ROWS_OF_ROWS[name]
    stack = [keras.Input((4, 2)), *(make() for make in made), keras.layers.Flatten(), keras.layers.Dense(3)]
    theirs = keras.Sequential(stack)
    if message is None:
        rows = np.random.default_rng(0).normal(size=(6, 4, 2)).astype(np.float32)
        np.testing.assert_allclose(fm.import_model(theirs).predict(rows), theirs.predict(rows, verbose=0), atol=2e-6)
        return
    with pytest.raises(ArgumentError, match=message):
        fm.import_model(theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer_becomes_theirs(dtype):
    model = trained(every_layer(), dtype)
    assert {type(layer) for layer in layers.leaves(every_layer())} | {fm.Residual} >= set(layers.TYPES.values())
    theirs = model.to_keras()
    rows = X.astype(dtype)
    np.testing.assert_allclose(theirs.predict(rows, verbose=0), model.predict(rows), atol=5e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_became_theirs_comes_back(dtype):
    model = trained(every_layer(), dtype)
    again = fm.import_model(model.to_keras())
    rows = X.astype(dtype)
    np.testing.assert_allclose(again.predict(rows), model.predict(rows), atol=5e-6)
    assert sum(isinstance(layer, fm.Residual) for layer in again.declarations) == 1


def graph(make, width=5):
    given = keras.Input((width,))
    return keras.Model(given, make(given))


def add(*given):
    return keras.layers.Add()(list(given))


def test_graphs_with_sums_are_imported():
    dense = keras.layers.Dense

    def made(x):
        x = add(dense(5, activation="tanh")(dense(7)(x)), x)
        inner = keras.Sequential([keras.Input((5,)), dense(6, activation="relu"), dense(5)])
        y = dense(5)(x)
        return dense(3)(add(x, add(inner(y), y)))

    theirs = moved(graph(made))
    found = fm.import_model(theirs)
    np.testing.assert_allclose(found.predict(X), theirs.predict(X, verbose=0), rtol=1e-5, atol=2e-6)
    assert [type(layer).__name__ for layer in found.declarations] == ["Residual", "Residual", "Dense"]
    inside = moved(keras.Sequential([keras.Input((5,)), dense(5), graph(made)]))
    np.testing.assert_allclose(fm.import_model(inside).predict(X), inside.predict(X, verbose=0), rtol=1e-5, atol=2e-6)


GRAPHS = {
    "three values": (lambda x: add(x, keras.layers.Dense(5)(x), keras.layers.Dense(5)(x)), "the sum of a value and"),
    "two branches": (lambda x: add(keras.layers.Dense(5)(x), keras.layers.Dense(5)(x)), "is an input of its own"),
    "side by side": (lambda x: keras.layers.Concatenate()([x, keras.layers.Dense(5)(x)]), "a Concatenate of 2 values"),
    "twice": (lambda x: keras.layers.Dense(3)(add(x, x)), "the sum of a value and what layers made of it"),
    "a column for all": (lambda x: add(x, keras.layers.Dense(1)(x)), "5"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_other_graphs_are_refused(name):
    make, message = GRAPHS[name]
    with pytest.raises(ArgumentError, match=message):
        fm.import_model(graph(make))


@pytest.mark.parametrize("activation", [name for name in activations.NAMES if name != "gelu_tanh"])
def test_every_activation_goes_there_and_back(activation):
    model = trained([fm.Dense(4, activation), fm.Dense(3, "softmax")], "float32")
    theirs = model.to_keras()
    np.testing.assert_allclose(theirs.predict(X, verbose=0), model.predict(X), atol=2e-6)
    np.testing.assert_allclose(fm.import_model(theirs).predict(X), model.predict(X), atol=1e-6)


def test_means_that_keras_would_round_away_are_refused():
    model = fm.Sequential([fm.Normalization(), fm.Dense(3)], seed=0)
    model.compile(loss="mse")
    model.fit(X.astype(float) + 1e7, X[:, :3], verbose=0)
    with pytest.raises(ArgumentError, match="rounds features to float32"):
        model.to_keras()


def test_parameters_of_activations_go_along_and_one_without_a_layer_is_named():
    model = trained([fm.Dense(4, "leaky_relu(0.4)"), fm.Dense(4, "elu(0.5)"), fm.Dense(3, "softmax")], "float32")
    np.testing.assert_allclose(model.to_keras().predict(X, verbose=0), model.predict(X), atol=2e-6)
    with pytest.raises(ArgumentError, match="no layer for the activation 'gelu_tanh'"):
        trained([fm.Dense(4, "gelu_tanh"), fm.Dense(3, "softmax")], "float32").to_keras()
