"""HTML for notebooks: tables without a style of their own, so that light and dark pages show them well."""

import html
from collections.abc import Iterable, Sequence
from typing import Any


def escaped(value: Any) -> str:
    """A text that a page shows as it is.

    >>> escaped("a < b")
    'a &lt; b'
    """
    return html.escape(str(value))


def table(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """A table whose first row is its head; the columns ``left`` are aligned to the left.

    >>> table([("fold", "loss"), ("0", "0.5")])[:75]
    '<table style="color: inherit"><thead><tr><th style="text-align: left">fold<'
    """
    first, *body = rows
    head = _cells(first, "th", left)
    lines = "".join(f"<tr>{_cells(row, 'td', left)}</tr>" for row in body)
    return f'<table style="color: inherit"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'


def _cells(row: Sequence[str], tag: str, left: Sequence[int]) -> str:
    sides = ("left" if column in left else "right" for column in range(len(row)))
    return "".join(
        f'<{tag} style="text-align: {side}">{escaped(cell)}</{tag}>' for cell, side in zip(row, sides, strict=True)
    )


def paragraphs(lines: Iterable[str]) -> str:
    """Lines of text, each of its own."""
    return "".join(f"<div>{escaped(line)}</div>" for line in lines)
