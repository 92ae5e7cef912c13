"""onnxruntime gives what the model predicts, for everything that is registered."""

import json

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations, layers
from fastmlp._exporting import description, onnx_nodes

from ..shared import steps
from ..shared.models import clusters
from ..shared.onnx_files import CLASSIFIERS, classifier

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    onnx.checker.check_model(str(path), full_check=True)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(model, x, tmp_path, **options):
    """What the exported file gives, by the names of its outputs."""
    model.export(tmp_path / "a.onnx", **options)
    found = session(tmp_path / "a.onnx")
    names = [output.name for output in found.get_outputs()]
    return dict(zip(names, found.run(None, {"x": x}), strict=True))


def test_every_step_and_activation_has_its_nodes():
    assert set(onnx_nodes._OF_STEP) == set(description.STEPS)
    assert set(onnx_nodes.OF_ACTIVATION) == set(activations.NAMES)
    assert {type(layer).__name__ for stack in steps.STACKS.values() for layer in stack} == set(layers.TYPES)


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", steps.STACKS)
def test_every_layer_and_activation_is_computed_as_predicted(name, dtype, fold, tmp_path):
    model = steps.trained(steps.STACKS[name], str(dtype))
    x = steps.rows(dtype=dtype)
    found = run(model, x, tmp_path, fold=fold)
    predicted = model.predict(x)
    assert list(found) == ["label", "probabilities"]
    assert found["probabilities"].dtype == dtype
    np.testing.assert_allclose(found["probabilities"], predicted, rtol=1e-5, atol=1e-5)
    assert (found["label"] == predicted.argmax(axis=1)).all()


@pytest.mark.parametrize("name", activations.NAMES)
def test_activations_are_those_of_the_model_far_from_zero(name, dtype, tmp_path):
    """Before a sum that would hide a wrong constant."""
    model = fm.Sequential([fm.Dense(1, kernel_initializer="ones"), fm.Activation(name)], dtype=str(dtype), seed=0)
    model.build(1)
    x = np.concatenate([np.linspace(-30, 30, 601), [-1e4, -88, 88, 1e4]])[:, None].astype(dtype)
    found = run(model, x, tmp_path, labels=False)["output"]
    np.testing.assert_allclose(found, model.predict(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_labels_and_probabilities_are_those_of_the_model(kind, dtype, tmp_path):
    model, x = classifier(kind, dtype), steps.rows(dtype=dtype)
    found = run(model, x, tmp_path)
    assert list(found) == ["label", "probabilities"]
    assert found["label"].tolist() == model.predict_classes(x).tolist()
    assert len(set(found["label"].tolist())) > 1
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(x), atol=1e-6)
    np.testing.assert_allclose(run(model, x, tmp_path, labels=False)["output"], model.predict(x), rtol=1e-5, atol=1e-6)


def test_answers_to_several_questions_are_labels_of_their_own(tmp_path):
    for last, loss in (
        (fm.Dense(3, "sigmoid"), "binary_crossentropy"),
        (fm.Dense(3), fm.losses.BinaryCrossentropy(from_logits=True)),
    ):
        model = fm.Sequential([last], seed=0)
        model.compile(loss=loss)
        model.build(steps.FEATURES)
        x = steps.rows(dtype="float32")
        found = run(model, x, tmp_path)
        assert (found["label"] == (model.predict_proba(x) > 0.5)).all()
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(x), atol=1e-6)


def test_numbers_and_choices_without_probabilities_are_one_output_of_the_model(tmp_path):
    x = steps.rows(dtype="float32")
    model = fm.Sequential([fm.Dense(2)], seed=0)
    model.compile(loss="mse")
    model.build(steps.FEATURES)
    assert list(run(model, x, tmp_path)) == ["output"]
    with pytest.raises(fm.ArgumentError, match="labels is True, but the model predicts numbers"):
        model.export(tmp_path / "a.onnx", labels=True)
    squares = fm.Sequential([fm.Dense(2, "sigmoid")], seed=0)
    squares.compile(loss="mse")
    squares.build(steps.FEATURES)
    found = run(squares, x, tmp_path)
    assert list(found) == ["label", "output"]
    assert (found["label"] == squares.predict_classes(x)).all()


# ---------------------------------------------------------------- inputs


