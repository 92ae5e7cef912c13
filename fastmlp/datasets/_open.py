"""Opens data files by their content, not their name, and never unpacks more than is allowed.

This file alone limits the expansion of compressed files, and turns the errors of readers into a DataFileError that
names the file. It imports the standard library alone.
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
_TIMES = 200.0  # sparse tables of one-hot columns shrink to a hundredth; a stronger compression is rare
_ALWAYS = 1 << 26  # bytes to which any file may expand


def place_of(value: Any, name: str = "path") -> Path:
    """The path of a file or a folder to read; ``~`` is a home folder."""
    return _at_home(as_place(value, name), value)


def folder_of(value: Any, name: str) -> Path:
    """The path of a folder; ``~`` is a home folder."""
    return _at_home(as_folder(value, name), value)


def _at_home(path: Path, value: Any) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # ~nobody
        raise DataFileError(f"{value}: there is no such home folder; check the path") from error


def existing_file(path: Any, name: str = "path") -> Path:
    """``path`` as a Path; raises DataFileError unless it is a file that is not empty."""
    found = _at_home(as_path(path, name), path)
    with reading(found):
        status = found.stat()
    if stat.S_ISDIR(status.st_mode):
        raise DataFileError(f"{found}: expected a file, found a folder; name one file in it")
    if not stat.S_ISREG(status.st_mode):
        raise DataFileError(f"{found}: expected a file, found a pipe or a device; copy its content into a file")
    if status.st_size == 0:
        raise DataFileError(f"{found}: expected data, found an empty file; copy or download it again")
    return found


@contextmanager
def reading(path: Path, expected: str = "a readable file", remedy: str = "copy or download it again") -> Iterator[None]:
    """Turn errors of libraries that read ``path`` (zlib, zipfile, csv, NumPy) into a DataFileError.

    Only calls of such readers belong inside, so that errors of our own stay visible.
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
    """Raise an error if a compressed file would expand to too many bytes."""
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
    """The bytes of ``path``, unpacked if its content is gzip, whatever its name."""
    if is_packed(path):
        return cast(BinaryIO, io.BufferedReader(_Unpacked(path), 1 << 17))
    return open(path, "rb")


def check_expansion(path: Path) -> None:
    """Refuse a gzip file that expands too far before its text is parsed, which may take minutes."""
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
    """Read into ``buffer`` until it is full or the file ends; returns the number of bytes."""
    done = 0
    while done < len(buffer) and (piece := file.read(min(_PIECE, len(buffer) - done))):
        buffer[done : done + len(piece)] = piece
        done += len(piece)
    return done
