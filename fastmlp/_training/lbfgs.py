"""Trains small data as one batch with SciPy's L-BFGS."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .._base import tables as t
from .._base.errors import ArgumentError, MissingExtraError
from .._base.types import Array
from .._compiling.waiting import working_time
from .._engine.engine import STEADY, Data, Engine
from ..layers import leaves
from ..optimizers import LBFGS
from .run import Run
from .trainer import EpochTotals, Trainer


class LBFGSTrainer(Trainer):
    """The training loop in which SciPy makes the steps: an iteration of L-BFGS is an epoch.

    The loss and the gradient are those of all rows as one batch, in training mode. Random layers do the same in every
    iteration, because the method needs a fixed function. The running statistics of batch normalisations are those of
    all rows with the weights of the latest iteration.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._minimize = _minimize()  # before the clock runs: its import takes a second
        codes = self.engine.program.operations["code"]
        # Otherwise predictions differ from the outputs that the loss reads in training.
        self._predicts_as_it_trains = not (np.isin(codes, (t.DROPOUT, t.NOISE)).any() or self.engine.program.running)

    def _epoch(self, epoch: int) -> None:
        """Run all epochs: SciPy calls back after each."""
        engine, rule, left = self.engine, self.network.rule, self.request.epochs - epoch
        assert isinstance(rule, LBFGS)
        if any(getattr(layer, "max_norm", None) for layer in leaves(self.network.declarations)):
            raise ArgumentError("L-BFGS takes no max_norm: train the model with another optimizer")
        self._number, self._seconds_from = epoch, self._now()
        self.random_key = (self.network.seed, self.network.position.epoch)
        outputs = self.outputs if self._predicts_as_it_trains else None
        has_ended = self.interruption.has_happened
        self._function = Objective(engine, self.data, self.random_key, self.threads.most, outputs, has_ended)
        self._tell("on_epoch_begin", epoch)
        options = {
            "maxiter": left,
            "maxcor": rule.memory,
            "gtol": rule.tolerance,
            "ftol": rule.ftol,
            "maxfun": 100 * left if rule.max_fun is None else rule.max_fun,
        }
        self._accepted = self._function.weights()
        self._statistics = engine.running_statistics()
        method = {"jac": True, "method": "L-BFGS-B", "callback": self._after, "options": options}
        try:
            found = self._minimize(self._first, self._accepted, **method)
            self._note_end(found)
        except _Interrupted:
            self.stop_reason = "interrupted"
        finally:
            self._function.take(self._accepted)  # not the last point of the line search
            engine.set_running_statistics(self._statistics)
        self.network.position.batch = 0
        self.stop_reason = self.stop_reason or "finished"

    @staticmethod
    def _now() -> float:
        return working_time()

    def _first(self, weights: Array) -> tuple[float, Array]:
        """The objective; its first point counts as an accepted iteration."""
        is_first = self._function.seen is None
        found = self._function(weights)
        if is_first and np.isfinite(self._function.loss):
            self._statistics = self.engine.running_statistics()
        return found

    def _note_end(self, found: Any) -> None:
        """Record how SciPy's search ended."""
        words = {"status": int(found.status), "message": str(found.message)}
        counts = {"iterations": int(found.nit), "evaluations": int(found.nfev), "loss": float(found.fun)}
        self.history.solver = {**words, **counts}

    def _after(self, intermediate_result: Any) -> None:
        """Record an iteration; SciPy calls this with the new weights."""
        function, self._accepted = self._function, intermediate_result.x.copy()
        if function.seen is None or not np.array_equal(function.seen, self._accepted):
            function(self._accepted)  # the line search has tried further points
        self._statistics = self.engine.running_statistics()
        epoch, self._number = self._number, self._number + 1
        hits, outputs = self._judged()
        loss, now = float(intermediate_result.fun), self._now()
        totals = EpochTotals(loss * self.data.rows, hits, self.data.rows, 1, now - self._seconds_from)
        self._seconds_from = now
        values = self._logs(totals)
        counted = {"accuracy": [hits / (self.data.rows * self.scoring.answers)]} if self.scoring.counts_hits else {}
        self.history.add_batches(loss=[values["loss"]], **counted)
        self.network.position.epoch += 1
        self._close(epoch, totals, lambda: self._scores(epoch, totals, outputs))
        if self.stop_reason is not None:
            raise StopIteration
        if self._number < self.request.epochs:
            self._tell("on_epoch_begin", self._number)

    def _judged(self) -> tuple[int, Array | None]:
        """Right answers and outputs of all rows, as in predictions, if somebody asks for them."""
        if self._predicts_as_it_trains:
            return self._function.hits, self.outputs
        if not (self.scoring.counts_hits or self.scoring.needs_outputs):
            return 0, None
        outputs = self.scoring.room(self.data.rows, self.network.dtype)
        _, hits = self.engine.evaluate(self.data, self.request.n_threads, outputs=outputs)
        return hits, outputs

    def _scores(self, epoch: int, totals: EpochTotals, outputs: Array | None) -> dict[str, float]:
        return {**self._logs(totals, outputs, slice(None)), **self._validation_of_epoch(epoch, 0)}


