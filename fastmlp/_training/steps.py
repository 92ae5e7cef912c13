"""Trains once on rows in their order, without a history."""

from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError, DivergenceError
from .._base.interruption import uninterrupted
from .._compiling.threads import resolve_threads
from .._engine.engine import Data
from .._network import adapting, raw_tables
from .._network.inputs import warn_of_merged
from .._network.network import Network
from .._network.reading import learn_from, weighted, with_targets
from .._network.scores import Scores
from ..optimizers import LBFGS
from .attempt import attempt

_OWN_BATCHES = 2**31  # the first number of batches outside of epochs, for random layers


def partial_fit(
    network: Network, x: Any, y: Any, batch_size: int | None, weights: tuple[Any, Any], n_threads: int | None
) -> Scores:
    """See `Sequential.partial_fit`; ``weights`` are those of rows and of classes."""
    network.checked_optimizer()
    resolve_threads(n_threads)
    if isinstance(network.rule, LBFGS):
        raise ArgumentError("L-BFGS trains with fit() alone: compile the model with another optimizer")
    if batch_size is not None:
        batch_size = check.whole_number(batch_size, "batch_size", minimum=1)
    with attempt(network):
        is_first = network.steps_done == 0
        x, y = raw_tables.apart(network, x, y)
        rows, inputs, wanted = learn_from(network, x, y)
        if adapting.adapt(network, [rows], are_pixels=rows.dtype == np.uint8):
            inputs = network.reader()
        data = weighted(wanted, with_targets(wanted, inputs.converted(rows, "x"), y), *weights)
        network.scoring.check(data)
        if is_first:  # once, not for each batch of a stream
            warn_of_merged(rows, data.x, network.feature_names, stacklevel=4)
        network.build(data.width)
        return Scores(_steps(network, data, min(batch_size or data.rows, data.rows), n_threads))


def random_key(network: Network, step: int | None = None) -> tuple[int, int]:
    """On what dropout and noise of a batch outside of epochs depend; by default for the next step."""
    number = network.steps_done if step is None else step
    return network.seed, _OWN_BATCHES + number % _OWN_BATCHES


def _steps(network: Network, data: Data, size: int, n_threads: int | None) -> dict[str, float]:
    """Train once on the rows, in their order."""
    engine, scoring, batches = network.engine, network.scoring, -(-data.rows // size)
    outputs = scoring.room(data.rows, network.dtype)
    order, threads = np.arange(data.rows, dtype=np.int64), engine.training_threads(size, n_threads)
    key = random_key(network)
    rates = network.rates(batches)
    losses, hits, done = np.empty(batches), 0, 0
    in_a_call = engine.batches_in_a_call(size)
    while done < batches:
        some = rates[done : done + in_a_call]
        with uninterrupted():  # counts the trained batches
            trained, right = engine.train(data, order, done, some, size, threads, random_key=key, outputs=outputs)
        losses[done : done + len(trained)] = trained
        done, hits = done + len(trained), hits + int(right.sum())
        if len(trained) < len(some):
            raise DivergenceError(f"the loss of batch {done} (from 0) is NaN or infinite: no step was made")
    if engine.has_running_statistics and network.rule.needs_all_rows:  # as at the end of an epoch
        engine.take_statistics(data, order, size, batches, threads, key, lambda: False)
    sizes = np.minimum(size, data.rows - size * np.arange(batches))
    return scoring.full_report(float(losses @ sizes) / data.rows, hits, data.rows, data, outputs)
