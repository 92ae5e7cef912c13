"""Model files of the command line: a saved model, with notes on its training data.

The notes are one more array of JSON text in the ``.npz`` file; `fastmlp.load` does not read it.
"""

import dataclasses
import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._base import archive as _archive
from .._base import check
from .._base.errors import ArgumentError, ModelFileError
from .._base.files import as_path, write_atomically
from .._network import model_file
from ..model import Sequential
from ..model import load as load_model
from ..tables.spelling import KINDS

_ENTRY = "command_line"
_TABLE = "table"


@dataclass(frozen=True)
class Notes:
    """The kind of a model's data, and the settings to continue its training."""

    features: str  # "uint8" if they were pixels, else "float32"
    batch_size: int
    validation_split: float
    samples_per_epoch: int | None = None
    label: str | int | None = None  # the name of a table's label column, or its number if there was no header
    one_hot: int = 0  # the number of leading columns of a table that were one-hot labels
    decimal: str = "."  # the decimal mark of a table


@dataclass(frozen=True)
class TableNotes:
    """How the raw table was read that a model was trained on."""

    label: str
    task: str
    kinds: dict[str, str]  # of the columns that the model reads, and of the label
    decimal: str = "."
    weights: str | None = None  # the column of weights


def save(model: Sequential, path: Path, notes: Notes | TableNotes) -> None:
    """Save a model and its notes to one file."""
    fields: dict[str, Any] = dataclasses.asdict(notes)
    model_file.save(model, path, **{_ENTRY: {_TABLE: fields} if isinstance(notes, TableNotes) else fields})


def add_notes(path: Path, notes: Notes) -> None:
    """Add notes to the file of a saved model."""
    file = io.BytesIO(path.read_bytes())
    text = np.frombuffer(json.dumps(dataclasses.asdict(notes)).encode(), np.uint8)
    with zipfile.ZipFile(file, "a") as archive, archive.open(f"{_ENTRY}.npy", "w") as member:
        np.lib.format.write_array(member, text, allow_pickle=False)
    write_atomically(path, file.getvalue())


def load(path: str | os.PathLike[str]) -> tuple[Sequential, Notes | None]:
    """Load a saved model that reads numbers, and its notes if the command line saved it."""
    model, notes = load_any(path)
    if isinstance(notes, TableNotes):
        raise ArgumentError(
            f"{path} was trained on a table with columns of any kind, for predict and evaluate alone: train it anew"
        )
    return model, notes


def load_any(path: str | os.PathLike[str]) -> tuple[Sequential, Notes | TableNotes | None]:
    """Load a saved model, and its notes if the command line saved it."""
    model = load_model(path)
    with _archive.opened(as_path(path)) as file:
        if _ENTRY not in file:
            return model, None
        try:
            fields = file.read_json(_ENTRY)
            return model, _read_table_notes(fields[_TABLE]) if _TABLE in fields else _read_notes(fields)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ModelFileError(f"{path} is damaged: its notes on the training data cannot be read") from error


def _read_table_notes(fields: dict[str, Any]) -> TableNotes:
    """Check notes on a table."""
    texts = [fields["label"], *fields["kinds"], *([] if fields["weights"] is None else [fields["weights"]])]
    if not all(isinstance(text, str) for text in texts) or fields["label"] not in fields["kinds"]:
        raise TypeError("columns have names, and the label is one of them")
    return TableNotes(
        fields["label"],
        check.choice(fields["task"], "task", ("classification", "regression")),
        {name: check.choice(kind, "kind", KINDS) for name, kind in fields["kinds"].items()},
        check.choice(fields["decimal"], "decimal", (".", ",")),
        fields["weights"],
    )


def _read_notes(fields: dict[str, Any]) -> Notes:
    """Check notes; those of earlier versions lack some entries."""
    samples, label = fields.get("samples_per_epoch"), fields.get("label")
    if not isinstance(label, (str, int, type(None))) or isinstance(label, bool):
        raise TypeError("label is a name or a number")
    return Notes(
        check.choice(fields["features"], "features", ("uint8", "float32")),
        check.whole_number(fields["batch_size"], "batch_size", minimum=1),
        check.real_number(fields["validation_split"], "validation_split", minimum=0, below=1),
        None if samples is None else check.whole_number(samples, "samples_per_epoch", minimum=1),
        label if isinstance(label, (str, type(None))) else check.whole_number(label, "label", minimum=0),
        check.whole_number(fields.get("one_hot", 0), "one_hot", minimum=0),
        check.choice(fields.get("decimal", "."), "decimal", (".", ",")),
    )
