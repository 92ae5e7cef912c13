"""Reads and maps NPY and NPZ files. A header must agree with the number of bytes in the file.

NumPy only parses the text of a header. Its size is compared with the file's before an array is made, and nothing in
the file is executed.
"""

import io
import math
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._base.archive import is_mostly_directory
from .._base.errors import DataFileError
from ._open import allow, existing_file, fill, first_bytes, is_packed, open_bytes, reading
from .arrays import Features, FeatureType, Split, as_features, as_labels, same_dtype, same_length, same_width

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 14
_MOST_DIMENSIONS = 32
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the methods of numpy.savez and numpy.savez_compressed
_NPY, _NPZ = "a complete NPY file of numbers", "a complete NPZ file of numbers"
_AGAIN, _ALL_AGAIN = "save it again with numpy.save", "save it again with numpy.savez_compressed"


class _Form(NamedTuple):
    """The content of a header."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    offset: int  # bytes of the values in the file

    @property
    def n_bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)


def load_npz(path: Path, dtype: FeatureType | None = None) -> Split:
    """Train and test parts from an NPZ file with the arrays x_train, y_train, x_test and y_test."""
    arrays = read_npz(existing_file(path), ("x_train", "y_train", "x_test", "y_test"))
    parts = []
    for part in ("train", "test"):
        x = as_features(path, f"x_{part}", arrays[f"x_{part}"], dtype)
        y = as_labels(path, f"y_{part}", arrays[f"y_{part}"])
        same_length(path, path, len(x), len(y))
        parts.append((x, y))
    same_width(path, path, parts[0][0].shape[1], parts[1][0].shape[1])
    return same_dtype(path, parts[0], parts[1])


def load_npy(path: Path, dtype: FeatureType | None = None) -> Features:
    """Features from an NPY file, plain or gzip."""
    with reading(path, _NPY, _AGAIN), open_bytes(path) as file:
        room = None if is_packed(path) else path.stat().st_size
        values = _read_array(path, "the array", file, room)
    return as_features(path, "the array", values, dtype)


def map_npy(path: Path) -> NDArray[Any]:
    """The array of an NPY file as a memory map, which reads only the rows in use."""
    if not first_bytes(path, 6).startswith(_MAGIC):
        raise DataFileError(f"{path}: expected an NPY file, found another kind; save the array with numpy.save")
    with reading(path, _NPY, _AGAIN):
        with open(path, "rb") as file:
            start = file.read(_LONGEST_HEADER)
        if not start.startswith(_MAGIC):
            raise DataFileError(f"{path}: expected a plain NPY file to map, found a gzip file; unpack it")
        form = _form(path, "the array", start)
        _check_room(path, "the array", form, path.stat().st_size)
        if not form.shape:
            raise DataFileError(f"{path}: expected an array of rows, found a single value; {_AGAIN}")
        if form.n_bytes == 0:
            return np.empty(form.shape, form.dtype)  # an empty array cannot be mapped
        mapped: NDArray[Any] = np.memmap(path, form.dtype, "r", form.offset, form.shape, "F" if form.fortran else "C")
        return mapped


def map_raw(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A raw file of numbers as a memory map; if the first length is -1, the size of the file determines it."""
    with reading(path):
        size = path.stat().st_size
    row = dtype.itemsize * math.prod(shape[1:])
    rows = size // row if shape[0] == -1 else shape[0]
    if rows * row != size:
        raise DataFileError(
            f"{path}: expected {dtype} of shape {shape!s:.60}, found {size:,} bytes, {size / row:g} times "
            f"a row of {row:,}; give the dtype and the shape of its rows"
        )
    with reading(path):
        return np.memmap(path, dtype, "r", shape=(rows, *shape[1:]))


