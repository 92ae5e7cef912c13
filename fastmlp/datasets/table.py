"""Tables of features and labels in CSV files: which column is what."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._errors import ArgumentError, DataFileError
from ._open import existing_file
from .arrays import MAX_LABEL, Features, Labels, as_features, as_float32, as_labels, from_one_hot
from .csv_text import CsvText, first_fields, read_numbers, read_small_integers, require_rows

Numbers = NDArray[np.uint8] | NDArray[np.float64]

_LABEL_NAMES = frozenset({"label", "labels", "class", "target"})
_ONE_HOT_NAME = re.compile(r"(?:label|class|target|y|one_?hot)s?[ _.-]?(\d+)")
_FEATURE_NAME = re.compile(r"(?:pixel|px|feature|feat|x|f|v|column|col)?[ _.-]?\d+(?:x\d+)?")
_MISSING = ("", "nan")
_NUMBERED_HEADER = 8  # columns 0, 1, … of a table written without names; fewer could well be data


@dataclass(frozen=True, eq=False)  # arrays have no single answer to ==
class Table:
    """What a CSV file held.

    Attributes
    ----------
    x : ndarray
        Features, shape (n, features), C-contiguous, uint8 if all are whole numbers of 0 to 255, else float32.
    y : ndarray or None
        Class numbers, int64, shape (n,); None if the file has no labels.
    class_names : tuple of str, or None
        Where the labels are words: the sorted words; ``class_names[y[i]]`` is the label of row i.
    feature_names : tuple of str, or None
        The names of the columns of ``x``, if the file has a header.
    n_classes_one_hot : int
        Number of leading columns that were read as one-hot labels, else 0.
    """

    x: Features
    y: Labels | None
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    n_classes_one_hot: int = 0


def load_csv(
    path: str | os.PathLike[str], *, label: str | int | None = "auto", n_classes_one_hot: int | None = None
) -> Table:
    """Read features, and labels if there are any, from a CSV file (plain or gzip, told by its content).

    Which columns are labels is decided by the first of these rules that applies:

    1. ``n_classes_one_hot=k`` (k of 1 or more): the first k columns are one-hot labels.
    2. ``label``: the column of that name, or of that number (from 0; -1 is the last). None: no labels are
       read; columns that the header names as labels are left out.
    3. A header with one column called label, labels, class or target, anywhere: that column. Failing that, a
       column called y, unless another is called x: the two are coordinates then.
    4. A header that begins ``label_0, label_1, …`` (or class, target, y, onehot; from 0 or 1): those columns,
       one-hot.
    5. A header of numbered features alone (``pixel0, …``, ``1x1, …``, ``x0, …``, ``0, 1, …``): no labels.
       Any other header is an error that asks for ``label``.
    6. No header: if the fewest leading columns that hold exactly one 1 (and otherwise 0) in every row are two
       or more, each of them used at least once, these are one-hot labels. If one of them is never used, the
       width is in doubt, and an error asks for ``n_classes_one_hot``. Otherwise the first column is the
       label. ``n_classes_one_hot=0`` turns the search for one-hot columns off.

    The first line is a header if two of its fields are not numbers, or one is a name of rule 3, or it is the
    only field, or it numbers eight or more columns 0, 1, …

    Parameters
    ----------
    path : str or path
    label : str, int or None
        Name or number of the label column; "auto" applies the rules.
    n_classes_one_hot : int, optional
        Number of leading one-hot columns; 0 for none; without it the rules decide.

    Returns
    -------
    Table
        ``x``, ``y``, ``class_names``, ``feature_names`` and ``n_classes_one_hot``.

    Raises
    ------
    DataFileError
        If the file is missing, empty or damaged, a row has another number of fields, a feature is not a
        finite number (the message has line and column), a label is neither a word nor a whole number of 0 to
        255, or the rules find no answer.
    ArgumentError
        If ``label`` or ``n_classes_one_hot`` cannot be used with this file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "flowers.csv"
    ...     _ = path.write_text("length,width,class\\n5.1,3.5,setosa\\n6.2,2.9,iris\\n")
    ...     table = load_csv(path)
    >>> table.x.shape, table.y.tolist(), table.class_names
    ((2, 2), [1, 0], ('iris', 'setosa'))
    """
    text = _opened(path)
    return _table(text, _columns(text, label, n_classes_one_hot))


def load_features_csv(path: str | os.PathLike[str], known: tuple[str, ...] | None = None) -> Table:
    """The features alone: all columns but those named as labels; of a file that names all ``known`` columns, these."""
    text = _opened(path)
    names = text.header or ()
    if known is None or not set(known) <= set(names):
        return _table(text, _columns(text, None, None))
    return _table(text, _Columns(left_out=tuple(number for number, name in enumerate(names) if name not in known)))


def _opened(path: str | os.PathLike[str]) -> CsvText:
    file_path = existing_file(path)
    fields = first_fields(file_path)
    return CsvText(file_path, fields if _is_header(fields) else None, len(fields))


def _table(text: CsvText, columns: _Columns) -> Table:
    values, words = _read(text, columns)
    if columns.may_be_one_hot and not words:
        columns = _Columns(one_hot=width) if (width := _one_hot_width(text, values)) else columns
    y, class_names = _labels(text, values, columns, words)
    kept = [column for column in range(text.n_columns) if column not in columns.not_features()]
    if not kept:
        raise DataFileError(f"{text.path}: expected features besides the labels, found {text.n_columns} column(s)")
    names = tuple(text.header[column] for column in kept) if text.header else None
    return Table(_features(text.path, values, kept), y, class_names, names, columns.one_hot)


@dataclass(frozen=True)
class _Columns:
    label: int | None = None
    one_hot: int = 0  # this many leading columns
    left_out: tuple[int, ...] = ()
    may_be_one_hot: bool = False

    def not_features(self) -> set[int]:
        labels = set() if self.label is None else {self.label}
        return labels | set(range(self.one_hot)) | set(self.left_out)


def _is_header(fields: list[str]) -> bool:
    n_words = sum(not _is_number(field) for field in fields)
    numbered = len(fields) >= _NUMBERED_HEADER and fields == [str(i) for i in range(len(fields))]
    named = any(field.lower() in _LABEL_NAMES | {"y"} for field in fields)
    return numbered or named or n_words > 1 or (n_words == len(fields) == 1)


def _is_number(field: str) -> bool:
    """Whether ``field`` could stand in a row of data: a number, or a missing one."""
    try:
        float(field or "nan")
    except ValueError:
        return False
    return True


def _columns(text: CsvText, label: str | int | None, n_one_hot: int | None) -> _Columns:
    if n_one_hot is not None and (not isinstance(n_one_hot, int) or not 0 <= n_one_hot < text.n_columns):
        raise ArgumentError(
            f"load_csv: n_classes_one_hot must be an integer of 0 to {text.n_columns - 1} (of the "
            f"{text.n_columns} columns of {text.path}, some must be features), got {n_one_hot!r}"
        )
    if n_one_hot:
        return _Columns(one_hot=n_one_hot)
    if label is not None and label != "auto":
        return _Columns(label=_find_column(text, label))
    if text.header is None:
        if label is None:
            return _Columns()
        return _Columns(label=0, may_be_one_hot=n_one_hot is None)
    return _columns_by_header(text, text.header, labels_wanted=label is not None)


def _find_column(text: CsvText, label: str | int) -> int:
    if isinstance(label, str):
        if text.header is None or label not in text.header:
            found = "has no header" if text.header is None else f"has the columns {_some(text.header)}"
            raise ArgumentError(f"load_csv: label must name a column, got {label!r}, but {text.path} {found}")
        return text.header.index(label)
    if not isinstance(label, int) or not -text.n_columns <= label < text.n_columns:
        raise ArgumentError(
            f"load_csv: label must be a column of {text.path}, {-text.n_columns} to {text.n_columns - 1}, got {label!r}"
        )
    return label % text.n_columns


def _columns_by_header(text: CsvText, header: list[str], labels_wanted: bool) -> _Columns:
    if "" in header:
        raise DataFileError(
            f"{text.path}: expected a name for every column in the header, found none for column "
            f"{header.index('') + 1}; name it, or if it numbers the rows, save without it (pandas: "
            "index=False)"
        )
    names = [name.lower() for name in header]
    labels = tuple(column for column, name in enumerate(names) if name in _LABEL_NAMES)
    if not labels and "y" in names and "x" not in names:
        labels = (names.index("y"),)
    n_one_hot = _n_one_hot_names(names)
    if not labels_wanted:
        return _Columns(left_out=(*labels, *range(n_one_hot)))
    if len(labels) == 1:
        return _Columns(label=labels[0])
    if not labels and n_one_hot:
        return _Columns(one_hot=n_one_hot)
    if not labels and all(_FEATURE_NAME.fullmatch(name) for name in names):
        return _Columns()
    raise DataFileError(
        f"{text.path}: expected one column called label (or class, target, y), found the columns "
        f"{_some(header)}; say which it is: load_csv(path, label='name'), or rename it to label"
    )


def _n_one_hot_names(names: list[str]) -> int:
    """How many names, from the first on, are label_0, label_1, …, counted from 0 or from 1."""
    start: int | None = None
    for column, name in enumerate(names):
        match = _ONE_HOT_NAME.fullmatch(name)
        start = int(match[1]) if match and column == 0 else start
        if not match or start not in (0, 1) or int(match[1]) != start + column:
            return column if column > 1 else 0
    return len(names)


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f", … ({len(names)} in all)" if len(names) > 8 else "")


def _read(text: CsvText, columns: _Columns) -> tuple[Numbers, list[str]]:
    """The numbers; and where the labels are words, the words that the numbers in their column stand for."""
    small = read_small_integers(text)
    if small is not None:
        return small, []
    require_rows(text)
    number_of: dict[str, int] = {}
    label = columns.label
    converters: dict[int, Callable[[str], float]] = dict.fromkeys(columns.left_out, lambda _: 0.0)
    if label is not None:
        converters[label] = lambda word: number_of.setdefault(word.strip(), len(number_of))
    values = read_numbers(text, converters)
    words = list(number_of)
    if label is None or not all(_is_number(word) and word.lower() not in _MISSING for word in words):
        return values, words
    values[:, label] = np.array([float(word) for word in words])[values[:, label].astype(np.intp)]
    return values, []


def _one_hot_width(text: CsvText, values: Numbers) -> int:
    """By rule 6 of ``load_csv``: the number of leading one-hot columns, 0 if the first column is the
    label."""
    is_one = values == 1
    has_one = is_one.any(axis=1)
    first_one = is_one.argmax(axis=1)
    width = int(first_one.max()) + 1
    leading = values[:, :width]
    if width < 2 or width == text.n_columns or not has_one.all():
        return 0
    if ((leading != 0).sum(axis=1) != 1).any():
        return 0
    if len(np.unique(first_one)) < width:
        raise DataFileError(
            f"{text.path}: expected either one label column or one-hot columns first, found that the first "
            f"{width} columns could be one-hot with classes that never occur; say n_classes_one_hot=, 0 if "
            "there is one label column"
        )
    return width


def _labels(
    text: CsvText, values: Numbers, columns: _Columns, words: list[str]
) -> tuple[Labels | None, tuple[str, ...] | None]:
    if columns.one_hot:
        what = f"the first {columns.one_hot} columns"
        return from_one_hot(text.path, what, values[:, : columns.one_hot]), None
    if columns.label is None:
        return None, None
    what = text.column_name(columns.label)
    numbers = values[:, columns.label]
    if not words:
        return as_labels(text.path, what, numbers), None
    return _labels_of_words(text.path, what, numbers.astype(np.intp), words)


def _labels_of_words(
    path: Path, what: str, word_of_row: NDArray[np.intp], words: list[str]
) -> tuple[Labels, tuple[str, ...]]:
    if missing := [word for word in words if word.lower() in _MISSING]:
        row = np.flatnonzero(word_of_row == words.index(missing[0]))[0]
        raise DataFileError(
            f"{path}: expected a label in {what} of every row, found {missing[0]!r} in row {row} (counted "
            "from 0); drop the row or fill it in"
        )
    if len(words) > MAX_LABEL + 1:
        raise DataFileError(
            f"{path}: expected labels in {what}, at most {MAX_LABEL + 1} different words, found "
            f"{len(words)}; is another column the label?"
        )
    class_names = tuple(sorted(words))
    class_of_word = np.array([class_names.index(word) for word in words], dtype=np.int64)
    return class_of_word[word_of_row], class_names


def _features(path: Path, values: Numbers, kept: list[int]) -> Features:
    first, last = kept[0], kept[-1]
    # A run of columns is sliced, not gathered: several times faster for 784 of them.
    x = values[:, first : last + 1] if last - first + 1 == len(kept) else values[:, kept]
    if x.dtype == np.uint8:
        return as_features(path, "the features", x)
    if x.min() >= 0 and x.max() <= 255 and (x == np.floor(x)).all():
        return np.ascontiguousarray(x, dtype=np.uint8)
    return as_float32(path, "the features", x)
