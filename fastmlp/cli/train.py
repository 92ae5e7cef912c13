"""``fastmlp train``."""

import argparse
import dataclasses
import math
import time
from dataclasses import dataclass

from .. import datasets, optimizers
from .._base.errors import DataFileError, DivergenceError
from .._compiling.waiting import waited
from ..datasets.csv_text import NoNumberError
from ..model import Sequential, mlp
from . import train_table, trained
from .labelled import Labelled, Part, announce, form_for, load_split, table_form
from .raw import table_in, table_instead
from .trained import Notes
from .usage import UsageError, check_outputs
from .words import RunFailed, Say, in_words, silent

_EPOCHS = 5
_OF_THE_MODEL = ("layers", "activation", "dtype", "optimizer", "loss", "learning_rate", "seed")


@dataclass(frozen=True)
class Run:
    """A training: the model, its data, and its settings."""

    model: Sequential
    data: Labelled
    batch_size: int
    validation_split: float
    samples_per_epoch: int | None

    @property
    def notes(self) -> Notes:
        """The notes for the model file."""
        data = self.data
        return Notes(
            data.features,
            self.batch_size,
            self.validation_split,
            self.samples_per_epoch,
            data.label,
            data.one_hot,
            data.decimal,
        )


def run(args: argparse.Namespace) -> int:
    """Train, save, and report."""
    file = table_in(args)
    if file is not None:
        return train_table.run(args, file)
    if args.epochs is None:
        args.epochs = _EPOCHS
    start = time.perf_counter()
    say: Say = silent if args.quiet else print
    check_outputs({"--output": args.output, "--history": args.history}, {"DATA": args.data})
    try:
        work = _resumed(args) if args.resume else _begun(args)
    except NoNumberError:
        file = table_instead(args)
        if file is None:
            raise
        return train_table.run(args, file)
    work = dataclasses.replace(work, data=work.data.with_rows(args.rows))
    _describe(work, say, is_known=args.features is not None or args.resume is not None)
    failure = _fit(work, args)
    _write(work, args)
    values = work.model.evaluate(*work.data.test, n_threads=args.threads)
    print(f"test {in_words(values)}")
    if args.output:
        say(f"saved {args.output}")
    waiting = f", of them {waited.seconds:.1f} s for kernels" if waited.seconds >= 1 else ""
    say(f"total {time.perf_counter() - start:.1f} s{waiting}")
    if failure:
        raise RunFailed(failure)
    return 0


# ---------------------------------------------------------------- what to train


def _begun(args: argparse.Namespace) -> Run:
    """A new model."""
    seed = args.seed or 0
    data = load_split(args.data, table_form(args), seed).as_kind(args.features)
    if data.classes < 2:
        raise DataFileError(f"{args.data}: all labels are the same; there is nothing to learn")
    optimizer = optimizers.get(args.optimizer or "adam")
    if args.learning_rate is not None:
        optimizer = dataclasses.replace(optimizer, learning_rate=args.learning_rate)
    hidden = [128, 64] if args.layers is None else args.layers
    model = mlp(hidden, data.labels, activation=args.activation or "relu", dtype=args.dtype or "float32", seed=seed)
    model.compile(optimizer, args.loss or "categorical_crossentropy")
    model.build(data.train[0].shape[1])
    model.feature_names = data.feature_names
    return Run(model, data, args.batch_size or 128, args.validation_split or 0.0, args.samples_per_epoch)


def _resumed(args: argparse.Namespace) -> Run:
    """A saved model, with its original settings and splits."""
    given = [f"--{name.replace('_', '-')}" for name in _OF_THE_MODEL if getattr(args, name) is not None]
    if given:
        raise UsageError(f"{', '.join(given)}: with --resume, these are as they were in {args.resume}")
    model, notes = trained.load(args.resume)
    _check_resumable(model, args)
    form = form_for(args, notes, args.resume, model)
    data = load_split(args.data, form, model.seed).for_model(model, notes, args.features)
    batch_size = args.batch_size or (notes.batch_size if notes else 128)
    split = args.validation_split
    if split is None:
        split = notes.validation_split if notes else 0.0
    if model.history and model.history.epoch and ("val_loss" in model.history.history) != (split > 0):
        raise UsageError(f"--validation-split {split:g}: a resumed run keeps its validation, or stays without")
    return Run(model, data, batch_size, split, args.samples_per_epoch or (notes.samples_per_epoch if notes else None))


def _check_resumable(model: Sequential, args: argparse.Namespace) -> None:
    if model.history is None:
        raise UsageError(f"--resume: {args.resume} has not been trained, so there is nothing to continue")
    done = len(model.history.epoch) - int(model.history.partial)
    if args.epochs <= done:
        raise UsageError(
            f"--epochs {args.epochs}: {args.resume} has been trained for {done}, which count; give more than {done}"
        )


def _describe(work: Run, say: Say, is_known: bool) -> None:
    data = work.data
    (x, _), (x_test, _) = data.train, data.test
    say(
        f"data: {data.source}, {len(x):,} training and {len(x_test):,} test rows of {x.shape[1]:,} features "
        f"({x.dtype}), {data.classes} classes"
    )
    labels = data.class_names if work.model.classes is None else work.model.classes
    if labels is not None:
        say("classes: " + ", ".join(f"{number} = {label}" for number, label in enumerate(labels)))
    announce(data, is_known, say)
    work.model.summary(say)


# ---------------------------------------------------------------- training


def _fit(work: Run, args: argparse.Namespace) -> str | None:
    """Train; returns the reason of an interruption, or None."""
    (x, y), validation = _with_validation(work)
    samples = work.samples_per_epoch or len(x)
    try:
        work.model.fit(
            x,
            y,
            batch_size=min(work.batch_size, samples),
            steps_per_epoch=math.ceil(samples / work.batch_size),
            epochs=args.epochs,
            verbose=0 if args.quiet else "auto",
            validation_data=validation,
            max_time=args.max_time,
            n_threads=args.threads,
            resume=args.resume is not None,
        )
    except DivergenceError as error:
        return str(error)
    except KeyboardInterrupt:
        history = work.model.history
        if history is None or history.stopped != "interrupted":
            raise  # no training that could be saved
        return "interrupted" + (f"; continue with --resume {args.output}" if args.output else "")
    return None


def _with_validation(work: Run) -> tuple[Part, Part | None]:
    if work.validation_split == 0:
        return work.data.train, None
    return datasets.train_test_split(*work.data.train, work.validation_split, seed=work.model.seed)


def _write(work: Run, args: argparse.Namespace) -> None:
    if args.output:
        trained.save(work.model, args.output, work.notes)
    if args.history and work.model.history is not None:
        work.model.history.write_csv(args.history)
