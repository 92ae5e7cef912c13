"""Trains an estimator's network with fastmlp's `fit`, by scikit-learn's rules."""

import warnings
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils.optimize import _check_optimize_result

from .._base.errors import DivergenceError
from .._network.history import History
from .._training.fit import fit
from .._training.request import Request
from ..model import Sequential
from .protocol import Task
from .rows import Order, Rows
from .watching import Criterion, Size, TrainingLoss, ValidationLoss, ValidationScore, Watch

STOCHASTIC = ("sgd", "adam")
_SMALL = 1e-9  # a weight of a row that makes the usual penalty larger than the loss by far


def train(estimator: Any, rows: Rows, held_out: Rows | None, task: Task, *, incremental: bool) -> None:
    """Train ``estimator.model_``; ``held_out`` are the rows of ``eval_set``."""
    if estimator.early_stopping and incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    is_stochastic = estimator.solver in STOCHASTIC
    scored, random_state = None, estimator._random_state
    if estimator.early_stopping and is_stochastic:
        rows, scored = (rows, held_out) if held_out is not None else _split(estimator, rows, random_state)
    criterion = _criterion(estimator, held_out, scored, is_stochastic)
    labels = estimator.model_.classes
    rows, held_out = rows.named(labels), None if held_out is None else held_out.named(labels)
    batch_size = _batch_size(estimator, rows.count)
    batches = -(-rows.count // batch_size)
    size = Size(rows.count, rows.weight, batches, 1.0 if held_out is None else held_out.weight)
    watch = Watch(estimator, size, criterion, task)
    order = Order(rows.count, shuffle=estimator.shuffle and is_stochastic, random_state=random_state)
    epochs = 1 if incremental else estimator.max_iter
    estimator.n_iter_ = 0
    _run(estimator, held_out, _of_rows(rows, batch_size, order), watch, epochs)
    if criterion is not None and not isinstance(criterion, TrainingLoss):
        estimator.model_.set_weights(estimator._best_weights)
    if estimator.solver == "lbfgs":
        _conclude(estimator, watch)
    elif not incremental and not watch.has_converged and estimator.n_iter_ == epochs:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({epochs}) reached and the optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=6,
        )


def _conclude(estimator: Any, watch: Watch) -> None:
    """Take over how L-BFGS ended, and warn as scikit-learn does if it has not converged."""
    history = estimator.model_.history or History()
    found = history.solver
    if not found or watch.has_converged or history.stopped in ("max_time", "callback"):
        return
    if estimator.n_iter_ == 0:  # the initial weights were the best
        estimator.loss_ = estimator._mean_loss(found["loss"], watch.penalty())
    result = OptimizeResult(nit=found["iterations"], status=found["status"], message=found["message"])
    estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)


def _criterion(estimator: Any, held_out: Rows | None, scored: Rows | None, is_stochastic: bool) -> Criterion | None:
    if scored is not None:
        return ValidationScore(lambda model: estimator._score_of(model, scored))
    if held_out is not None:
        return ValidationLoss()
    return TrainingLoss() if is_stochastic else None


def _split(estimator: Any, rows: Rows, random_state: np.random.RandomState) -> tuple[Rows, Rows]:
    """The rows for training and those for validation: the same ones as in scikit-learn."""
    kept, held = train_test_split(
        np.arange(rows.count),
        random_state=random_state,
        test_size=estimator.validation_fraction,
        stratify=estimator._stratified_by(rows.y),
    )
    if len(held) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return rows.at(kept), rows.at(held)


def _batch_size(estimator: Any, rows: int) -> int:
    if estimator.solver == "lbfgs":
        return rows
    if estimator.batch_size == "auto":
        return min(200, rows)
    if estimator.batch_size > rows:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=8
        )
    return int(min(estimator.batch_size, rows))


def _of_rows(rows: Rows, size: int, order: Order) -> dict[str, Any]:
    """The arguments of a request about the rows and their batches."""
    return {"x": rows.x, "y": rows.y, "given_batch_size": size, "sample_weight": rows.weights, "order": order}


def _run(estimator: Any, held_out: Rows | None, given: dict[str, Any], watch: Watch, epochs: int) -> None:
    model: Sequential = estimator.model_
    request = Request(
        **given,
        epochs=epochs,
        verbose=0,
        callbacks=[watch, *(estimator.callbacks or ())],
        validation_data=None if held_out is None else _validation(held_out),
        shuffle=False,
        max_time=estimator.max_time,
        n_threads=estimator.n_threads,
    )
    try:
        fit(network=model, model=model, request=request)
    except DivergenceError as error:
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
            f"preprocessed.{_of_weights(estimator, given.get('sample_weight'))}"
        ) from error
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=7)


def _of_weights(estimator: Any, weights: Any) -> str:
    """What to say if the penalty, which is divided by the weights of a batch, has become too large for them."""
    used = np.asarray(() if weights is None else weights)
    used = used[used > 0]
    if not (len(used) and estimator.alpha and used.min() < _SMALL):
        return ""
    return (
        f" Or sample_weight is too small: it has {used.min():.2g}, and alpha is divided by the weights of a batch. "
        "Multiply the weights, for example so that their mean is 1, or use alpha=0."
    )


def _validation(held_out: Rows) -> tuple[Any, ...]:
    return (held_out.x, held_out.y) if held_out.weights is None else (held_out.x, held_out.y, held_out.weights)
