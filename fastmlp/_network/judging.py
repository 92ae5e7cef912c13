"""Evaluates a network: loss and metrics on rows."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._base.batches import Batches
from .._base.errors import ArgumentError
from .._base.types import Array
from .._engine.engine import Data, Engine
from .._engine.row_weights import scaled_part
from . import deciding
from .chunks import ChunkSource, pieces, refuse_whole, source_of
from .habits import refuse_steps
from .network import Network
from .overflow import refuse_overflow, remedy
from .reading import data_for, weighted
from .scores import Scores
from .scoring import Scoring

TUNED = "tuned"


def evaluate(
    network: Network,
    x: Any,
    y: Any,
    sample_weight: Any,
    n_threads: int | None,
    steps: int | None = None,
    thresholds: Any = None,
) -> Scores:
    """See `Sequential.evaluate`."""
    network.checked_optimizer()
    wanted = _checked_thresholds(network, thresholds)
    source = source_of(x, y, name="x", steps=steps)
    if source is not None:
        refuse_whole(source, {"sample_weight": sample_weight is not None, "thresholds": wanted is not None})
        if steps is not None and not isinstance(source, Batches):
            refuse_whole(source, {"steps": True})
        return _noted(network, _finite(network, scores_of_pieces(network, source, n_threads)))
    refuse_steps(steps, "steps", "x")
    data = data_for(network, x, y, width=network.engine.program.fan_in, sample_weight=sample_weight)
    scores = _finite(network, scores_of(network.engine, network.scoring, data, n_threads), data)
    if wanted is None:
        return _noted(network, scores)
    outputs = np.empty((data.rows, network.engine.program.classes), network.dtype)
    network.engine.predict(data, outputs, n_threads)
    certain = deciding.as_outputs(network, deciding.answers(network, outputs, wanted))
    chosen = network.scoring.of_choices(data.truth(), certain)
    return Scores({**dict(scores.items()), **chosen}).with_thresholds(wanted)


def _checked_thresholds(network: Network, given: Any) -> tuple[float, ...] | None:
    if not isinstance(given, str):
        return deciding.checked(network, given)
    if given != TUNED:
        raise ArgumentError(f"thresholds must be {TUNED!r}, a number or several, not {given!r:.60}")
    if network.data_known.thresholds is None:
        raise ArgumentError("the model has no thresholds yet: use tune_threshold(x, y), or give numbers")
    return network.data_known.thresholds


def _noted(network: Network, scores: Scores) -> Scores:
    """Scores that say that they use the usual thresholds, if the model has others."""
    known = network.data_known.thresholds
    if known is None or not network.scoring.decides:
        return scores
    return scores.with_thresholds((deciding.USUAL,) * len(known))


def scores_of(
    engine: Engine, scoring: Scoring, data: Data, n_threads: int | None, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, float]:
    """Loss and metrics of checked data; NaN if ``cancelled()`` during the evaluation."""
    outputs = scoring.room(data.rows, engine.program.dtype)
    loss, hits = engine.evaluate(data, n_threads, cancelled, outputs)
    return scoring.full_report(loss + engine.penalty(data.rows * data.weight_unit), hits, data.rows, data, outputs)


def scores_of_pieces(
    network: Network, source: ChunkSource, n_threads: int | None, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, float]:
    """Loss and metrics of data in chunks or batches; NaN if ``cancelled()`` during the evaluation."""
    scoring, width = network.scoring, network.engine.program.fan_in
    rows, weight, total, hits = 0, 0.0, 0.0, 0
    seen: list[tuple[Array, Array]] = []
    for piece in pieces(source, 0, shuffle=False, seed=0):
        data = data_for(network, piece.x, piece.y, piece.names, width=width)
        data = weighted(network.wanted_targets(), data, piece.weights, scale=scaled_part)
        outputs = scoring.room(data.rows, network.dtype)
        loss, right = network.engine.evaluate(data, n_threads, cancelled, outputs)
        if cancelled():
            return dict.fromkeys(scoring.names, math.nan)
        own = data.rows * data.weight_unit  # the sum of the rows' weights
        rows, weight, total, hits = rows + data.rows, weight + own, total + loss * own, hits + right
        if outputs is not None:
            seen.append((data.truth(), outputs))
    if weight == 0:
        raise ArgumentError("sample_weight must not be 0 for all rows")
    report = scoring.report(total / weight + network.engine.penalty(weight), hits, rows)
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
            refuse_overflow(outputs, "x", network)
        refuse_loss(network, scores["loss"])
    return Scores(scores)


def refuse_loss(network: Network, loss: float) -> None:
    """Raise the error for a loss that is not finite, although its rows are."""
    raise ArgumentError(
        f"the loss of these rows is {loss}, although x and y are finite: it is too large for {network.dtype}. "
        f"{remedy(network.dtype, 'x and y')}"
    )
