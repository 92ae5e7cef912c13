"""Says what became of each column of a table."""

from __future__ import annotations

from .._base import notebook, text_table
from .encoding import Encoding

_HEAD = ("column", "kind", "features", "missing", "what becomes of it")
_LEFT = (0, 1, 4)
_MOST = 100  # columns that a text shows


class Report:
    """A table of the columns; printed it is text, and in a notebook a table."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding

    def rows(self) -> list[tuple[str, ...]]:
        """The head of the table, and a row for each column: those that give features first."""
        found = self._encoding
        rows: list[tuple[str, ...]] = [_HEAD]
        for code in found.codes:
            share = f"{100 * code.missing / found.rows:.3g} %" if code.missing else ""
            rows.append((code.column, code.kind, str(len(code.names)), share, code.described()))
        rows += [(column, "left out", "0", "", why) for column, why in found.left_out]
        return rows

    def _summary(self) -> str:
        found = self._encoding
        columns = len(found.codes) + len(found.left_out)
        return f"{columns} columns of {found.rows:,} rows give {found.width} features"

    def __str__(self) -> str:
        shown = [[f"{cell:.60}" for cell in row[:-1]] + [row[-1]] for row in self.rows()]
        return f"{text_table.aligned(text_table.shortened(shown, _MOST), _LEFT)}\n{self._summary()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<div>{notebook.table(self.rows(), _LEFT)}{notebook.paragraphs([self._summary()])}</div>"
