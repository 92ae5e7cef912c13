"""Tables as text, for terminals and log files."""

import math
from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Align rows of cells: the columns ``left`` to the left, the others to the right.

    >>> print(aligned([("fold", "loss"), ("1", "0.5"), ("mean", "0.25")]))
    fold  loss
    1      0.5
    mean  0.25
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(_padded(row, widths, left)).rstrip() for row in rows)


def shortened(rows: Sequence[Sequence[str]], most: int, *, last: int = 0) -> list[Sequence[str]]:
    """At most ``most`` rows: a row that counts the others stands before the ``last`` ones.

    >>> shortened([("fold",), ("0",), ("1",), ("2",), ("3",)], 3)
    [('fold',), ('0',), ('... 3 more',)]
    """
    if len(rows) <= most:
        return list(rows)
    first = most - last - 1
    left_out = len(rows) - first - last
    gap = (f"... {left_out} more", *[""] * (len(rows[0]) - 1))
    return [*rows[:first], gap, *rows[len(rows) - last :]]


def _padded(row: Sequence[str], widths: Sequence[int], left: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if column in left else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def number(value: float | None) -> str:
    """A number with four digits after the point, or with an exponent if it is small or large; "" for None and NaN.

    >>> [number(value) for value in (0.98765, 12.0, 0.00001234, 0.0, None)]
    ['0.9877', '12.0000', '1.234e-05', '0.0000', '']
    """
    if value is None or math.isnan(value):
        return ""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3e}"
