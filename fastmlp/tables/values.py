"""Makes one column plain, whatever holds it: numbers, True and False, texts, or dates; see `columns`."""

from __future__ import annotations

import datetime
import decimal
import importlib
import numbers
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._base import check
from .._base.errors import ArgumentTypeError, FastMLPError
from .._base.types import Array

DATES = np.dtype("datetime64[us]")
MOST_EXACT = 2**53  # up to here float64 holds every whole number
_DAY = 86400.0  # seconds
_LIKE_ARRAYS = "iufbOUSTMm"
_MISSING_TYPES = ("NoneType", "NAType", "NaTType")


class UnsuitableError(Exception):
    """A column holds what no plain column can; the message goes on after the column's name."""


def plain(column: Any) -> Array:
    """A column as a plain array; raises UnsuitableError."""
    if hasattr(column, "isna") and hasattr(column, "dtype"):
        return _of_pandas(column)
    if hasattr(column, "is_null") and hasattr(column, "null_count"):
        return _of_arrow(column) if hasattr(column, "type") else _of_polars(column)
    if isinstance(column, np.ma.MaskedArray):
        return _of_masked(column)
    if isinstance(column, (str, bytes)) or not hasattr(column, "__len__"):
        raise UnsuitableError(
            f"must be a list or an array with one value for each row, not {column!r:.60} (for a single row, give a "
            f"list of one dict)"
        )
    array = objects(column) if isinstance(column, (list, tuple)) else _array(column)
    return _of_array(array)


def are_declared_categories(column: Any) -> bool:
    """Whether the type of a column says that its values are categories: those of pandas, polars and Arrow."""
    kind = getattr(column, "dtype", getattr(column, "type", None))
    return type(kind).__name__ in ("CategoricalDtype", "Categorical", "Enum", "DictionaryType")


def objects(items: Iterable[Any]) -> Array:
    """An array of objects, one for each item, also where items have lengths of their own."""
    listed = list(items)
    return np.fromiter(listed, object, len(listed))


def joined(parts: list[Array], name: str) -> Array:
    """One column of several plain ones: of their kind, or texts if they are numbers, texts and truths."""
    kinds = {part.dtype.kind for part in parts if not _is_empty(part)}
    if len(kinds) < 2 and "O" not in kinds and "M" not in kinds:
        return np.concatenate(parts)  # of numbers, or all True or False
    if kinds == {"M"}:
        return np.concatenate([np.full(len(part), "NaT", DATES) if _is_empty(part) else part for part in parts])
    if "M" in kinds:
        raise ArgumentTypeError(f"column {name!r:.60} holds dates in some rows and other values in others")
    return np.concatenate([part if part.dtype.kind == "O" else _texts(part.astype(object)) for part in parts])


def _is_empty(column: Array) -> bool:
    """Whether a column has no value, so that its kind is not known."""
    return column.dtype.kind == "f" and bool(np.isnan(column).all())


def text_of(number: float) -> str:
    """A number as a text, which is the same for 3 and 3.0.

    >>> text_of(3.0), text_of(0.25)
    ('3', '0.25')
    """
    return str(int(number)) if abs(number) < MOST_EXACT and number == int(number) else repr(float(number))


# ---------------------------------------------------------------- by what holds them


def _of_pandas(column: Any) -> Array:
    dtype = column.dtype
    if are_declared_categories(column):
        held = getattr(column, "cat", column)  # of a series, or of an array
        return _of_codes(plain(held.categories), np.asarray(held.codes))
    if isinstance(dtype, np.dtype):
        return _of_array(np.asarray(column))
    if getattr(dtype, "tz", None) is not None:
        return _of_array(np.asarray(getattr(column, "dt", column).tz_localize(None)))  # what the clocks showed there
    if type(dtype).__name__ == "PeriodDtype":
        return _of_array(np.asarray(getattr(column, "dt", column).to_timestamp()))
    kind = getattr(dtype, "kind", "O")
    missing = np.asarray(column.isna())
    if kind in "iufb" and not missing.any():
        return _of_array(np.asarray(column.to_numpy(dtype=np.dtype(getattr(dtype, "numpy_dtype", float)))))
    if kind in "fb":
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    array = np.asarray(column.to_numpy(dtype=object))
    if missing.any():
        array = array.copy()
        array[missing] = None
    return _of_objects(array)


