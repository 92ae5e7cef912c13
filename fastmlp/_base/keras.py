"""What Keras's users write and fastmlp does not have: arguments with one possible value or another name, and names.

Each argument of Keras that a constructor or a method of ours lacks stands in `ARGUMENTS` of `keras_arguments.py`, and
each name that a module lacks in `LACKING` of `keras_names.py`. The functions here are the only ones that read them.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.abc import MetaPathFinder
from typing import Any, TypeVar

import numpy as np

from .errors import ArgumentError, ArgumentTypeError, NotAvailableError
from .keras_arguments import ARGUMENTS, OUR_DEFAULT, Only, Renamed, Rule

_F = TypeVar("_F", bound=Callable[..., Any])


def accept(kind: type, prefix: str = "") -> None:
    """Let the constructor of a class take Keras's arguments too; `inspect.signature` still shows ours alone.

    The rules are those of the class and of its bases: their names, with ``prefix`` before them, are keys of the table.
    """
    init = kind.__init__  # type: ignore[misc]
    owners = [prefix + base.__name__ for base in kind.__mro__]
    own = frozenset(inspect.signature(init).parameters)

    @functools.wraps(init)
    def taking(self: Any, *given: Any, **named: Any) -> None:
        init(self, *given, **(ours(kind.__name__, owners, own, named) if named else named))

    kind.__init__ = taking  # type: ignore[misc]


def accepting(owner: str) -> Callable[[_F], _F]:
    """`accept` for a function, as a decorator."""

    def decorated(function: _F) -> _F:
        own = frozenset(inspect.signature(function).parameters)

        @functools.wraps(function)
        def taking(*given: Any, **named: Any) -> Any:
            return function(*given, **(ours(owner, [owner], own, named) if named else named))

        return taking  # type: ignore[return-value]

    return decorated


def ours(owner: str, keys: Iterable[str], own: frozenset[str], named: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that remain for us: those of Keras are checked, and renamed if we have another name.

    ``owner`` is the name in messages, ``keys`` are those of the table, and ``own`` our arguments.
    """
    rules: dict[str, Rule] = {}
    for key in keys:
        rules = {**ARGUMENTS.get(key, {}), **rules}
    found: dict[str, Any] = {}
    for name, value in named.items():
        rule = rules.get(name)
        if rule is None or (name in own and not (isinstance(rule, Renamed) and rule.name == name)):
            found[name] = value
        elif isinstance(rule, Only):
            _check(owner, name, value, rule)
        elif isinstance(rule, Renamed):
            _rename(owner, name, value, rule, found, named)
    return found


def _check(owner: str, name: str, value: Any, rule: Only) -> None:
    if not any(_is(value, legal) for legal in rule.values):
        shown = f"{name}={value!r:.60}" if rule.values else name
        raise ArgumentError(f"{owner} takes no {shown}: {rule.remedy}")


def _rename(owner: str, name: str, value: Any, rule: Renamed, found: dict[str, Any], named: Mapping[str, Any]) -> None:
    if name != rule.name and rule.name in {*found, *named}:
        raise ArgumentTypeError(f"{owner}: {name} is Keras's name of {rule.name}: give one of the two")
    converted = rule.convert(value) if rule.convert else value
    if converted is not OUR_DEFAULT:
        found[rule.name] = converted


def _is(value: Any, legal: Any) -> bool:
    """Whether a value is a legal one. True is not 1, a list may stand for a tuple, and an initialiser for its name."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(legal, str) and not isinstance(value, str):
        value = getattr(value, "name", None) if getattr(value, "scale", 1) == 1 else None
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(value, bool) is not isinstance(legal, bool):
        return False
    return isinstance(value, (str, int, float, tuple, type(None))) and bool(value == legal)


def lack(module: str, name: str) -> Exception:
    """What each module's ``__getattr__`` raises at its end: a name of Keras gets a sentence, others the usual error.

    The former is an ``ImportError``, because Python replaces the message of an ``AttributeError`` in
    ``from … import``.
    """
    names = importlib.import_module(".keras_names", __package__)
    if sentence := names.sentence(module.partition(".")[2], name):
        return NotAvailableError(f"{module} has no {name}: {sentence}")
    return AttributeError(f"module {module!r} has no attribute {name!r}")


class _Absent(MetaPathFinder):
    """Refuses to import a module of Keras that we lack, with its sentence; asked when nobody else has found it."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        """Raise NotAvailableError for such a module; None for all others."""
        package, _, name = fullname.rpartition(".")
        if package == __name__.partition(".")[0]:
            error = lack(package, name)
            if isinstance(error, NotAvailableError):
                raise error


def install() -> None:
    """Let ``import fastmlp.preprocessing`` and the like fail with a sentence."""
    if not any(isinstance(finder, _Absent) for finder in sys.meta_path):
        sys.meta_path.append(_Absent())
