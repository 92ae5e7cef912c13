"""Optimisers are declarations; their arithmetic is in `fastmlp.kernels.optimizers`."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .._base import check, keras
from .._base.errors import ArgumentTypeError
from .._base.public import as_public
from .adam_family import Adam, Adamax, AdamW, Nadam
from .adaptive import Adadelta, Adagrad, RMSprop
from .all_rows import LBFGS, Rprop
from .base import Optimizer
from .plain import SGD
from .plain import NoUpdate as NoUpdate

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
        return TYPES[keras.choice(value.lower(), "optimizer", TYPES, "optimizers")]()  # type: ignore[call-arg]
    if isinstance(value, dict):
        arguments = dict(value)
        kind = check.choice(str(arguments.pop("type", "missing")).lower(), "optimizer type", TYPES)
        try:
            return TYPES[kind](**arguments)
        except TypeError as error:
            raise ArgumentTypeError(f"optimizer {kind!r}: {error}") from None
    raise ArgumentTypeError(f"optimizer must be a name or an Optimizer, not {value!r}{keras.made(value)}")


def __getattr__(name: str) -> Any:
    if name == "schedules":
        return importlib.import_module(".schedules", __name__)
    if keras.is_part_of(__name__, name):
        return sys.modules[__name__]
    raise keras.lack(__name__, name)


as_public(globals(), also=("NoUpdate",))
