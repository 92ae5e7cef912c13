"""Messages about attributes that do not exist or cannot be set."""

import difflib
import functools
import inspect
from collections.abc import Iterable
from typing import Any


def refuse_unknown(owner: Any, name: str) -> None:
    """Refuse to set an attribute that no class of the object annotates or defines.

    So ``model.learing_rate = 3`` is an error instead of an attribute that nothing reads. Subclasses of users may set
    any attribute.
    """
    kind: Any = type(owner)
    if _is_ours(kind) and name not in _names_of(kind):
        raise AttributeError(f"{kind.__name__} has no attribute {name!r} to set{did_you_mean(name, dir(owner))}")


def did_you_mean(name: str, legal: Iterable[str]) -> str:
    """The end of a message about a name that does not exist.

    >>> did_you_mean("learing_rate", ["loss", "learning_rate"])
    ": did you mean 'learning_rate'?"
    """
    near = difflib.get_close_matches(name, sorted(legal), 1)
    return f": did you mean {near[0]!r}?" if near else ""


def names_in(*kinds: type) -> frozenset[str]:
    """The names that classes annotate or define themselves."""
    return frozenset(name for kind in kinds for name in (*inspect.get_annotations(kind), *vars(kind)))


@functools.cache  # a network sets about ten attributes for the first time
def _names_of(kind: type) -> frozenset[str]:
    return names_in(*kind.__mro__)


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]
