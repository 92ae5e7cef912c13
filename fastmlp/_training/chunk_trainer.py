"""Training on data that comes in chunks, one of which is in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .. import kernels
from .._base.types import Array, Integers
from .._engine.engine import Data
from .trainer import EpochTotals, Trainer

_CHUNKS_IN_EPOCH = 2**16  # random layers and shuffles tell so many chunks of an epoch apart


class ChunkTrainer(Trainer):
    """The training loop with another chunk of data after each pass over one.

    The rows of a chunk are shuffled, and the order of the chunks, but not rows across chunks. A chunk's last batch may
    be smaller.
    """

    def __init__(self, opening: Iterable[Data], read: Callable[[int], Iterable[Data]], *run: Any) -> None:
        super().__init__(*run)
        self._opening: Iterable[Data] | None = opening  # of the first epoch, begun already
        self._read = read

    def _epoch(self, epoch: int) -> None:
        position, totals = self.model.position, EpochTotals()
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
                self.chance = (self.model.seed, self._number(number))
                while position.batch < self.batches and self.stop_reason is None:
                    self._call(order, totals)
                    self._tell_batches(totals)
                    self._look_around()
                if self.outputs is not None:
                    trained = position.batch * self.settings.batch_size
                    seen.append((data.truth()[order[:trained]], self.outputs[:trained]))
                if self.stop_reason is not None:
                    is_cut = position.batch < self.batches or self._goes_on(rest)
                    break
        finally:
            position.batch = 0  # an epoch that was cut short is not gone on with: chunks may be gone
        self._end_of_chunks(epoch, totals, seen, is_cut)

    def _take_statistics(self, order: Integers) -> None:
        """They stay averages of all batches: those of one chunk are not those of the data."""

    def _goes_on(self, rest: Iterator[Data]) -> bool:
        """Whether more chunks would come; who is in a hurry does not wait for the answer."""
        if self.stop_reason != "callback":
            return True
        try:
            return next(rest, None) is not None
        except Exception:  # there is one, which will not be used
            return True

    def _take(self, data: Data) -> None:
        self.data, self.model.position.batch = data, 0
        self.batches = -(-data.rows // self.settings.batch_size)
        self.outputs = self.scoring.room(data.rows, self.model.dtype)

    def _number(self, chunk: int) -> int:
        return (self.model.position.epoch * _CHUNKS_IN_EPOCH + chunk) % 2**32

    def _shuffled(self, chunk: int) -> Integers:
        order = np.arange(self.data.rows, dtype=np.int64)
        if self.settings.shuffle:
            kernels.shuffle.run(np.float64, 1, order, self.model.seed, self._number(chunk))
        return order

    def _end_of_chunks(self, epoch: int, totals: EpochTotals, seen: list[tuple[Array, Array]], is_cut: bool) -> None:
        if not is_cut:
            self.model.position.epoch += 1
        if totals.batches:
            self._close(epoch, totals, lambda: self._scores(epoch, totals, seen), partial=is_cut)

    def _scores(self, epoch: int, totals: EpochTotals, seen: list[tuple[Array, Array]]) -> dict[str, float]:
        logs = self._logs(totals)
        if seen:
            truth, outputs = (np.concatenate(parts) for parts in zip(*seen, strict=True))
            logs.update(self.scoring.of_outputs(truth, outputs))
        return {**logs, **self._validation_of_epoch(epoch, 0)}
