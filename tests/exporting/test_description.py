"""What exporters are told of a network is what it computes, and nothing that is registered is passed over."""

import dataclasses

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations, layers
from fastmlp._exporting import description, walk
from fastmlp._exporting.description import described
from fastmlp._exporting.outputs import ABOVE, EACH, LARGEST, NUMBERS

from ..shared import steps

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def test_every_registered_layer_has_its_method_and_every_activation_a_description():
    assert {kind.__name__ for kind in walk.METHODS} | {"Residual"} == set(layers.TYPES)
    kinds = {name: description.activation_step(name).kind for name in activations.RULES}
    assert all(name == kind for name, kind in kinds.items())


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", steps.STACKS)
def test_the_steps_compute_what_the_model_predicts(name, dtype, fold):
    model = steps.trained(steps.STACKS[name], str(dtype))
    x = steps.rows()
    found = described(model, fold=fold)
    np.testing.assert_allclose(
        steps.evaluated(found, x), model.predict(x), rtol=TOLERANCE[str(dtype)], atol=TOLERANCE[str(dtype)]
    )
    assert (found.n_features, found.n_outputs, found.dtype) == (steps.FEATURES, 7, dtype)


def test_residuals_are_steps_with_steps():
    inner = fm.Residual([fm.Dense(3, "tanh")])
    model = fm.Sequential([fm.Dense(3), fm.Residual([inner, fm.Dropout(0.1)]), fm.Dense(2)])
    model.build(2)
    outer = described(model).steps[1]
    assert [type(step).__name__ for step in outer.steps] == ["Residual"]
    assert [type(step).__name__ for step in outer.steps[0].steps] == ["Affine", "Activation"]
    names = [type(step).__name__ for step in described(model).all_steps()]
    assert names == ["Affine", "Residual", "Residual", "Affine", "Activation", "Affine"]


def test_a_layer_or_an_activation_without_a_description_is_refused(monkeypatch):
    model = steps.trained([fm.Dense(3), fm.LayerNormalization(), fm.Dense(2, "tanh")])
    monkeypatch.delitem(walk.METHODS, fm.LayerNormalization)
    with pytest.raises(fm.ArgumentError, match="LayerNormalization layer cannot be exported"):
        described(model)
    with pytest.raises(fm.ArgumentError, match="'wiggle' cannot be exported"):
        description.activation_step("wiggle")


def test_folding_leaves_fewer_steps():
    model = steps.trained([fm.Dense(3), fm.BatchNormalization(), fm.Activation("relu"), fm.Dense(2)])
    assert [len(described(model, fold=fold).steps) for fold in (True, False)] == [3, 4]


@pytest.mark.parametrize("fold", [True, False])
def test_a_first_mean_keeps_its_digits(fold):
    random = np.random.default_rng(0)
    x = 1.6e9 + random.normal(size=(200, 3))
    model = fm.Sequential([fm.Normalization(), fm.Dense(4, "tanh"), fm.Dense(2, "softmax")], seed=0)
    model.compile()
    model.fit(x, (x[:, 0] > 1.6e9).astype(int), epochs=2, verbose=0)
    found = described(model, fold=fold)
    first = found.steps[0]
    assert first.center.dtype == np.float64
    assert first.is_centered_first
    assert first.has_large_center
    np.testing.assert_allclose(steps.evaluated(found, x), model.predict(x), atol=1e-6)


def test_only_a_first_normalization_is_centered_first_and_small_means_are_not_large():
    normalization = fm.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(1, 1, size=(50, 3)))
    model = fm.Sequential([normalization, fm.Activation("tanh"), normalization, fm.Dense(2)])
    model.build(3)
    first, _, second, _ = described(model, fold=False).steps
    assert (first.is_centered_first, first.has_large_center) == (True, False)
    assert (second.is_centered_first, second.center.dtype) == (False, np.float32)


def test_pixels_have_a_scale_and_numbers_have_none():
    x = np.random.default_rng(0).integers(0, 256, size=(30, 4)).astype(np.uint8)
    models = [fm.Sequential([fm.Dense(2, "softmax")], seed=0, uint8_scale=0.01) for _ in range(2)]
    for model, data in zip(models, (x, x.astype(np.float32)), strict=True):
        model.compile()
        model.fit(data, np.arange(30) % 2, verbose=0)
    assert [described(model).pixel_scale for model in models] == [0.01, None]
    np.testing.assert_allclose(steps.evaluated(described(models[0]), x), models[0].predict(x), atol=1e-6)


MEANINGS = {  # last layer, loss → choice, thresholds, whether probabilities, link
    "softmax": (fm.Dense(3, "softmax"), "categorical_crossentropy", (LARGEST, (), True, None)),
    "logits": (fm.Dense(3), fm.losses.CategoricalCrossentropy(from_logits=True), (LARGEST, (), True, "softmax")),
    "one sigmoid": (fm.Dense(1, "sigmoid"), "binary_crossentropy", (ABOVE, (0.5,), True, None)),
    "one logit": (fm.Dense(1), fm.losses.BinaryCrossentropy(from_logits=True), (ABOVE, (0.0,), True, "sigmoid")),
    "questions": (fm.Dense(3, "sigmoid"), "binary_crossentropy", (EACH, (0.5,) * 3, True, None)),
    "questions as logits": (
        fm.Dense(3),
        fm.losses.BinaryCrossentropy(from_logits=True),
        (EACH, (0.0,) * 3, True, "sigmoid"),
    ),
    "numbers": (fm.Dense(3), "mse", (NUMBERS, (), False, None)),
    "squares": (fm.Dense(3, "sigmoid"), "mse", (LARGEST, (), False, None)),
    "not compiled": (fm.Dense(3, "softmax"), None, (LARGEST, (), True, None)),
    "not compiled, numbers": (fm.Dense(3), None, (NUMBERS, (), False, None)),
}


@pytest.mark.parametrize("kind", MEANINGS)
def test_the_meaning_of_outputs_is_that_of_predictions(kind):
    last, loss, wanted = MEANINGS[kind]
    model = fm.Sequential([last], seed=0)
    if loss is not None:
        model.compile(loss=loss)
    model.build(steps.FEATURES)
    found = described(model)
    assert dataclasses.astuple(found.outputs) == wanted
    x = steps.rows(dtype="float32")
    if wanted[0] in (LARGEST, ABOVE):
        assert (steps.chosen(found, model.predict(x)) == model.predict_classes(x)).all()


def test_a_model_without_weights_or_with_ruined_ones_is_refused():
    model = fm.mlp([2], classes=2)
    with pytest.raises(fm.NotBuiltError):
        described(model)
    model.build(2)
    model.engine.parameters[0] = np.nan
    with pytest.raises(fm.DivergenceError, match="kernel of layer 0"):
        described(model)
