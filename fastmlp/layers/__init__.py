"""Layers are declarations, without arrays or arithmetic."""

import sys
from dataclasses import FrozenInstanceError
from typing import Any

from .._base import keras
from .._base.public import as_public
from .as_in_keras import ELU, Input, InputLayer, LeakyReLU, ReLU, Softmax
from .base import MOST_UNITS as MOST_UNITS
from .base import Layer
from .base import shape_of_rows as shape_of_rows
from .dense import Activation, Dense, Flatten
from .randomness import Dropout, GaussianNoise
from .scaling import BatchNormalization, LayerNormalization, Normalization, Scale
from .tree import MOST_NESTED as MOST_NESTED
from .tree import TYPES as TYPES
from .tree import Residual
from .tree import checked as checked
from .tree import declared as declared
from .tree import from_config as from_config
from .tree import leaves as leaves
from .tree import output_of as output_of
from .tree import with_each_leaf as with_each_leaf
from .tree import with_leaf as with_leaf

__all__ = [
    "ELU",
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Normalization",
    "ReLU",
    "Residual",
    "Scale",
    "Softmax",
]


def _refuse_change(layer: Layer, name: str, value: Any) -> None:
    raise FrozenInstanceError(
        f"{name} of a layer cannot be set, because several models can have it: give it when the layer is made, "
        f"{type(layer).__name__}(..., {name}=...), or set that of a model's layer, model.layers[0].{name}"
    )


for _kind in TYPES.values():
    keras.accept(_kind)
    _kind.__setattr__ = _refuse_change  # type: ignore[assignment,method-assign]  # instead of that of a frozen dataclass
keras.accept(InputLayer)


def __getattr__(name: str) -> Any:
    if keras.is_part_of(__name__, name):
        return sys.modules[__name__]
    raise keras.lack(__name__, name)


as_public(globals())
