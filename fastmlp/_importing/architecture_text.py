"""Makes models of the JSON text of `Sequential.config` in a file; how large they are is known before they are built."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from .. import kernels
from .._base import archive, check
from .._base.errors import FastMLPError, ModelFileError
from .._engine import program
from .._engine.program import Tensor
from .._network import architecture, custom_objects
from ..layers import MOST_UNITS
from ..model import Sequential

_TO_CALLER = 6  # frames between a warning and the caller of `import_model`


def without_weights(text: str, path: Path, objects: Any) -> tuple[Sequential, int | None]:
    """The model that a text describes, which is not built; and the number of its features, if it is known."""
    known = custom_objects.checked(objects)
    try:
        config = architecture.checked(archive.parse_json(text))
        config = custom_objects.filled(config, known, path, ModelFileError)
        model = architecture.without_weights(config, Sequential, path, _TO_CALLER)
        width = config["n_features"]
        return model, None if width is None else check.whole_number(width, "n_features", minimum=1, maximum=MOST_UNITS)
    except (MemoryError, ModelFileError):
        raise
    except json.JSONDecodeError as error:
        raise ModelFileError(f"{path} does not hold the description of a model: it is no JSON text ({error})") from None
    except Exception as error:  # wrong keys and types of values fail in many ways; none of them is our bug
        reason = str(error) if isinstance(error, FastMLPError) else f"{type(error).__name__}: {error!s:.200}"
        raise ModelFileError(f"{path} does not hold the description of a model: {reason}") from error


def tensors(model: Sequential, width: int, path: Path) -> tuple[Tensor, ...]:
    """The tensors that the model will have; it allocates nothing."""
    try:
        return program.tensors(model.declarations, width, model.dtype, kernels.panel_width(model.dtype))
    except FastMLPError as error:
        raise ModelFileError(f"{path} does not hold the description of a model: {error}") from None


def bytes_of(wanted: tuple[Tensor, ...], dtype: np.dtype[np.generic]) -> int:
    """The size of tensors in memory."""
    return sum(math.prod(tensor.shape) for tensor in wanted) * dtype.itemsize
