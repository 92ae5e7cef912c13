"""Rows of a raw table for a command: the columns of features, the targets and the weights."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._base.errors import ArgumentError, DataFileError
from ..datasets.split import train_test_split
from ..model import Sequential
from ..tables.columns import Columns
from ..tables.encoder import TableEncoder
from ..tables.reading import RawFile, read
from .raw import CLASSIFICATION, Array, Target, checked_columns, features_of, is_missing, label_of, names_in, target_of
from .trained import TableNotes

_TEST_SHARE = 1 / 6


@dataclass(frozen=True)
class Rows:
    """Some rows of a table."""

    columns: Columns
    y: Array
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int | None) -> Rows:
        """The first rows, or all (None)."""
        return self if count is None or count >= len(self) else self.at(np.arange(count))

    def at(self, places: Array) -> Rows:
        """The rows at these places."""
        weights = None if self.weights is None else self.weights[places]
        return Rows(self.columns.at(places), self.y[places], weights)


@dataclass(frozen=True)
class Question:
    """A table for training, and what is asked of it."""

    file: RawFile
    rows: Rows
    target: Target
    notes: TableNotes
    label_source: str
    unlabelled: int  # rows that were left out


def read_question(args: argparse.Namespace, file: RawFile) -> Question:
    """Read the training data, with the columns that the options ask for."""
    label, source = label_of(file, args.label)
    weights = None if args.weights is None else checked_columns(file, [args.weights], "--weights")[0]
    names = _features(args, file, {label, weights})
    table, kinds = read(file, [*names, label, *([] if weights is None else [weights])])
    target = target_of(file, label, table[label], kinds.get(label), args.task or "auto")
    rows = _rows(file, table, names, target, weights)
    known = {name: kind for name, kind in kinds.items() if name != weights}
    notes = TableNotes(label, target.task, known, "." if file.form is None else file.form.decimal, weights)
    return Question(file, rows, target, notes, source, table.rows - len(rows))


def read_labelled(file: RawFile, encoder: TableEncoder, notes: TableNotes, target: Target) -> Rows:
    """Read further rows like those of training."""
    weights = notes.weights if notes.weights in file.names else None
    extra = [notes.label, *([] if weights is None else [weights])]
    names = known_columns(file, encoder, extra)
    table, _ = read(file, [*names, *extra], {name: kind for name, kind in notes.kinds.items() if name in names})
    rows = _rows(file, table, names, target, weights)
    if len(rows) == 0:
        raise DataFileError(f"{file.path}: the label column {notes.label!r:.60} is empty")
    return rows


def known_columns(file: RawFile, encoder: TableEncoder, extra: Sequence[str] = ()) -> list[str]:
    """The columns that a model reads, all of which the file must have."""
    there = set(file.names)
    lacking = [name for name in (*encoder.columns, *extra) if name not in there]
    if lacking:
        what = "the column" if len(lacking) == 1 else "the columns"
        shown = ", ".join(f"{name!r:.60}" for name in lacking[:8]) + (", …" if len(lacking) > 8 else "")
        raise DataFileError(
            f"{file.path}: {what} {shown} of the training data {'is' if len(lacking) == 1 else 'are'} missing; it has "
            f"{', '.join(f'{name:.60}' for name in file.names[:8])}{', …' if len(file.names) > 8 else ''}"
        )
    return list(encoder.columns)


def divided(question: Question, rows: Rows, share: float | None, seed: int) -> tuple[Rows, Rows]:
    """Set a share of the rows aside, of each class in proportion; None means a sixth."""
    is_stratified = question.target.task == CLASSIFICATION
    places = np.arange(len(rows))
    try:
        first, second = train_test_split(places, rows.y, share or _TEST_SHARE, seed=seed, stratify=is_stratified)
    except ArgumentError as error:
        reason = str(error).removeprefix("train_test_split: ")
        raise DataFileError(
            f"{question.file.path}: its rows cannot be divided for training and test: {reason}"
        ) from error
    return rows.at(np.sort(first[0])), rows.at(np.sort(second[0]))


def _features(args: argparse.Namespace, file: RawFile, others: set[str | None]) -> list[str]:
    wanted = features_of(args)
    names = list(file.names) if wanted is None else checked_columns(file, wanted, "--features")
    dropped = set(checked_columns(file, names_in(args.drop), "--drop"))
    names = [name for name in dict.fromkeys(names) if name not in dropped and name not in others]
    if not names:
        raise DataFileError(f"{file.path}: there is no column of features left; it has {', '.join(file.names)}")
    return names


def _rows(file: RawFile, table: Columns, names: Sequence[str], target: Target, weights: str | None) -> Rows:
    """The rows that have a label."""
    y, known = target.values(table[target.column], str(file.path))
    columns = Columns({name: table[name] for name in names}, table.categorical & set(names))
    columns = columns if known.all() else columns.at(known)
    return Rows(columns, y, None if weights is None else _checked_weights(file, weights, table[weights][known]))


def _checked_weights(file: RawFile, name: str, column: Array) -> Array:
    found = None
    if column.dtype.kind != "f":
        found = "other values"
    elif is_missing(column).any():
        found = "a missing one"
    elif (column < 0).any() or not (column > 0).any():
        found = "a negative one, or zeros alone"
    if found:
        raise DataFileError(
            f"{file.path}: --weights: column {name!r:.60} must hold a number of at least 0 for each row, but it holds "
            f"{found}"
        )
    return column


def encoder_of(model: Sequential) -> TableEncoder:
    """The encoder of a model that reads tables."""
    assert model.encoder is not None
    return model.encoder
