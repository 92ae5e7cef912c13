"""Features without labels, for prediction."""

import os
from typing import Any

from .._base.errors import DataFileError
from ._open import existing_file, first_bytes
from .array_files import load_npy
from .arrays import Features, FeatureType, as_features, feature_type
from .idx import load_images
from .table import TableForm, read_features

_NPY_MAGIC = b"\x93NUMPY"
_ZIP_MAGIC = b"PK\x03\x04"


def load_features(
    path: str | os.PathLike[str], *, dtype: FeatureType | None = None, separator: str = "auto", decimal: str = "."
) -> Features:
    r"""Read features alone, one row per sample, from CSV, NPY or IDX images. The content determines the format.

    Parameters
    ----------
    path : str or path
        Each format may be gzip. Columns that the header of a CSV file names as labels (see `load_csv`) are left out;
        other label columns are not allowed. Without header, every column is a feature.
    dtype : {"uint8", "float32", "float64"}, optional
        Type of the features. By default, a CSV file gives float64, an array its stored type (uint8 or float32; float64
        for all other types), and images mostly uint8; the values never decide. "uint8" means pixels: use it for a CSV
        file of pixels.
    separator, decimal : str
        For a CSV file; see `load_csv`.

    Returns
    -------
    ndarray
        Shape (n, features), C-contiguous, uint8, float32 or float64; images are flattened.

    Raises
    ------
    DataFileError
        If the file is missing, damaged or of another kind, or holds values that are not finite numbers or, with
        "uint8", not whole numbers from 0 to 255.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "new.csv"
    ...     _ = path.write_text("pixel0,pixel1\n0,255\n7,8\n")
    ...     load_features(path, dtype="uint8")
    array([[  0, 255],
           [  7,   8]], dtype=uint8)
    """
    dtype = feature_type(dtype, "load_features")
    return load_named(path, TableForm(dtype=dtype, separator=separator, decimal=decimal))[0]


def load_named(path: Any, form: TableForm) -> tuple[Features, tuple[str, ...] | None]:
    """The features, and the names of their columns if there are any; only the known columns, if all are there."""
    file_path = existing_file(path)
    start = first_bytes(file_path, 8)
    if start.startswith(_NPY_MAGIC):
        return load_npy(file_path, form.dtype), None
    if start.startswith(_ZIP_MAGIC):
        raise DataFileError(
            f"{file_path}: expected CSV, NPY or IDX images, found a zip (NPZ or spreadsheet) file; save the "
            "features alone with numpy.save, or as CSV"
        )
    if start.startswith(b"\0\0"):
        return as_features(file_path, "the images", load_images(file_path), form.dtype), None
    table = read_features(file_path, form)
    return table.x, table.feature_names
