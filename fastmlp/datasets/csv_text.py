"""Parses CSV text: a fast way for whole numbers from 0 to 255, and an exact way for everything else.

The fast way reads blocks of bytes and does arithmetic on the positions of separators; it gives up on everything that
it does not know. The exact way is ``numpy.loadtxt``. If that fails too, the file is read once more, line by line, to
find the fault.
"""

import csv
import itertools
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from .._base.errors import DataFileError
from ._open import open_bytes, reading
from .dialect import LONGEST_LINE, CsvText, as_number, text_lines

_BLOCK = 1 << 20
_NEWLINE, _ZERO = 10, 48
_PIXELS = "a whole number of 0 to 255, as for pixels"


class NoNumberError(DataFileError):
    """A field is not the number that a column of numbers needs; a table with columns of any kind may hold it."""


AsNumber = Mapping[int, Callable[[str], float]]


def read_small_integers(text: CsvText) -> NDArray[np.uint8] | None:
    """All rows, (n, n_columns), if every field is 1 to 3 digits and at most 255; otherwise None."""
    blocks = []
    with reading(text.path), open_bytes(text.path) as file:
        if text.header is not None:
            header = file.readline(LONGEST_LINE)
            if text.header_lines > 1 or b"\r" in header.removesuffix(b"\n").removesuffix(b"\r"):
                return None
        while lines := file.read(_BLOCK):
            lines += file.readline(LONGEST_LINE)
            block = _parse_small_integers(lines, text.n_columns, ord(text.separator))
            if block is None:
                return None
            blocks.append(block)
    return np.concatenate(blocks) if blocks else None


def _parse_small_integers(lines: bytes, n_columns: int, separator: int) -> NDArray[np.uint8] | None:
    if separator > 127:
        return None
    lines = lines.replace(b"\r\n", b"\n")
    if not lines.endswith(b"\n"):
        lines += b"\n"
    text = np.frombuffer(lines, dtype=np.uint8)
    is_newline = text == _NEWLINE
    ends = np.flatnonzero(is_newline | (text == separator))
    n_rows, left_over = divmod(len(ends), n_columns)
    row_ends = ends[n_columns - 1 :: n_columns]
    if left_over or np.count_nonzero(is_newline) != n_rows or not is_newline[row_ends].all():
        return None
    lengths = np.diff(ends, prepend=-1) - 1
    digits = text - np.uint8(_ZERO)  # wraps around below zero, so that all but digits are above 9
    if lengths.min() < 1 or lengths.max() > 3 or np.count_nonzero(digits <= 9) != len(text) - len(ends):
        return None
    values = digits[ends - 1].astype(np.uint16)
    # Most pixels are 0: few fields have tens and hundreds, so only these are looked up.
    for place, worth in ((2, 10), (3, 100)):
        has_place = np.flatnonzero(lengths >= place)
        values[has_place] += np.uint16(worth) * digits[ends[has_place] - place].astype(np.uint16)
    return values.astype(np.uint8).reshape(n_rows, n_columns) if values.max() <= 255 else None


def read_numbers(text: CsvText, special: AsNumber, *, pixels: bool = False) -> NDArray[np.float64]:
    """All rows, (n, n_columns), in float64; ``special`` converts the fields of columns that may hold words.

    The other columns must hold finite numbers, and with ``pixels`` whole numbers from 0 to 255.
    """
    converters = dict(special)
    if text.decimal == ",":
        converters = dict.fromkeys(range(text.n_columns), _decimal_comma) | converters
    try:
        with reading(text.path):
            values = _loadtxt(_data_lines(text), text.separator, converters)
    except DataFileError as error:
        # For a field that is not a number, NumPy raises ValueError without the line of the file.
        if isinstance(error.__cause__, ValueError) and not isinstance(error.__cause__, UnicodeError):
            _raise_where(text, special, pixels, str(error.__cause__))
        raise
    if values.shape[1] != text.n_columns:
        _raise_where(text, special, pixels, f"found {values.shape[1]} columns")
    if not _all_allowed(values, special, pixels):
        _raise_where(text, special, pixels, "found others")
    return values


