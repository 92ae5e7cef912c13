"""The base of all optimisers: what they have in common, and how a model's own one takes a new learning rate."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import KW_ONLY, FrozenInstanceError, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from .._base import check, keras
from .._base import tables as t
from .._base.errors import ArgumentError
from .._base.settings import settings_of
from .._base.types import Array, Integers

if TYPE_CHECKING:
    from ..schedules import Schedule

_O = TypeVar("_O", bound="Optimizer")
CLIPPINGS = ("clipvalue", "clipnorm", "global_clipnorm")


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
        for name in CLIPPINGS:
            if getattr(self, name) is not None:
                self._set(name, above=0)
        chosen = [name for name in CLIPPINGS if getattr(self, name) is not None]
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
        extras = any(getattr(self, name) is not None for name in (*CLIPPINGS, "ema_momentum"))
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