def _of_polars(column: Any) -> Array:
    if getattr(column.dtype, "time_zone", None) is not None:
        column = column.dt.replace_time_zone(None)
    if column.dtype.is_integer() and column.null_count():
        return _of_objects(objects(column.to_list()))
    if are_declared_categories(column):
        return _of_objects(objects(column.to_list()))
    return _of_array(np.asarray(column.to_numpy()))


def _of_arrow(column: Any) -> Array:
    kind = str(column.type)
    if kind.startswith("timestamp"):
        if getattr(column.type, "tz", None) is not None:
            column = importlib.import_module("pyarrow.compute").local_timestamp(column)
        return np.asarray(column.cast("timestamp[us]", safe=False).to_numpy()).astype(DATES)
    has_all = column.null_count == 0
    is_simple = kind in ("double", "float", "halffloat") or (has_all and kind.startswith(("int", "uint")))
    return _of_array(np.asarray(column.to_numpy())) if is_simple else _of_objects(objects(column.to_pylist()))


def _of_masked(column: Any) -> Array:
    array, missing = column.data, np.ma.getmaskarray(column)
    if not missing.any():
        return _of_array(array)
    if array.dtype.kind in "iufb" and not _is_too_wide(array):
        return np.where(missing, np.nan, array.astype(np.float64))
    held = array.astype(object)
    held[missing] = None
    return _of_objects(held)


def _of_codes(categories: Array, codes: Array) -> Array:
    """Categories for codes, of which -1 means a missing value."""
    missing = codes < 0
    if len(categories) == 0:
        return np.full(len(codes), np.nan)
    array = categories[codes]
    if missing.any() and array.dtype.kind == "b":
        array = array.astype(np.float64)
    if missing.any():
        array[missing] = {"f": np.nan, "M": np.datetime64("NaT")}.get(array.dtype.kind)
    return array


# ---------------------------------------------------------------- arrays


def _array(column: Any) -> Array:
    try:
        return check.array_of(column, "it")
    except FastMLPError as error:
        raise UnsuitableError(f"cannot be read: {error}") from None


