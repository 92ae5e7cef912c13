"""Train and run multilayer perceptrons on CPUs, with compiled kernels that one can read.

import fastmlp as fm

(x, y), (x_test, y_test) = fm.datasets.load("digits")
model = fm.mlp([128, 64], classes=10)
model.fit(x, y, batch_size=128, epochs=5)
model.evaluate(x_test, y_test)
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from . import _moved
from ._base.interruption import uninterrupted

_moved.install()

with uninterrupted():  # numpy cannot be imported again after an interruption at the wrong place
    from . import activations, initializers, kernels, layers, losses, optimizers, regularizers
    from ._base import keras as _keras
    from ._base.errors import (
        ArgumentError,
        ArgumentTypeError,
        BusyError,
        DataFileError,
        DivergenceError,
        DownloadError,
        FastMLPError,
        MissingExtraError,
        ModelFileError,
        NotAvailableError,
        NotBuiltError,
    )
    from ._compiling.threads import get_num_threads, set_num_threads
    from ._network.history import History
    from ._version import __version__
    from .layers import (
        Activation,
        BatchNormalization,
        Dense,
        Dropout,
        Flatten,
        GaussianNoise,
        Input,
        LayerNormalization,
        Normalization,
        Residual,
        Scale,
    )
    from .model import Sequential, export, load, mlp
    from .optimizers import LBFGS, SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, RMSprop, Rprop
    from .tables import TableEncoder

_keras.install()

if TYPE_CHECKING:
    from . import (
        backend,
        callbacks,
        constraints,
        datasets,
        math,
        metrics,
        models,
        plots,
        reference,
        saving,
        schedules,
        sweeps,
        tables,
        trackers,
        utils,
    )
    from ._importing.importing import import_model
    from .search.baseline import baseline
    from .search.cross_validation import CrossValidation, cross_validate
    from .search.importance import Importance, permutation_importance
    from .search.learning_rate import LearningRateCurve, find_learning_rate
    from .search.sweeps import sweep
    from .sklearn import MLPClassifier as MLPClassifier
    from .sklearn import MLPRegressor as MLPRegressor

__all__ = [
    "LBFGS",
    "SGD",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ArgumentError",
    "ArgumentTypeError",
    "BatchNormalization",
    "BusyError",
    "CrossValidation",
    "DataFileError",
    "Dense",
    "DivergenceError",
    "DownloadError",
    "Dropout",
    "FastMLPError",
    "Flatten",
    "GaussianNoise",
    "History",
    "Importance",
    "Input",
    "LayerNormalization",
    "LearningRateCurve",
    "MissingExtraError",
    "ModelFileError",
    "Nadam",
    "Normalization",
    "NotAvailableError",
    "NotBuiltError",
    "RMSprop",
    "Residual",
    "Rprop",
    "Scale",
    "Sequential",
    "TableEncoder",
    "__version__",
    "activations",
    "backend",
    "baseline",
    "callbacks",
    "constraints",
    "cross_validate",
    "datasets",
    "export",
    "find_learning_rate",
    "get_num_threads",
    "import_model",
    "initializers",
    "kernels",
    "layers",
    "load",
    "losses",
    "math",
    "metrics",
    "mlp",
    "models",
    "optimizers",
    "permutation_importance",
    "plots",
    "reference",
    "regularizers",
    "saving",
    "schedules",
    "set_num_threads",
    "sweep",
    "sweeps",
    "tables",
    "trackers",
    "utils",
]

# What a first look at the package does not need is imported when it is asked for.
_MODULES = (
    "backend",
    "callbacks",
    "constraints",
    "datasets",
    "history",
    "math",
    "metrics",
    "models",
    "plots",
    "reference",
    "saving",
    "schedules",
    "scores",
    "sweeps",
    "tables",
    "trackers",
    "utils",
)
_LAZY = {
    "Importance": "search.importance",
    "baseline": "search.baseline",
    "cross_validate": "search.cross_validation",
    "CrossValidation": "search.cross_validation",
    "LearningRateCurve": "search.learning_rate",
    "find_learning_rate": "search.learning_rate",
    "import_model": "_importing.importing",
    "permutation_importance": "search.importance",
    "sweep": "sweeps",
}
# These need scikit-learn, so they are not among the names that ``from fastmlp import *`` imports.
_ESTIMATORS = ("MLPClassifier", "MLPRegressor")


def __getattr__(name: str) -> Any:
    if name in _MODULES or _moved.place_of(name):
        return importlib.import_module(f".{name}", __name__)
    if name in _ESTIMATORS or name == "sklearn":
        home = importlib.import_module(".sklearn", __name__)
        return home if name == "sklearn" else getattr(home, name)
    if name in _LAZY:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    raise _keras.lack(__name__, name)


def __dir__() -> list[str]:
    has_sklearn = importlib.util.find_spec("sklearn") is not None
    return sorted({*__all__, *(_ESTIMATORS if has_sklearn else ())})
