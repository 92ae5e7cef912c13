"""What an estimator records after each epoch, and when it stops: scikit-learn's rules, as a callback of fastmlp."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base.errors import ArgumentError, DivergenceError
from .._base.types import Array
from .._network.inputs import INTEGERS
from ..callbacks import Callback
from .protocol import Task
from .translation import dense_tensors

_SMALLEST_RATE = 1e-6  # the adaptive rate ends training here


class Criterion:
    """What must improve by ``tol``, or training stops; `judge` counts the epochs in which it does not."""

    message = ""

    def judge(self, estimator: Any, model: Any, logs: dict[str, float]) -> None:
        raise NotImplementedError

    @staticmethod
    def count(estimator: Any, *, improved: bool) -> None:
        estimator._no_improvement_count = 0 if improved else estimator._no_improvement_count + 1


class TrainingLoss(Criterion):
    """The loss of the epoch."""

    message = "Training loss did not improve more than tol=%f for %d consecutive epochs."

    def judge(self, estimator: Any, model: Any, logs: dict[str, float]) -> None:
        self.count(estimator, improved=not estimator.loss_ > estimator.best_loss_ - estimator.tol)
        estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)


class ValidationScore(Criterion):
    """The score on validation rows; the weights of the best epoch are kept."""

    message = "Validation score did not improve more than tol=%f for %d consecutive epochs."

    def __init__(self, score: Callable[[Any], float]) -> None:
        self.score = score

    def judge(self, estimator: Any, model: Any, logs: dict[str, float]) -> None:
        try:
            score = self.score(model)
        except ArgumentError as error:  # the weights are NaN, or so large that outputs are: the rows are not to blame
            raise DivergenceError("the weights have become too large to predict with") from error
        estimator.validation_scores_.append(score)
        if estimator.verbose:
            print(f"Validation score: {score:f}")
        self.count(estimator, improved=not score < estimator.best_validation_score_ + estimator.tol)
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            estimator._best_weights = model.get_weights()


class ValidationLoss(Criterion):
    """The loss on the rows of ``eval_set``; the weights of the best epoch are kept."""

    message = "Validation loss did not improve more than tol=%f for %d consecutive epochs."

    def judge(self, estimator: Any, model: Any, logs: dict[str, float]) -> None:
        loss, best = estimator.validation_loss_curve_[-1], estimator.best_validation_loss_
        if hasattr(estimator, "best_loss_"):
            estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        self.count(estimator, improved=not loss > best - estimator.tol)
        if loss < best:
            estimator._best_weights = model.get_weights()


@dataclass
class Size:
    """The size of a training: rows, the sum of their weights, batches in an epoch, and the weight of ``eval_set``."""

    rows: int
    weight: float
    batches: int
    held_out: float


class Watch(Callback):
    """Records an epoch in the estimator, tells scikit-learn's callbacks, changes the rate, and stops training."""

    def __init__(self, estimator: Any, size: Size, criterion: Criterion | None, task: Task) -> None:
        self.estimator, self.size, self.criterion, self.task = estimator, size, criterion, task
        self.has_converged = False
        self._reports_means, self._has_curve = estimator._reports_means, hasattr(estimator, "loss_curve_")
        self._scales_rate = estimator.solver == "sgd" and estimator.learning_rate == "invscaling"

    def on_train_begin(self, run_info: dict[str, Any]) -> None:
        self._call_bytes_numbers()

    def _call_bytes_numbers(self) -> None:
        """Let the network read uint8 as the estimator does: as numbers, never as pixels."""
        self.model.input_kind = INTEGERS

    def on_epoch_begin(self, epoch: int) -> None:
        if self._reports_means:
            self._squares_before = self._squares()
        self.task.begin(self.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._call_bytes_numbers()  # again: chunks of sparse rows say otherwise
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.loss_ = logs["loss"]
        if self._reports_means:
            estimator.loss_ = estimator._mean_loss(logs["loss"], self.penalty())
        if self._has_curve:
            estimator.t_ += self.size.rows
            estimator.loss_curve_.append(estimator.loss_)
        if "val_loss" in logs:
            without_penalty = logs["val_loss"] - estimator.alpha / 2 * self._squares() / self.size.held_out
            estimator.validation_loss_curve_.append(estimator._mean_loss(without_penalty, 0.0))
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        if self.criterion is not None:
            self.criterion.judge(estimator, self.model, logs)
            if self._scales_rate:
                rate = estimator.learning_rate_init / (estimator.t_ + 1) ** estimator.power_t
                self.model.learning_rate = rate
            if estimator._no_improvement_count > estimator.n_iter_no_change:
                self._stop_if_converged(self.criterion)
        if "val_loss" in logs:
            losses = estimator.validation_loss_curve_[-1], estimator.best_validation_loss_
            estimator.best_validation_loss_ = min(losses)
        if self.task.end(self.model):
            self.has_converged = self.model.stop_training = True

    def _squares(self) -> float:
        """The sum of squares of all weight matrices."""
        squares = [float(np.vdot(weights, weights)) for weights in dense_tensors(self.model, "kernel")]
        return sum(squares, 0.0)

    def penalty(self) -> float:
        """The penalty in the loss of the epoch, from the weights before and after it; L-BFGS reports those after."""
        before = self._squares_before if self._has_curve else self._squares()
        return self.estimator.alpha / 2 * (before + self._squares()) / 2 * self.size.batches / self.size.weight

    def _stop_if_converged(self, criterion: Criterion) -> None:
        estimator = self.estimator
        message = criterion.message % (estimator.tol, estimator.n_iter_no_change)
        if self._ends(message):
            self.has_converged = self.model.stop_training = True
        else:
            estimator._no_improvement_count = 0

    def _ends(self, message: str) -> bool:
        """Whether training ends where there is no improvement; the adaptive rate is divided by 5 first."""
        estimator, rate = self.estimator, self.model.learning_rate
        is_adaptive = estimator.solver == "sgd" and estimator.learning_rate == "adaptive"
        if is_adaptive and rate > _SMALLEST_RATE:
            self.model.learning_rate = rate / 5.0
            what = f"Setting learning rate to {rate / 5.0:f}"
        else:
            what = "Learning rate too small. Stopping." if is_adaptive else "Stopping."
        if estimator.verbose:
            print(f"{message} {what}")
        return "Stopping" in what


def accuracy(outputs: Array, codes: Array, weights: Array | None) -> float:
    """The share of rows whose class, or all of whose labels, are right."""
    is_one_of_many = codes.ndim == 1
    right = outputs.argmax(axis=1) == codes if is_one_of_many else ((outputs > 0.5) == (codes > 0.5)).all(axis=1)
    return float(np.average(right, weights=weights))
