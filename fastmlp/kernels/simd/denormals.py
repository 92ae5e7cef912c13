"""The floating-point mode in which tiny numbers count as 0."""

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils

from .lowering import I8, I32, call_llvm, lowered

_FLUSH = 0x8040  # FTZ (bit 15): tiny results become 0; DAZ (bit 6): tiny operands count as 0
_HAS_MXCSR = llvm.get_process_triple().startswith(("x86_64", "i686"))


def flush_denormals():
    """Make this thread treat numbers below the normal range as 0; returns the old mode for ``restore_mode``."""
    return 0


@lowered(flush_denormals, lambda: types.int32)
def _flush_denormals(context, builder, sig, args):
    if not _HAS_MXCSR:
        return I32(0)
    slot = cgutils.alloca_once(builder, I32)
    pointer = builder.bitcast(slot, I8.as_pointer())
    call_llvm(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), [pointer])
    old = builder.load(slot)
    builder.store(builder.or_(old, I32(_FLUSH)), slot)
    call_llvm(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [pointer])
    return old


def restore_mode(mode):
    """Undo ``flush_denormals``."""


@lowered(restore_mode, lambda mode: types.void, types.Integer)
def _restore_mode(context, builder, sig, args):
    if _HAS_MXCSR:
        slot = cgutils.alloca_once_value(builder, builder.trunc(args[0], I32))
        call_llvm(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [builder.bitcast(slot, I8.as_pointer())])
    return context.get_dummy_value()
