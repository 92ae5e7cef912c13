"""The layers, the loss and the metrics of `fastmlp.mlp`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from .. import activations
from .._base import check, naming
from .._base.errors import ArgumentError
from .._base.types import Array
from ..layers import Activation, BatchNormalization, Dense, Dropout, Layer, Normalization
from ..tables import TableEncoder

CLASSIFICATION, REGRESSION, MULTILABEL = TASKS = ("classification", "regression", "multilabel")


@dataclass(frozen=True)
class Goal:
    """What a network answers: its last layer, its loss and its metrics (None: the loss's own)."""

    last: Dense
    loss: str
    metrics: list[str] | None = None
    labels: Array | None = None


def goal(task: str | None, classes: Any, outputs: int | None) -> Goal:
    """The goal that the arguments of `fastmlp.mlp` describe; refuses those that contradict each other."""
    if task is None and classes is None:
        raise ArgumentError(
            "give classes= (their number, or their labels) for a classifier, task='regression' to predict numbers, or "
            "task='multilabel' with outputs= for several yes-or-no answers"
        )
    task = CLASSIFICATION if task is None else check.choice(task, "task", TASKS)
    if task == CLASSIFICATION:
        if outputs is not None:
            raise ArgumentError(
                f"outputs={outputs!r} is for task='regression' or 'multilabel': classification has a unit for each of "
                "its classes"
            )
        if classes is None:
            raise ArgumentError("task='classification' needs classes=, their number or their labels")
        return _classes(classes)
    if classes is not None:
        remedy = "the number of labels is outputs=" if task == MULTILABEL else "the number of targets is outputs="
        raise ArgumentError(f"classes= is for classification, not for task={task!r}: {remedy}")
    if task == MULTILABEL:
        if outputs is None:
            raise ArgumentError("task='multilabel' needs outputs=, the number of labels that a row may have")
        return Goal(_last(outputs, "sigmoid"), "binary_crossentropy")
    return Goal(_last(1 if outputs is None else outputs, None), "mean_squared_error", ["mae"])


def _classes(classes: Any) -> Goal:
    labels = naming.class_labels(classes) if isinstance(classes, Iterable) else None
    last = Dense(classes if labels is None else len(labels), activation="softmax")
    return Goal(last, "categorical_crossentropy", labels=labels)


def _last(outputs: Any, activation: str | None) -> Dense:
    return Dense(check.whole_number(outputs, "outputs", minimum=1), activation=activation)


def encoders(table: Any) -> list[TableEncoder]:
    """The encoder before all layers, if one is asked for."""
    if isinstance(table, TableEncoder):
        return [table]
    return [TableEncoder()] if check.yes_or_no(table, "table") else []


def hidden_layers(hidden: Any, activation: Any, dropout: Any, *, normalize: bool, batch_norm: bool) -> list[Layer]:
    """The layers before the last."""
    widths = check.items(hidden, "hidden", "widths")
    names = _for_each(activation, "activation", "name", len(widths), (str, activations.Custom, type(None)))
    rates = _for_each(dropout, "dropout", "rate", len(widths), (Real,))
    has_norm = check.yes_or_no(batch_norm, "batch_norm")
    layers: list[Layer] = [Normalization()] if check.yes_or_no(normalize, "normalize") else []
    for width, name, rate in zip(widths, names, rates, strict=True):
        layers += _normalized(width, name) if has_norm else [Dense(width, activation=name)]
        layers += [Dropout(rate)] if check.real_number(rate, "dropout", minimum=0, below=1) else []
    return layers


def _normalized(width: Any, name: str | activations.Custom | None) -> list[Layer]:
    """A dense layer with a batch normalisation before its activation."""
    activation = activations.get(name)
    initializer = activations.initializer_before(activation)
    dense = Dense(width, use_bias=False, kernel_initializer=initializer)  # beta is the bias
    return [dense, BatchNormalization(), *([] if activation == "linear" else [Activation(activation)])]


def _for_each(given: Any, name: str, what: str, layers: int, one: tuple[type, ...]) -> Sequence[Any]:
    """One value for all hidden layers, or one for each."""
    if isinstance(given, one):
        return [given] * layers
    values = check.items(given, name, f"{what}s")
    if len(values) != layers:
        raise ArgumentError(f"{name} must be one {what}, or one for each of the {layers} hidden layers, not {values}")
    return values
