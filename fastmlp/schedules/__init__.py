"""Learning rates that change while training goes on: declarations, and the rates they stand for.

A schedule is a function of the optimiser's step alone, counted from 0 over all epochs: step 0 is the first batch of
the first epoch. So training can stop at any batch and go on with the same rates.
"""

from .base import Schedule
from .compose import Warmup, get
from .cosine import Cosine, CosineRestarts, OneCycle
from .decay import Constant, Exponential, InverseTime, Piecewise, Polynomial, Step

__all__ = [
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "InverseTime",
    "OneCycle",
    "Piecewise",
    "Polynomial",
    "Schedule",
    "Step",
    "Warmup",
    "get",
]
