"""What the sections of docs/performance.md share: options, and tables of Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastmlp._contest import Result, Workload
from fastmlp._contest.contestants import CONTESTANTS, OURS, Contestant
from fastmlp._contest.table import seconds

Data = dict[str, Any]  # what a section measured, as JSON holds it


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes
    ----------
    rounds : int
    quick : bool
        Few rows, to see that everything runs; the figures mean nothing.
    threads : tuple of int
        One, and all.
    """

    rounds: int
    quick: bool
    threads: tuple[int, ...]

    @property
    def contestants(self) -> list[Contestant]:
        """Those whose libraries are installed; a quick run leaves out whoever compiles for long."""
        slow = ("PyTorch, compiled",) if self.quick else ()
        return [c for c in CONTESTANTS.values() if c.is_installed and c.name not in slow]

    def sized(self, workload: Workload) -> Workload:
        """The workload, or a small part of it for a quick run."""
        return replace(workload, rows=min(workload.rows, 1_000), epochs=1) if self.quick else workload


def say(text: str) -> None:
    """Tell what is going on."""
    print(text, flush=True)


# ---------------------------------------------------------------- results


def results_of(items: Iterable[Data]) -> list[Result]:
    """Results as JSON holds them."""
    return [Result(**item) for item in items]


def ours(results: Iterable[Result]) -> Result | None:
    return find(results, OURS)


def find(results: Iterable[Result], name: str) -> Result | None:
    """The result of a contestant, if it has one that counts."""
    return next((r for r in results if r.name == name and r.seconds and (r.counts or name == OURS)), None)


def best_peer(results: Iterable[Result]) -> Result | None:
    """The fastest of those who did the same arithmetic on the same input."""
    peers = [r for r in results if r.counts and r.seconds and not r.name.startswith(OURS)]
    return min(peers, key=lambda result: result.median, default=None)


# ---------------------------------------------------------------- Markdown


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; all columns but the first are aligned to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]


def spread(values: Sequence[float]) -> str:
    """Median, least and greatest of times."""
    return f"{seconds(statistics.median(values))} ({seconds(min(values))}–{seconds(max(values))})"


def plural(count: int, thing: str) -> str:
    """
    >>> plural(1, "thread"), plural(2, "thread")
    ('1 thread', '2 threads')
    """
    return f"{count:,} {thing}{'s' * (count != 1)}"
