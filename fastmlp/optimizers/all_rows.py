"""Optimisers for which all rows are one batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .._base import check
from .._base import tables as t
from .._base.errors import ArgumentError
from .._base.settings import ADDED_LATER
from .._base.types import Array
from .base import CLIPPINGS, Optimizer

if TYPE_CHECKING:
    from ..schedules import Schedule


@dataclass(unsafe_hash=True, repr=False)
class Rprop(Optimizer):
    """Resilient propagation: uses only the sign of the gradient. `Sequential.fit` takes all rows as one batch.

    Each parameter has its own step, which starts at the learning rate. The step grows while the sign of the gradient
    stays. When the sign changes, the step shrinks and the parameter does not move.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        The first step; later steps depend only on the signs of gradients.
    shrink, grow : float, default 0.5 and 1.2
    smallest, largest : float, default 1e-6 and 50
        Bounds of a step.
    clipvalue, clipnorm, global_clipnorm, weight_decay, ema_momentum, gradient_accumulation_steps
        As in `Optimizer`.

    References
    ----------
    Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", 1993.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Rprop(grow=1.1)
    Rprop(learning_rate=0.01, grow=1.1)
    """

    learning_rate: float | Schedule = 0.01
    shrink: float = 0.5
    grow: float = 1.2
    smallest: float = 1e-6
    largest: float = 50.0

    code = t.RPROP
    unsigned_slots = (1,)
    needs_all_rows = True

    def _check_fields(self) -> None:
        super()._check_fields()
        self._set("shrink", above=0, below=1)
        self._set("grow", above=1)
        self._set("smallest", above=0)
        self._set("largest", above=self.smallest)

    def initial_state(self) -> list[float]:
        return [0.0, float(self.rates(np.zeros(1, np.int64))[0]), *super().initial_state()[2:]]

    def settings(self) -> t.Settings:
        steps = {"least_step": self.smallest, "most_step": self.largest}
        return super().settings()._replace(shrink=self.shrink, grow=self.grow, **steps)


@dataclass(unsafe_hash=True, repr=False)
class LBFGS(Optimizer):
    """L-BFGS, for small data: all rows are one batch, and an epoch is one iteration. Needs SciPy (extra ``scipy``).

    The learning rate is not used, because a search finds the length of each step. Only `fastmlp.Sequential.fit` trains
    with it. The method's memory is not saved: even with ``resume=True`` it starts afresh, and takes other steps than
    an uninterrupted run.

    Parameters
    ----------
    memory : int, default 10
        How many steps the method remembers.
    tolerance : float, default 1e-5
        Training ends when no derivative is larger.
    ftol : float, default 0
        Training also ends when an iteration lowers the loss L by less than ``ftol * max(L, 1)``.
    max_fun : int, optional
        Training also ends after the iteration in which the loss has been computed more often than this. Default: 100
        times the number of epochs.

    Notes
    -----
    ``LBFGS(tolerance=tol, ftol=2.220446049250313e-09, max_fun=15000)`` makes the steps of scikit-learn's
    ``solver="lbfgs"``. ``History.solver`` tells how the search ended.

    References
    ----------
    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.LBFGS(memory=20).memory
    20
    """

    learning_rate: float | Schedule = 1.0
    memory: int = 10
    tolerance: float = 1e-5
    ftol: float = field(default=0.0, metadata=ADDED_LATER)
    max_fun: int | None = field(default=None, metadata=ADDED_LATER)

    code = t.NO_UPDATE
    needs_all_rows = True

    def _check_fields(self) -> None:
        super()._check_fields()
        object.__setattr__(self, "memory", check.whole_number(self.memory, "memory", minimum=1))
        self._set("tolerance", minimum=0)
        self._set("ftol", minimum=0)
        if self.max_fun is not None:
            object.__setattr__(self, "max_fun", check.whole_number(self.max_fun, "max_fun", minimum=1))
        extras = (*CLIPPINGS, "ema_momentum")
        chosen = [name for name in extras if getattr(self, name) is not None]
        if chosen or self.weight_decay or self.gradient_accumulation_steps > 1:
            raise ArgumentError("L-BFGS takes no clipping, weight_decay, ema_momentum or gradient_accumulation_steps")

    def fill_plan(self, plan: Array) -> None:
        super().fill_plan(plan)
        plan.view(t.PLAN)[0].is_whole = 1
