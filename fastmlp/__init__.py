"""Train and run multilayer perceptrons on CPUs, with compiled kernels that one can read.

import fastmlp as fm

(x, y), (x_test, y_test) = fm.datasets.load("digits")
model = fm.mlp([128, 64], classes=10)
model.fit(x, y, batch_size=128, epochs=5)
model.evaluate(x_test, y_test)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import callbacks, initializers, kernels, losses
from ._errors import (
    ArgumentError,
    ArgumentTypeError,
    BusyError,
    DataFileError,
    DivergenceError,
    DownloadError,
    FastMLPError,
    MissingExtraError,
    ModelFileError,
    NotBuiltError,
)
from ._threads import get_num_threads, set_num_threads
from ._version import __version__
from .history import History
from .layers import Dense
from .model import Sequential, mlp
from .optimizers import SGD, Adam

if TYPE_CHECKING:
    from . import datasets, reference, sweeps
    from .cross_validation import CrossValidation, cross_validate
    from .saving import load
    from .sweeps import sweep

__all__ = [
    "SGD",
    "Adam",
    "ArgumentError",
    "ArgumentTypeError",
    "BusyError",
    "CrossValidation",
    "DataFileError",
    "Dense",
    "DivergenceError",
    "DownloadError",
    "FastMLPError",
    "History",
    "MissingExtraError",
    "ModelFileError",
    "NotBuiltError",
    "Sequential",
    "__version__",
    "callbacks",
    "cross_validate",
    "datasets",
    "get_num_threads",
    "initializers",
    "kernels",
    "load",
    "losses",
    "mlp",
    "reference",
    "set_num_threads",
    "sweep",
    "sweeps",
]

# What a first look at the package does not need is imported when it is asked for.
_MODULES = ("datasets", "reference", "sweeps")
_LAZY = {
    "load": "saving",
    "cross_validate": "cross_validation",
    "CrossValidation": "cross_validation",
    "sweep": "sweeps",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _LAZY:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
