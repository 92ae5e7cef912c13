"""``.npz``: the models of `Sequential.save`."""

import os

from ..model import Sequential, load


def model(path: str | os.PathLike[str]) -> Sequential:
    """See `fastmlp.load`."""
    return load(path)
