"""How a history is shown: in a few lines of text, and in a notebook with its curves."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._base import notebook, text_table
from .._base.curves import Curve, chart

_MOST_LINES = 8
_MOST_CHARTS = 3
_NOT_SHOWN = ("seconds", "learning_rate")  # the seconds are in the head; the rate is nothing to be good at
_ENDS = {
    "finished": "finished",
    "interrupted": "interrupted by Ctrl-C",
    "max_time": "stopped after max_time",
    "callback": "stopped by a callback",
    "diverged": "diverged",
    "failed": "ended by an error",
}


class Facts(NamedTuple):
    """What is shown of a history."""

    values: Mapping[str, Sequence[float]]
    epochs: Sequence[int]
    batches: int
    losses: Curve  # of the batches
    stopped: str
    partial: bool


def text(facts: Facts) -> str:
    """A line about the run, and a line for each value of its epochs."""
    rows = _rows(facts)
    shown = [head(facts)] + ([text_table.aligned(rows[: _MOST_LINES + 1])] if len(rows) > 1 else [])
    left_out = len(rows) - 1 - _MOST_LINES
    return "\n".join([*shown, f"and {left_out} more: history.keys()"] if left_out > 0 else shown)


def html(facts: Facts) -> str:
    """The same for notebooks, with curves."""
    rows = _rows(facts)
    table = notebook.table(rows) if len(rows) > 1 else ""
    return f"<div>{notebook.paragraphs([head(facts)])}<div>{''.join(_charts(facts))}</div>{table}</div>"


def head(facts: Facts) -> str:
    """How long the run was, and why it ended."""
    count = len(facts.epochs)
    epochs = f"{count} epoch{'s' * (count != 1)}{' (the last one unfinished)' * facts.partial}"
    seconds = sum(value for value in facts.values.get("seconds", ()) if math.isfinite(value))
    took = [f"{seconds:.1f} s"] if count else []
    end = _ENDS.get(facts.stopped, facts.stopped)
    return ", ".join([f"History: {epochs}", f"{facts.batches:,} batches", *took, end])


def _rows(facts: Facts) -> list[tuple[str, ...]]:
    """The last and the best value of each quantity."""
    names = [name for name in facts.values if name not in _NOT_SHOWN]
    return [("", "last", "best", "in epoch"), *(_row(name, facts) for name in names)]


def _row(name: str, facts: Facts) -> tuple[str, ...]:
    from ..metrics import larger_is_better

    values = facts.values[name]
    last = values[-1] if values else None
    is_larger_better = False if name.removeprefix("val_") == "loss" else larger_is_better(name)
    known = [(value, place) for place, value in enumerate(values) if math.isfinite(value)]
    if is_larger_better is None or not known:
        return name, text_table.number(last), "", ""
    sign = -1 if is_larger_better else 1
    best, place = min(known, key=lambda found: (sign * found[0], found[1]))
    return name, text_table.number(last), text_table.number(best), str(facts.epochs[place] + 1)


def _charts(facts: Facts) -> list[str]:
    """A chart for each of the first quantities, in training and validation; for one epoch, the loss of its batches."""
    if len(facts.epochs) < 2:
        return [chart("loss", [facts.losses], "batch")]
    epochs = [number + 1 for number in facts.epochs]
    names = dict.fromkeys(name.removeprefix("val_") for name in facts.values if name not in _NOT_SHOWN)
    charts = []
    for name in list(names)[:_MOST_CHARTS]:
        there: dict[str, Any] = {"training": facts.values.get(name), "validation": facts.values.get(f"val_{name}")}
        curves = [Curve(label, epochs, values) for label, values in there.items() if values is not None]
        charts.append(chart(name, curves, "epoch"))
    return charts
