"""Results as text."""

from collections.abc import Iterable, Sequence

from .contest import Result

HEADER = ("", "median", "spread", "x fastmlp", "first call", "loss differs")


def lines(jobs: Iterable[tuple[str, Sequence[Result]]]) -> list[str]:
    """The lines of a table: under the name of each job, a line for each contestant."""
    blocks = [(name, [row(result) for result in results], [r.note for r in results]) for name, results in jobs]
    rows = [HEADER, *(line for _, block, _ in blocks for line in block)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEADER))]
    text = [_aligned(HEADER, widths)]
    for name, block, notes in blocks:
        text += ["", name]
        text += [f"{_aligned(line, widths)}  {note}".rstrip() for line, note in zip(block, notes, strict=True)]
    return text


def row(result: Result) -> tuple[str, ...]:
    """The cells of a result: name, median, spread, ratio, first call, deviation."""
    if not result.seconds:
        return (f"  {result.name}", "-", "", "", "", "")
    return (
        f"  {result.name}",
        seconds(result.median),
        f"{seconds(min(result.seconds))} - {seconds(max(result.seconds))}",
        "" if result.ratio is None or not result.is_compared else f"{result.ratio:.2f}",
        "" if result.first_call is None else seconds(result.first_call),
        "" if result.deviation is None else f"{result.deviation:.0e}",
    )


def seconds(value: float) -> str:
    """A time with a suitable unit.

    >>> [seconds(value) for value in (3.456e-6, 0.0123456, 12.3)]
    ['3.46 µs', '12.3 ms', '12.3 s']
    """
    units = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
    unit, size = next((pair for pair in units if value >= pair[1]), units[-1])
    number = value / size
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f} {unit}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])
