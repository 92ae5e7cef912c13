"""Optimisers are declarations; their arithmetic is in `fastmlp.kernels.optimizers`. Floor 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import _check
from ._errors import ArgumentTypeError
from .kernels import tables


@dataclass(frozen=True)
class Optimizer:
    """Base of all optimisers."""

    learning_rate: float

    code = -1  # of `fastmlp.kernels.tables`

    def __post_init__(self) -> None:
        self._check_fields()

    def _check_fields(self) -> None:
        rate = _check.real_number(self.learning_rate, "learning_rate", above=0)
        object.__setattr__(self, "learning_rate", rate)

    @property
    def slots(self) -> int:
        """State numbers that the optimiser keeps for each parameter."""
        return tables.STATE_SLOTS[self.code]

    def settings(self) -> list[float]:
        """The row of settings that the kernels read."""
        return [0.0] * tables.SETTINGS_FIELDS

    def config(self) -> dict[str, Any]:
        """A JSON-ready description; `get` reads it back."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"type": type(self).__name__, **fields}


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − η dw.

    Parameters
    ----------
    learning_rate : float, default 0.01
        η, greater than 0.

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.SGD(learning_rate=0.1)
    SGD(learning_rate=0.1)
    """

    learning_rate: float = 0.01

    code = tables.SGD


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam with bias correction (Kingma and Ba, 2015).

    Parameters
    ----------
    learning_rate : float, default 0.001
        η, greater than 0.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Decay of the two moments, from 0 to below 1.
    epsilon : float, default 1e-8
        Added to √v̂ (the paper's value, scikit-learn's and PyTorch's; Keras uses 1e-7).

    Examples
    --------
    >>> import fastmlp as fm
    >>> fm.Adam(learning_rate=0.01).beta_2
    0.999
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    code = tables.ADAM

    def _check_fields(self) -> None:
        super()._check_fields()
        for name in ("beta_1", "beta_2"):
            object.__setattr__(self, name, _check.real_number(getattr(self, name), name, minimum=0, below=1))
        object.__setattr__(self, "epsilon", _check.real_number(self.epsilon, "epsilon", above=0))

    def settings(self) -> list[float]:
        row = super().settings()
        row[tables.BETA_1], row[tables.BETA_2], row[tables.EPSILON] = self.beta_1, self.beta_2, self.epsilon
        return row


_TYPES: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam}


def get(value: str | Optimizer | dict[str, Any]) -> Optimizer:
    """An optimiser from its name, its configuration or itself."""
    if isinstance(value, Optimizer) and isinstance(value, tuple(_TYPES.values())):
        return value
    if isinstance(value, str):
        return _TYPES[_check.choice(value.lower(), "optimizer", _TYPES)]()  # type: ignore[call-arg]
    if isinstance(value, dict):
        arguments = dict(value)
        kind = _check.choice(str(arguments.pop("type", "missing")).lower(), "optimizer type", _TYPES)
        try:
            return _TYPES[kind](**arguments)
        except TypeError as error:
            raise ArgumentTypeError(f"optimizer {kind!r}: {error}") from None
    raise ArgumentTypeError(f"optimizer must be a name or an Optimizer, not {value!r}")
