"""The timed training kernel trains like the other one, and its timers add up."""

import copy

import numba
import numpy as np
import pytest

from fastmlp import ArgumentTypeError, kernels
from fastmlp._base import tables
from fastmlp._compiling import threads
from fastmlp.kernels import simd
from fastmlp.kernels.network import run

from .. import cases
from ..shared.processes import needs_jit

NAMES = [parameter.name for parameter in kernels.train_batches.parameters]
TIMERS, STRIPS, PLAN = map(NAMES.index, ("timers", "strips", "plan"))
PHASES = ("GATHER", "FORWARD", "LOSS", "BACKWARD", "GRADIENTS", "UPDATE")


@numba.njit
def now():
    return simd.ticks()


def arguments(dtype, **options):
    return cases.train_batches(np.random.default_rng(0), np.dtype(dtype), 64, 150, 20, 33, 7, **options)


def timed(args):
    """The same arguments, copied, with timers."""
    args = copy.deepcopy(args)
    rows = 1 + max(args[PLAN].view(tables.PLAN)[0].blocks, len(args[STRIPS]))  # of the call, of blocks and of strips
    args[TIMERS] = np.zeros(rows * tables.PHASES, np.int64)
    return args


def in_turn(kernel, args, n_threads=1):
    before = now()
    kernel.run(args[0].dtype, n_threads, *args)
    return now() - before


def test_the_phases_have_names():
    assert [getattr(tables, name) for name in PHASES] == list(range(tables.PHASES))


@pytest.mark.parametrize("options", [{}, {"pixels": True}, {"soft": True}, {"most_blocks": 1}], ids=str)
def test_timed_training_gives_the_same_bits(options):
    args = arguments("float32", **options)
    with_timers = timed(args)
    kernels.train_batches(*args)
    is_sparse = options.get("skips", False)
    (run.train_batches_sparse_timed if is_sparse else run.train_batches_timed)(*with_timers)
    for position, (plain, comp) in enumerate(zip(args, with_timers, strict=True)):
        assert position == TIMERS or np.array_equal(plain, comp, equal_nan=isinstance(plain, np.ndarray))


def test_every_phase_takes_time_and_all_together_no_more_than_there_was():
    args = timed(arguments("float32"))
    in_turn(run.train_batches_timed, timed(args))  # compiled or loaded
    wall = in_turn(run.train_batches_timed, args)
    phases = args[TIMERS].reshape(-1, tables.PHASES)[1:].sum(axis=0)
    assert (args[TIMERS] >= 0).all()
    assert (phases > 0).all(), dict(zip(PHASES, phases, strict=True))
    assert phases.sum() <= wall


@needs_jit
def test_timers_of_two_threads_add_up_to_the_time_of_both():
    if threads.available_threads() < 2:
        pytest.skip("this machine has one core")
    args = timed(arguments("float32", n_threads=2))
    in_turn(run.train_batches_timed, timed(args), 2)
    wall = in_turn(run.train_batches_timed, args, 2)
    phases = args[TIMERS].reshape(-1, tables.PHASES)[1:].sum(axis=0)
    assert (phases > 0).all(), dict(zip(PHASES, phases, strict=True))
    assert phases.sum() <= 2 * wall


def test_timers_are_added_to():
    args = timed(arguments("float32"))
    args[TIMERS][:] = 1_000_000_000_000
    run.train_batches_timed(*args)
    assert (args[TIMERS] >= 1_000_000_000_000).all()
    assert (args[TIMERS] > 1_000_000_000_000).any()


def test_the_kernel_for_work_takes_no_timers():
    with pytest.raises(ArgumentTypeError, match="timers is written in place and must be a writable C-contiguous int8"):
        kernels.train_batches(*timed(arguments("float32")))


def test_the_clock_goes_forward():
    times = [now() for _ in range(100)]
    assert times == sorted(times)
    assert times[0] < times[-1]
