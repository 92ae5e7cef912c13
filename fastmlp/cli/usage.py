"""Checks of a command line: types of option values, and files to write."""

import argparse
import contextlib
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from .. import activations as by_name
from .. import optimizers
from .._base import check
from .._base.errors import FastMLPError
from .._base.files import is_ordinary

T = TypeVar("T")

_WIDEST = 1_000_000


class UsageError(Exception):
    """Options cannot be used, or not together; the parser of the command reports it."""


# ---------------------------------------------------------------- option values


def whole_number(minimum: int, below: int | None = None) -> Callable[[str], int]:
    """The type of an option that takes a whole number."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None
        if value < minimum or (below is not None and value >= below):
            limit = "" if below is None else f" and less than {below}"
            raise argparse.ArgumentTypeError(f"must be at least {minimum}{limit}, not {text}")
        return value

    return parse


def real_number(**bounds: float) -> Callable[[str], float]:
    """The type of an option that takes a number; bounds as in `fastmlp._base.check.real_number`."""

    def parse(text: str) -> float:
        value: Any = text
        with contextlib.suppress(ValueError):
            value = float(text)
        return _checked(lambda: check.real_number(value, "it", **bounds))

    return parse


def widths(text: str) -> list[int]:
    """Widths of hidden layers: "128,64", or "" for none."""
    parse = whole_number(minimum=1, below=_WIDEST + 1)
    try:
        return [parse(part) for part in text.split(",")] if text.strip() else []
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(
            f"must be widths with commas between them, such as 128,64, not {text!r}: a width {error}"
        ) from None


def activations(text: str) -> str | list[str]:
    """A name for all layers, or one for each: "sigmoid,tanh"."""
    found = [_checked(partial(by_name.get, part.strip(), "it")) for part in text.split(",")]
    return found if len(found) > 1 else found[0]


def names(text: str) -> list[str]:
    """Names separated by semicolons: "NumPy; JAX, scan"."""
    found = [name.strip() for name in text.split(";") if name.strip()]
    if not found:
        raise argparse.ArgumentTypeError(f"must be names with semicolons between them, not {text!r}")
    return found


def optimizer(text: str) -> str:
    """The name of an optimiser."""
    _checked(lambda: optimizers.get(text))
    return text


def column(text: str) -> str | int:
    """A column by its number or its name."""
    try:
        return int(text)
    except ValueError:
        return text


def file_in(*endings: str) -> Callable[[str], Path]:
    """The type of an option that names a file to write, with one of the allowed endings."""

    def parse(text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() not in endings:
            remedy = f": {path.with_suffix(endings[0])}" if path.name and len(endings) == 1 else ""
            raise argparse.ArgumentTypeError(f"must end in {' or '.join(endings)}, not {text!r}{remedy}")
        return path

    return parse


def separator(text: str) -> str:
    """A character between fields, or its name: tab, comma or semicolon."""
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(text.lower(), text)
    if len(named) != 1 and named != "auto":
        raise argparse.ArgumentTypeError(f"must be one character, such as ',' or ';', or tab, not {text!r}")
    return named


def data_name(text: str) -> str:
    """The name of a data set as `fastmlp.datasets` spells it: Fashion-MNIST is fashion_mnist."""
    return text.lower().replace("-", "_")


def _checked(make: Callable[[], T]) -> T:
    try:
        return make()
    except FastMLPError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


# ---------------------------------------------------------------- files to write


def check_outputs(outputs: dict[str, Path | None], inputs: dict[str, str | Path | None]) -> None:
    """Refuse outputs, by the names of options, that cannot be written, before any work that would be lost.

    An output may be neither another output nor an input.
    """
    taken = {_identity(path): name for name, path in inputs.items() if path is not None and Path(path).is_file()}
    for name, path in outputs.items():
        if path is None:
            continue
        other = taken.setdefault(_identity(path), name)
        if other != name:
            raise UsageError(f"{name} and {other} are the same file, {path}")
        _check_writable(path)


def _identity(path: str | Path) -> str:
    return os.path.realpath(path)


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(None, "is a folder; give the name of a file", str(path))
    if not is_ordinary(path):  # a finished file replaces the old one, which must not be /dev/null
        raise OSError(None, "is not an ordinary file", str(path))
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(None, "is write-protected", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(None, f"there is no folder {path.parent}", str(path))
    with tempfile.TemporaryFile(dir=path.parent):
        pass
