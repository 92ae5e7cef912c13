"""Source code of a network that reads digits: MNIST's where it is there, otherwise generated ones."""

import ctypes
import os

import numpy as np
import pytest

import fastmlp as fm

from ..shared.processes import needs_jit
from .sources import as_library, as_module, called, in_node

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def digits():
    """A trained network, and test images."""
    if "FASTMLP_DATA" in os.environ:
        (x, y), (x_test, _) = fm.datasets.load("mnist")
    else:
        (x, y), (x_test, _) = fm.datasets.digits(3000, 1000)
    hidden = [fm.Dense(128), fm.BatchNormalization(), fm.Activation("relu"), fm.Residual([fm.Dense(128, "gelu")])]
    model = fm.Sequential([*hidden, fm.Dense(10, "softmax")], seed=0)
    model.compile()
    model.fit(x[:3000], y[:3000], batch_size=100, epochs=2, verbose=0)
    return model, x_test


def check(found, choices, model, x):
    wanted = model.predict(x)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(choices, model.predict_classes(x))
    assert len(np.unique(choices)) == 10


@needs_jit
def test_python(digits, tmp_path):
    model, x = digits
    module = as_module(model, tmp_path)
    check(module.predict(x), module.predict_classes(x), model, x)
    check(module.predict(x / np.float32(255)), module.predict_classes(x), model, x)
    assert (tmp_path / "model.py").stat().st_size < 5.6 * sum(weight.size for weight in model.get_weights())


@needs_jit
def test_c(digits, tmp_path):
    model, x = digits
    library = as_library(model, tmp_path)
    found = called(library.model_predict_pixels, x, 10, "float32")
    choices = [library.model_choice(ctypes.c_void_p(row.ctypes.data)) for row in found]
    check(found, choices, model, x)
    assert (tmp_path / "model.c").stat().st_size < 17 * sum(weight.size for weight in model.get_weights())


@needs_jit
def test_page(digits, tmp_path):
    model, x = digits
    model.export(tmp_path / "model.html")
    (found,) = in_node([(tmp_path / "model.html").read_text()], x[:1000] * model.uint8_scale)
    check(found["outputs"], found["choices"], model, x[:1000])
    assert (tmp_path / "model.html").stat().st_size < 20_000 + 5.4 * sum(weight.size for weight in model.get_weights())
