"""``fastmlp predict``."""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from .._base.files import write_atomically
from ..model import Sequential
from . import trained, use_table
from .labelled import check_header, form_for, hint_at_pixels, load_unlabelled, read_for
from .usage import UsageError, check_outputs

Array = npt.NDArray[Any]


def run(args: argparse.Namespace) -> int:
    """Write the outputs of a saved model, or its classes."""
    check_outputs({"--output": args.output}, {"INPUT": args.input, "MODEL": args.model})
    model, notes = trained.load_any(args.model)
    if isinstance(notes, trained.TableNotes):
        return use_table.predict(args, model, notes)
    if args.keep:
        raise UsageError(f"--keep is for models of tables with columns of any kind, and {args.model} is not one")
    form = form_for(args, notes, args.model, model)
    found, names = load_unlabelled(args.input, form)
    if notes is None and args.features is None:
        hint_at_pixels(args.input, found)
    check_header(model, names, args.input)
    x = read_for(model, notes, args.features, found, args.input)
    outputs = model.predict(x, n_threads=args.threads)
    if args.output is not None and args.output.suffix.lower() == ".npy":
        _write_npy(args.output, model.classes_of(outputs) if args.classes else outputs)
    else:
        _write_csv(args.output, *_table(outputs, model, args.classes))
    return 0


def _table(outputs: Array, model: Sequential, as_classes: bool) -> tuple[Sequence[str], Array]:
    """The names of the columns, and the rows: outputs or classes."""
    if as_classes:
        return ["class"], model.classes_of(outputs)[:, None]
    units = outputs.shape[1]
    names = range(units) if model.classes is None or units == 1 else model.classes
    return [str(name) for name in names], outputs


def _write_npy(path: Path, values: Array) -> None:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    write_atomically(path, file.getvalue())


def _write_csv(path: Path | None, names: Sequence[str], rows: Array) -> None:
    if path is None:
        _write_rows(sys.stdout or io.StringIO(), names, rows)
        return
    text = io.StringIO()
    _write_rows(text, names, rows)
    write_atomically(path, text.getvalue().encode())


def _write_rows(file: TextIO, names: Sequence[str], rows: Array) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    # str writes a NumPy number with the fewest digits that restore the same bits.
    writer.writerows([str(value) for value in row] for row in rows)
