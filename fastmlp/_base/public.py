"""Gives classes and functions the names of the public modules that export them."""

import inspect
from types import GenericAlias
from typing import Any


def as_public(package: dict[str, Any], place: str = "", *, also: tuple[str, ...] = ()) -> None:
    """Give the classes and functions in ``__all__`` of a package that package, or another ``place``, as their home.

    Pickles and messages name this home. Files can move later, and earlier pickles still load. ``also`` adds objects
    that are pickled but not exported.
    """
    for name in (*package["__all__"], *also):
        item = package[name]
        is_class = inspect.isclass(item) and not isinstance(item, GenericAlias)  # Python 3.10: list[int] is one
        if is_class or inspect.isfunction(item):
            item.__module__ = place or package["__name__"]
