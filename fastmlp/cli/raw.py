"""Raw tables for the commands: which data are one, which column is the label, and what its values are."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._base import check
from .._base.errors import DataFileError
from ..datasets._open import existing_file, first_bytes, place_of
from ..datasets.catalog import DOWNLOADABLE
from ..datasets.dialect import LABEL_NAMES
from ..tables.reading import RawFile, opened
from ..tables.spelling import DATE, NUMBER, TRUTH
from ..tables.values import text_of
from .usage import UsageError, data_name

Array = npt.NDArray[Any]

CLASSIFICATION, REGRESSION, AUTO = TASKS = ("classification", "regression", "auto")
PIXELS = ("uint8", "float32")  # what --features says of the numbers of other data

_OTHER_FILES = (b"PK\x03\x04", b"\0\0", b"\x93NUMPY")  # NPZ, IDX, NPY
_NUMBERED = re.compile(r"([a-z_]*?)[ _.-]?\d+(?:x\d+)?", re.ASCII | re.IGNORECASE)
_FEW_NUMBERS = 20  # different whole numbers that are classes
_ROWS_FOR_EACH = 10  # of these
_MOST_CLASSES = 1000
_SHOWN = 30  # columns in a message


def table_in(args: argparse.Namespace) -> RawFile | None:
    """The data of a command as the file of a raw table; None if they are arrays, images, or numbers as of images.

    Text files are raw tables if their header names the columns; names that only count them, such as pixel0, pixel1,
    are those of images.
    """
    asked = [f"--{name}" for name in ("task", "drop", "weights", "test", "folds") if getattr(args, name, None)]
    asked += ["--features with names"] * (features_of(args) is not None)
    path = place_of(args.data)
    is_name = data_name(args.data) in ("digits", *DOWNLOADABLE)
    if is_name or not path.is_file() or first_bytes(existing_file(path), 6).startswith(_OTHER_FILES):
        if asked and (is_name or path.exists()):
            raise UsageError(f"{', '.join(asked)}: these are for a table in a CSV, Parquet or Feather file")
        return None
    if args.features in PIXELS or args.one_hot is not None or (args.resume is not None and not asked):
        return None
    return None if path.suffix == ".npz" else _chosen(args, bool(asked))


def _chosen(args: argparse.Namespace, is_asked: bool) -> RawFile | None:
    file = open_table(args, args.data)
    is_named = file.form is None or (file.form.has_header and not _are_numbered(file))
    return file if is_asked or is_named else None


def table_instead(args: argparse.Namespace) -> RawFile | None:
    """The same data as a raw table, because they do not hold numbers alone; None if the options ask for numbers."""
    if args.features is not None or args.one_hot is not None or args.resume is not None:
        return None
    return open_table(args, args.data) if place_of(args.data).is_file() else None


def open_table(args: argparse.Namespace, path: Any, also: Sequence[str] = (), usual_decimal: str = ".") -> RawFile:
    """Open a file with the options of a command; names that it must have tell whether its first line is a header."""
    names = [str(name) for name in (getattr(args, "label", None), *also) if isinstance(name, str)]
    return opened(path, args.separator or "auto", args.decimal or "auto", names, usual_decimal)


def features_of(args: argparse.Namespace) -> list[str] | None:
    """The names of columns that --features gives; None if it gives none."""
    given: str | None = args.features
    return None if given is None or given in PIXELS else names_in(given)


def names_in(text: str | None) -> list[str]:
    """Names with commas between them."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _are_numbered(file: RawFile) -> bool:
    """Whether all names, but perhaps that of the label, are one word with different numbers."""
    found = [match[1].lower() for match in map(_NUMBERED.fullmatch, file.names) if match]
    return len(found) >= max(1, len(file.names) - 1) and len(set(found)) == 1


# ---------------------------------------------------------------- columns


def label_of(file: RawFile, asked: str | int | None) -> tuple[str, str]:
    """The label column, and why it is that one."""
    if asked is None:
        return _label_by_name(file)
    if isinstance(asked, int) and str(asked) not in file.names:
        if not -len(file.names) <= asked < len(file.names):
            raise DataFileError(
                f"{file.path}: --label {asked} is no column: they count from 0 to {len(file.names) - 1}, and -1 is the "
                f"last; {_listed(file)}"
            )
        return file.names[asked], "as asked for"
    return checked_columns(file, [str(asked)], "--label")[0], "as asked for"


def _label_by_name(file: RawFile) -> tuple[str, str]:
    names = [name for name in file.names if name.lower() in LABEL_NAMES]
    names = names or [name for name in file.names if name.lower() == "y"]
    if len(names) == 1:
        return names[0], "by its name"
    found = f"both {check.some(names)} could be it" if names else "none is called label, class or target"
    raise DataFileError(
        f"{file.path}: say which column is to be predicted, with --label NAME, because {found}; {_listed(file)}"
    )


