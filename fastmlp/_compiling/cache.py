"""The disk cache of compiled kernels: where it is, and how one compiled kernel is stored.

A file holds one compiled kernel of one signature. The name of its folder depends on everything that the machine code
depends on, so a stale file is never found; its first line is a checksum, so a damaged file is not loaded. Loaded code
runs, so folders and files are used only if nobody else can have written them; see `private_files`.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from . import threads
from .fallback import FallingBack, fall_back
from .private_files import PrivateFolder, UntrustedError, is_own

_PACKAGE = Path(__file__).parents[1]
_SOURCES = ("kernels", "_compiling", "_base/tables.py", "_base/functions.py")  # the sources of machine code
_MAGIC = b"fastmlp-kernel-2 "
_LOCK_SECONDS = 180.0
_EVERYWHERE = "kernels are compiled in every process"


@dataclass(frozen=True)
class Places:
    """The folders in which this process finds compiled kernels."""

    folder: Path | None  # for newly compiled kernels
    shared: Path | None = None  # read-only, with further kernels: an image or an administrator provides it
    unused: tuple[str, ...] = ()  # folders with a higher priority that are not used, with the reasons


_places: Places | None = None


def user_cache() -> Path:
    """The folder ``fastmlp`` in the cache folder of this user's programs."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "fastmlp"


def cache_root() -> Path:
    """The folder with the kernel caches of all versions: FASTMLP_CACHE_DIR, or one in the user's cache."""
    chosen = os.environ.get("FASTMLP_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else user_cache() / "kernels"


def cache_key() -> str:
    """The name of the folder for exactly this code on exactly this kind of CPU."""
    import llvmlite
    import numba
    import numpy

    digest = hashlib.sha256()
    for path in kernel_sources():
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + path.read_bytes())
    settings = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name == "FASTMLP_LANES" or (name.startswith("NUMBA_") and name not in _HARMLESS)
    )
    versions = [sys.version, numba.__version__, llvmlite.__version__, numpy.__version__]
    digest.update("\n".join([*versions, *target_cpu(), *settings]).encode())
    return f"{__version__}-{digest.hexdigest()[:16]}"


def kernel_sources() -> list[Path]:
    """The files of the package that machine code depends on."""
    places = [_PACKAGE / name for name in _SOURCES]
    return sorted(path for place in places for path in ([place] if place.is_file() else place.rglob("*.py")))


def target_cpu() -> tuple[str, str, str]:
    """System, name and features ("+avx2,-avx512f,...") of the CPU that numba makes code for.

    It is this machine's CPU, unless NUMBA_CPU_NAME, NUMBA_CPU_FEATURES or NUMBA_ENABLE_AVX say otherwise.
    """
    with FallingBack("code is made for this CPU as LLVM describes it"):
        from .numba_privates import target_cpu

        return target_cpu()
    import llvmlite.binding as llvm

    return llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


# Variables that change how kernels run, but not their machine code.
_HARMLESS = {"NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT"}


def cache_folder() -> Path | None:
    """The writable folder for this version and CPU: the usual one, a temporary one, or None."""
    return places().folder


def places() -> Places:
    """The folders of compiled kernels, chosen once for each process; a fallback gives one warning."""
    global _places
    if _places is None:
        _places = _choose_places()
    return _places


def _choose_places() -> Places:
    key, unused, shared = cache_key(), list[str](), None
    folder = _made(_chosen, key, unused)
    if folder is None:
        shared = _found(_chosen, key)
    if shared is not None:
        unused = []  # it is used, but only for reading
        folder = _made(_default, key, unused)
    if folder is None:
        folder = _made(_temporary, key, unused)
    if unused and shared is None:
        _warn(unused[0], folder)
    return Places(folder, shared, tuple(unused))


def _chosen(key: str) -> PrivateFolder:
    return PrivateFolder(cache_root() / key, own=2) if os.environ.get("FASTMLP_CACHE_DIR") else _default(key)


def _default(key: str) -> PrivateFolder:
    return PrivateFolder(user_cache() / "kernels" / key, own=3)


def _temporary(key: str) -> PrivateFolder:
    return PrivateFolder(_temporary_root() / key, own=2)


def _temporary_root() -> Path:
    return Path(tempfile.gettempdir()) / f"fastmlp-{os.geteuid() if hasattr(os, 'geteuid') else 'user'}"


def _made(where: Callable[[str], PrivateFolder], key: str, unused: list[str]) -> Path | None:
    """Make a folder that only this user can write; returns None and the reason if that fails."""
    try:
        folder = where(key)
        folder.make()
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home directory
        unused.append(_reason(error))
        return None
    return folder.path


