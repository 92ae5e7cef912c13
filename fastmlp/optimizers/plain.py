"""Stochastic gradient descent, and the update that is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._base import check
from .._base import tables as t
from .._base.errors import ArgumentError
from .._base.types import Array
from .base import Optimizer

if TYPE_CHECKING:
    from ..schedules import Schedule


@dataclass(unsafe_hash=True, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − η dw, or with momentum μ: v ← μv − η dw, w ← w + v.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        η, greater than 0.
    momentum : float, default 0
        μ, from 0 to below 1.
    nesterov : bool, default False
        Looks ahead: w ← w + μv − η dw.
    clipvalue, clipnorm, global_clipnorm, weight_decay, ema_momentum, gradient_accumulation_steps
        As in `Optimizer`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.SGD(learning_rate=0.1, momentum=0.9)
    SGD(learning_rate=0.1, momentum=0.9)
    """

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    code = t.SGD

    def _check_fields(self) -> None:
        super()._check_fields()
        self._set("momentum", minimum=0, below=1)
        object.__setattr__(self, "nesterov", check.yes_or_no(self.nesterov, "nesterov"))  # files hold no numpy.bool
        if self.nesterov and not self.momentum:
            raise ArgumentError("nesterov=True needs a momentum above 0")

    @property
    def kernel_code(self) -> int:
        return t.MOMENTUM_SGD if self.momentum else t.SGD

    def settings(self) -> t.Settings:
        return super().settings()._replace(momentum=self.momentum, nesterov=float(self.nesterov))


@dataclass(unsafe_hash=True, repr=False)
class NoUpdate(Optimizer):
    """Does not change the parameters, so that callers can read the gradient."""

    code = t.NO_UPDATE

    def fill_plan(self, plan: Array) -> None:
        super().fill_plan(plan)
        plan.view(t.PLAN)[0].is_whole = 1
