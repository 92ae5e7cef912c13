"""The contestants: one file for each library, which only the contestant's own process imports.

A contestant is a class that is constructed with a `Task` and has

- ``start()``: takes the task's initial weights and a new optimiser;
- ``train_epoch()``: trains one epoch in the order of ``task.order``, and returns the mean loss of its rows, measured
  before the step of their batch;
- ``predict(x)``: returns the probabilities of float32 rows, as a NumPy array.

Contestants that only predict lack the first two. If a library has its own training loop, ``preparation`` is the time
that the latest epoch spent on argument checks before training. A longer run spends it once, so it is not part of an
epoch, but it is part of the first call.
"""

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

from ..._base.types import Array
from ..workloads import Task


class Network(Protocol):
    """The interface of a contestant's class."""

    def __init__(self, task: Task) -> None: ...
    def start(self) -> None: ...
    def train_epoch(self) -> float: ...
    def predict(self, x: Array) -> Array: ...


class NotApplicable(Exception):
    """A contestant cannot do this task; the message says why."""


@dataclass(frozen=True)
class Contestant:
    """A contestant, and where its class is."""

    name: str
    place: str  # "module:Class"; a leading dot means this package
    library: str  # the distribution that must be installed
    module: str  # to import
    trains: bool = True
    predicts: bool = True
    calls: int = 1  # predictions in one call of `predict`
    is_like_for_like: bool = True  # whether it reads the same float32 features; else it is shown but not compared

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
# In float64: the reference for the loss of all others
REFERENCE = Contestant("reference", ".numpy_mlp:Reference", "numpy", "numpy")

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
