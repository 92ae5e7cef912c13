"""``load``: a data set by name, from a folder, or from a file."""

import os
import sys
from pathlib import Path

from .._errors import ArgumentError, DataFileError
from ._open import reading
from .arrays import Split
from .digits import digits
from .files import has_data, load_file, load_folder

# The names of downloadable data sets, as folders and arguments are called.
DOWNLOADABLE = ("mnist", "fashion_mnist")
_ENVIRONMENT = "FASTMLP_DATA"


def load(name_or_path: str | os.PathLike[str], *, seed: int = 0) -> Split:
    """Load training and test data. Nothing is downloaded and nothing that is read is executed.

    Parameters
    ----------
    name_or_path : str or path
        A name (a folder or file of that name is meant by "./name"):

        - "digits": generated from ``seed``, 60,000 + 10,000 images of 28 x 28 (see `digits`).
        - "mnist", "fashion_mnist": looked for in the folder of that name in the folder that the environment
          variable FASTMLP_DATA names; in FASTMLP_DATA itself if it is called so (the files of the two data
          sets have the same names, so nothing else tells them apart); then in ``data_home() / name``. Upper
          case, "-" and "_" make no difference: "Fashion-MNIST" and "FashionMNIST" are the same folder.

        Or a folder with one of:

        - the IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
          t10k-labels-idx1-ubyte, plain or .gz, or written with a dot (train-images.idx3-ubyte);
        - mnist.npz (or fashion_mnist.npz);
        - train.csv and test.csv (or mnist_train.csv and mnist_test.csv, or fashion-mnist_train.csv and
          fashion-mnist_test.csv), plain or .gz.

        Or a file:

        - .npz with the arrays x_train, y_train, x_test and y_test;
        - .csv, plain or .gz (see `load_csv` for its columns). It has no test part: a sixth of the rows,
          of each class in proportion, drawn by ``seed``, becomes the test part.
    seed : int
        Seed of "digits", and of the split of a single CSV file.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x: uint8 (whole numbers of 0 to 255, such as pixels) or float32, shape (n, features), C-contiguous,
        the same dtype in both parts; y: class numbers, int64, shape (n,). Labels that are words are numbered
        in sorted order; `load_csv` gives the words.

    Raises
    ------
    DataFileError
        If nothing is found (the message lists the places searched) or a file is damaged or of another kind.
    ArgumentError
        If ``name_or_path`` is neither a string nor a path, or ``seed`` is not an integer of 0 or more.

    Examples
    --------
    >>> (x, y), (x_test, y_test) = load("digits")
    >>> x.shape, x.dtype, x_test.shape
    ((60000, 784), dtype('uint8'), (10000, 784))
    """
    if isinstance(name_or_path, str):
        name = name_or_path.lower().replace("-", "_")
        if name == "digits":
            return digits(seed=seed)
        if name in DOWNLOADABLE:
            return load_folder(_find(name))
    elif not isinstance(name_or_path, os.PathLike):
        raise ArgumentError(f"load: name_or_path must be a name or a path, got {name_or_path!r}")
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return load_folder(path)
    if not path.exists():
        names = ", ".join(repr(name) for name in ("digits", *DOWNLOADABLE))
        raise DataFileError(
            f"{path}: expected a data set's name ({names}), a folder or a file, found nothing of that name "
            f"in {Path.cwd()}; check the spelling or give the whole path"
        )
    return load_file(path, seed=seed)


def data_home() -> Path:
    """The folder for downloaded data sets, one folder each; it need not exist.

    ``fastmlp/data`` in the user's cache folder: XDG_CACHE_HOME or ~/.cache; ~/Library/Caches on macOS;
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
