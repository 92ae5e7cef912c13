"""IDX, the file format of MNIST: a magic number, the sizes, and the values.

Bytes 0 and 1 are zero, byte 2 is the type of the values, byte 3 the number of dimensions; the sizes follow as
big-endian 32-bit integers, then the values, big-endian, last dimension fastest.
"""

import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._base.errors import DataFileError
from ._open import allow, existing_file, fill, is_packed, open_bytes, reading

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 32


def load_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read one IDX file, plain or gzip; the content decides, not the name.

    Parameters
    ----------
    path : str or path
        For example ``train-images-idx3-ubyte.gz``.

    Returns
    -------
    ndarray
        An array of the shape in the header, for example (60000, 28, 28), and of its type in native byte order: uint8
        for MNIST.

    Raises
    ------
    DataFileError
        If the file is missing, is not IDX, or holds more or fewer bytes than its header says.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels-idx1-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     load_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    file_path = existing_file(path)
    with reading(file_path), open_bytes(file_path) as file:
        dtype, shape = _header(file_path, file.read(4), file)
        expected = math.prod(shape) * dtype.itemsize
        _check_room(file_path, expected, 4 + 4 * len(shape))
        values = np.empty(expected, np.uint8)
        found = fill(file, values.data)
        # One byte more than expected shows that there is too much.
        if found < expected or file.read(1):
            raise _wrong_size(file_path, expected, found)
        return values.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _check_room(path: Path, expected: int, header: int) -> None:
    """Refuse a header that promises more bytes than the file has, before memory is allocated."""
    if is_packed(path):
        allow(path, expected)
        return
    found = path.stat().st_size - header
    if found < expected:
        raise _wrong_size(path, expected, found)


def _wrong_size(path: Path, expected: int, found: int) -> DataFileError:
    is_short = found < expected
    return DataFileError(
        f"{path}: expected {expected} bytes of values, for the sizes in its header, found "
        f"{f'only {found}' if is_short else f'more than {expected}'}; the file is "
        f"{'truncated' if is_short else 'damaged'}: copy or download it again"
    )


def load_images(path: Path) -> NDArray[Any]:
    """Read images, or rows of features: an IDX file of two or more dimensions."""
    images = load_idx(path)
    if images.ndim < 2:
        raise DataFileError(
            f"{path}: expected images (3 dimensions), found {images.ndim} dimension of {images.size} values, "
            "as in a file of labels; are the images and labels files swapped?"
        )
    return images


def load_labels(path: Path) -> NDArray[Any]:
    """Read labels: an IDX file of one dimension."""
    labels = load_idx(path)
    if labels.ndim != 1:
        raise DataFileError(
            f"{path}: expected labels (1 dimension), found {labels.ndim} dimensions {labels.shape}, as in a "
            "file of images; are the images and labels files swapped?"
        )
    return labels


def _header(path: Path, magic: bytes, file: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 0 < magic[3] <= _MOST_DIMENSIONS:
        raise DataFileError(
            f"{path}: expected IDX data (magic number 00 00 08 01 for labels, 00 00 08 03 for images), found "
            f"{magic.hex(' ') or 'nothing'}; is this another kind of file?"
        )
    n_dimensions = magic[3]
    sizes = file.read(4 * n_dimensions)
    if len(sizes) < 4 * n_dimensions:
        raise DataFileError(
            f"{path}: expected {n_dimensions} sizes of 4 bytes in the header, found {len(sizes)} bytes; the "
            "file is truncated: copy or download it again"
        )
    return np.dtype(_DTYPES[magic[2]]), struct.unpack(f">{n_dimensions}I", sizes)
