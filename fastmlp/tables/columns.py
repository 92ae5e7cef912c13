"""Makes plain named columns of any raw table in memory; the libraries of frames are never imported for it.

A raw table is a frame of pandas or polars, a table of Arrow, a structured array, a dict of columns, or a list of dicts,
one for each row. Each column becomes an array of one of four kinds:

    numbers        float64, with NaN where a value is missing
    True or False  bool; with missing values, numbers: 1, 0 and NaN
    texts          objects, each a str, or None where one is missing
    dates          datetime64[us] without a time zone, with NaT where one is missing

Names of columns become texts, such as "0" for 0. A table must not have two columns of the same name then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from . import values

_KINDS = "a frame of pandas or polars, a structured array, a dict of columns, or a list of dicts"


class Columns(dict[str, Array]):
    """The columns of a table by their names: a dict of arrays of one length.

    >>> table = columns_of({"age": [31, None], "city": ["Rome", "Oslo"]})
    >>> table["age"], table["city"].tolist(), table.rows
    (array([31., nan]), ['Rome', 'Oslo'], 2)
    """

    def __init__(self, columns: Mapping[str, Array], categorical: Iterable[str] = ()) -> None:
        super().__init__(columns)
        self.categorical = frozenset(categorical)  # columns whose own type says that they hold categories

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.values())))

    def at(self, places: Any) -> Columns:
        """The rows at some places: a slice, numbers, or a mask."""
        return Columns({name: column[places] for name, column in self.items()}, self.categorical)

    def without(self, names: Iterable[str]) -> Columns:
        """All columns but these."""
        left_out = set(names)
        return Columns({name: self[name] for name in self if name not in left_out}, self.categorical - left_out)


def is_table(x: Any) -> bool:
    """Whether `columns_of` reads it; a list counts if it holds dicts."""
    if isinstance(x, (str, bytes)) or callable(getattr(x, "collect", None)):
        return False
    if isinstance(x, np.ndarray):
        return x.dtype.names is not None
    if isinstance(x, (list, tuple)):
        return bool(x) and isinstance(x[0], Mapping)
    return isinstance(x, Mapping) or _offers_columns(x)


def columns_of(table: Any, name: str = "x") -> Columns:
    """The columns of a raw table as plain arrays, by their names.

    Parameters
    ----------
    table : raw table
        See the module.
    name : str, default "x"
        What messages call it.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If it is no table, two names are equal as texts, lengths differ, or a value is of a kind that no column has.

    Examples
    --------
    >>> columns_of([{"age": 31, "city": "Rome"}, {"age": 40}])["city"].tolist()
    ['Rome', None]
    """
    if isinstance(table, Columns):
        return table
    given = _named(table, name)
    _refuse_repeated(list(given), name)
    found = {str(key): _column(column, name, key) for key, column in given}
    _check_lengths(found, name)
    return Columns(found, (str(key) for key, column in given if values.are_declared_categories(column)))


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of several tables, one after the other; a column that one of them lacks has missing values there.

    >>> joined([columns_of({"a": [1, 2]}), columns_of({"a": ["x"]})])["a"].tolist()
    ['1', '2', 'x']
    """
    names = dict.fromkeys(name for part in parts for name in part)
    found = {
        name: values.joined([part[name] if name in part else np.full(part.rows, np.nan) for part in parts], name)
        for name in names
    }
    return Columns(found, frozenset().union(*(part.categorical for part in parts)))


def rows_at(x: Any, places: Any) -> Any:
    """The rows at some places of an array or of a table."""
    return x.at(places) if isinstance(x, Columns) else x[places]


def _named(table: Any, name: str) -> list[tuple[Any, Any]]:
    """The columns as they are, with their names as they are."""
    if callable(getattr(table, "collect", None)):
        kind = type(table).__name__
        raise ArgumentTypeError(f"{name} is a {kind}, whose rows have not been read yet: use {name}.collect()")
    if isinstance(table, np.ndarray) and table.dtype.names is not None:
        return [(field, np.atleast_1d(table[field])) for field in table.dtype.names]
    if isinstance(table, Mapping):
        return list(table.items())
    if isinstance(table, (list, tuple)) and table and all(isinstance(row, Mapping) for row in table):
        return _turned(table)
    if not is_table(table):
        raise ArgumentTypeError(f"{name} must have named columns: {_KINDS}, not {_came(table)}")
    if hasattr(table, "column_names"):  # of Arrow, whose columns have numbers
        return [(key, table.column(place)) for place, key in enumerate(table.column_names)]
    if hasattr(table, "iloc"):  # of pandas, where names may be repeated
        return [(key, table.iloc[:, place]) for place, key in enumerate(table.columns)]
    return [(key, table[key]) for key in table.columns]


def _turned(rows: Sequence[Mapping[Any, Any]]) -> list[tuple[Any, Any]]:
    """The columns of rows that are dicts: in the order in which their keys come, None where a row has no such key."""
    names = dict.fromkeys(key for row in rows for key in row)
    return [(key, values.objects([row.get(key) for row in rows])) for key in names]


def _offers_columns(x: Any) -> bool:
    """Whether it looks like a frame or a table of Arrow."""
    if callable(getattr(x, "column", None)) and hasattr(x, "column_names"):
        return True
    return not isinstance(x, type) and hasattr(x, "columns") and hasattr(x, "__getitem__")


def _came(x: Any) -> str:
    """What came instead of a table, with the remedy."""
    shape = getattr(x, "shape", None)
    if isinstance(x, np.ndarray) or hasattr(x, "__array__") or (isinstance(x, (list, tuple)) and x):
        of = f" of shape {shape}" if isinstance(shape, tuple) else ""
        return f"{type(x).__name__}{of} without names: for example pandas.DataFrame(x, columns=[...])"
    return f"{x!r:.60}"


def _refuse_repeated(given: list[tuple[Any, Any]], name: str) -> None:
    if not given:
        raise ArgumentError(f"{name} has no columns")
    for text, count in Counter(str(key) for key, _ in given).items():
        if count > 1:
            keys = [key for key, _ in given if str(key) == text]
            as_texts = "" if len(set(map(type, keys))) == 1 else f" as texts ({check.some(keys)})"
            raise ArgumentError(
                f"{name} has {count} columns of the name {text!r:.60}{as_texts}: rename them, or drop all but one"
            )


def _column(column: Any, name: str, key: Any) -> Array:
    try:
        return values.plain(column)
    except values.UnsuitableError as error:
        raise ArgumentTypeError(f"column {str(key)!r:.60} of {name} {error}") from None


def _check_lengths(columns: Mapping[str, Array], name: str) -> None:
    (first, column), *others = columns.items()
    for key, other in others:
        if len(other) != len(column):
            raise ArgumentError(
                f"the columns of {name} must have one length, but {first!r:.60} has {len(column)} rows and {key!r:.60} "
                f"has {len(other)}"
            )
