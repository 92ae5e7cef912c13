"""Other libraries that may divide the plain pieces of a text file into fields.

They hand on texts, and numbers only where they must agree with ours, so that no result depends on them. pandas is not
among them, because it takes twice as long as `parse_here`.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._base.types import Array
from .pieces import Parse, parse_here
from .text_form import TextForm
from .values import MOST_EXACT

_PLAIN = np.zeros(256, bool)
_PLAIN[list(b"0123456789+-.eE")] = True
_PLUS, _MINUS, _ZERO, _NINE = b"+-09"
_MUCH = 1 << 22  # bytes of a file from which on importing another library takes less time than it saves


class ArrowFields:
    """Fields as Arrow keeps them: texts one behind the other."""

    def __init__(self, column: Any, compute: Any) -> None:
        self._column, self._compute = column, compute

    def __len__(self) -> int:
        return len(self._column)

    def texts(self) -> list[str]:
        """The fields as texts."""
        return list(self._column.to_pylist())

    def numbers(self) -> Array | None:
        """The fields as numbers, if Arrow must read them as we do: plain spellings of no large numbers."""
        column = self._column
        _, offsets, data = column.buffers()
        ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
        if data is None or not _PLAIN[np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]].all():
            return None
        if _has_codes(np.frombuffer(data, np.uint8), ends):
            return None
        if (np.diff(ends) == 0).any():
            column = self._compute.if_else(self._compute.equal(column, ""), None, column)
        try:
            found = self._compute.cast(column, "float64").to_numpy(zero_copy_only=False)
        except ValueError:  # such as a sign that only Python takes for one
            return None
        return None if (np.abs(found) >= MOST_EXACT).any() else np.asarray(found)


def _has_codes(data: Array, ends: Array) -> bool:
    """Whether a field has leading zeros, perhaps behind a sign."""
    start = ends[:-1]
    start = start[np.diff(ends) > 1]
    start = start + ((data[start] == _PLUS) | (data[start] == _MINUS))
    follows = np.minimum(start + 1, ends[-1] - 1)
    return bool(
        ((data[start] == _ZERO) & (data[follows] >= _ZERO) & (data[follows] <= _NINE) & (follows > start)).any()
    )


def parse_with_arrow(text: bytes, form: TextForm, places: Sequence[int]) -> list[Any]:
    """The fields of a plain piece, by pyarrow."""
    csv = importlib.import_module("pyarrow.csv")
    compute = importlib.import_module("pyarrow.compute")
    names = [str(place) for place in range(form.n_columns)]
    wanted = [names[place] for place in places]
    table = csv.read_csv(
        io.BytesIO(text),
        csv.ReadOptions(use_threads=False, block_size=max(1, len(text)), column_names=names),
        csv.ParseOptions(delimiter=form.separator, newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=dict.fromkeys(names, "string"), include_columns=wanted, strings_can_be_null=False
        ),
    )
    return [ArrowFields(table.column(name).combine_chunks(), compute) for name in wanted]


def parse_with_polars(text: bytes, form: TextForm, places: Sequence[int]) -> list[list[str]]:
    """The fields of a plain piece, by polars."""
    polars = importlib.import_module("polars")
    frame = polars.read_csv(
        io.BytesIO(text),
        has_header=False,
        new_columns=[str(place) for place in range(form.n_columns)],
        separator=form.separator,
        infer_schema=False,
    )
    return [frame[str(place)].fill_null("").to_list() for place in places]


def best_parser(n_bytes: int) -> Parse:
    """The fastest parser for a file of this size: pyarrow's or polars's where installed, else ours."""
    if n_bytes >= _MUCH:
        for library, parse in PARSERS.items():
            if library and importlib.util.find_spec(library) is not None:
                return parse
    return parse_here


PARSERS: dict[str, Parse] = {"pyarrow": parse_with_arrow, "polars": parse_with_polars, "": parse_here}
