"""The disk cache of compiled kernels: where it is, and how one compiled kernel is stored. Floor 0.

One file holds one compiled kernel of one signature. Its folder is named after everything that the machine code
depends on, so a stale file cannot be found; its first line is a checksum, so a damaged one is not loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import _threads
from ._files import write_atomically
from ._version import __version__

_PACKAGE = Path(__file__).parent
_MAGIC = b"fastmlp-kernel-2 "
_LOCK_SECONDS = 180.0

_folder: Path | None = None
_resolved = False


def user_cache() -> Path:
    """The folder in which this user's programs keep what can be made again, plus ``fastmlp``."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "fastmlp"


def cache_root() -> Path:
    """The folder that holds the kernel caches of all versions: FASTMLP_CACHE_DIR, or in the user's cache."""
    chosen = os.environ.get("FASTMLP_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else user_cache() / "kernels"


def cache_key() -> str:
    """Name of the folder for exactly this code on exactly this kind of CPU."""
    import llvmlite
    import numba
    import numpy

    digest = hashlib.sha256()
    own = [_PACKAGE / name for name in ("_jit.py", "_declaration.py", "_cache.py")]
    for path in [*sorted((_PACKAGE / "kernels").rglob("*.py")), *own]:
        digest.update(path.name.encode() + path.read_bytes())
    settings = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name == "FASTMLP_LANES" or (name.startswith("NUMBA_") and name not in _HARMLESS)
    )
    versions = [sys.version, numba.__version__, llvmlite.__version__, numpy.__version__]
    digest.update("\n".join([*versions, *target_cpu(), *settings]).encode())
    return f"{__version__}-{digest.hexdigest()[:16]}"


def target_cpu() -> tuple[str, str, str]:
    """System, name and features ("+avx2,-avx512f,...") of the CPU that numba makes code for.

    It is this machine's, unless NUMBA_CPU_NAME, NUMBA_CPU_FEATURES or NUMBA_ENABLE_AVX say something else.
    """
    from numba.core.registry import cpu_target

    triple, name, features = cpu_target.target_context.codegen().magic_tuple()  # what numba's own cache goes by
    return triple, name, features


# Variables that change how kernels run, not what they are compiled to.
_HARMLESS = {"NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT"}


def cache_folder() -> Path | None:
    """The writable folder for this version and CPU; a temporary one, or None, where the usual one cannot be.

    The choice is made once for each process, and a fallback is announced by one warning.
    """
    global _folder, _resolved
    if not _resolved:
        _folder = _choose_folder()
        _resolved = True
    return _folder


def _choose_folder() -> Path | None:
    key = cache_key()
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: there is no home directory
        return _made_writable(cache_root() / key)
    with contextlib.suppress(OSError):
        folder = _made_writable(_private_temporary() / key)
        _warn(f"the kernel cache folder cannot be written; kernels are cached in {folder} instead.")
        return folder
    _warn("no folder for the kernel cache can be written; kernels will be compiled in every process.")
    return None


def _warn(what: str) -> None:
    remedy = "Set FASTMLP_CACHE_DIR to a writable folder."
    warnings.warn(f"fastmlp: {what} {remedy}", RuntimeWarning, stacklevel=2)


def _made_writable(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def _private_temporary() -> Path:
    """A temporary folder of this user's own: the cache holds code, and others must not be able to plant it."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"fastmlp-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    foreign = hasattr(os, "getuid") and (info.st_uid != os.getuid() or info.st_mode & 0o022)
    if foreign or not stat.S_ISDIR(info.st_mode):
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder


def clear() -> int:
    """Remove the kernel caches of all versions; returns the number of bytes freed."""
    freed = 0
    for root in (
        cache_root(),
        Path(tempfile.gettempdir()) / f"fastmlp-{getattr(os, 'getuid', lambda: 'user')()}",
    ):
        if not root.is_dir():
            continue
        for folder in [p for p in root.iterdir() if p.is_dir() and _is_ours(p)]:
            freed += size(folder)
            shutil.rmtree(folder, ignore_errors=True)
    global _resolved
    _resolved = False
    return freed


def _is_ours(folder: Path) -> bool:
    # FASTMLP_CACHE_DIR may point anywhere: remove nothing but folders that this module named.
    version, _, digest = folder.name.rpartition("-")
    return bool(version) and len(digest) == 16 and all(c in "0123456789abcdef" for c in digest)


def size(folder: Path) -> int:
    """Bytes in the files of a folder."""
    return sum(path.stat().st_size for path in folder.glob("*") if path.is_file())


class KernelFile:
    """The cache of one compiled kernel; numba's dispatcher calls ``load_overload`` and ``save_overload``."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self.path = None if folder is None else folder / f"{name}.kernel"
        self.hit = False

    def exists(self) -> bool:
        return self.path is not None and self.path.is_file()

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The stored kernel, or None. A file that cannot be used is removed, so that it is made again."""
        if not self.exists():
            return None
        assert self.path is not None
        try:
            result = _unpacked(self.path.read_bytes(), signature, target_context)
        except Exception:
            with contextlib.suppress(OSError):
                self.path.unlink()
            return None
        self.hit = True
        return result

    def save_overload(self, signature: Any, result: Any) -> None:
        """Store a compiled kernel atomically. A full disk costs the cache, never the run."""
        if self.path is None:
            return
        with contextlib.suppress(OSError):
            write_atomically(self.path, _packed(signature, result))


def _packed(signature: Any, result: Any) -> bytes:
    from numba.core.serialize import dumps

    payload: bytes = dumps((str(signature), _symbols(result.library), result._reduce()))  # type: ignore[no-untyped-call]
    return _MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def _unpacked(content: bytes, signature: Any, target_context: Any) -> Any:
    import pickle  # numba's own format for compiled code; the checksum and a private folder guard it

    from numba.core.compiler import CompileResult

    header, _, payload = content.partition(b"\n")
    if header != _MAGIC + hashlib.sha256(payload).hexdigest().encode():
        raise ValueError("damaged kernel file")
    stored, symbols, reduced = pickle.loads(payload)
    if stored != str(signature):
        raise ValueError("kernel file of another signature")
    _provide(symbols, target_context)
    return CompileResult._rebuild(target_context, *reduced)  # type: ignore[no-untyped-call]


def _symbols(library: Any) -> list[str]:
    """What machine code expects others to define."""
    module = library._final_module
    return [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]


def _provide(symbols: list[str], target_context: Any) -> None:
    """Make numba define the symbols that stored machine code needs: to miss one would end the process.

    Numba would load all its registries of functions, for which only compiling has a use: a quarter of the time
    from a program's start to its first training step.
    """
    import llvmlite.binding as llvm
    from numba.core.runtime.nrt import rtsys

    rtsys.initialize(target_context)
    if any(name.startswith("numba_parallel") for name in symbols):
        _threads.start()
    if any(llvm.address_of_symbol(name) is None for name in symbols):
        target_context.refresh()


@contextlib.contextmanager
def compile_lock(folder: Path | None, name: str) -> Iterator[None]:
    """Let one process at a time compile a kernel into ``folder``; the others wait and then find its result.

    The lock goes with its process. Where it cannot be had (a file system without locks, or too long a wait),
    the caller goes on without: files are written atomically, so the worst is work done twice.
    """
    if folder is None or sys.platform == "win32":
        yield
        return
    import fcntl

    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            file = stack.enter_context(open(folder / f".{name}.lock", "w"))
            deadline = time.monotonic() + _LOCK_SECONDS
            while time.monotonic() < deadline:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.05)
        yield
