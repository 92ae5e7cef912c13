"""SIMD words and elementary functions: compiled and plain Python mean the same; accuracy over the whole range."""

import platform

import numpy as np
import pytest

from fastmlp import kernels
from fastmlp._compiling.jit import jit_disabled
from fastmlp.kernels import simd

from ..shared.processes import run_python


def ulp_error(computed, exact):
    """Distance from the exact value in units in the last place of the computed dtype."""
    spacing = np.spacing(np.abs(exact).astype(computed.dtype)).astype(np.longdouble)
    return np.abs(computed.astype(np.longdouble) - exact) / spacing


def exp_range(dtype):
    low, high = (-87.3, 88.7) if dtype == np.float32 else (-708.3, 709.7)
    count = 2_000 if jit_disabled() else 1_000_001
    return np.linspace(low, high, count).astype(dtype)


def test_exp_is_accurate_over_the_whole_range(dtype):
    x = exp_range(dtype)
    y = np.empty_like(x)
    kernels.exp(y, x)
    assert ulp_error(y, np.exp(x.astype(np.longdouble))).max() < 2


def test_log_is_accurate_over_the_whole_range(dtype):
    info = np.finfo(dtype)
    count = 2_000 if jit_disabled() else 500_000
    wide = np.exp(np.linspace(np.log(float(info.tiny)) + 1e-6, np.log(float(info.max)) - 1e-6, count))
    near_one = np.linspace(0.5, 2, count)
    x = np.concatenate([wide, near_one]).astype(dtype)
    y = np.empty_like(x)
    kernels.log(y, x)
    exact = np.log(x.astype(np.longdouble))
    assert ulp_error(y, exact)[exact != 0].max() < 3
    assert (y[exact == 0] == 0).all()


def test_exp_and_log_of_special_values(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e6, -1e6], dtype)
    y = np.empty_like(x)
    kernels.exp(y, x)
    np.testing.assert_array_equal(y, np.array([np.nan, np.inf, 0, 1, 1, np.inf, 0], dtype))
    x = np.array([np.nan, np.inf, -1.0, 0.0, 1.0, -np.inf], dtype)
    y = np.empty_like(x)
    kernels.log(y, x)
    np.testing.assert_array_equal(y, np.array([np.nan, np.inf, np.nan, -np.inf, 0, np.nan], dtype))


def test_exp_underflows_gradually_and_log_reads_denormals(dtype):
    tiny = np.finfo(dtype).tiny
    x = np.array([np.log(float(tiny)) - 2], dtype)
    y, back = np.empty_like(x), np.empty_like(x)
    kernels.exp(y, x)
    assert 0 < y[0] < tiny
    kernels.log(back, y)
    assert back[0] == pytest.approx(x[0], rel=1e-4)


# ---------------------------------------------------------------- every word, compiled against plain Python


def run_compiled(function, *arrays):
    import numba

    numba.njit(function)(*arrays)


def words(out, a, b, c):
    """Uses every word once or more; writes one vector after the other."""
    n = simd.lanes(a)
    x, y, z = simd.load(a, 0), simd.load(b, 1), simd.splat(c, 0.75)
    simd.store(out, 0, x + y * 2.0 - 1.0 / z)
    simd.store(out, n, simd.fma(x, y, z))
    simd.store(out, 2 * n, simd.fma(x, 0.5, -y))
    simd.store(out, 3 * n, simd.maximum(0.0, x))
    simd.store(out, 4 * n, simd.minimum(x, y))
    simd.store(out, 5 * n, simd.where(x > y, x, 0.0))
    simd.store(out, 6 * n, simd.where(x <= 0.25, 1.0, y))
    simd.store(out, 7 * n, simd.sqrt(x * x))
    simd.store(out, 8 * n, simd.rint(x * 3.0))
    simd.store(out, 9 * n, simd.pow2(simd.rint(y * 4.0)))
    simd.store(out, 10 * n, simd.exponent(x * x + 0.1))
    simd.store(out, 11 * n, simd.mantissa(x * x + 0.1))
    simd.store(out, 12 * n, simd.load_first(a, 3, 2))
    simd.store(out, 13 * n, simd.lane_numbers(a) * simd.max_lanes(x))
    simd.store_first(out, 14 * n, x, n - 1)
    simd.store_first(out, 15 * n, x, 0)
    simd.store(out, 16 * n, simd.splat(a, simd.sum_lanes(x)))
    simd.store(out, 17 * n, simd.where(x >= y, simd.where(x < 2.0, x, y), simd.where(x == y, 7.0, y)))


def tiles(out, a, b):
    p = simd.panel(a)
    tile = simd.load_tile(4, 1, b, 0, p, 0)
    for k in range(3):
        tile = simd.rank1(tile, a, k, 5, b, k * p, 0)
    simd.store_tile(simd.add_row(tile, b, p), out, 0, p, 0)
    simd.store_tile(simd.rank1(simd.zero_tile(1, 1, a), a, 0, 0, b, p, 0), out, 4 * p, p, 0)


