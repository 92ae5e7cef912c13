"""The training loop. It and its two subclasses move the position in training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import kernels
from .._base import check
from .._base.errors import DivergenceError
from .._base.interruption import Interruption, uninterrupted
from .._base.types import Array, Integers
from .._compiling.waiting import waited
from .._engine.engine import Data
from .._network.history import History
from .._network.judging import scores_of, scores_of_pieces
from .._network.scoring import Scoring
from ..callbacks import Callback
from .epoch_logs import WrittenLogs, recorded
from .run import Run
from .sampling import order_of

CALL_SECONDS = 0.05  # seconds of training between checks of the clock, Ctrl-C and the callbacks
_SNAPSHOT_SHARE = 0.01  # the largest share of the time for copies of good parameters
_UNHEARD = Callback.on_batches_end  # of callbacks that do not define it
TIMES = ("seconds", "samples_per_second")  # what is reported besides the loss and the metrics


class Trainer:
    """One run of training: `run` is the loop, and the other methods are its steps."""

    def __init__(self, run: Run) -> None:
        self.network, self.model = run.network, run.model
        self.request = run.request
        self.engine = run.engine
        self.data = run.data
        self.validation = run.validation
        self.callbacks = run.request.listeners
        self.history = run.history
        self.written = WrittenLogs(run.history)
        self.first_epoch, self.batch_size = run.first_epoch, run.batch_size
        self.batches, self.sizes = self._batches_of(run.data), self._sizes_of(run.data)
        self.classes = run.classes
        self.good = GoodParameters(self.engine.parameters, self.engine.averaged)
        rows = min(run.batch_size, run.data.rows)
        self.batch_work = 6 * self.engine.program.products * rows
        most = self.engine.training_threads(rows, self.request.n_threads, self.batches)
        self.kernel = self.engine.training_kernel(run.data)
        self.threads = self.engine.thread_choice(self.kernel, most, self.batch_work)
        self.scoring = run.scoring
        self.outputs = self.scoring.room(run.data.rows, run.network.dtype)
        self.uninterrupted = uninterrupted()
        self.stop_reason: str | None = None
        self.begun: list[Callback] = []
        self.between: dict[str, float] = {}  # the latest validation within the epoch

    def run(self) -> History:
        """Train, and return the history; after Ctrl-C, stop cleanly and raise `KeyboardInterrupt`."""
        with Interruption() as self.interruption:
            try:
                self._begin()
                self._epochs()
            except BaseException as error:
                is_interrupted = isinstance(error, KeyboardInterrupt)
                self.history.stopped = self.stop_reason or ("interrupted" if is_interrupted else "failed")
                self._tell_end(error)
                raise
            self.history.stopped = self.stop_reason or "finished"
            self._tell_end(None)
        return self.history

    def _epochs(self) -> None:
        if self.interruption.has_happened():
            self.stop_reason = "interrupted"  # during the preparation of the run
        for epoch in range(self.first_epoch, self.request.epochs):
            if self.stop_reason:
                break
            self._epoch(epoch)
        # No loss has checked the last update yet.
        if not self.engine.is_finite():
            self._diverged(self.network.position.epoch, self.network.position.batch)

    def _begin(self) -> None:
        if self.network.stop_training:
            self.network.stop_training = False
        self._deadline = None
        forms = [(self.kernel, self.threads.most > 1)]
        if self.validation is not None:  # its kernel too is compiled before Ctrl-C and the clock count
            rows = self.validation.rows if isinstance(self.validation, Data) else self.data.rows
            several = self.engine.forward_threads(rows, self.request.n_threads) > 1
            data = self.validation if isinstance(self.validation, Data) else self.data
            forms.append((self.engine.evaluation_kernel(data), several))
        for kernel, parallel in forms:
            kernel.variant(self.engine.program.dtype, parallel=parallel)
        if self.request.shuffle:
            kernels.shuffle.variant(np.float64, parallel=False)
        if self.request.max_time is not None:  # compilation does not count
            self._deadline = time.perf_counter() - waited.seconds + self.request.max_time
        run_info = self._run_info()
        params = {"verbose": self.request.verbose, "epochs": run_info["epochs"], "steps": run_info["batches"] or None}
        self.history.params = params
        for callback in self.callbacks:
            callback.model, callback.params = self.model, dict(params)
        for callback in self.callbacks:
            callback.on_train_begin(run_info)
            self.begun.append(callback)

    def _run_info(self) -> dict[str, Any]:
        """The facts about the run for callbacks."""
        names = self.scoring.names
        validation = self.validation
        validated = names if validation is not None else []
        return {
            "epochs": self.request.epochs,
            "first_epoch": self.first_epoch,
            "batches": self._batches_in_epoch(),
            "rows": self.data.rows,
            "batch_size": self.batch_size,
            "validation_rows": validation.rows if isinstance(validation, Data) else 0,
            "validation_freq": self.request.validation_freq,
            "validation_batches": self.request.validation_batches,
            "callbacks": tuple(self.callbacks),
            "higher_is_better": self.scoring.higher_is_better,
            "logs": [*names, *TIMES, "learning_rate", *[f"val_{name}" for name in validated]],
        }

    def _epoch(self, epoch: int) -> None:
        network, position = self.network, self.network.position
        order = self._order(position.epoch)
        self._tell("on_epoch_begin", epoch)
        self._heed_callbacks()
        self.random_key = (network.seed, position.epoch)
        totals = self._totals_so_far(position.batch) if position.batch else EpochTotals()
        self.first_output = position.batch * self.batch_size  # outputs of earlier rows are unknown
        self.between = {}
        while position.batch < self.batches and self.stop_reason is None:
            self._call(order, totals)
            if self.validation is not None and self._is_validated_at(position.batch):
                self.between = self._validate()
                self.history.add_validation(epoch, position.batch, self.between)
            self._tell_batches(totals)
            self._look_around()
        self._end_epoch(epoch, totals, order)

    def _call(self, order: Integers, totals: EpochTotals) -> None:
        """Make one kernel call, with batches for some hundredths of a second."""
        position = self.network.position
        left = self._batches_left()
        self.good.offer(self.engine.parameters, self.engine.averaged)
        seconds, threads = self.threads.seconds(self.batch_work), self.threads.next
        wanted = min(left, max(1, int(CALL_SECONDS / seconds))) if seconds else 1
        rates = self.network.rates(wanted)
        start = time.perf_counter() - waited.seconds  # another form of the kernel may yet be compiled
        with self.uninterrupted:  # counts the trained batches
            losses, correct = self.engine.train(
                self.data,
                order,
                position.batch,
                rates,
                self.batch_size,
                threads,
                random_key=self.random_key,
                outputs=self.outputs,
            )
            self._note(losses, correct, totals, time.perf_counter() - waited.seconds - start, threads)
        if len(losses) < wanted:
            self._diverged(position.epoch, position.batch)
        if position.batch == self.batches and self.engine.program.running:
            self._take_statistics(order)

    def _note(self, losses: Any, correct: Any, totals: EpochTotals, seconds: float, threads: int) -> None:
        """Record the batches of a kernel call."""
        position, done = self.network.position, len(losses)
        sizes = self.sizes[position.batch : position.batch + done]
        self.threads.observe(threads, self.batch_work * max(1, done), seconds)
        values, hits = {"loss": losses.tolist()}, correct.tolist()
        if self.scoring.counts_hits:
            answers = self.scoring.answers
            values["accuracy"] = [right / (size * answers) for right, size in zip(hits, sizes, strict=True)]
        self.history.add_batches(**values)
        totals.add(values["loss"], hits, sizes, seconds)
        self.history.so_far = totals.sums()
        position.batch += done
        if done:
            self.good.confirm()

    def _take_statistics(self, order: Integers) -> None:
        """At the end of an epoch, recompute running statistics from the present network if averages would lag behind.

        In a short run, most averaged batches saw older weights or other data. This holds while the run has few
        batches, and always if a step takes all rows, because it can change everything.
        """
        engine, takes_all = self.engine, self.network.rule.needs_all_rows
        if takes_all or engine.lags_after(self.history.batch_count):
            size, threads = self.batch_size, self.threads.most
            engine.take_statistics(
                self.data, order, size, self.batches, threads, self.random_key, self.interruption.has_happened
            )

    def _batches_of(self, data: Data) -> int:
        """The number of batches in an epoch over such data."""
        there, most = -(-data.rows // self.batch_size), self.request.steps_per_epoch
        return there if most is None else min(there, most)

    def _sizes_of(self, data: Data) -> list[int]:
        """The rows of each batch."""
        whole, rest = divmod(data.rows, self.batch_size)
        return [self.batch_size] * whole + [rest] * (rest > 0)

    def _batches_left(self) -> int:
        """The number of batches until the epoch ends, a callback is due, or a validation is due."""
        batch, every = self.network.position.batch, [self.batches]
        if self.request.validation_batches is not None:
            every.append(self.request.validation_batches)
        for callback in self.callbacks:
            if callback.every_batches is not None:
                name = f"every_batches of {type(callback).__name__}"
                every.append(check.whole_number(callback.every_batches, name, minimum=1))
        return min([number - batch % number for number in every])

    def _totals_so_far(self, batches: int) -> EpochTotals:
        """The totals of the batches that an earlier run trained in this epoch."""
        totals, so_far = EpochTotals(), self.history.so_far
        if batches == so_far.get("batches"):
            totals = EpochTotals(so_far["loss"], int(so_far["correct"]), int(so_far["rows"]), batches)
        elif batches <= self.history.latest_batches and "loss" in self.history.batches:  # of a file without sums
            sizes, losses = self.sizes[:batches], self.history.batches["loss"][-batches:]
            accuracies = np.array(self.history.batches.get("accuracy", [0.0] * batches)[-batches:])
            accuracies = np.clip(np.nan_to_num(accuracies), 0, 1)  # NaN if the other run did not have the metric
            hits = np.rint(accuracies * sizes * self.scoring.answers).astype(np.int64)
            totals.add(losses, hits.tolist(), sizes, 0.0)
        if totals.batches and self.history.partial:
            totals.seconds = self.history.history.get("seconds", [0.0])[-1]
        return totals

    def _order(self, epoch: int) -> Integers:
        if self.request.order is not None:
            return self.request.order(epoch)
        if self.classes is not None:
            assert self.request.sampling is not None
            return order_of(self.request.sampling, self.classes, self.batch_size, (self.network.seed, epoch))
        order = np.arange(self.data.rows, dtype=np.int64)
        if self.request.shuffle:
            kernels.shuffle.run(np.float64, 1, order, self.network.seed, epoch)
        return order

    def _look_around(self) -> None:
        """Check all reasons to stop."""
        if self.interruption.has_happened():
            self.stop_reason = "interrupted"
        elif self._deadline is not None and time.perf_counter() - waited.seconds >= self._deadline:
            self.stop_reason = "max_time"
        elif self.network.stop_training:
            self.stop_reason = "callback"

    def _heed_callbacks(self) -> None:
        if self.network.stop_training:
            self.stop_reason = "callback"

    def _end_epoch(self, epoch: int, totals: EpochTotals, order: Integers) -> None:
        position = self.network.position
        last, partial = position.batch, position.batch < self.batches
        trained = slice(self.first_output, last * self.batch_size)
        if not partial:
            position.epoch, position.batch = position.epoch + 1, 0
            self.history.so_far = {}
        if totals.batches == 0 or (partial and trained.start == trained.stop):
            return  # otherwise nothing was added to the record
        # If an earlier run has trained all batches, their outputs are unknown.
        outputs = None if self.outputs is None or trained.start == trained.stop else self.outputs[trained]
        self._close(
            epoch,
            totals,
            lambda: {**self._logs(totals, outputs, order[trained]), **self._validation_of_epoch(epoch, last)},
            partial=partial,
        )

    def _close(
        self, epoch: int, totals: EpochTotals, scores: Callable[[], dict[str, float]], *, partial: bool = False
    ) -> None:
        """Record an epoch and inform callbacks; if a metric or the validation fails, record the other values."""
        try:
            logs = scores()
        except BaseException:
            self._record(epoch, self._logs(totals), partial)
            raise
        self._record(epoch, logs, partial)
        self.written.tell(self.callbacks, epoch, logs)
        self._look_around()

    def _record(self, epoch: int, logs: dict[str, float], partial: bool) -> None:
        with self.uninterrupted:
            self.history.add_epoch(epoch, recorded(logs), partial=partial)

    def _logs(self, totals: EpochTotals, outputs: Array | None = None, rows: Any = None) -> dict[str, float]:
        """The means so far, with metrics that need outputs if those of ``rows`` are given."""
        values = totals.logs(self.scoring, self.data, outputs, rows)
        return {**values, "learning_rate": float(self.network.rates(1)[0])}

    def _validate(self) -> dict[str, float]:
        assert self.validation is not None
        n_threads, cancelled = self.request.n_threads, self.interruption.has_happened
        if isinstance(self.validation, Data):
            values = scores_of(self.engine, self.scoring, self.validation, n_threads, cancelled)
        else:
            values = scores_of_pieces(self.network, self.validation, n_threads, cancelled)
        return {f"val_{name}": value for name, value in values.items()}

    def _is_validated_at(self, batch: int) -> bool:
        every = self.request.validation_batches
        return every is not None and batch % every == 0

    def _validation_of_epoch(self, epoch: int, last_batch: int) -> dict[str, float]:
        """The validation at the end of an epoch, if there is one."""
        if self.validation is None:
            return {}
        if self._is_validated_at(last_batch):
            return self.between
        return self._validate() if (epoch + 1) % self.request.validation_freq == 0 else {}

    def _diverged(self, epoch: int, batch: int) -> None:
        self.engine.set_averages(self.good.restore(self.engine.parameters))
        self.engine.set_optimizer(self.engine.optimizer)  # the optimiser's moments are as bad as the loss
        self.stop_reason = "diverged"
        rate = self.network.learning_rate
        raise DivergenceError(
            f"the loss became NaN or infinite in epoch {epoch}, batch {batch} (both counted from 0), with learning "
            f"rate {rate:g}. The model keeps its last good parameters, and its history. Likely causes: a learning "
            f"rate that is too high (try {rate / 10:g}), or features on very different scales (see "
            "fastmlp.datasets.standardize)."
        )

    def _tell(self, hook: str, *args: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*args)

    def _tell_batches(self, totals: EpochTotals) -> None:
        told = [callback for callback in self.callbacks if self._is_told(callback)]
        if told:
            batch, logs = self._batches_done(), {**self._logs(totals), **self.between}
            for callback in told:
                callback.on_batches_end(batch, logs)

    def _is_told(self, callback: Callback) -> bool:
        if getattr(callback.on_batches_end, "__func__", None) is _UNHEARD:
            return False
        return callback.every_batches is None or self._batches_done() % callback.every_batches == 0

    def _batches_done(self) -> int:
        """The number of batches of this epoch so far, for callbacks."""
        return self.network.position.batch

    def _batches_in_epoch(self) -> int:
        """The number of batches of an epoch, for callbacks; 0 if it is not known."""
        return self.batches

    def _tell_end(self, failure: BaseException | None) -> None:
        """Inform every callback that has begun, even if others raise errors; the first error is raised at the end."""
        first: Exception | None = None
        for callback in self.begun:
            try:
                callback.on_train_end(self.history.stopped)
            except Exception as error:
                first = first or error
                if failure is not None and hasattr(failure, "add_note"):  # from Python 3.11
                    failure.add_note(f"Then {type(callback).__name__}.on_train_end failed too: {error!r}")
        if first is not None and failure is None:
            raise first


@dataclass
class EpochTotals:
    """Sums over the batches of an epoch."""

    loss: float = 0.0
    correct: int = 0
    rows: int = 0
    batches: int = 0
    seconds: float = 0.0

    def add(self, losses: list[float], correct: list[int], sizes: list[int], seconds: float) -> None:
        # Batch by batch, so that the sum does not depend on how batches were divided into calls.
        for loss, hits, size in zip(losses, correct, sizes, strict=True):
            self.loss += loss * size
            self.correct += hits
            self.rows += size
        self.batches += len(losses)
        self.seconds += seconds

    def sums(self) -> dict[str, float]:
        """The sums, for a history."""
        return {"batches": self.batches, "rows": self.rows, "loss": self.loss, "correct": self.correct}

    def logs(
        self, scoring: Scoring, data: Data | None = None, outputs: Array | None = None, rows: Any = None
    ) -> dict[str, float]:
        """The means so far, including metrics that need outputs if data and outputs are given."""
        count = max(1, self.rows)
        if data is None or outputs is None:
            values = scoring.report(self.loss / count, self.correct, count)
        else:
            values = scoring.full_report(self.loss / count, self.correct, count, data, outputs, rows)
        return {**values, "seconds": self.seconds, "samples_per_second": self.rows / max(self.seconds, 1e-9)}


class GoodParameters:
    """Copies of parameters with a finite loss.

    Parameters are offered before a kernel call, and the first finite loss of the call confirms them. Copies take at
    most `_SNAPSHOT_SHARE` of the time.
    """

    def __init__(self, parameters: Array, averaged: dict[int, int] | None = None) -> None:
        self._confirmed = parameters.copy(), dict(averaged or {})  # the initial parameters count as good
        self._offered: tuple[Array, dict[int, int]] | None = None
        self._spare = np.empty_like(parameters)
        self._next = 0.0

    def offer(self, parameters: Array, averaged: dict[int, int] | None = None) -> None:
        start = time.perf_counter()
        if start < self._next:
            return
        self._spare[:] = parameters
        self._offered = self._spare, dict(averaged or {})
        now = time.perf_counter()
        self._next = now + (now - start) / _SNAPSHOT_SHARE

    def confirm(self) -> None:
        if self._offered is not None:
            self._spare = self._confirmed[0]
            self._confirmed, self._offered = self._offered, None

    def restore(self, parameters: Array) -> dict[int, int]:
        """Write the parameters back; returns how many batches their running statistics average."""
        parameters[:] = self._confirmed[0]
        return dict(self._confirmed[1])
