"""Reads plain columns as numbers, truths, dates or categories, whatever kind they came as.

A column that held numbers in training may come as texts later, or the other way round: files have only texts. What
cannot be read is refused with its row; `start` is the number of the first one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from .._base.types import Array, Integers
from .values import DATES, UnsuitableError, text_of

NO_NUMBER = frozenset(
    ("", "na", "n/a", "#n/a", "nan", "null", "none", "?", "-", "<na>")
)  # what files say instead of one
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_CODE = re.compile(r"[+-]?0\d", re.ASCII)  # as in 01307, which is no count of anything
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?", re.ASCII)
_ZONE = re.compile(r"\s*(?:Z|[+-]\d\d:?\d\d)$", re.ASCII)
_WITH_TIME = len("2024-02-29T06:30")
_TRUTHS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


def numbers(column: Array, start: int = 0) -> Array:
    """Finite numbers in float64, NaN where one is missing."""
    kind = column.dtype.kind
    if kind == "M":
        raise UnsuitableError("holds dates, where numbers are expected")
    found = _through_texts(column, start, _number, "no number") if kind == "O" else column.astype(np.float64)
    infinite = np.flatnonzero(np.isinf(found))
    if len(infinite):
        row = int(infinite[0])
        raise UnsuitableError(f"holds {column[row]} in row {start + row}: make it finite, or NaN if it is not known")
    return found


def truths(column: Array, start: int = 0) -> Array:
    """1 for True, 0 for False, NaN where it is missing."""
    kind = column.dtype.kind
    if kind == "M":
        raise UnsuitableError("holds dates, where True and False are expected")
    found = (
        _through_texts(column, start, _truth, "neither True nor False") if kind == "O" else column.astype(np.float64)
    )
    wrong = np.flatnonzero(~np.isnan(found) & (found != 0) & (found != 1))
    if len(wrong):
        row = int(wrong[0])
        raise UnsuitableError(f"holds {column[row]} in row {start + row}, which is neither True nor False")
    return found


def dates(column: Array, start: int = 0) -> Array:
    """Days since 1970 in float64, NaN where a date is missing."""
    kind = column.dtype.kind
    if kind == "O":
        return _through_texts(column, start, _date, "no date such as 2024-02-29")
    if kind == "M":
        return np.where(np.isnat(column), np.nan, (column - np.datetime64(0, "us")) / np.timedelta64(1, "D"))
    if kind == "f" and np.isnan(column).all():
        return column
    raise UnsuitableError("holds numbers, where dates are expected")


def categories(column: Array) -> tuple[list[str | None], Integers]:
    """The different values of a column as texts, None for missing ones, and the place of each row's among them."""
    kind = column.dtype.kind
    if kind == "O":
        distinct, places = _distinct(column)
        return [None if text is None or not text.strip() else text for text in distinct], places
    if kind == "b":
        return ["False", "True"], column.astype(np.int64)
    values, inverse = np.unique(column, return_inverse=True)
    places = np.asarray(inverse, np.int64).ravel()
    if kind == "M":
        return [None if np.isnat(value) else str(value) for value in values], places
    return [None if np.isnan(value) else text_of(float(value)) for value in values], places


# ---------------------------------------------------------------- which kind texts are of


def are_numbers(distinct: Iterable[str | None]) -> bool:
    """Whether texts are numbers, besides those that stand for missing ones; numbers with leading zeros are codes."""
    texts = [text.strip() for text in distinct if text is not None and not _is_no_number(text)]
    return bool(texts) and all(_NUMBER.fullmatch(text) and not _CODE.match(text) for text in texts)


def are_dates(distinct: Iterable[str | None]) -> bool:
    """Whether texts are dates such as 2024-02-29, with or without a time of day."""
    texts = [text for text in distinct if text is not None and text.strip()]
    return bool(texts) and all(_date(text) is not None for text in texts)


def are_truths(distinct: Iterable[str | None]) -> bool:
    """Whether texts are True and False."""
    texts = [text for text in distinct if text is not None and text.strip()]
    return bool(texts) and all(text.strip().lower() in ("true", "false") for text in texts)


# ---------------------------------------------------------------- texts


def _through_texts(column: Array, start: int, read: Callable[[str], float | None], what: str) -> Array:
    """What ``read`` makes of each different text."""
    distinct, places = _distinct(column)
    values = np.full(len(distinct), np.nan)
    for place, text in enumerate(distinct):
        if text is None or not text.strip():
            continue
        value = read(text)
        if value is None:
            row = start + int(np.flatnonzero(places == place)[0])
            raise UnsuitableError(f"holds {text!r:.60} in row {row}, which is {what}")
        values[place] = value
    return values[places] if len(values) else np.empty(0)


def _distinct(column: Array) -> tuple[list[str | None], Integers]:
    """The different texts, and the place of each row's among them."""
    numbered: dict[str | None, int] = {}
    places = np.fromiter((numbered.setdefault(text, len(numbered)) for text in column), np.int64, len(column))
    return list(numbered), places


def _is_no_number(text: str) -> bool:
    return text.strip().lower() in NO_NUMBER


def _number(text: str) -> float | None:
    if _is_no_number(text):
        return float("nan")
    stripped = text.strip()
    return float(stripped) if _NUMBER.fullmatch(stripped) else None


def _truth(text: str) -> float | None:
    return _TRUTHS.get(text.strip().lower())


def _date(text: str) -> float | None:
    """In days since 1970; without its time zone, as clocks showed it there."""
    found = text.strip()
    found = found[:_WITH_TIME] + _ZONE.sub("", found[_WITH_TIME:])
    if not _DATE.fullmatch(found):
        return None
    try:
        moment = np.datetime64(found.replace(" ", "T")).astype(DATES)
    except ValueError:
        return None
    return float((moment - np.datetime64(0, "us")) / np.timedelta64(1, "D"))
