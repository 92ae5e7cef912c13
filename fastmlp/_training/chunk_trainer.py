"""Trains on data in chunks, one of which is in memory at a time."""

from collections.abc import Iterable, Iterator

import numpy as np

from .. import kernels
from .._base.types import Array, Integers
from .._engine.engine import Data
from .run import Run
from .trainer import EpochTotals, Trainer

_CHUNKS_IN_EPOCH = 2**16  # random layers and shuffles distinguish this many chunks of an epoch


class ChunkTrainer(Trainer):
    """The training loop, with the next chunk of data after each pass over one.

    It shuffles the chunks, and the rows of each chunk, but not rows across chunks. The last batch of a chunk may be
    smaller.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._opening: Iterable[Data] | None = run.opening()  # of the first epoch, which has already begun
        self._read = run.chunks

    def _epoch(self, epoch: int) -> None:
        position, totals = self.network.position, EpochTotals()
        chunks = self._read(position.epoch) if self._opening is None else self._opening
        self._opening, self.between = None, {}
        seen: list[tuple[Array, Array]] = []
        self._tell("on_epoch_begin", epoch)
        self._heed_callbacks()
        rest, is_cut = iter(chunks), False
        try:
            for number, data in enumerate(rest):
                self._take(data)
                order = self._shuffled(number)
                self.random_key = (self.network.seed, self._number(number))
                while position.batch < self.batches and self.stop_reason is None:
                    self._call(order, totals)
                    self._tell_batches(totals)
                    self._look_around()
                if self.outputs is not None:
                    trained = position.batch * self.batch_size
                    seen.append((data.truth()[order[:trained]], self.outputs[:trained]))
                if self.stop_reason is not None:
                    is_cut = position.batch < self.batches or self._goes_on(rest)
                    break
        finally:
            position.batch = 0  # an unfinished epoch cannot continue, because its chunks may be gone
            self.history.so_far = {}
        self._end_of_chunks(epoch, totals, seen, is_cut)

    def _take_statistics(self, order: Integers) -> None:
        """Do nothing: running statistics stay averages of all batches, because one chunk is not the whole data."""

    def _goes_on(self, rest: Iterator[Data]) -> bool:
        """Whether there are more chunks, without waiting if training should end."""
        if self.stop_reason != "callback":
            return True
        try:
            return next(rest, None) is not None
        except Exception:  # there is one, but it will not be used
            return True

    def _take(self, data: Data) -> None:
        self.data, self.network.position.batch = data, 0
        self.batches, self.sizes = self._batches_of(data), self._sizes_of(data)
        self.outputs = self.scoring.room(data.rows, self.network.dtype)

    def _number(self, chunk: int) -> int:
        return (self.network.position.epoch * _CHUNKS_IN_EPOCH + chunk) % 2**32

    def _shuffled(self, chunk: int) -> Integers:
        order = np.arange(self.data.rows, dtype=np.int64)
        if self.request.shuffle:
            kernels.shuffle.run(np.float64, 1, order, self.network.seed, self._number(chunk))
        return order

    def _end_of_chunks(self, epoch: int, totals: EpochTotals, seen: list[tuple[Array, Array]], is_cut: bool) -> None:
        if not is_cut:
            self.network.position.epoch += 1
        if totals.batches:
            self._close(epoch, totals, lambda: self._scores(epoch, totals, seen), partial=is_cut)

    def _scores(self, epoch: int, totals: EpochTotals, seen: list[tuple[Array, Array]]) -> dict[str, float]:
        logs = self._logs(totals)
        if seen:
            truth, outputs = (np.concatenate(parts) for parts in zip(*seen, strict=True))
            logs.update(self.scoring.of_outputs(truth, outputs))
        return {**logs, **self._validation_of_epoch(epoch, 0)}
