"""Computes what a model reports: the loss and the chosen metrics.

The kernels count right answers while they compute the loss, so accuracy costs nothing. All other metrics need the
outputs of all rows. The kernels keep these outputs, also in training, so there is no second forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base import tables as t
from .._base.errors import ArgumentError
from .._base.types import Array
from .._engine.engine import Data
from ..activations import SHARES, UNIT_INTERVAL, outputs_of
from ..losses import PROBABILITIES, Loss
from ..reference import activations, softmax

if TYPE_CHECKING:
    from ..metrics import Metric


@dataclass(frozen=True)
class Scoring:
    """The metrics of a model with its loss and its output."""

    metrics: tuple[Metric, ...]
    loss: Loss
    activation: str
    units: int
    _of_outputs: tuple[Metric, ...] = field(init=False)

    counts_hits: bool = field(init=False)  # whether kernels count right answers, and the accuracy is wanted
    counted: tuple[str, ...] = field(init=False)  # the metrics that follow from these counts
    needs_outputs: bool = field(init=False)  # whether a metric needs the outputs of all rows
    answers: int = field(init=False)  # in a row
    names: list[str] = field(init=False)  # the loss and the metrics
    higher_is_better: dict[str, bool | None] = field(init=False)  # for each metric, by its name

    def __post_init__(self) -> None:
        hits = self.loss.hits(self.activation, self.units)
        counts_hits = hits != t.NO_HITS and any(metric.counted_by_kernels for metric in self.metrics)
        counted = tuple(m.name for m in self.metrics if counts_hits and m.counted_by_kernels)
        of_outputs = tuple(m for m in self.metrics if not (counts_hits and m.counted_by_kernels))
        found = {
            "counts_hits": counts_hits,
            "counted": counted,
            "needs_outputs": bool(of_outputs),
            "answers": self.units if hits in (t.ABOVE_HALF, t.ABOVE_ZERO) else 1,
            "names": ["loss", *(metric.name for metric in self.metrics)],
            "higher_is_better": {metric.name: metric.higher_is_better for metric in self.metrics},
            "_of_outputs": of_outputs,
        }
        self.__dict__.update(found)  # the fields cannot be assigned

    def room(self, rows: int, dtype: np.dtype[Any]) -> Array | None:
        """An array for the outputs of this many rows, if a metric needs them."""
        return np.empty((rows, self.units), dtype) if self.needs_outputs else None

    def report(self, loss: float, hits: float, rows: int) -> dict[str, float]:
        """The values that need no outputs."""
        return {"loss": loss, **dict.fromkeys(self.counted, hits / (rows * self.answers))}

    def full_report(
        self, loss: float, hits: float, rows: int, data: Data, outputs: Array | None, chosen: Any = slice(None)
    ) -> dict[str, float]:
        """All reported values; ``outputs`` are those that the loss read, for the ``chosen`` rows of the data."""
        known = self.report(loss, hits, rows)
        if outputs is None or not np.isfinite(loss):
            return {name: known.get(name, np.nan) for name in self.names}
        found = self.of_outputs(data.truth()[chosen], outputs)
        return {name: {**known, **found}[name] for name in self.names}

    def of_outputs(self, truth: Array, outputs: Array) -> dict[str, float]:
        """The metrics that need outputs, from rows of targets and the outputs that the loss read."""
        truth, predictions = self._truth(truth), self._predictions(outputs)
        return {metric.name: float(metric(self._for(metric, truth), predictions)) for metric in self._of_outputs}

    @property
    def decides(self) -> bool:
        """Whether a metric reads the choices that outputs make."""
        return any(metric.decides for metric in self.metrics)

    def of_choices(self, truth: Array, certain: Array) -> dict[str, float]:
        """The metrics that read choices, from outputs that are certain of them."""
        truth, found = self._truth(truth), {}
        for metric in self.metrics:
            if metric.decides and metric.counted_by_kernels and self.answers > 1:  # each answer counts, not each row
                found[metric.name] = float(np.mean((truth > 0.5) == (certain > 0.5)))
            elif metric.decides:
                found[metric.name] = float(metric(self._for(metric, truth), certain))
        return found

    @property
    def outputs(self) -> int:
        """The kind of outputs that the metrics receive."""
        if self.loss.code(self.activation) == t.SOFTMAX_CROSSENTROPY:
            return SHARES
        return UNIT_INTERVAL if self.loss.code(self.activation) == t.BINARY_LOGITS else outputs_of(self.activation)

    def check_combination(self) -> None:
        """Refuse metrics that cannot read all possible outputs of the last layer and the loss."""
        source = (
            f"a last layer of {self.units} unit{'s' * (self.units > 1)} with activation {self.activation!r} and "
            f"{type(self.loss).__name__}"
        )
        for metric in self.metrics:
            metric.check_outputs(self.outputs, self.units, source)

    def check(self, data: Data, name: str = "y") -> None:
        """Refuse a metric that cannot read these targets, before training begins."""
        if not self.needs_outputs:
            return
        truth, predictions = self._truth(data.truth()), np.full((data.rows, self.units), 1 / self.units)
        for metric in self._of_outputs:
            if metric.config() is not None:  # a function of the user's may accept any outputs
                try:
                    metric(self._for(metric, truth), predictions)
                except ArgumentError as error:
                    raise ArgumentError(f"{name} cannot be judged by the metric {metric.name!r}: {error}") from None

    def _for(self, metric: Metric, truth: Array) -> Array:
        """Targets in the form of the metric: class numbers become one-hot rows if it needs rows."""
        if metric.takes_rows and truth.ndim == 1 and self.units > 1:
            return np.eye(self.units)[truth]
        return truth

    def log_probabilities(self, outputs: Array) -> Array:
        """Logarithms of probabilities, in float64, from what the loss read; one unit gives columns for no and yes."""
        code, values = self.loss.code(self.activation), outputs.astype(np.float64)
        if code == t.SOFTMAX_CROSSENTROPY:
            shifted = values - values.max(axis=1, keepdims=True)
            return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
        if code == t.BINARY_LOGITS:
            no, yes = -np.logaddexp(0, values), -np.logaddexp(0, -values)
        else:
            with np.errstate(divide="ignore"):
                no, yes = np.log1p(-values), np.log(values)
        return np.hstack([no, yes]) if self.units == 1 else yes

    def _truth(self, truth: Array) -> Array:
        is_one_question = self.loss.targets == PROBABILITIES and truth.ndim == 2 and truth.shape[1] == 1
        if is_one_question and np.isin(truth, (0, 1)).all():
            return truth[:, 0].astype(np.int64)
        return truth

    def _predictions(self, outputs: Array) -> Array:
        """Convert the outputs to probabilities if the loss reads logits."""
        code = self.loss.code(self.activation)
        predictions = np.empty(outputs.shape, np.float64)
        if code == t.SOFTMAX_CROSSENTROPY:
            softmax.softmax_forward(predictions, outputs.astype(np.float64))
        elif code == t.BINARY_LOGITS:
            activations.activation_forward(predictions, outputs.astype(np.float64), t.SIGMOID, 0.0)
        else:
            predictions[:] = outputs
        return predictions
