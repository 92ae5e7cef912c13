"""Every numba option of the package. Kernels import `kernel`, `block` and `prange` from here.

`block` marks a function that runs inside kernels, on one thread. `kernel` marks an entry point: it is checked
against its shape declaration, compiled on first use once for each dtype in a serial and a parallel form (one
signature each, so that no input can trigger another compilation), and cached on disk.

Without numba's compiler (``NUMBA_DISABLE_JIT=1``) both leave plain Python functions.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import logging  # noqa: F401  # before the hooks below, see there
import os
import sys
import threading
import time
import types as python_types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from .._base.cached import cached_property
from .._base.interruption import uninterrupted
from . import cache as _cache
from . import threads
from .declaration import Check, Declaration, Parameter

F = TypeVar("F", bound=Callable[..., Any])

# numpy semantics for division by zero: kernels report by status, they do not raise. No fastmath flags:
# sums keep the order in which they are written, and isnan(nan) stays true.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}

# Work (product of a kernel's dimensions) above which public kernels use more than one thread: a guess that one
# number fits them all. Networks have their own, measured limit, see `fastmlp.engine`.
PARALLEL_WORK = 1 << 17

_LATE = "Ctrl-C will be heeded as soon as a kernel is compiled (some seconds, at most a minute)"

_build_lock = threading.RLock()
_announced = False
compilations: list[str] = []  # names of the kernels compiled, not loaded, by this process

if hasattr(os, "register_at_fork"):
    # A child that is forked while another thread compiles would wait for that thread for ever: it has none. What is
    # registered last is done first, and logging takes its lock too, which the compiler needs: so that must come before.
    os.register_at_fork(
        before=_build_lock.acquire,
        after_in_parent=_build_lock.release,
        after_in_child=_build_lock.release,
    )


def __getattr__(name: str) -> Any:
    if name == "prange":  # numba is imported by the first kernel file, not by `import fastmlp`
        with uninterrupted():
            import numba

        return numba.prange
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def jit_disabled() -> bool:
    """Whether ``NUMBA_DISABLE_JIT`` asks for plain Python."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


if TYPE_CHECKING:
    prange = range


# ---------------------------------------------------------------- blocks


@overload
def block(function: F) -> F: ...
@overload
def block(*, literal: bool = False, allocates: bool = False, unless_core: str = "") -> Callable[[F], F]: ...
def block(function: Any = None, *, literal: bool = False, allocates: bool = False, unless_core: str = "") -> Any:
    """Mark a function that kernels call.

    With ``literal``, constants in a call become part of its type. A block that makes arrays says that it
    ``allocates``; the others are compiled without reference counting, which is less to compile. What a block of the
    kind ``unless_core`` does is left out of kernels for core operations alone, in which the array of that name holds
    signed numbers: they are compiled in half the time.
    """
    if function is None:
        return lambda f: _block(f, literal, allocates, unless_core)
    return _block(function, literal, allocates, unless_core)


def _block(function: F, literal: bool, allocates: bool, unless_core: str) -> F:
    from numba.extending import overload as numba_overload

    parameters = ", ".join(inspect.signature(function).parameters)
    names = {"function": function, "nothing": eval(f"lambda {parameters}: None")}
    chosen = f"nothing if {unless_core}.dtype.signed else function" if unless_core else "function"
    implementation = eval(f"lambda {parameters}: {chosen}", names)
    options = {**_OPTIONS, "no_cfunc_wrapper": True, "no_rewrites": True, "_nrt": allocates}
    numba_overload(function, jit_options=options, prefer_literal=literal)(implementation)  # type: ignore[arg-type]
    return function


def callable_from_numba(function: F, implementation: Callable[..., Any]) -> F:
    """Let functions that users compile call ``function``; ``implementation`` makes its body from argument types."""
    if not jit_disabled():
        from numba.extending import overload as numba_overload

        numba_overload(function, jit_options=_OPTIONS)(implementation)  # type: ignore[arg-type]
    return function


# ---------------------------------------------------------------- kernels


def kernel(declaration: str, check: Check | None = None) -> Callable[[Callable[..., Any]], Kernel]:
    """Make an entry point of a function; the declaration gives outputs = inputs with their shapes.

    ``check`` finds faults that the declaration has no words for, such as those of the tables of a network.
    """
    return lambda function: Kernel(function, declaration, check=check)


