"""``fastmlp info``: facts for bug reports, and for the question "why is it slow here?"."""

import argparse
import contextlib
import importlib
import os
import platform
from collections.abc import Iterator
from typing import Any

from .._base.errors import DataFileError
from .._compiling import cache, threads
from .._version import __version__

# The CPU features that determine the speed of kernels.
_FEATURES = ("avx", "avx2", "fma", "f16c", "avx512f", "avx512dq", "avx512bw", "avx512vl", "amx-tile", "neon", "sve")


def run(args: argparse.Namespace) -> int:
    """Print facts about this installation and this machine."""
    for name, value in _facts():
        print(f"{name + ':':<18} {value}")
    return 0


def _facts() -> Iterator[tuple[str, Any]]:
    yield "fastmlp", __version__
    yield "Python", f"{platform.python_version()} ({platform.python_implementation()}, {platform.platform()})"
    for name in ("numpy", "numba", "llvmlite"):
        yield name, importlib.import_module(name).__version__
    yield from _cpu_facts()
    yield from _thread_facts()
    yield from _cache_facts()
    yield from _data_facts()


def _cpu_facts() -> Iterator[tuple[str, str]]:
    import llvmlite.binding as llvm

    from ..kernels import simd

    present = [name for name in _FEATURES if simd.FEATURES.get(name)]
    yield "CPU", f"{llvm.get_host_cpu_name()}, {platform.machine()}"
    yield "CPU features", " ".join(present) or "none that the kernels use"
    yield "lanes", f"{simd.LANES} float32, {simd.LANES // 2} float64"
    columns = simd.TILE_VECTORS * simd.LANES
    yield "tile", f"{simd.TILE_ROWS} rows x {simd.TILE_VECTORS} vectors ({simd.TILE_ROWS} x {columns} float32)"


def _thread_facts() -> Iterator[tuple[str, Any]]:
    yield "threads in use", threads.get_num_threads()
    yield "CPUs", _affinity()
    yield "container quota", threads.cgroup_quota() or "none"
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        yield name, os.environ.get(name) or "not set"
    yield "threading layer", _threading_layer()


def _affinity() -> str:
    total = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else total
    return f"{allowed} of {total} allowed to this process"


def _threading_layer() -> str:
    """The threading layer of parallel kernels."""
    with contextlib.suppress(ValueError):  # there is no such layer
        threads.start()
    return threads.layer() or "none"


def _cache_facts() -> Iterator[tuple[str, str]]:
    places = cache.places()
    yield "kernel cache", str(places.folder or "none")
    if places.shared is not None:
        yield "shared cache", f"{places.shared}, which is read only"
    for why in places.unused:
        yield "not used", why
    folders = [folder for folder in (places.folder, places.shared) if folder is not None]
    count = sum(len(list(folder.glob("*.kernel"))) for folder in folders)
    if folders:
        yield "cached kernels", f"{count}, {sum(map(cache.size, folders)) / 2**20:.1f} MB"


def _data_facts() -> Iterator[tuple[str, str]]:
    from ..datasets import catalog

    yield "data sets", f"{catalog.data_home()}, FASTMLP_DATA {os.environ.get('FASTMLP_DATA') or 'not set'}"
    yield "digits", "built in"
    for name in catalog.DOWNLOADABLE:
        try:
            yield name, str(catalog._find(name))
        except DataFileError:
            yield name, f"not found; get it with `fastmlp download {name}`"
