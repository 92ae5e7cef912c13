"""Training one at a time, and without a trace where it fails before its first batch."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .._base.errors import BusyError
from ..layers import Normalization

if TYPE_CHECKING:
    from .fit import Fitting

_lock = threading.Lock()


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()  # a thread that the child does not have may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

_SET_UP = ("seed", "classes", "_has_learned_classes", "feature_names", "input_kind", "history", "_engine")


@contextlib.contextmanager
def attempt(model: Fitting) -> Iterator[None]:
    """Training is prepared and done in this context.

    Raises
    ------
    BusyError
        If the model is being trained already.
    """
    has_begun = False
    try:
        with _lock:
            if model._is_busy:
                raise BusyError(
                    "this model is being trained already: train a copy (copy.deepcopy), or wait for its end"
                )
            model._busy_in, has_begun = os.getpid(), True
        before = _State(model)
        try:
            yield
        except BaseException:
            if not before.is_trained_since():
                before.bring_back()
            raise
    finally:
        if has_begun:
            model._busy_in = None


class _State:
    """What the beginning of a training changes; what callbacks have changed stays as they want it."""

    def __init__(self, model: Fitting) -> None:
        self._model = model
        self._set_up: dict[str, Any] = {name: model.__dict__[name] for name in _SET_UP}
        self._position = dataclasses.replace(model.position)
        self._stopped = None if model.history is None else model.history.stopped
        self._step, self._batches = self._steps(), self._recorded()
        self._first = model.declarations[0] if model.declarations else None
        self._statistics = model.first_statistics()

    def _steps(self) -> int:
        return 0 if self._model._engine is None else self._model._engine.step

    def _recorded(self) -> int:
        return 0 if self._model.history is None else len(self._model.history.batches.get("loss", ()))

    def _has_new_history(self) -> bool:
        return self._model.history is not self._set_up["history"]

    def is_trained_since(self) -> bool:
        """Whether there was a batch, be it one that diverged."""
        if self._has_new_history():
            return self._model.history is not None and bool(self._model.history.batches)
        return (self._steps(), self._recorded()) != (self._step, self._batches)

    def bring_back(self) -> None:
        """Make the model what it was."""
        model = self._model
        if self._has_new_history():
            model.position = self._position
        elif model.history is not None and self._stopped is not None:
            model.history.stopped = self._stopped
        model.__dict__.update(self._set_up)
        if isinstance(self._first, Normalization) and self._first.mean is None:
            if self._statistics is not None:
                model._write_first_statistics(*self._statistics)
            model.declarations[0] = self._first
