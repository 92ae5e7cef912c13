"""Reads data for kernels, and learns names, labels and input kinds from them."""

import dataclasses
import functools
from typing import Any

import numpy as np

from .. import losses
from .._base import naming
from .._base.sparse import SparseRows
from .._base.types import Array
from .._engine import row_weights, targets
from .._engine.engine import Data, data_of
from ..tables.columns import Columns
from . import raw_tables
from .inputs import Features, Inputs
from .network import Known, Network, WantedTargets


def data_for(
    network: Network,
    x: Any,
    y: Any,
    names: tuple[str, str] = ("x", "y"),
    *,
    width: int | None = None,
    sample_weight: Any = None,
) -> Data:
    """Rows and targets from the user's data, checked against the network; ``names`` are for messages."""
    inputs = network.reader(width)
    if inputs.encoder is not None:
        x, y = raw_tables.apart(network, x, y, names[0])
    features = inputs.read(x, names[0])
    return with_targets(network.wanted_targets(), features, y, names, sample_weight=sample_weight)


def with_targets(
    wanted: WantedTargets,
    features: Features,
    y: Any,
    names: tuple[str, str] = ("x", "y"),
    *,
    sample_weight: Any = None,
) -> Data:
    """`data_for`, for features that have been read."""
    rows = len(features.rows)
    if wanted.takes_labels:
        y = naming.class_numbers(y, wanted.classes, names[1])
    labels, goals = targets.checked(wanted.loss, y, names[1], rows, names[0], wanted.units, wanted.dtype)
    data = data_of(features.rows, labels, goals, wanted.dtype, is_centered=features.is_centered)
    return weighted(wanted, data, sample_weight)


def weighted(
    wanted: WantedTargets,
    data: Data,
    sample_weight: Any = None,
    class_weight: Any = None,
    scale: row_weights.Scale = row_weights.scaled,
) -> Data:
    """Add the weights of rows and classes to data without weights."""
    if sample_weight is None and class_weight is None:
        return data
    class_weight = naming.weights_of_classes(class_weight, wanted.classes)
    classes = functools.partial(targets.classes_of_rows, data.labels, data.targets)
    is_part = scale is not row_weights.scaled
    weights = row_weights.product(sample_weight, class_weight, classes, data.rows, wanted.units, is_part=is_part)
    factors, unit = scale(weights, wanted.dtype)
    return dataclasses.replace(data, weights=factors, weight_unit=unit)


# ---------------------------------------------------------------- learning


def learn_from(
    network: Network, x: Any, y: Any, learned_rows: Any = None
) -> tuple[Array | SparseRows, Inputs, WantedTargets]:
    """Learn the classes and how to read later data from training data; return the rows and both.

    An encoder learns from a table that is given as `Columns`: from all its rows, or from ``learned_rows`` if they are
    fewer or more.
    """
    if isinstance(x, Columns):
        raw_tables.learn_encoder(network, x if learned_rows is None else learned_rows, y)
    inputs, wanted, is_untrained = network.reader(), network.wanted_targets(), network.is_untrained
    known = _with_names(network.data_known, naming.feature_names(x), y, wanted, inputs.width is not None, is_untrained)
    inputs = dataclasses.replace(inputs, names=known.feature_names)
    rows = inputs.rows(x, "x")
    network.data_known = known = dataclasses.replace(known, input_kind=inputs.learned(rows))
    return rows, dataclasses.replace(inputs, kind=known.input_kind), wanted._replace(classes=known.classes)


def learn_names(network: Network, features: naming.Names | None, y: Any) -> None:
    """Take the names of features and the labels of classes from training data, unless the network has them."""
    wanted, is_built, is_untrained = network.wanted_targets(), network.is_built, network.is_untrained
    network.data_known = _with_names(network.data_known, features, y, wanted, is_built, is_untrained)


def _with_names(
    known: Known, features: naming.Names | None, y: Any, wanted: WantedTargets, is_built: bool, is_untrained: bool
) -> Known:
    if features is not None and (known.feature_names is None or not is_built):
        known = dataclasses.replace(known, feature_names=features)
    if known.classes is None and is_untrained:  # or units would come to mean other classes
        labels = _labels_in(wanted, y)
        known = dataclasses.replace(known, classes=labels, has_learned_classes=labels is not None)
    return known


def _labels_in(wanted: WantedTargets, y: Any) -> Array | None:
    """The labels of the classes in the targets, if they are not the class numbers."""
    found = naming.labels_in(y, wanted.units, "y") if wanted.takes_labels else None
    is_error_loss = wanted.loss.targets == losses.VALUES
    if not is_error_loss or (found is not None and found.dtype.kind == "U"):
        return found
    if not targets.are_classes(y, wanted.units):
        return None  # but numbers to come near to
    return np.arange(naming.class_count(wanted.units)) if found is None else found
