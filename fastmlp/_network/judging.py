"""Evaluates a network: loss and metrics on rows."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._base.errors import ArgumentError
from .._base.types import Array
from .._engine.engine import Data, Engine
from .chunks import ChunkSource, is_chunks, pairs, refuse_whole
from .network import Network
from .overflow import refuse_overflow, remedy
from .reading import data_for
from .scores import Scores
from .scoring import Scoring


def evaluate(network: Network, x: Any, y: Any, sample_weight: Any, n_threads: int | None) -> Scores:
    """See `Sequential.evaluate`."""
    network.checked_optimizer()
    if is_chunks(x, y):
        refuse_whole({"sample_weight": sample_weight is not None})
        return _finite(network, _scores_of_chunks(network, x, n_threads))
    data = data_for(network, x, y, width=network.engine.program.fan_in, sample_weight=sample_weight)
    return _finite(network, scores_of(network.engine, network.scoring, data, n_threads), data)


def scores_of(
    engine: Engine, scoring: Scoring, data: Data, n_threads: int | None, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, float]:
    """Loss and metrics of checked data; NaN if ``cancelled()`` during the evaluation."""
    outputs = scoring.room(data.rows, engine.program.dtype)
    loss, hits = engine.evaluate(data, n_threads, cancelled, outputs)
    return scoring.full_report(loss + engine.penalty(data.rows * data.weight_unit), hits, data.rows, data, outputs)


def _scores_of_chunks(network: Network, chunks: ChunkSource, n_threads: int | None) -> dict[str, float]:
    scoring, rows, total, hits = network.scoring, 0, 0.0, 0
    seen: list[tuple[Array, Array]] = []
    for x, y in pairs(chunks, 0, shuffle=False, seed=0):
        data = data_for(network, x, y, ("x of a chunk", "y of a chunk"), width=network.engine.program.fan_in)
        outputs = scoring.room(data.rows, network.dtype)
        loss, right = network.engine.evaluate(data, n_threads, outputs=outputs)
        rows, total, hits = rows + data.rows, total + loss * data.rows, hits + right
        if outputs is not None:
            seen.append((data.truth(), outputs))
    report = scoring.report(total / rows + network.engine.penalty(rows), hits, rows)
    if seen:
        truth, outputs = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        report.update(scoring.of_outputs(truth, outputs))
    return {name: report[name] for name in scoring.names}


def _finite(network: Network, scores: dict[str, float], data: Data | None = None) -> Scores:
    """The scores if their loss is finite; otherwise an error that names the row."""
    if not math.isfinite(scores["loss"]):
        if data is not None:
            outputs = np.empty((data.rows, network.engine.program.classes), network.dtype)
            network.engine.predict(data, outputs, None)
            refuse_overflow(outputs, "x", network.dtype)
        refuse_loss(network, scores["loss"])
    return Scores(scores)


def refuse_loss(network: Network, loss: float) -> None:
    """Raise the error for a loss that is not finite, although its rows are."""
    raise ArgumentError(
        f"the loss of these rows is {loss}, although x and y are finite: it is too large for {network.dtype}. "
        f"{remedy(network.dtype, 'x and y')}"
    )
