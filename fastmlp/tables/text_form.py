"""The form of a text file of a raw table: its separator, its decimal mark, and the names of its columns."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._base import check
from .._base.errors import DataFileError
from ..datasets._open import reading
from ..datasets.dialect import SEPARATORS, opened_text, text_lines

_SAMPLE_ROWS = 1000
WITH_COMMA = re.compile(r"[-+]?\d*,\d+", re.ASCII)
_WITH_POINT = re.compile(r"[-+]?\d*\.\d+", re.ASCII)


@dataclass(frozen=True)
class TextForm:
    """Where the fields of a text file are, and what its columns are called."""

    path: Path
    names: tuple[str, ...]  # of all columns; "" if the header gives none
    has_header: bool
    header_lines: int
    separator: str
    decimal: str

    @property
    def n_columns(self) -> int:
        """How many fields a row has."""
        return len(self.names)

    @property
    def between(self) -> str:
        """The separator, in words."""
        return SEPARATORS.get(self.separator, f"{self.separator!r}s")

    def column_name(self, place: int) -> str:
        """A column, in words."""
        return f"column {place + 1}" + (f" ({self.names[place]!r:.60})" if self.has_header else "")


def form_of(
    path: Any, separator: str = "auto", decimal: str = "auto", asked: Collection[str] = (), usual_decimal: str = "."
) -> TextForm:
    """Find the form of a file by its first rows.

    Without a header, columns are called column_1, column_2, …. The decimal mark "auto" is a comma where it can be
    nothing else: it does not separate fields, no number has a point, and some number has not three digits behind it.
    If the file leaves it open, it is the usual one.
    """
    check.choice(decimal, "decimal", (".", ",", "auto"))
    text = opened_text(path, separator, "." if decimal == "auto" else decimal, None, asked)
    names = tuple(text.header or (f"column_{place + 1}" for place in range(text.n_columns)))
    form = TextForm(text.path, names, text.header is not None, text.header_lines, text.separator, decimal)
    return form if decimal != "auto" else replace(form, decimal=_decimal_in(form, usual_decimal))


def _decimal_in(form: TextForm, usual: str) -> str:
    if form.separator == ",":
        return "."
    rows = itertools.islice(text_rows(form, form.header_lines), _SAMPLE_ROWS)
    fields = [field.strip() for _, row in rows for field in row]
    if any(_WITH_POINT.fullmatch(field) for field in fields):
        return "."
    return "," if any(len(field.partition(",")[2]) != 3 for field in fields if WITH_COMMA.fullmatch(field)) else usual


def text_rows(form: TextForm, first_line: int) -> Iterator[tuple[int, list[str]]]:
    """The rows below some lines, each with the number of its last line; rows of another width are refused."""
    lines = itertools.islice(_checked_lines(form), first_line, None)
    records = csv.reader(lines, delimiter=form.separator, skipinitialspace=form.separator != " ", strict=True)
    while True:
        start = first_line + records.line_num + 1  # a quote that is not closed shows only at the end of the file
        try:
            with reading(form.path):
                row = next(records, None)
        except DataFileError as error:
            if isinstance(error.__cause__, csv.Error):
                raise DataFileError(_at(form, start, _fault_of(error.__cause__))) from error
            raise
        if row is None:
            return
        if len(row) != form.n_columns:
            if not any(field.strip() for field in row) and len(row) <= 1:
                continue
            raise DataFileError(_at(form, first_line + records.line_num, _other_width(form, row)))
        yield first_line + records.line_num, row


def _checked_lines(form: TextForm) -> Iterator[str]:
    for number, line in enumerate(text_lines(form.path), 1):
        if "\0" in line:
            raise DataFileError(_at(form, number, "expected text, found a null byte; is it binary, or in UTF-16?"))
        yield line


def _other_width(form: TextForm, row: list[str]) -> str:
    return (
        f"expected {form.n_columns} fields, as in line 1, found {len(row)} (with {form.between} between them); "
        "complete or remove the line, or put fields with such a character in double quotes"
    )


def _fault_of(error: csv.Error) -> str:
    return f'expected fields with each quote closed, found {error}; is a quote missing? (" within quotes is written "")'


def _at(form: TextForm, line: int, what: str) -> str:
    return f"{form.path}: line {line}: {what}"


def line_of_row(form: TextForm, row: int) -> int:
    """The last line of a row, which are counted from 0."""
    return next(itertools.islice(text_rows(form, form.header_lines), row, None))[0]
