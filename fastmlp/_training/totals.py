"""Sums over the batches of an epoch, for the logs."""

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
        # Batch by batch, so that the sum does not depend on how batches were divided into calls.
        for loss, hits, size in zip(losses.tolist(), correct.tolist(), sizes.tolist(), strict=True):
            self.loss += loss * size
            self.correct += hits
            self.rows += size
        self.batches += len(losses)
        self.seconds += seconds

    def logs(
        self, scoring: Scoring, data: Data | None = None, outputs: Array | None = None, rows: Any = None
    ) -> dict[str, float]:
        """The means so far, including metrics that need outputs if data and outputs are given."""
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
