"""Trains on the batches of a loader or generator: each is a step."""

import time

import numpy as np

from .._base.batches import Batches
from .._base.types import Integers
from .._engine.engine import Data
from ..callbacks import Callback
from .chunk_trainer import ChunkTrainer
from .run import Run
from .trainer import CALL_SECONDS, EpochTotals


class BatchTrainer(ChunkTrainer):
    """The training loop over batches, whose sizes and order are those of their source."""

    def __init__(self, run: Run) -> None:
        assert isinstance(run.source, Batches)
        self._in_epoch = run.source.batches or 0  # 0: not known
        self._done = 0  # batches of this epoch
        self._told = 0.0
        super().__init__(run)

    def _epoch(self, epoch: int) -> None:
        self._done = 0
        super()._epoch(epoch)

    def _batches_in_epoch(self) -> int:
        return self._in_epoch

    def _batches_done(self) -> int:
        return self._done

    def _take(self, data: Data) -> None:
        if data.rows != self.batch_size:
            self.batch_size, self.batch_work = data.rows, 6 * self.engine.program.products * data.rows
            most = self.engine.training_threads(data.rows, self.request.n_threads)
            self.threads = self.engine.thread_choice(self.kernel, most, self.batch_work)
        super()._take(data)
        self._done += 1

    def _batches_of(self, data: Data) -> int:
        return 1

    def _batches_left(self) -> int:
        return 1

    def _shuffled(self, chunk: int) -> Integers:
        return np.arange(self.data.rows, dtype=np.int64)

    def _tell_batches(self, totals: EpochTotals) -> None:
        self._is_due = time.perf_counter() - self._told >= CALL_SECONDS
        super()._tell_batches(totals)
        if self._is_due:
            self._told = time.perf_counter()

    def _is_told(self, callback: Callback) -> bool:
        return self._is_due if callback.every_batches is None else super()._is_told(callback)
