"""A loss of the user's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .. import _custom
from .._base import tables as t
from .._base.types import Array
from .base import REDUCTIONS, Loss
from .names import NAMES


@dataclass(frozen=True, repr=False)
class Custom(_custom.Named, Loss):
    """A loss of your own: a function of one output and its target, and its derivative. Units of a row are averaged.

    The functions are compiled once in each process, see `fastmlp.activations.Custom`. When it is made, the derivative
    is compared with finite differences where the function gives finite numbers.

    Parameters
    ----------
    function : function of two numbers, output and target
        With or without ``@numba.njit``.
    derivative : function of two numbers, output and target
        The derivative of ``function`` with respect to the output.
    name : str, optional
        Files hold it instead of the functions; `fastmlp.load` finds them by it in ``custom_objects``. Default: the
        name of ``function``.

    Raises
    ------
    ArgumentError
        If a function cannot be compiled, gives NaN or infinity, or is not the derivative of the other.

    Examples
    --------
    >>> import numba
    >>> import fastmlp as fm
    >>> @numba.njit
    ... def squared_log(output, target):
    ...     return (fm.math.log1p(output) - fm.math.log1p(target)) ** 2
    >>> @numba.njit
    ... def squared_log_slope(output, target):
    ...     return 2 * (fm.math.log1p(output) - fm.math.log1p(target)) / (1 + output)
    >>> model = fm.Sequential([fm.Dense(1, activation="softplus")])
    >>> model.compile(loss=fm.losses.Custom(squared_log, squared_log_slope))
    """

    function: Callable[[Any, Any], Any] = field(repr=False)
    derivative: Callable[[Any, Any], Any] = field(default=None, repr=False)  # type: ignore[assignment]  # refused later
    name: str = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        super().__post_init__()
        _custom.check_functions(self.kind, self.function, self.derivative)
        object.__setattr__(self, "name", _custom.checked_name(self.name, self.function, NAMES, self.kind))

    @property
    def kind(self) -> _custom.Kind:
        return _custom.LOSS

    def code(self, activation: str) -> int:
        return t.CUSTOM_LOSS

    def fill_plan(self, plan: Array, activation: str, units: int) -> None:
        super().fill_plan(plan, activation, units)
        plan.view(t.PLAN)[0].loss_function = self.index

    def config(self) -> dict[str, Any]:
        return {**super().config(), "reduction": self.reduction}

    def __repr__(self) -> str:
        shown = "" if self.reduction == REDUCTIONS[0] else f", reduction={self.reduction!r}"
        return f"losses.Custom({self.name!r}{shown})"
