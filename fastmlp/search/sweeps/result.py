"""The result of a sweep: its runs, the best of them, and tables."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import os
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..._base import check, notebook, text_table
from ..._base.errors import ArgumentError
from ..._base.files import as_path, write_atomically
from ..._network.history import History
from ...metrics import larger_is_better
from ...model import Sequential
from ...model import load as load_model
from .settings import Settings, described

FINISHED, DIVERGED, FAILED = "finished", "diverged", "failed"
INTERRUPTED, NOT_STARTED = "interrupted", "not started"

_MOST_LINES = 15  # of the table that a prompt shows

# The default metrics to compare runs; the first that exists counts.
_JUDGED_BY = ("test_accuracy", "test_loss", "val_accuracy", "val_loss", "accuracy", "loss")


@dataclass(frozen=True, eq=False, repr=False)
class SweepRun:
    """One run of a sweep.

    Attributes
    ----------
    name : str
    settings : dict
        The given settings, without the name.
    status : str
        ``"finished"`` (also after a callback or ``max_time``; see ``history.stopped``), ``"diverged"``, ``"failed"``
        (an error was raised), ``"interrupted"`` or ``"not started"`` (Ctrl-C).
    reason : str
        What went wrong.
    metrics : dict of str to float
        ``loss`` and others are those of the last epoch's training. ``val_loss`` and others are those of the final
        model on the validation data. ``test_loss`` and others come from `fastmlp.sweeps.evaluate`.
    history : History or None
    higher_is_better : dict of str to bool or None
        For metrics that know it; `SweepResult.sorted` uses it before their names.
    seconds : float
        The duration of the run.
    model : Sequential or None
        The trained model, unless it is in a folder.
    path : Path or None
        The file of the model, if it is in a folder.
    was_loaded : bool
        Whether an earlier sweep trained it.
    """

    name: str
    settings: Settings
    status: str = NOT_STARTED
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    higher_is_better: dict[str, bool | None] = field(default_factory=dict)
    history: History | None = None
    seconds: float = 0.0
    model: Sequential | None = None
    path: Path | None = None
    was_loaded: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether there is a trained model."""
        return self.status == FINISHED

    @property
    def epochs(self) -> int:
        """How many epochs were trained, including an unfinished one."""
        return len(self.history.epoch) if self.history else 0

    def has(self, metric: str) -> bool:
        """Whether it finished with a number for this metric."""
        return self.is_finished and not math.isnan(self.metrics.get(metric, math.nan))

    def load(self, custom_objects: Mapping[str, Any] | None = None) -> Sequential:
        """The trained model, from memory or from its file; raises `ArgumentError` if the run did not finish.

        ``custom_objects`` has activations and losses of your own for a file, see `fastmlp.load`.
        """
        if self.model is not None:
            return self.model
        if self.path is None:
            raise ArgumentError(
                f"run {self.name!r} has no model: it is {self.status}{f' ({self.reason})' * bool(self.reason)}"
            )
        return load_model(self.path, custom_objects)

    def line(self) -> str:
        """The line to print at the end of the run."""
        values = [f"{name} {text_table.number(value)}" for name, value in self.metrics.items()]
        took = "loaded" if self.was_loaded else f"{self.epochs} epochs in {self.seconds:.1f} s"
        trouble = [] if self.is_finished else [f"{self.status}{': ' * bool(self.reason)}{_short(self.reason)}"]
        return "  ".join([self.name, *values, *trouble, took])

    def __repr__(self) -> str:
        return f"<SweepRun {self.line()}>"

    def replace(self, **changes: Any) -> SweepRun:
        """The same run with other attributes."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """All runs of a sweep, in the order of their settings.

    It has a length, is iterable, and returns a run by its number or its name. ``print(result)`` shows `table`.

    Attributes
    ----------
    runs : tuple of SweepRun

    Examples
    --------
    >>> from fastmlp.sweeps import SweepResult, SweepRun
    >>> result = SweepResult((
    ...     SweepRun("small", {}, "finished", metrics={"val_accuracy": 0.9}, seconds=1.0),
    ...     SweepRun("large", {}, "finished", metrics={"val_accuracy": 0.95}, seconds=2.5),
    ...     SweepRun("wild", {}, "diverged", reason="the loss became NaN"),
    ... ))
    >>> result.best("val_accuracy").name
    'large'
    >>> print(result)
    name   status    epochs  seconds  val_accuracy
    large  finished       0      2.5        0.9500
    small  finished       0      1.0        0.9000
    wild   diverged       0      0.0                the loss became NaN
    """

    runs: tuple[SweepRun, ...]

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[SweepRun]:
        return iter(self.runs)

    def __getitem__(self, key: int | str) -> SweepRun:
        if not isinstance(key, str):
            return self.runs[key]
        for run in self.runs:
            if run.name == key:
                return run
        raise KeyError(key)

    @property
    def was_interrupted(self) -> bool:
        """Whether Ctrl-C left unfinished runs; with a folder, the same call continues them.

        `fastmlp.sweep` then raises `SweepInterrupted`, which has this ``result``.
        """
        return any(run.status in (INTERRUPTED, NOT_STARTED) for run in self.runs)

    @property
    def metrics(self) -> list[str]:
        """The names of all metrics of the runs."""
        return list(dict.fromkeys(name for run in self.runs for name in run.metrics))

    def sorted(self, metric: str | None = None, mode: str = "auto") -> list[SweepRun]:
        """The runs, best first; among equal runs, the smaller loss comes first. Runs without the metric come last.

        Parameters
        ----------
        metric : str, optional
            One that a run has. Default: the accuracy, or else the loss, on test data, else on validation data, else in
            training; otherwise any other metric.
        mode : {"auto", "min", "max"}, default "auto"
            Whether the smallest or the largest is best. "auto" asks the metric, then its name, and else takes the
            largest.
        """
        name = self._judged_by(metric)
        if check.choice(mode, "mode", ("auto", "min", "max")) == "auto":
            mode = "min" if self.larger_is_better(name) is False else "max"
        sign = -1 if mode == "max" else 1
        prefix = name[: name.find("_") + 1] if name.startswith(("val_", "test_")) else ""

        def key(run: SweepRun) -> tuple[float, float, float]:
            if not run.has(name):
                return (1.0, 0.0, 0.0)
            loss = run.metrics[f"{prefix}loss"] if run.has(f"{prefix}loss") else math.inf
            return (0.0, sign * run.metrics[name], loss)

        return sorted(self.runs, key=key)

    def larger_is_better(self, name: str) -> bool | None:
        """Whether larger values of a metric are better, by the metric itself or its name; None if unknown."""
        names = (name, name.removeprefix("val_"), name.removeprefix("test_"))
        known = (run.higher_is_better.get(metric) for run in self.runs for metric in names)
        return next((answer for answer in known if answer is not None), larger_is_better(name))

    def _judged_by(self, metric: str | None) -> str:
        names = self.metrics
        if metric is None:
            return next((name for name in (*_JUDGED_BY, *names) if name in names), "loss")
        if metric not in names:
            raise ArgumentError(f"metric must be one that the runs have ({', '.join(names)}), not {metric!r}")
        return metric

    def best(self, metric: str | None = None, mode: str = "auto") -> SweepRun:
        """The finished run with the best metric; the arguments are those of `sorted`.

        Raises
        ------
        ArgumentError
            If no run has finished or has the metric, or if ``mode`` is "auto" and neither the metric nor its name
            decides.
        """
        if not any(run.is_finished for run in self.runs):
            raise ArgumentError("no run has finished, so none is the best: print the result to see why")
        name = self._judged_by(metric)
        if mode == "auto" and self.larger_is_better(name) is None:
            raise ArgumentError(f"whether {name!r} is better when larger is not known: say mode='min' or mode='max'")
        found = self.sorted(metric, mode)[0]
        if not found.has(self._judged_by(metric)):
            raise ArgumentError(f"no run has a {self._judged_by(metric)} that is a number: print the result")
        return found

    def table(self, metric: str | None = None, mode: str = "auto") -> str:
        """A line for each run as text, best first; the arguments are those of `sorted`."""
        rows = self._rows(metric, mode)
        return text_table.aligned(rows, left=self._left)

    @property
    def _left(self) -> tuple[int, ...]:
        """The columns of texts in the table."""
        return 0, 1, 4 + len(self.metrics)

    def _rows(self, metric: str | None = None, mode: str = "auto") -> list[tuple[str, ...]]:
        names = self.metrics
        rows = [("name", "status", "epochs", "seconds", *names, "")]
        for run in self.sorted(metric, mode):
            status = "loaded" if run.was_loaded and run.is_finished else run.status
            values = [text_table.number(run.metrics.get(name)) for name in names]
            rows.append((run.name, status, str(run.epochs), f"{run.seconds:.1f}", *values, _short(run.reason)))
        return rows

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return text_table.aligned(text_table.shortened(self._rows(), _MOST_LINES), left=self._left)

    def _repr_html_(self) -> str:
        return notebook.table(self._rows(), left=self._left)

    def to_csv(self, path: str | os.PathLike[str], metric: str | None = None, mode: str = "auto") -> None:
        """Write a line for each run, best first, with all digits of the metrics and all settings.

        Parameters
        ----------
        path : path-like
            The file is written completely or not at all.
        metric, mode
            As for `sorted`.
        """
        settings = list(dict.fromkeys(name for run in self.runs for name in run.settings))
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        head = ["name", "status", "reason", "epochs", "seconds"]
        # The loss of a model is both a setting and a metric.
        writer.writerow([*head, *self.metrics, *(f"settings.{name}" for name in settings)])
        for run in self.sorted(metric, mode):
            values = [_cell(run.metrics.get(name)) for name in self.metrics]
            given = [_cell(described(run.settings[name])) if name in run.settings else "" for name in settings]
            writer.writerow([run.name, run.status, run.reason, run.epochs, f"{run.seconds:.3f}", *values, *given])
        write_atomically(as_path(path), file.getvalue().encode())


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C ended a sweep.

    Attributes
    ----------
    result : SweepResult
        The runs that finished, were interrupted, or did not start.
    """

    def __init__(self, result: SweepResult) -> None:
        super().__init__("the sweep was interrupted: the result so far is in this error's result")
        self.result = result


def _short(reason: str) -> str:
    return textwrap.shorten(reason, 70, placeholder=" ...")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
