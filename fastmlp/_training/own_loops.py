"""Loops of one's own: gradients without an update, and an update by gradients.

Together they are `train_on_batch`, also in what training changes besides the trained tensors: running statistics of
batches, the statistics of a first Normalization, names and labels. `gradients` changes none of these. It leaves them
with the network, and the following `apply_gradients` takes them.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentError
from .._base.interruption import uninterrupted
from .._base.types import Array
from .._compiling.threads import resolve_threads
from .._engine.engine import Data
from .._network import adapting, raw_tables
from .._network.judging import refuse_loss
from .._network.network import Aside, Known, Network
from .._network.reading import learn_from, weighted, with_targets
from ..layers import Normalization
from ..optimizers import LBFGS
from .attempt import FirstLayer, attempt
from .steps import random_key


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What `gradients` is asked for besides the rows."""

    weights: tuple[Any, Any]  # of rows and of classes
    step: int | None
    updates_statistics: bool
    n_threads: int | None

    def __post_init__(self) -> None:
        if self.step is not None:
            object.__setattr__(self, "step", check.whole_number(self.step, "step", minimum=0))
        check.yes_or_no(self.updates_statistics, "update_statistics")
        resolve_threads(self.n_threads)


def gradients(network: Network, x: Any, y: Any, wanted: Wanted) -> tuple[float, list[Array]]:
    """See `Sequential.gradients`."""
    network.checked_optimizer()
    if wanted.updates_statistics:
        with attempt(network):
            loss, found, aside = _computed(network, x, y, wanted)
            _take(network, aside)
        return loss, found
    loss, found, aside = _computed(network, x, y, wanted)
    network.put_aside(aside)
    return loss, found


def apply_gradients(network: Network, given: Any, n_threads: int | None) -> None:
    """See `Sequential.apply_gradients`."""
    network.checked_optimizer()
    resolve_threads(n_threads)
    if isinstance(network.rule, LBFGS):
        raise ArgumentError("L-BFGS trains with fit() alone: compile the model with another optimizer")
    flat, engine = _flat(network, given), network.engine
    with attempt(network):
        aside, rate = network.take_aside(), network.learning_rate
        if aside is not None:
            _take(network, aside)
        with uninterrupted():
            engine.update(flat, rate, engine.training_threads(1, n_threads))
        if aside is not None and aside.batch is not None:  # as after a step of all rows
            data, key, threads = aside.batch
            engine.take_statistics(data, np.arange(data.rows), data.rows, 1, threads, key, lambda: False)


def _flat(network: Network, given: Any) -> Array:
    """Gradients in the form of `get_weights` as one vector; those of tensors that are not trained are left out."""
    built = network.engine.program
    arrays = check.items(given, "gradients", "arrays")
    if len(arrays) != len(built.tensors):
        raise ArgumentError(f"gradients must be {len(built.tensors)} arrays, as gradients() gives, not {len(arrays)}")
    flat = built.zeros(1)
    for i, (tensor, array) in enumerate(zip(built.tensors, arrays, strict=True)):
        name = f"gradients[{i}] (of the {tensor.name} of layer {tensor.layer})"
        value = check.tensor(array, name, tensor.shape, network.dtype)
        if tensor.trained:
            built.pack(flat, tensor, value)
    return flat


# ---------------------------------------------------------------- computing, without a change


def _computed(network: Network, x: Any, y: Any, wanted: Wanted) -> tuple[float, list[Array], Aside]:
    """Loss, gradients, and what training would change; the network only gets its parameters, if it has none."""
    before = network.before_training()
    try:
        x, y = raw_tables.apart(network, x, y)
        rows, inputs, targets = learn_from(network, x, y)
        network.build(rows.shape[1])
        first = FirstLayer(network)
        try:
            if adapting.adapt(network, [rows], are_pixels=rows.dtype == np.uint8):
                inputs = network.reader()
            data = weighted(targets, with_targets(targets, inputs.converted(rows, "x"), y), *wanted.weights)
            return _of_batch(network, data, wanted)
        finally:
            first.bring_back()
            network.data_known = _with_encoder(before.known, network)
    except BaseException:
        network.undo_preparation(before)
        raise


def _with_encoder(known: Known, network: Network) -> Known:
    """Earlier knowledge with an encoder that has learned since: the network is built for the features that it makes."""
    now = network.data_known
    return dataclasses.replace(known, encoder=now.encoder, feature_names=now.feature_names) if now.encoder else known


def _of_batch(network: Network, data: Data, wanted: Wanted) -> tuple[float, list[Array], Aside]:
    engine, first = network.engine, network.declarations[0]
    key, threads = random_key(network, wanted.step), engine.training_threads(data.rows, wanted.n_threads)
    with uninterrupted():
        found = engine.step_gradient(data, key, threads)
    if not math.isfinite(found.loss):
        refuse_loss(network, found.loss)
    needs_rows = engine.has_running_statistics and network.rule.needs_all_rows
    aside = Aside(
        engine.step,
        network.rule,
        network.data_known,
        first if isinstance(first, Normalization) else None,
        found,
        (data, key, threads) if needs_rows else None,
    )
    return found.loss, [engine.program.unpack(found.flat, tensor) for tensor in engine.program.tensors], aside


def _take(network: Network, aside: Aside) -> None:
    """Let the network change as training on the rows would."""
    network.data_known = aside.known
    if aside.first is not None and adapting.wants_statistics(network):
        adapting.write_first_statistics(network, aside.first.mean, aside.first.variance)
        network.declare([aside.first, *network.declarations[1:]])
    network.engine.set_running_statistics(aside.found.statistics)
    network.engine.set_averages(aside.found.averaged)