class Kernel:
    """A compiled entry point: call it like the function it was made from.

    Arrays are checked against the declared shapes. Inputs of another dtype or layout are copied; outputs must
    be C-contiguous arrays of the right shape and dtype, because they are written in place. The dtype of the
    first real output (float32 or float64) decides in which precision the kernel computes.
    """

    def __init__(
        self, function: Callable[..., Any], declaration: str, name: str | None = None, check: Check | None = None
    ) -> None:
        self.function = function
        self.declaration = declaration
        self._check = check
        self.__name__ = name or function.__name__
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function  # inspect.signature sees the function's own
        self._variants: dict[tuple[str, bool], Callable[..., Any]] = {}
        self._found: dict[tuple[Any, bool], Callable[..., Any]] = {}  # the same, by what was asked for
        names = list(inspect.signature(function).parameters)
        if names != [p.name for p in self.parameters]:
            raise ValueError(f"{self.__name__}: the declaration {declaration!r} does not match {names}")

    def redeclared(self, name: str, item: str, replacement: str) -> Kernel:
        """The same function under another name, with one item of its declaration replaced."""
        assert item in self.declaration
        return Kernel(self.function, self.declaration.replace(item, replacement), name, self._check)

    @cached_property
    def _declared(self) -> Declaration:
        return Declaration(self.__name__, self.declaration, self._check)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the declaration says of each argument."""
        return self._declared.parameters

    def __repr__(self) -> str:
        return f"<kernel {self.__name__}: {self.declaration}>"

    def __call__(self, *args: Any) -> Any:
        values, dtype, work = self._declared.checked(args)
        n_threads = threads.resolve_threads(None) if work >= PARALLEL_WORK else 1
        return self.run(dtype, n_threads, *values)

    def run(self, dtype: Any, n_threads: int, *args: Any) -> Any:
        """Run without checks: the caller vouches for shapes, dtypes and contiguity."""
        if n_threads == 1:
            return self.variant(dtype, parallel=False)(*args)
        return threads.launch(self.variant(dtype, parallel=True), n_threads, args)

    def variant(self, dtype: Any, *, parallel: bool) -> Callable[..., Any]:
        """The compiled form for a dtype, loaded or compiled on first use."""
        if (dtype, parallel) in self._found:
            return self._found[dtype, parallel]
        key = (np.dtype(dtype).name, parallel and self._has_parallel_form)
        if key not in self._variants:
            with _build_lock, uninterrupted(_LATE):  # numba cannot be used after an interruption at the wrong place
                if key not in self._variants:
                    self._variants[key] = self._built(*key)
        self._found[dtype, parallel] = self._variants[key]
        return self._variants[key]

    def is_ready(self, dtype: Any, *, parallel: bool = False) -> bool:
        """Whether the compiled form can run at once: it is loaded, or on disk."""
        name = np.dtype(dtype).name
        if jit_disabled() or (name, parallel and self._has_parallel_form) in self._variants:
            return True
        return _cache.KernelFile(_cache.places(), self._form(name, parallel)).exists()

    def _form(self, dtype: str, parallel: bool) -> str:
        """Name of one compiled form, which is also that of its file."""
        return f"{self.__name__}_{dtype}_{'parallel' if parallel else 'serial'}"

    def numba_types(self, dtype: str) -> tuple[Any, ...]:
        """The types of the arguments in the compiled form for a dtype."""
        return tuple(_numba_type(parameter, dtype) for parameter in self.parameters)

    def address(self, dtype: str) -> int:
        """Where the machine code of the serial form is, for callers that numba compiles."""
        dispatcher: Any = self.variant(dtype, parallel=False)
        (compiled,) = dispatcher.overloads.values()
        return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))

    @property
    def _has_parallel_form(self) -> bool:
        return "prange" in self.function.__code__.co_names and not jit_disabled()

    def _built(self, dtype: str, parallel: bool) -> Callable[..., Any]:
        return _quiet(self.function) if jit_disabled() else _compile(self, dtype, parallel)


# ---------------------------------------------------------------- compilation


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Plain Python kernels treat infinities and NaN like compiled ones: without warnings."""

    def run(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args)

    return run


def _compile(kernel: Kernel, dtype: str, parallel: bool) -> Callable[..., Any]:
    import numba

    if parallel:
        threads.start()
    function = kernel.function
    # Numba's cache knows no options, and it confuses two signatures of one function that are compiled at the
    # same time. So each variant is a function of its own name with one signature and one file.
    name = kernel._form(dtype, parallel)
    copy = python_types.FunctionType(function.__code__, function.__globals__, name, function.__defaults__)
    copy.__qualname__, copy.__module__ = name, function.__module__
    options, one_emission = _whole_program()
    dispatcher = numba.njit(parallel=parallel, **_OPTIONS, **options)(copy)
    signature = kernel.numba_types(dtype)
    file = _cache.KernelFile(_cache.places(), name)
    dispatcher._cache = file
    if file.exists():
        dispatcher.compile(signature)  # loads it; compiles, the usual way, where the file is damaged
    else:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_cache.compile_lock(_cache.cache_folder(), name))
            # Another process may have made it while this one waited, and a stored kernel has to be loaded as usual.
            if not file.exists():
                _announce()
                stack.enter_context(one_emission())
            dispatcher.compile(signature)
    if not file.hit:
        compilations.append(name)
    dispatcher.disable_compile()
    return dispatcher  # type: ignore[no-any-return]


