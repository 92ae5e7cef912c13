"""Trains, saves and loads where fastmlp is installed with nothing but numpy and numba. It leaves a file behind."""

import importlib.metadata
import sys

import numpy as np

import fastmlp as fm

(x, y), (x_test, y_test) = fm.datasets.digits(3000, 500)
model = fm.mlp([32], classes=10, seed=0)
model.fit(x, y, epochs=4, verbose=0)
assert model.evaluate(x_test, y_test)["accuracy"] > 0.7
model.save("model.npz")
assert np.array_equal(fm.load("model.npz").predict(x_test), model.predict(x_test))

assert "site-packages" in fm.__file__, fm.__file__
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"scipy", "sklearn", "torch", "matplotlib", "pytest"}, loaded
names = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
assert names <= {"fastmlp", "numpy", "numba", "llvmlite", "pip", "setuptools"}, names
print(f"fastmlp {importlib.metadata.version('fastmlp')} trains, saves and loads, alone with numpy and numba")
