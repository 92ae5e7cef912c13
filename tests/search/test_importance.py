"""Which columns a model relies on."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.errors import ArgumentError


@pytest.fixture
def rows():
    x = np.random.default_rng(0).uniform(-1, 1, size=(200, 3))
    return x, (x[:, 1] + 0.1 * x[:, 2] > 0).astype(int)


@pytest.fixture
def model(rows):
    """It knows the rule without training: the second column, and a little of the third."""
    model = fm.Sequential([fm.Dense(2, activation="softmax")])
    model.compile()
    model.build(3)
    model.layers[0].kernel = np.array([[0, 0], [-5, 5], [-0.5, 0.5]])
    return model


def test_columns_in_their_order(model, rows):
    found = fm.permutation_importance(model, *rows)
    assert found.names == ("1", "2", "0")
    assert found.mean[0] > 1 > found.mean[1] > 0.001 > abs(found.mean[2])
    assert found.mean[2] == found.std[2] == 0
    assert found.std[0] > 0
    assert found.score == model.evaluate(*rows)["loss"]
    assert str(found).splitlines()[0] == "column  loss worse by"
    assert repr(found) == str(found)
    assert "<table" in found._repr_html_()


def test_by_hand(model, rows):
    x, y = rows
    found = fm.permutation_importance(model, x, y, repeats=2, seed=5)
    worse = []
    for repeat in range(2):
        order = np.random.Generator(np.random.Philox(np.random.SeedSequence([5, 1, repeat]))).permutation(200)
        shuffled = np.column_stack([x[:, 0], x[order, 1], x[:, 2]])
        worse.append(model.evaluate(shuffled, y)["loss"] - found.score)
    assert found.mean[0] == np.mean(worse)
    assert found.std[0] == np.std(worse)
    assert (found.repeats, found.metric) == (2, "loss")


def test_metrics_that_should_be_large(model, rows):
    found = fm.permutation_importance(model, *rows, metric="accuracy")
    assert found.names[0] == "1"
    assert 0.3 < found.mean[0] < 0.7
    assert str(found).startswith("column  accuracy worse by")


def test_seeds_and_weights(model, rows):
    x, y = rows
    first, again, other = (fm.permutation_importance(model, x, y, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.mean, again.mean)
    assert first.mean[0] != other.mean[0]
    weights = np.repeat([1.0, 0.0], 100)
    weighted = fm.permutation_importance(model, x, y, sample_weight=weights)
    assert weighted.score == model.evaluate(x[:100], y[:100])["loss"]


def test_the_data_do_not_change(model, rows):
    x, y = rows
    x.flags.writeable = False
    fm.permutation_importance(model, x, y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "f1"}, "metric must be one of 'loss', 'accuracy', which the model has, not 'f1'"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"x": np.zeros(3)}, r"x must be a table or an array of shape \(rows, columns\), not \(3,\)"),
        ({"model": 3}, r"model must be a fastmlp\.Sequential"),
    ],
)
def test_wrong_arguments(model, rows, arguments, message):
    given = {"model": model, "x": rows[0], "y": rows[1]} | arguments
    with pytest.raises(ArgumentError, match=message):
        fm.permutation_importance(given.pop("model"), given.pop("x"), given.pop("y"), **given)
