"""Reads data sets in a folder or in one file, of any kind."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._base.errors import ArgumentError, DataFileError
from ._open import existing_file, first_bytes, reading
from .array_files import load_npz
from .arrays import (
    Features,
    FeatureType,
    Labels,
    Part,
    Split,
    as_features,
    as_labels,
    same_dtype,
    same_length,
    same_width,
)
from .idx import load_images, load_labels
from .split import train_test_split
from .table import Table, TableForm, read_table

_IDX_NAMES = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
_NPZ_NAMES = ("mnist.npz", "fashion_mnist.npz")
_TEST_SHARE = 1 / 6
_CSV_NAMES = (
    ("train.csv", "test.csv"),
    ("mnist_train.csv", "mnist_test.csv"),
    ("fashion-mnist_train.csv", "fashion-mnist_test.csv"),
)


def has_data(folder: Path) -> bool:
    """Whether ``folder`` holds at least one file of a data set."""
    names = [name for pair in (*_IDX_NAMES, *_CSV_NAMES) for name in pair]
    return any(_find(folder, name) for name in names) or any((folder / name).is_file() for name in _NPZ_NAMES)


class Loaded(NamedTuple):
    """Training and test part, and for tables the form in which the training part was read."""

    train: Part
    test: Part
    table: Table | None = None

    @property
    def split(self) -> Split:
        return self.train, self.test


def load_folder(folder: Path, form: TableForm) -> Loaded:
    """Training and test part from the IDX, NPZ or CSV files in ``folder``, whichever are complete."""
    idx = [[_find(folder, name) for name in pair] for pair in _IDX_NAMES]
    if all(path for pair in idx for path in pair):
        refuse_table_arguments(folder, "IDX files", form)
        return Loaded(*_load_idx_files([path for pair in idx for path in pair if path], form.dtype))
    for name in _NPZ_NAMES:
        if (folder / name).is_file():
            refuse_table_arguments(folder, name, form)
            return Loaded(*load_npz(folder / name, form.dtype))
    for train_name, test_name in _CSV_NAMES:
        train, test = _find(folder, train_name), _find(folder, test_name)
        if train and test:
            return _load_csv_files(train, test, form)
    raise DataFileError(_nothing_complete(folder))


def load_file(path: Path, form: TableForm, *, seed: int) -> Loaded:
    """Training and test part from one NPZ or CSV file."""
    existing_file(path)
    start = first_bytes(path, 6)
    if start.startswith(b"PK\x03\x04"):
        refuse_table_arguments(path, "an NPZ file", form)
        return Loaded(*load_npz(path, form.dtype))
    if start.startswith((b"\0\0", b"\x93NUMPY")):
        kind = "an NPY file, which has" if start.startswith(b"\x93") else "one IDX file, which has"
        raise DataFileError(
            f"{path}: expected features and labels, found {kind} one array; give the folder of the four IDX "
            "files, or an NPZ file with x_train, y_train, x_test and y_test"
        )
    if path.suffix == ".npz":
        raise DataFileError(
            f"{path}: expected an NPZ file, found {start.hex(' ')} at its start; it is not what it says"
        )
    table = read_table(path, form)
    train, test = split_rows(path, table.x, _required_labels(path, table), seed)
    return Loaded(train, test, table)


def split_rows(path: object, x: Features, y: Any, seed: int) -> tuple[Any, Any]:
    """Split a file without a test part: a sixth of each class becomes the test part."""
    try:
        return train_test_split(x, y, test_fraction=_TEST_SHARE, seed=seed, stratify=True)
    except ArgumentError as error:
        reason = str(error).removeprefix("train_test_split: ")
        raise DataFileError(
            f"{path}: expected rows that can be split into a training and a test part: {reason}"
        ) from error


def refuse_table_arguments(place: object, found: str, form: TableForm) -> None:
    """Refuse arguments for tables if there is no table, because they would have no effect."""
    asked = TableForm(form.label, form.n_classes_one_hot, None, form.separator, form.decimal)
    if form.is_asked and asked != TableForm():
        raise ArgumentError(
            f"{place}: label, n_classes_one_hot, separator and decimal are for CSV files, but this is {found}: leave "
            "them out"
        )


def _find(folder: Path, name: str) -> Path | None:
    for spelling in (name, name.replace("-idx", ".idx")):
        for path in (folder / spelling, folder / f"{spelling}.gz"):
            if path.is_file():
                return path
    return None


def _load_idx_files(paths: list[Path], dtype: FeatureType | None) -> Split:
    train_x, train_y, test_x, test_y = paths
    train, test = _load_idx_pair(train_x, train_y, dtype), _load_idx_pair(test_x, test_y, dtype)
    same_width(train_x, test_x, train[0].shape[1], test[0].shape[1])
    return same_dtype(test_x, train, test)


def _load_idx_pair(images: Path, labels: Path, dtype: FeatureType | None) -> Part:
    x = as_features(images, "the images", load_images(images), dtype)
    y = as_labels(labels, "the labels", load_labels(labels))
    same_length(images, labels, len(x), len(y))
    return x, y


def _load_csv_files(train_path: Path, test_path: Path, form: TableForm) -> Loaded:
    train = read_table(train_path, form)
    train_y = _required_labels(train_path, train)
    test = read_table(test_path, like_training(form, train))
    same_columns(train_path, train, test_path, test)
    test_y = _numbered_alike(train_path, train, test_path, test)
    return Loaded((train.x, train_y), (test.x, test_y), train)


def like_training(form: TableForm, train: Table) -> TableForm:
    """The form for more data of the same kind: a test file may lack a class, or have its columns in another order."""
    one_hot = form.n_classes_one_hot if form.label != "auto" else train.n_classes_one_hot
    return replace(form, n_classes_one_hot=one_hot, known_label=train.label, known_features=train.feature_names)


def same_columns(train_path: Path, train: Table, path: Path, table: Table) -> None:
    """Raise an error unless both have the same features, by name if both have names."""
    same_width(train_path, path, train.x.shape[1], table.x.shape[1])
    if train.feature_names and table.feature_names and train.feature_names != table.feature_names:
        strange = [name for name in table.feature_names if name not in train.feature_names]
        raise DataFileError(
            f"{path}: expected the columns of {train_path}, found {strange[0]!r:.60} besides; the two do not belong "
            "together"
        )


def _required_labels(path: Path, table: Table) -> Labels:
    if table.y is None:
        raise DataFileError(
            f"{path}: expected labels, found features alone; use load_features for prediction, or load a CSV "
            "file with labels, part of which then becomes the test part"
        )
    return table.y


def _numbered_alike(train_path: Path, train: Table, test_path: Path, test: Table) -> Labels:
    """The test labels as class numbers of the training file."""
    y = _required_labels(test_path, test)
    if test.class_names is None and train.class_names is None:
        return y
    known = train.class_names or ()
    unknown = [name for name in test.class_names or ("numbers",) if name not in known]
    if unknown:
        raise DataFileError(
            f"{test_path}: expected the labels of {train_path} ({', '.join(known[:8]) or 'numbers'}), found "
            f"{unknown[0]!r}; the two must use the same labels"
        )
    return np.array([known.index(name) for name in test.class_names or ()], dtype=np.int64)[y]


def _nothing_complete(folder: Path) -> str:
    names = [name for pair in _IDX_NAMES for name in pair]
    missing = [name for name in names if not _find(folder, name)]
    if len(missing) < len(names):
        return (
            f"{folder}: expected four IDX files, plain or .gz, found {len(names) - len(missing)} (missing: "
            f"{', '.join(missing)}); copy or download the missing ones"
        )
    with reading(folder):
        found = sorted(path.name for path in folder.iterdir())[:8]
    return (
        f"{folder}: expected IDX files ({', '.join(names)}, plain or .gz), {_NPZ_NAMES[0]}, or train.csv and "
        f"test.csv, found {', '.join(found) or 'an empty folder'}; give the folder that holds the files "
        "themselves, or one file"
    )
