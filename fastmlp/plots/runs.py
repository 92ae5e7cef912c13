"""Compares runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from ..metrics import larger_is_better
from . import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_COLORED = 8
_NARROW = 0.2  # of the greatest value: if runs differ by less, their axis does not start at 0


def sweep(table: Iterable[Any], metric: str = "val_accuracy", axes: Any = None) -> Array:
    """Runs sorted by a metric: a bar for each, the best on top, and the metric by epoch if it is known.

    Smaller losses, errors and times are better (see `fastmlp.metrics.larger_is_better`), and larger values of other
    metrics. If bars differ little, their axis does not start at 0, and its label says so. Of more than 8 runs, only
    the best has a colour.

    Parameters
    ----------
    table : list of dict
        A dict for each run, or an object with attributes: ``name``, the metric, and optionally ``history`` (a History,
        or a dict of lists). Without the metric, the last value in the history counts. Runs without a value, or with
        NaN, come last.
    metric : str, default "val_accuracy"
    axes : array of 1 or 2 Axes, optional
        Axes for the bars and for the curves. Default: a new figure, which has only bars if there are no histories.

    Returns
    -------
    ndarray of Axes, shape (1,), (2,) or that of ``axes``

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If there are no runs, a run has no name, or no run has the metric.

    Examples
    --------
    >>> import fastmlp as fm
    >>> runs = [{"name": "narrow", "val_accuracy": 0.91}, {"name": "wide", "val_accuracy": 0.97}]
    >>> axes = fm.plots.sweep(runs)
    >>> axes[0].get_title()
    'Best val_accuracy: 0.9700 (wide)'
    """
    rows = check.items(table, "table", "runs")
    runs = [_Run.of(row, name, metric) for row, name in zip(rows, _names(rows), strict=True)]
    known = [run for run in runs if np.isfinite(run.value)]
    if not known:
        raise ArgumentError(f"table must have runs with {metric!r}, but none of its {len(runs)} rows has a value of it")
    judge = getattr(table, "larger_is_better", larger_is_better)  # a sweep's result knows its metrics
    sign = 1 if judge(metric) is False else -1
    known.sort(key=lambda run: sign * run.value)
    runs = known + [run for run in runs if not np.isfinite(run.value)]
    colors = _colors(len(runs))
    curves = any(run.has_curve for run in runs)
    height = float(np.clip(0.26 * len(runs) + 1.4, 3.5, 16))
    made = _style.given_axes(axes) if axes is not None else _new_subplots(curves, height)
    _draw_bars(made.flat[0], runs, metric, colors)
    if made.size > 1:
        _draw_curves(made.flat[1], runs, metric, colors)
    return made


@dataclass(frozen=True)
class _Run:
    name: str
    value: float
    epochs: Array
    curve: Array

    @classmethod
    def of(cls, row: Any, name: str, metric: str) -> _Run:
        history = _field(row, "history")
        values = getattr(history, "history", history)
        curve = np.asarray(values.get(metric, ()) if isinstance(values, Mapping) else (), dtype=np.float64)
        epochs = np.asarray(getattr(history, "epoch", range(len(curve))), dtype=np.float64) + 1
        if len(epochs) != len(curve):
            epochs = np.arange(1.0, len(curve) + 1)
        value = _field(row, metric)
        if value is None:
            value = curve[-1] if len(curve) else np.nan
        return cls(_style.shorten(name, 36, end=12), _number(value, metric), epochs, curve)

    @property
    def has_curve(self) -> bool:
        return bool(np.isfinite(self.curve).any())


def _names(rows: list[Any]) -> list[str]:
    """The names of runs without the settings that all of them share: ``layers=64,epochs=5`` becomes ``layers=64``."""
    names = [_field(row, "name") for row in rows]
    for row, name in zip(rows, names, strict=True):
        if name is None:
            raise ArgumentError(f"table must have a 'name' in each row, but {row!r:.60} has none")
    parts = [re.split(r",(?=\w+=)", str(name)) for name in names]
    same = set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
    shorter = [",".join(part for part in each if part not in same) for each in parts]
    return shorter if all(shorter) and len(set(shorter)) == len(set(map(str, names))) else list(map(str, names))


def _field(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, Mapping) else getattr(row, name, None)


def _number(value: Any, metric: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{metric} must be a number in each row of table, not {value!r:.60}") from None


def _colors(count: int) -> list[Any]:
    if count <= _MOST_COLORED:
        return _style.colors(count)
    return [_style.BLUE] + [_style.PALE] * (count - 1)


def _new_subplots(curves: bool, height: float) -> Array:
    subplots: Array = _style.subplots(None, (1, 1 + curves), (6.5 * (1 + curves), height))[0]
    return subplots


def _draw_bars(ax: Axes, runs: list[_Run], metric: str, colors: list[Any]) -> None:
    values = np.array([run.value for run in runs])
    start, limits = _bar_axis(values)
    note = f" (the axis starts at {start:.4g})" if start else ""
    _style.dress(ax, f"Best {metric}: {_shown(values[0])} ({runs[0].name})", metric + note, "", grid="x")
    ax.barh(range(len(runs)), np.nan_to_num(values - start), left=start, color=colors, height=0.75)
    ax.axvline(start, color=_style.GREY, linewidth=0.8)
    row = 72 * _style.inches(ax)[1] / len(runs)  # points
    size = float(np.clip(0.8 * row, 4.5, 9))
    ax.set_yticks(range(len(runs)), [run.name for run in runs], fontsize=size)
    ax.get_yticklabels()[0].set_fontweight("bold")
    ax.set_ylim(max(len(runs), 4) - 0.4, -0.6)
    ax.set_xlim(limits)
    for place, value in enumerate(values):
        weight = "bold" if place == 0 else "normal"
        text, at = (_shown(value), max(value, start)) if np.isfinite(value) else ("no value", start)
        style = {"va": "center", "fontsize": size, "fontweight": weight}
        ax.annotate(text, (at, place), (4, 0), textcoords="offset points", **style)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:#.4g}"


def _bar_axis(values: Array) -> tuple[float, tuple[float, float]]:
    """The ends of the axis, and the start of the bars: 0, unless the values are so close that they would look alike."""
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    start = 0.0
    if low > 0 and 0 < high - low < _NARROW * high:
        step = 10.0 ** np.floor(np.log10(high - low))
        start = float(np.floor((low - 0.5 * (high - low)) / step + 1e-6) * step)
    first, last = min(start, low), max(start, high)
    room = (last - first) or 1.0
    return start, (first - 0.05 * room if first < start else start, last + 0.15 * room)


def _draw_curves(ax: Axes, runs: list[_Run], metric: str, colors: list[Any]) -> None:
    _style.dress(ax, f"{metric} by epoch", "epoch", metric)
    drawn = [(run, color) for run, color in zip(runs, colors, strict=True) if run.has_curve]
    if not drawn:
        _style.say(ax, f"no history of {metric} was given")
        return
    for place, (run, color) in reversed(list(enumerate(drawn))):
        style = {"linewidth": 2.4 if place == 0 else 1.2, "zorder": 3 - place / len(drawn)}
        few = len(runs) <= _MOST_COLORED
        label = run.name if few else f"best: {run.name}" if place == 0 else "_"
        marks = {} if few or len(run.curve) == 1 else {"marker": ""}
        _style.line(ax, run.epochs, run.curve, color, label, **style, **marks)
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(handles[::-1], labels[::-1], fontsize="small")
    _style.whole_ticks(ax, min(run.epochs.min() for run, _ in drawn), max(run.epochs.max() for run, _ in drawn))
