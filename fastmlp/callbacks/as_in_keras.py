"""Callbacks that Keras's scripts name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._base import check
from .._base.errors import ArgumentTypeError
from .base import Callback, Logs


class History(Callback):
    """The logs of each epoch, as Keras's callback keeps them. `fastmlp.Sequential.fit` returns a history of its own.

    Attributes
    ----------
    history : dict of str to list
        The values of the logs of each epoch: floats, and what else callbacks before it have written, as it is.
    epoch : list of int
        The numbers of the epochs, from 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> kept = fm.callbacks.History()
    >>> model = fm.mlp([4], classes=2, seed=0)
    >>> history = model.fit([[0.0], [1.0]], [0, 1], epochs=3, verbose=0, callbacks=[kept])
    >>> kept.history["loss"] == history.history["loss"], kept.epoch
    (True, [0, 1, 2])
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self.history, self.epoch = {}, []

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            number = check.number_in(value)
            self.history.setdefault(name, []).append(value if number is None else number)


class TerminateOnNaN(Callback):
    """Ends training quietly if the loss becomes NaN or infinite; otherwise `fit` raises `fastmlp.DivergenceError`.

    The model keeps its last good parameters, and ``history.stopped`` is "diverged".

    Parameters
    ----------
    raise_error : bool, default False
        True raises the error, as without this callback.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)], seed=0)
    >>> model.compile(fm.SGD(1e30), "mse")
    >>> history = model.fit(
    ...     [[1.0], [2.0]], [0.0, 1.0], epochs=9, verbose=0, callbacks=[fm.callbacks.TerminateOnNaN()]
    ... )
    >>> history.stopped
    'diverged'
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = check.yes_or_no(raise_error, "raise_error")


class LambdaCallback(Callback):
    """A callback made of functions with the arguments of Keras; `Lambda` takes functions with those of `Callback`.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end : callable, optional
        ``f(epoch, logs)``.
    on_train_begin, on_train_end : callable, optional
        ``f(logs)``: an empty dict at the beginning, and the latest logs at the end.
    on_train_batch_end : callable, optional
        ``f(batch, logs)``, after each batch; ``on_batch_end`` is the same.

    Examples
    --------
    >>> import fastmlp as fm
    >>> losses = []
    >>> note = fm.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    >>> model = fm.mlp([4], classes=2, seed=0)
    >>> history = model.fit([[0.0], [1.0]], [0, 1], batch_size=1, epochs=3, verbose=0, callbacks=[note])
    >>> len(losses)
    6
    """

    def __init__(
        self,
        on_epoch_begin: Callable[[int, Logs], Any] | None = None,
        on_epoch_end: Callable[[int, Logs], Any] | None = None,
        on_train_begin: Callable[[Logs], Any] | None = None,
        on_train_end: Callable[[Logs], Any] | None = None,
        *,
        on_train_batch_end: Callable[[int, Logs], Any] | None = None,
        on_batch_end: Callable[[int, Logs], Any] | None = None,
    ) -> None:
        of_batch = on_batch_end if on_train_batch_end is None else on_train_batch_end
        self._functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_end": of_batch,
        }
        for name, function in self._functions.items():
            if function is not None and not callable(function):
                raise ArgumentTypeError(f"{name} must be a function, not {function!r:.60}")
        if of_batch is not None:
            self.every_batches = 1
        self._logs: Logs = {}

    def _call(self, name: str, *given: Any) -> None:
        function = self._functions[name]
        if function is not None:
            function(*given)

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._call("on_train_begin", {})

    def on_epoch_begin(self, epoch: int) -> None:
        self._call("on_epoch_begin", epoch, {})

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        self._call("on_train_batch_end", batch - 1, logs)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._logs = logs
        self._call("on_epoch_end", epoch, logs)

    def on_train_end(self, reason: str) -> None:
        self._call("on_train_end", self._logs)
