"""Kernels for whole networks, which run programs over batches of rows."""

from typing import Any


def __getattr__(name: str) -> Any:
    """The kernels of networks, which version 0.1.0 had in a file of this name."""
    from . import run

    return getattr(run, name)
