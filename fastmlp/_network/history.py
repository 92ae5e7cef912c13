"""The history of a training: losses and accuracies by epoch and by batch."""

from __future__ import annotations

import copy
import csv
import dataclasses
import io
import math
import os
from collections.abc import Iterator, KeysView
from dataclasses import dataclass, field
from typing import Any

from .._base import check, keras
from .._base.curves import Curve
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.files import as_path, write_atomically
from .._base.public import as_public
from .history_looks import Facts, html, text

__all__ = ["History"]

LATEST = 10_000  # batches whose values files and pickles keep
_MOST_EARLIER = 1_000  # values of batches before these
SUMS = ("batches", "rows", "loss", "correct")  # over the trained batches of an unfinished epoch


@dataclass(repr=False)
class History:
    """The record of a training run.

    Attributes
    ----------
    history : dict of str to list of float
        One value for each epoch: ``"loss"``, ``"accuracy"``, ``"val_loss"``, ``"val_accuracy"``, ``"seconds"`` (the
        training itself, without validation), ``"learning_rate"`` (at the end of the epoch), and the numbers that your
        callbacks write into the logs in ``on_epoch_end``. Unknown values are NaN: the validation of an epoch that
        Ctrl-C interrupted, of epochs without validation, or of epochs before a run was resumed with validation.
    batches : dict of str to list of float
        One value for each batch, in the order of training: ``"loss"`` and ``"accuracy"``, before its update. NaN for
        batches of runs that did not have the metric. Files and pickles keep the latest 10,000 values, and of the
        earlier ones every second, or every fourth, and so on: at most 1,000. ``batch_numbers`` tells which are there.
    validations : dict of str to list of float
        One value for each validation of ``fit(validation_batches=...)``: ``"epoch"``, ``"batch"`` (the batches done in
        that epoch), ``"val_loss"``, ``"val_accuracy"``.
    epoch : list of int
        The numbers of the epochs, from 0.
    stopped : str
        Why training ended: ``"finished"``, ``"interrupted"`` (Ctrl-C), ``"max_time"``, ``"callback"`` (a callback set
        ``stop_training``), ``"diverged"``, or ``"failed"`` (an error was raised).
    partial : bool
        Whether the last epoch is unfinished; its values then cover only the trained batches.
    thinned_at : int
        How many batches had been trained when values of ``batches`` were left out, for a file or a pickle; 0 if none
        were.
    so_far : dict of str to float
        Sums over the trained batches of an unfinished epoch, with which ``fit(resume=True)`` continues.
    solver : dict
        How SciPy's search ended, after training with L-BFGS: ``"status"`` (0: converged; 1: the last epoch, or the most
        evaluations; 2: no step lowers the loss) and ``"message"``, the numbers of ``"iterations"`` and
        ``"evaluations"``, and the last ``"loss"``.
    params : dict
        As in Keras: ``"epochs"``, ``"steps"`` (the batches of an epoch; None if nobody knows) and ``"verbose"`` of the
        latest `fit`. It is empty in a history from a file.

    Examples
    --------
    >>> from fastmlp.history import History
    >>> h = History(history={"loss": [0.5, 0.25]}, epoch=[0, 1])
    >>> h["loss"][-1]
    0.25
    >>> h
    History: 2 epochs, 0 batches, 0.0 s, finished
            last    best  in epoch
    loss  0.2500  0.2500         2
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    batches: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    stopped: str = "finished"
    partial: bool = False
    validations: dict[str, list[float]] = field(default_factory=dict)
    thinned_at: int = 0
    so_far: dict[str, float] = field(default_factory=dict)
    solver: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def batch_count(self) -> int:
        """The number of trained batches, including those whose values were left out."""
        return self.thinned_at + self.latest_batches - min(self.thinned_at, LATEST)

    @property
    def latest_batches(self) -> int:
        """How many values at the end of ``batches`` are those of consecutive batches."""
        there = max(map(len, self.batches.values()), default=0)
        return there - len(_earlier(self.thinned_at))

    @property
    def batch_numbers(self) -> list[int]:
        """For each value in the lists of ``batches``, the number of its batch, from 0."""
        count = self.batch_count
        return [*_earlier(self.thinned_at), *range(count - self.latest_batches, count)]

    def thinned(self) -> History:
        """The history for a file or a pickle: it lacks values of most batches before the latest 10,000.

        Of those it has the batches whose numbers are multiples of 2ⁿ, for the smallest n that leaves at most 1,000.
        What is left depends on the number of batches alone, not on earlier files.
        """
        count = self.batch_count
        if len(_earlier(count)) + LATEST >= count or self.thinned_at == count:
            return self
        there = {number: place for place, number in enumerate(self.batch_numbers)}
        places = [there[number] for number in (*_earlier(count), *range(count - LATEST, count))]
        fewer = {name: [values[place] for place in places] for name, values in self.batches.items()}
        return dataclasses.replace(self, batches=fewer, thinned_at=count)

    def __getstate__(self) -> dict[str, Any]:
        return dict(vars(self.thinned()))

    def __setstate__(self, held: dict[str, Any]) -> None:
        self.__dict__.update({**vars(History()), **held})  # older pickles lack some fields

    def __deepcopy__(self, memo: dict[int, Any]) -> History:
        """A copy with all values: only files and pickles have fewer."""
        return type(self)(**copy.deepcopy(vars(self), memo))

    def __copy__(self) -> History:
        return type(self)(**vars(self))

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    def __getitem__(self, name: str) -> list[float]:
        return self.history[name]

    def __contains__(self, name: object) -> bool:
        return name in self.history

    def __iter__(self) -> Iterator[str]:
        return iter(self.history)

    def keys(self) -> KeysView[str]:
        """The names of the values of each epoch."""
        return self.history.keys()

    def add_batches(self, **values: list[float]) -> None:
        """Append values of consecutive batches; NaN for values that this run does not measure."""
        length, more = max(map(len, self.batches.values()), default=0), max(map(len, values.values()), default=0)
        for name in {**self.batches, **values}:
            if name not in self.batches:
                self.batches[name] = [math.nan] * length
            self.batches[name].extend(values[name] if name in values else [math.nan] * more)

    def add_validation(self, epoch: int, batch: int, values: dict[str, float]) -> None:
        """Append a validation after some batches of an epoch."""
        _append(self.validations, {"epoch": epoch, "batch": batch, **values}, len(self.validations.get("epoch", [])))

    def add_epoch(self, number: int, logs: dict[str, float], *, partial: bool) -> None:
        """Append the values of an epoch, or replace those of a partial epoch that it completes."""
        if self.partial:
            self.epoch.pop()
            for items in self.history.values():
                items.pop()
        self.partial = partial
        _append(self.history, logs, len(self.epoch))
        self.epoch.append(number)

    def change_epoch(self, values: dict[str, float]) -> None:
        """Set values of the last epoch, also new ones, which are NaN for the epochs before it."""
        for name, value in values.items():
            self.history.setdefault(name, [math.nan] * len(self.epoch))[-1] = value

    def config(self) -> dict[str, Any]:
        """A JSON-ready description, `thinned`; `from_config` reads it back."""
        kept = self.thinned()
        values = {
            "history": kept.history,
            "batches": kept.batches,
            "epoch": kept.epoch,
            "stopped": kept.stopped,
            "partial": kept.partial,
            "validations": kept.validations,
        }
        # Without them, earlier versions can read the file.
        if kept.thinned_at:
            values.update(thinned_at=kept.thinned_at, so_far=kept.so_far)
        return {**values, "solver": kept.solver} if kept.solver else values

    @classmethod
    def from_config(cls, config: Any) -> History:
        """The history that `config` describes; refuses unknown fields, wrong types and lists of different lengths."""
        legal = [name for name in cls.__dataclass_fields__ if name != "params"]
        if not isinstance(config, dict) or not config.keys() <= set(legal):
            raise ArgumentTypeError(f"history must have no fields but {', '.join(legal)}")
        history = cls(**config)
        check.yes_or_no(history.partial, "history: partial")
        if not isinstance(history.stopped, str):
            raise ArgumentTypeError(f"history: stopped must be a text, not {history.stopped!r:.60}")
        epochs = len(_epochs(history.epoch, "history: epoch"))
        _check_lists(history.history, "history", epochs)
        validations = _check_lists(history.validations, "validations")
        for name in ("epoch", "batch") if validations else ():
            _epochs(history.validations.get(name), f"history: {name} of validations")
        if history.partial and not epochs:
            raise ArgumentError("history: partial is the last epoch, but there is none")
        history.batches = _of_one_length(history.batches)
        values = _check_lists(history.batches, "batches")
        thinned_at = check.whole_number(history.thinned_at, "history: thinned_at", minimum=0, maximum=2**53)
        if thinned_at and values < len(_earlier(thinned_at)) + min(LATEST, thinned_at):
            raise ArgumentError(f"history: thinned_at is {thinned_at}, but batches has only {values} values")
        _check_sums(history.so_far)
        _check_solver(history.solver)
        return history

    def _facts(self) -> Facts:
        losses = Curve("training", [number + 1 for number in self.batch_numbers], self.batches.get("loss", []))
        return Facts(self.history, self.epoch, self.batch_count, losses, self.stopped, self.partial)

    def __repr__(self) -> str:
        return text(self._facts())

    def _repr_html_(self) -> str:
        return html(self._facts())

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one line for each epoch; the file is written completely or not at all."""
        names = list(self.history)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", *names])
        for row, number in enumerate(self.epoch):
            writer.writerow([number, *(repr(float(self.history[name][row])) for name in names)])
        write_atomically(as_path(path), text.getvalue().encode())


