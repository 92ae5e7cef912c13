"""Tables of features and labels in CSV files. They hold numbers, or pixels on request."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._base.errors import DataFileError
from .arrays import MAX_LABEL, Features, FeatureType, Labels, as_labels, converted, feature_type, from_one_hot
from .columns import Columns, Label, columns_of, decided
from .csv_text import one_line, read_numbers, read_small_integers, require_rows
from .dialect import CsvText, as_number, opened_text

Numbers = NDArray[np.uint8] | NDArray[np.float64]

_MISSING = ("", "nan")
_MOST_WORDS = 1 << 16  # the most different spellings of labels to keep while a file is read
_BLOCK = 4096  # rows


@dataclass(frozen=True, eq=False, repr=False)  # arrays have no single answer to ==
class Table:
    """The content of a CSV file.

    Attributes
    ----------
    x : ndarray
        Features, shape (n, features), C-contiguous, float64 unless another ``dtype`` was asked for.
    y : ndarray or None
        Class numbers, int64, shape (n,); None if the file has no labels.
    class_names : tuple of str, or None
        The sorted labels, if they are words; ``class_names[y[i]]`` is the label of row i.
    feature_names : tuple of str, or None
        The names of the columns of ``x``, if the file has a header.
    n_classes_one_hot : int
        The number of leading columns that were read as one-hot labels, else 0.
    label : str, int or None
        The name of the label column, or its number (from 0) in a file without header; None without labels or with
        one-hot labels.
    label_source : str or None
        Which column is the label and why, in words.
    """

    x: Features
    y: Labels | None
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    n_classes_one_hot: int = 0
    label: str | int | None = None
    label_source: str | None = None

    def __repr__(self) -> str:
        rows, features = self.x.shape
        label = "no labels" if self.y is None else "one-hot labels" if self.label is None else f"label {self.label!r}"
        classes = [] if self.class_names is None else [f"{len(self.class_names)} classes"]
        return f"<Table of {', '.join([f'{rows} rows', f'{features} features', label, *classes])}>"


@dataclass(frozen=True)
class TableForm:
    """The form of a table: the arguments of `load_csv`, and the columns of earlier data of this kind."""

    label: Any = "auto"
    n_classes_one_hot: Any = None
    dtype: FeatureType | None = None
    separator: str = "auto"
    decimal: str = "."
    known_label: Label = None  # of the training data; counts if `label` is "auto"
    known_features: tuple[str, ...] | None = None  # of the training data: found by name, and used in this order
    is_asked: bool = True  # by the user: then it must have an effect, which a form from earlier data need not have


def load_csv(
    path: str | os.PathLike[str],
    *,
    label: str | int | None = "auto",
    n_classes_one_hot: int | None = None,
    dtype: FeatureType | None = None,
    separator: str = "auto",
    decimal: str = ".",
) -> Table:
    r"""Read features, and labels if there are any, from a CSV file, plain or gzip.

    The features of a table are float64 numbers, whatever their values: ages are not pixels. Only ``dtype="uint8"``
    makes pixels of them.

    The first of these rules that applies decides which columns are labels, and `Table.label_source` names it:

    1. ``n_classes_one_hot=k`` (k of 1 or more): the first k columns are one-hot labels.
    2. ``label``: the column of that name or number (from 0; -1 is the last). With None, no labels are read, and
       columns that the header names as labels are left out.
    3. A header with one column named label, labels, class or target: that column. Otherwise a column named y, unless
       another is named x, because the two are coordinates then.
    4. A header that begins with ``label_0, label_1, …`` (or class, target, y, onehot; from 0 or 1): those columns,
       one-hot.
    5. A header of numbered features alone (``pixel0, …``, ``1x1, …``, ``x0, …``, ``0, 1, …``): no labels.
       Any other header is an error that asks for ``label``.
    6. No header: the smallest number of leading columns, at least two, with exactly one 1 (and otherwise 0) in every
       row could be one-hot labels, if each of these columns has a 1 (otherwise an error asks for
       ``n_classes_one_hot``; 0 turns this search off). If there are none, the first or the last column could be the
       label: words, or whole numbers from 0 to 255 that are neither all equal nor all different. If exactly one of
       these could be the label, it is; otherwise an error asks for ``label``.

    The first line is a header if two of its fields are not numbers, or one is a name of rule 3 or the only field, or
    if it numbers eight or more columns 0, 1, …

    Lines may end in LF, CRLF or CR; the text is UTF-8, with or without a byte order mark; fields may be quoted.

    Parameters
    ----------
    path : str or path
    label : str, int or None
        Name or number of the label column; "auto" applies the rules.
    n_classes_one_hot : int, optional
        The number of leading one-hot columns, 0 for none. By default the rules decide.
    dtype : {"float64", "float32", "uint8"}, optional
        Type of the features; default float64. With "uint8" they are pixels: whole numbers from 0 to 255.
    separator : str, default "auto"
        The character between fields. "auto" finds the comma, semicolon or tab that divides the first lines into the
        same number of fields, and into numbers.
    decimal : {".", ","}, default "."
        The decimal mark. It is never guessed.

    Returns
    -------
    Table
        ``x``, ``y``, ``class_names``, ``feature_names``, ``n_classes_one_hot``, ``label`` and ``label_source``.

    Raises
    ------
    DataFileError
        If the file is missing, empty or damaged, or expands too far; if a row has another number of fields; if a
        feature is not a finite number or not a pixel (the message names line and column); if a label is neither a word
        nor a whole number from 0 to 255; or if the rules find no answer.
    ArgumentError, ArgumentTypeError
        If ``path`` is not a path, or another argument cannot be used with this file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "flowers.csv"
    ...     _ = path.write_text("length,width,class\n5.1,3.5,setosa\n6.2,2.9,iris\n")
    ...     table = load_csv(path)
    >>> table.x.shape, table.y.tolist(), table.class_names
    ((2, 2), [1, 0], ('iris', 'setosa'))
    >>> table.label_source
    "column 3 ('class'), by its name"
    """
    dtype = feature_type(dtype, "load_csv")
    return read_table(path, TableForm(label, n_classes_one_hot, dtype, separator, decimal))


def read_table(path: Any, form: TableForm) -> Table:
    """`load_csv`, with the form of earlier data."""
    text = opened_text(path, form.separator, form.decimal, form.known_features)
    return _table(text, columns_of(text, form.label, form.n_classes_one_hot, form.known_label), form)


def read_features(path: Any, form: TableForm) -> Table:
    """The features alone: the known columns if the file names them all, else all columns without labels."""
    text = opened_text(path, form.separator, form.decimal, form.known_features)
    known, names = form.known_features, text.header or []
    if known is None or not set(known) <= set(names):
        return _table(text, columns_of(text, None, None), form)
    return _table(text, Columns(left_out=tuple(i for i, name in enumerate(names) if name not in known)), form)


# ---------------------------------------------------------------- from text to arrays


def _table(text: CsvText, columns: Columns, form: TableForm) -> Table:
    columns, values, words = _read(text, columns, form.dtype == "uint8")
    y, class_names = _labels(text, values, columns, words.get(columns.label) if columns.label is not None else None)
    kept = _kept(text, columns, form.known_features)
    if not kept:
        raise DataFileError(
            f"{text.path}: expected features besides the labels, found {text.n_columns} column(s) with {text.between} "
            "between them"
        )
    names = tuple(text.header[column] for column in kept) if text.header else None
    label = columns.label if text.header is None or columns.label is None else text.header[columns.label]
    x = converted(text.path, "the features", _picked(values, kept), form.dtype or "float64")
    return Table(x, y, class_names, names, columns.one_hot, label, columns.why)


def _kept(text: CsvText, columns: Columns, known: tuple[str, ...] | None) -> list[int]:
    """The columns of the features, in the order of the known names."""
    others = columns.not_features()
    kept = [column for column in range(text.n_columns) if column not in others]
    if known is not None and text.header is not None and set(known) == {text.header[column] for column in kept}:
        return [text.header.index(name) for name in known]
    return kept


def _picked(values: Numbers, kept: list[int]) -> Numbers:
    """Select these columns. float64 numbers are moved within their own memory, because a second array may not fit."""
    first, last = kept[0], kept[-1]
    in_a_row = kept == list(range(first, last + 1))
    if values.dtype == np.uint8:  # slicing 784 consecutive columns is several times faster than gathering them
        return values[:, first : last + 1] if in_a_row else values[:, kept]
    if len(kept) == values.shape[1] and in_a_row:
        return values
    packed = values.reshape(-1)[: len(values) * len(kept)].reshape(len(values), len(kept))
    for start in range(0, len(values), _BLOCK):
        rows = values[start : start + _BLOCK]
        # Indexing with a list copies, so nothing is overwritten too early.
        packed[start : start + _BLOCK] = rows[:, kept]
    return packed


class _Words:
    """The different spellings in a column that may hold words, with their numbers."""

    def __init__(self) -> None:
        self.number_of: dict[str, int] = {}

    def __call__(self, field: str) -> float:
        word = one_line(field).strip()
        if len(self.number_of) > _MOST_WORDS:
            return self.number_of.get(word, -1)
        return self.number_of.setdefault(word, len(self.number_of))

    @property
    def too_many(self) -> bool:
        return len(self.number_of) > _MOST_WORDS


def _read(text: CsvText, columns: Columns, pixels: bool) -> tuple[Columns, Numbers, dict[int, list[str]]]:
    """The columns, now decided; the numbers; and the words that numbers stand for in columns of words."""
    small = read_small_integers(text)
    if small is not None:
        return (decided(text, columns, small, {}, set()) if columns.is_open else columns), small, {}
    require_rows(text)
    found = {column: _Words() for column in columns.may_hold_words(text)}
    values = _read_exactly(text, columns, found, pixels and not columns.is_open)
    words = {column: list(column_words.number_of) for column, column_words in found.items()}
    too_many = {column for column in found if found[column].too_many}
    if too_many and not columns.is_open:
        raise DataFileError(_too_many_labels(text, min(too_many), f"more than {_MOST_WORDS:,}"))
    for column in set(words) - too_many:
        are_words = [as_number(word, text.decimal) is None or word.lower() == "nan" for word in words[column]]
        if text.header is None and are_words[0] and len(are_words) > 1 and not any(are_words[1:]) and words[column][0]:
            raise DataFileError(_word_above_numbers(text, column, words[column][0]))
        if not any(are_words):
            numbers = np.array([as_number(word, text.decimal) for word in words.pop(column)])
            values[:, column] = numbers[values[:, column].astype(np.intp)]
    if not columns.is_open:
        return columns, values, words
    columns = decided(text, columns, values, words, too_many)
    # A column that turned out to be a feature must be checked, and read again as numbers if it was read as words.
    if pixels or set(words) - {columns.label}:
        return _read(text, columns, pixels)
    return columns, values, words


def _read_exactly(text: CsvText, columns: Columns, words: dict[int, _Words], pixels: bool) -> NDArray[np.float64]:
    special: dict[int, Callable[[str], float]] = dict.fromkeys(columns.left_out, _left_out)
    return read_numbers(text, special | words, pixels=pixels)


def _left_out(field: str) -> float:
    one_line(field)
    return 0.0


def _labels(
    text: CsvText, values: Numbers, columns: Columns, words: list[str] | None
) -> tuple[Labels | None, tuple[str, ...] | None]:
    if columns.one_hot:
        what = f"the first {columns.one_hot} columns"
        return from_one_hot(text.path, what, values[:, : columns.one_hot]), None
    if columns.label is None:
        return None, None
    numbers = values[:, columns.label]
    if words is None:
        return as_labels(text.path, text.column_name(columns.label), numbers), None
    return _labels_of_words(text, columns.label, numbers.astype(np.intp), words)


def _labels_of_words(
    text: CsvText, label: int, word_of_row: NDArray[np.intp], words: list[str]
) -> tuple[Labels, tuple[str, ...]]:
    if missing := [word for word in words if word.lower() in _MISSING]:
        row = np.flatnonzero(word_of_row == words.index(missing[0]))[0]
        raise DataFileError(
            f"{text.path}: expected a label in {text.column_name(label)} of every row, found {missing[0]!r} in row "
            f"{row} (counted from 0); drop the row or fill it in"
        )
    if len(words) > MAX_LABEL + 1:
        raise DataFileError(_too_many_labels(text, label, str(len(words))))
    class_names = tuple(sorted(words))
    class_of_word = np.array([class_names.index(word) for word in words], dtype=np.int64)
    return class_of_word[word_of_row], class_names


def _word_above_numbers(text: CsvText, column: int, word: str) -> str:
    return (
        f"{text.path}: line 1: {text.column_name(column)}: expected a label like those below, found {word!r:.60} above "
        "numbers; if line 1 is a header, give the columns names that are not numbers"
    )


def _too_many_labels(text: CsvText, label: int, found: str) -> str:
    return (
        f"{text.path}: expected labels in {text.column_name(label)}, at most {MAX_LABEL + 1} different words, found "
        f"{found}; is another column the label?"
    )
