"""The check of gradients that learners run."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, NotBuiltError
from fastmlp._engine.engine import Engine

from ..examples import ONE_LAYER, OUT

pytestmark = pytest.mark.needs_jit


def problem(rows=12, features=5, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, features)), rng.integers(0, classes, rows)


def everything():
    return fm.Sequential(
        [
            fm.Normalization(),
            fm.Dense(6, activation="tanh", kernel_regularizer="l2"),
            fm.BatchNormalization(),
            fm.Dropout(0.3),
            fm.Residual([fm.LayerNormalization(), fm.Dense(6, activation="gelu")]),
            fm.Dense(3, activation="softmax"),
        ],
        seed=1,
    )


def test_right_gradients_pass_and_the_model_stays():
    x, y = problem()
    model = everything()
    model.compile()
    model.fit(x, y, epochs=2, verbose=0)
    before, step = [w.copy() for w in model.get_weights()], model.engine.step
    found = model.gradient_check(x, y, samples=6)
    assert found.passed
    assert found.error < 1e-6
    assert [t.name for t in found.tensors][:3] == ["1 Dense kernel", "1 Dense bias", "2 BatchNormalization gamma"]
    assert len(found.tensors[0].indices) == 6
    assert "the gradients are right" in str(found)
    assert model.engine.step == step
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(old, new)


@pytest.mark.parametrize("name", sorted(set(ONE_LAYER) - {"Normalization"}))  # it learns nothing by gradients
def test_each_layer_has_the_right_gradients(name):
    x, y = problem()
    model = fm.Sequential([ONE_LAYER[name], fm.Dense(6, activation="tanh"), ONE_LAYER[name], OUT], seed=1)
    model.compile(fm.Adam(0.03))
    model.fit(x, y % 7, epochs=3, verbose=0)
    assert model.gradient_check(x, y % 7, samples=6).passed


def test_a_wrong_gradient_is_found(monkeypatch):
    x, y = problem()
    model = everything()
    model.compile()
    right = Engine.gradient

    def wrong(self, *args):
        loss, gradient = right(self, *args)
        tensor = next(t for t in self.program.tensors if t.name == "gamma")
        gradient[tensor.span(self.program.panel)] *= 1.01
        return loss, gradient

    monkeypatch.setattr(Engine, "gradient", wrong)
    found = model.gradient_check(x, y)
    assert not found.passed
    assert [t.name for t in found.tensors if t.error > found.tolerance] == ["2 BatchNormalization gamma"]
    assert "WRONG" in str(found)


def test_wrong_arguments_are_refused():
    x, y = problem()
    model = everything()
    with pytest.raises(NotBuiltError, match="compile"):
        model.gradient_check(x, y)
    model.compile()
    with pytest.raises(ArgumentError, match="samples must be at least 1, not 0"):
        model.gradient_check(x, y, samples=0)
    with pytest.raises(ArgumentError, match="y has 12 rows, but x has 5"):
        model.gradient_check(x[:5], y)
