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
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from . import check
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


def absent(owner: Any, name: str) -> AttributeError:
    """What ``__getattr__`` of our classes raises: an attribute of Keras gets a sentence, others the usual message."""
    kind: Any = type(owner)
    if sentence := _sentence(kind, name):
        return AttributeError(f"{type(owner).__name__} has no {name}: {sentence}")
    return AttributeError(f"{type(owner).__name__!r} object has no attribute {name!r}", name=name, obj=owner)


def is_named(owner: Any, name: str) -> bool:
    """Whether `absent` has a sentence."""
    kind: Any = type(owner)
    return bool(_sentence(kind, name))


@functools.cache  # layers are often asked for what they do not have
def _sentence(kind: Any, name: str) -> str | None:
    table = importlib.import_module(".keras_attributes", __package__).SENTENCES
    rows = [row for base in kind.__mro__ for row in table.get(base.__name__, {}).items()]
    return next((sentence for sentence, names in rows if name in names.split()), None)


def refuse_hooks(base: str, derived: type) -> None:
    """Refuse a class of a user's with a method that Keras calls and we never do: it would be ignored without a word."""
    if derived.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return
    names, remedy = importlib.import_module(".keras_attributes", __package__).HOOKS[base]
    own = next((name for name in names.split() if name in vars(derived)), None)
    if own is not None and not (base == "Metric" and "__call__" in vars(derived)):
        raise ArgumentTypeError(f"{derived.__name__} defines {own}(), which is never called: {remedy}")


def choice(value: Any, name: str, legal: Iterable[str], module: str) -> str:
    """`check.choice` for texts of Keras: a name that the module lacks gets its sentence."""
    names = importlib.import_module(".keras_names", __package__)
    if isinstance(value, str) and value not in legal and (sentence := names.sentence_of_text(module, value)):
        raise ArgumentError(f"{name} cannot be {value!r:.60}: {sentence}")
    return check.choice(value, name, legal)


def made(value: Any) -> str:
    """The end of a message about a value that is no object: how to make one, if a class or a function was given."""
    name = getattr(value, "__name__", None)
    return f": write {name}(), with parentheses" if isinstance(name, str) and callable(value) else ""


def is_part_of(module: str, name: str) -> bool:
    """Whether Keras has a module of this name inside of another, whose names are all in the latter here.

    >>> is_part_of("fastmlp.layers", "core"), is_part_of("fastmlp.layers", "Dense")
    (True, False)
    """
    names = importlib.import_module(".keras_names", __package__)
    return name in names.PARTS.get(module.partition(".")[2], "").split()


def lack(module: str, name: str) -> Exception:
    """What each module's ``__getattr__`` raises at its end: a name of Keras gets a sentence, others the usual error.

    The former is an ``ImportError``, because Python replaces the message of an ``AttributeError`` in
    ``from … import``.
    """
    names = importlib.import_module(".keras_names", __package__)
    if sentence := names.sentence(module.partition(".")[2], name):
        return NotAvailableError(f"{module} has no {name}: {sentence}")
    return AttributeError(f"module {module!r} has no attribute {name!r}")


class _Elsewhere(MetaPathFinder, Loader):
    """Finds modules of Keras whose names are in the module around them here, and refuses those that we lack.

    It is asked when nobody else has found a module. ``from fastmlp.layers.core import Dense`` imports from
    ``fastmlp.layers``; ``import fastmlp.preprocessing`` fails with a sentence.
    """

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """The specification of such a module; None for those that Keras does not have either."""
        around, _, name = fullname.rpartition(".")
        if fullname.partition(".")[0] != __name__.partition(".")[0] or around not in sys.modules:
            return None
        home = sys.modules[around].__name__  # that of a module in its place
        if is_part_of(home, name):
            return ModuleSpec(fullname, self)
        error = lack(home, name)
        if isinstance(error, NotAvailableError):
            raise error
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module around it in its place."""
        sys.modules[module.__name__] = sys.modules[module.__name__.rpartition(".")[0]]


def install() -> None:
    """Let imports of Keras's modules find what there is."""
    if not any(isinstance(finder, _Elsewhere) for finder in sys.meta_path):
        sys.meta_path.append(_Elsewhere())
