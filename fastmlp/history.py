"""What training left behind: losses and accuracies by epoch and by batch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, KeysView
from dataclasses import dataclass, field
from typing import Any

from ._errors import ArgumentTypeError


@dataclass
class History:
    """The record of a training run.

    Attributes
    ----------
    history : dict of str to list of float
        One value for each epoch: ``"loss"``, ``"accuracy"``, ``"val_loss"``, ``"val_accuracy"``, ``"seconds"``
        (the training itself, without validation). NaN stands for what is not known: the validation of an epoch that
        Ctrl-C cut short, of epochs that had none, or of epochs before a run was resumed with validation.
    batches : dict of str to list of float
        One value for each batch, in the order of training: ``"loss"`` and ``"accuracy"``, before its update.
    validations : dict of str to list of float
        One value for each validation that ``fit(validation_batches=...)`` asked for: ``"epoch"`` and ``"batch"``, the
        batches that were done in that epoch, ``"val_loss"``, ``"val_accuracy"``.
    epoch : list of int
        Numbers of the epochs, from 0.
    stopped : str
        Why training ended: ``"finished"``, ``"interrupted"`` (Ctrl-C), ``"max_time"``, ``"callback"`` (one set
        ``stop_training``), ``"diverged"``, or ``"failed"`` (something raised an error).
    partial : bool
        Whether the last epoch was not trained to its end; its values then cover the batches that were.

    Examples
    --------
    >>> from fastmlp.history import History
    >>> h = History(history={"loss": [0.5, 0.25]}, epoch=[0, 1])
    >>> h["loss"][-1]
    0.25
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    batches: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    stopped: str = "finished"
    partial: bool = False
    validations: dict[str, list[float]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> list[float]:
        return self.history[name]

    def __contains__(self, name: object) -> bool:
        return name in self.history

    def __iter__(self) -> Iterator[str]:
        return iter(self.history)

    def keys(self) -> KeysView[str]:
        """Names of the values of each epoch."""
        return self.history.keys()

    def add_batches(self, **values: list[float]) -> None:
        """Append values of consecutive batches."""
        for name, items in values.items():
            self.batches.setdefault(name, []).extend(items)

    def add_validation(self, epoch: int, batch: int, values: dict[str, float]) -> None:
        """Append a validation after some batches of an epoch."""
        _append(self.validations, {"epoch": epoch, "batch": batch, **values}, len(self.validations.get("epoch", [])))

    def add_epoch(self, number: int, logs: dict[str, float], *, partial: bool) -> None:
        """Append the values of an epoch; one that completes a partial epoch replaces it."""
        if self.partial:
            self.epoch.pop()
            for items in self.history.values():
                items.pop()
        self.partial = partial
        _append(self.history, logs, len(self.epoch))
        self.epoch.append(number)

    def config(self) -> dict[str, Any]:
        """A JSON-ready description; ``History(**config)`` reads it back."""
        return {
            "history": self.history,
            "batches": self.batches,
            "epoch": self.epoch,
            "stopped": self.stopped,
            "partial": self.partial,
            "validations": self.validations,
        }

    def write_csv(self, path: Any) -> None:
        """Write one line for each epoch to the file of this name. A number would be an open file, and is refused.

        Raises
        ------
        ArgumentTypeError
            If ``path`` is not the name of a file.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise ArgumentTypeError(f"path must be the name of a file, not {path!r:.60}")
        names = list(self.history)
        lines = [",".join(["epoch", *names])]
        for row, number in enumerate(self.epoch):
            lines.append(",".join([str(number), *(repr(float(self.history[name][row])) for name in names)]))
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def _append(lists: dict[str, list[float]], values: dict[str, float], length: int) -> None:
    """Append to lists of one length; NaN where a value is not known, so that they keep one length."""
    for name in {**lists, **values}:
        lists.setdefault(name, [math.nan] * length).append(values.get(name, math.nan))
