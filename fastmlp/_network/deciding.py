"""Thresholds: above which probability an answer is yes, for two classes or for each of several labels.

A threshold is one of the probability of yes: of class 1, or of a label. `None` stands for the usual choice, the larger
of two probabilities and above 0.5.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .._base import check, text_table
from .._base.errors import ArgumentError
from .._base.types import Array
from ..activations import SHARES, UNIT_INTERVAL
from ..activations import outputs_of as range_of
from ..losses import CLASSES, PROBABILITIES
from .network import Network

ONE, TWO, EACH = "one", "two", "each"  # a unit for yes; a unit for each of two classes; a unit for each label
USUAL = 0.5


def form_of(network: Network) -> str | None:
    """How outputs answer questions of yes or no: `ONE`, `TWO`, `EACH`; None if they do not."""
    units, activation = network.last_output
    kind = range_of(activation)
    loss = network.loss if network.is_compiled else None
    from_logits = bool(getattr(loss, "from_logits", False))
    if loss is not None and loss.targets not in (CLASSES, PROBABILITIES) and not loss.hits(activation, units or 1):
        return None
    if units == 2 and (kind == SHARES or (from_logits and loss is not None and loss.targets == CLASSES)):
        return TWO
    answers_each = from_logits or kind == UNIT_INTERVAL
    if units == 1 and answers_each:
        return ONE
    is_open = loss is not None and loss.targets == PROBABILITIES
    return EACH if units is not None and units > 1 and is_open and answers_each else None


def questions(network: Network) -> int:
    """To how many questions a row gives an answer; raises ArgumentError if it answers no question of yes or no."""
    form = form_of(network)
    if form is None:
        units, activation = network.last_output
        if units is not None and units > 2 and range_of(activation) == SHARES:
            raise ArgumentError(
                f"a threshold tells two answers apart, but the model chooses among {units} classes: use class_weight "
                "or shuffle='balanced' in fit(), or a rule of yours for predict_proba(x)"
            )
        raise ArgumentError(
            "a threshold is one of a probability of yes: it needs a last layer of one sigmoid unit, two softmax units, "
            "or a sigmoid unit for each label, and a loss for classes"
        )
    return network.last_units if form == EACH else 1


def checked(network: Network, value: Any, name: str = "thresholds") -> tuple[float, ...] | None:
    """Thresholds of a user's, one for each question; None stays None."""
    if value is None:
        return None
    count = questions(network)
    given = np.asarray(check.numbers(value, name), np.float64)
    if given.ndim == 0:
        given = np.full(count, float(given))
    if given.shape != (count,):
        wanted = "one number" if count == 1 else f"one number, or one for each of the {count} labels"
        raise ArgumentError(f"{name} must be {wanted}, not an array of shape {given.shape}")
    if not ((given >= 0) & (given <= 1)).all():
        raise ArgumentError(f"{name} must be probabilities, from 0 to 1, not {value!r:.60}")
    return tuple(given.tolist())


def set_thresholds(network: Network, value: Any) -> None:
    """See `Sequential.thresholds`."""
    known = dataclasses.replace(network.data_known, thresholds=checked(network, value), tuned_for=None)
    network.data_known = known


def thresholds_of(network: Network) -> tuple[float, ...] | None:
    """Those of the network; refuses outputs that give no probability of yes, such as those of a part without a loss."""
    known = network.data_known.thresholds
    if known is not None and network.last_output[0] != 1 and form_of(network) is None:
        raise ArgumentError(
            "the model has thresholds, but without another loss its outputs are no probabilities of yes: compile() it "
            "with the loss for which they were set, let the whole choose if this is a part of a model, or set "
            "model.thresholds = None"
        )
    return known


def probabilities_of(network: Network, outputs: Array) -> Array:
    """The probability of yes in each row, shape (rows, questions), of what `predict` gives.

    Probabilities keep their dtype; those of logits are in float64.
    """
    form, activation = form_of(network), network.last_output[1]
    if activation != "linear":
        return outputs[:, 1:] if form == TWO else outputs
    logits = outputs.astype(np.float64)
    if form == TWO:
        logits = logits[:, 1:] - logits[:, :1]
    return np.exp(-np.logaddexp(0, -logits))


def answers(network: Network, outputs: Array, thresholds: tuple[float, ...]) -> Array:
    """Whether each answer is yes: booleans (rows, questions)."""
    chosen: Array = probabilities_of(network, outputs) > np.array(thresholds)
    return chosen


def as_outputs(network: Network, chosen: Array) -> Array:
    """Answers in the form of outputs: certain probabilities, from which metrics choose the same at 0.5."""
    yes = chosen.astype(np.float64)
    return np.hstack([1 - yes, yes]) if form_of(network) == TWO else yes


# ---------------------------------------------------------------- shown


def described(network: Network) -> list[str]:
    """Lines about thresholds and calibration, for `summary` and at a prompt."""
    known, lines = network.data_known, []
    late = ", before the weights last changed"
    if known.thresholds is not None:
        shown = ", ".join(f"{value:.4g}" for value in known.thresholds[:8]) + ", …" * (len(known.thresholds) > 8)
        tuned = "" if known.tuned_for is None else f", tuned for {known.tuned_for}{late * known.has_old_thresholds}"
        lines.append(f"threshold{'s' * (len(known.thresholds) > 1)}: {shown}{tuned}")
    if known.temperature is not None:
        shown = text_table.number(known.temperature)
        lines.append(f"calibrated with the temperature {shown}{late * known.has_old_temperature}")
    return lines