class Objective:
    """The loss of all rows as one batch and its gradient, as functions of one vector of all trained numbers.

    The vector has the weight matrices, then all other tensors, without padding. It is shorter than that of the kernels,
    and SciPy's steps take a time that is proportional to its length.
    """

    def __init__(
        self,
        engine: Engine,
        data: Data,
        random_key: tuple[int, int],
        n_threads: int,
        outputs: Array | None,
        has_ended: Callable[[], bool],
    ) -> None:
        self._engine, self._twin = engine, engine.without_updates()
        self._data, self._outputs, self._has_ended = data, outputs, has_ended
        self._order, self._rate = np.arange(data.rows), np.ones(1)
        self._random_key, self._n_threads = random_key, n_threads
        trained = sorted((t for t in engine.program.tensors if t.trained), key=lambda tensor: len(tensor.shape) == 1)
        if not trained:
            raise ArgumentError("the model has no tensors that are trained")
        numbers = np.arange(engine.program.size)
        self._places = np.concatenate([engine.program.unpack(numbers, tensor).ravel() for tensor in trained])
        self.seen: Array | None = None  # the weights of the latest call
        self.loss, self.hits = np.nan, 0

    def weights(self) -> Array:
        """The present weights."""
        found: Array = self._engine.parameters[self._places].astype(np.float64)
        return found

    def take(self, weights: Array) -> None:
        """Give the network these weights."""
        self._engine.parameters[self._places] = weights

    def __call__(self, weights: Array) -> tuple[float, Array]:
        if self._has_ended():
            raise _Interrupted
        self.take(weights)
        self.seen, self._twin.averaged = weights.copy(), {}  # running statistics are those of this call
        losses, hits = self._twin.train(
            self._data,
            self._order,
            0,
            self._rate,
            self._data.rows,
            self._n_threads,
            random_key=self._random_key,
            outputs=self._outputs,
        )
        for _, place, _ in self._engine.program.running:
            self._engine.note_averages(place, STEADY)
        self.loss, self.hits = (float(losses[0]), int(hits[0])) if len(losses) else (np.nan, 0)
        if not np.isfinite(self.loss):  # too long a step: the line search returns
            return float(np.finfo(np.float64).max), np.zeros(len(weights))
        return self.loss, self._twin.gradients[self._places].astype(np.float64)


class _Interrupted(Exception):
    """Ctrl-C in the middle of an iteration, which then stays unfinished."""


def _minimize() -> Any:
    try:
        from scipy.optimize import minimize
    except ImportError:
        raise MissingExtraError("the L-BFGS optimizer needs SciPy: pip install 'fastmlp[scipy]'") from None
    return minimize
