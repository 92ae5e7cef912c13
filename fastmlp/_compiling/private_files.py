"""Folders and files that nobody but this user or root can have written.

Their content may be run, so this holds for each:

- it belongs to this user or to root, and neither its group nor others can write it;
- the same holds for all folders above it, with two exceptions: folders with the sticky bit, as ``/tmp``, in which
  entries belong to their owners alone; and folders that the user's private group can write (the group with the user's
  name and no other members, which many systems give each user).

Files are opened relative to their folder, without following links and without waiting (a FIFO does not hang), and
checked after they are open, so that nothing can be exchanged in between. Windows has no such owners and modes; there
the folders of a user's profile are private, and nothing is checked.
"""

import contextlib
import errno
import os
import re
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_IS_POSIX = hasattr(os, "geteuid") and os.open in os.supports_dir_fd
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OUR_NAMES = re.compile(r".+\.kernel|\..+\.(lock|part)")  # endings of kernels, of locks, and of parts
_MOST_LINKS = 40  # the most links in one path, as on Linux
_PART_SECONDS = 3600  # an older part belongs to a process that has ended


class UntrustedError(PermissionError):
    """Somebody else could have written the folder or file, so it is not used."""

    def __init__(self, path: object, why: str) -> None:
        super().__init__(errno.EPERM, why, str(path))
        self.why = f"{path} {why}"

    def __str__(self) -> str:
        return self.why


