"""Finds the label columns of a table, by the arguments, the header, or the values."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError, DataFileError
from .arrays import MAX_LABEL, not_pixels
from .dialect import LABEL_NAMES, CsvText, as_number

Label = str | int | None

_ONE_HOT_NAME = re.compile(r"(?:label|class|target|y|one_?hot)s?[ _.-]?(\d+)", re.ASCII)
_FEATURE_NAME = re.compile(r"(?:pixel|px|feature|feat|x|f|v|column|col)?[ _.-]?\d+(?:x\d+)?", re.ASCII)


@dataclass(frozen=True)
class Columns:
    """The columns of a table; all that are not labels or left out are features."""

    label: int | None = None
    one_hot: int = 0  # the number of leading one-hot columns
    left_out: tuple[int, ...] = ()
    why: str | None = None  # in words
    is_open: bool = False  # whether the label depends on the values, which have not been read yet
    may_be_one_hot: bool = False

    def not_features(self) -> set[int]:
        """The numbers of the columns that are not features."""
        labels = set() if self.label is None else {self.label}
        return labels | set(range(self.one_hot)) | set(self.left_out)

    def may_hold_words(self, text: CsvText) -> set[int]:
        """Columns to read as words at first: labels, and possible labels."""
        if self.label is not None:
            return {self.label}
        ends = {0, text.n_columns - 1} if self.is_open else set()
        return {column for column in ends if not _holds_measures(text, column)}


def columns_of(text: CsvText, label: Any, n_one_hot: Any, known: Label = None) -> Columns:
    """Find the columns by the arguments of `load_csv`; ``known`` is the label column of earlier data of this kind."""
    _check_one_hot(text, n_one_hot)
    if n_one_hot:
        return Columns(one_hot=n_one_hot, why=f"the first {n_one_hot} columns, as asked for: one-hot rows")
    if label is not None and label != "auto":
        found = _find_column(text, label)
        return Columns(found, why=f"{text.column_name(found)}, as asked for")
    if label is not None and (column := _known_column(text, known)) is not None:
        return Columns(column, why=f"{text.column_name(column)}, as in the training data")
    if text.header is not None:
        return _by_header(text, text.header, labels_wanted=label is not None)
    return Columns() if label is None else Columns(is_open=True, may_be_one_hot=n_one_hot is None)


def _check_one_hot(text: CsvText, count: Any) -> None:
    if count is None:
        return
    if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or not 0 <= count < text.n_columns:
        raise ArgumentError(
            f"load_csv: n_classes_one_hot must be an integer of 0 to {text.n_columns - 1} (of the "
            f"{text.n_columns} columns of {text.path}, some must be features), got {count!r:.60}"
        )


def _find_column(text: CsvText, label: Any) -> int:
    if isinstance(label, str):
        if text.header is None or label not in text.header:
            found = "has no header" if text.header is None else f"has the columns {check.some(text.header)}"
            raise ArgumentError(f"load_csv: label must name a column, got {label!r:.60}, but {text.path} {found}")
        return text.header.index(label)
    if not isinstance(label, (int, np.integer)) or isinstance(label, bool):
        raise ArgumentTypeError(f"load_csv: label must be the name or number of a column, got {label!r:.60}")
    if not -text.n_columns <= label < text.n_columns:
        raise ArgumentError(
            f"load_csv: label must be a column of {text.path}, {-text.n_columns} to {text.n_columns - 1}, got {label!r}"
        )
    return int(label) % text.n_columns


def _known_column(text: CsvText, known: Label) -> int | None:
    """The known label column, by its name in the header, or by its number if neither file has a header."""
    if isinstance(known, str):
        return text.header.index(known) if text.header and known in text.header else None
    return known if known is not None and text.header is None and known < text.n_columns else None


# ---------------------------------------------------------------- by the header


def _by_header(text: CsvText, header: list[str], labels_wanted: bool) -> Columns:
    if "" in header:
        raise DataFileError(
            f"{text.path}: expected a name for every column in the header, found none for column "
            f"{header.index('') + 1}; name it, or if it numbers the rows, save without it (pandas: "
            "index=False)"
        )
    names = [name.lower() for name in header]
    labels = tuple(column for column, name in enumerate(names) if name in LABEL_NAMES)
    if not labels and "y" in names and "x" not in names:
        labels = (names.index("y"),)
    n_one_hot = _n_one_hot_names(names)
    if not labels_wanted:
        return Columns(left_out=(*labels, *range(n_one_hot)))
    if len(labels) == 1:
        return Columns(labels[0], why=f"{text.column_name(labels[0])}, by its name")
    if not labels and n_one_hot:
        return Columns(one_hot=n_one_hot, why=f"the first {n_one_hot} columns, by their names: one-hot rows")
    if not labels and all(_FEATURE_NAME.fullmatch(name) for name in names):
        return Columns()
    raise DataFileError(
        f"{text.path}: expected one column called label (or class, target, y), found the columns "
        f"{check.some(header)}; say which it is: load_csv(path, label='name'), or rename it to label"
    )


def _n_one_hot_names(names: list[str]) -> int:
    """How many leading names are label_0, label_1, …, counted from 0 or from 1."""
    start: int | None = None
    for column, name in enumerate(names):
        match = _ONE_HOT_NAME.fullmatch(name)
        number = int(match[1]) if match and len(match[1]) < 10 else None
        start = number if column == 0 else start
        if number is None or start not in (0, 1) or number != start + column:
            return column if column > 1 else 0
    return len(names)


# ---------------------------------------------------------------- by what the columns hold


def decided(
    text: CsvText, columns: Columns, values: NDArray[Any], words: dict[int, list[str]], too_many: set[int]
) -> Columns:
    """The label column of a table without header: the first or the last, if only one of them can be it.

    ``words`` are the different words in columns that do not hold numbers; ``too_many`` are columns with more words
    than there may be classes.
    """
    last = text.n_columns - 1
    objections = [
        "it holds more than 256 different values" if end in too_many else _objection(values[:, end], words.get(end))
        for end in (0, last)
    ]
    width = _one_hot_width(text, values) if columns.may_be_one_hot and not words else 0
    if width:
        if objections[1] is not None:
            why = f"the first {width} columns: there is no header, and each row has a single 1 in them"
            return Columns(one_hot=width, why=why)
        raise _in_doubt(text, f"the first {width} columns could be one-hot labels, and the last one the label", width)
    possible = [end for end, objection in zip((0, last), objections, strict=True) if objection is None]
    if len(possible) == 1 or (possible and last == 0):
        end, other = (0, "last") if possible[0] == 0 else (last, "first")
        reason = objections[1] if end == 0 else objections[0]
        why = f"{text.column_name(end)}: there is no header, and the {other} column cannot be the label ({reason})"
        return Columns(end, why=why)
    found = "both the first and the last column could be the label"
    if not possible:
        found = f"neither the first column looks like a label ({objections[0]}) nor the last one ({objections[1]})"
    raise _in_doubt(text, found)


def _in_doubt(text: CsvText, found: str, width: int = 0) -> DataFileError:
    one_hot = f", n_classes_one_hot={width} for the one-hot columns" if width else ""
    return DataFileError(
        f"{text.path}: expected to find out which column is the label, but there is no header, and {found}; say "
        f"label=0 for the first, label=-1 for the last{one_hot}"
    )


def _objection(column: NDArray[Any], words: list[str] | None) -> str | None:
    """The reason why a column cannot be the label; None if it can."""
    if words is not None:
        return _objection_to_words(words)
    wrong = np.flatnonzero(not_pixels(column))
    if len(wrong):
        return f"it holds {column[wrong[0]]:g}, no whole number of 0 to {MAX_LABEL}"
    distinct = len(np.unique(column))
    if distinct == 1:
        return f"it holds only {column[0]:g}"
    if distinct == len(column) > 2:
        return "no value occurs twice"
    return None


def _objection_to_words(words: list[str]) -> str | None:
    if len(words) > MAX_LABEL + 1:
        return f"it holds {len(words)} different words"
    return f"it holds only {words[0]!r:.60}" if len(words) == 1 else None


def _holds_measures(text: CsvText, column: int) -> bool:
    """Whether the first rows hold numbers that cannot be labels; such a column is read as numbers at once."""
    numbers = [as_number(row[column], text.decimal) for row in text.sample if column < len(row)]
    return any(number is not None and not (0 <= number <= MAX_LABEL and number % 1 == 0) for number in numbers)


def _one_hot_width(text: CsvText, values: NDArray[Any]) -> int:
    """The width of leading one-hot columns: the fewest, at least two, with one 1 and else 0 in every row; or 0."""
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
            f"{width} columns could be one-hot with classes that never occur; say n_classes_one_hot={width}, or 0 if "
            "there is one label column, and label=0 or label=-1"
        )
    return width