def checked_columns(file: RawFile, names: Sequence[str], option: str) -> list[str]:
    """Names of an option, all of which the file must have."""
    there = set(file.names)
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name.lower(), [known.lower() for known in file.names], 1)
            meant = next((known for known in file.names if near and known.lower() == near[0]), None)
            hint = f" (did you mean {meant!r:.60}?)" if meant else ""
            raise DataFileError(f"{file.path}: {option}: there is no column {name!r:.60}{hint}; {_listed(file)}")
    return list(names)


def _listed(file: RawFile) -> str:
    more = f" and {len(file.names) - _SHOWN} more" if len(file.names) > _SHOWN else ""
    return f"its columns are {', '.join(f'{name:.60}' for name in file.names[:_SHOWN])}{more}"


# ---------------------------------------------------------------- labels


@dataclass(frozen=True)
class Target:
    """What is to be predicted."""

    column: str
    task: str
    why: str
    kind: str  # of the column as it is read
    labels: tuple[str, ...] | tuple[int, ...] = ()  # of a classification

    def values(self, column: Array, where: str) -> tuple[Array, Array]:
        """The targets of the rows that have one, and which rows these are."""
        known = ~is_missing(column)
        if self.task == REGRESSION:
            return column[known].astype(np.float64), known
        labels = class_labels(_as_truths(column[known]) if self.kind == TRUTH else column[known])
        strange = [label for label in dict.fromkeys(labels.tolist()) if label not in self.labels]
        if strange:
            raise DataFileError(
                f"{where}: column {self.column!r:.60} has the label {strange[0]!r:.60}, which is not in the training "
                f"data; the labels there are {check.some(self.labels)}"
            )
        return labels, known


def is_missing(column: Array) -> Array:
    """Which rows have no value."""
    if column.dtype.kind == "O":
        return np.array([item is None for item in column], bool)
    missing: Array = np.zeros(len(column), bool) if column.dtype.kind == "b" else column != column
    return missing


def class_labels(column: Array) -> Array:
    """Labels of classes: texts, or whole numbers."""
    kind = column.dtype.kind
    if kind == "f" and (column == np.floor(column)).all():
        return column.astype(np.int64)
    return np.array([str(bool(item)) if kind == "b" else text_of(item) if kind == "f" else item for item in column])


def _as_truths(values: Array) -> Array:
    """True and False, which are 1 and 0 in a column where some are missing."""
    return values.astype(bool)


def target_of(file: RawFile, name: str, column: Array, kind: str | None, asked: str) -> Target:
    """What the label column is to be predicted as; ``asked`` is the task that the user wants."""
    values = column[~is_missing(column)]
    if kind is None or len(values) == 0:
        raise DataFileError(f"{file.path}: the label column {name!r:.60} is empty; choose another with --label")
    if kind == DATE:
        raise DataFileError(
            f"{file.path}: the label column {name!r:.60} holds dates, which cannot be predicted; use a number, such as "
            "that of days, or name another column with --label"
        )
    values = _as_truths(values) if kind == TRUTH else values
    distinct = list(dict.fromkeys(class_labels(values).tolist()))
    if len(distinct) == 1:
        raise DataFileError(
            f"{file.path}: all labels in {name!r:.60} are the same, {distinct[0]!r:.60}; there is nothing to learn"
        )
    task, why = _task(file, name, kind, values, len(distinct), asked)
    if task == REGRESSION:
        return Target(name, task, why, kind)
    if len(distinct) > min(_MOST_CLASSES, max(2, len(values) // 2)):
        raise DataFileError(
            f"{file.path}: the label column {name!r:.60} holds {len(distinct):,} different values in {len(values):,} "
            f"rows, too many for classes; is another column the label?"
            + (" For numbers there is --task regression" if kind == NUMBER else "")
        )
    return Target(name, task, why, kind, tuple(sorted(distinct)))


def _task(file: RawFile, name: str, kind: str, values: Array, distinct: int, asked: str) -> tuple[str, str]:
    if asked == REGRESSION and kind != NUMBER:
        example = next(iter(class_labels(values[:1]).tolist()))
        raise DataFileError(
            f"{file.path}: --task regression predicts numbers, but the label column {name!r:.60} holds "
            f"{example!r:.60}; use --task classification, or name a column of numbers with --label"
        )
    if asked != AUTO:
        return asked, "as asked for"
    if kind != NUMBER:
        return CLASSIFICATION, f"{name!r:.60} holds {'True and False' if kind == TRUTH else 'texts'}"
    are_whole = bool((values == np.floor(values)).all())
    if are_whole and (distinct == 2 or distinct <= min(_FEW_NUMBERS, len(values) // _ROWS_FOR_EACH)):
        return CLASSIFICATION, f"{name!r:.60} holds {distinct} different whole numbers; otherwise say --task regression"
    what = f"{distinct:,} different {'whole ' if are_whole else ''}numbers"
    return REGRESSION, f"{name!r:.60} holds {what}; otherwise say --task classification"
