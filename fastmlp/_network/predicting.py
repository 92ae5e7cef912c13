"""Predicts the outputs of a network, and the classes that they choose."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from .._base import check
from .._base.batches import Batches, are_batches
from .._base.errors import ArgumentError
from .._base.sparse import SparseRows
from .._base.types import Array
from .._engine.engine import data_of
from ..losses import CLASSES, PROBABILITIES
from . import deciding
from .inputs import PIXELS
from .network import Network
from .overflow import look_finite, refuse_overflow


def predict(network: Network, x: Any, out: Array | None = None, n_threads: int | None = None) -> Array:
    """See `Sequential.predict`."""
    engine = network.engine
    given, is_centered = x, False
    if network.reads_tables or not check.are_rows(x, network.dtype, engine.program.fan_in):
        if are_batches(x):
            return over_batches(x, lambda part: predict(network, part, None, n_threads), out)
        features = network.reader().read(x, "x", finite=False)
        x, is_centered = features.rows, features.is_centered
    elif network.data_known.input_kind == PIXELS:
        network.reader().check_scaled(x, "x")
    shape = (x.shape[0], engine.program.classes)
    if out is None:
        out = np.empty(shape, network.dtype)
    else:
        x = _checked_output(out, shape, network.dtype, x)
    if isinstance(x, SparseRows) and engine.are_few(shape[0], n_threads):
        x = x.dense()
    if x.dtype == network.dtype and not isinstance(x, SparseRows) and engine.are_few(shape[0], n_threads):
        engine.predict_rows(x, out, is_centered=is_centered)
    else:
        none = np.empty(0, np.int64)
        data = data_of(x, none, np.empty((0, shape[1]), network.dtype), network.dtype, is_centered=is_centered)
        engine.predict(data, out, n_threads)
    if not look_finite(out, engine.activation):
        is_lost = isinstance(given, np.ndarray) and np.may_share_memory(out, given)
        network.reader().read(x if is_lost else given, "x")  # raises an error with the cause of a NaN
        refuse_overflow(out, "x", network)
    return out


def over_batches(
    x: Any, answer: Callable[[Array], Array], out: Array | None = None, *, steps: int | None = None
) -> Array:
    """The answers to the features of all batches, one after the other."""
    if out is not None:
        raise ArgumentError("out cannot be used with batches of a loader or generator: leave it out")
    return np.concatenate([answer(part) for part in Batches(x, "x", steps=steps).features()])


def _checked_output(
    out: Any, shape: tuple[int, int], dtype: np.dtype[Any], x: Array | SparseRows
) -> Array | SparseRows:
    """Check an array for predictions; returns the features, copied if the two overlap."""
    usable = isinstance(out, np.ndarray) and out.shape == shape and out.dtype == dtype
    if not usable or not out.flags.c_contiguous or not out.flags.writeable:
        raise ArgumentError(
            f"out must be a writable C-contiguous {dtype} array of shape {shape}, not "
            f"{getattr(out, 'dtype', type(out).__name__)} of shape {getattr(out, 'shape', None)}"
        )
    if isinstance(x, SparseRows):
        return dataclasses.replace(x, values=x.values.copy()) if np.may_share_memory(out, x.values) else x
    return x.copy() if np.may_share_memory(out, x) else x  # some rows are read after others are written


def log_probabilities(network: Network, x: Any, n_threads: int | None) -> Array:
    """See `Sequential.predict_log_proba`."""
    if network.loss.targets not in (CLASSES, PROBABILITIES):
        raise ArgumentError(f"the outputs of a model whose loss is {type(network.loss).__name__} are not probabilities")
    if are_batches(x):
        return over_batches(x, lambda part: log_probabilities(network, part, n_threads))
    found = network.scoring.log_probabilities(read_by_loss(network, x, n_threads))
    with np.errstate(over="ignore"):  # for extreme logits, the probability of one answer is 0
        return found.astype(network.dtype)


def read_by_loss(network: Network, x: Any, n_threads: int | None) -> Array:
    """The outputs that the loss reads, for each row."""
    features, dtype = network.reader().read(x, "x"), network.dtype
    outputs = np.empty((len(features.rows), network.engine.program.classes), dtype)
    labels = np.zeros(len(outputs), np.int64)
    targets = np.zeros(outputs.shape if network.loss.targets == PROBABILITIES else (0, outputs.shape[1]), dtype)
    data = data_of(features.rows, labels, targets, dtype, is_centered=features.is_centered)
    network.engine.evaluate(data, n_threads, outputs=outputs)
    refuse_overflow(outputs, "x", network)
    return outputs


# ---------------------------------------------------------------- classes


def classes_of(network: Network, outputs: Array) -> Array:
    """See `Sequential.classes_of`."""
    check_has_classes(network)
    outputs = check.numbers(outputs, "outputs")
    if outputs.ndim != 2 or outputs.shape[1] == 0:
        raise ArgumentError(f"outputs must have the shape (rows, units), as predict() gives, not {outputs.shape}")
    if np.isnan(outputs).any():
        raise ArgumentError(f"outputs must hold no NaN, but row {int(np.isnan(outputs).any(axis=1).argmax())} has")
    units, activation = network.last_output
    if units is not None and outputs.shape[1] != units:
        raise ArgumentError(f"outputs must have the {units} columns of the last layer, not {outputs.shape[1]}")
    thresholds = deciding.thresholds_of(network)
    if thresholds is not None:
        numbers = deciding.answers(network, outputs, thresholds)[:, 0].astype(np.int64)
    elif outputs.shape[1] == 1:
        numbers = (outputs[:, 0] > (0.0 if activation == "linear" else 0.5)).astype(np.int64)
    else:
        numbers = outputs.argmax(axis=1)
    return numbers if network.classes is None else network.classes[numbers]


def labels_of(network: Network, outputs: Array) -> Array:
    """See `Sequential.predict_labels`, for what `predict` gives."""
    if deciding.form_of(network) != deciding.EACH:
        raise ArgumentError(
            "predict_labels() is for a model with a sigmoid unit for each of several labels, trained with "
            "binary_crossentropy: use predict_classes(x)"
        )
    thresholds = network.data_known.thresholds or (deciding.USUAL,) * network.last_units
    return deciding.answers(network, outputs, thresholds)


def check_has_classes(network: Network) -> None:
    """Refuse to choose a class for each row if the outputs do not determine one."""
    units, activation = network.last_output
    if not network.is_compiled or units is None:
        return  # the caller knows the meaning of the outputs
    loss = network.loss
    if units > 1 and loss.targets == PROBABILITIES and activation != "softmax":
        raise ArgumentError(
            f"each of the {units} outputs answers a question of its own, so a row has no one class: "
            f"use predict_labels(x)"
        )
    if loss.targets in (CLASSES, PROBABILITIES) or loss.hits(activation, units):
        return
    if network.classes is None or (units == 1 and activation != "sigmoid"):
        own = "predict(x) > a threshold of yours" if units == 1 else "predict(x).argmax(axis=1)"
        raise ArgumentError(
            f"the model predicts numbers, as {type(loss).__name__} has it, and no classes: use predict(x), "
            f"for classes train with a cross-entropy, or use {own}"
        )
