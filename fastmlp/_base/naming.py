"""The user's names for classes and features: labels for class numbers, and columns of data frames."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Union

import numpy as np

from . import check, classes
from .errors import ArgumentError, ArgumentTypeError
from .types import Array, Integers

Name = Union[str, int, tuple["Name", ...]]  # noqa: UP007  # it names itself
Names = tuple[Name, ...]  # of the columns of a data frame

are_texts, texts, some = check.are_texts, check.texts, check.some


# ---------------------------------------------------------------- labels of classes


def class_labels(given: Any) -> Array:
    """Labels for class numbers 0, 1, ...: texts, or whole numbers.

    Raises ArgumentError or ArgumentTypeError if they have another type, or if two of them are equal.

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
                labels = [check.whole_number(item, "classes", minimum=-(2**63)) for item in labels]
            array = np.array(labels, np.int64 if kind is int else np.str_)
            if array.tolist() != labels:  # numpy drops it, which could make two labels equal
                raise ArgumentError(f"classes must be labels that do not end in a null character, not {some(labels)}")
            return array
    raise ArgumentTypeError(f"classes must be a list of labels, all texts or all whole numbers, not {given!r:.60}")


def labels_of_any_kind(given: Array) -> Array | None:
    """Labels of a network for sorted classes of any type; None for False and True, which equal the numbers 0 and 1.

    Floats without fraction become whole numbers, which equal them. Labels of other types, such as dates, become texts.

    >>> labels_of_any_kind(np.array([1.0, 2.0])).tolist(), labels_of_any_kind(np.array([b"n", b"y"])).tolist()
    ([1, 2], ["b'n'", "b'y'"])
    """
    labels = given.tolist() if given.dtype.kind != "M" else given.astype(str).tolist()
    if all(isinstance(label, (bool, np.bool_)) for label in labels):
        return None
    if all(isinstance(label, (int, float)) and label == label // 1 and abs(label) < 2**63 for label in labels):
        return class_labels([int(label) for label in labels])
    return class_labels([str(label) for label in labels])


def _items(given: Any) -> list[Any]:
    return check.items(given, "classes", "labels")


def labels_in(y: Any, units: int, name: str) -> Array | None:
    """The labels of all classes, in order, if the targets are labels of the user's; otherwise None.

    Such labels are texts, or as many different whole numbers as there are classes that do not count from 0. Class
    numbers need no labels, even if some do not occur. The code that reads targets refuses other numbers.
    """
    words = _words(y, name)
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


def _words(y: Any, name: str) -> Array | None:
    return None if _are_numbers(y) else texts(y, name)


def _are_numbers(y: Any) -> bool:
    return type(y) is np.ndarray and y.dtype.kind in "iufb"


def whole_numbers(y: Any) -> Integers | None:
    """One whole number for each row, in any type; None for other targets."""
    array = y if _are_numbers(y) else check.numbers_if_any(y)
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
    """The ``classes`` of a new model for whole numbers: how many there are, or the labels themselves.

    If some numbers below the largest never occur, the numbers are labels, so that no class is without rows.

    >>> distinct(np.array([2, 0, 1, 1])), distinct(np.array([7, 3, 3]))
    (3, [3, 7])
    """
    labels = np.unique(y).astype(np.int64).tolist()
    return len(labels) if labels == list(range(len(labels))) else labels


def class_count(units: int) -> int:
    """How many classes an output layer distinguishes."""
    return max(2, units)


def told_apart(units: int) -> str:
    """The same, in words."""
    return f"the last layer of {units} {'unit' if units == 1 else 'units'} tells {class_count(units)} classes apart"


def class_numbers(y: Any, labels: Array | None, name: str) -> Any:
    """Replace labels in targets by class numbers; rows of probabilities stay as they are."""
    words = _words(y, name)
    if labels is None:
        if words is None:
            return y
        raise ArgumentTypeError(
            f"{name} holds text, but the model knows no labels of classes: train it on such labels, or name them with "
            f"its argument classes=[...]"
        )
    given = check.numbers(y, name) if words is None else words
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim == 1 and (labels.dtype.kind == "U") != (words is not None):
        came = "numbers" if words is None else "texts"
        raise ArgumentTypeError(f"{name} holds {came}, but the model's classes are {some(labels)}")
    return classes.numbers_among(labels, given, name, "the model's classes") if given.ndim == 1 else y


def weights_of_classes(class_weight: Any, labels: Array | None) -> Any:
    """Replace labels in ``class_weight`` by class numbers."""
    if labels is None or not isinstance(class_weight, Mapping):
        return class_weight
    numbers = {label: number for number, label in enumerate(labels.tolist())}
    unknown = [key for key in class_weight if key not in numbers or not isinstance(key, (str, int, np.integer))]
    unknown += [key for key in class_weight if isinstance(key, bool) and list(numbers) != [0, 1]]
    if unknown:
        raise ArgumentError(f"class_weight has the class {unknown[0]!r}, but the model's classes are {some(labels)}")
    return {numbers[key]: weight for key, weight in class_weight.items()}


# ---------------------------------------------------------------- names of features


def feature_names(x: Any, name: str = "x") -> Names | None:
    """The names of a data frame's columns, each only once: texts, whole numbers, or tuples of these."""
    if isinstance(x, np.ndarray) or callable(getattr(x, "collect", None)):  # a lazy table has no rows yet
        return None
    columns = getattr(x, "column_names", getattr(x, "columns", None))  # the former are those of Arrow's tables
    if columns is None:
        return None
    return names_of(columns, name) or None


def names_of(columns: Any, name: str) -> Names:
    """The names of columns, each only once, in the form that model files can hold."""
    names = tuple(_column_name(item) for item in check.items(columns, name, "names of columns"))
    repeated = [item for item, count in Counter(names).items() if count > 1]
    if repeated:
        raise ArgumentError(
            f"{name} has several columns of the name {repeated[0]!r:.60}: rename them, or drop all but one"
        )
    return names


def _column_name(column: Any) -> Name:
    """A column's name in the form that model files can hold."""
    if isinstance(column, tuple):
        return tuple(_column_name(item) for item in column)
    if isinstance(column, (int, np.integer)) and not isinstance(column, bool):
        return int(column)
    return str(column)


def places(x: Any, known: Names | None, name: str) -> list[int] | None:
    """The places in ``x`` of a model's columns, which it must have; None if in order or without names."""
    names = feature_names(x, name)
    if known is None or names is None or names == known:
        return None
    is_counted = names == tuple(range(len(known)))  # a frame that was made from an array has such names
    if is_counted and not set(names) & set(known):
        return None
    check_columns(names, known, name)
    return [names.index(item) for item in known]


def texts_only(names: Names | None) -> tuple[str, ...] | None:
    """The names in the form of a file's header."""
    return None if names is None else tuple(map(str, names))


def check_columns(names: Names, known: Names, name: str) -> None:
    """Refuse other columns than those that a model was trained on; the order does not matter."""
    missing = [item for item in known if item not in names]
    strange = [item for item in names if item not in known]
    if missing or strange:
        parts = [f"lacks {some(missing)}"] * bool(missing) + [f"has {some(strange)}"] * bool(strange)
        raise ArgumentError(f"{name} does not have the columns that the model was trained on: it {' and '.join(parts)}")
