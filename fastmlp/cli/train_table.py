"""``fastmlp train`` on a raw table."""

from __future__ import annotations

import argparse
import time

import numpy as np

from .._base import text_table
from .._compiling.waiting import waited
from .._network.scores import Scores
from ..metrics import classification_report
from ..model import Sequential
from ..search.baseline import baseline
from ..search.folds import fold_numbers
from ..search.importance import permutation_importance
from ..tables.encoder import TableEncoder
from ..tables.reading import RawFile
from ..tables.spelling import numbers
from . import trained
from .one_line import OneLine
from .raw import CLASSIFICATION, REGRESSION, open_table
from .recipe import Recipe
from .table_rows import Question, Rows, divided, encoder_of, read_labelled, read_question
from .trained import TableNotes
from .usage import UsageError, check_outputs
from .words import RunFailed, Say, in_digits, scores_in_words, silent

_MOST_CLASSES = 20  # in a table of classes
_EVALUATIONS = 500  # for the importance of columns
_ROWS_JUDGED = 5000  # for each of these
_SAMPLE = 1000  # rows to look for decimal commas in
_MOST_COLUMNS = 20  # in the table of importance


def run(args: argparse.Namespace, file: RawFile) -> int:
    """Train, save, and report."""
    start = time.perf_counter()
    say: Say = silent if args.quiet else print
    _check_options(args)
    inputs = {"DATA": args.data, "--test": args.test}
    check_outputs({"--output": args.output, "--history": args.history}, inputs)
    question = read_question(args, file)
    _describe(question, say)
    recipe = Recipe(args, question)
    if args.folds:
        _cross_validate(recipe, say)
    if not args.folds or args.test or args.output:
        _train(recipe, say)
    waiting = f", of them {waited.seconds:.1f} s for kernels" if waited.seconds >= 1 else ""
    say(f"total {time.perf_counter() - start:.1f} s{waiting}")
    return 0


def _check_options(args: argparse.Namespace) -> None:
    if args.samples_per_epoch is not None:
        raise UsageError("--samples-per-epoch is not for tables with columns of any kind; leave it out")
    if args.resume is not None:
        raise UsageError("--resume is not for tables with columns of any kind: train a new model")
    if args.folds and args.history and not (args.output or args.test):
        raise UsageError("--history with --folds needs --output, so that a model is trained on all rows")


def _describe(question: Question, say: Say) -> None:
    file, target = question.file, question.target
    left_out = f", {question.unlabelled:,} more without label are left out" if question.unlabelled else ""
    say(f"data: {file.path}, {len(question.rows):,} rows{left_out}")
    if file.nameless:
        places = ", ".join(str(place + 1) for place in file.nameless)
        say(f"columns without a name, which are left out: number {places}")
    if file.form is not None and file.form.decimal == ",":
        say("numbers have decimal commas; otherwise say --decimal .")
    for name in _with_commas(question):
        say(f"hint: {name!r} looks like numbers with decimal commas, but is read as text; if so, say --decimal ,")
    say(f"label: {target.column!r}, {question.label_source}")
    say(f"task: {target.task}, {'' if target.why == 'as asked for' else 'because '}{target.why}")
    if target.labels:
        counts = [int((question.rows.y == label).sum()) for label in target.labels]
        shown = [f"{label} ({count:,})" for label, count in zip(target.labels, counts, strict=True)]
        say("classes: " + ", ".join(shown[:_MOST_CLASSES]) + (", …" if len(shown) > _MOST_CLASSES else ""))


def _with_commas(question: Question) -> list[str]:
    """Columns of texts that are numbers if commas are decimal marks."""
    found = []
    for name, column in question.rows.columns.items():
        texts = [text for text in column[:_SAMPLE] if text is not None] if column.dtype.kind == "O" else []
        if texts and any("," in text for text in texts) and numbers(texts, ",") is not None:
            found.append(name)
    return found


# ---------------------------------------------------------------- one model


def _train(recipe: Recipe, say: Say) -> None:
    """Train a model on all rows but the test part, and judge it there."""
    args, question = recipe.args, recipe.question
    seed = args.seed or 0
    rows, test = question.rows, None
    if not args.folds and not args.test:
        rows, test = divided(question, rows, None, seed)
    rows = rows.first(args.rows)
    train, held = recipe.parts(rows, seed)
    encoder = TableEncoder().fit(train.columns)
    if args.test:
        test = read_labelled(
            open_table(args, args.test, encoder.columns, question.notes.decimal),
            encoder,
            question.notes,
            question.target,
        )
    say(f"\n{encoder.report()}\n")
    parts = [(train, "training"), (held, "validation, for early stopping"), (test, "test")]
    say("rows: " + ", ".join(f"{len(part):,} for {use}" for part, use in parts if part is not None))
    model = recipe.new_model(encoder, seed)
    interrupted = recipe.train(model, train, held, OneLine(is_silent=args.quiet))
    notes = _notes_for(encoder, question.notes)
    if args.output:
        trained.save(model, args.output, notes)
    if args.history and model.history is not None:
        model.history.write_csv(args.history)
    if test is not None:
        _judge(recipe, model, rows, test, say)
    if args.output:
        say(f"saved {args.output}")
    if interrupted:
        raise RunFailed("interrupted" + (f"; {args.output} holds the best model so far" if args.output else ""))


