"""The initial values of tensors, and the check that they fit into the machine's memory."""

import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._base.errors import ArgumentError
from .._base.types import Array
from .._engine.program import Program, Tensor
from ..layers import Dense, Layer, Normalization


def initial_values(layers: Sequence[Layer], built: Program, seed: int) -> list[Array]:
    """The initial values of each tensor; ``layers`` contain no blocks."""
    draws = [_draw(layers[tensor.layer], tensor) for tensor in built.tensors]
    return [
        draw(t.shape, built.dtype, seed, number)
        for number, (draw, t) in enumerate(zip(draws, built.tensors, strict=True))
    ]


def _draw(layer: Layer, tensor: Tensor) -> Callable[[tuple[int, ...], np.dtype[Any], int, int], Array]:
    """The function of shape, dtype, seed and number that gives the values of a tensor."""
    if isinstance(layer, Dense):
        return layer.kernel_initializer.draw if tensor.name == "kernel" else layer.bias_initializer.draw
    if isinstance(layer, Normalization):
        return lambda shape, dtype, *_: tensor.checked(_adapted(layer, tensor.name, shape), tensor.name, dtype)
    return lambda shape, dtype, *_: np.full(shape, 1 if tensor.name in ("gamma", "moving_variance") else 0, dtype)


def _adapted(layer: Normalization, name: str, shape: tuple[int, ...]) -> Array:
    value: Array | None = getattr(layer, name)
    if value is None:
        return np.ones(shape) if name == "variance" else np.zeros(shape)
    if value.shape != shape:
        raise ArgumentError(f"Normalization was adapted to {len(value)} features, but its input has {shape[0]}")
    return value


def refuse_too_large(layers: Sequence[Layer], n_features: int, dtype: np.dtype[Any], slots: int | None) -> None:
    """Refuse a network that cannot fit into memory: systems grant the memory, and end the process when it is used.

    ``slots`` is how many numbers an optimiser keeps for each parameter; None without an optimiser.
    """
    widths = [n_features, *(layer.units for layer in layers if isinstance(layer, Dense))]
    count = sum((fan_in + 1) * units for fan_in, units in itertools.pairwise(widths))
    copies = 1 if slots is None else 2 + slots  # parameters, gradients, state
    needed, there = copies * count * dtype.itemsize, _memory()
    if there is not None and needed > there:
        raise ArgumentError(
            f"the layers have {count:,} parameters, which take {needed / 1e9:,.1f} GB in training, but this "
            f"machine has {there / 1e9:,.1f} GB: choose smaller units"
        )


def _memory() -> int | None:
    """The bytes of memory in this machine, if known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
