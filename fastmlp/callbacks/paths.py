"""Arguments that name a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._errors import ArgumentError, ArgumentTypeError


def as_path(value: Any) -> Path:
    """A path; an empty name is refused, and what is no name at all."""
    try:
        path = Path(value)
    except TypeError:
        raise ArgumentTypeError(f"path must be the name of a file, not {value!r:.60}") from None
    if not path.name:
        raise ArgumentError(f"path must be the name of a file, not {value!r:.60}")
    return path