def read_npz(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """The arrays of these names from an NPZ file."""
    with reading(path, _NPZ, _ALL_AGAIN), open(path, "rb") as opened:
        if opened.read(len(_MAGIC)) == _MAGIC:
            raise DataFileError(f"{path}: expected an NPZ file, found a single array; save it with numpy.savez")
        if is_mostly_directory(opened):
            raise DataFileError(f"{path}: expected {_NPZ}, found one that is mostly a list of entries; {_ALL_AGAIN}")
        opened.seek(0)
        with zipfile.ZipFile(opened) as archive:
            members = _members(path, archive, names)
            allow(path, sum(member.file_size for member in members.values()))
            return {name: _read_member(path, name, archive, member) for name, member in members.items()}


def _members(path: Path, archive: zipfile.ZipFile, names: tuple[str, ...]) -> dict[str, zipfile.ZipInfo]:
    there = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    missing = [name for name in names if name not in there]
    if missing:
        found = ", ".join(list(there)[:8]) + (", …" if len(there) > 8 else "")
        raise DataFileError(
            f"{path}: expected the arrays {', '.join(names)}, found {found or 'none'} (missing: "
            f"{', '.join(missing)}); save it with numpy.savez(path, {names[0]}=..., ...)"
        )
    return {name: there[name] for name in names}


def _read_member(path: Path, name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    if member.flag_bits & 1 or member.compress_type not in _METHODS:
        found = "an encrypted one" if member.flag_bits & 1 else "one that is compressed in another way"
        raise DataFileError(f"{path}: expected {name} stored or deflated, found {found}; {_ALL_AGAIN}")
    with archive.open(member) as file:
        return _read_array(path, name, file, member.file_size)


def _read_array(path: Path, what: str, file: Any, room: int | None) -> NDArray[Any]:
    """The array in ``file``, which has ``room`` bytes if that is known."""
    start = file.read(_LONGEST_HEADER)
    form = _form(path, what, start)
    _check_room(path, what, form, room)
    buffer = np.empty(form.n_bytes, np.uint8)
    values = start[form.offset :][: form.n_bytes]
    buffer[: len(values)] = np.frombuffer(values, np.uint8)
    found = len(values) + fill(file, buffer.data[len(values) :])
    # zipfile compares the checksum of a member at its end.
    if found < form.n_bytes or file.read(1) or len(start) > form.offset + form.n_bytes:
        raise _wrong_size(path, what, form, "fewer" if found < form.n_bytes else "more")
    array = buffer.view(form.dtype).reshape(form.shape, order="F" if form.fortran else "C")
    return array.astype(form.dtype.newbyteorder("="), copy=False)


def _form(path: Path, what: str, start: bytes) -> _Form:
    """The header at the ``start`` of an array, if it makes sense."""
    file = io.BytesIO(start)
    major, _ = np.lib.format.read_magic(file)
    if major not in (1, 2):
        raise DataFileError(f"{path}: expected numbers in {what}, found an array of records; {_AGAIN}")
    read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.kind not in "buif":
        raise DataFileError(f"{path}: expected numbers in {what}, found values of type {dtype!s:.60}; store numbers")
    lengths = all(type(length) is int and length >= 0 for length in shape)
    if not lengths or len(shape) > _MOST_DIMENSIONS:
        raise DataFileError(
            f"{path}: expected a shape of at most {_MOST_DIMENSIONS} whole numbers in {what}, found {shape!s:.60}; "
            f"{_AGAIN}"
        )
    return _Form(dtype, shape, fortran, file.tell())


def _check_room(path: Path, what: str, form: _Form, room: int | None) -> None:
    if room is None:
        allow(path, form.n_bytes)
    elif room != form.offset + form.n_bytes:
        raise _wrong_size(path, what, form, f"{room - form.offset:,}")


def _wrong_size(path: Path, what: str, form: _Form, found: str) -> DataFileError:
    return DataFileError(
        f"{path}: expected {form.n_bytes:,} bytes for {form.dtype} of shape {form.shape!s:.60} in {what}, found "
        f"{found}: it is not complete, or damaged; {_AGAIN}"
    )
