"""Data sets in a folder or in one file: find out which kind, and read it."""

from pathlib import Path

import numpy as np

from .._errors import DataFileError
from ._open import existing_file, first_bytes
from .arrays import Labels, Part, Split, as_features, as_labels, load_npz, same_dtype, same_length, same_width
from .idx import load_images, load_labels
from .split import train_test_split
from .table import Table, load_csv

_IDX_NAMES = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
_NPZ_NAMES = ("mnist.npz", "fashion_mnist.npz")
_CSV_NAMES = (
    ("train.csv", "test.csv"),
    ("mnist_train.csv", "mnist_test.csv"),
    ("fashion-mnist_train.csv", "fashion-mnist_test.csv"),
)


def has_data(folder: Path) -> bool:
    """Whether ``folder`` holds a file, even if not all the files, of a data set."""
    names = [name for pair in (*_IDX_NAMES, *_CSV_NAMES) for name in pair]
    return any(_find(folder, name) for name in names) or any((folder / name).is_file() for name in _NPZ_NAMES)


def load_folder(folder: Path) -> Split:
    """Train and test parts from the IDX, NPZ or CSV files in ``folder``, whichever is there and complete."""
    idx = [[_find(folder, name) for name in pair] for pair in _IDX_NAMES]
    if all(path for pair in idx for path in pair):
        return _load_idx_files(*(path for pair in idx for path in pair if path))
    for name in _NPZ_NAMES:
        if (folder / name).is_file():
            return load_npz(folder / name)
    for train_name, test_name in _CSV_NAMES:
        train, test = _find(folder, train_name), _find(folder, test_name)
        if train and test:
            return _load_csv_files(train, test)
    raise DataFileError(_nothing_complete(folder))


def load_file(path: Path, *, seed: int) -> Split:
    """Train and test parts from one NPZ or CSV file."""
    existing_file(path)
    start = first_bytes(path, 6)
    if start.startswith(b"PK\x03\x04"):
        return load_npz(path)
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
    table = load_csv(path)
    train, test = train_test_split(table.x, _required_labels(path, table), test_fraction=1 / 6, seed=seed)
    return train, test


def _find(folder: Path, name: str) -> Path | None:
    for spelling in (name, name.replace("-idx", ".idx")):
        for path in (folder / spelling, folder / f"{spelling}.gz"):
            if path.is_file():
                return path
    return None


def _load_idx_files(train_x: Path, train_y: Path, test_x: Path, test_y: Path) -> Split:
    train, test = _load_idx_pair(train_x, train_y), _load_idx_pair(test_x, test_y)
    same_width(train_x, test_x, train[0].shape[1], test[0].shape[1])
    return same_dtype(train, test)


def _load_idx_pair(images: Path, labels: Path) -> Part:
    x = as_features(images, "the images", load_images(images))
    y = as_labels(labels, "the labels", load_labels(labels))
    same_length(images, labels, len(x), len(y))
    return x, y


def _load_csv_files(train_path: Path, test_path: Path) -> Split:
    train = load_csv(train_path)
    train_y = _required_labels(train_path, train)
    # A test file may lack a class: the training file says how many one-hot columns there are.
    test = load_csv(test_path, n_classes_one_hot=train.n_classes_one_hot)
    test_y = _numbered_alike(train_path, train, test_path, test)
    same_width(train_path, test_path, train.x.shape[1], test.x.shape[1])
    return same_dtype((train.x, train_y), (test.x, test_y))


def _required_labels(path: Path, table: Table) -> Labels:
    if table.y is None:
        raise DataFileError(
            f"{path}: expected labels, found features alone; use load_features for prediction, or load a CSV "
            "file with labels, part of which then becomes the test part"
        )
    return table.y


def _numbered_alike(train_path: Path, train: Table, test_path: Path, test: Table) -> Labels:
    """The test labels by the class numbers of the training file."""
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
    found = sorted(path.name for path in folder.iterdir())[:8]
    return (
        f"{folder}: expected IDX files ({', '.join(names)}, plain or .gz), {_NPZ_NAMES[0]}, or train.csv and "
        f"test.csv, found {', '.join(found) or 'an empty folder'}; give the folder that holds the files "
        "themselves, or one file"
    )
