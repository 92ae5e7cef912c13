"""Argument checks shared by the Python layer.

A message names the argument, shows the given value and the legal ones, and says what to do.
"""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from .errors import ArgumentError, ArgumentTypeError
from .types import Array

_SHOWN = 5  # labels or columns in a message


def whole_number(value: Any, name: str, *, minimum: int, maximum: int = 2**63 - 1) -> int:
    """An int from ``minimum`` to ``maximum``."""
    if isinstance(value, (bool, np.bool_)):
        raise ArgumentTypeError(f"{name} must be a whole number, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"{name} must be a whole number, not {value!r}") from None
    if number < minimum:
        raise ArgumentError(f"{name} must be at least {minimum}, not {number}")
    if number > maximum:
        raise ArgumentError(f"{name} must be at most {maximum:,}, not {number}")
    return number


def real_number(
    value: Any, name: str, *, above: float | None = None, minimum: float | None = None, below: float | None = None
) -> float:
    """A finite float within bounds."""
    limits = [
        text
        for bound, text in (
            (above, f"greater than {above}"),
            (minimum, f"at least {minimum}"),
            (below, f"less than {below}"),
        )
        if bound is not None
    ]
    wanted = f"a finite number{' ' if limits else ''}{' and '.join(limits)}"
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise ArgumentTypeError(f"{name} must be {wanted}, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{name} must be {wanted}, not {value!r:.60}") from None
    too_low = (above is not None and number <= above) or (minimum is not None and number < minimum)
    if not math.isfinite(number) or too_low or (below is not None and number >= below):
        raise ArgumentError(f"{name} must be {wanted}, not {value!r:.60}")
    return number


def number_in(value: Any) -> float | None:
    """A number of any library as a float, also NaN and infinity; None for a text, an array, or anything else.

    >>> number_in(np.float32(0.5)), number_in(True), number_in("1"), number_in([1.0])
    (0.5, 1.0, None, None)
    """
    if type(value) is float:
        return value
    try:
        return float(value) if np.ndim(value) == 0 and not isinstance(value, (str, bytes, np.str_)) else None
    except Exception:  # whatever another library raises
        return None


def yes_or_no(value: Any, name: str) -> bool:
    """True or False, but no other value that Python treats like them."""
    if not isinstance(value, (bool, np.bool_)):
        raise ArgumentTypeError(f"{name} must be True or False, not {value!r:.60}")
    return bool(value)


def verbosity(value: Any) -> str | int:
    """How much to print: "auto", 0, 1 or 2."""
    if not isinstance(value, (str, int, np.integer, np.bool_)) or value not in ("auto", 0, 1, 2):
        raise ArgumentError(f"verbose must be 'auto', 0, 1 or 2, not {value!r:.60}")
    return value if isinstance(value, str) else int(value)


def text_stream(value: Any, name: str) -> Any:
    """An open text file, or None."""
    if value is not None and not callable(getattr(value, "write", None)):
        raise ArgumentTypeError(f"{name} must be an open text file, such as sys.stderr, not {value!r:.60}")
    return value


def items(value: Any, name: str, what: str) -> list[Any]:
    """The elements of a list or another iterable, but not of a text."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ArgumentTypeError(f"{name} must be a list of {what}, not {value!r:.60}")
    try:
        return list(value)
    except TypeError:  # such as an array without dimensions
        raise ArgumentTypeError(f"{name} must be a list of {what}, not {value!r:.60}") from None


def choice(value: Any, name: str, legal: Iterable[str]) -> str:
    """One of some names."""
    names = sorted(legal)
    if not isinstance(value, str) or value not in names:
        raise ArgumentError(f"{name} must be one of {', '.join(map(repr, names))}, not {value!r}")
    return value


def array_of(value: Any, name: str) -> Array:
    """Convert a value to an array; a tensor that records its gradient gives its numbers.

    uint8 arrays hold pixels but tables hold numbers, so uint8 columns of a table become int16.
    """
    try:
        try:
            array = np.asarray(_plain_tensor(value))
        except RuntimeError:  # such as PyTorch's: "Can't call numpy() on Tensor that requires grad"
            if not callable(getattr(value, "detach", None)):
                raise
            array = np.asarray(value.detach())
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentTypeError(f"{name} cannot be made into one array of numbers: {error}") from None
    return array.astype(np.int16) if array.dtype == np.uint8 and is_table(value) else array


def _plain_tensor(value: Any) -> Any:
    """The array of a tensor of another library that offers it only as ``value.numpy()``."""
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        return value
    return value.numpy() if callable(getattr(value, "numpy", None)) else value


def numbers(value: Any, name: str) -> Array:
    """An array of real numbers, of any shape."""
    if value is None:
        raise ArgumentTypeError(f"{name} must be an array of numbers, not None")
    if np.ma.is_masked(value):
        raise ArgumentError(f"{name} has masked elements: fill them in, with {name}.filled(...), or remove their rows")
    if callable(getattr(value, "collect", None)):
        kind = type(value).__name__
        raise ArgumentTypeError(f"{name} is a {kind}, whose rows have not been read yet: use {name}.collect()")
    array = array_of(value, name)
    if array.dtype.kind == "O":
        array = _frame(value, name) if hasattr(value, "columns") else _plain(array)
    if array.dtype.kind not in "fiub":
        raise ArgumentTypeError(f"{name} must hold numbers, not dtype {array.dtype}: {_hint(array)}")
    return array


def numbers_if_any(value: Any) -> Array | None:
    """The same, or None if the value holds no numbers."""
    try:
        return numbers(value, "it")
    except (ArgumentError, ArgumentTypeError):
        return None  # the caller that needs numbers reports the error


def _frame(frame: Any, name: str) -> Array:
    """The matrix of a data frame whose columns have different types: NaN where a value is missing."""
    columns = [np.asarray(frame[column]) for column in frame.columns]
    for number, (column, array) in enumerate(zip(frame.columns, columns, strict=True)):
        if array.dtype.kind == "O":
            columns[number] = _with_missing(array)
        if columns[number].dtype.kind not in "fiub":
            raise ArgumentTypeError(
                f"{name} must hold numbers, but its column {column!r:.60} holds {frame[column].dtype}: encode it, for "
                f"example with one column for each value, or drop it"
            )
    array = np.column_stack(columns)
    return array.astype(np.int16) if array.dtype == np.uint8 else array  # as in `array_of`


def _plain(array: Array) -> Array:
    """Convert objects to numbers if all are real numbers; otherwise return them unchanged."""
    if array.ndim == 0 or not all(isinstance(item, (int, float, np.number, np.bool_)) for item in array.flat):
        return array
    return np.array(array.tolist())


def _with_missing(array: Array) -> Array:
    """Convert numbers and missing values of data frames to floats; return other objects unchanged."""
    values = [np.nan if item is None or str(item) == "<NA>" else item for item in array]
    if not all(isinstance(value, (int, float, np.number, np.bool_)) for value in values):
        return array
    return np.array(values, np.float64)


def _hint(array: Array) -> str:
    if array.dtype.kind in "UST":
        return "turn text into numbers first, for labels with np.unique(labels, return_inverse=True)[1]"
    if array.dtype.kind == "O" and any(isinstance(item, str) for item in array.ravel()[:1000]):
        return "it holds text: for labels use np.unique(labels, return_inverse=True)[1]; drop or encode other columns"
    if array.dtype.kind == "O" and array.ndim == 0 and hasattr(array.item(), "toarray"):
        return f"it is {type(array.item()).__name__}, a sparse matrix: use its toarray(), or train on chunks of rows"
    if array.dtype.kind == "O" and array.ndim == 0:
        batches = hasattr(array.item(), "__iter__") or hasattr(array.item(), "__len__")
        loader = ", whose batches fit(x), evaluate(x) and predict(x) take, if it gives some" if batches else ""
        return f"it is {type(array.item()).__name__}, not an array or a list{loader}"
    if array.dtype.kind == "O":
        return "rows of different lengths, or mixed types? Convert it with np.asarray(..., dtype=float)"
    return "only real numbers can be used"


def are_rows(x: Any, dtype: np.dtype[Any], width: int) -> bool:
    """Whether `features` would return ``x`` itself, if all numbers are finite."""
    return (
        type(x) is np.ndarray and x.dtype == dtype and x.shape[1:] == (width,) and x.flags.c_contiguous and len(x) > 0
    )


def is_table(x: Any) -> bool:
    """Whether ``x`` is a data frame or another table with named columns."""
    return not isinstance(x, np.ndarray) and (hasattr(x, "columns") or hasattr(x, "column_names"))


def rows(x: Any, name: str, width: int | None = None) -> Array:
    """The rows of ``x`` as a matrix, in their own type; images of more dimensions are flattened to one row each."""
    array = numbers(x, name)
    if array.ndim < 2:
        raise ArgumentError(
            f"{name} must have 2 dimensions (rows, features), not shape {array.shape}: "
            f"for one row use {name}.reshape(1, -1), for one feature {name}.reshape(-1, 1)"
        )
    if array.shape[0] == 0 or array.size == 0:
        raise ArgumentError(f"{name} must have at least one row and one feature, not shape {array.shape}")
    if array.ndim > 2:
        array = array.reshape(array.shape[0], -1)
    if width is not None and array.shape[1] != width:
        raise ArgumentError(f"{name} has {array.shape[1]} features in each row, but the model was built for {width}")
    return array


def features(x: Any, name: str, dtype: np.dtype[Any], width: int | None = None) -> Array:
    """The rows of ``x`` as a C-contiguous matrix of finite numbers: uint8 stays, all other types become ``dtype``."""
    array = rows(x, name, width)
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype)
    refuse_non_finite(converted, array, name)
    return converted


def refuse_non_finite(array: Array, original: Array, name: str) -> None:
    """Refuse NaN and infinities in a matrix that was made from ``original``."""
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(float(array.sum())):  # one cheap pass; if the sum overflows, the exact check below decides
            return
    for start in range(0, len(array), 4096):
        bad = np.argwhere(~np.isfinite(array[start : start + 4096]))
        if len(bad):
            row, column = start + int(bad[0][0]), int(bad[0][1])
            came = original[row, column]
            remedy = "remove or impute such rows first"
            if np.isfinite(came):
                remedy = f"that is too large for {array.dtype}; scale the column, or use dtype='float64'"
            raise ArgumentError(f"{name} must be finite, but {name}[{row}, {column}] is {came}: {remedy}")


def class_targets(
    y: Any, name: str, rows: int, features_name: str, classes: int, dtype: np.dtype[Any]
) -> tuple[Array, Array]:
    """Targets for a cross-entropy over ``classes``: (labels, empty array) or (zeros, target rows).

    Integers are class numbers. A matrix with one column for each class holds one-hot rows, which become class
    numbers, or soft targets.
    """
    array = numbers(y, name)
    if array.ndim == 2 and array.shape[1] == 1 and classes > 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] != classes):
        raise ArgumentError(
            f"{name} must be class numbers of shape (rows,) or rows of {classes} targets, because the last layer "
            f"has {classes} units, not shape {array.shape}"
        )
    if len(array) != rows:
        raise ArgumentError(f"{name} has {len(array)} rows, but {features_name} has {rows}: they must match")
    if array.ndim == 1:
        return _labels(array, name, classes), np.empty((0, classes), dtype)
    return _target_rows(array, name, classes, dtype)


def _labels(array: Array, name: str, classes: int) -> Array:
    with np.errstate(invalid="ignore"):
        labels = array.astype(np.int64)
    wrong = np.flatnonzero((labels != array) | (labels < 0) | (labels >= classes))
    if len(wrong):
        row = int(wrong[0])
        raise ArgumentError(
            f"{name} must hold class numbers from 0 to {classes - 1}, because the last layer has {classes} units, "
            f"but {name}[{row}] is {array[row]} (labels of another kind go into the model's argument classes=[...])"
        )
    return labels


def _target_rows(array: Array, name: str, classes: int, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    with np.errstate(over="ignore"):
        targets = np.ascontiguousarray(array, dtype)
    proper = np.isfinite(targets).all() and (targets >= 0).all()
    if not proper or abs(targets.sum(axis=1, dtype=np.float64) - 1).max(initial=0) > 1e-3:
        raise ArgumentError(f"{name} must hold rows of class probabilities: numbers of at least 0 with the sum 1")
    if ((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all():
        return array.argmax(axis=1).astype(np.int64), np.empty((0, classes), dtype)
    return np.zeros(len(array), np.int64), targets


def some(values: Iterable[Any]) -> str:
    """The first few values, as text for a message."""
    listed = [value.item() if isinstance(value, np.generic) else value for value in values]
    rest = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(f"{value!r:.40}" for value in listed[:_SHOWN]) + rest


def are_texts(array: Array) -> bool:
    """Whether an array holds texts."""
    if array.dtype.kind == "O":
        return any(isinstance(item, str) for item in array.ravel()[:1000])
    return array.dtype.kind in "UST"


def texts(y: Any, name: str) -> Array | None:
    """One text for each row, or None if the targets are not texts."""
    try:
        array = array_of(y, name)
    except ArgumentTypeError:
        return None  # the caller that reads numbers reports the error
    if not are_texts(array) or np.ma.is_masked(y):
        return None  # nor masked values
    if array.dtype.kind == "T":  # texts of any length, some of them perhaps missing
        array = array.astype(object)
    if array.dtype.kind == "O":
        missing = [row for row, item in enumerate(array.ravel()) if not isinstance(item, str)]
        if missing:
            came = array.ravel()[missing[0]]
            raise ArgumentError(f"{name} must hold a label for each row, but {name}[{missing[0]}] is {came!r}")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ArgumentError(f"{name} must hold one label for each row, not the shape {array.shape} of texts")
    try:
        return array.astype(np.str_)
    except UnicodeDecodeError:
        raise ArgumentError(f"{name} holds bytes that are not ASCII text: decode them first") from None


def tensor(value: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """A finite array of exactly this shape, in ``dtype``."""
    array = numbers(value, name)
    if array.shape != shape:
        raise ArgumentError(f"{name} must have the shape {shape}, not {array.shape}")
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype).reshape(shape)
    if not np.isfinite(converted).all():
        raise ArgumentError(f"{name} must be finite in {dtype}, but holds NaN, infinity or numbers too large for it")
    return converted
