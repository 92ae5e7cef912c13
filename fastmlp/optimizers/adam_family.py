"""Adam and its relatives."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

from .._base import check
from .._base import tables as t
from .._base.errors import ArgumentError
from .._base.settings import ADDED_LATER
from .base import Optimizer

if TYPE_CHECKING:
    from ..schedules import Schedule


@dataclass(unsafe_hash=True, repr=False)
class Adam(Optimizer):
    """Adam with bias correction (Kingma and Ba, 2015).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
        η, greater than 0.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Decay of the two moments, from 0 to below 1.
    epsilon : float, default 1e-8
        Added to √v̂. The default is that of the paper, scikit-learn and PyTorch; Keras uses 1e-7.
    epsilon_hat : bool, default False
        True adds ``epsilon`` to √v before its bias correction, as scikit-learn and Keras do: weights whose gradient is
        not much larger than ``epsilon`` then make smaller steps at first. False is the paper's first form, and
        PyTorch's.
    clipvalue, clipnorm, global_clipnorm, weight_decay, ema_momentum, gradient_accumulation_steps
        As in `Optimizer`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Adam(learning_rate=0.01).beta_2
    0.999
    """

    learning_rate: float | Schedule = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = field(default=False, kw_only=True, metadata=ADDED_LATER)

    code = t.ADAM
    unsigned_slots = (1,)

    def _check_fields(self) -> None:
        super()._check_fields()
        self._set("beta_1", minimum=0, below=1)
        self._set("beta_2", minimum=0, below=1)
        self._set("epsilon", above=0)
        object.__setattr__(self, "epsilon_hat", check.yes_or_no(self.epsilon_hat, "epsilon_hat"))
        if self.epsilon_hat and self.code != t.ADAM:
            raise ArgumentError(f"epsilon_hat is for Adam and AdamW, not for {type(self).__name__}")

    def settings(self) -> t.Settings:
        own = super().settings()
        return own._replace(
            beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon, epsilon_hat=float(self.epsilon_hat)
        )


@dataclass(unsafe_hash=True, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, epsilon_hat
        As in `Adam`.
    weight_decay : float, default 0.004
        Before each update, w ← (1 − η · weight_decay) w. The default is Keras's; PyTorch's is 0.01.
    clipvalue, clipnorm, global_clipnorm, ema_momentum, gradient_accumulation_steps
        As in `Optimizer`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.AdamW(weight_decay=0.01)
    AdamW(learning_rate=0.001, weight_decay=0.01)
    """

    _: KW_ONLY  # in Keras the second one is weight_decay, in PyTorch betas
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.004


@dataclass(unsafe_hash=True, repr=False)
class Adamax(Adam):
    """Adam with the largest recent gradient instead of √v̂ (Kingma and Ba, 2015, algorithm 2).

    m as in Adam, u ← max(β₂u, |dw|), w ← w − η / (1 − β₁ᵗ) · m / (u + ε).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    beta_1, beta_2, epsilon
        As in `Adam`.
    clipvalue, clipnorm, global_clipnorm, weight_decay, ema_momentum, gradient_accumulation_steps
        As in `Optimizer`.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Adamax(learning_rate=0.002)
    Adamax(learning_rate=0.002)
    """

    code = t.ADAMAX


@dataclass(unsafe_hash=True, repr=False)
class Nadam(Adam):
    """Adam that looks ahead, as Nesterov's momentum does (Dozat, 2016).

    m and v̂ as in Adam, w ← w − η (μₜ₊₁ m / (1 − μ₁ ⋯ μₜ₊₁) + (1 − μₜ) dw / (1 − μ₁ ⋯ μₜ)) / (√v̂ + ε), with momenta
    that grow from β₁ / 2 to β₁: μᵢ = β₁ (1 − ½ · 0.96^(i · momentum_decay)).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
        η (PyTorch: 0.002).
    beta_1, beta_2, epsilon
        As in `Adam`.
    momentum_decay : float, default 0.004
        At least 0. The default is that of the paper and PyTorch; Keras has 1.
    clipvalue, clipnorm, global_clipnorm, weight_decay, ema_momentum, gradient_accumulation_steps
        As in `Optimizer`.

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam", 2016.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Nadam(learning_rate=0.002)
    Nadam(learning_rate=0.002)
    """

    momentum_decay: float = 0.004

    code = t.NADAM

    def _check_fields(self) -> None:
        super()._check_fields()
        self._set("momentum_decay", minimum=0)

    def settings(self) -> t.Settings:
        return super().settings()._replace(momentum_decay=self.momentum_decay)
