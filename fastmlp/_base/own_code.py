"""What the code of a user's function does that compiled functions cannot: it is read, and not run."""

import dis
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from .functions import in_python


def calls_itself(function: Callable[..., Any]) -> bool:
    """Whether a function comes back to itself through the functions that it names.

    >>> def down(x):
    ...     return x if x < 1 else down(x - 1)
    >>> calls_itself(down), calls_itself(abs)
    (True, False)
    """
    done: set[CodeType] = set()

    def is_in_circle(one: Callable[..., Any], around: tuple[CodeType, ...]) -> bool:
        code = one.__code__
        if code in around:
            return True
        if code in done:
            return False
        done.add(code)
        return any(is_in_circle(inner, (*around, code)) for inner in _named(one))

    start = in_python(function)
    return isinstance(start, FunctionType) and is_in_circle(start, ())


def _steps(code: CodeType) -> Iterator[dis.Instruction]:
    """The instructions of a function and of those inside of it."""
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _steps(constant)


def _named(function: Any) -> Iterator[FunctionType]:
    """The functions that a function names: of its module, and of functions around it."""
    code = function.__code__
    around = dict(zip(code.co_freevars, function.__closure__ or (), strict=False))
    for step in _steps(code):
        found = None
        if step.opname == "LOAD_GLOBAL":
            found = function.__globals__.get(step.argval)
        elif step.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF") and step.argval in around:
            try:
                found = around[step.argval].cell_contents
            except ValueError:  # not defined yet
                continue
        found = in_python(found) if found is not None else None
        if isinstance(found, FunctionType):
            yield found
