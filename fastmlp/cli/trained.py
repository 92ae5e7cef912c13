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

from .._cache import write_atomically
from .._errors import ModelFileError
from ..model import Sequential
from ..saving import load as load_model

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
    model.save(path)
    add_notes(path, notes)


def add_notes(path: Path, notes: Notes) -> None:
    """Add notes to the file of a saved model."""
    file = io.BytesIO(path.read_bytes())
    text = np.frombuffer(json.dumps(dataclasses.asdict(notes)).encode(), np.uint8)
    with zipfile.ZipFile(file, "a") as archive, archive.open(f"{_ENTRY}.npy", "w") as member:
        np.lib.format.write_array(member, text, allow_pickle=False)
    write_atomically(path, file.getvalue())


def load(path: Path) -> tuple[Sequential, Notes | None]:
    """A saved model, and its notes if the command line saved it."""
    model = load_model(path)
    with np.load(path, allow_pickle=False) as file:
        if _ENTRY not in file:
            return model, None
        try:
            return model, _read_notes(json.loads(file[_ENTRY].tobytes()))
        except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ModelFileError(f"{path} is damaged: its notes on the training data cannot be read") from error


def _read_notes(fields: dict[str, Any]) -> Notes:
    if fields["features"] not in ("uint8", "float32"):
        raise ValueError("features are uint8 or float32")
    return Notes(
        fields["features"],
        int(fields["batch_size"]),
        float(fields["validation_split"]),
        None if fields.get("samples_per_epoch") is None else int(fields["samples_per_epoch"]),
    )
