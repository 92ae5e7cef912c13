"""Networks of pixels that were trained: onnxruntime chooses the same classes for every row of the test data."""

import os
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def data():
    """MNIST where it is, else generated digits."""
    folder = os.environ.get("FASTMLP_DATA")
    if folder and (Path(folder) / "mnist").is_dir():
        (x, y), test = fm.datasets.load("mnist")
        return (x[:5000], y[:5000]), test
    return fm.datasets.digits(2000, 1000)


@pytest.fixture(scope="module", params=["float32", "float64"])
def trained(request, data):
    layers = [fm.Normalization(), fm.Dense(64), fm.BatchNormalization(), fm.Activation("relu"), fm.Dropout(0.1)]
    block = fm.Residual([fm.LayerNormalization(), fm.Dense(32, "gelu"), fm.Dense(64)])
    model = fm.Sequential([*layers, block, fm.Dense(10, "softmax")], dtype=request.param, seed=0)
    model.compile()
    model.fit(*data[0], epochs=2, batch_size=64, verbose=0)
    return model


@pytest.mark.parametrize("fold", [True, False])
def test_labels_are_equal_and_probabilities_close(trained, data, fold, tmp_path):
    (x, y) = data[1]
    trained.export(tmp_path / "a.onnx", fold=fold)
    session = onnxruntime.InferenceSession(str(tmp_path / "a.onnx"), providers=["CPUExecutionProvider"])
    label, probabilities = session.run(["label", "probabilities"], {"x": x.reshape(len(x), -1)})
    np.testing.assert_allclose(probabilities, trained.predict(x), atol=1e-5)
    assert (label == trained.predict_classes(x)).all()
    assert (label == y).mean() > 0.7
    again = fm.import_model(tmp_path / "a.onnx")
    np.testing.assert_allclose(again.predict(x), trained.predict(x), atol=1e-5)
    assert (again.predict_classes(x) == label).all()
