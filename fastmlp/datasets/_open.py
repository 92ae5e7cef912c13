"""Open data files by what they hold, not by what they are called, and never unpack more than is allowed.

Here alone stand the limit on what a compressed file may expand to, and the way in which whatever goes wrong
while a file is read becomes a DataFileError that names it. Standard library alone.
"""

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from .._base.errors import ArgumentError, DataFileError, FastMLPError
from .._base.files import as_folder, as_path, as_place

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 20

_LIMIT = "FASTMLP_MAX_EXPANSION"
_TIMES = 200.0  # sparse tables of one-hot columns shrink to a hundredth; what shrinks further is rare
_ALWAYS = 1 << 26  # bytes that any file may expand to


def place_of(value: Any, name: str = "path") -> Path:
    """The path of a file or a folder to read, in which ``~`` is a home folder."""
    return _at_home(as_place(value, name), value)


def folder_of(value: Any, name: str) -> Path:
    """The path of a folder, in which ``~`` is a home folder."""
    return _at_home(as_folder(value, name), value)


def _at_home(path: Path, value: Any) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # ~nobody
        raise DataFileError(f"{value}: there is no such home folder; check the path") from error


def existing_file(path: Any, name: str = "path") -> Path:
    """``path`` as a Path, or a DataFileError unless it is a file with something in it."""
    found = _at_home(as_path(path, name), path)
    with reading(found):
        status = found.stat()
    if stat.S_ISDIR(status.st_mode):
        raise DataFileError(f"{found}: expected a file, found a folder; name one file in it")
    if not stat.S_ISREG(status.st_mode):
        raise DataFileError(f"{found}: expected a file, found a pipe or a device; copy what it gives into a file")
    if status.st_size == 0:
        raise DataFileError(f"{found}: expected data, found an empty file; copy or download it again")
    return found


@contextmanager
def reading(path: Path, expected: str = "a readable file", remedy: str = "copy or download it again") -> Iterator[None]:
    """Turn whatever goes wrong while others read ``path`` (zlib, zipfile, csv, NumPy) into a DataFileError.

    Only calls of such readers, and what feeds them, belong inside: a fault in our own logic must stay visible.
    """
    try:
        yield
    except FastMLPError:
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(
            f"{path}: expected complete data, found truncated or damaged data ({_short(error)}); copy or download it "
            "again"
        ) from error
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{path}: expected UTF-8 text, found bytes that are not ({_short(error)}); save it in UTF-8"
        ) from error
    except MemoryError as error:
        raise DataFileError(
            f"{path}: expected a file that fits into memory, found one that does not; read it in parts"
        ) from error
    except (FileNotFoundError, NotADirectoryError):
        raise DataFileError(f"{path}: no such file; check the path (the working folder is {Path.cwd()})") from None
    except OSError as error:
        reason = error.strerror or _short(error)
        raise DataFileError(f"{path}: expected a readable file, found: {reason}; check its permissions") from error
    except Exception as error:
        raise DataFileError(
            f"{path}: expected {expected}, found one that cannot be read ({_short(error)}); {remedy}"
        ) from error


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "…"


# ---------------------------------------------------------------- how much may come out


def allow(path: Path, n_bytes: int) -> None:
    """Refuse to expand a compressed file to so many bytes, if they are too many."""
    most = _most_bytes(path)
    if n_bytes > most:
        size = path.stat().st_size
        raise DataFileError(
            f"{path}: expected at most {most:,.0f} bytes in a compressed file of {size:,}, found more; if you trust "
            f"it, set the environment variable {_LIMIT} to how many times its size it may hold (default: "
            f"{_TIMES:.0f}), or unpack it"
        )


def _most_bytes(path: Path) -> float:
    return max(_ALWAYS, _allowed_times() * path.stat().st_size)


def _allowed_times() -> float:
    text = os.environ.get(_LIMIT, "")
    try:
        times = float(text or _TIMES)
    except ValueError:
        times = 0.0
    if not times >= 1:
        raise ArgumentError(f"the environment variable {_LIMIT} must be a number of at least 1, not {text!r:.60}")
    return times


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of a gzip file, up to the limit."""

    def __init__(self, path: Path) -> None:
        self._path, self._done = path, 0
        self._most = _most_bytes(path)
        self._file = gzip.GzipFile(path, "rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self._done += count
        if self._done > self._most:
            allow(self._path, self._done)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def open_bytes(path: Path) -> BinaryIO:
    """The bytes of ``path``, unpacked when its content (whatever its name) is gzip."""
    if is_packed(path):
        return cast(BinaryIO, io.BufferedReader(_Unpacked(path), 1 << 17))
    return open(path, "rb")


def check_expansion(path: Path) -> None:
    """Refuse a gzip file that expands too far at once, and not after minutes of making numbers of its text."""
    with reading(path):
        if is_packed(path):
            with open_bytes(path) as file:
                while file.read(_PIECE):
                    pass


def is_packed(path: Path) -> bool:
    """Whether it is a gzip file."""
    with open(path, "rb") as file:
        return file.read(2) == _GZIP_MAGIC


def first_bytes(path: Path, n: int) -> bytes:
    """At most ``n`` unpacked bytes from the start of ``path``."""
    with reading(path), open_bytes(path) as file:
        return file.read(n)


def fill(file: Any, buffer: memoryview) -> int:
    """Read into ``buffer`` until it is full or the file ends; returns how many bytes there were."""
    done = 0
    while done < len(buffer) and (piece := file.read(min(_PIECE, len(buffer) - done))):
        buffer[done : done + len(piece)] = piece
        done += len(piece)
    return done
