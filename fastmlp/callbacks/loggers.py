"""Writes files with a line for each epoch."""

import contextlib
import csv
import io
import json
import math
import os
from typing import Any

from .._base import check
from .._base.errors import ArgumentError
from .._base.files import as_path, write_atomically
from .base import Callback, Logs


class EpochLines(Callback):
    """A text file with a line for each epoch, which is readable during training.

    The file is open only while a line is written, so that no line is lost, however training ends.
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        self.path = as_path(path)
        self.append = check.yes_or_no(append, "append")

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._names = list(run_info["logs"])
        goes_on = bool(self.model.history and self.model.history.epoch)  # a new run starts with an empty history
        lines = self._lines_there() if self.append or goes_on else []
        if goes_on:
            while lines and self._is_repeated(lines[-1], run_info["first_epoch"]):
                lines.pop()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path, "".join(f"{line}\n" for line in lines).encode())

    def _lines_there(self) -> list[str]:
        """The lines of the file, without an unfinished last line after a crash."""
        if not self.path.is_file():
            return []
        text = self.path.read_text(encoding="utf-8")
        return text.split("\n")[:-1]

    def _is_repeated(self, line: str, first_epoch: int) -> bool:
        epoch = self._epoch_of(line)
        return epoch is not None and epoch >= first_epoch

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        text = self._line(epoch, logs)
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            file.write(text)

    def _line(self, epoch: int, logs: Logs) -> str:
        """The line of an epoch, with its line end."""
        raise NotImplementedError

    def _epoch_of(self, line: str) -> int | None:
        """The number of the epoch in a line; None for other lines."""
        raise NotImplementedError


class CSVLogger(EpochLines):
    """Writes a table with a line for each epoch: its number, from 0, and all values of the logs.

    Lines are readable as soon as their epoch ends. A run with ``fit(resume=True)`` keeps the lines of earlier epochs
    and replaces those that it trains again, also in another process.

    Parameters
    ----------
    path : path-like
        Missing folders are made.
    append : bool, default False
        False: a new run writes a new file. True: it adds lines to the existing file, in the same columns.

    Raises
    ------
    ArgumentError
        By `fit`, if the existing file is not such a table.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp as fm
    >>> path = os.path.join(tempfile.mkdtemp(), "log.csv")
    >>> model = fm.mlp([4], classes=2, seed=0)
    >>> log = fm.callbacks.CSVLogger(path)
    >>> history = model.fit([[0.0], [1.0]], [0, 1], epochs=3, verbose=0, callbacks=[log])
    >>> with open(path) as file:
    ...     print(file.readline().strip())
    epoch,loss,accuracy,seconds,samples_per_second,learning_rate
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        super().__init__(path, append)

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._columns: list[str] = []
        super().on_train_begin(run_info)

    def _lines_there(self) -> list[str]:
        lines = super()._lines_there()
        if lines:
            self._columns = next(csv.reader(lines[:1]))
            if self._columns[:1] != ["epoch"]:
                raise ArgumentError(
                    f"path: {self.path} does not begin with a column 'epoch', so it is not a table of epochs: "
                    "choose another file, or append=False"
                )
        return lines

    def _line(self, epoch: int, logs: Logs) -> str:
        rows: list[list[Any]] = []
        if not self._columns:  # also values that other callbacks have added to the logs
            self._columns = list(dict.fromkeys(["epoch", *self._names, *logs]))
            rows.append(self._columns)
        values = {"epoch": epoch, **{name: _as_text(value) for name, value in logs.items()}}
        rows.append([values.get(name, "") for name in self._columns])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue()

    def _epoch_of(self, line: str) -> int | None:
        with contextlib.suppress(ValueError):
            return int(line.split(",", 1)[0])
        return None


class JSONLogger(EpochLines):
    """Writes a line of JSON for each epoch: ``{"epoch": 0, "loss": 0.5, …}``.

    NaN and infinity become ``null``, and what is no number a text. Otherwise it works like `CSVLogger`.

    Parameters
    ----------
    path : path-like
        Missing folders are made.
    append : bool, default False
        False: a new run writes a new file. True: it adds lines to the existing file.

    Examples
    --------
    >>> import json, os, tempfile
    >>> import fastmlp as fm
    >>> path = os.path.join(tempfile.mkdtemp(), "log.jsonl")
    >>> model = fm.mlp([4], classes=2, seed=0)
    >>> log = fm.callbacks.JSONLogger(path)
    >>> history = model.fit([[0.0], [1.0]], [0, 1], epochs=3, verbose=0, callbacks=[log])
    >>> with open(path) as file:
    ...     [json.loads(line)["loss"] for line in file] == history["loss"]
    True
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        super().__init__(path, append)

    def _line(self, epoch: int, logs: Logs) -> str:
        return json.dumps({"epoch": epoch, **{name: _as_json(value) for name, value in logs.items()}}) + "\n"

    def _epoch_of(self, line: str) -> int | None:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            return int(json.loads(line)["epoch"])
        return None


def _as_text(value: Any) -> str:
    """A number with all of its digits; anything else that a callback wrote as Python shows it."""
    number = check.number_in(value)
    return str(value) if number is None else repr(number)


def _as_json(value: Any) -> float | str | None:
    number = check.number_in(value)
    if number is None:
        return str(value)
    return number if math.isfinite(number) else None
