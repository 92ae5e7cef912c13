"""What is added up over the batches of an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._base.types import Array
from .._engine.engine import Data
from .._network.scoring import Scoring


@dataclass
class EpochTotals:
    """Sums over the batches of an epoch."""

    loss: float = 0.0
    correct: int = 0
    rows: int = 0
    batches: int = 0
    seconds: float = 0.0

    def add(self, losses: Any, correct: Any, sizes: Any, seconds: float) -> None:
        # One batch after the other: the sum is the same however the batches were divided into calls.
        for loss, hits, size in zip(losses.tolist(), correct.tolist(), sizes.tolist(), strict=True):
            self.loss += loss * size
            self.correct += hits
            self.rows += size
        self.batches += len(losses)
        self.seconds += seconds

    def logs(
        self, scoring: Scoring, data: Data | None = None, outputs: Array | None = None, rows: Any = None
    ) -> dict[str, float]:
        """Means so far; of all metrics, where the data and the outputs of the rows are given."""
        count = max(1, self.rows)
        if data is None:
            values = scoring.report(self.loss / count, self.correct, count)
        else:
            values = scoring.full_report(self.loss / count, self.correct, count, data, outputs, rows)
        return {
            **values,
            "seconds": self.seconds,
            "samples_per_second": self.rows / max(self.seconds, 1e-9),
        }
