"""``.npz``: the models of `Sequential.save`."""

import os
from collections.abc import Mapping
from typing import Any

from ..model import Sequential, load


def model(path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
    """See `fastmlp.load`."""
    return load(path, custom_objects)
