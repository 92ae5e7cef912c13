"""Labelled data for the commands: `fastmlp.datasets` reads them, and they get the meaning that a model has learned."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import datasets
from .._base import naming
from .._base.errors import ArgumentError, DataFileError
from ..datasets._open import existing_file, first_bytes, place_of
from ..datasets.arrays import are_whole_bytes, not_pixels
from ..datasets.catalog import DOWNLOADABLE, load_as
from ..datasets.features import load_named
from ..datasets.files import Loaded, split_rows
from ..datasets.table import Table, TableForm, read_table
from ..model import Sequential
from .trained import Notes
from .usage import UsageError, data_name

Array = npt.NDArray[Any]
Part = tuple[Array, Array]
Names = tuple[str, ...] | None

_NOT_CSV = (b"PK\x03\x04", b"\0\0", b"\x93NUMPY")  # NPZ, IDX, NPY
_FEW_COLUMNS = 64  # the smallest common images are 8 x 8
_KINDS = {"uint8": "pixels (uint8)", "float32": "numbers, not pixels (float32)"}
_OPTIONS = {
    "label": "--label",
    "n_classes_one_hot": "--one-hot",
    "dtype": "--features",
    "separator": "--separator",
    "decimal": "--decimal",
}


@dataclass(frozen=True)
class Labelled:
    """Training and test rows, the labels if they are words, and the form of a table.

    Evaluation needs no training rows, so they are empty. ``label`` is the label column, ``one_hot`` the number of
    leading columns of one-hot labels, and ``label_source`` explains the choice in words.
    """

    source: str
    train: Part
    test: Part
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    label: str | int | None = None
    one_hot: int = 0
    decimal: str = "."
    label_source: str | None = None

    @property
    def features(self) -> str:
        """The kind of features, in the words of a model's notes."""
        return "uint8" if self.train[0].dtype == np.uint8 else "float32"

    @property
    def labels(self) -> int | tuple[str, ...] | list[int]:
        """The ``classes`` of a new model: words, numbers that do not count from 0, or how many."""
        if self.class_names is not None:
            return self.class_names
        return naming.distinct(np.concatenate([y for _, y in (self.train, self.test)]))

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.labels if isinstance(self.labels, int) else len(self.labels)

    def as_kind(self, features: str | None) -> Labelled:
        """Convert to pixels or to numbers, on request."""
        (x, y), (x_test, y_test) = self.train, self.test
        train, test = as_kind(x, features, self.source), as_kind(x_test, features, self.source)
        return replace(self, train=(train, y), test=(test, y_test))

    def with_rows(self, count: int | None) -> Labelled:
        """Keep only the first ``count`` training rows, or all (None)."""
        x, y = self.train
        return replace(self, train=(x[:count], y[:count]))

    def for_model(self, model: Sequential, notes: Notes | None, features: str | None = None) -> Labelled:
        """The same rows, read like the model's training data."""
        known = None if model.classes is None or model.classes.dtype.kind != "U" else tuple(map(str, model.classes))
        if known is not None or notes is not None:
            check_labels(known, self.class_names, self.source)
        check_header(model, self.feature_names, self.source)
        (x, y), (x_test, y_test) = self.train, self.test
        return replace(
            self,
            train=(read_for(model, notes, features, x, self.source), y),
            test=(read_for(model, notes, features, x_test, self.source), y_test),
            class_names=known or self.class_names,
        )


def load_split(source: str, form: TableForm, seed: int) -> Labelled:
    """A training and a test part; ``seed`` draws those of a single CSV file."""
    if not _is_csv(source, form):
        return _loaded(source, form, 0)
    table, y = _read_csv(source, form)
    train, test = split_rows(source, table.x, y, seed)
    return _labelled(source, Loaded(train, test, table), form, table.class_names)


def load_test(source: str, form: TableForm, seed: int) -> Labelled:
    """The test part of a data set (``seed`` is that of digits), or all rows of a single CSV file."""
    if _is_csv(source, form):
        table, y = _read_csv(source, form)
        return _labelled(source, Loaded((table.x[:0], y[:0]), (table.x, y), table), form, table.class_names)
    if data_name(source) == "digits":  # without drawing the training images
        return Labelled(source, *datasets.digits(n_train=0, seed=seed))
    data = _loaded(source, form, seed)
    x, y = data.train
    return replace(data, train=(x[:0], y[:0]))


def load_unlabelled(source: str, form: TableForm) -> tuple[Array, Names]:
    """Features, and the names of their columns if they have any."""
    with _in_words_of_the_command_line():
        return load_named(source, form)


def _loaded(source: str, form: TableForm, seed: int) -> Labelled:
    with _in_words_of_the_command_line():
        return _labelled(source, load_as(source, form, seed), form)


def _labelled(source: str, found: Loaded, form: TableForm, class_names: Names = None) -> Labelled:
    table = found.table
    if table is None:
        return Labelled(source, *found.split)
    return Labelled(
        source,
        *found.split,
        class_names,
        feature_names=table.feature_names,
        label=table.label,
        one_hot=table.n_classes_one_hot,
        decimal=form.decimal,
        label_source=table.label_source,
    )


def _is_csv(source: str, form: TableForm) -> bool:
    """Whether ``source`` is one CSV file, by the rules of `fastmlp.datasets.load`."""
    path = place_of(source)
    is_name = data_name(source) in ("digits", *DOWNLOADABLE)
    is_csv = not is_name and path.is_file() and not first_bytes(existing_file(path), 6).startswith(_NOT_CSV)
    if form.label != "auto" and not is_csv and (is_name or path.is_file()):
        raise UsageError(f"--label is for CSV files, and {source} is not one")
    return is_csv and path.suffix != ".npz"  # it is damaged; `load` raises the error


