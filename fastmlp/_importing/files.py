"""Reads files of unknown origin."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .._base.errors import ModelFileError


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open an ordinary file for the context."""
    if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
        raise ModelFileError(f"{path} is not a model file, but a folder, a device or a pipe")
    try:
        stream = open(path, "rb")  # noqa: SIM115  # errors inside of the context are not those of opening
    except FileNotFoundError:
        raise ModelFileError(f"{path}: there is no such model file") from None
    with stream:
        yield stream


def read_bytes(path: Path, most: int) -> bytes:
    """The content of an ordinary file of at most ``most`` bytes."""
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise ModelFileError(f"{path} has {size:,} bytes, but such a file has at most {most:,}")
        return stream.read(size)  # which sets aside as many bytes as it is told
