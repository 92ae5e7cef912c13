"""Losses of probabilities."""

from dataclasses import dataclass, field

from .._base import check
from .._base import tables as t
from .._base.errors import ArgumentError
from .._base.settings import ADDED_LATER
from .base import CLASSES, PROBABILITIES, Loss


@dataclass(frozen=True, repr=False)
class _Crossentropy(Loss):
    from_logits: bool = False
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "from_logits", check.yes_or_no(self.from_logits, "from_logits"))
        smoothing = check.real_number(self.label_smoothing, "label_smoothing", minimum=0, below=1)
        object.__setattr__(self, "label_smoothing", smoothing)


@dataclass(frozen=True, repr=False)
class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy between class probabilities and labels; after a softmax it is computed from the logits.

    Labels may be class numbers, one-hot rows or soft rows.

    Parameters
    ----------
    from_logits : bool, default False
        False: the last layer is a softmax. True: it is linear, and predictions are logits.
    label_smoothing : float, default 0
        The share of each label that is spread evenly over all classes.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(3)])
    >>> model.compile(loss=fm.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1))
    """

    targets = CLASSES

    def check_output(self, activation: str, units: int | None) -> None:
        if units == 1:
            raise ArgumentError(
                "a last layer of 1 unit cannot be trained with categorical cross-entropy, because its softmax is "
                "always 1: use 2 units for two classes, or 1 sigmoid unit and loss='binary_crossentropy'"
            )
        wanted = "linear" if self.from_logits else "softmax"
        if activation != wanted:
            raise ArgumentError(
                f"categorical cross-entropy with from_logits={self.from_logits} needs a last layer with activation "
                f"{wanted!r}, but it has {activation!r}: "
                'end the model with Dense(classes, activation="softmax"), or with a linear Dense and '
                "loss=fastmlp.losses.CategoricalCrossentropy(from_logits=True)"
            )

    def fuses(self, activation: str) -> bool:
        return activation == "softmax"

    def code(self, activation: str) -> int:
        return t.SOFTMAX_CROSSENTROPY

    def hits(self, activation: str, units: int) -> int:
        return t.LARGEST


@dataclass(frozen=True, repr=False)
class BinaryCrossentropy(_Crossentropy):
    """Cross-entropy of independent yes-or-no answers: one unit, or one for each label of a multi-label problem.

    Targets are 0 and 1, or probabilities; the loss of a row is the mean over its units. After a sigmoid it is computed
    from the logits.

    Parameters
    ----------
    from_logits : bool, default False
        False: the last layer gives probabilities (sigmoid or softmax). True: it is linear, and predictions are logits.
    label_smoothing : float, default 0
        Targets t become t (1 − s) + s/2.
    sum_over_units : bool, default False
        True: the loss of a row is the sum over its units instead, as in scikit-learn's MLPClassifier.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1, activation="sigmoid")])
    >>> model.compile(loss="binary_crossentropy")
    """

    sum_over_units: bool = field(default=False, metadata=ADDED_LATER)

    targets = PROBABILITIES

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "sum_over_units", check.yes_or_no(self.sum_over_units, "sum_over_units"))

    def share(self, units: int) -> float:
        return 1.0 if self.sum_over_units else super().share(units)

    def check_output(self, activation: str, units: int | None) -> None:
        wanted = ("linear",) if self.from_logits else ("sigmoid", "softmax")
        if activation not in wanted:
            raise ArgumentError(
                f"binary cross-entropy with from_logits={self.from_logits} needs a last layer with activation "
                f"{wanted!r}, but it has {activation!r}"
            )

    def fuses(self, activation: str) -> bool:
        return activation == "sigmoid"

    def code(self, activation: str) -> int:
        return t.BINARY_PROBABILITIES if activation == "softmax" else t.BINARY_LOGITS

    def hits(self, activation: str, units: int) -> int:
        if activation == "softmax":
            return t.LARGEST if units > 1 else t.ABOVE_HALF  # a softmax chooses one class, whatever the loss
        return t.ABOVE_ZERO
