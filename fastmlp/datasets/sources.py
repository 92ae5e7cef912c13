"""The sources of `Chunks`: arrays and memory maps, files, or a function. One chunk is in memory at a time."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError, DataFileError
from ._open import existing_file, first_bytes
from .array_files import map_npy, read_npz
from .arrays import FeatureType, converted
from .files import like_training, same_columns
from .table import Table, TableForm, read_table

AnyPath = str | os.PathLike[str]
Pair = tuple[Any, Any]

_ZIP = b"PK\x03\x04"


class Found(NamedTuple):
    """A chunk before its check."""

    name: str  # for messages
    x: Any
    y: Any


class Source:
    """A source that `Chunks` reads."""

    error: type[ArgumentError] | type[DataFileError] = ArgumentError
    rows: int | None = None  # of all chunks, if known

    def chunks(self, shuffler: np.random.Generator | None) -> Iterator[Found]:
        """The chunks of an epoch, in an order that ``shuffler`` draws, or in their own (None)."""
        raise NotImplementedError


class Rows(Source):
    """Consecutive rows of two arrays, or of objects with shapes and slices like arrays."""

    def __init__(self, x: Any, y: Any, rows_in_chunk: int | None, name: str = "") -> None:
        self.x, self.y, self.name = x, y, name
        self.rows: int = len(x)
        self.rows_in_chunk = rows_in_chunk or max(1, self.rows)

    def chunks(self, shuffler: np.random.Generator | None) -> Iterator[Found]:
        for number in _order(-(-self.rows // self.rows_in_chunk), shuffler):
            start = number * self.rows_in_chunk
            x, y = (_in_memory(stretch(part, start, self.rows_in_chunk)) for part in (self.x, self.y))
            yield Found(f"{self.name}chunk {number} (rows from {start})", x, y)


class Files(Source):
    """Files, or pairs of files, one after the other; files with more rows than a chunk may have are divided."""

    error = DataFileError

    def __init__(
        self,
        paths: Sequence[AnyPath | tuple[AnyPath, AnyPath]],
        read: Callable[[Any], Pair] | None,
        rows_in_chunk: int | None,
        dtype: FeatureType | None,
        label: str | int | None,
    ) -> None:
        self.paths, self.read, self.rows_in_chunk, self.dtype = paths, read, rows_in_chunk, dtype
        self._form = TableForm(label, dtype=dtype)
        self._first: tuple[Path, Table] | None = None  # the first table, without its rows, which all others must match
        if read is None:
            for path in paths:
                _existing_pair(path) if isinstance(path, (tuple, list)) else existing_file(path)

    def chunks(self, shuffler: np.random.Generator | None) -> Iterator[Found]:
        for number in _order(len(self.paths), shuffler):
            path = self.paths[number]
            name = " and ".join(map(str, path)) if isinstance(path, (tuple, list)) else str(path)
            yield from self._pieces(name, *self._pair(path, name), shuffler)

    def _pieces(self, name: str, x: Any, y: Any, shuffler: np.random.Generator | None) -> Iterator[Found]:
        whole = with_table(Found(name, x, y), self.error)
        for _, x_piece, y_piece in Rows(whole.x, whole.y, self.rows_in_chunk).chunks(shuffler):
            yield Found(name, self._in_dtype(name, x_piece), y_piece)

    def _in_dtype(self, name: str, x: Any) -> Any:
        if check.is_table(x):
            if self.dtype != "uint8":
                return x  # numbers of any type, whose columns a model finds by name
            x = check.array_of(x, "x")
        if self.dtype is None or x.dtype == self.dtype:
            return x
        return converted(Path(name), "x", x.reshape(len(x), -1), self.dtype).reshape(x.shape)

    def _pair(self, path: Any, name: str) -> Pair:
        if self.read is not None:
            return pair_of(self.read(path), f"read({name})", self.error)
        if isinstance(path, (tuple, list)):
            x_path, y_path = _existing_pair(path)
            return map_npy(x_path), map_npy(y_path)
        file_path = existing_file(path)
        if _is_table(file_path):
            return self._table(file_path)
        if first_bytes(file_path, 6).startswith(_ZIP):
            arrays = read_npz(file_path, ("x", "y"))
            return arrays["x"], arrays["y"]
        raise DataFileError(
            f"{path}: expected features and labels, found a file of one array; give a pair of NPY files, "
            "(x_path, y_path), or read="
        )

    def _table(self, path: Path) -> Pair:
        name, first = self._first_table()
        table = _labelled(path, like_training(self._form, first))
        same_columns(name, first, path, table)
        if table.class_names != first.class_names:  # otherwise a class number would change its meaning
            raise DataFileError(
                f"{path}: expected the labels {_labels(first.class_names)}, as in {name}, found "
                f"{_labels(table.class_names)}; number the classes alike in all files, or with read="
            )
        return table.x, table.y

    def _first_table(self) -> tuple[Path, Table]:
        """The first table in the list, even if another is read first: it decides the columns of all tables."""
        if self._first is None:
            files = (existing_file(path) for path in self.paths if not isinstance(path, (tuple, list)))
            path = next(file for file in files if _is_table(file))
            table = _labelled(path, self._form)
            self._first = path, replace(table, x=table.x[:0].copy(), y=None)
        return self._first


def _is_table(path: Path) -> bool:
    return not first_bytes(path, 6).startswith((_ZIP, b"\x93NUMPY", b"\0\0"))


def _labelled(path: Path, form: TableForm) -> Table:
    table = read_table(path, form)
    if table.y is None:
        raise DataFileError(f"{path}: expected labels, found features alone; say which column they are with label=")
    return table


class Generated(Source):
    """The chunks of an iterator, in its order; a function makes a new iterator for each epoch."""

    def __init__(self, function: Callable[[], Any], rows_in_chunk: int | None) -> None:
        self.function, self.rows_in_chunk = function, rows_in_chunk
        self._last: Iterator[Any] | None = None

    def chunks(self, shuffler: np.random.Generator | None) -> Iterator[Found]:
        iterator = self._new_iterator()
        is_first, self._last = self._last is None, iterator
        number = -1
        for number, item in enumerate(iterator):
            name = f"chunk {number}"
            found = with_table(Found(name, *pair_of(item, name, self.error)), self.error)
            for _, x, y in Rows(found.x, found.y, self.rows_in_chunk).chunks(None):
                yield Found(name, x, y)
        if number < 0:
            raise ArgumentError(
                "function gave an iterator without a single chunk"
                + ("" if is_first else " in a later call: does it return an exhausted iterator?")
            )

    def _new_iterator(self) -> Iterator[Any]:
        iterable = self.function()
        try:
            iterator: Iterator[Any] = iter(iterable)
        except TypeError:
            raise ArgumentTypeError(f"function must return an iterator of pairs (x, y), not {iterable!r:.60}") from None
        if iterator is self._last:
            raise ArgumentError(
                "function returned the same iterator for a second epoch, but it can be used only once: make a "
                "new one at each call, for example by giving the generator function itself"
            )
        return iterator


def pair_of(item: Any, name: str, error: type[ArgumentError] | type[DataFileError]) -> Pair:
    """Check that a value is a pair (x, y)."""
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        size = f" of {len(item)}" if isinstance(item, (tuple, list)) else ""
        raise error(f"{name}: expected a pair (x, y), found {type(item).__name__}{size}")
    return item[0], item[1]


def checked_pair(found: Found, error: type[ArgumentError] | type[DataFileError]) -> Found:
    """Both as arrays of numbers with the same number of rows, at least one; tables may hold other values too."""
    x, y = (_numbers(found.name, what, values, error) for what, values in (("x", found.x), ("y", found.y)))
    if x.ndim < 2 or x.size == 0:
        raise error(f"{found.name}: expected x of shape (rows, features), at least one of each, found {x.shape}")
    if y.ndim not in (1, 2):
        raise error(f"{found.name}: expected y of shape (rows,) or (rows, targets), found {y.shape}")
    if len(x) != len(y):
        raise error(f"{found.name}: expected as many rows in y as in x, {len(x)}, found {len(y)}")
    return Found(found.name, x, y)


def with_table(found: Found, error: type[ArgumentError] | type[DataFileError]) -> Found:
    """`checked_pair`, but data frames stay data frames, because a model finds their columns by name."""
    checked = checked_pair(found, error)
    return checked._replace(x=found.x) if check.is_table(found.x) else checked


def _numbers(name: str, what: str, values: Any, error: type[ArgumentError] | type[DataFileError]) -> NDArray[Any]:
    try:  # arrays stay what they are: maps and masks too
        array: NDArray[Any] = values if isinstance(values, np.ndarray) else check.array_of(values, what)
    except ArgumentTypeError as reason:
        raise error(f"{name}: expected one array of numbers as {what}, found what makes none ({reason})") from None
    if array.dtype.kind not in "buif" and not (what == "x" and check.is_table(values)):  # which an encoder may read
        raise error(f"{name}: expected numbers in {what}, found dtype {array.dtype}")
    return array


def _existing_pair(paths: Sequence[AnyPath]) -> tuple[Path, Path]:
    if len(paths) != 2:
        raise ArgumentError(f"paths must hold files or pairs (x_path, y_path), not {len(paths)} files: {paths!r:.60}")
    return existing_file(paths[0]), existing_file(paths[1])


def _order(count: int, shuffler: np.random.Generator | None) -> Sequence[int]:
    return range(count) if shuffler is None else shuffler.permutation(count).tolist()


def stretch(part: Any, start: int, rows: int) -> Any:
    """Some rows of an array, a data frame or a column, by position."""
    if callable(getattr(part, "slice", None)) and not isinstance(part, np.ndarray):  # polars, Arrow
        return part.slice(start, rows)
    return getattr(part, "iloc", part)[start : start + rows]


def _in_memory(part: Any) -> Any:
    """Read a memory map at once, rather than row by row in training."""
    return np.array(part, order="C") if isinstance(part, np.memmap) else part


def _labels(words: tuple[str, ...] | None) -> str:
    return "numbers" if words is None else check.some(words)
