"""Layers with their weights, as they are found in another library's model, become a model of ours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._base.errors import ArgumentError
from .._base.types import Array
from .._network.inputs import INTEGERS
from ..layers import Activation, Dense, Layer
from ..model import Sequential


@dataclass
class Part:
    """A layer, and its tensors in the order of `fastmlp.Sequential.get_weights`."""

    layer: Layer
    weights: list[Array] = field(default_factory=list)


def assembled(parts: Sequence[Part], n_features: int | None, dtype: str, **options: Any) -> Sequential:
    """A model of these parts; its input is as wide as the first weights say if ``n_features`` is None."""
    parts = list(_joined(parts))
    model = Sequential([part.layer for part in parts], dtype=dtype, **options)
    weights = [values for part in parts for values in part.weights]
    if n_features is None:
        if not weights:
            raise ArgumentError("source has no layer with weights")
        n_features = len(weights[0])
    model.build(n_features)
    model.set_weights(weights)
    model.input_kind = INTEGERS  # other libraries know no pixels: uint8 arrays hold numbers there
    return model


def _joined(parts: Sequence[Part]) -> Iterator[Part]:
    """The parts, with activations in the dense layers before them."""
    waiting: Part | None = None
    for part in parts:
        last = None if waiting is None else waiting.layer
        if isinstance(part.layer, Activation) and isinstance(last, Dense) and last.activation == "linear":
            assert waiting is not None
            waiting = replace(waiting, layer=replace(last, activation=part.layer.activation))
            continue
        if waiting is not None:
            yield waiting
        waiting = part
    if waiting is not None:
        yield waiting


def dtype_of(weights: Sequence[Any], name: str) -> str:
    """The precision of all weights; others than float32 and float64 become float32."""
    found = {np.asarray(values).dtype for values in weights if np.asarray(values).dtype.kind == "f"}
    if not found:
        raise ArgumentError(f"source has no weights: {name} is not built yet")
    return "float64" if np.dtype(np.float64) in found else "float32"
