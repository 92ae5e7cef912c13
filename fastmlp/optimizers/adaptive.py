"""Optimisers that divide each step by the size of the gradients before it: Adagrad, RMSprop and Adadelta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._base import tables as t
from .base import Optimizer

if TYPE_CHECKING:
    from ..schedules import Schedule


@dataclass(unsafe_hash=True, repr=False)
class Adagrad(Optimizer):
    """Steps that shrink with all gradients so far: v ← v + dw², w ← w − η dw / (√v + ε) (Duchi et al., 2011).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    initial_accumulator_value : float, default 0
        The initial value of v, at least 0 (Keras: 0.1).
    epsilon : float, default 1e-7
    clipvalue, clipnorm, global_clipnorm, weight_decay, ema_momentum, gradient_accumulation_steps
        As in `Optimizer`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Adagrad(learning_rate=0.1)
    Adagrad(learning_rate=0.1)
    """

    learning_rate: float | Schedule = 0.01
    initial_accumulator_value: float = 0.0
    epsilon: float = 1e-7

    code = t.ADAGRAD
    unsigned_slots = (0,)

    def _check_fields(self) -> None:
        super()._check_fields()
        self._set("initial_accumulator_value", minimum=0)
        self._set("epsilon", above=0)

    def initial_state(self) -> list[float]:
        return [self.initial_accumulator_value, *super().initial_state()[1:]]

    def settings(self) -> t.Settings:
        return super().settings()._replace(epsilon=self.epsilon)


@dataclass(unsafe_hash=True, repr=False)
class RMSprop(Optimizer):
    """Steps divided by the size of recent gradients: v ← ρv + (1 − ρ) dw², b ← μb + dw / (√v + ε), w ← w − ηb.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    rho : float, default 0.9
        ρ, from 0 to below 1 (PyTorch's alpha is 0.99).
    momentum : float, default 0
        μ, from 0 to below 1.
    epsilon : float, default 1e-7
    clipvalue, clipnorm, global_clipnorm, weight_decay, ema_momentum, gradient_accumulation_steps
        As in `Optimizer`.

    References
    ----------
    Tieleman and Hinton, lecture 6.5 of "Neural networks for machine learning", 2012.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.RMSprop(rho=0.99)
    RMSprop(learning_rate=0.001, rho=0.99)
    """

    learning_rate: float | Schedule = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7

    code = t.RMSPROP
    unsigned_slots = (0,)

    def _check_fields(self) -> None:
        super()._check_fields()
        self._set("rho", minimum=0, below=1)
        self._set("momentum", minimum=0, below=1)
        self._set("epsilon", above=0)

    def settings(self) -> t.Settings:
        return super().settings()._replace(rho=self.rho, momentum=self.momentum, epsilon=self.epsilon)


@dataclass(unsafe_hash=True, repr=False)
class Adadelta(Optimizer):
    """Steps as large as recent ones, so that no learning rate is needed (Zeiler, 2012).

    v ← ρv + (1 − ρ) dw², d = √(u + ε) / √(v + ε) · dw, u ← ρu + (1 − ρ) d², w ← w − ηd.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1
        η. The default is that of the paper, which has none, and PyTorch; Keras has 0.001.
    rho : float, default 0.95
        ρ, from 0 to below 1 (PyTorch: 0.9).
    epsilon : float, default 1e-7
        Above 0 (PyTorch: 1e-6). The first steps are about as large as its root.
    clipvalue, clipnorm, global_clipnorm, weight_decay, ema_momentum, gradient_accumulation_steps
        As in `Optimizer`.

    References
    ----------
    Zeiler, "ADADELTA: an adaptive learning rate method", 2012.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Adadelta(rho=0.9)
    Adadelta(learning_rate=1.0, rho=0.9)
    """

    learning_rate: float | Schedule = 1.0
    rho: float = 0.95
    epsilon: float = 1e-7

    code = t.ADADELTA
    unsigned_slots = (0, 1)

    def _check_fields(self) -> None:
        super()._check_fields()
        self._set("rho", minimum=0, below=1)
        self._set("epsilon", above=0)

    def settings(self) -> t.Settings:
        return super().settings()._replace(rho=self.rho, epsilon=self.epsilon)
