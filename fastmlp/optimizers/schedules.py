"""Learning rates that change during training, as Keras spells them: each makes one of `fastmlp.schedules`."""

from collections.abc import Sequence
from typing import Any

from .. import schedules
from .._base import check, keras
from .._base.errors import ArgumentError, NotAvailableError
from ..schedules import Cosine, CosineRestarts, Exponential, InverseTime, Piecewise, Polynomial

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]


def ExponentialDecay(  # noqa: N802
    initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False, name: str = ""
) -> Exponential:
    """`fastmlp.schedules.Exponential`.

    Examples
    --------
    >>> from fastmlp.optimizers.schedules import ExponentialDecay
    >>> ExponentialDecay(0.1, decay_steps=100, decay_rate=0.25)(50)
    0.05
    """
    return Exponential(initial_learning_rate, decay_rate, decay_steps, staircase)


def InverseTimeDecay(  # noqa: N802
    initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False, name: str = ""
) -> InverseTime:
    """`fastmlp.schedules.InverseTime`.

    Examples
    --------
    >>> from fastmlp.optimizers.schedules import InverseTimeDecay
    >>> InverseTimeDecay(1.0, decay_steps=1, decay_rate=0.5)(2)
    0.5
    """
    return InverseTime(initial_learning_rate, decay_rate, decay_steps, staircase)


def PolynomialDecay(  # noqa: N802
    initial_learning_rate: float,
    decay_steps: int,
    end_learning_rate: float = 1e-4,
    power: float = 1.0,
    cycle: bool = False,
    name: str = "",
) -> Polynomial:
    """`fastmlp.schedules.Polynomial`. ``cycle`` is False.

    Examples
    --------
    >>> from fastmlp.optimizers.schedules import PolynomialDecay
    >>> PolynomialDecay(1.0, decay_steps=4, end_learning_rate=0.0)(1)
    0.75
    """
    if cycle:
        raise ArgumentError(
            "cycle must be False: fastmlp.schedules.CosineRestarts is a schedule that begins again and again"
        )
    return Polynomial(initial_learning_rate, decay_steps, end_learning_rate, power)


def PiecewiseConstantDecay(  # noqa: N802
    boundaries: Sequence[int], values: Sequence[float], name: str = ""
) -> Piecewise:
    """`fastmlp.schedules.Piecewise`, whose boundaries are one more: in Keras a value holds at its boundary too.

    Examples
    --------
    >>> from fastmlp.optimizers.schedules import PiecewiseConstantDecay
    >>> PiecewiseConstantDecay([2], [0.1, 0.05])
    Piecewise(boundaries=(3,), values=(0.1, 0.05))
    """
    steps = check.items(boundaries, "boundaries", "steps")
    return Piecewise([check.whole_number(step, "boundaries", minimum=0) + 1 for step in steps], values)


def CosineDecay(  # noqa: N802  # as in Keras
    initial_learning_rate: float,
    decay_steps: int,
    alpha: float = 0.0,
    name: str = "",
    warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> Cosine:
    """`fastmlp.schedules.Cosine`: ``alpha`` is the last rate as a share of the first, or of ``warmup_target``.

    Examples
    --------
    >>> from fastmlp.optimizers.schedules import CosineDecay
    >>> CosineDecay(1.0, decay_steps=4)(2)
    0.5
    >>> CosineDecay(0.0, decay_steps=4, warmup_target=1.0, warmup_steps=2).rates(np.arange(7)).round(3)
    array([0.   , 0.5  , 1.   , 0.854, 0.5  , 0.146, 0.   ])
    """
    alpha = check.real_number(alpha, "alpha", minimum=0)
    if warmup_target is None:
        return Cosine(initial_learning_rate, decay_steps, _share(initial_learning_rate, alpha))
    warm, falling = (
        check.whole_number(steps, name, minimum=least)
        for steps, name, least in ((warmup_steps, "warmup_steps", 0), (decay_steps, "decay_steps", 1))
    )
    final = _share(warmup_target, alpha)
    return Cosine(warmup_target, warm + falling, final, warmup=warm, warmup_from=initial_learning_rate)


def CosineDecayRestarts(  # noqa: N802  # as in Keras
    initial_learning_rate: float,
    first_decay_steps: int,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
    name: str = "",
) -> CosineRestarts:
    """`fastmlp.schedules.CosineRestarts`; one of ``m_mul`` and ``alpha`` has its default.

    Examples
    --------
    >>> from fastmlp.optimizers.schedules import CosineDecayRestarts
    >>> CosineDecayRestarts(1.0, first_decay_steps=2)(2)
    1.0
    """
    alpha = check.real_number(alpha, "alpha", minimum=0)
    if alpha and m_mul != 1:
        raise ArgumentError("m_mul and alpha: only one can be chosen, as Keras shrinks towards alpha, and we towards 0")
    return CosineRestarts(initial_learning_rate, first_decay_steps, t_mul, m_mul, _share(initial_learning_rate, alpha))


def _share(rate: float, alpha: float) -> float:
    return check.real_number(rate, "the learning rate") * alpha


def __getattr__(name: str) -> Any:
    if name == "LearningRateSchedule":
        raise NotAvailableError(
            f"{__name__} has no {name}: derive from fastmlp.schedules.Schedule, and override rates(steps)"
        )
    if name in schedules.__all__:
        raise AttributeError(f"module {__name__!r} has Keras's names alone: use fastmlp.schedules.{name}")
    raise keras.lack(__name__, name)
