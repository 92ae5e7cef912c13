"""Training one at a time, and without a trace where it fails before its first batch. Floor 4."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._errors import BusyError

if TYPE_CHECKING:
    from .fitting import Fitting

_SET_UP = ("seed", "classes", "feature_names", "history", "_engine")


@contextlib.contextmanager
def attempt(model: Fitting) -> Iterator[None]:
    """Training is prepared and done in this context.

    Raises
    ------
    BusyError
        If the model is being trained already.
    """
    if model._busy:
        raise BusyError("this model is being trained already: train a copy (copy.deepcopy), or wait for its end")
    before = _State(model)
    model._busy = True
    try:
        yield
    except BaseException:
        if not before.is_trained_since():
            before.bring_back()
        raise
    finally:
        model._busy = False


class _State:
    """What the beginning of a training changes."""

    def __init__(self, model: Fitting) -> None:
        self._model = model
        self._set_up: dict[str, Any] = {name: model.__dict__[name] for name in _SET_UP}
        self._position = dataclasses.replace(model.position)
        self._first = model.declarations[0]  # a Normalization is given its statistics
        self._step, self._batches = self._steps(), self._recorded()

    def _steps(self) -> int:
        return 0 if self._model._engine is None else self._model._engine.step

    def _recorded(self) -> int:
        return 0 if self._model.history is None else len(self._model.history.batches.get("loss", ()))

    def is_trained_since(self) -> bool:
        """Whether there was a batch, be it one that diverged."""
        history = self._model.history
        if history is not self._set_up["history"]:
            return history is not None and bool(history.batches)
        return (self._steps(), self._recorded()) != (self._step, self._batches)

    def bring_back(self) -> None:
        """Make the model what it was."""
        model = self._model
        model.__dict__.update(self._set_up)
        model.position = self._position
        if model.declarations[0] is not self._first:
            model.declarations[0] = self._first
            if model._engine is not None:
                model._set_statistics(self._first)
