"""Train and run multilayer perceptrons on CPUs, with compiled kernels that one can read.

import fastmlp as fm

(x, y), (x_test, y_test) = fm.datasets.load("digits")
model = fm.mlp([128, 64], classes=10)
model.fit(x, y, batch_size=128, epochs=5)
model.evaluate(x_test, y_test)
"""

from . import callbacks, datasets, initializers, kernels, losses, reference
from ._errors import (
    ArgumentError,
    ArgumentTypeError,
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
from .saving import load

__all__ = [
    "SGD",
    "Adam",
    "ArgumentError",
    "ArgumentTypeError",
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
    "datasets",
    "get_num_threads",
    "initializers",
    "kernels",
    "load",
    "losses",
    "mlp",
    "reference",
    "set_num_threads",
]
