"""What X and numeric y may hold: numbers, but no dates and no texts, which NumPy would convert to numbers."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._base.errors import ArgumentTypeError

_DATES, _TEXTS = ("datetime", "timedelta", "date", "time", "duration"), ("str", "utf8", "<u", ">u", "|s", "bytes")
_OBJECTS = ("object", "categor")
_REMEDY = {
    "dates": "convert them, for example to days since the first one",
    "texts": "convert them, with X.astype(float) if they are numbers, or with an encoder such as OneHotEncoder",
}


def refuse_other_than_numbers(given: Any, name: str) -> None:
    """Refuse dates, spans of time and texts."""
    if issparse(given) or given is None:
        return
    dtypes = list(_dtypes(given))
    for dtype in dtypes:
        kind = _kind(str(dtype).lower())
        if kind is not None:
            raise ArgumentTypeError(f"{name} must hold numbers, but it has {kind} ({dtype}): {_REMEDY[kind]}")
    are_objects = any(str(dtype).lower().startswith(_OBJECTS) for dtype in dtypes)
    if are_objects and any(isinstance(item, str) for item in np.ravel(np.asarray(given))):
        raise ArgumentTypeError(f"{name} must hold numbers, but it has texts: {_REMEDY['texts']}")


def _dtypes(given: Any) -> Iterable[Any]:
    """The types of the columns of a table, or that of an array."""
    if isinstance(dtypes := getattr(given, "dtypes", None), Iterable):
        return dtypes
    if (dtype := getattr(given, "dtype", None)) is not None:
        return [dtype]
    try:
        return [np.asarray(given).dtype]
    except ValueError:  # rows of different lengths, which scikit-learn refuses
        return []


def _kind(dtype: str) -> str | None:
    return "dates" if dtype.startswith(_DATES) else "texts" if dtype.startswith(_TEXTS) else None
