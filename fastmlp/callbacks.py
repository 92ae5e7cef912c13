"""Hooks into the training loop. Everything that is not training itself is one of these."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from .model import Sequential

Logs = dict[str, float]


class Callback:
    """Base of all callbacks: override what you need. Setting ``self.model.stop_training = True`` ends training.

    ``logs`` holds what is known by then: means over the epoch so far, and after an epoch the validation.

    Examples
    --------
    >>> import fastmlp as fm
    >>> class StopWhenGood(fm.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         self.model.stop_training = logs["accuracy"] > 0.99
    """

    model: Sequential

    def on_train_begin(self, plan: dict[str, Any]) -> None:
        """Before the first epoch; ``plan`` has ``epochs``, ``first_epoch``, ``batches`` and ``rows`` of an epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before an epoch, numbered from 0."""

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        """After each stretch of batches, some twenty times a second; ``batch`` is the number done in this epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch and its validation."""

    def on_train_end(self, reason: str) -> None:
        """After training; ``reason`` is the history's ``stopped``."""


class ProgressLine(Callback):
    """A line for each epoch: loss, metrics, validation, samples per second, and the time that is left.

    Parameters
    ----------
    live : bool
        Whether to redraw the line while the epoch runs (for a terminal), or print finished lines only.
    """

    def __init__(self, *, live: bool, stream: TextIO | None = None) -> None:
        self.live = live
        self.stream = stream
        self._drawn = 0

    def on_train_begin(self, plan: dict[str, Any]) -> None:
        self._plan = plan
        self._start = time.perf_counter()
        self._epochs_done = 0

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        if self.live:
            self._write(self._line(logs, batch / self._plan["batches"]), final=False)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._epochs_done += 1
        self._write(self._line(logs, 0.0), final=True)

    def on_train_end(self, reason: str) -> None:
        if reason != "finished":
            said = {"max_time": "the time given is over", "interrupted": "interrupted"}.get(reason, reason)
            self._write(f"stopped: {said}", final=True)

    def _line(self, logs: Logs, fraction: float) -> str:
        shown = [f"{name} {value:.4f}" for name, value in logs.items() if name not in ("seconds", "samples_per_second")]
        rate = f"{logs['samples_per_second']:,.0f} samples/s"
        width = len(str(self._plan["epochs"]))
        head = f"epoch {self._epoch + 1:{width}d}/{self._plan['epochs']}"
        return "  ".join([head, *shown, rate, f"ETA {_duration(self._left(fraction))}"])

    def _left(self, fraction: float) -> float:
        done = self._epochs_done + fraction
        wanted = self._plan["epochs"] - self._plan["first_epoch"]
        passed = time.perf_counter() - self._start
        return passed / done * max(0.0, wanted - done) if done else 0.0

    def _write(self, line: str, *, final: bool) -> None:
        stream = self.stream or sys.stdout
        start = "\r" if self._drawn else ""
        stream.write(start + line.ljust(self._drawn) + ("\n" if final else ""))
        self._drawn = 0 if final else len(line)
        stream.flush()


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def progress(verbose: str | int | bool) -> list[Callback]:
    """The progress callback for ``verbose``: 0 none, 1 a live line, 2 finished lines, "auto" what the output takes."""
    if verbose == "auto":
        verbose = 1 if sys.stdout is not None and sys.stdout.isatty() else 2
    return [] if not verbose or sys.stdout is None else [ProgressLine(live=int(verbose) == 1)]
