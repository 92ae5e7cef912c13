"""Kernels for whole networks, which run programs over batches of rows."""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """The kernels of networks, which version 0.1.0 had in a file of this name."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(".run", __name__), name)
