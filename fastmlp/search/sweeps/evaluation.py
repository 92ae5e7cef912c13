"""Evaluates the models of a sweep's folder on new data."""

import os
from collections.abc import Mapping
from typing import Any

from ..._base import check
from ..._base.errors import FastMLPError, ModelFileError
from .folder import Folder
from .result import FAILED, SweepResult, SweepRun


def evaluate(
    folder: str | os.PathLike[str],
    x: Any,
    y: Any,
    *,
    n_threads: int | None = None,
    write: bool = True,
    custom_objects: Mapping[str, Any] | None = None,
) -> SweepResult:
    """Evaluate every model in the folder of a sweep on other data, and write a summary.

    Parameters
    ----------
    folder : path-like
        The ``folder`` of `fastmlp.sweep`.
    x, y, n_threads
        As in `Sequential.evaluate`.
    write : bool, default True
        Whether to write ``evaluation.csv`` and ``evaluation.txt`` into the folder.
    custom_objects : dict, optional
        Activations and losses of your own, as for `fastmlp.load`.

    Returns
    -------
    SweepResult
        All runs in the folder, by name, with ``test_loss`` and others among their metrics. A model that cannot be read
        or does not fit the data is listed as failed, with the reason.

    Raises
    ------
    ModelFileError
        If the folder holds no run of a sweep.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> x = np.random.default_rng(0).uniform(-1, 1, size=(200, 2))
    >>> y = (x.sum(axis=1) > 0).astype(int)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = {"layers": [[4], [8]], "learning_rate": 0.03, "epochs": 20}
    ...     _ = fm.sweep(runs, x[:100], y[:100], folder=folder, verbose=0)
    ...     result = fm.sweeps.evaluate(folder, x[100:], y[100:])
    >>> len(result), result.best("test_accuracy").metrics["test_accuracy"] > 0.8
    (2, True)
    """
    write = check.yes_or_no(write, "write")
    place = Folder(folder)
    found = place.runs()
    if not found:
        raise ModelFileError(
            f"{place.path} holds no run of a sweep: give the folder that fastmlp.sweep(folder=...) wrote"
        )
    result = SweepResult(tuple(_tested(run, x, y, n_threads, custom_objects) for run in found))
    if write:
        place.write_summary(result, "evaluation")
    return result


def _tested(run: SweepRun, x: Any, y: Any, n_threads: int | None, custom_objects: Mapping[str, Any] | None) -> SweepRun:
    if not run.is_finished:
        return run
    try:
        model = run.load(custom_objects)
        scores = model.evaluate(x, y, n_threads=n_threads)
    except FastMLPError as error:
        return run.replace(status=FAILED, reason=str(error))
    metrics = {**{f"test_{name}": value for name, value in scores.items()}, **run.metrics}
    return run.replace(metrics=metrics, history=model.history)
