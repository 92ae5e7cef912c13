"""Saves the model during training."""

import itertools
import math
import os
import string
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .._base import check
from .._base.errors import ArgumentError
from .._base.files import as_path, own_name
from .base import Callback, Logs, batches_between, checked_verbose
from .earlier import earlier
from .monitor import Monitor

_PACKAGE = __name__.rpartition(".")[0]


class ModelCheckpoint(Callback):
    """Saves the model after each epoch, every few epochs or batches, or whenever it is better than before.

    The files are those of `Sequential.save`: each is written completely or not at all, and
    ``fastmlp.load(path).fit(..., resume=True)`` continues from it. Callbacks run in the order of their list: put this
    one after those that change the learning rate.

    Parameters
    ----------
    path : path-like
        A name that ends in ``.npz``, with fields as in `str.format`: ``epoch`` and ``batch``, counted from 1, and the
        names of logs, for example ``"models/{epoch:03d}-{val_loss:.4f}.npz"``. Names may also be those that your
        callbacks before this one add to the logs. Without a field, each file replaces the previous one. Any other name
        is a folder for files named by epoch (and batch). Missing folders are made.
    monitor : str, default "val_loss"
        With ``save_best_only``: the name of the monitored value in the logs.
    save_best_only : bool, default False
        Save only if the value is better than ever before in this run.
    mode : {"auto", "min", "max"}, default "auto"
        As in `EarlyStopping`.
    save_freq : "epoch" or int, default "epoch"
        A number counts batches, as in Keras: save each time this many batches of an epoch are done.
    every_epochs : int, default 1
        With ``save_freq="epoch"``: the number of epochs from one file to the next.
    keep_last : int, optional
        The number of latest files to keep. Checkpoints of earlier runs count if they are certainly such: models in the
        same folder whose name ``path`` can produce from some epoch, batch and logs. (If the name of the folder has a
        field, only files of this run count.) Default: keep all.
    save_weights_only : bool, default False
        Save weights alone, as `Sequential.save_weights` does; training cannot resume from such files.
    initial_value_threshold : float, optional
        With ``save_best_only``: save only values that are better than this.
    verbose : {0, 1}, default 0
        1 prints the name of each file.

    Attributes
    ----------
    best : float or None
        The best value so far, with ``save_best_only``.
    saved : list of Path
        The remaining files of this run, the latest last.

    Raises
    ------
    ArgumentError
        If ``path`` is not a valid template. `fit` raises it before any training if a field has no value; if earlier
        callbacks may add the value but do not, it raises the error when the first file is due.

    Examples
    --------
    >>> import tempfile
    >>> import fastmlp as fm
    >>> (x, y), _ = fm.datasets.digits(400, 100)
    >>> checkpoint = fm.callbacks.ModelCheckpoint(tempfile.mkdtemp(), keep_last=2)
    >>> history = fm.mlp([8], classes=10, seed=0).fit(x, y, epochs=3, verbose=0, callbacks=[checkpoint])
    >>> [path.name for path in checkpoint.saved]
    ['epoch_002.npz', 'epoch_003.npz']
    >>> fm.load(checkpoint.saved[-1]).history["loss"] == history["loss"]
    True
    """

    save_weights_only: bool = False  # pickles of versions before 0.3.0 do not have these
    threshold: float | None = None

    def __init__(  # noqa: PLR0913  # half of them are Keras's
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        *,
        every_epochs: int = 1,
        keep_last: int | None = None,
        save_weights_only: bool = False,
        initial_value_threshold: float | None = None,
        verbose: int = 0,
    ) -> None:
        self.monitor = monitor
        self._watched = Monitor(monitor, mode)
        self.save_best_only = check.yes_or_no(save_best_only, "save_best_only")
        self.every_batches = batches_between(save_freq, "save_freq")
        self.every_epochs = check.whole_number(every_epochs, "every_epochs", minimum=1)
        self.keep_last = None if keep_last is None else check.whole_number(keep_last, "keep_last", minimum=1)
        self.save_weights_only = check.yes_or_no(save_weights_only, "save_weights_only")
        threshold = initial_value_threshold
        self.threshold = None if threshold is None else check.real_number(threshold, "initial_value_threshold")
        self.verbose = checked_verbose(verbose)
        self.template = _template(path, by_batch=self.every_batches is not None)
        _field_names(self.template)
        self.best: float | None = None
        self.saved: list[Path] = []

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self.best, self.saved = self.threshold, []
        self._earlier = [] if self.keep_last is None else earlier(self.template)
        known = ["epoch", "batch", *run_info["logs"]]
        others = [name for name in _field_names(self.template) if name not in known]
        self._awaited = set(others) if self._may_be_added(run_info.get("callbacks", ())) else set()
        _check_fields(self.template, [*known, *self._awaited])
        if self.save_best_only:
            self._watched.begin(run_info)
            self._check_frequency(run_info)
        self._batches, self._latest = run_info["batches"], 0
        self._names = list(run_info["logs"])

    def _may_be_added(self, callbacks: Sequence[Callback]) -> bool:
        """Whether a callback of the user's before this one may add values to the logs."""
        before = itertools.takewhile(lambda other: other is not self, callbacks)
        hooks = ("on_batches_end",) if self.every_batches is not None else ("on_epoch_end", "on_batches_end")
        return any(_is_own(getattr(other, hook)) for other in before for hook in hooks)

    def _check_frequency(self, run_info: dict[str, Any]) -> None:
        if self.every_batches and self.monitor.startswith("val_") and not run_info["validation_batches"]:
            raise ArgumentError(
                f"monitor is {self.monitor!r}, which is not known between epochs: give fit() validation_batches, or "
                f"save_freq='epoch' instead of {self.every_batches}"
            )

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        self._latest = batch
        not_yet = self.save_best_only and self.monitor.startswith("val_") and self.monitor not in logs
        if self.every_batches is not None and not not_yet:
            self._save(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.every_batches is None and (epoch + 1) % self.every_epochs == 0:
            self._save(self._batches or self._latest, logs)

    def _save(self, batch: int, logs: Logs) -> None:
        if self.save_best_only and not self._is_best(logs):
            return
        missing = sorted(self._awaited - logs.keys())
        if missing:
            raise ArgumentError(
                f"path {self.template!r} has a field {{{missing[0]}}}, but neither this training nor a callback before "
                f"the checkpoint gives it a value; there are {', '.join(['epoch', 'batch', *logs])}"
            )
        self._names, self._awaited = [*dict.fromkeys([*self._names, *logs])], set()
        known = {name: logs.get(name, math.nan) for name in self._names}
        path = Path(self.template.format(**{**known, **logs, "epoch": self._epoch + 1, "batch": batch}))
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        self._announce(f"epoch {self._epoch + 1}: saved {path}")
        self.saved = [*(old for old in self.saved if old != path), path]
        self._earlier = [old for old in self._earlier if old != path]
        while self.keep_last is not None and len(self._earlier) + len(self.saved) > self.keep_last:
            (self._earlier or self.saved).pop(0).unlink(missing_ok=True)

    def _is_best(self, logs: Logs) -> bool:
        value = self._watched.read(logs, self._epoch)
        if value is None or not self._watched.improves(value, self.best):
            return False
        self.best = value
        return True


def _is_own(hook: Any) -> bool:
    """Whether a method is the user's code."""
    return not str(getattr(hook, "__module__", "")).startswith(_PACKAGE)


def _template(path: Any, *, by_batch: bool) -> str:
    name = str(own_name(as_path(path)))
    if name.endswith(".npz"):
        return name
    return str(Path(name, "epoch_{epoch:03d}_batch_{batch:05d}.npz" if by_batch else "epoch_{epoch:03d}.npz"))


def _field_names(template: str) -> list[str]:
    """The names of the fields in a template; attributes, items and fields without a name are refused."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ArgumentError(f"path {template!r} is not a template of str.format: {error}") from None
    for name in names:
        if not name.isidentifier():
            raise ArgumentError(f"path {template!r} has a field {{{name}}}: fields are names, such as {{epoch:03d}}")
    return names


def _check_fields(template: str, legal: Iterable[str]) -> None:
    names = list(legal)
    for name in _field_names(template):
        if name not in names:
            raise ArgumentError(
                f"path {template!r} has a field {{{name}}}, but this training knows only {', '.join(names)}"
            )
    try:
        template.format(**{name: 1 if name in ("epoch", "batch") else 0.5 for name in names})
    except (ValueError, KeyError, IndexError) as error:
        raise ArgumentError(f"path {template!r} cannot be filled in: {error}") from None
