"""Data sets of images in the form of Keras's: arrays of 28 x 28 pixels."""

import os
from typing import Any

import numpy as np

from .._base.types import Array
from .catalog import load

Images = tuple[Array, Array]


def image_pairs(name: str, path: Any) -> tuple[Images, Images]:
    """Training and test images and their class numbers, of the data set of this name."""
    place = name if path is None or os.fspath(path) == "mnist.npz" else path
    (x, y), (x_test, y_test) = load(place, dtype="uint8")
    return _shaped(x, y), _shaped(x_test, y_test)


def _shaped(x: Array, y: Array) -> Images:
    return x.reshape(len(x), 28, 28), y.astype(np.uint8)
