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

    _set_by: ClassVar[dict[str, str]] = {}  # what cannot be assigned, once it is there, and what to use

    def __setattr__(self, name: str, value: Any) -> None:
        is_new = not (name in self.__dict__ or hasattr(type(self), name) or name.startswith("_"))
        if is_new and _is_ours(type(self)) and name not in names_in(*type(self).__mro__):
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r} to set{did_you_mean(name, dir(self))}"
            )
        if name in self._set_by and (name in self.__dict__ or isinstance(getattr(type(self), name, None), property)):
            raise AttributeError(f"{name} of a {type(self).__name__} cannot be set: use {self._set_by[name]}")
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        every = {*super().__dir__(), *names_in(*type(self).__mro__)}
        return sorted(name for name in every if not name.startswith("_"))


def did_you_mean(name: str, legal: Iterable[str]) -> str:
    """The end of a message about a name that does not exist.

    Examples
    --------
    >>> did_you_mean("learing_rate", ["loss", "learning_rate"])
    ": did you mean 'learning_rate'?"
    """
    near = difflib.get_close_matches(name, sorted(legal), 1)
    return f": did you mean {near[0]!r}?" if near else ""


def names_in(*kinds: type) -> frozenset[str]:
    """What classes annotate or define themselves."""
    return frozenset(name for kind in kinds for name in (*inspect.get_annotations(kind), *vars(kind)))


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]
