"""Penalties on weights: declarations."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np

from ._base import check, keras
from ._base.errors import ArgumentTypeError
from ._base.settings import ADDED_LATER, settings_of

__all__ = ["L1", "L1L2", "L2", "Regularizer", "get", "l1", "l1_l2", "l2"]


@dataclass(frozen=True, repr=False)
class Regularizer:
    """A penalty of l1 · Σ|w| + l2 · Σw², added to the loss.

    Parameters
    ----------
    l1, l2 : float, default 0
        At least 0.
    per_batch : bool, default False
        Divide the penalty like the losses of a batch, by the sum of the weights of its rows (their number, if they have
        no weights), as scikit-learn does: the loss of a batch is then (Σ w·l + penalty) / Σ w. So the penalty counts
        less in larger batches, like a prior beside more rows, and multiplying all weights by a number changes how much
        it counts. A smaller last batch feels it more. scikit-learn's ``alpha`` is ``l2(alpha / 2, per_batch=True)`` for
        each ``kernel_regularizer``.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Dense(64, activation="relu", kernel_regularizer=fm.regularizers.l2(1e-4)).kernel_regularizer
    Regularizer(l1=0.0, l2=0.0001)
    """

    l1: float = 0.0
    l2: float = 0.0
    _: KW_ONLY
    per_batch: bool = field(default=False, metadata=ADDED_LATER)

    def __post_init__(self) -> None:
        object.__setattr__(self, "per_batch", check.yes_or_no(self.per_batch, "per_batch"))
        for name in ("l1", "l2"):
            object.__setattr__(self, name, check.real_number(getattr(self, name), name, minimum=0))

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        keras.refuse_hooks("Regularizer", cls)

    def __call__(self, weights: Any) -> float:
        """The penalty of some weights.

        Examples
        --------
        >>> from fastmlp import regularizers
        >>> regularizers.l2(0.5)([1.0, 2.0])
        2.5
        """
        values = check.numbers(weights, "weights").astype(float)
        return float(self.l1 * np.abs(values).sum() + self.l2 * (values**2).sum())

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    def __repr__(self) -> str:
        ending = ", per_batch=True" if self.per_batch else ""
        return f"Regularizer(l1={self.l1!r}, l2={self.l2!r}{ending})"

    def config(self) -> dict[str, float | bool]:
        """A JSON-ready description; `get` reads it back."""
        return settings_of(self)


def l1(l1: float = 0.01, *, per_batch: bool = False) -> Regularizer:
    """l1 · Σ|w|, which makes many weights small or 0.

    Parameters
    ----------
    l1 : float, default 0.01
        At least 0.
    per_batch : bool, default False
        See `Regularizer`.

    Examples
    --------
    >>> from fastmlp import regularizers
    >>> regularizers.l1(0.001)
    Regularizer(l1=0.001, l2=0.0)
    """
    return Regularizer(l1=l1, per_batch=per_batch)


def l2(l2: float = 0.01, *, per_batch: bool = False) -> Regularizer:
    """l2 · Σw², as in Keras. (scikit-learn's ``alpha`` is ``l2(alpha / 2, per_batch=True)``.)

    Parameters
    ----------
    l2 : float, default 0.01
        At least 0.
    per_batch : bool, default False
        See `Regularizer`.

    Examples
    --------
    >>> from fastmlp import regularizers
    >>> regularizers.l2(1e-4)
    Regularizer(l1=0.0, l2=0.0001)
    """
    return Regularizer(l2=l2, per_batch=per_batch)


def l1_l2(l1: float = 0.01, l2: float = 0.01, *, per_batch: bool = False) -> Regularizer:
    """l1 · Σ|w| + l2 · Σw².

    Parameters
    ----------
    l1, l2 : float, default 0.01
        At least 0.
    per_batch : bool, default False
        See `Regularizer`.

    Examples
    --------
    >>> from fastmlp import regularizers
    >>> regularizers.l1_l2(0.001, 1e-4)
    Regularizer(l1=0.001, l2=0.0001)
    """
    return Regularizer(l1, l2, per_batch=per_batch)


L1, L2 = l1, l2  # as Keras spells them


def L1L2(l1: float = 0.0, l2: float = 0.0) -> Regularizer:  # noqa: N802  # as in Keras
    """l1 · Σ|w| + l2 · Σw², without the defaults of `l1_l2`: as Keras's class.

    Examples
    --------
    >>> from fastmlp import regularizers
    >>> regularizers.L1L2(l2=1e-4)
    Regularizer(l1=0.0, l2=0.0001)
    """
    return Regularizer(l1=l1, l2=l2)


RULES: dict[str, Callable[..., Regularizer]] = {"l1": l1, "l2": l2, "l1_l2": l1_l2}
_NONE = Regularizer()


def get(value: str | Regularizer | dict[str, Any] | None, name: str) -> Regularizer:
    """A regulariser from its name ("l1", "l2", "l1_l2"), its configuration or itself; None means no penalty."""
    if value is None:
        return _NONE
    if isinstance(value, Regularizer):
        return value
    if isinstance(value, str):
        return RULES[keras.choice(value.lower(), name, RULES, "regularizers")]()
    if isinstance(value, dict):
        return Regularizer(value.get("l1", 0.0), value.get("l2", 0.0), per_batch=value.get("per_batch", False))
    raise ArgumentTypeError(
        f"{name} must be a name or a fastmlp.regularizers.Regularizer, not {value!r:.60}{keras.made(value)}"
    )


def __getattr__(name: str) -> Any:
    raise keras.lack(__name__, name)
