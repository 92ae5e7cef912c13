"""Divides a text file into pieces of whole rows, and the pieces into fields.

Most files are plain: each quote stands beside a separator, and each row has as many fields as the first. A few passes
over the bytes of a piece show it, and a reader may then take the piece in any way. Python's ``csv`` reads a file from
the first piece that is not plain, and finds its faults.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .._base.types import Array
from ..datasets._open import open_bytes, reading
from ..datasets.dialect import LONGEST_LINE
from .text_form import TextForm, text_rows

SIZE = 1 << 20  # bytes of a piece
_LONGEST_ROW = 1 << 24
_NEWLINE, _RETURN, _QUOTE = b"\n"[0], b"\r"[0], b'"'[0]
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Parse = Callable[[bytes, TextForm, Sequence[int]], list[Any]]


def pieces_of(form: TextForm, places: Sequence[int], parse: Parse) -> Iterator[list[Any]]:
    """The fields of all rows, some rows at a time, of the columns at these places.

    Each element has a list of texts for each place, or what ``parse`` makes of them.
    """
    lines = form.header_lines
    for text in _plain(form):
        if text is None:
            yield from _by_rows(form, places, lines)
            return
        yield _parsed(text, form, places, parse)
        lines += text.count(b"\n")


def _parsed(text: bytes, form: TextForm, places: Sequence[int], parse: Parse) -> list[Any]:
    """The fields as ``parse`` finds them, or as we do if another library fails."""
    with reading(form.path):
        text.decode()  # other libraries replace wrong bytes
        if parse is not parse_here:
            with contextlib.suppress(Exception):
                columns = parse(text, form, places)
                if len({len(column) for column in columns} | {rows_in(text)}) == 1:
                    return columns
        return list(parse_here(text, form, places))


def rows_in(text: bytes) -> int:
    """How many rows a plain piece has."""
    data = np.frombuffer(text, np.uint8)
    newlines = np.flatnonzero(data == _NEWLINE)
    return len(_outside(newlines, np.flatnonzero(data == _QUOTE))) + (not text.endswith(b"\n"))


def parse_here(text: bytes, form: TextForm, places: Sequence[int]) -> list[list[str]]:
    """The fields of a plain piece, without another library."""
    decoded = text.decode()
    if '"' in decoded:
        rows = csv.reader(io.StringIO(decoded, newline=""), delimiter=form.separator)
        columns = list(zip(*rows, strict=True))
        return [list(columns[place]) for place in places]
    decoded = decoded.replace("\r\n", "\n").removesuffix("\n")
    fields = decoded.replace("\n", form.separator).split(form.separator)
    return [fields[place :: form.n_columns] for place in places]


def _by_rows(form: TextForm, places: Sequence[int], lines: int) -> Iterator[list[list[str]]]:
    rows: list[list[str]] = []
    size = 0
    for _, row in text_rows(form, lines):
        rows.append(row)
        size += sum(map(len, row)) + len(row)
        if size > SIZE:
            yield _turned(rows, places)
            rows, size = [], 0
    if rows:
        yield _turned(rows, places)


def _turned(rows: list[list[str]], places: Sequence[int]) -> list[list[str]]:
    return [[row[place] for row in rows] for place in places]


# ---------------------------------------------------------------- plain pieces


def _plain(form: TextForm) -> Iterator[bytes | None]:
    """Pieces of whole plain rows; None, the last one, where the file is not plain."""
    with reading(form.path), open_bytes(form.path) as file:
        header = b"".join(file.readline(LONGEST_LINE) for _ in range(form.header_lines))
        if b"\r" in header.replace(b"\r\n", b"") or ord(form.separator) > 127:
            yield None
            return
        rest, is_first = b"", not form.header_lines
        while True:
            read = file.read(SIZE)
            text = rest + read
            if is_first:
                text, is_first = text.removeprefix(_BYTE_ORDER_MARK), False
            if not text:
                return
            end = len(text) if not read else _end_of_rows(text)
            if end == 0 and len(text) < _LONGEST_ROW:
                rest = text
                continue
            whole, rest = text[:end], text[end:]
            if not _is_plain(whole, form):
                yield None
                return
            yield whole


def _end_of_rows(text: bytes) -> int:
    """Where the last whole row ends; a newline within quotes ends none."""
    if b'"' not in text:
        return text.rfind(b"\n") + 1
    data = np.frombuffer(text, np.uint8)
    ends = _outside(np.flatnonzero(data == _NEWLINE), np.flatnonzero(data == _QUOTE))
    return int(ends[-1]) + 1 if len(ends) else 0


def _outside(marks: Array, quotes: Array) -> Array:
    """The marks that are not within quotes."""
    found: Array = marks[np.searchsorted(quotes, marks) % 2 == 0]
    return found


def _is_plain(text: bytes, form: TextForm) -> bool:
    if not text or b"\0" in text:
        return False
    if not text.endswith(b"\n"):
        text += b"\n"
    data = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes) and not _are_at_borders(data, quotes, ord(form.separator)):
        return False
    newlines, separators = np.flatnonzero(data == _NEWLINE), np.flatnonzero(data == ord(form.separator))
    returns = np.flatnonzero(data == _RETURN)
    if len(quotes):
        newlines, separators, returns = (_outside(marks, quotes) for marks in (newlines, separators, returns))
    if len(returns) and not (data[returns + 1] == _NEWLINE).all():
        return False
    counts = np.diff(np.searchsorted(separators, newlines), prepend=0)
    if (counts != form.n_columns - 1).any():
        return False
    return form.n_columns > 1 or _has_no_empty_line(data, newlines)


def _are_at_borders(data: Array, quotes: Array, separator: int) -> bool:
    """Whether quotes open behind a separator and close before one, but for doubled ones within quotes."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = data[opening - 1]
    opens = (opening == 0) | (before == separator) | (before == _NEWLINE)
    opens[1:] |= opening[1:] == closing[:-1] + 1
    after = data[closing + 1]
    closes = (after == separator) | (after == _NEWLINE) | (after == _RETURN)
    closes[:-1] |= opening[1:] == closing[:-1] + 1
    return bool(opens.all() and closes.all())


def _has_no_empty_line(data: Array, newlines: Array) -> bool:
    """In a file of one column, an empty line is no row."""
    starts = np.concatenate([[0], newlines[:-1] + 1])
    lengths = newlines - starts
    return not ((lengths == 0) | ((lengths == 1) & (data[starts] == _RETURN))).any()