class PrivateFolder:
    """A folder that is used only if nobody else can write it; it need not exist yet.

    The last ``own`` folders of the path are those that we may make, and close to others.
    """

    def __init__(self, path: Path, own: int = 1) -> None:
        self.path = Path(os.path.abspath(path))
        self._own = own

    def __str__(self) -> str:
        return str(self.path)

    # ------------------------------------------------------------ the folder itself

    def make(self) -> None:
        """Make the folder if it is missing, close it to others, and check that it can be written, by nobody else."""
        self._check_above(make=True)
        for folder in self._own_parents:
            _make(folder)
            if _is_sticky(folder):  # a folder for all users, such as /tmp, stays open
                _check_parent(folder)
            else:
                _close_to_others(folder)
        _make(self._real)
        _close_to_others(self._real)
        self._check()
        with tempfile.TemporaryFile(dir=self._real):
            pass

    def find(self) -> None:
        """Check that the folder exists and can be trusted, without changing anything; raises like `make`."""
        self._check_above(make=False)
        for folder in self._own_parents:
            if _is_sticky(folder):
                _check_parent(folder)
            else:
                _check_owner(os.lstat(folder), folder)
        self._check()

    @property
    def _own_parents(self) -> list[Path]:
        return list(self._real.parents[: self._own - 1])[::-1]

    @property
    def _real(self) -> Path:
        return Path(os.path.realpath(self.path))

    def _check(self) -> None:
        with self._opened():
            pass

    def _check_above(self, *, make: bool) -> None:
        if not _IS_POSIX:
            return
        for link in _links(self.path):
            if os.lstat(link).st_uid not in _trusted():
                raise UntrustedError(link, f"is a link that belongs to {_user(os.lstat(link).st_uid)}")
        for folder in self._real.parents[self._own - 1 :][::-1]:
            if make:
                _make(folder)
            _check_parent(folder)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int | None]:
        """A descriptor of the checked folder."""
        if not _IS_POSIX:
            yield None
            return
        handle = os.open(self._real, os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS)
        try:
            _check_owner(os.fstat(handle), self.path)
            yield handle
        finally:
            os.close(handle)

    def _in(self, handle: int | None, name: str) -> str:
        return name if handle is not None else str(self.path / name)

    # ------------------------------------------------------------ its files

    def has(self, name: str) -> bool:
        """Whether it has a readable and trusted file of this name."""
        try:
            with self._opened() as folder:
                os.close(self._open_to_read(folder, name))
        except OSError:
            return False
        return True

    def read(self, name: str) -> bytes:
        """Read a regular file; raises UntrustedError if somebody else could have written it."""
        with self._opened() as folder, os.fdopen(self._open_to_read(folder, name), "rb") as file:
            return file.read()

    def _open_to_read(self, folder: int | None, name: str) -> int:
        handle = os.open(self._in(folder, name), os.O_RDONLY | _BINARY | _NO_LINKS, dir_fd=folder)
        try:
            _check_file(os.fstat(handle), self.path / name)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def write(self, name: str, content: bytes) -> None:
        """Write a file for this user alone, completely or not at all; raises OSError if it cannot be written."""
        with self._opened() as folder:
            self._remove_old_parts()
            part = self._in(folder, f".{name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _NO_LINKS, 0o600, dir_fd=folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    _set_mode(file.fileno(), 0o600)  # whatever the umask is
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(part, self._in(folder, name), src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(part, dir_fd=folder)
                raise

    def _remove_old_parts(self) -> None:
        """Remove the parts of processes that were killed while they wrote."""
        for entry in os.scandir(self._real):
            with contextlib.suppress(OSError):
                if entry.name.endswith(".part") and time.time() - entry.stat().st_mtime > _PART_SECONDS:
                    os.unlink(entry.path)

    def remove(self, name: str) -> None:
        """Remove a file, or a link itself."""
        with self._opened() as folder:
            os.unlink(self._in(folder, name), dir_fd=folder)

    def open_lock(self, name: str) -> int:
        """Open an empty file to lock; returns a descriptor. Fails for a link, a FIFO or a file of somebody else."""
        flags = os.O_RDWR | os.O_CREAT | _BINARY | _NO_LINKS
        with self._opened() as folder:
            handle = os.open(self._in(folder, name), flags, 0o600, dir_fd=folder)
            try:
                info = os.fstat(handle)
                if _IS_POSIX and info.st_uid == os.geteuid():
                    _set_mode(handle, 0o600)
                _check_file(os.fstat(handle), self.path / name)
            except BaseException:
                os.close(handle)
                raise
            return handle

    def clear(self) -> int:
        """Remove this user's own files, and the folder if it is then empty; returns the bytes freed.

        Links are not followed. Files of others stay, and so do files without the name of a kernel, a lock or a part,
        because the folder may only look like ours.
        """
        freed = 0
        with contextlib.suppress(OSError):
            names = os.listdir(self._real)
            if names and not any(map(_OUR_NAMES.fullmatch, names)):
                return 0
            _close_to_others(self._real)
        with contextlib.suppress(OSError), self._opened() as folder:
            for entry in os.scandir(self._real if folder is None else folder):
                with contextlib.suppress(OSError):
                    info = entry.stat(follow_symlinks=False)
                    if not stat.S_ISDIR(info.st_mode) and is_own(info) and _OUR_NAMES.fullmatch(entry.name):
                        os.unlink(self._in(folder, entry.name), dir_fd=folder)
                        freed += info.st_size
            os.rmdir(self._real)
        return freed


def _links(path: Path) -> Iterator[Path]:
    """All links on the way to the target of a path, including those behind other links."""
    here, rest = Path(path.anchor), list(path.parts[1:])[::-1]
    left = _MOST_LINKS
    while rest:
        part = rest.pop()
        if part == "..":  # the parent of a link's target is the real folder, because all earlier links are resolved
            here = here.parent
        elif not (here / part).is_symlink():
            here = here / part
        elif left:
            yield here / part
            target, left = Path(os.readlink(here / part)), left - 1
            here = Path(target.anchor) if target.is_absolute() else here
            rest += list(target.parts[1:] if target.is_absolute() else target.parts)[::-1]
        else:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _is_sticky(folder: Path) -> bool:
    """Whether all users may write it, but not replace files of others."""
    return bool(os.lstat(folder).st_mode & stat.S_ISVTX)


def is_own(info: os.stat_result) -> bool:
    """Whether it belongs to this user."""
    return not _IS_POSIX or info.st_uid == os.geteuid()


def _trusted() -> set[int]:
    return {0, os.geteuid()}


def _check_owner(info: os.stat_result, path: object) -> None:
    if not _IS_POSIX:
        return
    if info.st_uid not in _trusted():
        raise UntrustedError(path, f"belongs to {_user(info.st_uid)}")
    if info.st_mode & _OTHERS_WRITE:
        raise UntrustedError(path, f"can be written by others (its mode is {stat.S_IMODE(info.st_mode):o})")


def _check_file(info: os.stat_result, path: object) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise UntrustedError(path, "is not a regular file")
    _check_owner(info, path)


def _check_parent(folder: Path) -> None:
    info = os.lstat(folder)
    if info.st_uid not in _trusted() | _outside():
        raise UntrustedError(folder, f"belongs to {_user(info.st_uid)}")
    is_open = info.st_mode & _OTHERS_WRITE and not info.st_mode & stat.S_ISVTX
    if is_open and (info.st_mode & stat.S_IWOTH or not _is_private_group(info.st_gid)):
        raise UntrustedError(folder, f"can be written by others (its mode is {stat.S_IMODE(info.st_mode):o})")


@cache
def _outside() -> set[int]:
    """In a container without root, the owner that stands for all users outside, such as that of the folder ``/``."""
    try:
        is_everybody = Path("/proc/self/uid_map").read_bytes().split() == [b"0", b"0", b"4294967295"]
        return set() if is_everybody else {int(Path("/proc/sys/kernel/overflowuid").read_bytes())}
    except (OSError, ValueError):
        return set()


@cache
def _is_private_group(group: int) -> bool:
    """Whether it is the group with this user's name and no other members."""
    import grp
    import pwd

    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    is_named_so = user.pw_gid == group and found.gr_name == user.pw_name
    others = {entry.pw_name for entry in pwd.getpwall() if entry.pw_gid == group} if is_named_so else set()
    return is_named_so and others | set(found.gr_mem) <= {user.pw_name}


def _user(number: int) -> str:
    import pwd

    try:
        return f"the user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"the user with number {number}"


def _make(folder: Path) -> None:
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return
    except OSError:
        if folder.is_dir():  # a read-only file system reports this first
            return
        raise
    os.chmod(folder, 0o700)  # whatever the umask is


def _close_to_others(folder: Path) -> None:
    """Take the permission to write a folder of this user from others."""
    if not _IS_POSIX:
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS)
    try:
        info = os.fstat(handle)
        if is_own(info) and info.st_mode & _OTHERS_WRITE:
            os.fchmod(handle, stat.S_IMODE(info.st_mode) & ~_OTHERS_WRITE)
        _check_owner(os.fstat(handle), folder)
    finally:
        os.close(handle)


def _set_mode(handle: int, mode: int) -> None:
    if _IS_POSIX:
        os.fchmod(handle, mode)
