"""Learning rates that change during training: declarations, and their rates.

A schedule depends only on the optimiser's step, counted from 0 over all epochs: step 0 is the first batch of the first
epoch. So training can stop at any batch and continue with the same rates.
"""

from .._base.public import as_public
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

as_public(globals())
