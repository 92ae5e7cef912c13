"""Faults as they stand in the ``*.txt`` files of this folder.

A section begins with ``== file: tests``: the file below ``fastmlp/``; files and folders below ``tests/`` and names of
tests, the fastest first; and ``(compiled)``, where plain Python does not do. Then each fault is a line with its name,
and the lines of a diff: ``-`` for the old text, which the file has exactly once, ``+`` for the new one. It is text, and
need not be whole lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .fault import Fault

_HEADER = re.compile(r"== (?P<file>\S+): (?P<tests>.+?)(?P<compiled> \(compiled\))?")


def faults_in(text: str) -> Iterator[Fault]:
    """The faults that a text describes."""
    section: re.Match[str] | None = None
    for part in text.strip().split("\n\n"):
        header = _HEADER.fullmatch(part)
        if header is not None:
            section = header
            continue
        name, *lines = part.split("\n")
        if section is None or not lines or any(line[:2] not in ("- ", "+ ") for line in lines):
            raise ValueError(f"no fault of a file, in the form of a diff: {part!r}")
        old, new = ("\n".join(line[2:] for line in lines if line[0] == sign) for sign in "-+")
        yield Fault(name, section["file"], old, new, section["tests"], bool(section["compiled"]))


FAULTS = [
    fault
    for path in sorted(Path(__file__).parent.glob("*.txt"))
    for fault in faults_in(path.read_text(encoding="utf-8"))
]
