"""What the outputs of a network mean: how they become probabilities, and how they choose a class."""

from dataclasses import dataclass

import numpy as np

from .._base.errors import ArgumentError
from .._network import deciding, predicting
from .._network.network import Network
from ..activations import SHARES, UNIT_INTERVAL
from ..activations import outputs_of as range_of
from ..losses import CLASSES, PROBABILITIES

# How outputs choose classes: not at all; the class of the largest one; 1 if the only one is above a threshold, else 0;
# 1 if the second of two is, else 0; or each output answers a question of its own, yes if it is above its threshold
NUMBERS, LARGEST, ABOVE, SECOND, EACH = "numbers", "largest", "above", "second", "each"
MOST = 3e38  # in place of infinity


@dataclass(frozen=True)
class Outputs:
    """The meaning of the outputs.

    Attributes
    ----------
    choice : {"numbers", "largest", "above", "second", "each"}
        How outputs choose a class.
    thresholds : tuple of float
        Of "above", "second" and "each", for the numbers that `Sequential.predict` gives: one, or one for each output.
        If these are logits, that of "second" is one for the second minus the first.
    are_probabilities : bool
        Whether `predict` gives probabilities, or ``link`` makes probabilities of its result.
    link : {"softmax", "sigmoid"} or None
        The function that makes probabilities of what `predict` gives, if that is logits.
    """

    choice: str
    thresholds: tuple[float, ...]
    are_probabilities: bool
    link: str | None

    @property
    def choose_one(self) -> bool:
        """Whether they choose one class for each row."""
        return self.choice in (LARGEST, ABOVE, SECOND)

    @property
    def subtracts(self) -> bool:
        """Whether "second" means the second output minus the first."""
        return self.choice == SECOND and self.link is not None


def outputs_of(network: Network) -> Outputs:
    """The meaning of a network's outputs, as `predict_classes` and `predict_proba` have it."""
    units, activation = network.engine.program.classes, network.last_output[1]
    link, is_probability = None, range_of(activation) in (SHARES, UNIT_INTERVAL)
    if network.is_compiled:
        loss = network.loss
        is_probability = loss.targets in (CLASSES, PROBABILITIES)
        if getattr(loss, "from_logits", False):
            link = "softmax" if loss.targets == CLASSES else "sigmoid"
    choice = _choice(network, units, is_probability)
    return Outputs(choice, _thresholds(network, choice, activation == "linear"), is_probability, link)


def _thresholds(network: Network, choice: str, are_logits: bool) -> tuple[float, ...]:
    """Those of a choice, for what `predict` gives."""
    if choice not in (ABOVE, SECOND, EACH):
        return ()
    count = network.engine.program.classes if choice == EACH else 1
    chosen = np.array(deciding.thresholds_of(network) or (deciding.USUAL,) * count)
    if not are_logits:
        return tuple(chosen.tolist())
    with np.errstate(divide="ignore"):
        return tuple(np.clip(np.log(chosen) - np.log1p(-chosen), -MOST, MOST).tolist())


def _choice(network: Network, units: int, is_probability: bool) -> str:
    try:
        predicting.check_has_classes(network)
    except ArgumentError:
        return EACH if is_probability else NUMBERS
    if not network.is_compiled and not is_probability and network.classes is None:
        return NUMBERS
    if units == 1:
        return ABOVE
    return LARGEST if deciding.thresholds_of(network) is None else SECOND
