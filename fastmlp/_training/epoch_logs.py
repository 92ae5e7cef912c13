"""Records what callbacks write into the logs of an epoch: the history has it too, as in Keras."""

import warnings
from collections.abc import Iterable
from operator import is_
from typing import Any

from .._base import check
from .._base.interruption import uninterrupted
from .._network.history import History
from ..callbacks import Callback

_NOT_RECORDED = "samples_per_second"  # it follows from the seconds


def recorded(logs: dict[str, float]) -> dict[str, float]:
    """The values of the logs that a history keeps."""
    return {name: value for name, value in logs.items() if name != _NOT_RECORDED}


class WrittenLogs:
    """Tells callbacks of an epoch, and lets a history take over what they write."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._left_out: set[Any] = set()  # names that a warning has named

    def tell(self, callbacks: Iterable[Callback], epoch: int, logs: dict[str, Any]) -> None:
        """Call each callback. What one writes is recorded before the next is called, which may save the history."""
        known = dict(logs)
        for callback in callbacks:
            callback.on_epoch_end(epoch, logs)
            if len(logs) != len(known) or not all(map(is_, logs.values(), known.values())):
                self._take_over(callback, logs, known)
                known = dict(logs)

    def _take_over(self, callback: Callback, logs: dict[str, Any], known: dict[str, Any]) -> None:
        changed = {name: value for name, value in logs.items() if name not in known or known[name] is not value}
        numbers = {name: check.number_in(value) for name, value in recorded(changed).items()}
        usable = {name: number for name, number in numbers.items() if number is not None and isinstance(name, str)}
        with uninterrupted():
            self._history.change_epoch(usable)
        for name in numbers.keys() - usable.keys() - self._left_out:
            self._left_out.add(name)
            warnings.warn(
                f"the history has no {name!r:.60}, which {type(callback).__name__} put into the logs: it keeps "
                f"numbers, and this is {logs[name]!r:.60}",
                stacklevel=2,
            )
