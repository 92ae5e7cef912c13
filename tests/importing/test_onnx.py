"""What was exported to .onnx comes back: every layer and activation, labels, names, pixels, large means."""

import numpy as np
import pytest

import fastmlp as fm

from .. import examples
from ..shared import steps
from ..shared.models import clusters
from ..shared.onnx_files import CLASSIFIERS, classifier

pytest.importorskip("onnx")


def again(model, tmp_path, **options):
    model.export(tmp_path / "a.onnx", **options)
    return fm.import_model(tmp_path / "a.onnx")


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", steps.STACKS)
def test_every_layer_and_activation_comes_back(name, dtype, fold, tmp_path):
    model = steps.trained(steps.STACKS[name], str(dtype))
    x = steps.rows(dtype=dtype)
    found = again(model, tmp_path, fold=fold)
    assert (found.dtype, found.n_features) == (dtype, steps.FEATURES)
    np.testing.assert_allclose(found.predict(x), model.predict(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["residual", "Dense", "dropout", "softmax inside", "layer norm"])
def test_layers_come_back_as_they_were_where_the_file_shows_them(name, tmp_path):
    model = steps.trained(steps.STACKS[name])
    layers = [layer for layer in model.layers if not isinstance(layer.declaration, (fm.Dropout, fm.GaussianNoise))]
    found = again(model, tmp_path, fold=False)
    assert [(layer.activation, layer.tensors) for layer in found.layers] == [(a.activation, a.tensors) for a in layers]
    assert [type(node).__name__ for node in found.tree()] == [
        type(node).__name__ for node in model.tree() if not isinstance(node.declaration, (fm.Dropout, fm.GaussianNoise))
    ]


def test_nested_residuals_come_back(tmp_path):
    inner = fm.Residual([fm.Dense(5, "tanh"), fm.LayerNormalization()])
    outer = fm.Residual([inner, fm.Dense(5), inner, fm.Scale()])
    model = steps.trained([fm.Dense(5, "gelu"), outer, fm.Residual([fm.Activation("relu")]), fm.Dense(2)])
    found = again(model, tmp_path)
    np.testing.assert_allclose(found.predict(steps.rows()), model.predict(steps.rows()), atol=1e-5)
    assert len(found.tree()) == 4


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_labels_and_probabilities_come_back(kind, dtype, tmp_path):
    model, x = classifier(kind, dtype), steps.rows(dtype=dtype)
    found = again(model, tmp_path)
    assert found.predict_classes(x).tolist() == model.predict_classes(x).tolist()
    np.testing.assert_allclose(found.predict_proba(x), model.predict_proba(x), atol=1e-6)
    plain = again(model, tmp_path, labels=False)
    np.testing.assert_allclose(plain.predict(x), model.predict(x), rtol=1e-5, atol=1e-6)
    assert (plain.classes is None) == (model.classes is None)


def test_answers_to_several_questions_come_back(tmp_path):
    model = fm.Sequential([fm.Dense(3, "sigmoid")], seed=0)
    model.compile(loss="binary_crossentropy")
    model.build(steps.FEATURES)
    x = steps.rows(dtype="float32")
    np.testing.assert_allclose(again(model, tmp_path).predict_proba(x), model.predict_proba(x), atol=1e-6)


@pytest.mark.parametrize("classes", [None, ["a", "b", "c"]])
@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_classes_of_squared_errors_come_back(last, classes, tmp_path):
    x, y = clusters()
    model = fm.Sequential([fm.Dense(3, last)], classes=classes, seed=0)
    model.compile(loss="mse")
    model.fit(x, y if classes is None else np.array(classes)[y], verbose=0)
    found = again(model, tmp_path)
    assert found.predict_classes(x).tolist() == model.predict_classes(x).tolist()
    np.testing.assert_allclose(found.predict(x), model.predict(x), atol=1e-6)


def test_names_of_columns_and_kinds_of_input_come_back(tmp_path):
    pd = pytest.importorskip("pandas")
    x, y = clusters()
    model = fm.mlp([4], classes=3, seed=0)
    frame = pd.DataFrame(x, columns=["d", "c", "b", "a"])
    model.fit(frame, y, verbose=0)
    found = again(model, tmp_path)
    assert found.feature_names == ("d", "c", "b", "a")
    np.testing.assert_allclose(found.predict(frame[["a", "b", "c", "d"]]), model.predict(frame), atol=1e-6)
    with pytest.raises(fm.ArgumentError, match="could be pixels"):
        found.predict(np.zeros((1, 4), np.uint8))


@pytest.mark.parametrize("first", [[], [fm.Normalization()], [fm.Activation("tanh")]], ids=str)
@pytest.mark.parametrize("fold", [True, False])
def test_pixels_come_back_with_their_scale(first, fold, tmp_path):
    x = np.random.default_rng(0).integers(0, 256, size=(60, 9)).astype(np.uint8)
    model = fm.Sequential([*first, fm.Dense(8, "relu"), fm.Dense(3, "softmax")], seed=0, uint8_scale=0.01)
    model.compile()
    model.fit(x, np.arange(60) % 3, verbose=0)
    found = again(model, tmp_path, fold=fold)
    assert found.input_kind == "pixels"
    assert found.uint8_scale == pytest.approx(0.01)
    np.testing.assert_allclose(found.predict(x), model.predict(x), atol=1e-5)


@pytest.mark.parametrize("fold", [True, False])
def test_large_means_come_back_in_full(fold, tmp_path):
    x = 1.6e9 + np.random.default_rng(0).normal(size=(200, 3))
    model = fm.Sequential([fm.Normalization(), fm.Dense(4, "tanh"), fm.Dense(2, "softmax")], seed=0)
    model.compile()
    model.fit(x, (x[:, 0] > 1.6e9).astype(int), epochs=3, verbose=0)
    np.testing.assert_allclose(again(model, tmp_path, fold=fold).predict(x), model.predict(x), atol=1e-5)


def test_what_a_normalization_that_scales_by_negative_numbers_and_zero_computes_comes_back(tmp_path):
    model = steps.trained([fm.Dense(4), fm.BatchNormalization(), fm.Dense(2)], "float32")
    layer = model.layers[1]
    layer.gamma, layer.moving_mean = [-1.0, 0.0, 2.0, 0.5], [3e4, 3e4, -3e4, 0.0]
    model.layers[0].bias = [3e4, 3e4, -3e4, 0.0]
    x = steps.rows(dtype="float32")
    found = again(model, tmp_path, fold=False)
    assert [type(layer.declaration).__name__ for layer in found.layers][1:3] == ["Normalization", "Scale"]
    np.testing.assert_allclose(found.predict(x), model.predict(x), atol=5e-3)  # of numbers near 30,000


def test_an_imported_model_goes_on_learning(tmp_path):
    x, y = clusters(rows=90)
    model = fm.mlp([8], classes=3, seed=0)
    model.fit(x, y, epochs=2, verbose=0)
    found = again(model, tmp_path)
    before = found.evaluate(x, y).loss
    found.fit(x, y, epochs=5, verbose=0)
    assert found.evaluate(x, y).loss < before


# ---------------------------------------------------------------- networks at random


def layer_at_random(random, width):
    activation = str(random.choice(examples.ACTIVATIONS))
    kinds = [
        lambda: fm.Dense(width, activation, use_bias=bool(random.integers(2))),
        lambda: fm.Activation(activation),
        lambda: fm.Dropout(0.2),
        fm.BatchNormalization,
        fm.LayerNormalization,
        fm.Normalization,
        lambda: fm.Scale(bool(random.integers(2))),
    ]
    return kinds[random.integers(len(kinds))]()


def layers_at_random(random, width, depth=0):
    return [
        fm.Residual(layers_at_random(random, width, depth + 1))
        if random.integers(4) == 0 and depth < 3
        else layer_at_random(random, width)
        for _ in range(random.integers(1, 5))
    ]


@pytest.mark.parametrize("seed", range(40))
def test_networks_at_random_come_back(seed, dtype, tmp_path):
    random = np.random.default_rng(seed)
    width = int(random.integers(1, 6))
    layers = [*layers_at_random(random, width), fm.Dense(width, "tanh"), *layers_at_random(random, width), fm.Dense(2)]
    model = steps.trained(layers, str(dtype), features=width)
    x = random.normal(size=(20, width)).astype(dtype)
    predicted = model.predict(x)
    for fold in (True, False):
        found = again(model, tmp_path, fold=fold).predict(x)
        np.testing.assert_allclose(found, predicted, rtol=1e-4, atol=1e-4 * max(1, abs(predicted).max()))
