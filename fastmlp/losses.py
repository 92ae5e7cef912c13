"""Losses are declarations, each tied to the output it expects. Floor 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import _check
from ._errors import ArgumentError, ArgumentTypeError


@dataclass(frozen=True)
class Loss:
    """Base of all losses."""

    def config(self) -> dict[str, Any]:
        """A JSON-ready description; `get` reads it back."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"type": type(self).__name__, **fields}

    def check_output(self, activation: str, units: int) -> None:
        """Refuse a last layer whose output the loss cannot read."""


@dataclass(frozen=True)
class CategoricalCrossentropy(Loss):
    """Cross-entropy between class probabilities and labels, computed on the logits before the softmax.

    Labels may be class numbers, one-hot rows or soft rows.

    Parameters
    ----------
    from_logits : bool, default False
        False: the last layer is a softmax. True: it is linear, and predictions are logits.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(3)])
    >>> model.compile(loss=fm.losses.CategoricalCrossentropy(from_logits=True))
    """

    from_logits: bool = False

    def __post_init__(self) -> None:
        _check.yes_or_no(self.from_logits, "from_logits")

    def check_output(self, activation: str, units: int) -> None:
        if units < 2:
            raise ArgumentError(
                "a last layer of 1 unit cannot be trained with categorical cross-entropy, because its softmax is "
                "always 1: use 2 units for two classes"
            )
        wanted = "linear" if self.from_logits else "softmax"
        if activation != wanted:
            raise ArgumentError(
                f"categorical cross-entropy with from_logits={self.from_logits} needs a last layer with activation "
                f"{wanted!r}, but it has {activation!r}: "
                'end the model with Dense(classes, activation="softmax"), or with a linear Dense and '
                "loss=fastmlp.losses.CategoricalCrossentropy(from_logits=True)"
            )


# Either cross-entropy name of Keras: class numbers and one-hot rows are told apart by their shape.
_NAMES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": CategoricalCrossentropy,
}
_TYPES: dict[str, type[Loss]] = {"CategoricalCrossentropy": CategoricalCrossentropy}


def get(value: str | Loss | dict[str, Any]) -> Loss:
    """A loss from its name, its configuration or itself."""
    if isinstance(value, Loss) and isinstance(value, tuple(_TYPES.values())):
        return value
    if isinstance(value, str):
        return _NAMES[_check.choice(value, "loss", _NAMES)]()
    if isinstance(value, dict):
        arguments = dict(value)
        return _TYPES[_check.choice(arguments.pop("type", None), "loss type", _TYPES)](**arguments)
    raise ArgumentTypeError(f"loss must be a name or a Loss, not {value!r}")