def _loadtxt(lines: Iterator[str], separator: str, converters: AsNumber) -> NDArray[np.float64]:
    by_column: dict[int | str, Callable[[str], float]] = dict(converters.items())
    values: NDArray[np.float64] = np.loadtxt(
        lines,
        dtype=np.float64,
        delimiter=separator,
        comments=None,
        quotechar='"',
        ndmin=2,
        encoding="utf-8",
        converters=by_column,
    )
    return values


def _decimal_comma(field: str) -> float:
    number = as_number(field, ",")
    if number is None:
        raise ValueError("not a number")
    return number


def _all_allowed(values: NDArray[np.float64], without: Collection[int], pixels: bool) -> bool:
    # In blocks, because a second array of the size of a large file may not fit into memory.
    for start in range(0, len(values), 4096):
        rows = values[start : start + 4096]
        features = np.delete(rows, list(without), axis=1) if without else rows
        if not np.isfinite(features).all():
            return False
        if pixels and ((features < 0) | (features > 255) | (features != np.floor(features))).any():
            return False
    return True


def require_rows(text: CsvText) -> None:
    """Raise an error if there is no row of numbers."""
    if not any(line.strip() for line in _data_lines(text)):
        raise DataFileError(f"{text.path}: expected rows of numbers below the header, found none; is it complete?")


def _data_lines(text: CsvText) -> Iterator[str]:
    """The lines below the header, without spaces before quotes, because NumPy takes such a quote for a word."""
    gap = re.compile(re.escape(text.separator) + r' +"(?!")')
    for line in itertools.islice(text_lines(text.path), text.header_lines, None):
        yield gap.sub(f'{text.separator}"'.replace("\\", r"\\"), line) if '"' in line else line


def _raise_where(text: CsvText, words: Collection[int], pixels: bool, reason: str) -> NoReturn:
    """Read the file line by line to the first fault, and raise an error with its place."""
    expected = f"rows of {_PIXELS if pixels else 'numbers'} with {text.between} between them"
    with reading(text.path, expected, "is a quote missing?"):
        rows = csv.reader(_data_lines(text), delimiter=text.separator)
        for fields in rows:
            if fields and (fault := _fault(text, fields, words, pixels)):
                kind = DataFileError if len(fields) != text.n_columns else NoNumberError
                raise kind(f"{text.path}: line {text.header_lines + rows.line_num}: {fault}")
    raise DataFileError(f"{text.path}: expected {expected}, but {reason}")


def one_line(field: str) -> str:
    """Refuse a field over several lines, which an open quote makes from the rows that follow."""
    if "\n" in field:
        raise ValueError("a field goes over several lines")
    return field


def _fault(text: CsvText, fields: list[str], words: Collection[int], pixels: bool) -> str | None:
    if len(fields) != text.n_columns:
        return (
            f"expected {text.n_columns} fields, as in line 1, found {len(fields)} (with {text.between} between them); "
            "complete or remove the line"
        )
    for column, field in enumerate(fields):
        if column in words:
            if "\n" in field:
                return (
                    f"{text.column_name(column)}: expected a word, found {field!r:.60}, which goes over several lines; "
                    "is a quote not closed?"
                )
            continue
        number = as_number(field, text.decimal)
        if number is None:
            found = f"found {field!r:.60}" if field.strip() else "found nothing"
            return f"{text.column_name(column)}: expected a number, {found}; {_number_remedy(text, field)}"
        if not math.isfinite(number):
            return (
                f"{text.column_name(column)}: expected a finite number, found {field.strip():.60}; drop the row "
                "or fill in a value"
            )
        if pixels and not (0 <= number <= 255 and number == math.floor(number)):
            return (
                f"{text.column_name(column)}: expected {_PIXELS}, found {field.strip():.60}; if the features are not "
                "pixels, leave dtype='uint8' out"
            )
    return None


def _number_remedy(text: CsvText, field: str) -> str:
    other = "," if text.decimal == "." else "."
    if as_number(field, other) is None:
        return "replace it by a number"
    mark = "comma" if other == "," else "point"
    return f"if this is a decimal {mark}, say decimal='{other}'; else replace it"
