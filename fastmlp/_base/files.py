"""Checks names of files, and writes files completely or not at all."""

import contextlib
import functools
import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import time
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .errors import ArgumentError, ArgumentTypeError

# The name of a file that is being written. The writer holds a lock on it, which ends with its process. The name is
# short and not made from the target's name, which may be as long as the file system allows.
_PART = re.compile(r"\.fastmlp-(?P<host>[0-9a-f]{8})-[0-9a-f]{12}\.part")
_FOREIGN_SECONDS = 24 * 3600.0  # other hosts' locks may be invisible, but they write no file for a day
_STREAMS = ("/dev/stdin", "/dev/stdout", "/dev/stderr")


def as_path(value: Any, name: str = "path") -> Path:
    """The path of a file. Other values are refused, above all numbers, which the system takes for open files."""
    path = _path(value, name, "file")
    if not path.name:
        raise ArgumentError(f"{name} must be the name of a file, not {value!r:.60}")
    return path


def as_folder(value: Any, name: str = "folder") -> Path:
    """The path of a folder; see `as_path`."""
    return _path(value, name, "folder")


def as_place(value: Any, name: str = "path") -> Path:
    """The path of a file or a folder; see `as_path`."""
    return _path(value, name, "file or folder")


def _path(value: Any, name: str, what: str) -> Path:
    if isinstance(value, str) and not value:  # pathlib takes '' for the working folder
        raise ArgumentError(f"{name} must be the name of a {what}, not ''")
    try:
        path = Path(value)
    except TypeError:
        raise ArgumentTypeError(f"{name} must be the name of a {what}, not {value!r:.60}") from None
    try:
        os.fsencode(path)
    except UnicodeEncodeError:  # half of a character
        raise ArgumentError(f"{name} must be a name that the system can write, not {value!r:.60}") from None
    if "\0" in str(path):
        raise ArgumentError(f"{name} must be the name of a {what}, but {value!r:.60} holds a null character")
    return path


OF_KERAS = (".keras", ".h5", ".hdf5")


def own_name(path: Path) -> Path:
    """The name for a model file: that of one of Keras's formats gets our suffix too, with a warning.

    Our files are not HDF5, and should not look like it.
    """
    if path.suffix.lower() not in OF_KERAS:
        return path
    own = path.with_name(path.name + ".npz")
    warnings.warn(
        f"{path.name} names a format of Keras, in which fastmlp does not save: the file is {own.name}", stacklevel=5
    )
    return own


def present_name(path: Path) -> Path:
    """The name of a model file that is there: for one of Keras's formats, what `own_name` made of it.

    A file of the given name itself may be an old one, of Keras or of fastmlp before it had this rule: it is read only
    if there is no file that we wrote for this name. With both, a warning says which is read; their times do not decide,
    because a copy is younger than its original.
    """
    own = path.with_name(path.name + ".npz")
    if path.suffix.lower() not in OF_KERAS or not own.exists():
        return path
    if path.exists():
        warnings.warn(
            f"there are {path.name} and {own.name}, and the latter is read, because fastmlp saves {path.name} under "
            f"that name: to read {path.name} itself, remove {own.name}",
            stacklevel=5,
        )
    return own


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file completely or not at all: readers see the old content or the new, never a part.

    If the path is a link, the file behind it is replaced. An existing file keeps its permissions; a new one gets the
    usual ones. Parts that killed processes left in the folder are removed. Raises OSError if the file cannot be
    written, or if the path is a folder, a device or a pipe.
    """
    target = _target(path)
    folder = os.path.dirname(target)
    _remove_abandoned(folder)  # first, because they may fill the disk
    with _temporary(folder) as (temporary, file):
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        if sys.platform == "win32":
            file.close()  # otherwise it cannot be renamed
        os.replace(temporary, target)


def _target(path: str | os.PathLike[str]) -> str:
    """The file that a path names, with all links resolved."""
    target = os.path.realpath(path)
    if not os.path.isdir(os.path.dirname(target)):
        raise FileNotFoundError(f"{path} cannot be written: its folder does not exist")
    if os.path.isdir(target):
        raise IsADirectoryError(f"{path} is a folder: give the name of a file in it")
    if not is_ordinary(path):
        raise OSError(
            f"{path} is not a file but a device, a pipe or a stream, which would be replaced: write to a file, "
            "and copy its content"
        )
    return target


def is_ordinary(path: str | os.PathLike[str]) -> bool:
    """Whether a path names a file or could become one: not a folder, a device, a pipe or a stream."""
    for name in _names(path):
        if name in _STREAMS or os.path.realpath(os.path.dirname(name)).startswith("/proc/"):
            return False  # even if it leads to a file: readers would keep the old one open
    return not os.path.exists(path) or stat.S_ISREG(os.stat(path).st_mode)


def _names(path: str | os.PathLike[str]) -> Iterator[str]:
    """A file's name and, if it is a link, the names that it leads to, one after the other."""
    name = os.path.abspath(path)
    seen = set[str]()
    while name not in seen:
        yield name
        seen.add(name)
        if os.path.islink(name):
            name = os.path.abspath(os.path.join(os.path.realpath(os.path.dirname(name)), os.readlink(name)))


@contextlib.contextmanager
def _temporary(folder: str) -> Iterator[tuple[str, BinaryIO]]:
    """A new locked file in a folder. It is removed unless it is renamed."""
    while True:
        path = os.path.join(folder, f".fastmlp-{_host()}-{uuid.uuid4().hex[:12]}.part")
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(handle, "wb") as file:
            _lock(handle)
            if os.fstat(handle).st_nlink == 0:  # another process removed it before it was locked
                continue
            try:
                yield path, file
            except BaseException:
                file.close()
                with contextlib.suppress(OSError):
                    os.unlink(path)
                raise
            return


def _lock(handle: int, *, wait: bool = True) -> bool:
    """Lock a file for this process; False if another process has the lock, True if there are no locks."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return wait  # a file system without locks does not show which writers are alive
    return True


def _remove_abandoned(folder: str) -> None:
    """Remove the parts of processes that have ended: nobody holds their locks."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            match = _PART.fullmatch(name)
            if match is not None:
                with contextlib.suppress(OSError):
                    _remove_if_abandoned(os.path.join(folder, name), is_ours=match["host"] == _host())


def _remove_if_abandoned(path: str, *, is_ours: bool) -> None:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(handle)
        is_old = time.time() - found.st_mtime > _FOREIGN_SECONDS
        tells = is_ours and sys.platform != "win32"  # whether an unlocked file has no writer
        if stat.S_ISREG(found.st_mode) and (tells or is_old) and _lock(handle, wait=False):
            os.unlink(path)
    finally:
        os.close(handle)


@functools.cache
def _host() -> str:
    """The name of this machine, for names of files."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
