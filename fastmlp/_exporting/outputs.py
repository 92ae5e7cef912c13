"""What the outputs of a network mean: how they become probabilities, and how they choose a class."""

from dataclasses import dataclass

from .._base.errors import ArgumentError
from .._network import predicting
from .._network.network import Network
from ..activations import SHARES, UNIT_INTERVAL
from ..activations import outputs_of as range_of
from ..losses import CLASSES, PROBABILITIES

# How outputs choose classes: not at all; the class of the largest one; 1 if the only one is above a threshold, else 0;
# or each output answers a question of its own, yes if it is above the threshold
NUMBERS, LARGEST, ABOVE, EACH = "numbers", "largest", "above", "each"


@dataclass(frozen=True)
class Outputs:
    """The meaning of the outputs.

    Attributes
    ----------
    choice : {"numbers", "largest", "above", "each"}
        How outputs choose a class.
    threshold : float
        Of "above" and "each", for the numbers that `Sequential.predict` gives.
    are_probabilities : bool
        Whether `predict` gives probabilities, or ``link`` makes probabilities of its result.
    link : {"softmax", "sigmoid"} or None
        The function that makes probabilities of what `predict` gives, if that is logits.
    """

    choice: str
    threshold: float
    are_probabilities: bool
    link: str | None

    @property
    def choose_one(self) -> bool:
        """Whether they choose one class for each row."""
        return self.choice in (LARGEST, ABOVE)


def outputs_of(network: Network) -> Outputs:
    """The meaning of a network's outputs, as `predict_classes` and `predict_proba` have it."""
    units, activation = network.engine.program.classes, network.last_output[1]
    link, is_probability = None, range_of(activation) in (SHARES, UNIT_INTERVAL)
    if network.is_compiled:
        loss = network.loss
        is_probability = loss.targets in (CLASSES, PROBABILITIES)
        if getattr(loss, "from_logits", False):
            link = "softmax" if loss.targets == CLASSES else "sigmoid"
    threshold = 0.0 if activation == "linear" else 0.5
    return Outputs(_choice(network, units, is_probability), threshold, is_probability, link)


def _choice(network: Network, units: int, is_probability: bool) -> str:
    try:
        predicting.check_has_classes(network)
    except ArgumentError:
        return EACH if is_probability else NUMBERS
    if not network.is_compiled and not is_probability and network.classes is None:
        return NUMBERS
    return LARGEST if units > 1 else ABOVE
