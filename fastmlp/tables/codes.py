"""What becomes of one column: the features that it gives, learned from training rows.

A code is plain data, which a model file holds as JSON. It writes the features of some rows into zeros; most features of
one-hot columns stay zeros.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from . import conversions
from .values import UnsuitableError

_MONTHS, _WEEKDAYS = 12, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DATE_PARTS = ("month", "weekday", "hour")
_SHOWN = 3  # categories in a line of the report


@dataclass(frozen=True)
class Code:
    """Base of all codes.

    ``missing`` is the number of training rows without a value. ``is_marked`` says whether a feature of its own marks
    such rows, as it does where there were some in training.
    """

    column: str
    missing: int
    is_marked: bool

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        if not isinstance(self.column, str):
            raise ArgumentTypeError(f"column must be a text, not {self.column!r:.60}")
        check.whole_number(self.missing, "missing", minimum=0)
        check.yes_or_no(self.is_marked, "is_marked")
        self._check()

    def _check(self) -> None:
        """Check the other fields, which may come from a file."""

    @property
    def names(self) -> list[str]:
        """The names of its features."""
        return [*self._own_names(), *([f"{self.column} missing"] if self.is_marked else [])]

    def _own_names(self) -> list[str]:
        raise NotImplementedError

    def write(self, out: Array, column: Array, start: int) -> None:
        """Write the features of some rows, the first of which has the number ``start``, into zeros."""
        raise NotImplementedError

    def described(self) -> str:
        """What the report says."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """A JSON-ready description."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {"kind": self.kind, **plain}


# ---------------------------------------------------------------- numbers


@dataclass(frozen=True)
class Numbers(Code):
    """Numbers with mean 0 and variance 1, or as normal scores; ``fill`` stands for missing ones."""

    mean: float
    deviation: float  # 0: there was one value, so that only missing ones make a difference
    fill: float
    values: tuple[float, ...] = ()  # quantiles
    scores: tuple[float, ...] = ()  # what they become

    kind: ClassVar[str] = "numbers"

    def _check(self) -> None:
        for name in ("mean", "fill"):
            check.real_number(getattr(self, name), name)
        check.real_number(self.deviation, "deviation", minimum=0)
        for name in ("values", "scores"):
            given = [check.real_number(item, name) for item in check.items(getattr(self, name), name, "numbers")]
            if sorted(set(given)) != given:
                raise ArgumentError(f"{name} must be increasing numbers")
            object.__setattr__(self, name, tuple(given))
        if len(self.values) != len(self.scores) or (self.deviation == 0 and not self.is_marked):
            raise ArgumentError(f"the numbers of {self.column!r:.60} contradict each other")

    def _own_names(self) -> list[str]:
        return [] if self.deviation == 0 else [self.column]

    def write(self, out: Array, column: Array, start: int) -> None:
        numbers = conversions.numbers(column, start)
        missing = np.isnan(numbers)
        if self.is_marked:
            out[:, -1] = missing
        if self.deviation == 0:
            return
        with np.errstate(over="ignore"):
            scaled = self._scaled(np.where(missing, self.fill, numbers))
            out[:, 0] = scaled
        if not np.isfinite(out[:, 0]).all():
            row = int(np.flatnonzero(~np.isfinite(out[:, 0]))[0])
            raise UnsuitableError(
                f"holds {numbers[row]:g} in row {start + row}, which is too far from its mean of {self.mean:g} in "
                f"training for {out.dtype}"
            )

    def _scaled(self, numbers: Array) -> Array:
        if self.values:
            return np.interp(numbers, self.values, self.scores)
        return (numbers - self.mean) / self.deviation

    def described(self) -> str:
        if self.deviation == 0:
            return f"always {self.mean:.4g}, so only missing values make a difference"
        how = f"normal scores by {len(self.values)} quantiles" if self.values else "mean 0, deviation 1"
        return f"{self.mean:.4g} ± {self.deviation:.4g} becomes {how}"


@dataclass(frozen=True)
class Truths(Code):
    """True as 1, False as 0; ``fill``, the share of True, stands for missing ones."""

    fill: float

    kind: ClassVar[str] = "true or false"

    def _check(self) -> None:
        check.real_number(self.fill, "fill", minimum=0)

    def _own_names(self) -> list[str]:
        return [self.column]

    def write(self, out: Array, column: Array, start: int) -> None:
        truths = conversions.truths(column, start)
        missing = np.isnan(truths)
        out[:, 0] = np.where(missing, self.fill, truths)
        if self.is_marked:
            out[:, -1] = missing

    def described(self) -> str:
        return f"1 for True ({_percent(self.fill)}), 0 for False"


# ---------------------------------------------------------------- categories


