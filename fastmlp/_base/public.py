"""Gives classes and functions the names of the public modules that export them."""

from __future__ import annotations

import inspect
from typing import Any


def as_public(package: dict[str, Any], place: str = "", *, also: tuple[str, ...] = ()) -> None:
    """Let exported objects name the exporting module, or another one, as their home.

    Pickles and messages use this name, so files can move and earlier pickles still load. ``also`` adds objects that
    are pickled but not exported.
    """
    for name in (*package["__all__"], *also):
        item = package[name]
        if inspect.isclass(item) or inspect.isfunction(item):
            item.__module__ = place or package["__name__"]
