"""``fastmlp cache``."""

import argparse
import sys
from functools import partial

from .. import kernels
from .._compiling import cache, jit
from .usage import UsageError

# Each kernel of a first fit, evaluate and predict, with its dtype (None: the model's), and whether it has a parallel
# form.
_FIRST_KERNELS = (
    ("shuffle", "float64", False),
    ("train_batches", None, True),
    ("train_batches_full", None, True),  # for a first fit with other operations than the core
    ("train_batches_sparse", None, True),  # for data that are mostly zeros, such as images
    ("train_batches_sparse_full", None, True),
    ("evaluate_batches", None, True),
    ("evaluate_batches_sparse", None, True),
    ("predict_batches", None, True),
    ("predict_batches_sparse", None, True),
    ("predict_rows", None, False),
    ("network_fault", "float64", False),  # for a first call from numba code
)


def run(args: argparse.Namespace) -> int:
    """Warm, clear or show the kernel cache."""
    if args.dtype is not None and not args.warm:
        raise UsageError("--dtype is for --warm")
    if args.clear:
        print(f"freed {cache.clear() / 2**20:.1f} MB")
        return 0
    return _warm(args.dtype or "float32") if args.warm else _print_path()


def _print_path() -> int:
    """Print the writable folder on stdout for scripts, and the rest on stderr for people."""
    places = cache.places()
    if places.shared is not None:
        print(f"fastmlp: kernels are also read from {places.shared.parent}", file=sys.stderr)
    if places.folder is None:  # a warning has named the reason
        return 1
    print(places.folder.parent)
    return 0


def _warm(dtype: str) -> int:
    if jit.jit_disabled():
        print("NUMBA_DISABLE_JIT is set: nothing is compiled")
        return 0
    wanted = first_kernels(["float32", "float64"] if dtype == "all" else [dtype])
    seconds, compiled = 0.0, 0
    for kernel in wanted:
        took, new = jit.timed_compilation(partial(kernel_variant, *kernel))
        seconds, compiled = seconds + took, compiled + new
        print(f"{'compiled' if new else 'loaded'} {in_words(*kernel)} in {took:.1f} s", flush=True)
    print(f"compiled {compiled} kernels, loaded {len(wanted) - compiled}, in {seconds:.1f} s")
    places = cache.places()
    print(f"cache: {places.folder or 'none, so nothing was kept'}")
    if places.shared is not None:
        print(f"also read: {places.shared}")
    return 0


def first_kernels(dtypes: list[str]) -> list[tuple[str, str, bool]]:
    """Name, dtype and form (parallel or serial) of each kernel for a first run in these dtypes."""
    forms = []
    for name, own_dtype, is_parallel in _FIRST_KERNELS:
        for dtype in [own_dtype] if own_dtype else dtypes:
            forms += [(name, dtype, False)] + ([(name, dtype, True)] if is_parallel else [])
    return forms


def in_words(name: str, dtype: str, parallel: bool) -> str:
    """A form of a kernel."""
    return f"{name} ({dtype}, {'parallel' if parallel else 'serial'})"


def kernel_variant(name: str, dtype: str, parallel: bool) -> object:
    """Load or compile a form of a kernel."""
    return getattr(kernels, name).variant(dtype, parallel=parallel)
