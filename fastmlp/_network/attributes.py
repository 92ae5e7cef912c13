"""Objects of ours whose attributes are those that their class declares."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable
from typing import Any, ClassVar


class Declared:
    """Base of a class whose objects have the attributes that it annotates or defines: others cannot be set.

    So ``model.learing_rate = 3`` is an error, and no attribute that nothing reads. A subclass elsewhere, which is code
    of the user, may set what it likes, and names with an underscore are free.
    """

    _not_for_users: ClassVar[frozenset[str]] = frozenset()  # without an underscore, and for other modules of ours
    _set_by: ClassVar[dict[str, str]] = {}  # what cannot be assigned, once it is there, and what to use

    def __setattr__(self, name: str, value: Any) -> None:
        is_new = name not in self.__dict__ and not name.startswith("_")  # to gather all names would take 50 µs
        if is_new and _is_ours(type(self)) and name not in _names(type(self)):
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r} to set{did_you_mean(name, dir(self))}"
            )
        if name in self._set_by and (name in self.__dict__ or isinstance(getattr(type(self), name, None), property)):
            raise AttributeError(f"{name} of a {type(self).__name__} cannot be set: use {self._set_by[name]}")
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        every = {*super().__dir__(), *_names(type(self))}
        return sorted(name for name in every if not name.startswith("_") and name not in self._not_for_users)


def did_you_mean(name: str, legal: Iterable[str]) -> str:
    """The end of a message about a name that does not exist.

    Examples
    --------
    >>> did_you_mean("learing_rate", ["loss", "learning_rate"])
    ": did you mean 'learning_rate'?"
    """
    near = difflib.get_close_matches(name, sorted(legal), 1)
    return f": did you mean {near[0]!r}?" if near else ""


def _names(kind: type) -> frozenset[str]:
    """What a class and its bases annotate or define."""
    return frozenset(name for base in kind.__mro__ for name in (*inspect.get_annotations(base), *vars(base)))


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]


def as_one_class(kind: type) -> None:
    """Let messages of Python name the class that users know, and not the parts of ours that it is made of."""
    for base in kind.__mro__[1:]:
        if not _is_ours(base):
            continue
        for name, member in vars(base).items():
            if inspect.isfunction(member) and base is not Declared:
                member.__qualname__, member.__module__ = f"{kind.__qualname__}.{name}", kind.__module__
