"""Penalties on weights: declarations."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ._base import check
from ._base.errors import ArgumentTypeError

__all__ = ["Regularizer", "get", "l1", "l1_l2", "l2"]


@dataclass(frozen=True)
class Regularizer:
    """A penalty of l1 · Σ|w| + l2 · Σw², added to the loss.

    Parameters
    ----------
    l1, l2 : float, default 0
        At least 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(64, activation="relu", kernel_regularizer=fm.regularizers.l2(1e-4)).kernel_regularizer
    Regularizer(l1=0.0, l2=0.0001)
    """

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        for name in ("l1", "l2"):
            object.__setattr__(self, name, check.real_number(getattr(self, name), name, minimum=0))

    def config(self) -> dict[str, float]:
        """A JSON-ready description; `get` reads it back."""
        return asdict(self)


def l1(l1: float = 0.01) -> Regularizer:
    """l1 · Σ|w|, which makes many weights small or 0.

    Parameters
    ----------
    l1 : float, default 0.01
        At least 0.

    Examples
    --------
    >>> from fastmlp import regularizers
    >>> regularizers.l1(0.001)
    Regularizer(l1=0.001, l2=0.0)
    """
    return Regularizer(l1=l1)


def l2(l2: float = 0.01) -> Regularizer:
    """l2 · Σw², as in Keras. (scikit-learn's ``alpha`` is twice this, divided by the number of rows.)

    Parameters
    ----------
    l2 : float, default 0.01
        At least 0.

    Examples
    --------
    >>> from fastmlp import regularizers
    >>> regularizers.l2(1e-4)
    Regularizer(l1=0.0, l2=0.0001)
    """
    return Regularizer(l2=l2)


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> Regularizer:
    """l1 · Σ|w| + l2 · Σw².

    Parameters
    ----------
    l1, l2 : float, default 0.01
        At least 0.

    Examples
    --------
    >>> from fastmlp import regularizers
    >>> regularizers.l1_l2(0.001, 1e-4)
    Regularizer(l1=0.001, l2=0.0001)
    """
    return Regularizer(l1, l2)


RULES: dict[str, Callable[..., Regularizer]] = {"l1": l1, "l2": l2, "l1_l2": l1_l2}


def get(value: str | Regularizer | dict[str, Any] | None, name: str) -> Regularizer:
    """A regulariser from its name ("l1", "l2", "l1_l2"), its configuration or itself; None means no penalty."""
    if value is None:
        return Regularizer()
    if isinstance(value, Regularizer):
        return value
    if isinstance(value, str):
        return RULES[check.choice(value, name, RULES)]()
    if isinstance(value, dict):
        return Regularizer(value.get("l1", 0.0), value.get("l2", 0.0))
    raise ArgumentTypeError(f"{name} must be a name or a fastmlp.regularizers.Regularizer, not {value!r:.60}")
