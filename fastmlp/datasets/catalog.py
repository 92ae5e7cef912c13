"""``load``: a data set by name, from a folder, or from a file."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._base import check
from .._base.errors import DataFileError
from ._open import place_of, reading
from .arrays import FeatureType, Split, feature_type
from .digits import digits
from .files import Loaded, has_data, load_file, load_folder, refuse_table_arguments
from .table import TableForm

# The names of downloadable data sets, in folders and arguments.
DOWNLOADABLE = ("mnist", "fashion_mnist")
_ENVIRONMENT = "FASTMLP_DATA"


def load(
    name_or_path: str | os.PathLike[str],
    *,
    seed: int = 0,
    dtype: FeatureType | None = None,
    label: str | int | None = "auto",
    n_classes_one_hot: int | None = None,
    separator: str = "auto",
    decimal: str = ".",
) -> Split:
    """Load training and test data. It downloads nothing, and executes nothing that it reads.

    Parameters
    ----------
    name_or_path : str or path
        A name (write "./name" for a folder or file of that name):

        - "digits": generated from ``seed``, 60,000 + 10,000 images of 28 x 28 (see `digits`).
        - "mnist", "fashion_mnist": files in the folder of that name inside the folder of the environment variable
          FASTMLP_DATA; or in FASTMLP_DATA itself if it has that name (the files of both data sets have the same names,
          so only the folder distinguishes them); or in ``data_home() / name``. Case, "-" and "_" make no difference:
          "Fashion-MNIST" and "FashionMNIST" are the same folder.

        Or a folder with one of:

        - the IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
          t10k-labels-idx1-ubyte, plain or .gz, or written with a dot (train-images.idx3-ubyte);
        - mnist.npz (or fashion_mnist.npz);
        - train.csv and test.csv (or mnist_train.csv and mnist_test.csv, or fashion-mnist_train.csv and
          fashion-mnist_test.csv), plain or .gz.

        Or a file:

        - .npz with the arrays x_train, y_train, x_test and y_test;
        - .csv, plain or .gz (see `load_csv` for its columns). A sixth of its rows becomes the test part, of each class
          in proportion, drawn with ``seed``.
    seed : int
        Seed of "digits", and of the split of a single CSV file.
    dtype : {"uint8", "float32", "float64"}, optional
        Type of the features. By default, tables give float64, arrays in .npz files their stored type (uint8 or
        float32; float64 for all other types), and images uint8: the data sets with names, and most IDX files. uint8
        means pixels, so use "uint8" for a CSV file of pixels.
    label, n_classes_one_hot, separator, decimal
        For CSV files; see `load_csv`.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x: uint8 (pixels), float32 or float64, shape (n, features), C-contiguous, the same dtype in both parts; y:
        class numbers, int64, shape (n,). Words as labels are numbered in sorted order; `load_csv` returns the words.

    Raises
    ------
    DataFileError
        If nothing is found (the message lists the places searched), or a file is damaged or of another kind.

    Examples
    --------
    >>> (x, y), (x_test, y_test) = load("digits")
    >>> x.shape, x.dtype, x_test.shape
    ((60000, 784), dtype('uint8'), (10000, 784))
    """
    form = TableForm(label, n_classes_one_hot, feature_type(dtype, "load"), separator, decimal)
    return load_as(name_or_path, form, seed).split


def load_as(name_or_path: Any, form: TableForm, seed: int) -> Loaded:
    """`load`, with the form of earlier data."""
    seed = check.whole_number(seed, "seed", minimum=0)
    path = place_of(name_or_path, "name_or_path")
    if isinstance(name_or_path, str):
        name = name_or_path.lower().replace("-", "_")
        if name == "digits":
            refuse_table_arguments(name, "a built-in data set", form)
            return _digits(seed, form.dtype)
        if name in DOWNLOADABLE:  # images in any kind of file
            return load_folder(_find(name), replace(form, dtype=form.dtype or "uint8"))
    with reading(path):
        is_folder, is_there = path.is_dir(), path.exists()
    if is_folder:
        return load_folder(path, form)
    if not is_there:
        names = ", ".join(repr(name) for name in ("digits", *DOWNLOADABLE))
        raise DataFileError(
            f"{path}: expected a data set's name ({names}), a folder or a file, found nothing of that name "
            f"in {Path.cwd()}; check the spelling or give the whole path"
        )
    return load_file(path, form, seed=seed)


def _digits(seed: int, dtype: FeatureType | None) -> Loaded:
    train, test = digits(seed=seed)
    if dtype is None or dtype == "uint8":
        return Loaded(train, test)
    return Loaded((train[0].astype(dtype), train[1]), (test[0].astype(dtype), test[1]))


def data_home() -> Path:
    """The folder that holds a folder for each downloaded data set; it need not exist.

    It is ``fastmlp/data`` in the user's cache folder: XDG_CACHE_HOME or ~/.cache; ~/Library/Caches on macOS;
    LOCALAPPDATA on Windows.

    Examples
    --------
    >>> data_home().name
    'data'
    """
    if sys.platform == "win32":
        cache = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        cache = "~/Library/Caches"
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "fastmlp" / "data"


def _find(name: str) -> Path:
    """The first place that holds the data set ``name``."""
    places = []
    if os.environ.get(_ENVIRONMENT):
        places += _places_in(Path(os.environ[_ENVIRONMENT]).expanduser(), name)
    places.append(data_home() / name)
    for place in places:
        if has_data(place):
            return place
    searched = "\n".join(f"  {place}" for place in places)
    raise DataFileError(
        f"{name}: expected its files in one of these folders, found none:\n{searched}\n"
        f"Download it with `fastmlp download {name}`, or set {_ENVIRONMENT} to the folder that holds the "
        "folder "
        f'{name}, or use "digits", which is built in.'
    )


def _places_in(folder: Path, name: str) -> list[Path]:
    places = [folder] if _same_name(folder.absolute().name, name) else []
    with reading(folder):
        children = sorted(folder.iterdir()) if folder.is_dir() else []
    named = [child for child in children if child.is_dir() and _same_name(child.name, name)]
    return (named or [folder / name]) + places


def _same_name(folder_name: str, name: str) -> bool:
    return folder_name.lower().replace("-", "").replace("_", "") == name.replace("_", "")
