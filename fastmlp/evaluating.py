"""How well a model does: loss and metrics on rows. Floor 4, the part of the model API above its building."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._threads import resolve_threads
from ._types import Array
from .building import Building, check_last
from .chunks import ChunkSource, is_chunks, pairs, refuse_whole
from .engine import Data


class Evaluating(Building):
    """The part of `fastmlp.Sequential` that judges it."""

    def evaluate(
        self, x: Any, y: Any = None, *, sample_weight: Any = None, n_threads: int | None = None
    ) -> dict[str, float]:
        """Loss and metrics on a data set.

        Parameters
        ----------
        x, y, sample_weight : array_like
            As in `fit`; ``x`` may be chunks, which hold their own ``y``.
        n_threads : int, optional

        Returns
        -------
        dict of str to float
            ``{"loss": …, "accuracy": …}``
        """
        check_last(self.declarations, self.loss, self.metrics)
        resolve_threads(n_threads)
        if is_chunks(x, y):
            refuse_whole({"sample_weight": sample_weight is not None})
            return self._evaluate_chunks(x, n_threads)
        data = self._data(x, y, "x", "y", self.engine.program.fan_in, sample_weight)
        return self.evaluate_data(data, n_threads)

    def _evaluate_chunks(self, chunks: ChunkSource, n_threads: int | None) -> dict[str, float]:
        scoring, rows, total, hits = self.scoring, 0, 0.0, 0
        seen: list[tuple[Array, Array]] = []
        for pair in pairs(chunks, 0, shuffle=False, seed=0):
            data = self._data(*pair, "x of a chunk", "y of a chunk", self.engine.program.fan_in)
            outputs = scoring.room(data.rows, self.dtype)
            loss, right = self.engine.evaluate(data, n_threads, outputs=outputs)
            rows, total, hits = rows + data.rows, total + loss * data.rows, hits + right
            if outputs is not None:
                seen.append((data.truth(), outputs))
        report = scoring.report(total / rows + self.engine.penalty(), hits, rows)
        if seen:
            truth, outputs = (np.concatenate(parts) for parts in zip(*seen, strict=True))
            report.update(scoring.of_outputs(truth, outputs))
        return {name: report[name] for name in scoring.names}

    def evaluate_data(
        self, data: Data, n_threads: int | None, cancelled: Callable[[], bool] = lambda: False
    ) -> dict[str, float]:
        """`evaluate` for data that was checked; NaN if ``cancelled()`` on the way."""
        scoring = self.scoring
        outputs = scoring.room(data.rows, self.dtype)
        loss, hits = self.engine.evaluate(data, n_threads, cancelled, outputs)
        return scoring.full_report(loss + self.engine.penalty(), hits, data.rows, data, outputs)
