"""CSV text to numbers: a fast way for whole numbers of 0 to 255, and an exact way for everything else.

The fast way reads blocks of bytes and does arithmetic on the positions of commas; it gives up, without
judging, on whatever it does not know. The exact way is ``numpy.loadtxt``. When that fails too, the file is
read once more, line by line, to say where the fault is.
"""

import csv
import io
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from .._errors import DataFileError
from ._open import open_bytes, reading

_BLOCK = 1 << 20
_COMMA, _NEWLINE, _ZERO = 44, 10, 48
_LONGEST_LINE = 1 << 26
_FLOAT32_MAX = float(np.finfo(np.float32).max)


class CsvText(NamedTuple):
    """Where the numbers of a CSV file are."""

    path: Path
    header: list[str] | None  # names of the columns, if the first line holds names
    n_columns: int

    def column_name(self, column: int) -> str:
        return f"column {column + 1}" + (f" ({self.header[column]!r})" if self.header else "")


def first_fields(path: Path) -> list[str]:
    """The fields of the first line, without the spaces around them."""
    with reading(path), open_bytes(path) as file:
        line = file.readline(_LONGEST_LINE)
    if b"\0" in line:
        raise DataFileError(
            f"{path}: expected comma-separated text, found binary data (or UTF-16); save it as CSV in UTF-8"
        )
    with reading(path):
        text = line.decode("utf-8-sig").strip()
    if not text:
        raise DataFileError(f"{path}: expected comma-separated values, found an empty first line; remove empty lines")
    if "," not in text and (";" in text or "\t" in text):
        found = "semicolons" if ";" in text else "tabs"
        raise DataFileError(f"{path}: expected commas between the fields, found {found}; save it with commas")
    return [field.strip() for field in next(csv.reader([text]))]


def read_small_integers(text: CsvText) -> NDArray[np.uint8] | None:
    """All rows, (n, n_columns), if every field is 1 to 3 digits and at most 255; otherwise None."""
    blocks = []
    with reading(text.path), open_bytes(text.path) as file:
        if text.header is not None:
            file.readline()
        while lines := file.read(_BLOCK):
            lines += file.readline(_LONGEST_LINE)
            block = _parse_small_integers(lines, text.n_columns)
            if block is None:
                return None
            blocks.append(block)
    return np.concatenate(blocks) if blocks else None


def _parse_small_integers(lines: bytes, n_columns: int) -> NDArray[np.uint8] | None:
    lines = lines.replace(b"\r\n", b"\n")
    if not lines.endswith(b"\n"):
        lines += b"\n"
    text = np.frombuffer(lines, dtype=np.uint8)
    is_newline = text == _NEWLINE
    ends = np.flatnonzero(is_newline | (text == _COMMA))
    n_rows, left_over = divmod(len(ends), n_columns)
    row_ends = ends[n_columns - 1 :: n_columns]
    if left_over or np.count_nonzero(is_newline) != n_rows or not is_newline[row_ends].all():
        return None
    lengths = np.diff(ends, prepend=-1) - 1
    digits = text - np.uint8(_ZERO)  # wraps around below zero: everything but a digit is above 9
    if lengths.min() < 1 or lengths.max() > 3 or np.count_nonzero(digits <= 9) != len(text) - len(ends):
        return None
    values = digits[ends - 1].astype(np.uint16)
    # Most pixels are 0: the fields that have tens and hundreds are few, and looked up alone.
    for place, worth in ((2, 10), (3, 100)):
        has_place = np.flatnonzero(lengths >= place)
        values[has_place] += np.uint16(worth) * digits[ends[has_place] - place].astype(np.uint16)
    return values.astype(np.uint8).reshape(n_rows, n_columns) if values.max() <= 255 else None


def read_numbers(text: CsvText, as_number: Mapping[int, Callable[[str], float]]) -> NDArray[np.float64]:
    """All rows, (n, n_columns), in float64; ``as_number`` turns fields of columns that may hold words into numbers."""
    converters: dict[int | str, Callable[[str], float]] = dict(as_number.items())
    with reading(text.path), _open_text(text.path) as lines:
        if text.header is not None:
            lines.readline()
        try:
            values: NDArray[np.float64] = np.loadtxt(
                lines,
                dtype=np.float64,
                delimiter=",",
                comments=None,
                quotechar='"',
                ndmin=2,
                encoding="utf-8",
                converters=converters,
            )
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            _raise_where(text, as_number, str(error))
    if values.shape[1] != text.n_columns:
        _raise_where(text, as_number, f"found {values.shape[1]} columns")
    if not _all_finite(values, as_number):
        _raise_where(text, as_number, "found NaN or infinity")
    return values


def _all_finite(values: NDArray[np.float64], without: Iterable[int]) -> bool:
    """Whether float32 can hold every feature."""
    # In blocks: for a large file, a second array of its size is memory that may not be there.
    for start in range(0, len(values), 4096):
        rows = values[start : start + 4096]
        features = np.delete(rows, list(without), axis=1) if without else rows
        if not (np.abs(features) <= _FLOAT32_MAX).all():
            return False
    return True


def require_rows(text: CsvText) -> None:
    """Raise if there is no row of numbers."""
    with reading(text.path), _open_text(text.path) as lines:
        if text.header is not None:
            lines.readline()
        if not any(line.strip() for line in lines):
            raise DataFileError(f"{text.path}: expected rows of numbers below the header, found none; is it complete?")


def _raise_where(text: CsvText, words: Container[int], reason: str) -> NoReturn:
    """Read the file line by line to the first fault, and raise an error that says where it is."""
    with reading(text.path), _open_text(text.path) as lines:
        rows = csv.reader(lines)
        for fields in rows:
            if not fields or (text.header is not None and rows.line_num == 1):
                continue
            fault = _fault(text, fields, words)
            if fault:
                raise DataFileError(f"{text.path}: line {rows.line_num}: {fault}")
    raise DataFileError(f"{text.path}: expected rows of numbers with commas between them, but {reason}")


def _fault(text: CsvText, fields: list[str], words: Container[int]) -> str | None:
    if len(fields) != text.n_columns:
        return f"expected {text.n_columns} fields, as in line 1, found {len(fields)}; complete or remove "
        "the line"
    for column, field in enumerate(fields):
        if column in words:
            continue
        try:
            number = float(field)
        except ValueError:
            found = f"found {field!r}" if field.strip() else "found nothing"
            return f"{text.column_name(column)}: expected a number, {found}; replace it by a number"
        if not abs(number) <= _FLOAT32_MAX:
            return (
                f"{text.column_name(column)}: expected a finite number, found {field.strip()}; drop the row "
                "or fill in a value"
            )
    return None


def _open_text(path: Path) -> io.TextIOWrapper:
    binary: Any = open_bytes(path)
    return io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