def _notes_for(encoder: TableEncoder, notes: TableNotes) -> TableNotes:
    """Notes on the columns that the model reads alone."""
    names = {notes.label, *encoder.columns}
    kinds = {name: kind for name, kind in notes.kinds.items() if name in names}
    return TableNotes(notes.label, notes.task, kinds, notes.decimal, notes.weights)


def _judge(recipe: Recipe, model: Sequential, rows: Rows, test: Rows, say: Say) -> None:
    """Print the scores on the test part, with a baseline beside them, and what the model relies on."""
    args, target = recipe.args, recipe.question.target
    found = model.evaluate(test.columns, test.y, sample_weight=test.weights, n_threads=args.threads)
    print(f"test {scores_in_words(found)}  ({len(test):,} rows)")
    say(f"baseline {scores_in_words(baseline(model, rows.y, test.y))}  ({_constant(target.task, rows)})")
    if args.quiet:
        return
    if target.task == CLASSIFICATION and len(target.labels) <= _MOST_CLASSES:
        outputs = model.predict(test.columns, n_threads=args.threads)
        numbers = np.searchsorted(np.array(target.labels), test.y)
        say(f"\n{classification_report(numbers, outputs, names=list(map(str, target.labels)))}\n")
    _show_importance(recipe, model, test, say)


def _constant(task: str, rows: Rows) -> str:
    if task == REGRESSION:
        return f"always the mean, {rows.y.mean():.6g}"
    labels, counts = np.unique(rows.y, return_counts=True)
    return f"always {labels[counts.argmax()].item()!r:.60}"


def _show_importance(recipe: Recipe, model: Sequential, test: Rows, say: Say) -> None:
    """Print how much worse the model becomes without each column."""
    some = test.first(_ROWS_JUDGED)
    names = encoder_of(model).columns
    found = permutation_importance(
        model,
        some.columns.without(set(some.columns) - set(names)),
        some.y,
        metric="mae" if recipe.question.target.task == REGRESSION else "loss",
        repeats=max(1, min(5, _EVALUATIONS // len(names))),
        seed=recipe.args.seed or 0,
        n_threads=recipe.args.threads,
    )
    table = text_table.aligned(text_table.shortened(found.rows(), _MOST_COLUMNS + 1))
    say(f"importance: how much worse the test rows are predicted when a column is shuffled\n{table}\n")


# ---------------------------------------------------------------- folds


def _cross_validate(recipe: Recipe, say: Say) -> None:
    """Train a model for each fold on the other rows, and print the scores."""
    args, question = recipe.args, recipe.question
    seed = args.seed or 0
    rows = question.rows.first(args.rows)
    is_classification = question.target.task == CLASSIFICATION
    fold = fold_numbers(rows.y, args.folds, stratify=is_classification, seed=seed)
    scores: list[Scores] = []
    baselines: list[Scores] = []
    for number in range(args.folds):
        others, test = rows.at(np.flatnonzero(fold != number)), rows.at(np.flatnonzero(fold == number))
        train, held = recipe.parts(others, seed + number)
        model = recipe.new_model(TableEncoder().fit(train.columns), seed + number)
        if recipe.train(model, train, held, OneLine(is_silent=args.quiet, start=f"fold {number}: ")):
            raise RunFailed(f"interrupted in fold {number} of {args.folds}")
        scores.append(model.evaluate(test.columns, test.y, sample_weight=test.weights, n_threads=args.threads))
        baselines.append(baseline(model, others.y, test.y))
    print(f"{args.folds} folds {_mean_in_words(scores)}")
    say(f"baseline {_mean_in_words(baselines)}  ({_constant(question.target.task, rows)})")


def _mean_in_words(scores: list[Scores]) -> str:
    """The mean of each score over the folds, and its standard deviation."""
    names = sorted(scores[0].keys(), key=lambda name: name == "loss")
    columns = {name: [found[name] for found in scores] for name in names}
    return "  ".join(
        f"{name} {in_digits(float(np.mean(v)))} ± {in_digits(float(np.std(v, ddof=1)))}" for name, v in columns.items()
    )
