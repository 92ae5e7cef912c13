"""Experiment trackers, which send the logs of training to other programs.

A tracker is a callback with three further methods. It imports its package when it is created.
"""

import contextlib
import importlib
import json
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

from .._base import keras
from .._base.errors import ArgumentError, MissingExtraError
from .._base.files import as_folder
from .._base.public import as_public
from .._version import __version__
from .base import Callback, Logs, Model, batches_between

__all__ = ["MLflowTracker", "TensorBoardTracker", "Tracker", "WandbTracker"]


class Tracker(Callback):
    """Base of all trackers. Override `log_settings`, `log` and `finish`.

    A tracker that raises an error is switched off with one warning, and training continues. Those of this module raise
    `MissingExtraError` when they are made if their package is not installed.

    Parameters
    ----------
    every : "epoch" or int, default "epoch"
        When to log values. "epoch": after each epoch, with its number from 0 as the step. A number: after every so
        many batches and after each epoch, with the number of batches since the start of training as the step.

    Examples
    --------
    >>> import fastmlp as fm
    >>> class Prints(fm.trackers.Tracker):
    ...     def log(self, step, values):
    ...         print(step, sorted(values))
    >>> model = fm.mlp([4], classes=2, seed=0)
    >>> history = model.fit([[0.0], [1.0]], [0, 1], epochs=2, verbose=0, callbacks=[Prints()])
    0 ['accuracy', 'learning_rate', 'loss', 'samples_per_second', 'seconds']
    1 ['accuracy', 'learning_rate', 'loss', 'samples_per_second', 'seconds']
    """

    def __init__(self, *, every: str | int = "epoch") -> None:
        self.every_batches = batches_between(every, "every")
        self._is_on = False

    # ------------------------------------------------------------ to be overridden

    def log_settings(self, settings: dict[str, Any]) -> None:
        """Start a run; ``settings`` describe the model and its training, ready for JSON."""

    def log(self, step: int, values: dict[str, float]) -> None:
        """Log values; steps never decrease within a run."""

    def finish(self, reason: str) -> None:
        """End a run; ``reason`` is the history's ``stopped``."""

    # ------------------------------------------------------------ hooks

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._batches = run_info["batches"]
        self._before = run_info["first_epoch"] * self._batches  # batches of earlier epochs
        self._latest = 0  # the latest batch of this epoch
        self._epoch = run_info["first_epoch"]
        self._is_on = True
        self._attempt(self.log_settings, settings_of(self.model, run_info))

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_batches_end(self, batch: int, logs: Logs) -> None:
        self._latest = batch
        is_last = batch == self._batches  # which is logged with its epoch
        if self.every_batches is not None and not is_last:
            self._attempt(self.log, self._before + batch, dict(logs))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        # The step of an unfinished epoch, or of one whose length nobody knew, is its latest batch.
        done = self.model.position.batch or self._batches or self._latest
        step = epoch if self.every_batches is None else self._before + done
        self._before += self._batches or self._latest
        self._attempt(self.log, step, dict(logs))

    def on_train_end(self, reason: str) -> None:
        self._attempt(self.finish, reason)
        self._is_on = False

    def _attempt(self, method: Callable[..., Any], *args: Any) -> None:
        if not self._is_on:
            return
        try:
            method(*args)
        except Exception as error:
            self._is_on = False
            with contextlib.suppress(Exception):  # close what it opened, if that still works
                self.finish("failed")
            warnings.warn(
                f"{type(self).__name__} is switched off, because its {method.__name__} failed: "
                f"{type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )


class WandbTracker(Tracker):
    """Logs to Weights & Biases (https://wandb.ai), or to a folder if the environment has ``WANDB_MODE=offline``.

    Parameters
    ----------
    run : wandb.Run, optional
        Your own run, which stays open after training. Default: the run that ``wandb.init`` has started, or else a new
        run for each training.
    project, name : str, optional
        For a new run; see ``wandb.init``.
    every : "epoch" or int, default "epoch"
        As in `Tracker`.

    Attributes
    ----------
    run : wandb.Run or None
        The present or latest run.
    """

    def __init__(
        self, run: Any = None, *, project: str | None = None, name: str | None = None, every: str | int = "epoch"
    ) -> None:
        super().__init__(every=every)
        if run is not None and (project is not None or name is not None):
            raise ArgumentError("give run, or project and name of a new one, not both")
        self._wandb = _package("wandb", extra="wandb") if run is None else None
        self._project, self._name = project, name
        self.run = run

    def log_settings(self, settings: dict[str, Any]) -> None:
        theirs = self.run if self._wandb is None else self._wandb.run
        self._is_own = theirs is None
        if theirs is None:
            assert self._wandb is not None
            self.run = self._wandb.init(project=self._project, name=self._name, config=settings)
        else:
            self.run = theirs
            theirs.config.update(settings, allow_val_change=True)

    def log(self, step: int, values: dict[str, float]) -> None:
        self.run.log(values, step=step)

    def finish(self, reason: str) -> None:
        self.run.summary["stopped"] = reason
        if self._is_own:
            self.run.finish(exit_code=int(reason in _FAILURES))


class MLflowTracker(Tracker):
    """Logs to MLflow (https://mlflow.org): a database file, a server, or the value of ``MLFLOW_TRACKING_URI``.

    Parameters
    ----------
    tracking_uri : str, optional
        Such as ``"sqlite:///mlflow.db"``. Default: MLflow's own.
    experiment : str, optional
        The name of an experiment, which is made if it is missing. Default: ``MLFLOW_EXPERIMENT_NAME``, or "Default".
    name : str, optional
        The name of a new run.
    run_id : str, optional
        Your own run, which stays open after training. Default: without other arguments, the run that
        ``mlflow.start_run`` has started; otherwise a new run for each training.
    every : "epoch" or int, default "epoch"
        As in `Tracker`.

    Attributes
    ----------
    run_id : str or None
        The present or latest run.
    """

    def __init__(
        self,
        tracking_uri: str | None = None,
        *,
        experiment: str | None = None,
        name: str | None = None,
        run_id: str | None = None,
        every: str | int = "epoch",
    ) -> None:
        super().__init__(every=every)
        if run_id is not None and (experiment is not None or name is not None):
            raise ArgumentError("give run_id, or experiment and name of a new run, not both")
        self._mlflow = _package("mlflow", extra="mlflow")
        self._tracking_uri, self._experiment, self._name, self._given = tracking_uri, experiment, name, run_id
        self.run_id = run_id

    def log_settings(self, settings: dict[str, Any]) -> None:
        self._client = self._mlflow.MlflowClient(self._tracking_uri)
        theirs = self._given or self._active_run()
        self._is_own = theirs is None
        self.run_id = theirs or self._client.create_run(self._experiment_id(), run_name=self._name).info.run_id
        there = self._client.get_run(self.run_id).data.params  # MLflow refuses to change a parameter
        entities = self._mlflow.entities
        params = [entities.Param(key, value[:500]) for key, value in _flat(settings).items() if key not in there]
        for start in range(0, len(params), 100):  # MLflow's limits: characters, and parameters in one call
            self._client.log_batch(self.run_id, params=params[start : start + 100])

    def _active_run(self) -> str | None:
        asked_for_new = (self._tracking_uri, self._experiment, self._name) != (None, None, None)
        active = None if asked_for_new else self._mlflow.active_run()
        return None if active is None else active.info.run_id

    def _experiment_id(self) -> Any:
        name = self._experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "Default"
        found = self._client.get_experiment_by_name(name)
        return found.experiment_id if found else self._client.create_experiment(name)

    def log(self, step: int, values: dict[str, float]) -> None:
        now, metric = int(time.time() * 1000), self._mlflow.entities.Metric
        self._client.log_batch(self.run_id, metrics=[metric(name, value, now, step) for name, value in values.items()])

    def finish(self, reason: str) -> None:
        self._client.set_tag(self.run_id, "stopped", reason)
        if self._is_own:
            status = "KILLED" if reason == "interrupted" else "FAILED" if reason in _FAILURES else "FINISHED"
            self._client.set_terminated(self.run_id, status)


class TensorBoardTracker(Tracker):
    """Writes event files for TensorBoard, which ``tensorboard --logdir runs`` shows.

    Parameters
    ----------
    logdir : path-like
        The folder of this run, such as ``"runs/first"``; use a different one for each run.
    every : "epoch" or int, default "epoch"
        As in `Tracker`.
    """

    def __init__(self, logdir: str | os.PathLike[str], *, every: str | int = "epoch") -> None:
        super().__init__(every=every)
        self.logdir = str(as_folder(logdir, "logdir"))
        self._package = _package("tensorboardX", extra="tensorboard")

    def log_settings(self, settings: dict[str, Any]) -> None:
        self._writer = self._package.SummaryWriter(self.logdir)
        text = json.dumps(settings, indent=2)
        self._writer.add_text("settings", "\n".join("    " + line for line in text.splitlines()))  # as Markdown: code

    def log(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def finish(self, reason: str) -> None:
        self._writer.add_text("stopped", reason)
        self._writer.close()


@keras.accepting("TensorBoard")
def TensorBoard(  # noqa: N802
    logdir: str | os.PathLike[str] = "logs", *, update_freq: str | int = "epoch"
) -> TensorBoardTracker:
    """`fastmlp.trackers.TensorBoardTracker`, as Keras spells it; needs ``pip install "fastmlp[tensorboard]"``.

    Parameters
    ----------
    logdir : path-like, default "logs"
        Keras's name of it, ``log_dir``, is understood too.
    update_freq : "epoch", "batch" or int, default "epoch"
        When to log.
    """
    return TensorBoardTracker(logdir, every=1 if update_freq == "batch" else update_freq)


_FAILURES = ("diverged", "failed")


def settings_of(model: Model, run_info: dict[str, Any]) -> dict[str, Any]:
    """The description of a training run, ready for JSON: the model, its training, and the amount of data."""
    of_run = ("epochs", "first_epoch", "batch_size", "batches", "rows", "validation_rows")
    return {
        "layers": [layer.config() for layer in model.declarations],
        "features": model.engine.program.fan_in,
        "parameters": sum(weight.size for weight in model.get_weights()),
        "optimizer": model.optimizer.config(),
        "loss": model.loss.config(),
        "metrics": [metric.name for metric in model.metrics],
        "dtype": str(model.dtype),
        "seed": model.seed,
        **{name: run_info[name] for name in of_run},
        "fastmlp_version": __version__,
    }


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested settings as names and texts: ``{"layers.0.units": "64"}``."""
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        return {prefix: str(value)}
    flat: dict[str, str] = {}
    for key, item in pairs:
        flat |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _package(name: str, *, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtraError(f"{name} is not installed: pip install 'fastmlp[{extra}]'") from None


as_public(globals(), "fastmlp.trackers")
