"""Learns from training rows what becomes of each column: a code, or nothing, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .._base import columns as statistics
from .._base.errors import ArgumentError
from .._base.types import Array
from . import conversions
from .codes import DATE_PARTS, Categories, Code, Dates, Numbers, Truths, months, weekdays
from .settings import MEDIAN, QUANTILES, Settings
from .values import UnsuitableError

_QUANTILES = 256
_FEW = 100  # rows: below, every category counts
_SHARE, _ENOUGH = 500, 10  # otherwise one in so many rows, but no more than so many rows
_SOME = 10  # rows: where so many texts all differ, they say nothing about others
_NAME_OF_NUMBERS = re.compile(
    r"(?i:id|index|idx|row|#|unnamed: ?\d+|row[ _.-]?(?:id|nr|no|number|index))|.*[ _.-]id|.*[a-z0-9](?:Id|ID)"
)


class Useless(Exception):  # no error: such columns are left out
    """A column gives no features; the message says why."""


def code_of(name: str, column: Array, settings: Settings, *, is_categorical: bool) -> Code:
    """The code of a column; raises `Useless` if it gives none, and UnsuitableError if it is not what it should be."""
    kind = settings.named.get(name) or ("categories" if is_categorical else None)
    if kind == "drop":
        raise Useless("as asked for")
    learn = _LEARN[_guessed(column) if kind is None else kind]
    return learn(name, column, settings, is_told=kind is not None)


def _guessed(column: Array) -> str:
    """The kind of a column by its values."""
    kind = column.dtype.kind
    if kind != "O":
        return {"b": "truths", "M": "dates"}.get(kind, "numbers")
    distinct = dict.fromkeys(column)
    if conversions.are_truths(distinct):
        return "truths"
    if conversions.are_numbers(distinct):
        return "numbers"
    return "dates" if conversions.are_dates(distinct) else "categories"


def _refuse_empty(is_missing: Array) -> None:
    if is_missing.all():
        raise Useless("without any value in training")


# ---------------------------------------------------------------- numbers, and True or False


def _numbers(name: str, column: Array, settings: Settings, *, is_told: bool) -> Code:
    numbers = conversions.numbers(column)
    missing = np.isnan(numbers)
    _refuse_empty(missing)
    known = numbers[~missing]
    if not is_told and not missing.any() and _count_rows(name, known):
        raise Useless("numbers of rows")
    found = _measured(known)
    mean, deviation = float(found.mean[0]), float(found.deviation[0])
    if deviation == 0 and not missing.any():
        raise Useless(f"always {mean:.6g}")
    fill = float(np.median(known)) if settings.fill == MEDIAN else mean
    scores = _scores(known) if settings.scaling == QUANTILES and deviation > 0 else ((), ())
    return Numbers(name, int(missing.sum()), bool(missing.any()), mean, deviation, fill, *scores)


def _measured(numbers: Array) -> statistics.Columns:
    """Mean and deviation of numbers."""
    try:
        return statistics.measured([numbers[:, None]])
    except ArgumentError:
        raise UnsuitableError("holds numbers whose differences are too large for float64: scale it") from None


def _count_rows(name: str, numbers: Array) -> bool:
    """Whether numbers are those of the rows: by counting them, or all different in a column of such a name."""
    if len(numbers) < _SOME:
        return False
    if numbers[0] in (0, 1) and (np.diff(numbers) == 1).all():
        return True
    are_whole = bool((numbers == np.floor(numbers)).all())
    return are_whole and _NAME_OF_NUMBERS.fullmatch(name) is not None and len(np.unique(numbers)) == len(numbers)


def _scores(numbers: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Quantiles, and the scores of a normal distribution that they become; equal quantiles become their middle."""
    count = min(_QUANTILES, len(numbers))
    ranks = (np.arange(count) + 0.5) / count
    values, places, repeats = np.unique(np.quantile(numbers, ranks), return_inverse=True, return_counts=True)
    middles = np.bincount(places.ravel(), ranks) / repeats
    from statistics import NormalDist  # which takes its time to import

    normal = NormalDist()
    if len(values) == 1:  # nearly constant: the rare other values are the ends
        values = np.unique([numbers.min(), values[0], numbers.max()])
        middles = np.linspace(0.5 / count, 1 - 0.5 / count, len(values))
    return tuple(values.tolist()), tuple(normal.inv_cdf(rank) for rank in middles.tolist())


def _truths(name: str, column: Array, settings: Settings, *, is_told: bool) -> Code:
    truths = conversions.truths(column)
    missing = np.isnan(truths)
    _refuse_empty(missing)
    known = truths[~missing]
    if (known == known[0]).all() and not missing.any():
        raise Useless(f"always {bool(known[0])}")
    return Truths(name, int(missing.sum()), bool(missing.any()), float(known.mean()))


# ---------------------------------------------------------------- categories


def _categories(name: str, column: Array, settings: Settings, *, is_told: bool) -> Code:
    distinct, places = conversions.categories(column)
    counts = np.bincount(places, minlength=len(distinct)).tolist()
    counted = {text: count for text, count in zip(distinct, counts, strict=True) if text is not None and count}
    missing = len(column) - sum(counted.values())
    rows = sum(counted.values())
    if not counted:
        raise Useless("without any value in training")
    if len(counted) == 1 and not missing:
        raise Useless(f"always {next(iter(counted))!r:.40}")
    if not is_told and len(counted) == rows >= _SOME:
        raise Useless(f"{rows:,} texts that all differ, as names do")
    least = _least(rows) if settings.min_count is None else settings.min_count
    often = sorted((text for text in counted if counted[text] >= least), key=lambda text: (-counted[text], text))
    kept = sorted(often[: settings.max_categories], key=_in_order)
    if not kept:
        raise Useless(f"{len(counted):,} texts, of which none occurs in {least} rows")
    rare = len(counted) - len(kept)
    return Categories(name, missing, missing > 0, tuple(kept), rare > 0, rare, tuple(counted[text] for text in kept))


def _least(rows: int) -> int:
    """In how many rows a category must occur to have a feature of its own."""
    return 1 if rows < _FEW else min(_ENOUGH, max(2, rows // _SHARE))


def _in_order(text: str) -> tuple[float, str]:
    """Categories that are numbers by their size."""
    try:
        return (float(text), text)
    except ValueError:
        return (float("inf"), text)


# ---------------------------------------------------------------- dates


def _dates(name: str, column: Array, settings: Settings, *, is_told: bool) -> Code:
    days = conversions.dates(column)
    missing = np.isnan(days)
    _refuse_empty(missing)
    known = days[~missing]
    found = _measured(known)
    if found.deviation[0] == 0:
        raise Useless(f"always {np.datetime64(0, 'D') + int(np.floor(known[0]))}")
    differs = {
        "month": len(np.unique(months(known))) > 1,
        "weekday": len(np.unique(weekdays(known))) > 1,
        "hour": len(np.unique(known - np.floor(known))) > 1,
    }
    parts = tuple(part for part in DATE_PARTS if differs[part])
    return Dates(name, int(missing.sum()), bool(missing.any()), float(found.mean[0]), float(found.deviation[0]), parts)


_LEARN: dict[str, Callable[..., Code]] = {
    "numbers": _numbers,
    "truths": _truths,
    "categories": _categories,
    "dates": _dates,
}