@dataclass(frozen=True)
class Categories(Code):
    """One feature for each category, 1 in its rows.

    ``has_others`` says whether one more feature stands for the rare categories of training and for those that only
    later rows have. Without rare ones in training, no feature would learn what it means: later ones are zeros.
    """

    categories: tuple[str, ...]
    has_others: bool
    rare: int = 0  # categories that are others
    counts: tuple[int, ...] = ()  # of training rows, for the report

    kind: ClassVar[str] = "categories"

    def _check(self) -> None:
        check.yes_or_no(self.has_others, "has_others")
        given = check.items(self.categories, "categories", "texts")
        if not all(isinstance(item, str) for item in given) or len(set(given)) < len(given) or not given:
            raise ArgumentError(f"categories must be different texts, not {check.some(given)}")
        counts = [
            check.whole_number(item, "counts", minimum=0) for item in check.items(self.counts, "counts", "numbers")
        ]
        if len(counts) != len(given):
            raise ArgumentError(f"counts must be {len(given)} numbers, not {len(counts)}")
        check.whole_number(self.rare, "rare", minimum=0)
        object.__setattr__(self, "categories", tuple(given))
        object.__setattr__(self, "counts", tuple(counts))
        object.__setattr__(self, "_places", {text: place for place, text in enumerate(given)})

    def _own_names(self) -> list[str]:
        others = [f"{self.column} other"] if self.has_others else []
        return [*(f"{self.column}={text}" for text in self.categories), *others]

    def write(self, out: Array, column: Array, start: int) -> None:
        distinct, rows = conversions.categories(column)
        places = np.array([self._place(text) for text in distinct], np.int64)[rows]
        there = np.flatnonzero(places >= 0)
        out[there, places[there]] = 1

    def _place(self, text: str | None) -> int:
        """The feature of a category; -1 for none."""
        others = len(self.categories) if self.has_others else -1
        if text is None:
            return len(self.categories) + self.has_others if self.is_marked else others
        found: int = self._places.get(text, others)  # type: ignore[attr-defined]
        return found

    def described(self) -> str:
        order = sorted(range(len(self.categories)), key=lambda place: -self.counts[place])
        shown = ", ".join(f"{self.categories[place]:.30}" for place in order[:_SHOWN])
        more = f" and {len(order) - _SHOWN} more" if len(order) > _SHOWN else ""
        rare = f"; {self.rare:,} rare and all new ones together" if self.has_others else "; new ones are zeros"
        return f"one-hot: {shown}{more}{rare}"


# ---------------------------------------------------------------- dates


@dataclass(frozen=True)
class Dates(Code):
    """The day as a number, and those of month, weekday and hour that differ in training rows."""

    mean: float  # in days since 1970
    deviation: float
    parts: tuple[str, ...] = ()

    kind: ClassVar[str] = "dates"

    def _check(self) -> None:
        check.real_number(self.mean, "mean")
        check.real_number(self.deviation, "deviation", above=0)
        parts = check.items(self.parts, "parts", "names")
        if parts != [part for part in DATE_PARTS if part in parts]:
            raise ArgumentError(f"parts must be some of {', '.join(DATE_PARTS)}, in this order, not {parts!r:.60}")
        object.__setattr__(self, "parts", tuple(parts))

    def _own_names(self) -> list[str]:
        own = {
            "month": [f"{self.column} month sin", f"{self.column} month cos"],
            "weekday": [f"{self.column} {day}" for day in _WEEKDAYS],
            "hour": [f"{self.column} hour sin", f"{self.column} hour cos"],
        }
        return [f"{self.column} days", *(name for part in self.parts for name in own[part])]

    def write(self, out: Array, column: Array, start: int) -> None:
        days = conversions.dates(column, start)
        missing = np.isnan(days)
        there = np.flatnonzero(~missing)
        known, at = days[there], 1
        out[there, 0] = (known - self.mean) / self.deviation
        for part in self.parts:
            if part == "weekday":
                out[there, at + weekdays(known)] = 1
                at += len(_WEEKDAYS)
                continue
            turn = 2 * np.pi * (months(known) / _MONTHS if part == "month" else known - np.floor(known))
            out[there, at], out[there, at + 1] = np.sin(turn), np.cos(turn)
            at += 2
        if self.is_marked:
            out[:, -1] = missing

    def described(self) -> str:
        first = np.datetime64(0, "D") + np.timedelta64(round(self.mean), "D")
        return f"days around {first} ± {self.deviation:.4g}{''.join(f', {part}' for part in self.parts)}"


def months(days: Array) -> Array:
    """From 0 for January."""
    return np.floor(days).astype("M8[D]").astype("M8[M]").astype(np.int64) % _MONTHS


def weekdays(days: Array) -> Array:
    """From 0 for Monday; the first of January 1970 was a Thursday."""
    return (np.floor(days).astype(np.int64) + 3) % len(_WEEKDAYS)


# ---------------------------------------------------------------- reading back


def from_config(config: Any) -> Code:
    """A code from the result of `Code.config`; raises errors of all kinds if it is wrong."""
    kinds: dict[str, type[Code]] = {code.kind: code for code in (Numbers, Truths, Categories, Dates)}
    if not isinstance(config, Mapping) or config.get("kind") not in kinds:
        raise ArgumentError(f"a column must have one of the kinds {', '.join(kinds)}, not {config!r:.60}")
    code = kinds[config["kind"]]
    given = {name: value for name, value in config.items() if name != "kind"}
    strange = set(given) ^ {field.name for field in fields(code)}
    if strange:
        raise ArgumentError(f"the code of a column of {code.kind} has other fields: {check.some(sorted(strange))}")
    return code(**given)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if math.isfinite(share) else ""
