"""Trains small data as one batch with SciPy's L-BFGS."""

import time
from typing import Any

import numpy as np

from .._base.errors import ArgumentError, MissingExtraError
from .._base.types import Array
from ..layers import leaves
from ..optimizers import LBFGS
from .trainer import EpochTotals, Trainer


class LBFGSTrainer(Trainer):
    """The training loop in which SciPy makes the steps: an iteration of L-BFGS is an epoch.

    The loss and the gradient are those of all rows as one batch, in training mode. Random layers do the same in every
    iteration, because the method needs a fixed function. The running statistics of batch normalisations are those of
    all rows with the weights of the latest iteration.
    """

    def _epoch(self, epoch: int) -> None:
        """Run all epochs: SciPy calls back after each."""
        minimize = _minimize()
        engine, rule = self.engine, self.network.rule
        assert isinstance(rule, LBFGS)
        self._number, self._seconds_from = epoch, self._now()
        self._spans = [t.span(engine.program.panel) for t in engine.program.tensors if t.trained]
        if not self._spans:
            raise ArgumentError("the model has no tensors that are trained")
        if any(getattr(layer, "max_norm", None) for layer in leaves(self.network.declarations)):
            raise ArgumentError("L-BFGS takes no max_norm: train the model with another optimizer")
        self.random_key = (self.network.seed, self.network.position.epoch)
        self._tell("on_epoch_begin", epoch)
        options = {
            "maxiter": self.request.epochs - epoch,
            "maxcor": rule.memory,
            "gtol": rule.tolerance,
            "ftol": 0.0,
            "maxfun": 100 * (self.request.epochs - epoch),
        }
        self._accepted = self._weights()
        self._is_first, self._statistics = True, self.engine.running_statistics()
        self._seen: Array | None = None  # the weights of the running statistics
        try:
            minimize(
                self._loss_and_gradient,
                self._accepted,
                jac=True,
                method="L-BFGS-B",
                callback=self._after,
                options=options,
            )
        except _Interrupted:
            self.stop_reason = "interrupted"
        finally:
            self._take(self._accepted)  # not the last point of the line search
            self.engine.set_running_statistics(self._statistics)
        self.network.position.batch = 0
        self.stop_reason = self.stop_reason or "finished"

    @staticmethod
    def _now() -> float:
        return time.perf_counter()

    def _weights(self) -> Array:
        return np.concatenate([self.engine.parameters[span] for span in self._spans]).astype(np.float64)

    def _take(self, weights: Array) -> None:
        at = 0
        for span in self._spans:
            self.engine.parameters[span] = weights[at : at + span.stop - span.start]
            at += span.stop - span.start

    def _loss_and_gradient(self, weights: Array) -> tuple[float, Array]:
        if self.interruption.has_happened():
            raise _Interrupted
        self._take(weights)
        loss, gradient = self.engine.gradient(self.data, self.random_key, self.threads.most, keeps_statistics=True)
        self._seen = weights.copy()
        if not np.isfinite(loss):  # too long a step: the line search returns
            return float(np.finfo(np.float64).max), np.zeros(len(weights))
        if self._is_first:  # the initial weights count as an accepted iteration
            self._is_first, self._statistics = False, self.engine.running_statistics()
        return loss, np.concatenate([gradient[span] for span in self._spans]).astype(np.float64)

    def _after(self, intermediate_result: Any) -> None:
        """Record an iteration; SciPy calls this with the new weights."""
        self._accepted = intermediate_result.x.copy()
        self._take(self._accepted)
        if self.engine.has_running_statistics:
            # The line search may have tried further points.
            if self._seen is None or not np.array_equal(self._seen, self._accepted):
                self._loss_and_gradient(self._accepted)
            self._statistics = self.engine.running_statistics()
        epoch, self._number = self._number, self._number + 1
        outputs = self.scoring.room(self.data.rows, self.network.dtype)
        _, hits = self.engine.evaluate(self.data, self.request.n_threads, outputs=outputs)
        loss, now = float(intermediate_result.fun), self._now()
        totals = EpochTotals(loss * self.data.rows, hits, self.data.rows, 1, now - self._seconds_from)
        self._seconds_from = now
        values = self._logs(totals)
        self.history.add_batches(**{name: [values[name]] for name in ("loss", "accuracy") if name in values})
        self.network.position.epoch += 1
        self._close(epoch, totals, lambda: self._scores(epoch, totals, outputs))
        if self.stop_reason is not None:
            raise StopIteration
        if self._number < self.request.epochs:
            self._tell("on_epoch_begin", self._number)

    def _scores(self, epoch: int, totals: EpochTotals, outputs: Array | None) -> dict[str, float]:
        values = totals.logs(self.scoring, self.data, outputs, slice(None))
        return {**values, "learning_rate": self.network.learning_rate, **self._validation_of_epoch(epoch, 0)}


class _Interrupted(Exception):
    """Ctrl-C in the middle of an iteration, which then stays unfinished."""


def _minimize() -> Any:
    try:
        from scipy.optimize import minimize
    except ImportError:
        raise MissingExtraError("the L-BFGS optimizer needs SciPy: pip install 'fastmlp[scipy]'") from None
    return minimize
