"""Every numba option of the package. Kernels import `kernel`, `inner` and `prange` from here.

`inner` marks a function that runs inside kernels, on one thread. `kernel` marks an entry point: it is checked
against its shape declaration, compiled on first use once for each dtype in a serial and a parallel form (one
signature each, so that no input can trigger another compilation), and cached on disk.

Without numba's compiler (``NUMBA_DISABLE_JIT=1``) both leave plain Python functions.
"""

from __future__ import annotations

import contextlib
import inspect
import logging  # noqa: F401  # before the hooks below, see there
import os
import threading
import time
import types as python_types
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

import numpy as np

from .._base.cached import cached_property
from .._base.functions import in_python
from .._base.interruption import uninterrupted
from . import cache as _cache
from . import threads
from .announcing import announced
from .declaration import Check, Declaration, Parameter
from .fallback import FallingBack
from .waiting import waiting

F = TypeVar("F", bound=Callable[..., Any])

# NumPy semantics for division by zero: kernels return a status and do not raise errors. No fastmath flags: sums keep
# their written order, and isnan(nan) is true.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}

# Public kernels use more than one thread above this work (the product of their dimensions); it is a guess for all of
# them. Networks have their own measured limit, see `fastmlp._engine.engine`.
PARALLEL_WORK = 1 << 17

_LATE = "Ctrl-C will be heeded as soon as a kernel is compiled (some seconds, at most a minute)"

_build_lock = threading.RLock()
_whole_programs = True  # until this fails
_loops: list[Any] = []  # keep the machine code that addresses point to
compilations: list[str] = []  # names of the kernels that this process compiled and did not load

if hasattr(os, "register_at_fork"):
    # A child that is forked while another thread compiles would wait forever for a thread that it does not have.
    # Handlers run in reverse order, and logging also takes its lock, which the compiler needs: so logging must come
    # first.
    os.register_at_fork(
        before=_build_lock.acquire, after_in_parent=_build_lock.release, after_in_child=_build_lock.release
    )


