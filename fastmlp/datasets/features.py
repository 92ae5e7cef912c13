"""Features without labels, for prediction."""

import os
from typing import Literal

import numpy as np

from .._errors import ArgumentError, DataFileError
from ._open import existing_file, first_bytes
from .arrays import Features, as_features, load_npy
from .idx import load_images
from .table import load_features_csv

_NPY_MAGIC = b"\x93NUMPY"
_ZIP_MAGIC = b"PK\x03\x04"


def load_features(path: str | os.PathLike[str], *, dtype: Literal["uint8", "float32"] | None = None) -> Features:
    """Read features alone, one row per sample: CSV, NPY, or IDX images. The format is told by the content.

    Parameters
    ----------
    path : str or path
        CSV and IDX may be gzip. A CSV file must have no label column, except one that its header names
        as labels (see `load_csv`), which is left out; every column of a file without header is a
        feature.
    dtype : "uint8" or "float32", optional
        Without it, whole numbers of 0 to 255 become uint8 and everything else float32. Give the dtype of the
        training data where the two could differ, as in a file of a single row.

    Returns
    -------
    ndarray
        Shape (n, features), C-contiguous, uint8 or float32; images are flattened.

    Raises
    ------
    DataFileError
        If the file is missing, damaged, of another kind, or holds what is not a finite number.
    ArgumentError
        If ``dtype`` is neither name, or is "uint8" and a value is not a whole number of 0 to 255.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "new.csv"
    ...     _ = path.write_text("pixel0,pixel1\\n0,255\\n7,8\\n")
    ...     load_features(path)
    array([[  0, 255],
           [  7,   8]], dtype=uint8)
    """
    if dtype not in (None, "uint8", "float32"):
        raise ArgumentError(f"load_features: dtype must be 'uint8', 'float32' or None, got {dtype!r}")
    features, _ = load_named(path)
    if dtype is None or features.dtype == dtype:
        return features
    if dtype == "uint8" and ((features != np.floor(features)) | (features < 0) | (features > 255)).any():
        raise ArgumentError(
            f"load_features: dtype='uint8' needs whole numbers of 0 to 255, but {path} holds others; use "
            "dtype='float32'"
        )
    return features.astype(np.uint8) if dtype == "uint8" else features.astype(np.float32)


def load_named(
    path: str | os.PathLike[str], known: tuple[str, ...] | None = None
) -> tuple[Features, tuple[str, ...] | None]:
    """The features, and the names of their columns where the file has them: of these columns alone, if it has all."""
    file_path = existing_file(path)
    start = first_bytes(file_path, 8)
    if start.startswith(_NPY_MAGIC):
        return load_npy(file_path), None
    if start.startswith(_ZIP_MAGIC):
        raise DataFileError(
            f"{file_path}: expected CSV, NPY or IDX images, found a zip (NPZ or spreadsheet) file; save the "
            "features alone with numpy.save, or as CSV"
        )
    if start.startswith(b"\0\0"):
        return as_features(file_path, "the images", load_images(file_path)), None
    table = load_features_csv(file_path, known)
    return table.x, table.feature_names
