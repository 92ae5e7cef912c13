"""Open data files by what they hold, not by what they are called. Standard library alone."""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from .._errors import DataFileError

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 24


def existing_file(path: str | os.PathLike[str]) -> Path:
    """``path`` as a Path, or a DataFileError unless it is a file with something in it."""
    found = Path(path).expanduser()
    if found.is_dir():
        raise DataFileError(f"{found}: expected a file, found a folder; name one file in it")
    if not found.exists():
        raise DataFileError(f"{found}: no such file; check the path (the working folder is {Path.cwd()})")
    with reading(found):
        if found.stat().st_size == 0:
            raise DataFileError(f"{found}: expected data, found an empty file; copy or download it again")
    return found


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what can go wrong while reading ``path`` into a DataFileError that names it."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(
            f"{path}: expected complete gzip data, found truncated or damaged data ({error}); copy or download it again"
        ) from error
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{path}: expected UTF-8 text, found bytes that are not ({error}); save it as CSV in UTF-8"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataFileError(f"{path}: expected a readable file, found: {reason}; check its permissions") from error


def open_bytes(path: Path) -> BinaryIO:
    """The bytes of ``path``, unpacked when its content (whatever its name) is gzip."""
    with open(path, "rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if packed else open(path, "rb")


def first_bytes(path: Path, n: int) -> bytes:
    """At most ``n`` unpacked bytes from the start of ``path``."""
    with reading(path), open_bytes(path) as file:
        return file.read(n)


def read_at_most(file: BinaryIO, n: int) -> bytes:
    """Up to ``n`` bytes, in pieces: a header that promises terabytes must not make us allocate them."""
    pieces = []
    while n > 0 and (piece := file.read(min(n, _PIECE))):
        pieces.append(piece)
        n -= len(piece)
    return b"".join(pieces)
