"""Weights of rows and classes, statistics of features, averages of weights: what `fit` does besides stepping."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError


def problem(rows=200, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)) * [1, 10, 100] + [0, 5, 50]
    return x, (x[:, 0] > 0.8).astype(np.int64)


def network(*layers, rule="sgd", loss="categorical_crossentropy", **options):
    model = fm.Sequential([*layers, fm.Dense(2, activation="softmax")], seed=1, dtype="float64")
    model.compile(rule, loss, **options)
    return model


def test_validation_is_not_weighted_by_class():
    x, y = problem()
    model = network(fm.Normalization())
    for options in ({"validation_split": 0.25}, {"validation_data": (x[150:], y[150:])}):
        history = model.fit(x, y, epochs=1, class_weight={0: 9.0, 1: 9.0}, verbose=0, **options)
        assert history["val_loss"][-1] == pytest.approx(model.evaluate(x[150:], y[150:])["loss"], rel=1e-12)


def test_balanced_weights_are_those_of_the_rows_that_are_trained():
    x, y = problem()
    y[150:] = 1  # of no account
    count = np.bincount(y[:150], minlength=2)
    weights = {0: 150 / (2 * count[0]), 1: 150 / (2 * count[1])}
    trained = []
    for class_weight in ("balanced", weights):
        model = network(fm.Normalization())
        model.fit(x, y, validation_split=0.25, class_weight=class_weight, verbose=0)
        trained.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*trained, strict=True))


def test_normalization_learns_from_the_first_data_and_leaves_the_declaration_alone():
    x, y = problem()
    declared = fm.Normalization()
    model = network(declared)
    model.fit(x[:100], y[:100], verbose=0)
    assert declared.mean is None
    assert model.layers[0].mean == pytest.approx(x[:100].mean(axis=0))
    assert model.layers[0].variance == pytest.approx(x[:100].var(axis=0))
    model.fit(x[100:], y[100:], verbose=0)  # the model is built: its statistics stay
    assert model.layers[0].mean == pytest.approx(x[:100].mean(axis=0))
    other = network(declared)
    other.fit(x[100:], y[100:], verbose=0)
    assert other.layers[0].mean == pytest.approx(x[100:].mean(axis=0))


def test_uint8_rows_are_normalised_as_they_are_read():
    pixels = np.random.default_rng(0).integers(0, 256, (100, 5), np.uint8)
    model = network(fm.Normalization())
    model.fit(pixels, np.arange(100) % 2, verbose=0)
    assert model.layers[0].mean == pytest.approx(pixels.mean(axis=0) / 255)


def test_a_later_normalization_needs_its_statistics():
    x, y = problem()
    with pytest.raises(ArgumentError, match=r"must be given its statistics, with adapt\(\), before fit"):
        network(fm.Dense(3), fm.Normalization()).fit(x, y, verbose=0)
    adapted = fm.Normalization()
    adapted.adapt(np.eye(3))
    network(fm.Dense(3), adapted).fit(x, y, verbose=0)


def test_averaged_weights_need_an_update():
    x, y = problem()
    model = network(rule=fm.SGD(0.1, ema_momentum=0.5, gradient_accumulation_steps=2))
    model.train_on_batch(x, y)
    with pytest.raises(ArgumentError, match="there is no average"):
        model.swap_averaged_weights()
    model.train_on_batch(x, y)
    trained = model.get_weights()
    model.swap_averaged_weights()
    assert np.array_equal(model.get_weights()[0], trained[0])  # the first average is the first weights
    for _ in range(4):
        model.train_on_batch(x, y)
    trained = model.get_weights()
    model.swap_averaged_weights()
    assert not np.array_equal(model.get_weights()[0], trained[0])
    model.swap_averaged_weights()
    assert np.array_equal(model.get_weights()[0], trained[0])


def test_accuracy_of_a_regression_is_refused_before_training():
    model = fm.Sequential([fm.Dense(1)])
    with pytest.raises(ArgumentError, match="report 'r2', 'mae' or 'regression_accuracy' instead"):
        model.compile(loss="mse", metrics=["accuracy"])
    model.compile(loss="mse")
    assert model.metrics == ()


def test_partial_fit_goes_on_with_rows_as_they_come():
    x, y = problem()
    parts, whole = network(fm.Dense(4), rule="adam"), network(fm.Dense(4), rule="adam")
    for start in range(0, 200, 50):
        found = parts.partial_fit(x[start : start + 50], y[start : start + 50], batch_size=10)
        assert {"loss", "accuracy"} == set(found)
    whole.fit(x, y, batch_size=10, shuffle=False, verbose=0)
    for a, b in zip(parts.get_weights(), whole.get_weights(), strict=True):
        assert np.array_equal(a, b)
