"""Layers with their tensors, as they are found in another program's model, become a model of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._base.errors import ArgumentError
from .._base.types import Array
from .._network.inputs import INTEGERS
from ..layers import Activation, Dense, Layer, Residual
from ..model import Sequential


@dataclass(frozen=True)
class Part:
    """A layer with its tensors; or, without a layer, a residual connection around other parts."""

    layer: Layer | None = None
    tensors: dict[str, Array] = field(default_factory=dict)
    inside: tuple[Part, ...] = ()


def assembled(parts: Sequence[Part], n_features: int | None, dtype: str, **options: Any) -> Sequential:
    """A model of these parts; its input is as wide as the first tensor says if ``n_features`` is None."""
    layers, tensors = _declared(parts)
    model = Sequential(layers, dtype=dtype, **options)
    if n_features is None:
        n_features = next((len(values) for held in tensors for values in held.values()), None)
    if n_features is None:
        raise ArgumentError("source has no layer with weights")
    wanted = model.build_bare(n_features).program.tensors
    model.set_weights([tensors[tensor.layer][tensor.name] for tensor in wanted])
    model.input_kind = INTEGERS  # other libraries know no pixels: uint8 arrays hold numbers there
    return model


def has_dense(parts: Sequence[Part]) -> bool:
    """Whether there is a dense layer, without which there is no model."""
    return any(isinstance(part.layer, Dense) or has_dense(part.inside) for part in parts)


def _declared(parts: Sequence[Part]) -> tuple[list[Layer], list[dict[str, Array]]]:
    """The layers, and the tensors of each leaf; an activation after a linear dense layer becomes part of it."""
    found: list[Layer] = []
    tensors: list[dict[str, Array]] = []
    for part in parts:
        last = found[-1] if found else None
        if part.layer is None:
            inside, held = _declared(part.inside)
            found.append(Residual(inside))
            tensors += held
        elif isinstance(part.layer, Activation) and isinstance(last, Dense) and last.activation == "linear":
            found[-1] = replace(last, activation=part.layer.activation)
        else:
            found.append(part.layer)
            tensors.append(part.tensors)
    return found, tensors


def dtype_of(weights: Sequence[Any], name: str) -> str:
    """The precision of all weights; others than float32 and float64 become float32."""
    found = {np.asarray(values).dtype for values in weights if np.asarray(values).dtype.kind == "f"}
    if not found:
        raise ArgumentError(f"source has no weights: {name} is not built yet")
    return "float64" if np.dtype(np.float64) in found else "float32"
