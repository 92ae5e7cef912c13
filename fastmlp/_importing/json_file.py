"""``.json``: the architecture and the settings of a model, without weights."""

import os
from collections.abc import Mapping
from typing import Any

from .._base.errors import FastMLPError, ModelFileError
from .._base.files import as_path
from ..model import Sequential
from . import architecture_text
from .files import read_bytes

MOST_BYTES = 64 << 20  # of a text that describes layers, and nothing else
MOST_IN_MEMORY = 1 << 30  # of weights, for which a few digits can ask


def model(path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
    """The model that a file describes, with new weights if the described one had weights."""
    where = as_path(path)
    try:
        text = read_bytes(where, MOST_BYTES).decode()
    except UnicodeDecodeError:
        raise ModelFileError(f"{where} does not hold the description of a model: it is no text") from None
    made, width = architecture_text.without_weights(text, where, custom_objects)
    if width is None:
        return made
    size = architecture_text.bytes_of(architecture_text.tensors(made, width, where), made.dtype)
    if size > MOST_IN_MEMORY:
        raise ModelFileError(
            f"{where} describes a model whose weights take {size / 1e9:,.1f} GB: if you trust it, use "
            "fastmlp.Sequential.from_config(json.load(file))"
        )
    try:
        made.build(width)
    except FastMLPError as error:
        raise ModelFileError(f"{where} does not hold the description of a model: {error}") from None
    return made
