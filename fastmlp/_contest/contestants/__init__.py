"""Who takes part: one file for each library, which is imported in that contestant's own process.

A contestant is a class that is made from a `Task` and can

- ``start()``: take the task's initial weights, and an optimiser at its first step;
- ``train_epoch()``: train one epoch in the order of ``task.order``, and return the mean loss of its rows, each before
  the step of its own batch;
- ``predict(x)``: return the probabilities of float32 rows, as a NumPy array.

Those that only predict lack the first two. Where the library has a loop of its own, ``preparation`` is the seconds
that the latest epoch spent before training began, on checks of arguments: a longer run spends them once, so they are
not part of an epoch. They are part of the first call.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

from ..._base.types import Array
from ..workloads import Task


class Network(Protocol):
    """What a contestant's class offers."""

    def __init__(self, task: Task) -> None: ...
    def start(self) -> None: ...
    def train_epoch(self) -> float: ...
    def predict(self, x: Array) -> Array: ...


class NotApplicable(Exception):
    """A contestant cannot do this task; the message says why."""


@dataclass(frozen=True)
class Contestant:
    """Where a contestant is found.

    Attributes
    ----------
    name : str
    place : str
        ``"module:Class"``; a leading dot means this package.
    library : str
        The distribution that must be installed.
    module : str
        What is imported of it.
    trains, predicts : bool
    calls : int
        Predictions in one call of ``predict``.
    is_like_for_like : bool
        Whether it reads the same float32 features as the others. If not, it is shown but compared with nobody.
    """

    name: str
    place: str
    library: str
    module: str
    trains: bool = True
    predicts: bool = True
    calls: int = 1
    is_like_for_like: bool = True

    @property
    def is_installed(self) -> bool:
        return importlib.util.find_spec(self.module) is not None

    def load(self) -> type[Network]:
        """Import the class, and with it the library."""
        module, _, name = self.place.partition(":")
        importlib.import_module(self.module)
        found: Any = getattr(importlib.import_module(module, __name__), name)
        return found  # type: ignore[no-any-return]


OURS = "fastmlp"
REFERENCE = Contestant("reference", ".numpy_mlp:Reference", "numpy", "numpy")  # float64: the loss that all must have

CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        Contestant(OURS, ".ours:Float32", "numba", "numba"),
        Contestant("fastmlp, uint8 rows", ".ours:Uint8", "numba", "numba", is_like_for_like=False),
        Contestant(
            "fastmlp in numba code", ".inside_numba:Predictor", "numba", "numba", False, calls=1000,
            is_like_for_like=False,
        ),
        Contestant("NumPy", ".numpy_mlp:Float32", "numpy", "numpy"),
        Contestant("scikit-learn", ".sklearn_mlp:Classifier", "scikit-learn", "sklearn"),
        Contestant("PyTorch", ".torch_mlp:Eager", "torch", "torch"),
        Contestant("PyTorch, compiled", ".torch_mlp:Compiled", "torch", "torch", predicts=False),
        Contestant("JAX, per step", ".jax_mlp:Stepwise", "jax", "jax", predicts=False),
        Contestant("JAX, scan", ".jax_mlp:Scan", "jax", "jax"),
        Contestant("Keras/TensorFlow", ".keras_mlp:Fit", "tensorflow", "tensorflow"),
        Contestant("onnxruntime", ".onnx_graph:Session", "onnxruntime", "onnxruntime", trains=False),
    )
}  # fmt: skip
