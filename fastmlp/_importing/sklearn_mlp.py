"""scikit-learn's fitted `MLPClassifier` and `MLPRegressor`, alone or behind a `StandardScaler` in a pipeline."""

import copy
from typing import Any

import numpy as np

from .. import losses
from .._base import naming
from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.types import Array
from .._exporting.to_sklearn import HIDDEN, OUTPUTS
from ..layers import Dense, Normalization
from ..model import Sequential
from .parts import Part, assembled, dtype_of

_ACTIVATIONS = {theirs: ours for ours, theirs in {**HIDDEN, **OUTPUTS}.items()}
_LOSSES = {
    "softmax": losses.CategoricalCrossentropy(),
    "sigmoid": losses.BinaryCrossentropy(),
    "linear": losses.MeanSquaredError(),
}


def model(source: Any) -> Sequential:
    """A compiled model with the same weights, classes and names of features."""
    scalers, mlp = _taken_apart(source)
    name = type(mlp).__name__
    if hasattr(mlp, "model_") and isinstance(mlp.model_, Sequential):
        return _of_ours(source, mlp, scalers)
    if not hasattr(mlp, "coefs_"):
        raise ArgumentError(f"source must be fitted: this {name} has no coefs_ yet")
    last = _activation(mlp.out_activation_, name)
    names = [_activation(mlp.activation, name)] * (len(mlp.coefs_) - 1) + [last]
    dense = [
        Part(Dense(weights.shape[1], activation=activation), {"kernel": weights, "bias": biases})
        for weights, biases, activation in zip(mlp.coefs_, mlp.intercepts_, names, strict=True)
    ]
    parts = [*(_scaling(scaler, mlp.n_features_in_) for scaler in scalers), *dense]
    made = assembled(parts, mlp.n_features_in_, dtype_of(mlp.coefs_, name), classes=_classes(mlp))
    made.feature_names = _names(source, mlp)
    made.compile(loss=_LOSSES[last])
    return made


def _taken_apart(source: Any) -> tuple[list[Any], Any]:
    """The scalers before a network, and the network."""
    steps = [step for _, step in source.steps] if hasattr(source, "steps") else [source]
    steps = [step for step in steps if step is not None and step != "passthrough"]
    *scalers, mlp = steps
    for scaler in scalers:
        if type(scaler).__name__ != "StandardScaler":
            raise ArgumentTypeError(
                f"source may have StandardScaler steps before the network, not {type(scaler).__name__}: import the "
                "last step alone, and transform its input yourself"
            )
    if not type(mlp).__name__.startswith("MLP"):
        raise ArgumentTypeError(f"source must be an MLPClassifier or an MLPRegressor, not {type(mlp).__name__}")
    return scalers, mlp


def _scaling(scaler: Any, width: int) -> Part:
    if not hasattr(scaler, "n_features_in_"):
        raise ArgumentError("source must be fitted: its StandardScaler is not")
    mean = np.zeros(width) if scaler.mean_ is None else scaler.mean_
    variance = np.ones(width) if scaler.scale_ is None else np.square(scaler.scale_)
    return Part(Normalization(), {"mean": mean if scaler.with_mean else np.zeros(width), "variance": variance})


def _of_ours(source: Any, mlp: Any, scalers: list[Any]) -> Sequential:
    """A copy of the network in an estimator of ours, behind what scales features."""
    if mlp.out_activation_ == "exp":
        raise ArgumentError(
            "source predicts e to the power of what its network gives, and fastmlp has no such activation: "
            "source.model_ is the network, whose outputs are logarithms"
        )
    trained: Sequential = mlp.model_
    if not scalers:
        return copy.deepcopy(trained)
    width, tensors = mlp.n_features_in_, trained.engine.program.tensors
    held: list[dict[str, Array]] = [{} for _ in trained.declarations]
    for tensor in tensors:
        held[tensor.layer][tensor.name] = trained.tensor_values(tensor.layer, tensor.name)
    layers = [Part(layer, values) for layer, values in zip(trained.declarations, held, strict=True)]
    parts = [*(_scaling(scaler, width) for scaler in scalers), *layers]
    made = assembled(parts, width, str(trained.dtype), classes=trained.classes)
    made.feature_names = _names(source, mlp)
    made.compile(trained.optimizer, trained.loss, trained.metrics)
    return made


def _activation(name: str, estimator: str) -> str:
    if name not in _ACTIVATIONS:
        raise ArgumentError(f"source is an {estimator} whose activation {name!r} fastmlp does not have")
    return _ACTIVATIONS[name]


def _classes(mlp: Any) -> Any:
    """Labels, if a row has one class."""
    if not hasattr(mlp, "classes_") or (mlp.out_activation_ == "logistic" and mlp.n_outputs_ > 1):
        return None
    return naming.labels_of_any_kind(mlp.classes_)


def _names(source: Any, mlp: Any) -> tuple[Any, ...] | None:
    names = getattr(source, "feature_names_in_", getattr(mlp, "feature_names_in_", None))
    return None if names is None else tuple(names.tolist())