def __getattr__(name: str) -> Any:
    if name == "prange":  # the first kernel file imports numba, not `import fastmlp`
        with uninterrupted():
            import numba

        return numba.prange
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def jit_disabled() -> bool:
    """Whether ``NUMBA_DISABLE_JIT`` asks for plain Python."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


if TYPE_CHECKING:
    prange = range


# ---------------------------------------------------------------- inner functions


class CoreOperations(NamedTuple):
    """The form of kernels with only dense layers, ReLU, softmax and their cross-entropy."""


class AllOperations(NamedTuple):
    """The form of kernels with all operations."""


class SparseCoreOperations(NamedTuple):
    """The form with core operations that also takes sparse rows, and can skip the zeros of its input."""


class SparseOperations(NamedTuple):
    """The form with all operations that also takes sparse rows, and can skip the zeros of its input."""


# Kernels are compiled for types, so each form has its own.
CORE, ALL, SPARSE_CORE, SPARSE_ALL = CoreOperations(), AllOperations(), SparseCoreOperations(), SparseOperations()
_CORE_FORMS = (CoreOperations, SparseCoreOperations)
_DENSE_FORMS = (CoreOperations, AllOperations)


@overload
def inner(function: F) -> F: ...
@overload
def inner(
    *, literal: bool = False, allocates: bool = False, unless_core: str = "", unless_dense: str = ""
) -> Callable[[F], F]: ...
def inner(
    function: Any = None,
    *,
    literal: bool = False,
    allocates: bool = False,
    unless_core: str = "",
    unless_dense: str = "",
) -> Any:
    """Mark a function that kernels call.

    With ``literal``, constants in a call become part of its type. A function that makes arrays must declare that it
    ``allocates``; all others are compiled without reference counting, which is faster. Kernels of the form `CORE`
    leave out functions with ``unless_core`` and compile in half the time; the named argument is the form, or has a
    field for it. So do kernels for dense rows with functions that are ``unless_dense``.
    """
    if function is None:
        return lambda f: _inner(f, literal, allocates, unless_core, unless_dense)
    return _inner(function, literal, allocates, unless_core, unless_dense)


def _inner(function: F, literal: bool, allocates: bool, unless_core: str, unless_dense: str) -> F:
    from numba.extending import overload as numba_overload

    parameters = ", ".join(inspect.signature(function).parameters)
    names = {"_function": function, "_nothing": eval(f"lambda {parameters}: None")}  # no names of parameters
    names |= {"_is_of": _is_of, "_core": _CORE_FORMS, "_dense": _DENSE_FORMS}
    exceptions = [f"_is_of({unless_core}, _core)"] * bool(unless_core)
    exceptions += [f"_is_of({unless_dense}, _dense)"] * bool(unless_dense)
    chosen = f"_nothing if {' or '.join(exceptions)} else _function" if exceptions else "_function"
    implementation = eval(f"lambda {parameters}: {chosen}", names)
    options = _known({"no_cfunc_wrapper": True, "no_rewrites": True, "_nrt": allocates})
    numba_overload(function, jit_options=_OPTIONS | options, prefer_literal=literal)(implementation)  # type: ignore[arg-type]
    return function


def _known(options: dict[str, Any]) -> dict[str, Any]:
    with FallingBack("kernels take longer to compile"):
        from .numba_privates import known_options

        return known_options(options)
    return {}


def _is_of(group: Any, forms: tuple[type, ...]) -> bool:
    """Whether the numba type of a form, or of a named tuple with a form, is one of these."""
    form = group.types[group.fields.index("form")] if "form" in group.fields else group
    return form.instance_class in forms


def callable_from_numba(function: F, implementation: Callable[..., Any]) -> F:
    """Let compiled functions of users call ``function``; ``implementation`` makes its body from argument types."""
    if not jit_disabled():
        from numba.extending import overload as numba_overload

        numba_overload(function, jit_options=_OPTIONS)(implementation)  # type: ignore[arg-type]
    return function


# ---------------------------------------------------------------- functions of users


def inlined(function: Callable[..., Any]) -> Any:
    """A function of a user's for loops that are compiled with it: with our options, whatever its own are.

    A division by 0 gives infinity, as in kernels; an error for it would keep LLVM from using vectors.
    """
    import numba

    return numba.njit(**_OPTIONS)(in_python(function))


def address_of_loop(loop: Callable[..., Any], types: tuple[Any, ...]) -> int:
    """Compile a function for these types of arguments; returns the address of its machine code, which stays."""
    import numba

    from .numba_privates import address

    dispatcher = numba.njit(**_OPTIONS)(loop)
    dispatcher.compile(types)
    _loops.append(dispatcher)
    return address(dispatcher)


@contextlib.contextmanager
def building() -> Iterator[None]:
    """Let one thread at a time compile, uninterrupted, and no process fork meanwhile; the time counts as waiting."""
    with waiting(), _build_lock, uninterrupted(_LATE):
        yield


# ---------------------------------------------------------------- kernels


def kernel(declaration: str, check: Check | None = None) -> Callable[[Callable[..., Any]], Kernel]:
    """Make an entry point from a function; the declaration states outputs = inputs with their shapes.

    ``check`` finds faults that a declaration cannot express, such as those of a network's tables.
    """
    return lambda function: Kernel(function, declaration, check=check)


class Kernel:
    """A compiled entry point: call it like the function it was made from.

    Arrays are checked against the declared shapes. Inputs of another dtype or layout are copied; outputs must be
    C-contiguous arrays of the right shape and dtype, because they are written in place. The dtype of the first real
    output (float32 or float64) determines the kernel's precision.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        declaration: str,
        name: str | None = None,
        check: Check | None = None,
        constants: dict[str, Any] | None = None,
    ) -> None:
        self.function = function
        self.constants = constants or {}  # constants that replace those of the function's module
        self.declaration = declaration
        self._check = check
        self.__name__ = name or function.__name__
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function  # inspect.signature sees the function's own
        self._variants: dict[tuple[str, bool], Callable[..., Any]] = {}
        self._found: dict[tuple[Any, bool], Callable[..., Any]] = {}  # the same, by the requested form
        names = list(inspect.signature(function).parameters)
        if names != [p.name for p in self.parameters]:
            raise ValueError(f"{self.__name__}: the declaration {declaration!r} does not match {names}")

    def redeclared(self, name: str, item: str, replacement: str) -> Kernel:
        """The same function under another name, with one item of its declaration replaced."""
        assert item in self.declaration
        declaration = self.declaration.replace(item, replacement)
        return Kernel(self.function, declaration, name, self._check, self.constants)

    def reformed(self, name: str, check: Check, **constants: Any) -> Kernel:
        """The same function under another name, compiled with other constants than its module's."""
        assert constants.keys() <= self.function.__globals__.keys()
        return Kernel(self.function, self.declaration, name, check, constants)

    @cached_property
    def _declared(self) -> Declaration:
        return Declaration(self.__name__, self.declaration, self._check)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The declared parameters."""
        return self._declared.parameters

    def __repr__(self) -> str:
        return f"<kernel {self.__name__}: {self.declaration}>"

    def __call__(self, *args: Any) -> Any:
        values, dtype, work = self._declared.checked(args)
        n_threads = threads.resolve_threads(None) if work >= PARALLEL_WORK else 1
        return self.run(dtype, n_threads, *values)

    def run(self, dtype: Any, n_threads: int, *args: Any) -> Any:
        """Run without checks: the caller is responsible for shapes, dtypes and contiguity."""
        if n_threads == 1:
            return self.variant(dtype, parallel=False)(*args)
        return threads.launch(self.variant(dtype, parallel=True), n_threads, args)

    def variant(self, dtype: Any, *, parallel: bool) -> Callable[..., Any]:
        """The compiled form for a dtype, loaded or compiled on first use."""
        if (dtype, parallel) in self._found:
            return self._found[dtype, parallel]
        key = (np.dtype(dtype).name, parallel and self._has_parallel_form)
        if key not in self._variants:
            with building():  # an interruption could leave numba unusable
                if key not in self._variants:
                    self._variants[key] = self._built(*key)
        self._found[dtype, parallel] = self._variants[key]
        return self._variants[key]

    def is_ready(self, dtype: Any, *, parallel: bool = False) -> bool:
        """Whether the compiled form is loaded or on disk, so that it can run at once."""
        name = np.dtype(dtype).name
        if jit_disabled() or (name, parallel and self._has_parallel_form) in self._variants:
            return True
        return _cache.KernelFile(_cache.places(), self._form(name, parallel)).exists()

    def _form(self, dtype: str, parallel: bool) -> str:
        """The name of one compiled form, and of its file."""
        return f"{self.__name__}_{dtype}_{'parallel' if parallel else 'serial'}"

    def numba_types(self, dtype: str) -> tuple[Any, ...]:
        """The types of the arguments in the compiled form for a dtype."""
        return tuple(_numba_type(parameter, dtype) for parameter in self.parameters)

    def address(self, dtype: str) -> int:
        """The address of the serial form's machine code, for callers that numba compiles."""
        from .numba_privates import address

        return address(self.variant(dtype, parallel=False))

    @property
    def _has_parallel_form(self) -> bool:
        return "prange" in self.function.__code__.co_names and not jit_disabled()

    def _built(self, dtype: str, parallel: bool) -> Callable[..., Any]:
        return _quiet(self.function) if jit_disabled() else _compile(self, dtype, parallel)


