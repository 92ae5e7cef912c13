"""Tunes thresholds on held-out rows, for a metric of decisions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base import notebook
from .._base.errors import ArgumentError, NotBuiltError
from .._base.public import as_public
from .._base.text_table import aligned
from .._base.types import Array
from .._engine import row_weights
from .._engine.engine import Data
from . import deciding, predicting
from .chunks import refuse_whole, source_of
from .network import Network
from .reading import data_for

if TYPE_CHECKING:
    from ..metrics import Threshold

__all__ = ["ThresholdTable"]


@dataclass(frozen=True, repr=False)
class ThresholdTable:
    """The result of `Sequential.tune_threshold`, printed as a table.

    Attributes
    ----------
    thresholds : tuple of Threshold
        One for two classes, or one for each label: its ``threshold``, ``metric``, ``value``, and ``usual``, the value
        with 0.5. Values are NaN for a label that no row has, or all rows.
    names : tuple of str
        The class or label that is chosen above the threshold.
    support : tuple of int
        The rows of that class or label.
    rows : int
        All rows.
    """

    thresholds: tuple[Threshold, ...]
    names: tuple[str, ...]
    support: tuple[int, ...]
    rows: int

    def _table(self) -> list[tuple[str, ...]]:
        metric = self.thresholds[0].metric
        lines: list[tuple[str, ...]] = [("chosen", "share of rows", "threshold", metric, f"{metric} at 0.5")]
        for name, count, found in zip(self.names, self.support, self.thresholds, strict=True):
            values = ("" if np.isnan(value) else f"{value:.4f}" for value in (found.value, found.usual))
            lines.append((name, f"{count / self.rows:.4f}", f"{found.threshold:.4f}", *values))
        return lines

    def __str__(self) -> str:
        return aligned(self._table())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return notebook.table(self._table())


def tune(
    network: Network,
    x: Any,
    y: Any,
    metric: str,
    sample_weight: Any,
    costs: Any,
    at_least: Mapping[str, float] | None,
    n_threads: int | None,
) -> ThresholdTable:
    """See `Sequential.tune_threshold`."""
    from ..metrics import thresholds  # predictions do not need this import

    wanted = thresholds.goal(metric, costs, at_least)
    deciding.questions(network)
    data, outputs = judged(network, x, y, n_threads)
    weights = np.ones(data.rows) if sample_weight is None else row_weights.checked(sample_weight, data.rows)
    truth = truths(network, data)
    found = []
    for label, (is_yes, scores) in enumerate(zip(truth.T, deciding.probabilities_of(network, outputs).T, strict=True)):
        if deciding.form_of(network) == deciding.EACH and not (weights[is_yes].any() and weights[~is_yes].any()):
            found.append(thresholds.Threshold(deciding.USUAL, wanted.metric, np.nan, np.nan))  # no row tells
            continue
        try:
            found.append(thresholds.best(wanted, is_yes, np.ascontiguousarray(scores), weights))
        except ArgumentError as error:
            where = f"label {label}: " if deciding.form_of(network) == deciding.EACH else ""
            raise ArgumentError(f"{where}{error}") from None
    chosen = tuple(one.threshold for one in found)
    network.data_known = dataclasses.replace(
        network.data_known, thresholds=chosen, tuned_for=wanted.metric, has_old_thresholds=False
    )
    rows = tuple(int(count) for count in truth.sum(axis=0))
    return ThresholdTable(tuple(found), names_of(network), rows, data.rows)


def judged(network: Network, x: Any, y: Any, n_threads: int | None) -> tuple[Data, Array]:
    """Rows in memory with their targets, and what `predict` gives for them."""
    network.checked_optimizer()
    if not network.is_built:
        raise NotBuiltError("the model has no parameters yet: train it first, with fit(x, y)")
    source = source_of(x, y, name="x")
    if source is not None:
        refuse_whole(source, {"a choice that all rows decide": True})
    data = data_for(network, x, y, width=network.engine.program.fan_in)
    return data, predicting.predict(network, x, None, n_threads)


def truths(network: Network, data: Data) -> Array:
    """Whether yes is true: booleans (rows, questions)."""
    truth = data.truth()
    if truth.ndim == 1:
        return np.asarray(truth == 1)[:, None]
    of_yes = truth[:, 1:] if deciding.form_of(network) == deciding.TWO else truth
    return np.asarray(of_yes > deciding.USUAL)


def names_of(network: Network) -> tuple[str, ...]:
    """What yes stands for, in each question."""
    if deciding.form_of(network) == deciding.EACH:
        return tuple(f"label {number}" for number in range(network.last_units))
    return ("class 1" if network.classes is None else str(network.classes[1]),)


as_public(globals(), "fastmlp.model")
