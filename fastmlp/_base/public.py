"""Where users find a class or a function, whatever file holds it."""

from __future__ import annotations

import inspect
from types import GenericAlias
from typing import Any


def as_public(package: dict[str, Any], place: str = "", *, also: tuple[str, ...] = ()) -> None:
    """Let what a package exports say that it comes from there, or from another place: pickles and messages name it so.

    Files can move then, and what was pickled before still loads. What is in pickles and not exported is given by
    ``also``.
    """
    for name in (*package["__all__"], *also):
        item = package[name]
        is_class = inspect.isclass(item) and not isinstance(item, GenericAlias)  # Python 3.10: list[int] is one
        if is_class or inspect.isfunction(item):
            item.__module__ = place or package["__name__"]