def _found(where: Callable[[str], PrivateFolder], key: str) -> Path | None:
    """Find a folder that this user cannot write, and nobody else but root."""
    try:
        folder = where(key)
        folder.find()
    except (OSError, RuntimeError):
        return None
    return folder.path


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, UntrustedError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _warn(why: str, folder: Path | None) -> None:
    where = "compiled in every process" if folder is None else f"cached in {folder} instead"
    warnings.warn(
        f"fastmlp: the kernel cache folder cannot be used ({why}); kernels are {where}. "
        f"Set FASTMLP_CACHE_DIR to a folder that this user can write, and nobody else.",
        RuntimeWarning,
        stacklevel=2,
    )


def clear() -> int:
    """Remove this user's own kernel caches of all versions, following no links; returns the number of bytes freed."""
    global _places
    _places = None
    return sum(PrivateFolder(folder).clear() for root in _own_roots() for folder in _kernel_folders(root))


def _own_roots() -> list[Path]:
    roots = [cache_root(), _temporary_root()]
    if roots[0].exists() and not _is_own_folder(roots[0]):  # shared: the default folder has the kernels that it lacks
        roots.append(user_cache() / "kernels")
    return [root for root in dict.fromkeys(roots) if _is_own_folder(root)]


def _is_own_folder(path: Path) -> bool:
    try:
        return path.is_dir() and is_own(path.stat())
    except OSError:
        return False


def _kernel_folders(root: Path) -> list[Path]:
    # FASTMLP_CACHE_DIR may point anywhere: remove only folders that this module named, and follow no links.
    return [path for path in root.iterdir() if _is_kernel_folder(path) and not path.is_symlink() and path.is_dir()]


def _is_kernel_folder(folder: Path) -> bool:
    version, _, digest = folder.name.rpartition("-")
    return bool(version) and len(digest) == 16 and all(c in "0123456789abcdef" for c in digest)


def size(folder: Path) -> int:
    """The number of bytes in the files of a folder."""
    return sum(path.stat().st_size for path in folder.glob("*") if path.is_file() and not path.is_symlink())


class KernelFile:
    """The cache of one compiled kernel; numba's dispatcher calls ``load_overload`` and ``save_overload``."""

    def __init__(self, places: Places, name: str) -> None:
        self.name = f"{name}.kernel"
        self._places = places
        self.hit = False

    def _folders(self) -> list[PrivateFolder]:
        """The folders that may hold the kernel, the writable one first."""
        return [PrivateFolder(path) for path in (self._places.folder, self._places.shared) if path is not None]

    def exists(self) -> bool:
        return bool([folder for folder in self._folders() if folder.has(self.name)])

    def attach(self, dispatcher: Any) -> None:
        """Let a dispatcher load from this file and save to it."""
        try:
            from .numba_privates import set_cache

            set_cache(dispatcher, self)
        except Exception as error:
            fall_back(error, _EVERYWHERE)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """Load the stored kernel, or return None. An unusable file in the writable folder is removed."""
        for folder in self._folders():
            try:
                result = _unpacked(folder.read(self.name), signature, target_context)
                self.hit = result is not None
                return result
            except FileNotFoundError:
                continue
            except Exception:
                if folder.path == self._places.folder:
                    self.remove()
        return None

    def remove(self) -> None:
        """Remove the file if possible."""
        if self._places.folder is not None:
            with contextlib.suppress(OSError):
                PrivateFolder(self._places.folder).remove(self.name)

    def save_overload(self, signature: Any, result: Any) -> None:
        """Store a compiled kernel completely or not at all. A full disk loses the file, never the run."""
        if self._places.folder is not None:
            with FallingBack(_EVERYWHERE), contextlib.suppress(OSError):
                PrivateFolder(self._places.folder).write(self.name, _packed(signature, result))


def _packed(signature: Any, result: Any) -> bytes:
    from .numba_privates import packed

    payload = packed(signature, result)
    return _MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def _unpacked(content: bytes, signature: Any, target_context: Any) -> Any:
    import pickle  # unpickles, which is safe in files that nobody else can have written

    header, _, payload = content.partition(b"\n")
    if header != _MAGIC + hashlib.sha256(payload).hexdigest().encode():
        raise ValueError("damaged kernel file")
    stored = pickle.loads(payload)
    if stored[0] != str(signature):
        raise ValueError("kernel file of another signature")
    try:
        from .numba_privates import unpacked

        return unpacked(stored, target_context, threads.start)
    except Exception as error:
        fall_back(error, _EVERYWHERE)
    return None


@contextlib.contextmanager
def compile_lock(folder: Path | None, name: str) -> Iterator[None]:
    """Let one process at a time compile a kernel into ``folder``; the others wait and then find the result.

    The lock ends with its process. Without a lock (a file system without locks, too long a wait, or another file in
    its place) the caller continues: files are written atomically, so the worst case is work done twice.
    """
    if folder is None or sys.platform == "win32":
        yield
        return
    import fcntl

    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            lock = PrivateFolder(folder).open_lock(f".{name}.lock")
            stack.callback(os.close, lock)
            deadline = time.monotonic() + _LOCK_SECONDS
            while time.monotonic() < deadline:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.05)
        yield
