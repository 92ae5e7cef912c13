"""Calls a compiled kernel from functions of users by its address, without a copy of its code.

A copy would be compiled again into each function that calls it, for several seconds. The address changes from process
to process, and functions may come from numba's disk cache. So functions know only the name of a cell with the address,
and the name of a Python function that fills the cell. Importing this module tells LLVM both names.
"""

import ctypes

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..._compiling.numba_privates import call_on_load
from .lowering import I64


class EntryPoint:
    """A kernel that other code can call.

    Parameters
    ----------
    name : str
        For the linker.
    load : callable
        Returns the address of the machine code.
    """

    def __init__(self, name, load):
        self.name = name
        self._load = load
        self._cell = ctypes.c_int64(0)
        self._callback = ctypes.CFUNCTYPE(ctypes.c_int64)(self.fill)
        llvm.add_symbol(f"{name}_cell", ctypes.addressof(self._cell))
        llvm.add_symbol(f"{name}_fill", ctypes.cast(self._callback, ctypes.c_void_p).value)

    def fill(self):
        """Load the kernel if necessary; returns its address."""
        if self._cell.value == 0:
            self._cell.value = self._load()
        return self._cell.value

    def caller(self, result, arguments, on_load):
        """A function for compiled code; call it with a tuple of the kernel's arguments, which have these types.

        numba calls ``on_load`` before it loads such code from its cache; it must import this entry point.
        """
        name = self.name

        @intrinsic
        def call(typing_context, given):
            def generate(context, builder, sig, values):
                call_on_load(context, on_load)
                address = _address(context, builder, name)
                function_type = context.call_conv.get_function_type(result, arguments)
                function = builder.inttoptr(address, function_type.as_pointer())
                unpacked = [builder.extract_value(values[0], i) for i in range(len(arguments))]
                pairs = zip(unpacked, sig.args[0], arguments, strict=True)
                converted = [_cast(context, builder, value, source, target) for value, source, target in pairs]
                status, value = context.call_conv.call_function(builder, function, result, arguments, converted)
                with cgutils.if_unlikely(builder, status.is_error):
                    context.call_conv.return_status_propagate(builder, status)
                return context.get_dummy_value() if result == types.void else value

            return result(given), generate

        return call


def _cast(context, builder, value, source, target):
    # The machine form of an array does not show whether it is writable, and a kernel writes only outputs.
    if isinstance(source, types.Array) and source.copy(readonly=not target.mutable) == target:
        return value
    return context.cast(builder, value, source, target)


def _address(context, builder, name):
    """The address in the cell of an entry point, which is filled first if it is empty."""
    slot = cgutils.alloca_once_value(builder, builder.load(_cell(builder.module, name)))
    with cgutils.if_unlikely(builder, builder.icmp_signed("==", builder.load(slot), I64(0))):
        fill = cgutils.get_or_insert_function(builder.module, ir.FunctionType(I64, []), f"{name}_fill")
        filled = builder.call(fill, [])
        builder.store(filled, slot)
        with cgutils.if_unlikely(builder, builder.icmp_signed("==", filled, I64(0))):
            context.call_conv.return_user_exc(builder, RuntimeError, (f"{name} could not be loaded",))
    return builder.load(slot)


def _cell(module, name):
    try:
        return module.get_global(f"{name}_cell")
    except KeyError:
        return cgutils.add_global_variable(module, I64, f"{name}_cell")
