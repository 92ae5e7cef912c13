"""Losses of counts."""

from dataclasses import dataclass

from .._base import tables as t
from .._base.errors import ArgumentError
from .base import COUNTS, Loss


@dataclass(frozen=True, repr=False)
class Poisson(Loss):
    """y − t log y for counts t. The last layer gives their expected value, for example with softplus.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1, activation="softplus")])
    >>> model.compile(loss="poisson")
    """

    targets = COUNTS

    def check_output(self, activation: str, units: int | None) -> None:
        if activation not in ("softplus", "relu", "sigmoid", "softmax"):
            raise ArgumentError(
                f"the Poisson loss needs outputs that are never negative, but the last layer's activation is "
                f"{activation!r}: use 'softplus'"
            )

    def code(self, activation: str) -> int:
        return t.POISSON


@dataclass(frozen=True, repr=False)
class PoissonDeviance(Loss):
    """exp(y) − t + t (log t − y) for counts t: half their Poisson deviance, summed over the units of a row.

    The last layer is linear and gives the logarithms y of the expected counts; ``np.exp(model.predict(x))`` are the
    counts.

    Examples
    --------
    >>> import fastmlp as fm
    >>> model = fm.Sequential([fm.Dense(1)])
    >>> model.compile(loss="poisson_deviance")
    """

    targets = COUNTS

    def check_output(self, activation: str, units: int | None) -> None:
        if activation != "linear":
            raise ArgumentError(
                f"the Poisson deviance reads logarithms of counts, which a linear last layer gives, but the last "
                f"layer's activation is {activation!r}; for outputs that are counts, use loss='poisson'"
            )

    def share(self, units: int) -> float:
        return 1.0

    def code(self, activation: str) -> int:
        return t.POISSON_DEVIANCE
