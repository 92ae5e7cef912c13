"""The CPU's clock, for kernels with timers."""

import time

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types

from .lowering import I1, I64, lowered

# x86 counts cycles of a constant rate; 64-bit ARM lets programs read only its steady counter.
_COUNTER = "llvm.readsteadycounter" if llvm.get_process_triple().startswith("aarch64") else "llvm.readcyclecounter"


def ticks():
    """A count that grows with time, at a rate of the CPU."""
    return time.perf_counter_ns()


@lowered(ticks, lambda: types.int64)
def _ticks(context, builder, sig, args):
    function = builder.module.declare_intrinsic(_COUNTER, fnty=ir.FunctionType(I64, []))
    return builder.call(function, [])


def is_timed(timers):
    """Whether ``timers`` counts ticks (int64) or stands for no timers (int8); a constant once compiled."""
    return timers.itemsize == 8


@lowered(is_timed, lambda timers: types.boolean if isinstance(timers, types.Array) else None, types.Array)
def _is_timed(context, builder, sig, args):
    return I1(sig.args[0].dtype == types.int64)
