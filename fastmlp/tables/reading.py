"""Reads raw tables from files: text with separators, Parquet and Feather."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, DataFileError
from .._base.types import Array
from ..datasets._open import existing_file, first_bytes
from . import column_files
from .columns import Columns
from .pieces import Parse, pieces_of
from .readers import best_parser
from .spelling import KINDS, NUMBER, TEXT, Spelled, StrangeFieldError
from .text_form import TextForm, form_of, line_of_row

_NO_TABLES = {
    b"PK\x03\x04": "a zip file, such as a spreadsheet or an NPZ file; save the table as CSV",
    b"\x93NUMPY": "an array of NumPy, which names no columns; save the table as CSV",
    b"\0\0\x08": "images in IDX format, which names no columns",
    b"SQLite": "a database; save the table as CSV",
}
_SHOULD_BE = {NUMBER: "a number", TEXT: "a text", "truth": "True or False", "date": "a date such as 2024-02-29"}


@dataclass(frozen=True)
class RawFile:
    """A file of a raw table whose form is known, but whose rows have not been read.

    Attributes
    ----------
    path : Path
    names : tuple of str
        The columns, without those that the header gives no name.
    form : TextForm or None
        For text, not for Parquet and Feather.
    nameless : tuple of int
        The places of the columns without a name, from 0.
    """

    path: Path
    names: tuple[str, ...]
    form: TextForm | None = None
    nameless: tuple[int, ...] = ()


def opened(
    path: Any, separator: str = "auto", decimal: str = "auto", asked: Sequence[str] = (), usual_decimal: str = "."
) -> RawFile:
    """Find the form of a file, by its content; a first line with a name that is ``asked`` for is a header."""
    file = existing_file(path)
    start = first_bytes(file, 8)
    for magic, found in _NO_TABLES.items():
        if start.startswith(magic):
            raise DataFileError(f"{file}: expected a table with named columns, found {found}")
    if column_files.is_one(start):
        return RawFile(file, column_files.names_in(file))
    form = form_of(file, separator, decimal, asked, usual_decimal)
    nameless = tuple(place for place, name in enumerate(form.names) if not name)
    return RawFile(file, tuple(name for name in form.names if name), form, nameless)


def read_table(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    separator: str = "auto",
    decimal: str = "auto",
) -> Columns:
    r"""Read a raw table with columns of any kind from a CSV, Parquet or Feather file.

    A column of a text file is what all its fields are: numbers; True and False (also true, TRUE); ISO dates, such as
    2024-02-29 or 2024-02-29T08:30:00Z; otherwise texts, without spaces around them. Empty fields and ``?``, NA, N/A,
    n/a, #N/A, <NA>, NaN, nan, null and NULL are missing. Whole numbers above 2⁵³, and those with leading zeros such as
    01307, are identities and codes, and read as texts. Columns of Parquet and Feather files have their types; see
    `fastmlp.tables.columns_of`.

    The first line of a text file names the columns. (If it looks like a row of numbers, columns are called column_1,
    column_2, …) Columns without a name are left out. The file may be gzip, and its lines may end in LF, CRLF or CR.

    pyarrow or polars make it faster where they are installed; the result is the same.

    Parameters
    ----------
    path : str or path
    columns : list of str, optional
        The columns to read, in this order. Default: all.
    kinds : dict, optional
        "number", "truth", "date" or "text" for columns whose kind is known, such as that of training data. Then a field
        of another kind is an error, and no column of numbers becomes one of texts because of a typing mistake.
    separator : str, default "auto"
        The character between fields. "auto" finds the comma, semicolon or tab that divides the first lines into the
        same number of fields.
    decimal : {"auto", ".", ","}, default "auto"
        The decimal mark. "auto" is a comma only where it can be nothing else: fields are not separated by commas, no
        number has a point, and not all numbers have three digits behind the comma.

    Returns
    -------
    fastmlp.tables.Columns
        A dict of arrays by name: float64 with NaN, bool, datetime64 with NaT, or objects, which are str or None.

    Raises
    ------
    DataFileError
        If the file is missing, damaged or no table; a row has another number of fields; a number is infinite; or a
        field is not of the kind that is known. The message names line and column.
    ArgumentError
        If there is no such column.
    MissingExtraError
        For Parquet and Feather files without pyarrow or polars.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "people.csv"
    ...     _ = path.write_text("age;city;member\n31;Rome;True\nNA;Oslo;False\n")
    ...     table = read_table(path)
    >>> table["age"], table["city"].tolist(), table["member"]
    (array([31., nan]), ['Rome', 'Oslo'], array([ True, False]))
    """
    file = opened(path, separator, decimal, columns or ())
    return read(file, columns, kinds)[0]


def read(
    file: RawFile, columns: Sequence[str] | None = None, kinds: Mapping[str, str] | None = None
) -> tuple[Columns, dict[str, str]]:
    """Read columns of a file, and say of which kind each is."""
    names = _chosen(file, columns)
    known = _checked_kinds(kinds)
    if file.form is None:
        return column_files.read(file.path, names)
    parse = best_parser(file.path.stat().st_size)
    done: dict[str, Spelled] = {}
    todo = {name: Spelled(known.get(name), file.form.decimal) for name in names}
    while todo:
        _fill(file, todo, parse)
        done |= todo
        # Earlier spellings of what turned out to be text are lost, so it is read once more.
        todo = {name: Spelled(TEXT) for name, column in todo.items() if column.must_be_read_again}
    return _finished(file, {name: done[name] for name in names})


def blocks(file: RawFile, columns: Sequence[str], kinds: Mapping[str, str]) -> Iterator[Columns]:
    """Some rows at a time, for files larger than memory; all kinds must be known."""
    names, known = _chosen(file, columns), _checked_kinds(kinds)
    if file.form is None:
        yield from column_files.blocks(file.path, names)
        return
    parse = best_parser(file.path.stat().st_size)
    start = 0
    for fields in pieces_of(file.form, _places(file.form, names), parse):
        some = {name: Spelled(known[name], file.form.decimal) for name in names}
        _add(file, some, fields, start)
        start += len(fields[0])
        yield _finished(file, some, start - len(fields[0]))[0]


def _chosen(file: RawFile, columns: Sequence[str] | None) -> list[str]:
    """The names of the columns to read."""
    if columns is None:
        return list(file.names)
    names = [str(name) for name in check.items(columns, "columns", "names")]
    known = set(file.names)
    if missing := [name for name in names if name not in known]:
        raise ArgumentError(f"{file.path} has no column {missing[0]!r:.60}; it has {check.some(file.names)}")
    return list(dict.fromkeys(names))


def _checked_kinds(kinds: Mapping[str, str] | None) -> dict[str, str]:
    return {name: check.choice(kind, f"kinds[{name!r:.60}]", KINDS) for name, kind in (kinds or {}).items()}


def _places(form: TextForm, names: Sequence[str]) -> list[int]:
    place_of = {name: place for place, name in enumerate(form.names)}
    return [place_of[name] for name in names]


def _fill(file: RawFile, columns: dict[str, Spelled], parse: Parse) -> None:
    """Read all rows into columns."""
    assert file.form is not None
    rows = 0
    for fields in pieces_of(file.form, _places(file.form, list(columns)), parse):
        _add(file, columns, fields, rows)
        rows += len(fields[0])
    if rows == 0:
        raise DataFileError(f"{file.path}: expected rows below the names of the columns, found none; is it complete?")


def _add(file: RawFile, columns: dict[str, Spelled], fields: list[Any], start: int) -> None:
    for (name, column), some in zip(columns.items(), fields, strict=True):
        try:
            column.add(some)
        except StrangeFieldError as strange:
            expected = _SHOULD_BE[column.kind or TEXT]
            found = f"expected {expected}, as in the training data, found {strange.field!r:.60}"
            raise _fault(file, name, start + strange.place, f"{found}; correct it, or leave the field empty") from None


def _finished(file: RawFile, columns: dict[str, Spelled], start: int = 0) -> tuple[Columns, dict[str, str]]:
    arrays: dict[str, Array] = {}
    for name, column in columns.items():
        arrays[name] = column.values()
        if arrays[name].dtype.kind == "f" and (infinite := np.flatnonzero(np.isinf(arrays[name]))).size:
            row = start + int(infinite[0])
            raise _fault(file, name, row, "expected a finite number, found an infinite one; drop the row or correct it")
    return Columns(arrays), {name: column.kind for name, column in columns.items() if column.kind is not None}


def _fault(file: RawFile, name: str, row: int, what: str) -> DataFileError:
    form = file.form
    assert form is not None
    place = form.column_name(form.names.index(name))
    return DataFileError(f"{file.path}: line {line_of_row(form, row)}: {place}: {what}")
