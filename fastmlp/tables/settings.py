"""What a user may say of a table before it is encoded, checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError

SCALINGS = STANDARD, QUANTILES = ("standard", "quantiles")
FILLS = MEAN, MEDIAN = ("mean", "median")
LISTS = ("numbers", "categories", "dates", "drop")


@dataclass(frozen=True)
class Settings:
    """The arguments of `fastmlp.TableEncoder`; `named` is the list that names a column."""

    named: dict[str, str]
    scaling: str
    fill: str
    min_count: int | None
    max_categories: int

    def check_names(self, names: Iterable[str], name: str) -> None:
        """Refuse names of columns that the table does not have."""
        there = list(names)
        for column, kind in self.named.items():
            if column not in there:
                import difflib  # for this error alone

                near = difflib.get_close_matches(column, there, 1)
                hint = f" (did you mean {near[0]!r:.60}?)" if near else f": it has {check.some(there)}"
                raise ArgumentError(f"{kind} names the column {column!r:.60}, which {name} does not have{hint}")


def checked(given: dict[str, Any]) -> Settings:
    """The settings, from the arguments as the user gave them."""
    named: dict[str, str] = {}
    for kind in LISTS:
        for column in _names(given[kind], kind):
            if column in named:
                raise ArgumentError(f"{named[column]} and {kind} both name the column {column!r:.60}: leave one out")
            named[column] = kind
    least = given["min_count"]
    return Settings(
        named,
        check.choice(given["scaling"], "scaling", SCALINGS),
        check.choice(given["fill"], "fill", FILLS),
        None if least is None else check.whole_number(least, "min_count", minimum=1),
        check.whole_number(given["max_categories"], "max_categories", minimum=1),
    )


def _names(given: Any, kind: str) -> list[str]:
    if isinstance(given, str):
        raise ArgumentTypeError(f"{kind} must be a list of names of columns, such as [{given!r:.60}], not a text")
    names = [str(name) for name in check.items(given, kind, "names of columns")]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ArgumentError(f"{kind} names the column {repeated[0]!r:.60} more than once")
    return names