def _earlier(count: int) -> range:
    """The batches before the latest ones whose values a thinned history of ``count`` batches has."""
    before = max(0, count - LATEST)
    step = 1 << (max(1, -(-before // _MOST_EARLIER)) - 1).bit_length()
    return range(0, before, step)


def _check_sums(sums: Any) -> None:
    """Check the sums over an unfinished epoch: all of them, or none."""
    if not isinstance(sums, dict) or sums.keys() not in (set(), set(SUMS)):
        raise ArgumentTypeError(f"history: so_far must have {', '.join(SUMS)}, or nothing, not {sums!r:.60}")
    for name in sums:
        if name == "loss":
            check.real_number(sums[name], "history: loss of so_far")
        else:
            check.whole_number(sums[name], f"history: {name} of so_far", minimum=0, maximum=2**53)


def _check_solver(ending: Any) -> None:
    is_known = isinstance(ending, dict) and all(
        isinstance(name, str) and type(value) in (int, float, str) for name, value in ending.items()
    )
    if not is_known:
        raise ArgumentTypeError(f"history: solver must have a number or a text for each name, not {ending!r:.60}")


def _epochs(values: Any, name: str) -> list[int]:
    numbers = values if isinstance(values, list) else None
    if numbers is None:
        raise ArgumentTypeError(f"{name} must be a list of numbers, not {values!r:.60}")
    return [check.whole_number(number, name, minimum=0, maximum=2**53) for number in numbers]


def _check_lists(lists: Any, name: str, length: int | None = None) -> int:
    """Check lists of numbers, which must have the same ``length``; returns that length."""
    if not isinstance(lists, dict) or not all(isinstance(values, list) for values in lists.values()):
        raise ArgumentTypeError(f"history: {name} must have a list of numbers for each name, not {lists!r:.60}")
    for key, values in lists.items():
        if not all(type(value) is float or (type(value) is int and abs(value) <= 2**53) for value in values):
            raise ArgumentTypeError(f"history: {name} must hold numbers, but {key!r:.60} has others")
        length = len(values) if length is None else length
        if len(values) != length:
            raise ArgumentError(f"history: the lists of {name} must have {length} numbers, but {key!r:.60} has others")
    return length or 0


def _of_one_length(batches: Any) -> Any:
    """Drop incomplete lists of batches: version 0.1.0 wrote a metric of only some runs without gaps."""
    if not isinstance(batches, dict) or not isinstance(batches.get("loss"), list):
        return batches
    length = len(batches["loss"])
    return {name: values for name, values in batches.items() if not isinstance(values, list) or len(values) == length}


def _append(lists: dict[str, list[float]], values: dict[str, float], length: int) -> None:
    """Append to lists of equal length, with NaN for unknown values, so that the lengths stay equal."""
    for name in {**lists, **values}:
        if name not in lists:
            lists[name] = [math.nan] * length
        lists[name].append(values.get(name, math.nan))


as_public(globals(), "fastmlp.history")