@cache
def _whole_program() -> tuple[dict[str, Any], Callable[[], AbstractContextManager[None]]]:
    """Options and a context in which numba makes the machine code of a kernel once, as a whole.

    Numba optimises and emits each function, with copies of all that it calls, before it links it into its caller,
    and a parallel region four times: the innermost loop of a network is compiled ten times over. In this context
    every library but the kernel's own only collects LLVM code. The parallel training kernel compiles in half the
    time; the code is the same.
    """
    try:
        import llvmlite.binding as llvm
        from numba.core.codegen import JITCodeLibrary
        from numba.core.compiler import Compiler
        from numba.core.compiler_lock import global_compiler_lock
        from numba.core.registry import cpu_target
    except ImportError:  # another numba: slower to compile, the same code
        return {}, contextlib.nullcontext

    class CollectingLibrary(JITCodeLibrary):
        def add_llvm_module(self, ll_module: Any) -> None:
            ll_module.data_layout = self._codegen._data_layout
            self._final_module.link_in(ll_module)

        def finalize(self) -> None:
            self._finalized = True

        def own_module(self) -> Any:
            """Its own functions, without those that they call."""
            return super()._get_module_for_linking()  # type: ignore[no-untyped-call]

        def _get_module_for_linking(self) -> Any:
            # Asked for by a function that is not ours, when it calls something of numba's that was first
            # compiled for one of our kernels: it needs everything.
            module = self.own_module().clone()
            for library in in_calling_order([self])[1:]:
                module.link_in(bare(library), preserve=True)
            return module

        def get_pointer_to_function(self, name: str) -> int:
            return 0  # there is no machine code, and nobody calls a part but through its kernel

        @property
        def codegen(self) -> Any:
            return WithoutEnvironment(self._codegen)

    class WithoutEnvironment:
        """Numba wants to set an environment (for Python objects, of which there are none) in the machine code."""

        def __init__(self, codegen: Any) -> None:
            self._codegen = codegen

        def __getattr__(self, name: str) -> Any:
            return getattr(self._codegen, name)

        def set_env(self, name: str, environment: Any) -> None:
            pass

    def in_calling_order(libraries: list[Any]) -> list[Any]:
        """These and all that they call, callers first: the linker drops a body that nothing has asked for yet."""
        order: dict[Any, None] = {}

        def visit(library: Any) -> None:
            if library not in order:
                if isinstance(library, CollectingLibrary):
                    for part in library._linking_libraries:
                        visit(part)
                order[library] = None

        for library in libraries:
            visit(library)
        return list(order)[::-1]

    def bare(library: Any) -> Any:
        return library.own_module() if isinstance(library, CollectingLibrary) else library._get_module_for_linking()

    class KernelLibrary(JITCodeLibrary):
        def finalize(self) -> None:
            for library in in_calling_order(self._linking_libraries):
                self._final_module.link_in(bare(library), preserve=True)
            self._linking_libraries = []
            super().finalize()  # type: ignore[no-untyped-call]
            check_complete(self._final_module)

    def check_complete(module: Any) -> None:
        """A call of a function that is nowhere would end the process, and much later."""
        names = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
        missing = [name for name in names if llvm.address_of_symbol(name) is None]
        if missing:
            raise RuntimeError(f"the compiled kernel lacks {', '.join(missing)}: please report this")

    class KernelCompiler(Compiler):
        def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
            library = library or KernelLibrary(targetctx.codegen(), "kernel")  # type: ignore[no-untyped-call]
            library.enable_object_caching()
            super().__init__(typingctx, targetctx, library, *rest)  # type: ignore[no-untyped-call]

    @contextlib.contextmanager
    def one_emission() -> Iterator[None]:
        codegen = cpu_target.target_context.codegen()
        with global_compiler_lock:  # nobody else compiles meanwhile
            usual = codegen._library_class
            codegen._library_class = CollectingLibrary
            collecting = gc.isenabled()
            gc.disable()  # a million short-lived objects, which the collector would look through again and again
            try:
                yield
            finally:
                codegen._library_class = usual
                if collecting:
                    gc.enable()

    return {"pipeline_class": KernelCompiler}, one_emission


def _announce() -> None:
    global _announced
    if not _announced:
        _announced = True
        print("fastmlp: compiling kernels for this CPU, once (some seconds) ...", file=sys.stderr, flush=True)


def _numba_type(parameter: Parameter, dtype: str) -> Any:
    from numba import types

    if parameter.dims is None:
        return types.int64 if parameter.kind == "int" else types.float64
    element = getattr(types, dtype if parameter.kind == "real" else parameter.kind)
    # Inputs are declared read-only: such a parameter takes writable arrays too, so one signature serves both.
    return types.Array(element, len(parameter.dims), "C", readonly=not parameter.writable)


def timed_compilation(build: Callable[[], Any]) -> tuple[float, int]:
    """Seconds that ``build`` takes, and how many kernels it compiled rather than loaded."""
    before, start = len(compilations), time.perf_counter()
    build()
    return time.perf_counter() - start, len(compilations) - before
