"""Finds checkpoints of earlier runs. They will be deleted, so it finds only files that are certainly checkpoints."""

import os
import re
import string
from pathlib import Path

from .._base import archive
from .._base.errors import ModelFileError

_COUNTS = ("epoch", "batch")
_NUMBER = r"-?(?:[0-9][0-9,_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|inf|nan)%?"


def earlier(template: str) -> list[Path]:
    """Model files whose names a template can have produced, the latest last.

    There are none for a template whose folder has fields, because other folders are not searched.
    """
    folder, name = os.path.split(template)
    pattern = None if "{" in folder else _pattern(name)
    if pattern is None:
        return []
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return []
    found = [(Path(folder) / there, fields) for there in names if (fields := _fields(pattern, name, there)) is not None]
    dated = [(path.stat().st_mtime_ns, fields, path) for path, fields in found if _is_model(path)]
    return [path for *_, path in sorted(dated)]


def _pattern(name: str) -> re.Pattern[str] | None:
    """The pattern of a template's names; None if it has no fields, or fields that are not plain numbers."""
    text, fields = "", set()
    for literal, field, spec, conversion in string.Formatter().parse(name):
        text += re.escape(literal)
        if field is not None:
            if conversion or "{" in (spec or ""):
                return None
            text += f"(?P={field})" if field in fields else f"(?P<{field}> *{_NUMBER} *)"
            fields.add(field)
    return re.compile(text) if fields else None


def _fields(pattern: re.Pattern[str], name: str, there: str) -> tuple[float, ...] | None:
    """Epoch and batch in the name of a file, if the template produces exactly this name from its numbers."""
    match = pattern.fullmatch(there)
    if match is None:
        return None
    try:
        texts = match.groupdict()
        values = {field: int(text) if field in _COUNTS else _number(text) for field, text in texts.items()}
        made = name.format(**values)
    except (ValueError, OverflowError):
        return None
    counts = tuple(values.get(field, 1) for field in _COUNTS)
    return counts if made == there and min(counts) >= 1 else None


def _number(text: str) -> float:
    return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text.replace(",", ""))


def _is_model(path: Path) -> bool:
    if path.is_symlink():
        return False
    try:
        with archive.opened(path) as file:
            return "config" in file and any(name.startswith("parameters/") for name in file.names)
    except (ModelFileError, OSError):
        return False