def _of_array(array: Array) -> Array:
    """An array of NumPy."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise UnsuitableError(f"must hold one value for each row, not an array of shape {array.shape}")
    kind = array.dtype.kind
    if kind not in _LIKE_ARRAYS:
        raise UnsuitableError(f"holds values of dtype {array.dtype}: convert them to numbers or texts")
    if kind == "O":
        return _of_objects(array)
    if kind == "b":
        return array
    if kind in "UST":
        return _of_objects(array.astype(object))
    if kind == "M":
        return _dates(array)
    if kind == "m":
        return np.where(np.isnat(array), np.nan, array / np.timedelta64(1, "D"))
    if _is_too_wide(array):  # identities rather than measures: as texts they stay different
        return array.astype(np.str_).astype(object)
    return array.astype(np.float64)


def _is_too_wide(array: Array) -> bool:
    """Whether whole numbers are too large for float64 to tell them apart."""
    is_wide = array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size > 0
    return bool(is_wide and (array.max() > MOST_EXACT or array.min() < -MOST_EXACT))


def _dates(array: Array) -> Array:
    """Dates of any unit; raises UnsuitableError for those that microseconds cannot count."""
    found = array.astype(DATES)
    is_there = ~np.isnat(array)
    if (found[is_there].astype("M8[Y]") != array[is_there].astype("M8[Y]")).any():
        raise UnsuitableError(f"holds dates out of range, such as {array[is_there].max()}")
    return found


# ---------------------------------------------------------------- objects


def _of_objects(array: Array) -> Array:
    """Objects, which are of one kind, or numbers and texts together, which become texts."""
    kinds = {kind: _kind(kind) for kind in set(map(type, array))}
    found = set(kinds.values()) - {"missing"}
    if "other" in found:
        item = next(item for item in array if kinds[type(item)] == "other")
        kind = f"{type(item).__module__}.{type(item).__qualname__}"
        raise UnsuitableError(f"holds {kind} objects, such as {item!r:.60}: convert them to numbers, texts or dates")
    if "number" in found and all(_is_missing(item) for item in array if kinds[type(item)] == "number"):
        found.discard("number")  # but NaN among other values
    if not found:
        return np.full(len(array), np.nan)
    if len(found) == 1:
        return _OF_KIND[found.pop()](array)
    if found == {"number", "truth"}:
        return _numbers(array)
    if found <= {"number", "truth", "text"}:
        return _texts(array)
    raise UnsuitableError(f"holds {' and '.join(sorted(f'{what}s' for what in found))} together: convert it to texts")


def _kind(kind: type) -> str:
    if kind.__name__ in _MISSING_TYPES:
        return "missing"
    if issubclass(kind, (bool, np.bool_)):
        return "truth"
    if issubclass(kind, (str, bytes)):
        return "text"
    if issubclass(kind, (datetime.date, np.datetime64)):
        return "date"
    if issubclass(kind, (datetime.timedelta, np.timedelta64)):
        return "duration"
    if issubclass(kind, datetime.time):
        return "time"
    if issubclass(kind, (numbers.Real, decimal.Decimal, np.number)) and not issubclass(kind, np.complexfloating):
        return "number"
    return "other"


def _is_missing(item: Any) -> bool:
    return type(item).__name__ in _MISSING_TYPES or (isinstance(item, (float, np.floating)) and item != item)


def _numbers(array: Array) -> Array:
    present = [item for item in array if not _is_missing(item)]
    if any(isinstance(item, (int, np.integer)) and abs(int(item)) > MOST_EXACT for item in present):
        return _texts(array)  # as those of `_is_too_wide`
    return np.array([np.nan if _is_missing(item) else float(item) for item in array], np.float64)


def _truths(array: Array) -> Array:
    return _numbers(array) if any(map(_is_missing, array)) else array.astype(bool)


def _texts(array: Array) -> Array:
    return objects(item if type(item) is str else None if _is_missing(item) else _text(item) for item in array)


def _text(item: Any) -> str:
    if isinstance(item, (bytes, np.bytes_)):
        try:
            return item.decode()
        except UnicodeDecodeError:
            raise UnsuitableError(f"holds bytes that are not UTF-8 text, such as {item!r:.60}: decode them") from None
    if isinstance(item, (str, bool, np.bool_, int, np.integer)):
        return str(item)
    return text_of(float(item))


def _date_objects(array: Array) -> Array:
    try:
        return _dates(np.array([_moment(item) for item in array], DATES))
    except (ValueError, OverflowError) as error:
        raise UnsuitableError(f"holds dates that cannot be read: {error}") from None


def _moment(item: Any) -> Any:
    if _is_missing(item):
        return np.datetime64("NaT")
    if isinstance(item, datetime.datetime):
        return np.datetime64(item.replace(tzinfo=None), "us")
    return np.datetime64(item, "us")


def _durations(array: Array) -> Array:
    """In days."""
    return np.array([np.nan if _is_missing(item) else item / _one_day(item) for item in array], np.float64)


def _one_day(item: Any) -> Any:
    return np.timedelta64(1, "D") if isinstance(item, np.timedelta64) else datetime.timedelta(days=1)


def _times(array: Array) -> Array:
    """In hours since midnight."""
    return np.array([np.nan if _is_missing(item) else _hours(item) for item in array], np.float64)


def _hours(item: datetime.time) -> float:
    return item.hour + item.minute / 60 + (item.second + item.microsecond / 1e6) / 3600


_OF_KIND: dict[str, Callable[[Array], Array]] = {
    "number": _numbers,
    "truth": _truths,
    "text": _texts,
    "date": _date_objects,
    "duration": _durations,
    "time": _times,
}
