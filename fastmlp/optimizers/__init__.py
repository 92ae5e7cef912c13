"""Optimisers are declarations; their arithmetic is in `fastmlp.kernels.optimizers`."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable
from dataclasses import KW_ONLY, FrozenInstanceError, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from .._base import check, keras
from .._base import tables as t
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.settings import ADDED_LATER, settings_of
from .._base.types import Array, Integers

if TYPE_CHECKING:
    from ..schedules import Schedule

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "Rprop",
    "get",
]

_O = TypeVar("_O", bound="Optimizer")
_CLIPPINGS = ("clipvalue", "clipnorm", "global_clipnorm")


@dataclass(unsafe_hash=True, repr=False)
class Optimizer:
    """Base of all optimisers, with what they have in common.

    Parameters
    ----------
    learning_rate : float or Schedule
        η, greater than 0, or one of `fastmlp.schedules`, which gives the rate of each step.
    clipvalue : float, optional
        Limits each number of the gradient to ±clipvalue. Only one of the three clippings can be chosen.
    clipnorm : float, optional
        Shortens the gradient of each tensor to this length, if it is longer.
    global_clipnorm : float, optional
        Shortens the whole gradient to this length, if it is longer.
    weight_decay : float, default 0
        Decoupled from the gradient: before each update, w ← (1 − η · weight_decay) w, for biases too.
    ema_momentum : float, optional
        From 0 to below 1. Keeps an average of all weights, e ← ema_momentum · e + (1 − ema_momentum) w; see
        `fastmlp.Sequential.swap_averaged_weights`.
    gradient_accumulation_steps : int, default 1
        The number of batches whose mean gradient makes one update.
    """

    learning_rate: float | Schedule
    _: KW_ONLY
    clipvalue: float | None = None
    clipnorm: float | None = None
    global_clipnorm: float | None = None
    weight_decay: float = 0.0
    ema_momentum: float | None = None
    gradient_accumulation_steps: int = 1

    code: ClassVar[int] = -1  # of `fastmlp.kernels.tables`
    # slots with numbers that are never negative: squares, and sizes of steps
    unsigned_slots: ClassVar[tuple[int, ...]] = ()
    needs_all_rows: ClassVar[bool] = False  # `fit` takes all rows as one batch

    def __post_init__(self) -> None:
        self._check_fields()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        keras.refuse_hooks("Optimizer", cls)

    def __getattr__(self, name: str) -> Any:
        raise keras.absent(self, name)

    def _check_fields(self) -> None:
        if callable(self.learning_rate) or isinstance(self.learning_rate, dict):
            from .. import schedules

            object.__setattr__(self, "learning_rate", schedules.get(self.learning_rate))
        else:
            self._set("learning_rate", above=0)
        for name in _CLIPPINGS:
            if getattr(self, name) is not None:
                self._set(name, above=0)
        chosen = [name for name in _CLIPPINGS if getattr(self, name) is not None]
        if len(chosen) > 1:
            raise ArgumentError(f"only one kind of clipping can be chosen, not {' and '.join(chosen)}")
        self._set("weight_decay", minimum=0)
        if self.ema_momentum is not None:
            self._set("ema_momentum", minimum=0, below=1)
        steps = check.whole_number(self.gradient_accumulation_steps, "gradient_accumulation_steps", minimum=1)
        object.__setattr__(self, "gradient_accumulation_steps", steps)

    def _set(self, name: str, **bounds: float) -> None:
        object.__setattr__(self, name, check.real_number(getattr(self, name), name, **bounds))

    # ------------------------------------------------------------ fixed, except for the rate of a model's optimiser

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).__dataclass_fields__ and name not in self.__dict__:
            object.__setattr__(self, name, value)  # `__init__` does this
        elif name == "learning_rate" and (write := self.__dict__.get("_write")) is not None:
            write(value)
            object.__setattr__(self, name, float(value))
        else:
            raise FrozenInstanceError(
                f"{name} of an optimizer cannot be set: a new rate is set with model.learning_rate = 0.001 or "
                f"model.optimizer.learning_rate = 0.001, other settings with model.compile({type(self).__name__}(...))"
            )

    def of_model(self: _O, learning_rate: float | None, write: Callable[[float], None]) -> _O:
        """The optimiser of a model: a copy whose rate can be set, which calls ``write``.

        ``learning_rate`` is the rate that replaces the declared one, if there is one.
        """
        twin = copy.copy(self)
        twin.__dict__["_write"] = write
        if learning_rate is not None:
            twin.__dict__["learning_rate"] = learning_rate
        return twin

    def apart(self: _O) -> _O:
        """The declaration alone, without a model."""
        return copy.copy(self) if "_write" in self.__dict__ else self

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_write"}

    def __setstate__(self, held: dict[str, Any]) -> None:
        self.__dict__.update(held)

    # ------------------------------------------------------------ for kernels

    @property
    def kernel_code(self) -> int:
        """The rule that the kernels follow."""
        return self.code

    @property
    def is_plain(self) -> bool:
        """Whether an update is only the rule of SGD or Adam, which the core kernels have."""
        extras = any(getattr(self, name) is not None for name in (*_CLIPPINGS, "ema_momentum"))
        return self.kernel_code in (t.SGD, t.ADAM) and not extras and self.weight_decay == 0

    @property
    def slots(self) -> int:
        """How many numbers the optimiser keeps for each parameter."""
        return t.STATE_SLOTS[self.kernel_code] + int(self.ema_momentum is not None)

    def initial_state(self) -> list[float]:
        """The number that fills each slot before the first step."""
        return [0.0] * self.slots

    def rates(self, steps: Integers) -> Array:
        """The learning rates of these steps, which count from 0."""
        if callable(self.learning_rate):
            return self.learning_rate.checked_rates(steps)
        return np.full(len(steps), self.learning_rate, np.float64)

    def settings(self) -> t.Settings:
        """The settings that the kernels read."""
        return t.Settings(
            clip_value=self.clipvalue or 0.0,
            clip_norm=self.clipnorm or 0.0,
            clip_global_norm=self.global_clipnorm or 0.0,
            weight_decay=self.weight_decay,
            ema_momentum=self.ema_momentum or 0.0,
        )

    def fill_plan(self, plan: Array) -> None:
        """Write the optimiser into a plan."""
        how = plan.view(t.PLAN)[0]
        how.optimizer, how.accumulated = self.kernel_code, self.gradient_accumulation_steps
        how.is_plain = how.is_plain and self.is_plain
        how.is_whole = self.clipnorm is not None or self.global_clipnorm is not None
        how.ema_slot = -1 if self.ema_momentum is None else self.slots - 1

    def config(self) -> dict[str, Any]:
        """A JSON-ready description, which `get` reads back. The rate of a schedule of the user's is None."""
        values = settings_of(self)
        if callable(self.learning_rate):
            values["learning_rate"] = self.learning_rate.config()
        return {"type": type(self).__name__, **values}

    def __repr__(self) -> str:
        own = [(f.name, getattr(self, f.name)) for f in fields(self)]
        shown = [f"{name}={value!r}" for (name, value), f in zip(own, fields(self), strict=True) if value != f.default]
        if self.learning_rate == type(self).__dataclass_fields__["learning_rate"].default:
            shown.insert(0, f"learning_rate={self.learning_rate!r}")
        return f"{type(self).__name__}({', '.join(shown)})"


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
        extras = (*_CLIPPINGS, "ema_momentum")
        chosen = [name for name in extras if getattr(self, name) is not None]
        if chosen or self.weight_decay or self.gradient_accumulation_steps > 1:
            raise ArgumentError("L-BFGS takes no clipping, weight_decay, ema_momentum or gradient_accumulation_steps")

    def fill_plan(self, plan: Array) -> None:
        super().fill_plan(plan)
        plan.view(t.PLAN)[0].is_whole = 1


