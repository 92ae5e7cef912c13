"""Detects outputs that are too large for a network's dtype, although its inputs are finite."""

import math
from typing import Any

import numpy as np

from .._base.errors import ArgumentError
from .._base.types import Array
from ..activations import Custom
from ..layers import leaves
from .network import Network

_FEW = 64  # so few numbers are read faster one by one than by NumPy


def look_finite(outputs: Array, activation: str) -> bool:
    """A fast check whether outputs are finite; large finite outputs may fail it."""
    if activation == "softmax":  # rows with NaN consist of NaN alone
        return not math.isnan(outputs.item(0) if len(outputs) == 1 else outputs[:, 0].min())
    if outputs.size <= _FEW:
        return math.isfinite(sum(outputs.ravel().tolist()))
    return math.isfinite(outputs.min()) and math.isfinite(outputs.max())


def refuse_overflow(outputs: Array, name: str, network: Network) -> None:
    """Refuse outputs that are not finite although their rows are."""
    wrong = np.argwhere(~np.isfinite(outputs))
    if len(wrong):
        row, column = wrong[0].tolist()
        found, dtype, own = outputs[row, column], network.dtype, _own_activations(network)
        if own and np.isnan(found):
            raise ArgumentError(
                f"{name} has row {row}, for which output {column} is NaN, although the row is finite: the activation "
                f"{own[0]!r} of your own gives NaN or raises an error for a number in the network, or numbers are too "
                f"large for {dtype}"
            )
        raise ArgumentError(
            f"{name} must not be so large: row {row} is finite, but the network makes numbers of it that are too large "
            f"for {dtype}, and its output {column} {found}. {remedy(dtype, 'the features')}"
        )


def _own_activations(network: Network) -> list[str]:
    """The names of activations that are functions of the user's."""
    kinds = [getattr(layer, "activation", None) for layer in leaves(network.declarations)]
    return [kind.name for kind in kinds if isinstance(kind, Custom)]


def remedy(dtype: np.dtype[Any], what: str) -> str:
    """The remedy against too large numbers, for the end of a message."""
    wider = ", or make the model with dtype='float64'" if dtype == np.float32 else ""
    return f"Scale {what}, for example with a fastmlp.Normalization() as first layer{wider}"