# ---------------------------------------------------------------- compilation


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make plain Python kernels treat infinities and NaN without warnings, like compiled ones."""

    def run(*args: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args)

    return run


def _compile(kernel: Kernel, dtype: str, parallel: bool) -> Callable[..., Any]:
    import numba

    if parallel:
        threads.start()
    function, signature = kernel.function, kernel.numba_types(dtype)
    # Numba's cache knows no options, and it confuses two signatures of one function that are compiled at the
    # same time. So each variant is a function of its own name with one signature and one file.
    name = kernel._form(dtype, parallel)
    file = _cache.KernelFile(_cache.places(), name)

    def compiled(**options: Any) -> Any:
        names = {**function.__globals__, **kernel.constants}
        copy = python_types.FunctionType(function.__code__, names, name, function.__defaults__)
        copy.__qualname__, copy.__module__ = name, function.__module__
        dispatcher = numba.njit(parallel=parallel, **_OPTIONS, **options)(copy)
        file.attach(dispatcher)
        dispatcher.compile(signature)  # loads it if it is on disk
        return dispatcher

    if file.exists():
        dispatcher = compiled()
    else:
        with _cache.compile_lock(_cache.cache_folder(), name):
            # Another process may have compiled it while this one waited.
            dispatcher = compiled() if file.exists() else _newly(compiled, kernel.__name__, dtype, name)
    if not file.hit:
        compilations.append(name)
    dispatcher.disable_compile()
    return dispatcher  # type: ignore[no-any-return]


def _newly(compiled: Callable[..., Any], kernel: str, dtype: str, form: str) -> Any:
    """Compile, and say so."""
    with announced(kernel, dtype, form):
        return _in_some_way(compiled)


def _in_some_way(compiled: Callable[..., Any]) -> Any:
    """Compile the fast way, or in numba's way after a failure."""
    global _whole_programs
    if _whole_programs:
        _whole_programs = False
        with FallingBack("kernels take two to five times as long to compile"):
            from .numba_privates import compile_whole

            dispatcher = compile_whole(compiled)
            _whole_programs = True
            return dispatcher
    return compiled()


def _numba_type(parameter: Parameter, dtype: str) -> Any:
    from numba import types

    if parameter.dims is None:
        return types.int64 if parameter.kind == "int" else types.float64
    element = getattr(types, dtype if parameter.kind == "real" else parameter.kind)
    # Inputs are declared read-only: such parameters accept writable arrays too, so one signature is enough.
    return types.Array(element, len(parameter.dims), "C", readonly=not parameter.writable)


def timed_compilation(build: Callable[[], Any]) -> tuple[float, int]:
    """The seconds that ``build`` takes, and how many kernels it compiled rather than loaded."""
    before, start = len(compilations), time.perf_counter()
    build()
    return time.perf_counter() - start, len(compilations) - before