def test_pixels_are_read_as_bytes_and_scaled_numbers_on_request(tmp_path):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, size=(60, 9)).astype(np.uint8)
    model = fm.Sequential([fm.Dense(8, "relu"), fm.Dense(3, "softmax")], seed=0, uint8_scale=0.01)
    model.compile()
    model.fit(x, np.arange(60) % 3, verbose=0)
    for options, given in (({}, x), ({"input_type": "float32"}, x * np.float32(0.01))):
        found = run(model, given, tmp_path, **options)["probabilities"]
        np.testing.assert_allclose(found, model.predict(x), atol=1e-5)
    with pytest.raises(fm.ArgumentError, match="input_type must be one of 'float32', 'float64', 'uint8', not 'int8'"):
        model.export(tmp_path / "a.onnx", input_type="int8")
    with pytest.raises(fm.ArgumentError, match="was not trained on pixels"):
        steps.trained([fm.Dense(2)]).export(tmp_path / "a.onnx", input_type="uint8")


@pytest.mark.parametrize("fold", [True, False])
def test_large_means_are_subtracted_in_float64(fold, tmp_path):
    x = 1.6e9 + np.random.default_rng(0).normal(size=(200, 3))
    model = fm.Sequential([fm.Normalization(), fm.Dense(4, "tanh"), fm.Dense(2, "softmax")], seed=0)
    model.compile()
    model.fit(x, (x[:, 0] > 1.6e9).astype(int), epochs=3, verbose=0)
    found = run(model, x, tmp_path, fold=fold)
    assert model.predict(x)[:, 0].std() > 0.01
    np.testing.assert_allclose(found["probabilities"], model.predict(x), atol=1e-5)
    narrow = run(model, x.astype(np.float32), tmp_path, fold=fold, input_type="float32")
    np.testing.assert_allclose(narrow["probabilities"], model.predict(x.astype(np.float32)), atol=1e-5)


def test_the_type_of_the_input_is_that_of_the_model_otherwise(dtype, tmp_path):
    model = steps.trained([fm.Normalization(), fm.Dense(2, "softmax")], str(dtype))
    model.export(tmp_path / "a.onnx")
    (x,) = session(tmp_path / "a.onnx").get_inputs()
    assert (x.name, x.type, x.shape) == (
        "x",
        {"float32": "tensor(float)", "float64": "tensor(double)"}[str(dtype)],
        ["rows", 20],
    )
    other = "float64" if dtype == np.float32 else "float32"
    rows = steps.rows(dtype=other)
    found = run(model, rows, tmp_path, input_type=other)
    np.testing.assert_allclose(found["probabilities"], model.predict(rows), atol=1e-5)


# ---------------------------------------------------------------- the file


def test_names_of_features_and_classes_are_in_the_metadata(tmp_path):
    pd = pytest.importorskip("pandas")
    x, y = clusters()
    model = fm.mlp([4], classes=3, seed=0)
    model.fit(pd.DataFrame(x, columns=["é", 'a"b', "\\", "d\n"]), np.array(["no", "yes", "so"])[y], verbose=0)
    model.export(tmp_path / "a.onnx")
    held = session(tmp_path / "a.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(held["feature_names"]) == ["é", 'a"b', "\\", "d\n"]
    assert json.loads(held["classes"]) == ["no", "so", "yes"]


def test_equal_models_give_equal_files_for_old_runtimes(tmp_path):
    model = steps.trained(steps.STACKS["residual"])
    for name in ("a", "b"):
        model.export(tmp_path / f"{name}.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    graph = onnx.load(tmp_path / "a.onnx")
    assert [(item.domain, item.version) for item in graph.opset_import] == [("", 17)]
    assert graph.ir_version == 8


def test_folding_leaves_fewer_nodes(tmp_path):
    model = steps.trained([fm.Dense(5), fm.BatchNormalization(), fm.Activation("relu"), fm.Dense(2)])
    counts = []
    for fold in (True, False):
        model.export(tmp_path / "a.onnx", fold=fold)
        counts.append(len(onnx.load(tmp_path / "a.onnx").graph.node))
    assert counts[1] - counts[0] == 3


def test_what_a_file_cannot_hold_is_refused(tmp_path, monkeypatch):
    model = fm.Sequential([fm.Dense(2, "softmax")], classes=["a", "\ud800"])
    model.build(3)
    with pytest.raises(fm.ArgumentError, match="not a text that UTF-8 has"):
        model.export(tmp_path / "a.onnx")
    monkeypatch.setattr("fastmlp._exporting.onnx_file.MOST_BYTES", 10)
    with pytest.raises(fm.ArgumentError, match="holds at most 2 GB"):
        model.export(tmp_path / "a.onnx", labels=False)
    monkeypatch.delitem(onnx_nodes.OF_ACTIVATION, "softmax")
    monkeypatch.undo()
    monkeypatch.delitem(onnx_nodes.OF_ACTIVATION, "softmax")
    with pytest.raises(fm.ArgumentError, match="'softmax' cannot be exported to ONNX"):
        model.export(tmp_path / "a.onnx", labels=False)
