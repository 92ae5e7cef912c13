"""A file to download: its name, size and checksum. It imports the standard library alone."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Progress = Callable[[str, int, int], object]


class RemoteFile(NamedTuple):
    """A file that a mirror must deliver."""

    name: str
    n_bytes: int
    sha256: str


def part_size(path: Path) -> int:
    """The number of bytes so far; 0 if there is no file."""
    return path.stat().st_size if path.exists() else 0


def sha256_of(path: Path) -> str | None:
    """The checksum in hexadecimal; None if there is no file."""
    if not path.is_file():
        return None
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