@dataclass(unsafe_hash=True, repr=False)
class NoUpdate(Optimizer):
    """Does not change the parameters, so that callers can read the gradient."""

    code = t.NO_UPDATE

    def fill_plan(self, plan: Array) -> None:
        super().fill_plan(plan)
        plan.view(t.PLAN)[0].is_whole = 1


TYPES: dict[str, type[Optimizer]] = {
    kind.__name__.lower(): kind for kind in (SGD, Adam, AdamW, Adamax, Nadam, Adagrad, RMSprop, Adadelta, Rprop, LBFGS)
}

for _kind in TYPES.values():
    keras.accept(_kind)


def get(value: str | Optimizer | dict[str, Any]) -> Optimizer:
    """An optimiser from its name, its configuration or itself."""
    if isinstance(value, Optimizer) and isinstance(value, tuple(TYPES.values())):
        return value
    if isinstance(value, str):
        return TYPES[check.choice(value.lower(), "optimizer", TYPES)]()  # type: ignore[call-arg]
    if isinstance(value, dict):
        arguments = dict(value)
        kind = check.choice(str(arguments.pop("type", "missing")).lower(), "optimizer type", TYPES)
        try:
            return TYPES[kind](**arguments)
        except TypeError as error:
            raise ArgumentTypeError(f"optimizer {kind!r}: {error}") from None
    raise ArgumentTypeError(f"optimizer must be a name or an Optimizer, not {value!r}")


def __getattr__(name: str) -> Any:
    if name == "schedules":
        return importlib.import_module(".schedules", __name__)
    if keras.is_part_of(__name__, name):
        return sys.modules[__name__]
    raise keras.lack(__name__, name)
