"""Reads files of unknown origin."""

import os
from pathlib import Path

from .._base.errors import ModelFileError


def read_bytes(path: Path, most: int) -> bytes:
    """The content of an ordinary file of at most ``most`` bytes."""
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
            raise ModelFileError(f"{path} is not a model file, but a folder, a device or a pipe")
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > most:
                raise ModelFileError(f"{path} has {size:,} bytes, but such a file has at most {most:,}")
            return stream.read(most)
    except FileNotFoundError:
        raise ModelFileError(f"{path}: there is no such model file") from None
