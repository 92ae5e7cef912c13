"""Finds the form of a CSV file: its separator, its decimal mark, and its header."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError, DataFileError
from ._open import check_expansion, existing_file, first_bytes, open_bytes, reading

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
LONGEST_LINE = 1 << 22  # parsing a field takes far more memory than its text
LABEL_NAMES = frozenset({"label", "labels", "class", "target"})

MOST_COLUMNS = 300_000  # each field of a line takes 200 bytes while the line is parsed

_SAMPLE_LINES, _SAMPLE_SIZE, _SAMPLE_FIELDS = 20, 1 << 20, 1000
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE | re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?(inf|infinity|nan)", re.IGNORECASE | re.ASCII)
_NUMBERED_HEADER = 8  # columns 0, 1, … of a table without names; fewer could be data


class CsvText(NamedTuple):
    """The form of a CSV file, and where its numbers begin."""

    path: Path
    header: list[str] | None  # column names, if the first record holds names
    n_columns: int
    header_lines: int = 0  # a quoted name may span several lines
    separator: str = ","
    decimal: str = "."
    sample: tuple[tuple[str, ...], ...] = ()  # the first rows, as far as they were read

    def column_name(self, column: int) -> str:
        return f"column {column + 1}" + (f" ({self.header[column]!r:.60})" if self.header else "")

    @property
    def between(self) -> str:
        """The separator, in words."""
        return SEPARATORS.get(self.separator, f"{self.separator!r}s")


def opened_text(
    path: Any,
    separator: Any = "auto",
    decimal: Any = ".",
    known: tuple[str, ...] | None = None,
    asked: Collection[str] = (),
) -> CsvText:
    """Read the first lines of a file to find the separator, the number of fields, and whether they are names.

    The names ``known`` of earlier data are names even if they are numbers. A first line with a name that is ``asked``
    for holds names, whatever the others look like.
    """
    decimal = check.choice(decimal, "decimal", (".", ","))
    _check_separator(separator, decimal)
    file_path = existing_file(path)
    check_expansion(file_path)
    if first_bytes(file_path, 2) in _UTF16:
        raise DataFileError(f"{file_path}: expected text in UTF-8, found UTF-16; save it as CSV in UTF-8")
    lines = _first_lines(file_path)
    chosen = max(SEPARATORS, key=lambda mark: _fits(lines, mark)) if separator == "auto" else separator
    records, ends = _records(file_path, lines, chosen)
    fields = [field.strip() for field in records[0]]
    rows = tuple(map(tuple, records))
    if not (_is_header(fields) or _names_all(fields, known or ()) or any(name in fields for name in asked)):
        return CsvText(file_path, None, len(fields), 0, chosen, decimal, rows)
    _check_names(file_path, fields)
    return CsvText(file_path, fields, len(fields), ends, chosen, decimal, rows[1:])


def as_number(field: str, decimal: str = ".") -> float | None:
    """The number in ``field``, which may be NaN or infinity; None if it is not a number."""
    text = field.strip()
    if decimal == "," and not _NOT_FINITE.fullmatch(text):
        text = "" if "." in text else text.replace(",", ".")
    if _NUMBER.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return float(text)
    return None


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a text file with any line ends; too long lines are refused to protect the memory."""
    with reading(path), io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", newline=None) as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise DataFileError(
                    f"{path}: line {number}: expected at most {LONGEST_LINE:,} characters, found more; is it "
                    "a table of rows? Save wider rows with numpy.save"
                )
            yield line


def is_number_of_any_kind(field: str) -> bool:
    """Whether it may be a field of a row of data: a number with either decimal mark, or a missing value."""
    return not field or as_number(field) is not None or as_number(field, ",") is not None


# ---------------------------------------------------------------- looking at the first lines


def _check_separator(separator: Any, decimal: str) -> None:
    if not isinstance(separator, str):
        raise ArgumentTypeError(f"separator must be one character or 'auto', not {separator!r:.60}")
    if separator == "auto":
        return
    if len(separator) != 1 or separator.isalnum() or separator in "\"'\r\n.+-\0":
        raise ArgumentError(
            f"separator must be 'auto' or one character, such as ',', ';' or '\\t', not {separator!r:.60}"
        )
    if separator == decimal:
        raise ArgumentError(f"separator and decimal must be different characters, not both {separator!r}")


def _first_lines(path: Path) -> list[str]:
    lines: list[str] = []
    size = 0
    for line in text_lines(path):
        if not lines and "\0" in line:
            raise DataFileError(
                f"{path}: expected text with separators, found binary data (or UTF-16); save it as CSV in UTF-8"
            )
        lines.append(line)
        size += len(line)
        if len(lines) == _SAMPLE_LINES or size > _SAMPLE_SIZE:
            break
    if not lines or not lines[0].strip():
        raise DataFileError(f"{path}: expected separated values, found an empty first line; remove empty lines")
    if max(map(lines[0].count, SEPARATORS)) >= MOST_COLUMNS:
        raise DataFileError(
            f"{path}: line 1: expected at most {MOST_COLUMNS:,} fields, found more; is it a table of rows?"
        )
    return lines


def _fits(lines: list[str], separator: str) -> tuple[bool, bool, float, int]:
    """How well it separates: into several fields, into the same number in all lines, into numbers, into many."""
    try:
        records = [record for record in csv.reader(lines, delimiter=separator, skipinitialspace=True) if record]
    except csv.Error:  # without separators, a long line is one long field
        return (False, False, 0.0, 0)
    fields = [field.strip() for record in records for field in record[:_SAMPLE_FIELDS]]
    numbers = sum(map(is_number_of_any_kind, fields)) / len(fields)
    width = len(records[0])
    return (width > 1, all(len(record) == width for record in records), numbers, width)


def _records(path: Path, lines: list[str], separator: str) -> tuple[list[list[str]], int]:
    """The records of the first lines, and the number of lines of the first one."""
    with reading(path, "a CSV file", f"are its fields separated by {SEPARATORS.get(separator, repr(separator))}?"):
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator != " ")
        first = next(reader)
        ends = reader.line_num
        records = [first, *(record for record in reader if record)]
    if ends > 1 and "".join(lines[:ends]).count('"') % 2:
        raise DataFileError(f"{path}: line 1: expected each quote to be closed, found one that is not; close it")
    # If the sample ends within quotes, its last record is incomplete.
    return records[: max(1, len(records) - 1)] if len(lines) == _SAMPLE_LINES else records, ends


def _is_header(fields: list[str]) -> bool:
    n_words = sum(not is_number_of_any_kind(field) for field in fields)
    numbered = len(fields) >= _NUMBERED_HEADER and fields == [str(i) for i in range(len(fields))]
    named = any(field.lower() in LABEL_NAMES | {"y"} for field in fields)
    return numbered or named or n_words > 1 or (n_words == len(fields) == 1)


def _names_all(fields: list[str], known: tuple[str, ...]) -> bool:
    """Whether fields are the names of all known columns, without other numbers; a single number may be data."""
    strange = [field for field in fields if field not in known and is_number_of_any_kind(field)]
    return len(known) > 1 and not strange and all(fields.count(name) == 1 for name in known)


def _check_names(path: Path, header: list[str]) -> None:
    """Refuse two columns of the same name, because columns are found by name."""
    place: dict[str, int] = {}
    for column, name in enumerate(header):
        if name and place.setdefault(name, column) != column:
            raise DataFileError(
                f"{path}: expected a name of its own for each column in the header, found {name!r:.60} for columns "
                f"{place[name] + 1} and {column + 1}; rename one"
            )
