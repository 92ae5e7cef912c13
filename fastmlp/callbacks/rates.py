"""Changes the learning rate during training."""

import inspect
from collections.abc import Callable
from typing import Any

from .._base import check
from .._base.errors import ArgumentError, ArgumentTypeError
from .base import Callback, Logs, checked_verbose
from .monitor import Monitor


class ReduceLROnPlateau(Callback):
    """Reduces the learning rate when a value has not improved for some epochs.

    It sets ``model.learning_rate``, which stays reduced after training and in a saved model, until ``compile``.

    Parameters
    ----------
    monitor : str, default "val_loss"
        The name of the monitored value in the logs.
    factor : float, default 0.1
        The factor for the rate, above 0 and below 1.
    patience : int, default 10
        The number of epochs without improvement before the rate is reduced; 0 acts like 1.
    mode : {"auto", "min", "max"}, default "auto"
        As in `EarlyStopping`.
    min_delta : float, default 1e-4
        Smaller changes are not improvements.
    cooldown : int, default 0
        The number of epochs after a reduction that do not count.
    min_lr : float, default 0.0
        The smallest rate.
    verbose : {0, 1}, default 0
        1 prints the new rate.

    Examples
    --------
    >>> import fastmlp as fm
    >>> (x, y), _ = fm.datasets.digits(400, 100)
    >>> model = fm.mlp([8], classes=10, seed=0)
    >>> reduce = fm.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0)
    >>> history = model.fit(x, y, epochs=3, verbose=0, callbacks=[reduce])
    >>> model.learning_rate
    0.00025
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        *,
        verbose: int = 0,
    ) -> None:
        self.monitor = monitor
        self._watched = Monitor(monitor, mode, min_delta)
        self.factor = check.real_number(factor, "factor", above=0, below=1)
        self.patience = check.whole_number(patience, "patience", minimum=0)
        self.cooldown = check.whole_number(cooldown, "cooldown", minimum=0)
        self.min_lr = check.real_number(min_lr, "min_lr", minimum=0)
        self.verbose = checked_verbose(verbose)

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        _refuse_schedule(self)
        self._watched.begin(run_info)
        self._best: float | None = None
        self._waited = 0
        self._cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        value = self._watched.read(logs, epoch)
        if value is None:
            return
        counts = self._cooling == 0
        self._cooling = max(0, self._cooling - 1)
        if self._watched.improves(value, self._best):
            self._best, self._waited = value, 0
        elif counts:
            self._waited += 1
            if self._waited >= max(1, self.patience):
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        rate = self.model.learning_rate
        if rate > self.min_lr:
            self.model.learning_rate = max(rate * self.factor, self.min_lr)
            self._waited, self._cooling = 0, self.cooldown
            self._announce(f"epoch {epoch + 1}: the learning rate is reduced to {self.model.learning_rate:g}")


def _refuse_schedule(callback: Callback) -> None:
    """Refuse an optimiser with a schedule, because the first change of the rate would end the schedule."""
    if callback.model.has_schedule:
        raise ArgumentError(
            f"{type(callback).__name__} sets the learning rate, but the optimizer's follows a schedule already: "
            f"give the optimizer a number, or leave this callback out"
        )


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch with a function.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, rate)`` takes the epoch's number from 0 and the present rate, and returns the epoch's rate.
        It is called again if training resumes in the middle of an epoch. ``schedule(epoch)`` may leave out the rate.
    verbose : {0, 1}, default 0
        1 prints the rate of each epoch.

    Examples
    --------
    >>> import fastmlp as fm
    >>> halve = fm.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    >>> model = fm.mlp([4], classes=2, seed=0)
    >>> history = model.fit([[0.0], [1.0]], [0, 1], epochs=3, verbose=0, callbacks=[halve])
    >>> model.learning_rate
    0.00025
    """

    def __init__(self, schedule: Callable[..., float], *, verbose: int = 0) -> None:
        if not callable(schedule):
            raise ArgumentTypeError(f"schedule must be a function of (epoch, rate), not {schedule!r:.60}")
        self.schedule = schedule
        self.verbose = checked_verbose(verbose)

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        _refuse_schedule(self)

    def on_epoch_begin(self, epoch: int) -> None:
        given = (epoch, self.model.learning_rate) if _takes_two(self.schedule) else (epoch,)
        rate = self.schedule(*given)
        self.model.learning_rate = check.real_number(rate, f"what schedule returns for epoch {epoch}", above=0)
        self._announce(f"epoch {epoch + 1}: the learning rate is {self.model.learning_rate:g}")


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function takes two arguments; one whose signature is not known does."""
    try:
        inspect.signature(function).bind(0, 0.1)
    except TypeError:
        return False
    except ValueError:
        return True
    return True
