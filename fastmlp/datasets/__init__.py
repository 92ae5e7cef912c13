"""Data sets: built in, from files, or downloaded on request; and functions that prepare them for training."""

import importlib
from typing import Any

from .._base import keras
from .._base.public import as_public
from .catalog import data_home, load
from .digits import digits
from .features import load_features
from .idx import load_idx
from .labels import labels_of, one_hot
from .remote import download
from .sources import Rows as Rows
from .split import train_test_split, train_validation_test_split
from .standardize import Standardizer, standardize
from .streams import Chunks
from .table import Table, load_csv
from .toy import moons, sine, spiral, vertical

__all__ = [
    "Chunks",
    "Standardizer",
    "Table",
    "data_home",
    "digits",
    "download",
    "labels_of",
    "load",
    "load_csv",
    "load_features",
    "load_idx",
    "moons",
    "one_hot",
    "sine",
    "spiral",
    "standardize",
    "train_test_split",
    "train_validation_test_split",
    "vertical",
]

as_public(globals(), also=("Rows",))


def __getattr__(name: str) -> Any:
    if name in ("mnist", "fashion_mnist"):
        return importlib.import_module(f".{name}", __name__)
    raise keras.lack(__name__, name)
