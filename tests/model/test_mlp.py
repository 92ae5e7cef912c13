"""`fm.mlp` for classes, numbers and several labels."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


def names(model):
    return [type(layer).__name__ for layer in model.declarations]


def test_classes_have_a_unit_each():
    for classes in (3, ["cat", "dog", "owl"]):
        model = fm.mlp([8, 4], classes, seed=0)
        assert names(model) == ["Dense"] * 3
        assert (model.layers[-1].units, model.layers[-1].activation) == (3, "softmax")
        assert model.loss == fm.losses.CategoricalCrossentropy()
        assert [metric.name for metric in model.metrics] == ["accuracy"]
    assert fm.mlp([8], classes=3, task="classification").declarations == fm.mlp([8], 3).declarations
    assert list(fm.mlp([], ["cat", "dog"]).classes) == ["cat", "dog"]


@pytest.mark.parametrize("outputs", [None, 1, 3])
def test_a_regression_predicts_numbers(outputs):
    model = fm.mlp([8], task="regression", outputs=outputs, seed=0)
    units = outputs or 1
    assert (model.layers[-1].units, model.layers[-1].activation) == (units, "linear")
    assert model.loss == fm.losses.MeanSquaredError()
    history = model.fit(X, X[:, :units], batch_size=5, epochs=30, verbose=0)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert list(history.keys())[:2] == ["loss", "mae"]
    assert model.predict(X).shape == (60, units)


def test_several_labels_are_independent_answers():
    model = fm.mlp([8], task="multilabel", outputs=2, seed=0)
    assert (model.layers[-1].units, model.layers[-1].activation) == (2, "sigmoid")
    assert model.loss == fm.losses.BinaryCrossentropy()
    model.fit(X, X[:, :2] > 0, epochs=2, verbose=0)
    assert 0 < model.evaluate(X, X[:, :2] > 0)["accuracy"] <= 1
    with pytest.raises(ArgumentError):
        model.predict_classes(X)


def test_layers_are_in_the_usual_order():
    model = fm.mlp([8, 4], 3, normalize=True, batch_norm=True, dropout=0.2, activation=["gelu", "relu"])
    hidden = ["Dense", "BatchNormalization", "Activation", "Dropout"]
    assert names(model) == ["Normalization", *hidden, *hidden, "Dense"]
    first, _, activation, _, second = model.declarations[1:6]
    assert not first.use_bias
    assert (first.kernel_initializer, activation.activation) == (fm.Dense(8, "gelu").kernel_initializer, "gelu")
    assert second.kernel_initializer == fm.Dense(4, "relu").kernel_initializer
    assert model.declarations[4].rate == 0.2


def test_rates_of_zero_and_linear_layers_are_left_out():
    model = fm.mlp([8, 4], 3, dropout=[0, np.float32(0.5)], batch_norm=True, activation=None)
    assert names(model) == ["Dense", "BatchNormalization", "Dense", "BatchNormalization", "Dropout", "Dense"]


def test_features_are_scaled_where_asked():
    far = X * 1e-3 + 500
    model = fm.mlp([8], task="regression", normalize=True, seed=0)
    model.fit(far, X[:, 0], batch_size=5, epochs=60, verbose=0)
    assert model.evaluate(far, X[:, 0])["loss"] < 0.2
    np.testing.assert_allclose(model.layers[0].mean, far.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "give classes= .* task='regression' .* task='multilabel'"),
        ({"outputs": 2}, "give classes= "),
        ({"classes": 2, "outputs": 2}, "outputs=2 is for task='regression' or 'multilabel'"),
        ({"task": "classification"}, "needs classes="),
        ({"task": "regression", "classes": 2}, "classes= is for classification, .* outputs="),
        ({"task": "multilabel", "classes": ["a", "b"]}, "the number of labels is outputs="),
        ({"task": "multilabel"}, "needs outputs="),
        ({"task": "clustering", "classes": 2}, "task must be one of"),
        ({"classes": 2, "dropout": [0.1]}, "one for each of the 2 hidden layers"),
        ({"classes": 2, "dropout": 1.0}, "dropout must be"),
        ({"classes": 2, "activation": ["relu"] * 3}, "one for each of the 2 hidden layers"),
        ({"task": "regression", "outputs": 0}, "outputs must be"),
    ],
)
def test_contradictions_are_refused(given, says):
    with pytest.raises(ArgumentError, match=says):
        fm.mlp([8, 8], **given)


@pytest.mark.parametrize("given", [{"dropout": "much"}, {"dropout": True}, {"normalize": 1}, {"batch_norm": "yes"}])
def test_other_types_are_refused(given):
    with pytest.raises(ArgumentTypeError, match=next(iter(given))):
        fm.mlp([8], 2, **given)
