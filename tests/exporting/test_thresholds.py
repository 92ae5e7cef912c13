"""Exports choose by the thresholds of the model."""

import ctypes
import shutil

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._exporting.description import described
from fastmlp._exporting.outputs import SECOND

from ..shared import steps
from .sources import as_library, as_module, called, in_node

pytestmark = pytest.mark.needs_jit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
Y = (X[:, 0] + RNG.normal(size=300) > 1).astype(int)
LABELS = (X[:, :3] + RNG.normal(size=(300, 3)) > [0.5, 1, 1.5]).astype(int)
FROM_LOGITS = {"from_logits": True}
CLASSES = {
    "two": (fm.Dense(2, "softmax"), "categorical_crossentropy"),
    "two logits": (fm.Dense(2), fm.losses.CategoricalCrossentropy(**FROM_LOGITS)),
    "one": (fm.Dense(1, "sigmoid"), "binary_crossentropy"),
    "one logit": (fm.Dense(1), fm.losses.BinaryCrossentropy(**FROM_LOGITS)),
}
EACH = {
    "labels": (fm.Dense(3, "sigmoid"), "binary_crossentropy"),
    "labels as logits": (fm.Dense(3), fm.losses.BinaryCrossentropy(**FROM_LOGITS)),
}


def tuned(last, loss, y, calibrated=False):
    model = fm.Sequential([fm.Dense(6, "tanh"), last], seed=0)
    model.compile(loss=loss, metrics=[])
    model.fit(X, y, epochs=6, verbose=0)
    before = model.predict(X)
    model.tune_threshold(X, y)
    assert any(threshold != 0.5 for threshold in model.thresholds)
    if calibrated:
        model.calibrate(X, y)
        assert (model.predict(X) != before).any()
    return model


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("form", CLASSES)
def test_modules_and_libraries_choose_as_the_model(form, calibrated, tmp_path):
    model = tuned(*CLASSES[form], Y, calibrated)
    wanted, found = model.predict_classes(X), described(model)
    assert 0 < wanted.sum() < len(wanted)
    assert (found.outputs.choice == SECOND) == ("two" in form)
    outputs = model.predict(X)
    assert (steps.chosen(found, outputs) == wanted).all()
    module = as_module(model, tmp_path)
    assert (module.predict_classes(X) == wanted).all()
    if shutil.which("gcc"):
        library = as_library(model, tmp_path)
        outs = called(library.model_predict, X, outputs.shape[1], "float32")
        choices = [library.model_choice(ctypes.c_void_p(row.ctypes.data)) for row in outs]
        assert choices == wanted.tolist()


@pytest.mark.parametrize("form", EACH)
def test_each_label_has_a_threshold_for_what_predict_gives(form):
    model = tuned(*EACH[form], LABELS)
    found = described(model)
    assert ((model.predict(X) > np.array(found.outputs.thresholds)) == model.predict_labels(X)).all()


@pytest.mark.parametrize("form", [*CLASSES, *EACH])
def test_graphs_choose_as_the_model(form, tmp_path):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = tuned(*{**CLASSES, **EACH}[form], LABELS if form in EACH else Y)
    model.export(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    (label,) = session.run(["label"], {session.get_inputs()[0].name: X})
    assert (label == (model.predict_labels(X) if form in EACH else model.predict_classes(X))).all()


@pytest.mark.parametrize("threshold", [0, 1])
def test_thresholds_at_the_ends_are_numbers_in_every_language(threshold, tmp_path):
    model = tuned(*CLASSES["one logit"], Y)
    model.thresholds = threshold
    assert (as_module(model, tmp_path).predict_classes(X) == model.predict_classes(X)).all()
    model.export(tmp_path / "model.html")  # whose JSON has no infinity
    if shutil.which("gcc"):
        library = as_library(model, tmp_path)
        outs = called(library.model_predict, X, 1, "float32")
        assert {library.model_choice(ctypes.c_void_p(row.ctypes.data)) for row in outs} == {1 - threshold}


@pytest.mark.parametrize("form", CLASSES)
def test_pages_choose_as_the_model(form, tmp_path):
    model = tuned(*CLASSES[form], Y)
    model.export(tmp_path / "model.html")
    (found,) = in_node([(tmp_path / "model.html").read_text()], X[:100])
    assert found["choices"] == model.predict_classes(X[:100]).tolist()
