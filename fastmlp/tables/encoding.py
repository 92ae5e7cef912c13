"""What was learned of a table: a code for each column that gives features, and why others give none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import check
from .._base.cached import cached_property
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from . import codes, learning
from .codes import Code
from .columns import Columns
from .settings import Settings
from .values import UnsuitableError

BLOCK = 8192  # rows


@dataclass(frozen=True)
class Encoding:
    """The codes of columns in their order, and the columns that were left out with the reasons."""

    rows: int  # of training
    codes: tuple[Code, ...]
    left_out: tuple[tuple[str, str], ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the features, each only once."""
        given = [name for code in self.codes for name in code.names]
        counts = Counter(given)
        taken = set(given)
        names: list[str] = []
        for name in given:
            unique, number = name, 1
            while counts[name] > 1 and unique in taken:
                number += 1
                unique = f"{name} ({number})"
            taken.add(unique)
            names.append(unique)
        return tuple(names)

    @cached_property
    def width(self) -> int:
        """The number of features."""
        return sum(len(code.names) for code in self.codes)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return tuple(code.column for code in self.codes)

    def check_columns(self, table: Columns, name: str) -> None:
        """Refuse tables that lack columns; those that it does not read may be missing, and others may be there."""
        lacking = [column for column in self.columns if column not in table]
        if lacking:
            raise ArgumentError(
                f"{name} lacks the {'column' if len(lacking) == 1 else 'columns'} {check.some(lacking)}, which the "
                f"training rows had: it has {check.some(table)}"
            )

    def block(self, table: Columns, start: int, stop: int, dtype: np.dtype[Any], name: str) -> Array:
        """The features of some rows of a table that has the columns."""
        out = np.zeros((stop - start, self.width), dtype)
        at = 0
        for code in self.codes:
            width = len(code.names)
            try:
                code.write(out[:, at : at + width], table[code.column][start:stop], start)
            except UnsuitableError as error:
                raise ArgumentTypeError(f"column {code.column!r:.60} of {name} {error}") from None
            at += width
        return out

    def features(self, table: Columns, dtype: np.dtype[Any], name: str) -> Array:
        """The features of all rows."""
        self.check_columns(table, name)
        if table.rows <= BLOCK:
            return self.block(table, 0, table.rows, dtype, name)
        out = np.empty((table.rows, self.width), dtype)
        for start in range(0, table.rows, BLOCK):
            stop = min(start + BLOCK, table.rows)
            out[start:stop] = self.block(table, start, stop, dtype, name)
        return out

    def config(self) -> dict[str, Any]:
        """A JSON-ready description, from which `from_config` makes the same features to the bit."""
        return {
            "rows": self.rows,
            "columns": [code.config() for code in self.codes],
            "left_out": [list(pair) for pair in self.left_out],
        }


def learned(table: Columns, settings: Settings, name: str) -> Encoding:
    """Learn from the rows of a table."""
    settings.check_names(table, name)
    if table.rows == 0:
        raise ArgumentError(f"{name} has no rows to learn from")
    found: list[Code] = []
    left_out: list[tuple[str, str]] = []
    for column, values in table.items():
        try:
            is_categorical = column in table.categorical
            found.append(learning.code_of(column, values, settings, is_categorical=is_categorical))
        except learning.Useless as reason:
            left_out.append((column, str(reason)))
        except UnsuitableError as error:
            raise ArgumentTypeError(f"column {column!r:.60} of {name} {error}") from None
    if not found:
        reasons = "; ".join(f"{column!r:.40} is left out: {why}" for column, why in left_out[:5])
        raise ArgumentError(f"{name} has no column to learn from: {reasons}")
    return Encoding(table.rows, tuple(found), tuple(left_out))


def from_config(config: Any) -> Encoding:
    """The encoding from the result of `Encoding.config`; raises errors of all kinds if it is wrong."""
    if not isinstance(config, Mapping) or set(config) != {"rows", "columns", "left_out"}:
        raise ArgumentError(f"what an encoder learned must have rows, columns and left_out, not {config!r:.60}")
    rows = check.whole_number(config["rows"], "rows", minimum=1)
    found = tuple(codes.from_config(item) for item in check.items(config["columns"], "columns", "columns"))
    left_out = tuple(_pairs(config["left_out"]))
    names = [code.column for code in found] + [column for column, _ in left_out]
    if not found or len(set(names)) < len(names):
        raise ArgumentError("columns must be different ones, and at least one")
    return Encoding(rows, found, left_out)


def _pairs(given: Any) -> Iterator[tuple[str, str]]:
    for pair in check.items(given, "left_out", "pairs of texts"):
        column, why = check.items(pair, "left_out", "texts")
        if not (isinstance(column, str) and isinstance(why, str)):
            raise ArgumentTypeError(f"left_out must be pairs of texts, not {pair!r:.60}")
        yield column, why
