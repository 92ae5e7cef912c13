"""Labelled data for the commands: read by `fastmlp.datasets`, and made to mean what a model has learned."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import datasets, naming
from .._errors import ArgumentError, DataFileError
from ..datasets._open import existing_file, first_bytes
from ..datasets.catalog import DOWNLOADABLE
from ..model import Sequential
from .trained import Notes
from .usage import UsageError, data_name

Array = npt.NDArray[Any]
Part = tuple[Array, Array]
Names = tuple[str, ...] | None

_TEST_SHARE = 1 / 6  # of a single CSV file, as in `fastmlp.datasets.load`
_NOT_CSV = (b"PK\x03\x04", b"\0\0", b"\x93NUMPY")  # NPZ, IDX, NPY


@dataclass(frozen=True)
class Labelled:
    """Training and test rows, all words that are labels, where they are words, and the names of a header.

    Evaluation needs no training rows: they are empty then.
    """

    source: str
    train: Part
    test: Part
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None

    @property
    def labels(self) -> int | tuple[str, ...] | list[int]:
        """What a new model is told of the classes: words, numbers that are not those from 0 on, or how many."""
        if self.class_names is not None:
            return self.class_names
        return naming.distinct(np.concatenate([y for _, y in (self.train, self.test)]))

    @property
    def classes(self) -> int:
        """How many there are."""
        return self.labels if isinstance(self.labels, int) else len(self.labels)

    def with_rows(self, count: int | None) -> Labelled:
        """With the first so many training rows; None for all."""
        x, y = self.train
        return dataclasses.replace(self, train=(x[:count], y[:count]))

    def for_model(self, model: Sequential, notes: Notes | None, features: str | None = None) -> Labelled:
        """The same rows, read as the model's training data were."""
        known = None if model.classes is None or model.classes.dtype.kind != "U" else tuple(map(str, model.classes))
        if known is not None or notes is not None:
            check_labels(known, self.class_names, self.source)
        check_header(model, self.feature_names, self.source)
        (x, y), (x_test, y_test) = self.train, self.test
        return dataclasses.replace(
            self,
            train=(read_for(model, notes, features, x, self.source), y),
            test=(read_for(model, notes, features, x_test, self.source), y_test),
            class_names=known or self.class_names,
        )


def load_split(source: str, label: str | int | None, seed: int) -> Labelled:
    """A training and a test part; those of a single CSV file are drawn by ``seed``."""
    if not _is_csv(source, label):
        return Labelled(source, *datasets.load(source))
    x, y, *names = _read_csv(source, label)
    return Labelled(source, *datasets.train_test_split(x, y, _TEST_SHARE, seed=seed), *names)


def load_test(source: str, label: str | int | None, seed: int) -> Labelled:
    """The test part of a data set (``seed`` is that of digits), or all rows of a single CSV file."""
    if not _is_csv(source, label):
        is_digits = data_name(source) == "digits"  # which need not draw the training images
        (x, y), test = datasets.digits(n_train=0, seed=seed) if is_digits else datasets.load(source, seed=seed)
        return Labelled(source, (x[:0], y[:0]), test)
    x, y, *names = _read_csv(source, label)
    return Labelled(source, (x[:0], y[:0]), (x, y), *names)


def _is_csv(source: str, label: str | int | None) -> bool:
    """Whether ``source`` is one CSV file, by the rules of `fastmlp.datasets.load`."""
    path = Path(source).expanduser()
    is_name = data_name(source) in ("digits", *DOWNLOADABLE)
    is_csv = not is_name and path.is_file() and not first_bytes(existing_file(path), 6).startswith(_NOT_CSV)
    if label is not None and not is_csv and (is_name or path.exists()):
        raise UsageError(f"--label is for a single CSV file, and {source} is not one")
    return is_csv and path.suffix != ".npz"  # which is then damaged; `load` says so


def _read_csv(source: str, label: str | int | None) -> tuple[Array, Array, Names, Names]:
    """Features, labels, and the names of classes and of columns."""
    try:
        table = datasets.load_csv(source, label="auto" if label is None else label)
    except DataFileError as error:
        raise DataFileError(str(error).replace("load_csv(path, label='name')", "--label NAME")) from error
    if table.y is None:
        raise DataFileError(f"{source}: no column is known to hold labels; say which one does with --label")
    y = table.y if table.class_names is None else np.array(table.class_names)[table.y]
    return table.x, y, table.class_names, table.feature_names


# ---------------------------------------------------------------- as the model was trained


def read_for(model: Sequential, notes: Notes | None, features: str | None, x: Array, source: str) -> Array:
    """Features as pixels ("uint8") or ordinary numbers ("float32"): as asked for, else as the model has learned."""
    wanted = model.engine.program.fan_in
    if x.shape[1] != wanted:
        raise ArgumentError(f"{source}: rows have {x.shape[1]} features, but the model was trained on {wanted}")
    kind = features or (notes.features if notes else None)
    if kind is None or x.dtype == kind:
        return x
    if kind == "uint8" and ((x != np.floor(x)) | (x < 0) | (x > 255)).any():
        raise ArgumentError(
            f"{source}: as pixels, features are whole numbers of 0 to 255, but the file holds others; if they are "
            "pixels that were scaled already, or no pixels at all, say --features float32"
        )
    return x.astype(kind)


def check_header(model: Sequential, names: Names, source: str | Path) -> None:
    """Refuse a file whose columns are named, and not as those that the model was trained on."""
    known = model.feature_names
    if known is None or names is None:
        return
    naming.check_columns(names, known, str(source))
    if names != known:
        raise ArgumentError(
            f"{source} has the columns that the model was trained on in another order: it was {naming.some(known)}"
        )


def check_labels(known: tuple[str, ...] | None, names: tuple[str, ...] | None, source: str) -> None:
    """Refuse a file that has the words ``names`` as labels for a model that knows the words ``known``."""
    if known == names:
        return
    if known is None or names is None:
        learned, found = ("numbers", "words") if known is None else ("words", "numbers")
        raise DataFileError(f"{source}: the model was trained on labels that are {learned}, but these are {found}")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DataFileError(
            f"{source}: the model does not know the label {unknown[0]!r}; it was trained on {', '.join(known)}"
        )
