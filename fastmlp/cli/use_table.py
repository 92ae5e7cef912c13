"""``fastmlp predict`` and ``fastmlp evaluate`` with a model that was trained on a raw table."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import numpy as np

from .._base.errors import ArgumentError, DataFileError
from .._base.files import write_atomically
from ..model import Sequential
from ..search.baseline import baseline
from ..tables.columns import Columns
from ..tables.reading import RawFile, blocks
from ..tables.spelling import TEXT
from ..tables.values import text_of
from .raw import CLASSIFICATION, REGRESSION, Array, Target, checked_columns, names_in, open_table
from .table_rows import encoder_of, known_columns, read_labelled
from .trained import TableNotes
from .usage import UsageError
from .words import scores_in_words


def evaluate(args: argparse.Namespace, model: Sequential, notes: TableNotes) -> int:
    """Print the scores of a model on a file, whose label column the model knows."""
    _refuse_reading_options(args)
    if args.label not in (None, notes.label):
        raise UsageError(f"--label {args.label}: {args.model} predicts {notes.label!r}; leave it out")
    encoder = encoder_of(model)
    labels = () if model.classes is None else tuple(model.classes.tolist())
    target = Target(notes.label, notes.task, "", notes.kinds[notes.label], labels)
    file = _opened(args, args.data, notes, [*encoder.columns, notes.label])
    rows = read_labelled(file, encoder, notes, target)
    print(f"label: {notes.label!r}, as in the training data")
    found = model.evaluate(rows.columns, rows.y, sample_weight=rows.weights, n_threads=args.threads)
    print(f"test {scores_in_words(found)}  ({len(rows):,} rows)")
    constant = "always the mean" if notes.task == REGRESSION else "always the most frequent class"
    print(f"baseline {scores_in_words(baseline(model, rows.y))}  ({constant} of these rows)")
    return 0


def predict(args: argparse.Namespace, model: Sequential, notes: TableNotes) -> int:
    """Write what a model predicts for the rows of a file, some rows at a time."""
    _refuse_reading_options(args)
    encoder = encoder_of(model)
    kept = names_in(args.keep)
    file = _opened(args, args.input, notes, [*encoder.columns, *kept])
    checked_columns(file, kept, "--keep")
    names = known_columns(file, encoder)
    if set(kept) & set(names):  # kept as they are spelled, and read as they were in training
        kept_too = ", ".join(sorted(set(kept) & set(names)))
        raise UsageError(f"--keep {kept_too}: the model reads it; keep columns that it does not read")
    kinds = {**notes.kinds, **dict.fromkeys(kept, TEXT)}
    parts = _predicted(model, notes, blocks(file, [*names, *kept], kinds), names, args)
    if args.output is not None and args.output.suffix.lower() == ".npy":
        if kept:
            raise UsageError("--keep is for CSV: an .npy file holds numbers alone")
        values = np.concatenate([part[0 if args.classes and notes.task == CLASSIFICATION else 1] for part in parts])
        file_in_memory = io.BytesIO()
        np.save(file_in_memory, values, allow_pickle=False)
        write_atomically(args.output, file_in_memory.getvalue())
        return 0
    head = [*kept, *_head(model, notes, args.classes)]
    if args.output is None:
        _write(sys.stdout or io.StringIO(), head, parts, args.classes)
    else:
        text = io.StringIO()
        _write(text, head, parts, args.classes)
        write_atomically(args.output, text.getvalue().encode())
    return 0


def _refuse_reading_options(args: argparse.Namespace) -> None:
    given = [name for name in ("features", "one_hot") if getattr(args, name, None) is not None]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{options}: {args.model} reads a table as it was trained on one; leave it out")


def _opened(args: argparse.Namespace, path: Any, notes: TableNotes, names: Sequence[str]) -> RawFile:
    """A file to read like the training data."""
    return open_table(args, path, names, notes.decimal)


Part = tuple[Array | None, Array, Columns]  # classes, outputs, and the columns to keep


def _predicted(
    model: Sequential, notes: TableNotes, tables: Iterator[Columns], names: Sequence[str], args: argparse.Namespace
) -> Iterator[Part]:
    for table in tables:
        kept = set(table) - set(names)
        try:
            outputs = model.predict(table.without(kept), n_threads=args.threads)
        except ArgumentError as error:
            raise DataFileError(f"{args.input}: {error}") from error
        classes = model.classes_of(outputs) if notes.task == CLASSIFICATION else None
        yield classes, outputs, Columns({name: table[name] for name in table if name in kept})


def _head(model: Sequential, notes: TableNotes, only_classes: bool) -> list[str]:
    if notes.task == REGRESSION or only_classes or model.classes is None:
        return [notes.label]
    return [notes.label, *(f"probability {label}" for label in model.classes.tolist())]


def _write(file: TextIO, head: Sequence[str], parts: Iterator[Part], only_classes: bool) -> None:
    """Rows as CSV; a number has the fewest digits that restore its bits."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    for classes, outputs, kept in parts:
        columns = [[_spelled(item) for item in kept[name]] for name in kept]
        if classes is not None:
            columns.append(list(map(str, classes.tolist())))
        if classes is None or not only_classes:
            columns += [list(map(str, column)) for column in outputs.T]
        writer.writerows(zip(*columns, strict=True))


def _spelled(item: Any) -> str:
    if item is None or item != item:
        return ""
    return text_of(float(item)) if isinstance(item, (float, np.floating)) else str(item)
