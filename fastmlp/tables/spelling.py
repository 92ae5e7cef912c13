"""What the fields of a text file mean: numbers, True and False, dates, texts, or nothing.

All readers hand their fields to a `Spelled` column, so that a file has the same columns whichever of them reads it.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._base.errors import FastMLPError
from .._base.types import Array
from ..datasets.dialect import as_number
from .values import DATES, MOST_EXACT, objects

NUMBER, TRUTH, DATE, TEXT = "number", "truth", "date", "text"
KINDS = (NUMBER, TRUTH, DATE, TEXT)

# Spelled exactly so: sodium is Na, and Null is a surname.
MISSING = frozenset(("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL"))
_TRUTHS = {"True": True, "true": True, "TRUE": True, "False": False, "false": False, "FALSE": False}
_PLAIN = frozenset("0123456789+-.eE")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(?:Z|[-+]\d\d:?\d\d)?)?", re.ASCII)
_CODE = re.compile(r"^\s*[-+]?0\d", re.ASCII | re.MULTILINE)
_WHOLE = re.compile(r"[-+]?\d+", re.ASCII)
_LONG = 20  # characters, more than 2⁵³ has
_MOST_WORDS = 1 << 14  # different texts to keep only once; a column of more holds names rather than categories


class StrangeFieldError(FastMLPError):
    """A field does not have the kind of its column; ``place`` counts the fields of the piece from 0."""

    def __init__(self, place: int, field: str) -> None:
        super().__init__(field)
        self.place, self.field = place, field


class _Words(dict[str, str | None]):
    """The text that each field stands for, or None for a missing one."""

    def __missing__(self, field: str) -> str | None:
        text = _clean(field)
        found = self[field] = None if text in MISSING else field if text == field else self[text]
        return found


class Spelled:
    """A column that grows by pieces of fields, and finds its kind by itself, unless it is known.

    A column is what all its fields are. If a field is of another kind than those before it, the column holds texts, and
    `must_be_read_again` says that the spellings of earlier fields are lost.

    >>> column = Spelled()
    >>> column.add(["1.5", "NA"])
    >>> column.kind, column.values()
    ('number', array([1.5, nan]))
    """

    def __init__(self, kind: str | None = None, decimal: str = ".") -> None:
        self.kind = kind
        self.decimal = decimal
        self.must_be_read_again = False
        self._is_known = kind is not None
        self._missing_first = 0  # rows before the first field that is not missing
        self._parts: list[Array] = []
        self._words = _Words()

    def add(self, fields: Any) -> None:
        """Append the fields of some rows: a list of texts, or what offers them and their numbers; see `fields`."""
        if self.must_be_read_again:
            return
        if self.kind is None:
            self._find_kind(fields)
        if self.kind is None:
            self._missing_first += len(fields)
            return
        part = self._read(fields)
        if part is None:
            if self._is_known:
                raise self._strange(fields)
            self.must_be_read_again = bool(self._parts)
            self.kind, self._parts = TEXT, []
            part = None if self.must_be_read_again else self._texts(_listed(fields))
        if part is not None:
            self._parts.append(part)

    def values(self) -> Array:
        """The whole column, once; its parts are given up."""
        parts, self._parts = self._parts, []
        if self._missing_first or not parts:
            nothing = {DATE: np.datetime64("NaT", "us"), TEXT: None}.get(self.kind or NUMBER, np.nan)
            parts.insert(0, np.full(self._missing_first, nothing, object if nothing is None else None))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _find_kind(self, fields: Any) -> None:
        for kind in KINDS:
            self.kind = kind
            part = self._read(fields)
            if part is not None:
                if _all_missing(part):
                    self.kind = None
                return

    def _read(self, fields: Any) -> Array | None:
        if self.kind == NUMBER:
            quick = getattr(fields, "numbers", None)
            found = quick() if quick is not None and self.decimal == "." else None
            return numbers(_listed(fields), self.decimal, are_known=self._is_known) if found is None else found
        if self.kind == TRUTH:
            return truths(_listed(fields))
        return dates(_listed(fields)) if self.kind == DATE else self._texts(_listed(fields))

    def _texts(self, fields: Sequence[str]) -> Array:
        """Texts or None. Equal ones are one object while there are few."""
        if len(self._words) > _MOST_WORDS:
            self._words = _Words()
        return objects(map(self._words.__getitem__, fields))

    def _strange(self, fields: Any) -> StrangeFieldError:
        listed = _listed(fields)
        place = next((n for n, field in enumerate(listed) if self._read([field]) is None), 0)
        return StrangeFieldError(place, _clean(listed[place]))


def numbers(fields: Sequence[str], decimal: str = ".", *, are_known: bool = False) -> Array | None:
    """Fields as numbers, NaN where one is missing; None if one is no number.

    Whole numbers that float64 cannot hold exactly are identities, and those with leading zeros, such as 01307, are
    codes. Both count nothing, and stay different as texts; but not if ``are_known`` to be numbers.

    >>> numbers(["1", " 2.5 ", "?"])
    array([1. , 2.5, nan])
    """
    is_plain = decimal == "." and _PLAIN.issuperset("".join(fields))
    found = _floats([field or "nan" for field in fields]) if is_plain else _each(fields, decimal)
    if found is not None and not are_known:
        if _CODE.search("\n".join(fields)):
            return None
        for place in np.flatnonzero(np.abs(found) >= MOST_EXACT).tolist():
            if _is_identity(fields[place].strip()):
                return None
    return found


def _is_identity(text: str) -> bool:
    """Whether it is a whole number that float64 may not hold."""
    return _WHOLE.fullmatch(text) is not None and (len(text) > _LONG or abs(int(text)) > MOST_EXACT)


def truths(fields: Sequence[str]) -> Array | None:
    """Fields as True and False; 1, 0 and NaN if one is missing; None if one is another word.

    >>> truths(["True", "FALSE"]), truths(["true", ""])
    (array([ True, False]), array([ 1., nan]))
    """
    different = {field: _clean(field) for field in set(fields)}
    if not all(text in _TRUTHS or text in MISSING for text in different.values()):
        return None
    value_of = {field: float(_TRUTHS[text]) if text in _TRUTHS else np.nan for field, text in different.items()}
    found = np.array([value_of[field] for field in fields], np.float64)
    return found if np.isnan(found).any() else found.astype(bool)


def dates(fields: Sequence[str]) -> Array | None:
    """Fields as dates of ISO 8601, what the clocks showed, in microseconds; None if one is no date.

    >>> dates(["2024-02-29", "2024-03-01T08:30Z", "NA"]).astype(str).tolist()
    ['2024-02-29T00:00:00.000000', '2024-03-01T08:30:00.000000', 'NaT']
    """
    spelled = []
    for field in fields:
        text = _clean(field)
        match = _DATE.fullmatch(text)
        if match is None and text not in MISSING:
            return None
        spelled.append("NaT" if match is None else f"{match[1]}T{match[2]}" if match[2] else match[1])
    try:
        return np.array(spelled, DATES)
    except ValueError:  # such as 30 February
        return None


def _floats(fields: Sequence[str]) -> Array | None:
    try:
        return np.fromiter(map(float, fields), np.float64, len(fields))
    except ValueError:
        return None


def _each(fields: Sequence[str], decimal: str) -> Array | None:
    """As `_floats`, where fields are missing, have spaces or other marks."""
    found = np.full(len(fields), np.nan)
    known: dict[str, float] = dict.fromkeys(MISSING, np.nan)
    for place, field in enumerate(fields):
        number = known.get(field)
        if number is None:
            text = field.strip()
            number = known.get(text)
            if number is None:
                number = as_number(text, decimal)
                if number is None:
                    return None
            if len(known) < _MOST_WORDS:
                known[field] = number
        found[place] = number
    return found


def _clean(field: str) -> str:
    text = field.strip()
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _listed(fields: Any) -> Sequence[str]:
    return fields if isinstance(fields, list) else fields.texts()


def _all_missing(part: Array) -> bool:
    if part.dtype.kind == "O":
        return all(item is None for item in part)
    return part.dtype.kind != "b" and bool((part != part).all())
