"""Calls of kernels with arguments that are wrong in every way that we could think of.

Each array lies between guards, whose bytes must be the same after the call, as must those of all inputs. A call either
succeeds, or is refused by an error of ours. A write far away ends the process: the seed tells which call it was.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp import ArgumentError, ArgumentTypeError, jitted, kernels, losses
from fastmlp.layers import Activation, BatchNormalization, Dense, Dropout, GaussianNoise, LayerNormalization, Residual

from .. import cases
from ..examples import ONE_LAYER, RULES
from ..shared import own

GUARD = 4096  # bytes on each side of an array
FILLING = 0xA5

NETWORKS = ("train_batches", "evaluate_batches", "predict_batches", "predict_rows", "network_update")
TABLES = ("ops", "strips", "stages", "plan", "network", "settings")
STACKS = (
    [Dense(9, "relu"), Dense(3, "softmax")],
    [Dense(33, "tanh"), Dropout(0.2), Dense(5, use_bias=False), Activation("gelu"), Dense(3, "softmax")],
    [Dense(9), BatchNormalization(), Activation("relu"), Dense(3, "softmax")],
    [BatchNormalization(), Dense(5, "softmax")],
    [GaussianNoise(0.1), LayerNormalization(), Dense(9, "relu"), BatchNormalization(trainable=False), Dense(3)],
    [Dense(9, "relu"), Residual([LayerNormalization(), Dense(17, "silu"), Dense(9)]), Dense(3, "sigmoid")],
    [Dense(9, own.BELL), Activation(own.SWISHY), Dense(3)],
    [Dense(9, "relu", trainable=False), Dense(4, max_norm=0.5, kernel_regularizer="l2"), Dense(1)],
    *([layer, Dense(9), layer, Dense(3)] for layer in ONE_LAYER.values()),
)
WHOLE = (0, 1, -1, 2, 3, 7, 255, 2**16, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, -(2**31), -(2**63))
NUMBERS = (*WHOLE, 2**63, 10**30, 10**5000, 0.5, float("nan"), float("inf"), -0.0, 1e308, 1e-320, 1j, "1", b"2", None)
ODD = (None, "text", 3, [], [[]], [[1.0], [1.0, 2.0]], {}, object(), np.float32(1), np.array("x"), np.array(None))


class Fault(Exception):
    """A kernel wrote where it may not."""


def attack(random: np.random.Generator, folder: Path) -> None:
    """Make one call; raises what must not happen."""
    # The tables of networks have the most ways to be wrong.
    names = [*kernels.__all__, *NETWORKS, *NETWORKS, *["jitted"] * 6]
    name = str(random.choice(names))
    args = arguments(random, "predict_rows" if name == "jitted" else name)
    args = as_jitted(random, args) if name == "jitted" else args
    kernel = kernels.predict_rows if name == "jitted" else cases.form_of(name, args)
    guarded = Guarded(kernel, args)
    called = guarded.args
    for _ in range(random.choice([0, 1, 1, 1, 2, 3])):
        called = mutated(random, kernel, called)
    before = guarded.noted(called)
    with contextlib.suppress(ArgumentError, ArgumentTypeError):
        call(name, kernel, called)
    guarded.check(before)


def arguments(random: np.random.Generator, name: str) -> list[Any]:
    """Right ones, of a small size."""
    case, dtype = cases.CASES[name], np.dtype(random.choice(["float32", "float64"]))
    if name not in NETWORKS:
        shape = [int(random.integers(0, 40)) if random.random() < 0.5 else n for n in random.choice(case.shapes)]
        shape = [max(1, n) for n in shape]
        return case.build(random, dtype, *shape)
    rows, width = int(random.integers(1, 70)), int(random.integers(1, 40))
    layers = list(STACKS[random.integers(len(STACKS))])
    is_softmax = getattr(layers[-1], "activation", "") == "softmax"
    options: dict[str, Any] = {"layers": layers, "loss": None if is_softmax else losses.MeanSquaredError()}
    if name == "network_update":
        return case.build(random, dtype, width, optimizer=RULES[random.integers(len(RULES))], **options)
    if name != "predict_rows":
        options |= {"n_threads": int(random.integers(1, 3)), "pixels": random.random() < 0.3}
        options |= {"soft": random.random() < 0.3, "weighted": random.random() < 0.3}
        options |= with_zeros(random, layers, options)
    if name == "train_batches":
        options |= {"optimizer": RULES[random.integers(len(RULES))], "with_outputs": random.random() < 0.3}
        return cases.train_batches(random, dtype, int(random.integers(1, rows + 1)), rows, width, **options)
    return case.build(random, dtype, rows, width, **options)


def with_zeros(random: np.random.Generator, layers: list[Any], options: dict[str, Any]) -> dict[str, Any]:
    """Perhaps many zeros, which are skipped, or sparse rows."""
    if random.random() < 0.5:
        return {}
    skips = isinstance(layers[0], Dense) and random.random() < 0.8
    return {
        "density": random.random(),
        "sparse": not options["pixels"] and random.random() < 0.5,
        "skips": skips,
    }


def as_jitted(random: np.random.Generator, args: list[Any]) -> list[Any]:
    """Perhaps with a mean behind the network, and with features of another type."""
    outputs, x, weights, network = args
    if random.random() < 0.5:
        network = np.concatenate([network, random.normal(size=x.shape[1]).view(np.int64)])
    if weights.dtype == np.float32 and random.random() < 0.5:
        x = x.astype(np.float64) if random.random() < 0.5 else (100 * np.abs(x)).astype(np.uint8)
    return [outputs, x, weights, network]


def call(name: str, kernel: Any, args: list[Any]) -> None:
    """The kernel, or the function for numba code as plain Python and, where the types fit, compiled."""
    if name != "jitted":
        kernel(*args)
        return
    if len(args) != 4 or not all(isinstance(a, np.ndarray) for a in args) or args[3].dtype != np.int64:
        return
    compiled = compiled_predict()
    fits = all(type(a) is np.ndarray for a in args)  # numba takes no masks
    fits = fits and [(a.dtype, a.ndim, a.flags.c_contiguous) for a in args] in compiled.fitting
    if not fits or not args[0].flags.writeable or any(np.shares_memory(args[0], a) for a in args[1:]):
        jitted.predict(*args)
        return
    results = [result_of(function, args) for function in (jitted.predict, compiled)]
    if not np.array_equal(*results, equal_nan=True):
        raise Fault("compiled code and Python do not agree")


def result_of(function: Any, args: list[Any]) -> Any:
    """What a function writes, or zeros if it refuses."""
    args[0][...] = 0
    with contextlib.suppress(ArgumentError, ArgumentTypeError):
        function(*args)
    return args[0].copy()


_compiled: list[Any] = []


def compiled_predict() -> Any:
    """A function of a user that numba has compiled for both dtypes."""
    if not _compiled:
        _compiled.append(CompiledPredict())
    return _compiled[0]


class CompiledPredict:
    def __init__(self) -> None:
        import numba

        @numba.njit
        def run(out, x, weights, network):  # type: ignore[no-untyped-def]
            jitted.predict(out, x, weights, network)

        self._run = run
        types = [("float32", "float32"), ("float64", "float64"), ("float32", "float64"), ("float32", "uint8")]
        self.fitting = [[(np.dtype(d), 2, True) for d in pair] for pair in types]
        for pair in self.fitting:
            pair += [(pair[0][0], 1, True), (np.dtype(np.int64), 1, True)]

    def __call__(self, *args: Any) -> None:
        writable = [a if a.flags.writeable else a.copy() for a in args]  # a read-only type would compile anew
        try:
            self._run(*writable)
        except ValueError as error:
            if not str(error).startswith(("network ", "out, x and weights", "x is uint8", "x must hold pixels")):
                raise


# ---------------------------------------------------------------- guards


class Guarded:
    """Copies of arguments that lie between guards."""

    def __init__(self, kernel: Any, args: list[Any]) -> None:
        self._kernel = kernel
        self._blocks: list[Any] = []
        self.args = [self._inside(a) if isinstance(a, np.ndarray) else a for a in args]

    def _inside(self, array: Any) -> Any:
        block = np.full(array.nbytes + 2 * GUARD, FILLING, np.uint8)
        self._blocks.append(block)
        copy = block[GUARD : GUARD + array.nbytes].view(array.dtype).reshape(array.shape)
        copy[...] = array
        return copy

    def noted(self, called: list[Any]) -> list[Any]:
        """What all blocks hold that may not change: everything but where the outputs of the call are."""
        spans = [
            span_of(value)
            for parameter, value in zip(self._kernel.parameters, called, strict=False)
            if parameter.is_output and isinstance(value, np.ndarray)
        ]
        self._fixed = [np.ones(block.size, bool) for block in self._blocks]
        for block, fixed in zip(self._blocks, self._fixed, strict=True):
            first = block.__array_interface__["data"][0]
            for start, stop in spans:
                fixed[max(0, start - first) : max(0, stop - first)] = False
        return [block[fixed] for block, fixed in zip(self._blocks, self._fixed, strict=True)]

    def check(self, before: list[Any]) -> None:
        """Raise if a byte has changed that is of no output."""
        for block, fixed, noted in zip(self._blocks, self._fixed, before, strict=True):
            if not np.array_equal(block[fixed], noted):
                changed = np.flatnonzero(fixed)[block[fixed] != noted] - GUARD
                raise Fault(f"bytes {changed[0]} to {changed[-1]} of {block.size - 2 * GUARD} changed")


def span_of(array: Any) -> tuple[int, int]:
    """First address of an array of any strides, and the one after its last."""
    address = array.__array_interface__["data"][0]
    if array.size == 0:
        return address, address
    steps = [stride * (n - 1) for stride, n in zip(array.strides, array.shape, strict=True)]
    return address + sum(min(0, s) for s in steps), address + sum(max(0, s) for s in steps) + array.itemsize


# ---------------------------------------------------------------- mutations


def mutated(random: np.random.Generator, kernel: Any, args: list[Any]) -> list[Any]:
    """One argument is another, or they stand otherwise."""
    args = list(args)
    if not args or random.random() < 0.02:
        return args[:-1] if random.random() < 0.5 else [*args, 1]
    number = int(random.integers(len(args)))
    in_tables = [i for i, p in enumerate(kernel.parameters[: len(args)]) if p.name in TABLES]
    if in_tables and random.random() < 0.6:
        number = int(random.choice(in_tables))
    if random.random() < 0.05:
        other = int(random.integers(len(args)))
        args[number], args[other] = args[other], args[number]
        return args
    value = args[number]
    if not isinstance(value, np.ndarray):
        args[number] = another_number(random, value)
    elif number in in_tables and value.size and value.dtype in (np.int64, np.float64) and random.random() < 0.85:
        args[number] = another_table(random, value)
    elif type(value) is np.ndarray and value.ndim and value.dtype.kind in "fiub":
        arrays = [a for a in args if type(a) is np.ndarray and a.size and a.flags.c_contiguous and a.dtype.kind != "O"]
        args[number] = another_array(random, value, arrays)
    return args


def another_number(random: np.random.Generator, value: Any) -> Any:
    """Another scalar."""
    if isinstance(value, (int, float)) and abs(value) < 2**62 and random.random() < 0.3:
        return value + int(random.choice([-1, 1, 2]))
    return NUMBERS[random.integers(len(NUMBERS))]


def another_table(random: np.random.Generator, table: Any) -> Any:
    """A copy with some numbers or rows changed."""
    table = table.copy(order="C")
    flat = table.reshape(-1)  # a view
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        at = int(random.integers(flat.size))
        way = random.integers(8)
        if way == 0:
            flat[at] = flat[random.integers(flat.size)]
        elif way == 1 and table.ndim == 2:
            first, second = random.integers(len(table), size=2)
            table[[first, second]] = table[[second, first]]
        elif way == 2:
            flat[at] = random.integers(-3, 100)
        elif way == 3:
            flat[at] = WHOLE[random.integers(len(WHOLE))]
        else:  # alone, or with all that are equal: such as the output of an operation and the input of the next
            with np.errstate(all="ignore"):
                places = at if way < 6 else flat == flat[at]
                flat[places] += int(random.choice([-64, -32, -8, -1, 1, 8, 16, 32, 64, 1000]))
    if random.random() < 0.1:
        return table[:-1] if random.random() < 0.5 else np.concatenate([table, table[-1:]])
    return table


def another_array(random: np.random.Generator, array: Any, arrays: list[Any]) -> Any:
    """Of another shape, dtype, layout or place, or with other numbers."""
    other = arrays[random.integers(len(arrays))] if arrays else array
    axis = int(random.integers(array.ndim))
    longer = [n + int(i == axis) * int(random.choice([1, 1, 5, 1000])) for i, n in enumerate(array.shape)]
    ways = (
        lambda: array[tuple(slice(0, max(0, n - (i == axis))) for i, n in enumerate(array.shape))].copy(),
        lambda: np.zeros(longer, array.dtype),
        lambda: array[:0],
        lambda: np.ascontiguousarray(array.T),
        lambda: array.reshape(-1),
        lambda: array[None],
        lambda: np.asfortranarray(array),
        lambda: np.repeat(array, 2, axis=-1)[..., ::2],
        lambda: array[::-1],
        lambda: array.astype(random.choice(["float16", "float32", "float64", "int8", "int64", "uint8", "uint64", "O"])),
        lambda: array.astype(array.dtype.newbyteorder()),
        lambda: read_only(array),
        lambda: np.ma.masked_array(array, array == array),
        lambda: unaligned(array),
        lambda: filled(array, random.choice([np.nan, np.inf, -1e30, -1, 2**31, 1e19])),
        lambda: array[random.permutation(len(array))],
        lambda: filled(array, random.integers(-2, max(2, 2 * array.size), array.shape)),
        lambda: other,
        lambda: shifted(random, array, other),
        lambda: array.tolist(),
        lambda: np.broadcast_to(array.reshape(-1)[:1], array.shape) if array.size else array,
        lambda: ODD[random.integers(len(ODD))],
    )
    with np.errstate(all="ignore"):
        return ways[random.integers(len(ways))]()


def read_only(array: Any) -> Any:
    view = array[...]
    view.flags.writeable = False
    return view


def filled(array: Any, values: Any) -> Any:
    """In place, so that outputs stay between their guards; numbers that do not fit are left out."""
    with contextlib.suppress(OverflowError, ValueError):
        array[...] = values
    return array


def unaligned(array: Any) -> Any:
    memory = np.zeros(array.nbytes + 1, np.uint8)
    view = memory[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def shifted(random: np.random.Generator, array: Any, other: Any) -> Any:
    """As many numbers as ``array`` has, that begin within ``other``."""
    flat = np.ascontiguousarray(other).reshape(-1).view(np.uint8)
    start = int(random.integers(0, 9)) * array.itemsize
    part = flat[start : start + array.nbytes]
    return part.view(array.dtype).reshape(array.shape) if part.size == array.nbytes else array
