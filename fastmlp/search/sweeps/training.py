"""The sweep itself: chooses the runs to train, trains them in parallel, and collects the results."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from ..._base import check
from ..._base.errors import ArgumentError
from ..._base.interruption import Interruption
from ..workers import checked_factory, checked_verbose, kernel_threads, resolve_workers, run_tasks, warm_up
from .data import SweepData
from .folder import Folder
from .models import make_model
from .result import SweepInterrupted, SweepResult, SweepRun
from .settings import Request, requests
from .task import MakeCallbacks, Task


def sweep(
    run_settings: Any,
    x: Any,
    y: Any,
    *,
    validation_data: tuple[Any, Any] | None = None,
    validation_split: float = 0.0,
    folder: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    resume: bool = True,
    seed: int = 0,
    callbacks: MakeCallbacks | None = None,
    verbose: int = 1,
) -> SweepResult:
    """Train many models on the same data, several at once.

    The result of a run has the same bits for any number of workers and any order. A run that diverges or fails is
    listed with its reason, and does not stop the others.

    Ctrl-C ends all runs within about a third of a second and raises `SweepInterrupted`, which has the result so far.
    With a folder, the same call continues the sweep: it loads finished runs and restarts interrupted ones.

    Parameters
    ----------
    run_settings : list of dict, or dict of lists
        The settings of each run, or a dict with the lists of `fastmlp.sweeps.grid`. A run has either

        - ``layers``: a list of widths of hidden layers, to which an output layer for the classes in ``y`` is added, or
          a list of all layers as objects or configurations, with widths of hidden layers between them; ``activation``
          (default "relu") is that of the widths; or
        - ``build``: a function that takes the settings and returns a new compiled model. It may read any keys of its
          own.

        It may also have ``name`` (default: made of the settings), ``optimizer``, ``learning_rate`` (instead of the
        optimizer's), ``loss``, ``metrics``, ``dtype``, ``uint8_scale``, ``seed``, and arguments of `Sequential.fit`:
        ``batch_size``, ``epochs``, ``shuffle``, ``max_time`` and others. With ``build``, only keys that it does not
        read change the optimizer and loss of its model.
    x, y : array_like
        As in `Sequential.fit`.
    validation_data : tuple (x, y), optional
    validation_split : float, default 0
        As in `Sequential.fit`. Without validation, runs are compared by their training, which says little.
    folder : path-like, optional
        The folder for ``<name>.npz``, the model of each run, and ``<name>.json``, its settings and results, both
        written when the run ends; and for ``summary.csv`` and ``summary.txt``. It is made if needed. With a folder,
        models are not kept in memory.
    workers : int, optional
        How many runs to train at once, in threads, each with kernels on one thread. Default: as many as there are
        threads. 1 trains one after another, on all threads.
    resume : bool, default True
        Whether to load runs from the folder that have the same settings and data. False trains all runs.
    seed : int, default 0
        The seed of runs without their own ``seed``.
    callbacks : callable, optional
        A function that takes a run's settings and returns the list of callbacks for its training.
    verbose : {0, 1}, default 1
        1 prints a line after each run.

    Raises
    ------
    ArgumentError
        If an argument or a run's settings cannot be used; then nothing is trained.
    SweepInterrupted
        After Ctrl-C; it is a `KeyboardInterrupt`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> x = np.random.default_rng(0).uniform(-1, 1, size=(300, 2))
    >>> y = (x[:, 0] * x[:, 1] > 0).astype(int)
    >>> result = fm.sweep(
    ...     {"layers": [[2], [16]], "learning_rate": [0.001, 0.03], "epochs": 20},
    ...     x, y, validation_split=0.2, verbose=0,
    ... )
    >>> best = result.best("val_accuracy")
    >>> best.name, best.metrics["val_accuracy"] > 0.9
    ('layers=16,learning_rate=0.03,epochs=20', True)
    >>> best.load().predict_classes([[0.5, 0.5], [0.5, -0.5]]).tolist()
    [1, 0]
    """
    return sweep_data(
        run_settings,
        lambda: SweepData(x, y, validation_data, validation_split),
        folder=folder,
        workers=workers,
        resume=resume,
        seed=seed,
        callbacks=callbacks,
        verbose=verbose,
    )


def sweep_data(
    run_settings: Any,
    make_data: Callable[[], SweepData],
    *,
    folder: Any,
    workers: Any,
    resume: Any,
    seed: Any,
    verbose: Any,
    callbacks: Any = None,
) -> SweepResult:
    """`sweep`, with data that are made after all other checks."""
    seed = check.whole_number(seed, "seed", minimum=0)
    make_callbacks = checked_factory(callbacks, "a run's settings")
    is_printing = checked_verbose(verbose)
    resume = check.yes_or_no(resume, "resume")
    wanted = requests(run_settings, seed)
    workers = resolve_workers(workers, len(wanted))
    data = make_data()
    place = None if folder is None else Folder(folder)
    tasks = _tasks(wanted, data, place, make_callbacks)
    report = Report(wanted, place, is_printing)
    if place is not None:
        place.make()
    missing = []
    for number, task in enumerate(tasks):
        run = task.find() if resume else None
        if run is None:
            missing.append(number)
        else:
            report.add(number, run)
    report.write()
    try:
        _train([tasks[number] for number in missing], workers, data, lambda which, run: report.add(missing[which], run))
    except KeyboardInterrupt:
        raise SweepInterrupted(report.result()) from None
    return report.result()


def _tasks(wanted: list[Request], data: SweepData, folder: Folder | None, callbacks: MakeCallbacks) -> list[Task]:
    models = [make_model(request, data.classes) for request in wanted]
    first: dict[int, str] = {}
    for model, request in zip(models, wanted, strict=True):
        other = first.setdefault(id(model), request.name)
        if other != request.name:
            raise ArgumentError(
                f"build returned one model for {other!r} and for {request.name!r}: it must make new ones"
            )
    for request in wanted:
        if request.settings.get("validation_batches") is not None and len(data.parts) == 1:
            raise ArgumentError(f"run {request.name!r}: validation_batches needs validation_data or validation_split")
        data.weights(request.settings.get("sample_weight"))  # raises if they cannot be used
    data.convert(models)
    return [Task(request, model, data, folder, callbacks) for request, model in zip(wanted, models, strict=True)]


def _train(tasks: list[Task], workers: int, data: SweepData, done: Callable[[int, SweepRun], None]) -> None:
    workers = min(workers, max(1, len(tasks)))
    if workers > 1:
        for model in {task.dtype: task.model for task in tasks}.values():  # one model of each precision stands for all
            assert model is not None
            warm_up(model, *data.for_model(model)[0])
    with Interruption() as interruption:
        threads = kernel_threads(workers)
        run_tasks([partial(task.run, interruption, threads) for task in tasks], workers, interruption, done)


class Report:
    """The runs so far."""

    def __init__(self, wanted: list[Request], folder: Folder | None, is_printing: bool) -> None:
        self._runs = [SweepRun(request.name, request.settings) for request in wanted]
        self._folder = folder
        self._is_printing = is_printing
        self._count = 0

    def add(self, number: int, run: SweepRun) -> None:
        """Add a run that has ended: print its line, and write the folder's summary again."""
        self._runs[number] = run
        self._count += 1
        if self._is_printing:
            width = len(str(len(self._runs)))
            print(f"[{self._count:{width}d}/{len(self._runs)}] {run.line()}", flush=True)
        if not run.was_loaded:
            self.write()

    def write(self) -> None:
        """Write the folder's summary, if there is a folder."""
        if self._folder is not None:
            self._folder.write_summary(self.result())

    def result(self) -> SweepResult:
        """The result so far."""
        return SweepResult(tuple(self._runs))
