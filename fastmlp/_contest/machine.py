"""Describes the machine of a measurement."""

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path

from .._compiling import threads
from .._version import __version__
from .contestants import Contestant


def facts(contestants: Iterable[Contestant]) -> dict[str, str]:
    """The CPU, the CPUs and vectors in use, and versions, each as text."""
    return {"CPU": cpu(), "CPUs": cpus(), "vectors": vectors(), "versions": versions(contestants)}


def cpu() -> str:
    """The model name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cpus() -> str:
    """How many CPUs the process may use."""
    return f"{threads.available_threads()} of {os.cpu_count()}"


def vectors() -> str:
    """The SIMD features that determine the speed."""
    from ..kernels import simd

    wanted = ("avx2", "fma", "avx512f", "amx-bf16", "neon", "sve")
    present = [name for name in wanted if simd.FEATURES.get(name)]
    return f"{simd.LANES} float32 lanes ({' '.join(present) or 'no features that the kernels use'})"


def versions(contestants: Iterable[Contestant]) -> str:
    """The versions of all measured libraries."""
    modules = dict.fromkeys(["numpy", "numba", *(c.module for c in contestants if c.is_installed)])
    homes = importlib.metadata.packages_distributions()  # TensorFlow has several names
    libraries = [homes[module][0] for module in modules if module in homes]
    found = [f"{library} {importlib.metadata.version(library)}" for library in libraries]
    return ", ".join([f"fastmlp {__version__}", f"Python {platform.python_version()}", *found])
