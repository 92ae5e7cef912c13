"""Cross-validation: measures a model on all rows, each of which one of its models has not seen."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import check, naming, notebook, text_table
from .._base.errors import ArgumentError, ArgumentTypeError, DivergenceError
from .._base.interruption import Interruption
from .._base.public import as_public
from .._base.sparse import is_sparse
from .._base.types import Array, Integers
from .._engine import row_weights
from .._network import raw_tables
from .._network.history import History
from .._network.reading import learn_names
from .._network.scores import Scores
from ..callbacks import Callback
from ..model import Sequential
from ..tables.columns import Columns, columns_of, is_table, rows_at
from .folds import fold_numbers
from .workers import (
    StopSoon,
    checked_factory,
    checked_verbose,
    kernel_threads,
    new_copy,
    resolve_workers,
    run_tasks,
    warm_up,
)

_NOT_FOR_FIT = {"self", "x", "y", "initial_epoch", "n_threads", "resume"}  # cross_validate decides these
_MOST_LINES = 12  # of the table that a prompt shows

__all__ = ["CrossValidation", "cross_validate"]


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """The result of `cross_validate`.

    Attributes
    ----------
    scores : tuple of Scores
        Loss and metrics of each fold, on the rows that it was not trained on.
    histories : tuple of History
        The history of each fold.
    predictions : ndarray, shape (rows, units)
        For each row, in the original order, the output of the model that was not trained on it.
    fold : ndarray of int64, shape (rows,)
        The fold that tested each row, from 0.
    mean, std : Scores
        Mean and standard deviation of each score over the folds. ``std`` divides by the number of folds less one.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.history import History
    >>> from fastmlp.scores import Scores
    >>> scores = (Scores(loss=0.5, accuracy=0.75), Scores(loss=0.25, accuracy=1.0))
    >>> result = CrossValidation(scores, (History(), History()), np.zeros((4, 2)), np.array([0, 1, 0, 1]))
    >>> print(result)
    fold  rows  epochs    loss  accuracy
    0        2       0  0.5000    0.7500
    1        2       0  0.2500    1.0000
    mean                0.3750    0.8750
    std                 0.1768    0.1768
    """

    scores: tuple[Scores, ...]
    histories: tuple[History, ...]
    predictions: Array
    fold: Integers

    @property
    def mean(self) -> Scores:
        """The mean of each score over the folds."""
        return Scores({name: float(np.mean(self._values(name))) for name in self.scores[0].keys()})

    @property
    def std(self) -> Scores:
        """The standard deviation of each score over the folds."""
        return Scores({name: float(np.std(self._values(name), ddof=1)) for name in self.scores[0].keys()})

    def _values(self, name: str) -> list[float]:
        return [scores[name] for scores in self.scores]

    def __str__(self) -> str:
        return text_table.aligned(self._rows())

    def __repr__(self) -> str:
        return text_table.aligned(text_table.shortened(self._rows(), _MOST_LINES, last=2))

    def _repr_html_(self) -> str:
        return notebook.table(self._rows())

    def _rows(self) -> list[tuple[str, ...]]:
        """The table: a row for each fold, and two for all."""
        names = list(self.scores[0].keys())
        rows = [("fold", "rows", "epochs", *names)]
        for number, (scores, history) in enumerate(zip(self.scores, self.histories, strict=True)):
            head = (str(number), str((self.fold == number).sum()), str(len(history.epoch)))
            rows.append((*head, *(text_table.number(scores[name]) for name in names)))
        for title, values in (("mean", self.mean), ("std", self.std)):
            rows.append((title, "", "", *(text_table.number(values[name]) for name in names)))
        return rows


@dataclass(frozen=True)
class Result:
    """The result of one fold."""

    scores: Scores
    history: History
    predictions: Array


@dataclass(frozen=True)
class Fold:
    """A training with its test; calling it runs it."""

    number: int
    model: Sequential
    x: Any  # an array, sparse rows, or the columns of a table
    y: Array
    is_test: Array
    settings: dict[str, Any]
    make_callbacks: Callable[[int], Iterable[Callback]]
    interruption: Interruption

    def __call__(self) -> Result:
        x, y = rows_at(self.x, ~self.is_test), self.y[~self.is_test]
        x_test, y_test = rows_at(self.x, self.is_test), self.y[self.is_test]
        settings = dict(self.settings)
        if settings.get("sample_weight") is not None:
            settings["sample_weight"] = settings["sample_weight"][~self.is_test]
        threads = self.settings["n_threads"]
        callbacks = [StopSoon(self.interruption), *self.make_callbacks(self.number)]
        try:
            history = self.model.fit(x, y, callbacks=callbacks, verbose=0, **settings)
        except DivergenceError as error:
            raise DivergenceError(f"fold {self.number}: {error}") from error
        scores = self.model.evaluate(x_test, y_test, n_threads=threads)
        return Result(scores, history, self.model.predict(x_test, n_threads=threads))


def cross_validate(
    build: Callable[..., Sequential] | Sequential,
    x: Any,
    y: Any,
    *,
    folds: int | None = 5,
    stratify: bool | None = None,
    groups: Any = None,
    seed: int = 0,
    epochs: int = 1,
    batch_size: int = 32,
    workers: int | None = None,
    callbacks: Callable[[int], Iterable[Callback]] | None = None,
    verbose: int = 0,
    **fit_settings: Any,
) -> CrossValidation:
    """Train one model for each fold on all other rows, and test it on the rows of the fold.

    The result has the same bits for any number of workers.

    Parameters
    ----------
    build : callable or Sequential
        A function that returns a new compiled model each time; its parameter ``seed``, if it has one, receives the
        fold's seed. Or a compiled model, which does not change: each fold trains a new model with its layers and
        settings. The folds use nothing that it has learned, neither weights nor statistics of a `Normalization`,
        except statistics that you gave with `Normalization.adapt` when you declared the layer.
    x, y : array_like
        As in `Sequential.fit`. Every row is tested once.
    folds : int or None, default 5
        At least 2. None, with ``groups``, leaves each group out once.
    stratify : bool, optional
        Whether each fold has every class in proportion. By default this happens if ``y`` holds class labels (whole
        numbers, booleans, texts or one-hot rows) and there are no groups.
    groups : array_like, shape (rows,), optional
        Rows with equal entries, for example of one patient, are never divided between training and test.
    seed : int, default 0
        Determines the folds. The model of fold i has the seed ``seed + i``.
    epochs, batch_size
        As in `Sequential.fit`.
    workers : int, optional
        How many folds to train at once, in threads, each with kernels on one thread. Default: as many as there are
        threads. 1 trains one after another, on all threads.
    callbacks : callable, optional
        A function that takes the fold's number and returns the list of callbacks for its training.
    verbose : {0, 1}, default 0
        1 prints a line after each fold.
    **fit_settings
        Further arguments of `Sequential.fit`, such as ``shuffle``, ``validation_split`` (a share of the fold's
        training rows) or ``sample_weight`` (of all rows; tests do not use it).

    Raises
    ------
    DivergenceError
        If the training of a fold diverges; it ends the others.
    KeyboardInterrupt
        After Ctrl-C, when the running folds have ended, within about a third of a second. There is no result without
        all folds.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> x = np.random.default_rng(0).uniform(-1, 1, size=(300, 2))
    >>> y = (x.sum(axis=1) > 0).astype(int)
    >>> result = fm.cross_validate(lambda: fm.mlp([8], classes=2), x, y, folds=3, epochs=60, batch_size=8)
    >>> result.mean["accuracy"] > 0.9
    True
    >>> result.predictions.shape
    (300, 2)
    """
    seed = check.whole_number(seed, "seed", minimum=0)
    make_callbacks = checked_factory(callbacks, "a fold's number")
    is_printing = checked_verbose(verbose)
    _check_fit_settings(fit_settings)
    x, y = _columns(x, y)
    targets = _targets(x, y)
    fold = fold_numbers(y, folds, stratify=stratify, groups=groups, seed=seed)
    count = int(fold.max()) + 1
    workers = resolve_workers(workers, count)
    models = _models(build, count, seed)
    if isinstance(x, Columns) and not models[0].reads_tables:
        raise ArgumentTypeError("y is the name of a column, which only models that begin with a TableEncoder read")
    x, _ = raw_tables.apart(models[0], x, targets)
    for model in models:
        learn_names(model, naming.feature_names(x), targets)  # from all rows, because a fold may lack a class
    # In the order of the models' columns; encoders learn from the training rows of each fold
    features = x if models[0].reads_tables else models[0].reader().rows(x, "x")
    weights = fit_settings.get("sample_weight")
    if weights is not None:
        weights = row_weights.checked(weights, len(targets))
    settings = {
        **fit_settings,
        "sample_weight": weights,
        "epochs": epochs,
        "batch_size": batch_size,
        "n_threads": kernel_threads(workers),
    }
    if workers > 1:
        warm_up(models[0], features, targets)
    with Interruption() as interruption:
        tasks = [
            Fold(
                n, models[n], features, targets, fold == n, {**settings, "seed": seed + n}, make_callbacks, interruption
            )
            for n in range(count)
        ]
        results = _run(tasks, workers, interruption, is_printing)
    return _joined(results, fold)


def _run(tasks: list[Fold], workers: int, interruption: Interruption, is_printing: bool) -> list[Result]:
    results: dict[int, Result] = {}

    def keep(number: int, result: Result) -> None:
        results[number] = result
        if is_printing:
            scores = "  ".join(f"{name} {text_table.number(value)}" for name, value in result.scores.items())
            print(f"fold {number} ({len(results)} of {len(tasks)})  {scores}", flush=True)

    run_tasks(tasks, workers, interruption, keep)
    if interruption.has_happened():
        raise KeyboardInterrupt
    return [results[number] for number in range(len(tasks))]


def _columns(x: Any, y: Any) -> tuple[Any, Any]:
    """The columns of a table, and the targets if ``y`` names their column; other data as they are."""
    if not isinstance(y, str) or not is_table(x):
        return x, y
    table = columns_of(x)
    if y not in table:
        raise ArgumentError(f"y names the column {y!r:.60}, which x does not have: it has {check.some(table)}")
    return table.without([y]), table[y]


def _targets(x: Any, y: Any) -> Array:
    targets = check.array_of(y, "y")
    try:
        rows = x.rows if isinstance(x, Columns) else x.shape[0] if is_sparse(x) else len(x)
    except TypeError:
        raise ArgumentTypeError(f"x must be an array of rows, not {x!r:.60}") from None
    if targets.ndim == 0 or len(targets) != rows:
        raise ArgumentError(f"y must have one entry for each of the {rows} rows of x, not the shape {targets.shape}")
    return targets


def _check_fit_settings(given: dict[str, Any]) -> None:
    own = {"seed", "epochs", "batch_size", "callbacks", "verbose", "stratify"}
    legal = [name for name in inspect.signature(Sequential.fit).parameters if name not in _NOT_FOR_FIT | own]
    for name in given:
        if name not in legal:
            raise ArgumentTypeError(f"cross_validate has no argument {name!r}; for fit there are {', '.join(legal)}")


def _models(build: Callable[..., Sequential] | Sequential, count: int, seed: int) -> list[Sequential]:
    """Make a new compiled model for each fold."""
    if isinstance(build, Sequential):
        return [new_copy(build) for _ in range(count)]
    if not callable(build):
        raise ArgumentTypeError(f"build must be a function that returns a compiled model, or one, not {build!r:.60}")
    takes_seed = "seed" in inspect.signature(build).parameters
    models = [build(seed=seed + number) if takes_seed else build() for number in range(count)]
    for model in models:
        if not isinstance(model, Sequential):
            raise ArgumentTypeError(f"build must return a compiled fastmlp.Sequential, not {model!r:.60}")
        _ = model.loss  # raises if it was not compiled
    if len({id(model) for model in models}) < count:
        raise ArgumentError("build must return a new model each time; to copy one model, give it instead of build")
    return models


def _joined(results: list[Result], fold: Integers) -> CrossValidation:
    first = results[0].predictions
    predictions = np.empty((len(fold), first.shape[1]), first.dtype)
    for number, result in enumerate(results):
        predictions[fold == number] = result.predictions
    return CrossValidation(tuple(r.scores for r in results), tuple(r.history for r in results), predictions, fold)


as_public(globals(), "fastmlp")
