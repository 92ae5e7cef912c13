"""Data larger than memory, in chunks: training iterates over them and never loads all of them at once."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from ._open import existing_file
from .array_files import map_npy, map_raw
from .arrays import FeatureType
from .sources import AnyPath, Files, Found, Generated, Pair, Rows, Source, checked_pair, stretch

Chunk = tuple[NDArray[Any], NDArray[Any]]
RawForm = tuple[DTypeLike, tuple[int, ...]]


class Chunks:
    """A data set of chunks (x, y), one of which is in memory at a time.

    Make it with `from_arrays`, `from_memmap`, `from_files` or `from_generator`. ``for x, y in chunks`` keeps the order
    and may be repeated; `epoch` shuffles the chunks. All chunks must have the same number of features and targets, and
    the same dtypes; an error names the file or the number of the chunk.

    Attributes
    ----------
    rows : int or None
        The rows of all chunks. For files and generators it is None until the first complete pass.

    Examples
    --------
    >>> chunks = Chunks.from_arrays(np.arange(10).reshape(5, 2), [0, 1, 0, 1, 0], rows_in_chunk=2)
    >>> [y.tolist() for x, y in chunks]
    [[0, 1], [0, 1], [0]]
    >>> [y.tolist() for x, y in chunks.epoch(2, seed=0)]
    [[0, 1], [0], [0, 1]]
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._first: Found | None = None  # the first chunk without its rows, which all others must match
        self.rows = source.rows

    # ------------------------------------------------------------ going through

    def __iter__(self) -> Iterator[Chunk]:
        return self._checked(None)

    def epoch(self, number: int = 0, *, shuffle: bool = True, seed: int = 0) -> Iterator[Chunk]:
        """All chunks once, in an order that depends only on ``seed`` and ``number``.

        Rows within a chunk keep their order, and so do the chunks of a generator.

        Parameters
        ----------
        number : int, default 0
            The number of the epoch, from 0.
        shuffle : bool, default True
        seed : int, default 0

        Returns
        -------
        iterator of (x, y)
            x: shape (rows, features), or more dimensions; y: (rows,) or (rows, targets). Each has at least one row.
            Data frames stay data frames.

        Raises
        ------
        ArgumentError, DataFileError
            During the iteration: if a chunk is not a pair of arrays of numbers with the same number of rows, differs
            in shape or dtype from the first chunk, or cannot be read; or if a generator is exhausted.
        """
        number = check.whole_number(number, "number", minimum=0)
        seed = check.whole_number(seed, "seed", minimum=0)
        if not check.yes_or_no(shuffle, "shuffle"):
            return self._checked(None)
        return self._checked(np.random.Generator(np.random.Philox(key=(number << 64) + seed)))

    def _checked(self, shuffler: np.random.Generator | None) -> Iterator[Chunk]:
        rows = 0
        for found in self._source.chunks(shuffler):
            chunk = checked_pair(found, self._source.error)
            self._compare(chunk, any_type=check.is_table(found.x))
            rows += len(chunk.x)
            yield found.x if check.is_table(found.x) else chunk.x, chunk.y
        self.rows = rows

    def _compare(self, chunk: Found, *, any_type: bool) -> None:
        """Refuse chunks that do not match the first one; tables may hold numbers of ``any_type``."""
        if self._first is None:
            self._first = Found(chunk.name, chunk.x[:0].copy(), chunk.y[:0].copy())
        for what, values, first in (("x", chunk.x, self._first.x), ("y", chunk.y, self._first.y)):
            is_type = values.dtype == first.dtype or (what == "x" and any_type and first.dtype != np.uint8)
            if values.shape[1:] != first.shape[1:] or not is_type:
                raise self._source.error(
                    f"{chunk.name}: expected {what} of {_form(first)}, as in {self._first.name}, found {_form(values)}"
                    + (self._remedy if what == "x" and values.dtype != first.dtype else "")
                )

    @property
    def _remedy(self) -> str:
        return "; dtype='float32' converts the features of all files" if isinstance(self._source, Files) else ""

    def __repr__(self) -> str:
        return f"<Chunks of {type(self._source).__name__.lower()}, rows: {self.rows or 'not known yet'}>"

    # ------------------------------------------------------------ making

    @classmethod
    def from_arrays(cls, x: Any, y: Any, rows_in_chunk: int) -> "Chunks":
        """Chunks of consecutive rows of arrays, without copying.

        Parameters
        ----------
        x : array_like, shape (rows, features)
        y : array_like, shape (rows,) or (rows, targets)
            Objects with a shape, a dtype and slices, such as a data set of an HDF5 file, are read chunk by chunk.
        rows_in_chunk : int
            At least 1; the last chunk may have fewer.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If the numbers of rows differ, or there are no rows.

        Examples
        --------
        >>> len(list(Chunks.from_arrays(np.zeros((100, 3)), np.zeros(100), rows_in_chunk=30)))
        4
        """
        return cls(_rows(_sliceable(x, "x"), _sliceable(y, "y"), rows_in_chunk))

    @classmethod
    def from_memmap(
        cls,
        x_path: AnyPath,
        y_path: AnyPath,
        rows_in_chunk: int,
        *,
        x_form: RawForm | None = None,
        y_form: RawForm | None = None,
    ) -> "Chunks":
        """Chunks of consecutive rows of two files that are mapped into memory.

        Parameters
        ----------
        x_path, y_path : path
            NPY files, or raw files of numbers with a given form.
        rows_in_chunk : int
            How many rows to read at once, at least 1; the last chunk may have fewer.
        x_form, y_form : tuple (dtype, shape), optional
            The form of a raw file: ``("float32", (-1, 784))``, ``("uint8", (-1,))``. −1 stands for the number of rows
            in the file.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If the numbers of rows differ, or a form cannot be used.
        DataFileError
            If a file is missing, damaged or of another kind, or its size does not fit its form.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     x_path, y_path = Path(folder) / "x.npy", Path(folder) / "y.npy"
        ...     np.save(x_path, np.zeros((100, 3), dtype=np.float32))
        ...     np.save(y_path, np.zeros(100, dtype=np.int64))
        ...     chunks = Chunks.from_memmap(x_path, y_path, rows_in_chunk=30)
        ...     [len(x) for x, y in chunks]
        [30, 30, 30, 10]
        """
        x, y = _mapped(x_path, x_form, "x_form"), _mapped(y_path, y_form, "y_form")
        return cls(_rows(x, y, rows_in_chunk, f"{x_path} and {y_path}, "))

    @classmethod
    def from_files(
        cls,
        paths: Iterable[AnyPath | tuple[AnyPath, AnyPath]],
        read: Callable[[Any], Pair] | None = None,
        *,
        rows_in_chunk: int | None = None,
        dtype: FeatureType | None = None,
        label: str | int | None = "auto",
    ) -> "Chunks":
        """Files, one after the other.

        Parameters
        ----------
        paths : list of path, or of pairs of paths
            NPZ files with the arrays x and y, CSV files with labels (see `load_csv`), or pairs of NPY files, (x_path,
            y_path), which are mapped. The content determines the format. NPZ and CSV files are read completely, one at
            a time.
        read : callable, optional
            Your own reader for the elements of ``paths``: ``read(path)`` returns (x, y).
        rows_in_chunk : int, optional
            Files with more rows become several chunks. Default: each file is one chunk.
        dtype : {"uint8", "float32", "float64"}, optional
            Converts the features and refuses values that do not fit. By default, CSV files give float64, and arrays
            their stored type. uint8 means pixels.
        label : str or int, default "auto"
            The name or number of the label column of CSV files, as for `load_csv`; the first file decides for all.

        Raises
        ------
        DataFileError
            If a file is missing. Other errors are raised during the iteration.

        Examples
        --------
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     paths = [Path(folder) / f"{part}.npz" for part in "ab"]
        ...     for path in paths:
        ...         np.savez(path, x=np.zeros((5, 3)), y=np.arange(5))
        ...     chunks = Chunks.from_files(paths, rows_in_chunk=4)
        ...     [y.tolist() for x, y in chunks]
        [[0, 1, 2, 3], [4], [0, 1, 2, 3], [4]]
        """
        found = check.items(paths, "paths", "files")
        if not found:
            raise ArgumentError("paths must be at least one file, not an empty list")
        if read is not None and not callable(read):
            raise ArgumentTypeError(f"read must be a function of a path, not {read!r:.60}")
        if dtype is not None:
            check.choice(dtype, "dtype", ("uint8", "float32", "float64"))
        return cls(Files(found, read, _chunk_size(rows_in_chunk), dtype, label))

    @classmethod
    def from_generator(cls, function: Callable[[], Iterable[Pair]], *, rows_in_chunk: int | None = None) -> "Chunks":
        """Chunks of an iterator of pairs (x, y), which a function makes anew for each epoch.

        Parameters
        ----------
        function : callable
            Called without arguments at the beginning of each epoch, for example a generator function. It must not
            return the same iterator twice, because an iterator can be used only once.
        rows_in_chunk : int, optional
            Pairs with more rows become several chunks.

        Raises
        ------
        ArgumentTypeError
            If ``function`` cannot be called. Other errors are raised during the iteration.

        Examples
        --------
        >>> def pairs():
        ...     for day in range(3):
        ...         yield np.full((2, 4), day), np.zeros(2)
        >>> chunks = Chunks.from_generator(pairs)
        >>> [x[0, 0].item() for x, y in chunks], chunks.rows
        ([0, 1, 2], 6)
        """
        if not callable(function):
            hint = ": give the generator function itself, not what it returns" if hasattr(function, "__next__") else ""
            raise ArgumentTypeError(
                f"function must be a function that returns a new iterator at each call, not {function!r:.60}{hint}"
            )
        return cls(Generated(function, _chunk_size(rows_in_chunk)))


