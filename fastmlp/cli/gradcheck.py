"""``fastmlp gradcheck``."""

import argparse
from pathlib import Path

from .._base.errors import DataFileError
from ..model import Sequential, mlp
from . import trained
from .labelled import Labelled, announce, form_for, load_test, table_form
from .usage import UsageError

_OF_A_NEW_MODEL = ("layers", "activation")


def run(args: argparse.Namespace) -> int:
    """Print the result for each tensor; returns 1 if a gradient is wrong."""
    model, data = _new(args) if args.model is None else _saved(args.model, args)
    x, y = data.test[0][: args.rows], data.test[1][: args.rows]
    found = model.gradient_check(x, y, samples=args.samples, step=args.step, tolerance=args.tolerance, seed=args.seed)
    print(f"data: {data.source}, {len(x):,} rows of {x.shape[1]:,} features ({x.dtype})")
    announce(data, args.features is not None or args.model is not None)
    print(found)
    return 0 if found.passed else 1


def _new(args: argparse.Namespace) -> tuple[Sequential, Labelled]:
    data = load_test(args.data, table_form(args), args.seed).as_kind(args.features)
    if data.classes < 2:
        raise DataFileError(f"{args.data}: all labels are the same; there is nothing to learn")
    hidden = [128, 64] if args.layers is None else args.layers
    return mlp(hidden, data.labels, activation=args.activation or "relu", seed=args.seed), data


def _saved(path: Path, args: argparse.Namespace) -> tuple[Sequential, Labelled]:
    given = [f"--{name}" for name in _OF_A_NEW_MODEL if getattr(args, name) is not None]
    if given:
        raise UsageError(f"{', '.join(given)}: with --model, these are as they are in {path}")
    model, notes = trained.load(path)
    data = load_test(args.data, form_for(args, notes, path, model), args.seed)
    return model, data.for_model(model, notes, args.features)
