"""All code that depends on private parts of numba. It is imported late, because it imports numba.

The rest of the package uses documented parts of numba: `numba`, `numba.types`, `numba.extending`, `numba.config`, and
the tools of code generators (their context and builder, `numba.core.cgutils`).

Private parts may change with each version, so callers of this file have another way too; see `FallingBack`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.registry import cpu_target
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps
from numba.np.ufunc.parallel import _launch_threads

# ---------------------------------------------------------------- the CPU, options, threads, addresses


def target_cpu() -> tuple[str, str, str]:
    """System, name and features of the CPU for which numba compiles; numba's own cache depends on them."""
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    return triple, name, features


def known_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options for functions among these that this numba knows."""
    return {name: value for name, value in options.items() if hasattr(cpu_target.options, name)}


def launch_threads() -> None:
    """Start numba's threads, as numba does before it loads or compiles the first parallel function."""
    _launch_threads()  # type: ignore[no-untyped-call]


def openmp_of_numba() -> Any:
    """The OpenMP layer of numba as a library, which also gives access to OpenMP's runtime."""
    return ctypes.CDLL(importlib.import_module("numba.np.ufunc.omppool").__file__)


def address(dispatcher: Any) -> int:
    """The address of the machine code of a compiled function with one signature."""
    (compiled,) = dispatcher.overloads.values()
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def call_on_load(context: Any, function: Callable[[], None]) -> None:
    """Let numba call ``function`` before it loads the present function from its cache."""
    context.active_code_library._reload_init.add(function)


# ---------------------------------------------------------------- compiled kernels on disk


def set_cache(dispatcher: Any, file: Any) -> None:
    """Let a dispatcher load from ``file`` and save to it, instead of numba's own cache."""
    assert hasattr(dispatcher, "_cache")
    dispatcher._cache = file


def packed(signature: Any, result: Any) -> bytes:
    """A compiled function as bytes, with the symbols that its machine code needs from others."""
    packed: bytes = dumps((str(signature), outer_symbols(result.library._final_module), result._reduce()))  # type: ignore[no-untyped-call]
    return packed


def unpacked(content: tuple[Any, ...], target_context: Any, start_threads: Callable[[], None]) -> Any:
    """The compiled function in ``content``, the result of `packed`."""
    _, symbols, reduced = content
    provide(symbols, target_context, start_threads)
    return CompileResult._rebuild(target_context, *reduced)  # type: ignore[no-untyped-call]


def outer_symbols(module: Any) -> list[str]:
    """The symbols that the functions of a module call but do not define."""
    return [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]


def missing(symbols: Iterable[str]) -> list[str]:
    """The symbols among these that do not exist in this process."""
    return [name for name in symbols if llvm.address_of_symbol(name) is None]


def provide(symbols: list[str], target_context: Any, start_threads: Callable[[], None]) -> None:
    """Make numba define the symbols that stored machine code needs; a missing one would end the process.

    numba would load all its registries of functions, which only compilation needs. That takes a quarter of the time
    from a program's start to its first training step.
    """
    rtsys.initialize(target_context)
    if any(name.startswith("numba_parallel") for name in symbols):
        start_threads()
    if missing(symbols):
        target_context.refresh()


# ---------------------------------------------------------------- a kernel's machine code, made as a whole


def compile_whole(compiled: Callable[..., Any]) -> Any:
    """Call ``compiled(pipeline_class=...)`` so that the kernel is compiled to machine code once, as a whole.

    numba optimises and emits each function, with copies of all that it calls, before it links it into its caller, and
    it does so four times for a parallel region: the innermost loop of a network is compiled ten times. Here every
    library except the kernel's own only collects LLVM code. The parallel training kernel compiles in half the time;
    the code is the same. After an exception, numba's ordinary way still works.
    """
    try:
        with _libraries_that_collect():
            return compiled(pipeline_class=KernelCompiler)
    except Exception:
        _make_ordinary()
        raise


@contextlib.contextmanager
def _libraries_that_collect() -> Iterator[None]:
    codegen = cpu_target.target_context.codegen()
    rtsys.initialize(cpu_target.target_context)  # its library stays an ordinary one
    with global_compiler_lock:  # nothing else is compiled meanwhile
        usual = codegen._library_class
        codegen._library_class = CollectingLibrary
        collecting = gc.isenabled()
        gc.disable()  # the collector would search a million short-lived objects again and again
        try:
            yield
        finally:
            codegen._library_class = usual
            if collecting:
                gc.enable()


class KernelCompiler(Compiler):
    """numba's compiler, with the library of a kernel."""

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
        library = library or KernelLibrary(targetctx.codegen(), "kernel")  # type: ignore[no-untyped-call]
        library.enable_object_caching()
        super().__init__(typingctx, targetctx, library, *rest)  # type: ignore[no-untyped-call]


class KernelLibrary(JITCodeLibrary):
    """The library of a kernel: it collects the code of all called functions, and compiles it to machine code."""

    def finalize(self) -> None:
        for library in _in_calling_order(self._linking_libraries):
            self._final_module.link_in(_bare(library), preserve=True)
        self._linking_libraries = []
        super().finalize()  # type: ignore[no-untyped-call]
        # A call of a missing function would end the process, and much later.
        lacking = missing(outer_symbols(self._final_module))
        if lacking:
            raise RuntimeError(f"the compiled kernel lacks {', '.join(lacking)}")


_collecting: weakref.WeakSet[CollectingLibrary] = weakref.WeakSet()


class CollectingLibrary(JITCodeLibrary):
    """The library of a function that a kernel calls: it makes no machine code."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)  # type: ignore[no-untyped-call]
        _collecting.add(self)

    def add_llvm_module(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout
        self._final_module.link_in(ll_module)

    def finalize(self) -> None:
        self._finalized = True

    def own_module(self) -> Any:
        """The module of its own functions, without those that they call."""
        return super()._get_module_for_linking()  # type: ignore[no-untyped-call]

    def _get_module_for_linking(self) -> Any:
        # A function that is not ours asks for it if it calls a function of numba that was first compiled for one of
        # our kernels; it needs everything.
        module = self.own_module().clone()
        for library in _in_calling_order([self])[1:]:
            module.link_in(_bare(library), preserve=True)
        return module

    def get_pointer_to_function(self, name: str) -> int:
        return 0  # there is no machine code, and only the kernel calls its parts

    @property
    def codegen(self) -> Any:
        return WithoutEnvironment(self._codegen)


class WithoutEnvironment:
    """numba wants to set an environment for Python objects in the machine code, but there are none."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: Any) -> None:
        pass


def _in_calling_order(libraries: list[Any]) -> list[Any]:
    """These libraries and all that they call, callers first: the linker drops functions that nothing has called."""
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


def _bare(library: Any) -> Any:
    return library.own_module() if isinstance(library, CollectingLibrary) else library._get_module_for_linking()


def _make_ordinary() -> None:
    """Turn collecting libraries into those of numba, which compile to machine code on request.

    numba keeps them for their functions, and remembers which functions could not be compiled.
    """
    for library in list(_collecting):
        library.__class__ = JITCodeLibrary  # type: ignore[assignment]
        library._finalized, library._shared_module = False, None
    _collecting.clear()
    for thing in gc.get_objects():
        if issubclass(type(thing), _FunctionCompiler):
            thing._failed_cache.clear()