def _rows(x: Any, y: Any, rows_in_chunk: int, name: str = "") -> Rows:
    if len(x) != len(y):
        raise ArgumentError(f"{name}x and y must have equally many rows, not {len(x)} and {len(y)}")
    size = check.whole_number(rows_in_chunk, "rows_in_chunk", minimum=1)
    checked_pair(Found(name.removesuffix(", ") or "x and y", stretch(x, 0, 1), stretch(y, 0, 1)), ArgumentError)
    return Rows(x, y, size, name)


def _chunk_size(rows_in_chunk: int | None) -> int | None:
    return None if rows_in_chunk is None else check.whole_number(rows_in_chunk, "rows_in_chunk", minimum=1)


def _sliceable(values: Any, name: str) -> Any:
    if not check.is_table(values) and not all(hasattr(values, part) for part in ("shape", "dtype", "__getitem__")):
        values = check.array_of(values, name)
    if len(values.shape) == 0:
        raise ArgumentTypeError(f"{name} must be an array of rows, not {values!r:.60}")
    return values


def _mapped(path: AnyPath, form: RawForm | None, name: str) -> NDArray[Any]:
    if form is None:
        return map_npy(existing_file(path))
    try:
        dtype, shape = np.dtype(form[0]), tuple(form[1])
    except (TypeError, IndexError):
        raise ArgumentTypeError(
            f"{name} must be a pair (dtype, shape), such as ('float32', (-1, 784)), not {form!r:.60}"
        ) from None
    lengths = [check.whole_number(length, f"{name}[1][{i}]", minimum=1 if i else -1) for i, length in enumerate(shape)]
    if not lengths or lengths[0] == 0 or dtype.kind not in "buif":
        raise ArgumentError(f"{name} must be a type of numbers and a shape of rows, not {form!r:.60}")
    return map_raw(existing_file(path), dtype, tuple(lengths))


def _form(values: NDArray[Any]) -> str:
    return f"shape {('rows', *values.shape[1:])} in {values.dtype}".replace("'", "")