def _read_csv(source: str, form: TableForm) -> tuple[Table, Array]:
    """The table and its labels, as words if they are words."""
    with _in_words_of_the_command_line():
        table = read_table(source, form)
    if table.y is None:
        raise DataFileError(f"{source}: no column is known to hold labels; say which one does with --label")
    return table, table.y if table.class_names is None else np.array(table.class_names)[table.y]


@contextmanager
def _in_words_of_the_command_line() -> Iterator[None]:
    """Make remedies in errors name options instead of arguments of Python functions."""
    try:
        yield
    except (DataFileError, ArgumentError) as error:
        text = str(error).removeprefix("load_csv: ").replace("load_csv(path, label='name')", "--label NAME")
        for argument, option in _OPTIONS.items():
            text = re.sub(rf"\b{argument}='?([^', ;()]+|,(?='))'?", rf"{option} \1", text)
        raise type(error)(text) from error


# ---------------------------------------------------------------- what is said of it


def hint_at_pixels(source: str, x: Array) -> None:
    """Print a hint if numbers look like pixels, on stderr because stdout may be a table."""
    if x.dtype != np.uint8 and x.shape[1] >= _FEW_COLUMNS and are_whole_bytes(x):
        print(
            f"fastmlp: hint: {source} holds whole numbers of 0 to 255: if these are pixels, say --features uint8",
            file=sys.stderr,
        )


def announce(data: Labelled, is_known: bool, say: Callable[[str], object] = print) -> None:
    """Print which column of a table is the label, and why; print a hint, unless the kind of features is known."""
    if data.label_source:
        say(f"label: {data.label_source}")
    if not is_known:
        hint_at_pixels(data.source, data.train[0] if len(data.train[0]) else data.test[0])


# ---------------------------------------------------------------- as the model was trained


def table_form(args: argparse.Namespace) -> TableForm:
    """The form of tables, from the options of a command."""
    label, one_hot = _asked_labels(args)
    return TableForm(
        "auto" if label is None else label,
        one_hot,
        "uint8" if args.features == "uint8" else None,
        args.separator or "auto",
        args.decimal or ".",
    )


def form_for(args: argparse.Namespace, notes: Notes | None, model_path: object, model: Sequential) -> TableForm:
    """The form of data for a saved model: that of its training data, unless options change it."""
    form = replace(table_form(args), known_features=naming.texts_only(model.feature_names))
    if notes is None:
        is_of_pixels = args.features is None and model.input_kind == "pixels"
        return replace(form, dtype="uint8") if is_of_pixels else form
    if args.features not in (None, notes.features):
        raise UsageError(
            f"--features {args.features}: {model_path} was trained on {_KINDS[notes.features]}, and its data are read "
            f"as such; leave it out, or train with --features {args.features}"
        )
    any_label = any(value is not None for value in _asked_labels(args))
    return replace(
        form,
        n_classes_one_hot=_asked_labels(args)[1] if any_label else notes.one_hot or None,
        dtype="uint8" if notes.features == "uint8" else None,
        decimal=args.decimal or notes.decimal,
        known_label=notes.label,
        is_asked=any_label or args.separator is not None or args.decimal is not None,
    )


def _asked_labels(args: argparse.Namespace) -> tuple[object, object]:
    """The label options; the command ``predict`` has none."""
    return getattr(args, "label", None), getattr(args, "one_hot", None)


def as_kind(x: Array, features: str | None, source: str) -> Array:
    """Features as pixels ("uint8"), as numbers ("float32"), or as they were stored."""
    if features == "uint8" and x.dtype != np.uint8:
        wrong = not_pixels(x)
        if wrong.any():
            raise ArgumentError(
                f"{source}: pixels are whole numbers of 0 to 255, but it holds {x[wrong][0]:g}; if the features are "
                "pixels that were scaled, multiply them by 255, and round them"
            )
        return x.astype(np.uint8)
    return x.astype(np.float32) if features == "float32" and x.dtype == np.uint8 else x


def read_for(model: Sequential, notes: Notes | None, features: str | None, x: Array, source: str) -> Array:
    """Features as pixels or as numbers: by the option, or else as the model has learned."""
    wanted = model.engine.program.fan_in
    if x.shape[1] != wanted:
        hint = "; is one of its columns the label? Leave it out" if x.shape[1] == wanted + 1 else ""
        raise ArgumentError(f"{source}: rows have {x.shape[1]} features, but the model was trained on {wanted}{hint}")
    return as_kind(x, features or (notes.features if notes else None), source)


def check_header(model: Sequential, names: Names, source: str | Path) -> None:
    """Refuse a file with other column names than those that the model was trained on."""
    known = naming.texts_only(model.feature_names)
    if known is None or names is None:
        return
    naming.check_columns(names, known, str(source))
    if names != known:
        raise ArgumentError(
            f"{source} has the columns that the model was trained on in another order: it was {naming.some(known)}"
        )


def check_labels(known: tuple[str, ...] | None, names: tuple[str, ...] | None, source: str) -> None:
    """Refuse a file with the labels ``names`` for a model with the labels ``known``, if they do not fit."""
    if known == names:
        return
    if known is None or names is None:
        learned, found = ("numbers", "words") if known is None else ("words", "numbers")
        raise DataFileError(f"{source}: the model was trained on labels that are {learned}, but these are {found}")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DataFileError(
            f"{source}: the model does not know the label {unknown[0]!r}; it was trained on {', '.join(known)}"
        )
