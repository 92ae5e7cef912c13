"""Stops training when it no longer improves."""

from typing import Any

from .._base import check
from .._base.types import Array
from .base import Callback, Logs, checked_verbose
from .monitor import Monitor


class EarlyStopping(Callback):
    """Stops training when a value has not improved for some epochs.

    Each run of `fit` counts from zero, even with ``resume=True``.

    Parameters
    ----------
    monitor : str, default "val_loss"
        The name of the monitored value in the logs.
    min_delta : float, default 0.0
        Smaller changes are not improvements.
    patience : int, default 0
        The number of epochs without improvement before training stops; 0 acts like 1.
    mode : {"auto", "min", "max"}, default "auto"
        Whether smaller or larger is better. "auto": larger for names with accuracy, auc, f1, precision, recall or r2,
        otherwise smaller.
    baseline : float, optional
        Epochs do not count as improved until the value is better than this. As in Keras, training never stops after an
        epoch that improved.
    restore_best_weights : bool, default False
        False leaves the model with its last weights, as in Keras. True gives the model the weights of its best epoch,
        however training ends. The optimiser keeps its last state, so ``fit(resume=True)`` then continues from other
        weights.
    start_from_epoch : int, default 0
        Epochs before this one do not count; epochs count from 0.
    verbose : {0, 1}, default 0
        1 prints when training is stopped, and when weights are restored.

    Attributes
    ----------
    best : float or None
        The best value so far.
    best_epoch : int or None
        The epoch of the best value, from 0.
    stopped_epoch : int or None
        The epoch after which training was stopped; None if it was not.

    Raises
    ------
    ArgumentError
        By `fit`, if the logs have no value of this name; the message lists their names.

    Examples
    --------
    >>> import fastmlp as fm
    >>> (x, y), _ = fm.datasets.digits(400, 100)
    >>> stopping = fm.callbacks.EarlyStopping("loss", min_delta=10.0, patience=2, restore_best_weights=True)
    >>> history = fm.mlp([8], classes=10, seed=0).fit(x, y, epochs=9, verbose=0, callbacks=[stopping])
    >>> history.epoch, stopping.best_epoch, stopping.stopped_epoch
    ([0, 1, 2], 0, 2)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
        *,
        verbose: int = 0,
    ) -> None:
        self.monitor = monitor
        self._watched = Monitor(monitor, mode, min_delta)
        self.patience = check.whole_number(patience, "patience", minimum=0)
        self.baseline = None if baseline is None else check.real_number(baseline, "baseline")
        self.restore_best_weights = check.yes_or_no(restore_best_weights, "restore_best_weights")
        self.start_from_epoch = check.whole_number(start_from_epoch, "start_from_epoch", minimum=0)
        self.verbose = checked_verbose(verbose)
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._best_weights: list[Array] | None = None
        self._waited = 0

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._reset()
        self._watched.begin(run_info)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        value = self._watched.read(logs, epoch)
        if value is None or epoch < self.start_from_epoch:
            return
        self._waited += 1
        if self._watched.improves(value, self.best):
            self._keep(epoch, value)
            if self.baseline is None or self._watched.improves(value, self.baseline):
                self._waited = 0
        elif self._waited >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            self._announce(
                f"epoch {epoch + 1}: {self.monitor} has not improved for {self._waited} epochs, training stops"
            )

    def _keep(self, epoch: int, value: float) -> None:
        self.best, self.best_epoch = value, epoch
        if self.restore_best_weights:
            self._best_weights = self.model.get_weights()

    def on_train_end(self, reason: str) -> None:
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)
            self._best_weights = None
            self._announce(f"the weights are those of the best epoch, {(self.best_epoch or 0) + 1}")
