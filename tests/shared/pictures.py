"""What is drawn: models that need no training, histories, range tests."""

import math
from types import SimpleNamespace

import numpy as np

from fastmlp import History

NAN = math.nan
EPOCHS = {
    "loss": [1.0, 0.5, 0.4],
    "accuracy": [0.5, 0.7, 0.8],
    "val_loss": [1.1, 0.7, 0.8],
    "val_accuracy": [0.4, 0.6, 0.5],
}
IMAGES = np.arange(6 * 4, dtype=np.uint8).reshape(6, 4)
PLANE = np.array([[0.0, 0.0], [1.0, 1.0], [0.2, 0.9], [0.9, 0.1]])


class Function:
    """A model that is a function of its input."""

    def __init__(self, function, **attributes):
        self.predict = function
        self.__dict__.update(attributes)


class Kernels:
    """A model with kernels alone; its last layer has none."""

    def __init__(self, *kernels):
        self.layers = [*(SimpleNamespace(kernel=kernel) for kernel in kernels), SimpleNamespace()]


def two_classes(x):
    """Class 1 right of 0.5, the surer the farther."""
    one = 1 / (1 + np.exp(-20 * (np.asarray(x, float)[:, :1] - 0.5)))
    return np.hstack([1 - one, one])


def record(**changes):
    fields = {"history": EPOCHS, "epoch": [0, 1, 2], "batches": {"loss": [2.0, 1.0, 0.5], "accuracy": [0.1, 0.5, 1.0]}}
    return History(**fields | changes)


def range_test(**changes):
    fields = {"rates": [1e-3, 1e-2, 1e-1], "losses": [2.0, 1.0, 1.5], "smoothed": [2.0, 1.5, 1.4], "suggestion": 1e-2}
    return SimpleNamespace(**fields | changes)


def line(ax, label):
    (found,) = [item for item in ax.lines if item.get_label() == label]
    return found


def said(ax):
    return " ".join(text.get_text() for text in ax.texts)
