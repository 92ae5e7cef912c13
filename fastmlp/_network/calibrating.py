"""Calibrates probabilities: finds a temperature on held-out rows, and divides the logits by it.

The logits z of a softmax or of sigmoids become z/T, with the T for which the log loss of the rows is smallest. In
β = 1/T the loss is convex, so its slope has one zero at most. Where z is the output of a layer that multiplies, its
tensors take over the factor: the model stays an ordinary one, for every export and for further training.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._base import tables as t
from .._base.errors import ArgumentError, BusyError
from .._base.public import as_public
from .._base.types import Array
from .._engine import row_weights
from .._engine.program import Tensor
from ..activations import SHARES
from ..layers import Activation, BatchNormalization, Dense, Dropout, Flatten, Layer, LayerNormalization, Scale, leaves
from .network import Known, Network
from .predicting import read_by_loss
from .tuning import judged

__all__ = ["Calibration"]

LOWEST, HIGHEST = 2.0**-10, 2.0**10  # of the size of logits: beyond them probabilities say nothing, or are certain
_PRECISION = 1e-12  # of log β
_PASSING = (Dropout, Flatten)  # what gives on a multiple of its input
# Tensors of which the output is a multiple
_MULTIPLIERS: dict[type[Layer], tuple[str, ...]] = {Dense: ("kernel", "bias")}
_MULTIPLIERS |= dict.fromkeys((BatchNormalization, LayerNormalization, Scale), ("gamma", "beta"))


@dataclass(frozen=True)
class Calibration:
    """The result of `Sequential.calibrate`.

    Attributes
    ----------
    temperature : float
        What logits were divided by. Above 1, the model was too sure of itself; below 1, not sure enough.
    loss_before, loss_after : float
        The log loss of the rows: the mean of −log of the probability of the truth.
    error_before, error_after : float
        The expected calibration error of the rows; see `fastmlp.metrics.expected_calibration_error`.
    """

    temperature: float
    loss_before: float
    loss_after: float
    error_before: float
    error_after: float

    def __str__(self) -> str:
        return (
            f"temperature {self.temperature:.4f}  log loss {self.loss_before:.4f} → {self.loss_after:.4f}  "
            f"calibration error {self.error_before:.4f} → {self.error_after:.4f}"
        )


def calibrate(network: Network, x: Any, y: Any, sample_weight: Any, n_threads: int | None) -> Calibration:
    """See `Sequential.calibrate`."""
    network.checked_optimizer()
    if network.is_busy:
        raise BusyError("this model is being trained: calibrate it after that")
    tensors = _multipliers(network)
    data, _ = judged(network, x, y, n_threads)
    weights = np.ones(data.rows) if sample_weight is None else row_weights.checked(sample_weight, data.rows)
    is_softmax = network.scoring.outputs == SHARES
    before = Judged(_logits(network, x, n_threads), data.truth(), weights, is_softmax)
    beta = best_factor(before)
    known = network.data_known
    was = [(tensor, network.tensor_values(tensor.layer, tensor.name), tensor.name) for tensor in tensors]
    network.write_tensors([(tensor, value * beta, name) for tensor, value, name in was])
    after = before.of(_logits(network, x, n_threads))
    if after.loss() >= before.loss():  # the best factor is 1, but for rounding
        network.write_tensors(was)
        network.data_known = known
        beta, after = 1.0, before
    else:
        network.data_known = _after(known, beta)
    return Calibration(1 / beta, before.loss(), after.loss(), before.error(), after.error())


def _after(known: Known, beta: float) -> Known:
    """What is known after the logits were multiplied by β. Tuned thresholds choose the same as before."""
    before = 1.0 if known.temperature is None or known.has_old_temperature else known.temperature
    thresholds = known.thresholds
    if thresholds is not None and known.tuned_for is not None:
        thresholds = tuple(map(float, _shifted(np.array(thresholds), beta)))
    return dataclasses.replace(known, temperature=before / beta, has_old_temperature=False, thresholds=thresholds)


def _shifted(thresholds: Array, beta: float) -> Array:
    """The probabilities of logits that are multiplied by β."""
    with np.errstate(divide="ignore"):
        logits = beta * (np.log(thresholds) - np.log1p(-thresholds))
    return np.exp(-np.logaddexp(0, -logits))


# ---------------------------------------------------------------- the layer that takes over the factor


def _multipliers(network: Network) -> list[Tensor]:
    """The tensors of which the logits are a multiple."""
    if not _has_logits(network):
        raise ArgumentError(
            "calibrate() needs probabilities that a cross-entropy trains: a softmax with categorical_crossentropy, or "
            f"sigmoids with binary_crossentropy, not {type(network.loss).__name__} with the activation "
            f"{network.last_output[1]!r}"
        )
    last = network.last_output[1]
    for place, layer in enumerate(reversed(network.declarations)):
        is_link = isinstance(layer, Activation) and place == 0
        if is_link or isinstance(layer, _PASSING):
            continue
        if isinstance(layer, Dense) and layer.activation not in ("linear", last if place == 0 else "linear"):
            break
        names = _MULTIPLIERS.get(type(layer))
        if names is None:
            break
        index = len(list(leaves(network.declarations))) - 1 - place
        return [tensor for tensor in network.engine.program.tensors if tensor.layer == index and tensor.name in names]
    raise ArgumentError(
        "calibrate() divides the weights of the last layer by a temperature, which must be a Dense, "
        f"BatchNormalization, LayerNormalization or Scale layer before the {last}, not {layer!r:.60}"
    )


def _has_logits(network: Network) -> bool:
    """Whether the loss reads logits."""
    return network.loss.code(network.last_output[1]) in (t.SOFTMAX_CROSSENTROPY, t.BINARY_LOGITS)


def judged_logits(network: Network, x: Any, truth: Array, n_threads: int | None) -> Judged | None:
    """The logits of rows with their truth, without weights; None if the loss reads other numbers."""
    if not _has_logits(network):
        return None
    return Judged(_logits(network, x, n_threads), truth, np.ones(len(truth)), network.scoring.outputs == SHARES)


def _logits(network: Network, x: Any, n_threads: int | None) -> Array:
    return read_by_loss(network, x, n_threads).astype(np.float64)


# ---------------------------------------------------------------- arithmetic


@dataclass(frozen=True)
class Judged:
    """Logits of rows, shape (rows, units), with the truth: class numbers, or a target for each unit."""

    logits: Array
    truth: Array
    weights: Array
    is_softmax: bool

    def of(self, logits: Array) -> Judged:
        """The same rows with other logits."""
        return dataclasses.replace(self, logits=logits)

    def size(self) -> float:
        """The root of the mean square of the logits, of a softmax without what all of a row have in common."""
        z = self.logits - self.logits.mean(axis=1, keepdims=True) if self.is_softmax else self.logits
        largest = float(abs(z).max())
        return largest and largest * float(np.sqrt(np.average(((z / largest) ** 2).mean(axis=1), weights=self.weights)))

    def loss(self) -> float:
        """The weighted mean of −log of the probability of the truth."""
        z = self.logits
        if self.is_softmax:
            largest = z.max(axis=1)
            losses = largest + np.log(np.exp(z - largest[:, None]).sum(axis=1)) - self._at_truth()
        else:
            losses = (np.logaddexp(0, z) - self.truth * z).mean(axis=1)
        return float(np.average(losses, weights=self.weights))

    def slope(self, beta: float) -> float:
        """The derivative of the loss of β·logits by β: the mean logit by the probabilities, minus that of the truth."""
        z = self.logits
        if self.is_softmax:
            shares = np.exp(beta * (z - z.max(axis=1, keepdims=True)))
            slopes = (shares * z).sum(axis=1) / shares.sum(axis=1) - self._at_truth()
        else:
            slopes = ((np.exp(-np.logaddexp(0, -beta * z)) - self.truth) * z).mean(axis=1)
        return float(np.average(slopes, weights=self.weights))

    def _at_truth(self) -> Array:
        """The logit of the true class, or the mean logit of soft targets."""
        if self.truth.ndim == 1:
            return np.take_along_axis(self.logits, self.truth[:, None], axis=1)[:, 0]
        shares = self.truth.astype(np.float64)
        return np.asarray((shares * self.logits).sum(axis=1))

    def error(self) -> float:
        """The expected calibration error, without weights."""
        from ..metrics import expected_calibration_error  # predictions do not need this import

        z = self.logits
        if self.is_softmax:
            shares = np.exp(z - z.max(axis=1, keepdims=True))
            return expected_calibration_error(self.truth, shares / shares.sum(axis=1, keepdims=True))
        return expected_calibration_error(self.truth, np.exp(-np.logaddexp(0, -z)), multi_label=z.shape[1] > 1)


def best_factor(rows: Judged) -> float:
    """The β = 1/T for which the loss is smallest; refuses rows for which there is none.

    The slope rises with β, so its zero is found by halving.
    """
    size = rows.size()
    if size == 0:
        return 1.0
    at_lowest, at_highest = rows.slope(LOWEST / size), rows.slope(HIGHEST / size)
    if at_highest <= 0:
        raise ArgumentError(
            "these rows fit the model so well that no temperature is best: a lower one always makes their loss "
            "smaller. Calibrate with more rows, which the model was not trained on"
        )
    if at_lowest >= 0:
        raise ArgumentError(
            "on these rows the model's probabilities are worse than equal ones, so no temperature helps: are y and the "
            "order of the classes right?"
        )
    low, high = float(np.log(LOWEST / size)), float(np.log(HIGHEST / size))
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (middle, high) if rows.slope(float(np.exp(middle))) < 0 else (low, middle)
    return float(np.exp((low + high) / 2))


as_public(globals(), "fastmlp.model")