def wide_tiles(out, a, b):
    p = simd.panel(a)
    tile = simd.load_tile(1, 4, b, 1, p, 3 * p)  # four panels, 3·p apart
    for k in range(3):
        tile = simd.rank1(tile, a, k, 0, b, k * p, 2 * p)
    simd.store_tile(simd.add_row(tile, b, 5), out, 2, p, p + 1)
    simd.store_tile(simd.rank1(simd.zero_tile(2, 2, a), a, 1, 7, b, p, 5), out, 6 * p, 2 * p, p)


def prefetches(out, a):
    simd.prefetch(a, 3)
    simd.prefetch(a, len(a) + 100)  # beyond the end: a hint, not an access
    simd.prefetch_to_write(out, 0)
    out[0] = a[3]


def turning(out, a):
    n = simd.lanes(a)
    simd.transpose(out, 0, n, a, 1, n + 2)


def bytes_to_floats(out, pixels):
    simd.store(out, 0, simd.load_bytes(pixels, 3, out) * 0.5)


PAIR = np.dtype((np.record, [("number", np.int64), ("fraction", np.float64)]))


def views(out, a):
    n = simd.lanes(a)
    for start in (0, 1, n):
        simd.store(out, start * n, simd.load(simd.tail(a, start), 0))
    out[n] = simd.tail(a, -1).size + 10 * simd.tail(a, 3).size
    table = np.zeros((3, 2), np.int64)
    pairs = simd.records(table, PAIR)
    pairs[1].number, pairs[2].fraction = 7, 0.5
    out[n + 1] = table[1, 0] + pairs[1].number + pairs[2].fraction + 100 * pairs.size


@pytest.mark.needs_jit
@pytest.mark.parametrize("function", [words, tiles, wide_tiles, prefetches, turning, views])
def test_words_mean_the_same_compiled(function, dtype, rng):
    operands = [rng.normal(size=1200).astype(dtype) for _ in range(function.__code__.co_argcount - 1)]
    plain, compiled = np.zeros(1200, dtype), np.zeros(1200, dtype)
    function(plain, *operands)
    run_compiled(function, compiled, *operands)
    np.testing.assert_allclose(compiled, plain, rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)


@pytest.mark.needs_jit
def test_bytes_become_floats(dtype, rng):
    pixels = rng.integers(0, 256, 64, np.uint8)
    plain, compiled = np.zeros(64, dtype), np.zeros(64, dtype)
    bytes_to_floats(plain, pixels)
    run_compiled(bytes_to_floats, compiled, pixels)
    assert np.array_equal(plain, compiled)
    assert plain[0] == pixels[3] / 2


def test_plain_words_refuse_to_leave_the_array():
    a = np.zeros(simd.lanes(np.zeros(0, np.float32)), np.float32)
    for call in (
        lambda: simd.load(a, 1),
        lambda: simd.load(a, -1),
        lambda: simd.store(a, 1, a),
        lambda: simd.load_first(a, len(a), 1),
        lambda: simd.store_first(a, len(a), a, 1),
    ):
        with pytest.raises(AssertionError, match="out of bounds"):
            call()


@pytest.mark.needs_jit
def test_compiled_words_refuse_to_leave_the_array_under_bounds_checks(tmp_path):
    code = """
import numba, numpy as np
from fastmlp.kernels import simd

@numba.njit
def read(a, i):
    return simd.sum_lanes(simd.load(a, i))

a = np.ones(100)
read(a, 100 - simd.lanes(a))
for i in (101 - simd.lanes(a), -1):
    try:
        read(a, i)
    except IndexError as error:
        print(error)
"""
    assert run_python(code, NUMBA_BOUNDSCHECK="1").splitlines() == ["SIMD access out of bounds"] * 2


# ---------------------------------------------------------------- builds for other CPUs


def run_for(code, **variables):
    """Output of a program that makes code for the CPU that the variables ask for."""
    asked = ("FASTMLP_LANES", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX")
    return run_python(code, **{**dict.fromkeys(asked), **variables})


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="the features are those of x86-64")
def test_lanes_and_the_cache_follow_the_features_that_code_is_made_for():
    code = (
        "from fastmlp._compiling import cache; from fastmlp.kernels import simd; print(simd.LANES, cache.cache_key())"
    )
    builds = {
        "avx512": {"NUMBA_CPU_FEATURES": "+avx2,+fma,+avx512f"},
        "masked": {"NUMBA_CPU_FEATURES": "+avx2,+fma,-avx512f"},
        "named": {"NUMBA_CPU_FEATURES": "+avx2,+fma,-avx512f", "NUMBA_CPU_NAME": "haswell"},
        "forced": {"NUMBA_CPU_FEATURES": "+avx2,+fma,-avx512f", "FASTMLP_LANES": "4"},
        "generic": {"NUMBA_CPU_NAME": "generic"},
    }
    found = {name: run_for(code, **variables).split() for name, variables in builds.items()}
    lanes = {name: int(number) for name, (number, _) in found.items()}
    assert lanes == {"avx512": 16, "masked": 8, "named": 8, "forced": 4, "generic": 4}
    assert len({key for _, key in found.values()}) == len(builds)
