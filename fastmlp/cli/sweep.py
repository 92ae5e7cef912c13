"""``fastmlp sweep``."""

import argparse
import json
from pathlib import Path
from typing import Any

from .. import datasets
from .._base.errors import DataFileError, FastMLPError
from ..datasets._open import reading
from ..search.sweeps import SweepInterrupted, SweepResult
from ..search.sweeps.data import SweepData
from ..search.sweeps.training import sweep_data
from . import trained
from .labelled import Labelled, Part, announce, load_split, table_form
from .trained import Notes
from .usage import UsageError
from .words import in_words, silent


def run(args: argparse.Namespace) -> int:
    """Train all runs, and print the table."""
    if args.again and args.output is None:
        raise UsageError("--again goes with --output")
    settings = read_settings(args.settings)
    data = load_split(args.data, table_form(args), args.seed).as_kind(args.features)
    announce(data, args.features is not None, silent if args.quiet else print)
    train, validation = _with_validation(data.train, args.validation_split, args.seed)
    try:
        result = sweep_data(
            settings,
            lambda: SweepData(*train, validation, 0.0, data.feature_names),
            folder=args.output,
            workers=args.workers,
            resume=not args.again,
            seed=args.seed,
            verbose=not args.quiet,
        )
    except SweepInterrupted as interrupted:
        result = interrupted.result
    _annotate(result, data, args.validation_split)
    print(result.table(args.metric if args.metric in result.metrics else None))  # not lost because of a misspelt name
    if args.output:
        print(f"saved in {args.output}")
    if result.was_interrupted:
        raise SweepFailed("interrupted" + ("; the same command continues it" if args.output else ""))
    return _report_best(result, data, args.metric)


class SweepFailed(FastMLPError):
    """The sweep was interrupted, or none of its runs finished; its results have been printed."""


def read_settings(path: Path) -> Any:
    """Read a list of runs or the lists of a grid, for `fastmlp.sweep`."""
    with reading(path, "JSON", "correct it"):
        try:
            settings = json.loads(path.read_text(encoding="utf-8-sig"))
        except json.JSONDecodeError as error:
            raise DataFileError(f"{path} is not JSON: {error}") from error
    if not isinstance(settings, (list, dict)):
        raise DataFileError(f"{path} must hold a list of runs, or an object of lists, not {settings!r:.60}")
    return settings


def _with_validation(part: Part, share: float, seed: int) -> tuple[Part, Part | None]:
    return (part, None) if share == 0 else datasets.train_test_split(*part, share, seed=seed)


def _annotate(result: SweepResult, data: Labelled, validation_split: float) -> None:
    """Add notes on the data to the models, for the other commands."""
    for found in result:
        if found.path is not None and trained.load(found.path)[1] is None:
            size = found.settings.get("batch_size", 32)
            notes = Notes(
                data.features, size, validation_split, label=data.label, one_hot=data.one_hot, decimal=data.decimal
            )
            trained.add_notes(found.path, notes)


def _report_best(result: SweepResult, data: Labelled, metric: str | None) -> int:
    if not any(found.is_finished for found in result):
        raise SweepFailed("no run finished: the table says why")
    best = result.best(metric)
    print(f"best: {best.name}")
    print(f"test {in_words(best.load().evaluate(*data.test))}")
    return 0
