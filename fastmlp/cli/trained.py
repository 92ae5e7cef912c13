"""Model files of the command line: a saved model, and notes on the data that it was trained on.

The notes are one more array of JSON text in the ``.npz`` file; `fastmlp.load` does not read it.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import _archive, _check, saving
from .._errors import ModelFileError
from .._files import write_atomically
from ..model import Sequential

_ENTRY = "command_line"


@dataclass(frozen=True)
class Notes:
    """What the numbers of a model mean, and how to go on with its training.

    Attributes
    ----------
    features : str
        "uint8" if the features were pixels, else "float32".
    batch_size : int
    validation_split : float
    samples_per_epoch : int or None
    """

    features: str
    batch_size: int
    validation_split: float
    samples_per_epoch: int | None = None


def save(model: Sequential, path: Path, notes: Notes) -> None:
    """Save a model and its notes to one file."""
    saving.save(model, path, **{_ENTRY: dataclasses.asdict(notes)})


def add_notes(path: Path, notes: Notes) -> None:
    """Add notes to the file of a saved model."""
    file = io.BytesIO(path.read_bytes())
    text = np.frombuffer(json.dumps(dataclasses.asdict(notes)).encode(), np.uint8)
    with zipfile.ZipFile(file, "a") as archive, archive.open(f"{_ENTRY}.npy", "w") as member:
        np.lib.format.write_array(member, text, allow_pickle=False)
    write_atomically(path, file.getvalue())


def load(path: Path) -> tuple[Sequential, Notes | None]:
    """A saved model, and its notes if the command line saved it."""
    model = saving.load(path)
    with _archive.opened(path) as file:
        if _ENTRY not in file:
            return model, None
        try:
            return model, _read_notes(file.read_json(_ENTRY))
        except (ValueError, KeyError, TypeError) as error:
            raise ModelFileError(f"{path} is damaged: its notes on the training data cannot be read") from error


def _read_notes(fields: dict[str, Any]) -> Notes:
    samples = fields.get("samples_per_epoch")
    return Notes(
        _check.choice(fields["features"], "features", ("uint8", "float32")),
        _check.whole_number(fields["batch_size"], "batch_size", minimum=1),
        _check.real_number(fields["validation_split"], "validation_split", minimum=0, below=1),
        None if samples is None else _check.whole_number(samples, "samples_per_epoch", minimum=1),
    )
