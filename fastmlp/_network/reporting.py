"""Reports how a network classifies rows: each class, its thresholds, and how far its probabilities can be trusted."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base.types import Array
from . import calibrating, deciding, predicting, tuning
from .network import Network

if TYPE_CHECKING:
    from ..metrics import ClassificationReport


def report(network: Network, x: Any, y: Any, n_threads: int | None) -> ClassificationReport:
    """See `Sequential.classification_report`."""
    from ..metrics import classification_report  # predictions do not need this import

    form = deciding.form_of(network)
    if form != deciding.EACH:
        predicting.check_has_classes(network)
    data, outputs = tuning.judged(network, x, y, n_threads)
    known = network.data_known
    thresholds = None if form is None else known.thresholds or (deciding.USUAL,) * deciding.questions(network)
    if thresholds is None:
        truth, chosen = _classes(data.truth()), outputs.argmax(axis=1)
    else:
        truth, chosen = tuning.truths(network, data), deciding.answers(network, outputs, thresholds)
    if form == deciding.EACH:
        found = classification_report(truth, chosen, multi_label=True)
    else:
        names = [str(number) for number in range(max(2, network.last_units))]
        names = names if known.classes is None else [str(label) for label in known.classes.tolist()]
        found = classification_report(truth.astype(int).ravel(), chosen.astype(int).ravel(), names)
    rows = calibrating.judged_logits(network, x, data.truth(), n_threads)
    return dataclasses.replace(
        found,
        thresholds=thresholds,
        log_loss=None if rows is None else rows.loss(),
        calibration_error=None if rows is None else rows.error(),
        about=tuple(deciding.described(network)),
    )


def _classes(truth: Array) -> Array:
    return truth if truth.ndim == 1 else np.asarray(truth.argmax(axis=1))
