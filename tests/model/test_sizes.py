"""The smallest and the largest models, batches and numbers of epochs."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError

from ..shared.models import bits
from ..shared.tiny import CLASSES, FEATURES, ROWS, all_finite, built, fit, network, numbers


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [[], [1], [1, 1], [16], [17, 3], [2, 33]], ids=str)
@pytest.mark.parametrize(("rows", "features", "classes"), [(1, 1, 2), (2, 17, 2), (65, 3, 17), (3, 129, 2)])
def test_any_size_trains_evaluates_and_predicts(rows, features, classes, hidden, dtype):
    x, y = numbers(rows, features), np.arange(rows) % classes
    model = fm.mlp(hidden, classes, seed=0, dtype=dtype)
    history = model.fit(x, y, batch_size=7, epochs=2, verbose=0)
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(model.evaluate(x, y)["loss"])
    probabilities = model.predict(x)
    assert probabilities.dtype == dtype
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.needs_jit
@pytest.mark.parametrize("shape", [(3, [10_000]), (10_000, [2])], ids=str)
def test_ten_thousand_wide_layers_make_a_step(shape):
    features, hidden = shape
    model = fm.mlp(hidden, CLASSES, seed=0)
    assert np.isfinite(model.train_on_batch(numbers(4, features), [0, 1, 2, 0])["loss"])
    assert all_finite(model)


def test_a_batch_larger_than_the_data_is_all_of_it():
    one, other = network(), network()
    fit(one, batch_size=ROWS)
    fit(other, batch_size=10**12)
    assert bits(one) == bits(other)
    assert len(other.history.batches["loss"]) == 1


def test_no_epochs_train_nothing():
    model = built()
    before = bits(model)
    for settings in ({"epochs": 0}, {"epochs": 2, "initial_epoch": 2}, {"epochs": 2, "initial_epoch": 9}):
        history = fit(model, **settings)
        assert history.epoch == []
        assert history.stopped == "finished"
    assert bits(model) == before


def test_layers_may_go_without_bias():
    model = fm.Sequential([fm.Dense(6, "relu", use_bias=False), fm.Dense(CLASSES, "softmax", use_bias=False)], seed=0)
    model.compile()
    fit(model)
    assert [weight.shape for weight in model.get_weights()] == [(FEATURES, 6), (6, CLASSES)]
    with pytest.raises(AttributeError, match="bias"):
        _ = model.layers[0].bias
    np.testing.assert_allclose(model.predict(np.zeros((1, FEATURES))), 1 / CLASSES, rtol=1e-6)


def test_a_model_larger_than_the_memory_is_refused_before_it_is_made():
    model = fm.mlp([1_000_000, 1_000_000], classes=2)
    with pytest.raises(ArgumentError, match="choose smaller units"):
        model.build(10)
