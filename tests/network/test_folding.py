"""Models with layers folded into others, and gradients as arrays."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import Activation, BatchNormalization, Dense, NotBuiltError

STACKS = {
    "after a dense layer": [Dense(9, use_bias=False), BatchNormalization(), Activation("relu"), Dense(3)],
    "before a dense layer": [
        Dense(9, activation="tanh"),
        BatchNormalization(),
        Dense(3, activation="softmax"),
    ],
    "first and last": [fm.Normalization(), fm.Dropout(0.2), Dense(3), BatchNormalization()],
    "twice": [
        Dense(5),
        BatchNormalization(),
        BatchNormalization(),
        fm.GaussianNoise(1.0),
        Activation("elu"),
    ],
    "in a block": [
        Dense(6, activation="relu"),
        fm.Residual([BatchNormalization(), Dense(4), fm.Dropout(0.5), Dense(6), BatchNormalization()]),
        fm.LayerNormalization(),
        Dense(3, activation="softmax"),
    ],
    "after a block": [fm.Residual([Dense(4)]), BatchNormalization(), Activation("relu"), Dense(2)],
    "scaling": [fm.Scale(), Dense(5, use_bias=False), fm.Scale(False), Activation("tanh"), fm.Scale(False), Dense(3)],
    "around noise alone": [
        Dense(4, activation="tanh"),
        fm.Residual([fm.Dropout(0.5), fm.GaussianNoise(1.0)]),
        Dense(3),
    ],
    "nothing to fold": [Dense(6, activation="relu"), Dense(3)],
}
LEFT = {
    "after a dense layer": ["Dense", "Dense"],
    "before a dense layer": ["Dense", "Dense"],
    "first and last": ["Dense"],
    "twice": ["Dense"],
    "in a block": ["Dense", "Dense", "Dense", "LayerNormalization", "Dense"],
    "after a block": ["Dense", "BatchNormalization", "Activation", "Dense"],
    "around noise alone": ["Dense", "Activation", "Dense"],
    "scaling": ["Dense", "Dense"],
    "nothing to fold": ["Dense", "Dense"],
}


def trained(layers, dtype="float64"):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)) * [1, 2, 3, 4] + 1
    units = fm.layers.output_of(layers)[0]
    model = fm.Sequential(layers, dtype=dtype, seed=0)
    model.compile(fm.Adam(0.01), "mse")
    model.fit(x, rng.normal(size=(200, units)), epochs=3, verbose=0)
    return model, x


@pytest.mark.parametrize("name", STACKS)
def test_folded_models_predict_the_same(name):
    model, x = trained(STACKS[name])
    folded = model.folded()
    assert [type(layer.declaration).__name__ for layer in folded.layers] == LEFT[name]
    assert folded.predict(x) == pytest.approx(model.predict(x), abs=1e-12)
    again = folded.folded()
    assert again.predict(x) == pytest.approx(model.predict(x), abs=1e-12)
    assert folded.loss == model.loss


@pytest.mark.parametrize("normalization", [fm.Normalization(), BatchNormalization()], ids=["features", "batches"])
@pytest.mark.parametrize(("mean", "left"), [(500.0, 1), (1.7e9, 2)])
def test_a_mean_far_from_0_is_taken_off_before_a_dense_layer(normalization, mean, left):
    x = mean + np.arange(2000.0)[:, None] * 2.0**9 / 2000 * (1 if left == 1 else 4)
    model = fm.Sequential([normalization, Dense(1)], seed=0)
    model.compile(fm.Adam(0.01), "mse")
    model.fit(x if isinstance(normalization, fm.Normalization) else x.astype(np.float32), x - mean, verbose=0)
    folded = model.folded()
    assert len(folded.layers) == left
    np.testing.assert_allclose(folded.predict(x), model.predict(x), atol=2e-5)


def test_only_built_models_are_folded():
    with pytest.raises(NotBuiltError):
        fm.Sequential([fm.Dense(3)]).folded()


def test_gradients_are_those_of_a_step_and_change_nothing():
    model, x = trained([fm.Dense(6, activation="tanh"), fm.BatchNormalization(), fm.Dense(2, trainable=False)])
    y = np.ones((200, 2))
    model.compile(fm.SGD(0.5), "mse")
    before, step = model.get_weights(), model.engine.step
    loss, gradients = model.gradients(x, y)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(old, new)
    assert model.engine.step == step
    assert model.train_on_batch(x, y)["loss"] == pytest.approx(loss, rel=1e-12)
    for old, new, gradient in list(zip(before, model.get_weights(), gradients, strict=True))[:4]:
        assert new == pytest.approx(old - 0.5 * gradient, abs=1e-12)
    assert all(not gradient.any() for gradient in gradients[4:])
