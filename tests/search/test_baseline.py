"""The scores of a model that answers all rows alike."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.errors import ArgumentError
from fastmlp.metrics import mean_absolute_error, mean_squared_error

Y = np.array(["no"] * 6 + ["yes"] * 3 + ["perhaps"])


def test_shares_of_classes():
    model = fm.mlp([4], classes=["no", "perhaps", "yes"])
    found = fm.baseline(model, Y)
    shares = np.array([0.6, 0.3, 0.1])
    np.testing.assert_allclose(found["loss"], -(shares * np.log(shares)).sum(), rtol=1e-6)
    assert found["accuracy"] == 0.6
    assert fm.baseline(model, np.array(["no", "no", "yes", "perhaps"]), ["yes", "yes", "no", "no"])["accuracy"] == 0.5


def test_class_numbers_and_labels_that_are_numbers():
    for y in (np.array([0, 2, 2, 1]), np.array([3, 7, 7, 5])):
        assert fm.baseline(fm.mlp([4], classes=3), y)["accuracy"] == 0.5
    assert fm.baseline(fm.mlp([4], classes=[3, 5, 7]), np.array([7, 3, 7]), [7, 5])["accuracy"] == 0.5


def test_a_class_without_rows_costs_much_but_not_everything():
    assert 10 < fm.baseline(fm.mlp([4], classes=3), [0, 1, 1], [2])["loss"] < 20


def test_one_unit():
    model = fm.Sequential([fm.Dense(4), fm.Dense(1, activation="sigmoid")])
    model.compile(loss="binary_crossentropy", metrics=["accuracy", "auc"])
    found = fm.baseline(model, [0, 0, 0, 1])
    np.testing.assert_allclose(found["loss"], -0.75 * np.log(0.75) - 0.25 * np.log(0.25), rtol=1e-6)
    assert (found["accuracy"], found["auc"]) == (0.75, 0.5)


def test_several_labels():
    model = fm.mlp([4], task="multilabel", outputs=2)
    y = np.array([[0, 1], [0, 1], [0, 0], [1, 1]])
    np.testing.assert_allclose(fm.baseline(model, y)["loss"], -0.75 * np.log(0.75) - 0.25 * np.log(0.25), rtol=1e-6)


def test_the_mean():
    y, y_test = np.array([1000.0, 3000.0, 8000.0]), np.array([4000.0, 5000.0])
    model = fm.mlp([4], task="regression")
    found = fm.baseline(model, y, y_test)
    np.testing.assert_allclose(found["loss"], mean_squared_error(y_test, np.full(2, 4000.0)))
    np.testing.assert_allclose(found["mae"], mean_absolute_error(y_test, np.full(2, 4000.0)))
    two = fm.mlp([4], task="regression", outputs=2)
    np.testing.assert_allclose(fm.baseline(two, np.array([[1, 5], [3, 9]]))["loss"], 2.5)


def test_the_model_does_not_change():
    model = fm.mlp([4], classes=3)
    fm.baseline(model, [0, 1, 2])
    assert not model.is_built


def test_other_last_layers():
    model = fm.Sequential([fm.Dense(4, activation="relu")])
    model.compile(loss="mse")
    with pytest.raises(ArgumentError, match="must end in a Dense layer with softmax, sigmoid or no activation"):
        fm.baseline(model, [1.0, 2.0])
    with pytest.raises(ArgumentError, match=r"model must be a fastmlp\.Sequential"):
        fm.baseline("mlp", [1.0, 2.0])
