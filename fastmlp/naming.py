"""What users call classes and features: labels beside class numbers, and the columns of data frames. Floor 4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import _check
from ._errors import ArgumentError, ArgumentTypeError
from ._types import Array, Integers

_SHOWN = 5  # labels or columns in a message

are_texts, texts = _check.are_texts, _check.texts


# ---------------------------------------------------------------- labels of classes


def class_labels(given: Any) -> Array:
    """Labels for class numbers 0, 1, ...: texts, or whole numbers.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If they are of another kind, or two of them are equal.

    Examples
    --------
    >>> class_labels(["no", "yes"]).tolist()
    ['no', 'yes']
    """
    if isinstance(given, (set, frozenset, Mapping)):
        raise ArgumentTypeError(f"classes must be a list of labels: a {type(given).__name__} has no order to rely on")
    labels = [item.item() if isinstance(item, np.generic) else item for item in _items(given)]
    for kind in (str, int):
        if labels and all(isinstance(item, kind) and not isinstance(item, bool) for item in labels):
            if len(set(labels)) < len(labels):
                raise ArgumentError(f"classes must be different labels, not {some(labels)}")
            if kind is int:
                labels = [_check.whole_number(item, "classes", minimum=-(2**63)) for item in labels]
            return np.array(labels, np.int64 if kind is int else np.str_)
    raise ArgumentTypeError(f"classes must be a list of labels, all texts or all whole numbers, not {given!r:.60}")


def _items(given: Any) -> list[Any]:
    return _check.items(given, "classes", "labels")


def labels_in(y: Any, units: int, name: str) -> Array | None:
    """The labels of all classes, in order, from targets that are labels of one's own; None for other targets.

    These are texts, or whole numbers as many as there are classes that are not those from 0 on. Class numbers need
    no labels, also where some do not occur; other numbers are refused by whoever reads targets.
    """
    words = texts(y, name)
    if words is None:
        numbers = whole_numbers(y)
        if numbers is None or 0 <= numbers.min() <= numbers.max() < class_count(units):
            return None
        labels = np.unique(numbers)
        return labels if len(labels) == class_count(units) else None
    labels = np.unique(words)
    if len(labels) != class_count(units):
        raise ArgumentError(
            f"{name} holds {len(labels)} different labels ({some(labels)}), but {told_apart(units)}: where {name} "
            f"does not have all labels, name them with the model's argument classes=[...]"
        )
    return labels


def whole_numbers(y: Any) -> Integers | None:
    """One whole number for each row, whatever the type says; None for other targets."""
    array = _check.numbers_if_any(y)
    if array is None:
        return None
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iuf":
        return None
    with np.errstate(invalid="ignore"):
        numbers: Integers = array.astype(np.int64)
    return numbers if (numbers == array).all() else None


def distinct(y: Array) -> int | list[int]:
    """What a new model is to be told of the classes of whole numbers: how many they are, or the labels themselves.

    Numbers of which some below the largest never occur are labels, and make no classes without rows.

    Examples
    --------
    >>> distinct(np.array([2, 0, 1, 1])), distinct(np.array([7, 3, 3]))
    (3, [3, 7])
    """
    labels = np.unique(y).astype(np.int64).tolist()
    return len(labels) if labels == list(range(len(labels))) else labels


def class_count(units: int) -> int:
    """Classes that an output layer tells apart."""
    return max(2, units)


def told_apart(units: int) -> str:
    """The same, in words."""
    return f"the last layer of {units} {'unit' if units == 1 else 'units'} tells {class_count(units)} classes apart"


def class_numbers(y: Any, labels: Array | None, name: str) -> Any:
    """Targets with class numbers in the place of labels; rows of probabilities stay as they are."""
    words = texts(y, name)
    if labels is None:
        if words is None:
            return y
        raise ArgumentTypeError(
            f"{name} holds text, but the model knows no labels of classes: train it on such labels, or name them with "
            f"its argument classes=[...]"
        )
    given = _check.numbers(y, name) if words is None else words
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim == 1 and (labels.dtype.kind == "U") != (words is not None):
        came = "numbers" if words is None else "texts"
        raise ArgumentTypeError(f"{name} holds {came}, but the model's classes are {some(labels)}")
    return _found(given, labels, name) if given.ndim == 1 else y


def _found(given: Array, labels: Array, name: str) -> Array:
    order = np.argsort(labels)
    places = order[np.minimum(np.searchsorted(labels, given, sorter=order), len(labels) - 1)]
    wrong = np.flatnonzero(labels[places] != given)
    if len(wrong):
        row = int(wrong[0])
        raise ArgumentError(f"{name}[{row}] is {given[row].item()!r}, but the model's classes are {some(labels)}")
    return places.astype(np.int64)


def weights_of_classes(class_weight: Any, labels: Array | None) -> Any:
    """``class_weight`` with class numbers in the place of labels."""
    if labels is None or not isinstance(class_weight, Mapping):
        return class_weight
    numbers = {label: number for number, label in enumerate(labels.tolist())}
    unknown = [key for key in class_weight if key not in numbers or not isinstance(key, (str, int, np.integer))]
    unknown += [key for key in class_weight if isinstance(key, bool) and list(numbers) != [0, 1]]
    if unknown:
        raise ArgumentError(f"class_weight has the class {unknown[0]!r}, but the model's classes are {some(labels)}")
    return {numbers[key]: weight for key, weight in class_weight.items()}


# ---------------------------------------------------------------- names of features


def feature_names(x: Any) -> tuple[str, ...] | None:
    """The names of a data frame's columns, where all of them are texts."""
    if isinstance(x, np.ndarray) or callable(getattr(x, "collect", None)):  # what is lazy has no rows to learn from
        return None
    columns = getattr(x, "columns", None)
    if columns is None:
        return None
    names = list(columns)
    return tuple(map(str, names)) if names and all(isinstance(item, str) for item in names) else None


def check_features(x: Any, known: tuple[str, ...] | None, name: str) -> None:
    """Refuse a data frame whose columns are not those that a model learned from; other data have no names."""
    check_columns(feature_names(x), known, name, f"use {name.partition(' ')[0]}[list(model.feature_names)]")


def check_columns(names: tuple[str, ...] | None, known: tuple[str, ...] | None, name: str, remedy: str) -> None:
    """The same by names; ``remedy`` is what to do where they are in another order."""
    if known is None or names is None or names == known:
        return
    missing = [item for item in known if item not in names]
    strange = [item for item in names if item not in known]
    if missing or strange:
        parts = [f"lacks {some(missing)}"] * bool(missing) + [f"has {some(strange)}"] * bool(strange)
        raise ArgumentError(f"{name} does not have the columns that the model was trained on: it {' and '.join(parts)}")
    raise ArgumentError(f"{name} has the columns that the model was trained on in another order: {remedy}")


def some(values: Any) -> str:
    """The first few of some values, in words."""
    listed = [value.item() if isinstance(value, np.generic) else value for value in values]
    rest = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(f"{value!r:.40}" for value in listed[:_SHOWN]) + rest
