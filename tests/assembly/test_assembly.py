"""The k loop of every tile holds nothing but its work: no vector goes to the stack, and vectors are the widest ones."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastmlp._compiling import cache as _cache
from fastmlp.kernels import simd
from tests import assembly

TEXTS = Path(__file__).parent / "listings"
KERNELS = [
    "train_batches:float32:parallel",
    "train_batches:float64:serial",
    "predict_batches:float32:serial",
]
PARTS = ["dense_forward:float32:serial", "dense_backward_parameters:float32:serial"]  # the same loops, sooner compiled


# ---------------------------------------------------------------- the rules


def check_loops(text, dialect, vector_bytes, tile_sizes):
    """Judge the loops of matrix products in a text; ``tile_sizes`` are the vectors in each tile of the library."""
    loops = assembly.product_loops(text, dialect)
    for loop in loops:
        assert not loop.spills, f"vectors go through the stack in {loop}"
        assert loop.widths == {vector_bytes}, f"vectors of {loop.widths} bytes, not {vector_bytes}, in {loop}"
        counted = len(loop.multiply_adds)
        if dialect.multiply:  # sums move between registers, so they cannot be told from products
            assert any(counted % size == 0 for size in tile_sizes), f"no tile needs this: {loop}"
        else:
            assert loop.sums in tile_sizes, f"no tile has {loop.sums} vectors: {loop}"
            assert counted % loop.sums == 0, f"not a whole number of steps: {loop}"
    missing = set(tile_sizes) - {loop.sums for loop in loops}
    assert dialect.multiply or not missing, f"no loop for tiles of {missing} vectors"
    assert loops


def check_kernels(found):
    """Judge all that a run of ``python -m tests.assembly`` wrote."""
    dialect = assembly.dialect_of(found["triple"], {"fma", "avx512f"} & set(found["features"]))
    if dialect is None:
        pytest.skip(f"no dialect for {found['triple']}")
    for name, text in found["texts"].items():
        dtype = name.split(":")[1]
        sizes = [size for tile, size in found["tiles"] if tile == dtype]
        check_loops(text, dialect, found["vector_bytes"], sizes)


def widest(features):
    """Bytes in the largest vectors of a CPU with these features."""
    return 64 if "avx512f" in features else 32 if "avx2" in features else 16


# ---------------------------------------------------------------- the compiled kernels


def compiled(file, kernels, environment):
    """What ``python -m tests.assembly`` writes, from an earlier run if nothing has changed since."""
    if not file.exists():
        command = [sys.executable, "-m", "tests.assembly", file, *kernels]
        root = Path(__file__).parents[2]
        subprocess.run(command, env={**os.environ, **environment}, cwd=root, check=True)
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def folder(request, tmp_path_factory):
    """A place for texts that later runs of the tests find again; it holds those of one state of the kernels."""
    own = hashlib.sha256(Path(assembly.__file__).read_bytes()).hexdigest()[:8]
    state = f"{_cache.cache_key()}-{own}"
    cache = getattr(request.config, "cache", None)
    kept = cache.mkdir("assembly") if cache else tmp_path_factory.mktemp("assembly")
    for old in kept.glob("*.json"):
        if not old.name.startswith(state):
            old.unlink()
    return kept / state


@pytest.fixture
def plain_build():
    """Skips where the build is one whose loops nobody promised anything about."""
    from numba.core import config

    if config.BOUNDSCHECK:
        pytest.skip("bounds checks are in all loops")
    if widest([name for name, present in simd.FEATURES.items() if present]) < simd.VECTOR_BYTES:
        pytest.skip("FASTMLP_LANES asks for vectors that this CPU does not have")


@pytest.mark.needs_jit
def test_k_loops_of_this_build(plain_build, folder):
    found = compiled(folder.with_name(f"{folder.name}-host.json"), KERNELS, {})
    assert {"float32", "float64"} == {dtype for dtype, _ in found["tiles"]}
    check_kernels(found)


def test_vectors_are_the_widest_of_the_feature_list():
    if os.environ.get("FASTMLP_LANES"):
        pytest.skip("FASTMLP_LANES is set")
    assert widest([name for name, present in simd.FEATURES.items() if present]) == simd.VECTOR_BYTES


# ---------------------------------------------------------------- builds for other CPUs, made but not run

SSE2 = "+64bit,+cmov,+cx8,+fxsr,+mmx,+sse,+sse2"
AVX2 = f"{SSE2},+cx16,+sahf,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe"
AVX512 = f"{AVX2},+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl"


@pytest.mark.needs_jit
@pytest.mark.parametrize(
    ("name", "features", "size"),
    [("x86-64", SSE2, 16), ("haswell", AVX2, 32), ("skylake-avx512", AVX512, 64), ("znver4", AVX512, 64)],
    ids=["x86-64", "haswell", "skylake-avx512", "znver4"],
)
def test_k_loops_of_other_builds(name, features, size, plain_build, folder, tmp_path):
    if not _cache.target_cpu()[0].startswith("x86_64"):
        pytest.skip("the builds are for x86-64")
    if size == simd.VECTOR_BYTES == 32:
        pytest.skip("the plain build is like this one")
    if {"FASTMLP_LANES", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_BOUNDSCHECK"} & os.environ.keys():
        pytest.skip("this is another build already")
    environment = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "FASTMLP_CACHE_DIR": str(tmp_path)}
    found = compiled(folder.with_name(f"{folder.name}-{name}.json"), PARTS, environment)
    assert found["vector_bytes"] == size
    check_kernels(found)
    assert not [text for text in found["texts"].values() if "fmaf" in text]  # the C library's, one lane at a time


# ---------------------------------------------------------------- the rules can fail


def judged(name, dialect=assembly.X86, vector_bytes=32, tile_sizes=(4,)):
    check_loops((TEXTS / f"{name}.s").read_text(), dialect, vector_bytes, tile_sizes)


def test_a_clean_loop_passes():
    judged("clean")


@pytest.mark.parametrize("pointer", ["%rsp", "%rbp"])
def test_a_spill_is_found(pointer):
    text = (TEXTS / "spill.s").read_text().replace("%rsp)", f"{pointer})")
    with pytest.raises(AssertionError, match="through the stack"):
        check_loops(text, assembly.X86, 32, [4])


def test_a_frame_pointer_that_is_none_is_a_register_like_others():
    text = (TEXTS / "spill.s").read_text().replace("%rsp)", "%rbp)").replace("movq\t%rsp, %rbp", "movq\t%rdi, %rbp")
    assert not [loop for loop in assembly.product_loops(text, assembly.X86) if loop.spills]


def test_narrow_vectors_are_found():
    text = (TEXTS / "clean.s").read_text().replace("%ymm", "%xmm")
    with pytest.raises(AssertionError, match=r"vectors of \{16\} bytes, not 32"):
        check_loops(text, assembly.X86, 32, [4])


def test_a_tile_of_another_size_is_found():
    with pytest.raises(AssertionError, match="no tile has 4 vectors"):
        judged("clean", tile_sizes=(8,))


def test_a_tile_without_a_loop_is_found():
    with pytest.raises(AssertionError, match=r"no loop for tiles of \{12\} vectors"):
        judged("clean", tile_sizes=(4, 12))


def test_loops_are_followed_through_more_than_one_block():
    (loop,) = assembly.product_loops((TEXTS / "two_blocks.s").read_text(), assembly.X86)
    assert (len(loop.multiply_adds), loop.sums) == (4, 4)
    assert not loop.spills


def test_without_fma_products_are_added():
    judged("sse2", assembly.X86_WITHOUT_FMA, 16, (2,))


def test_arm_texts_are_read():
    judged("arm", assembly.ARM, 16, (4,))
    text = (TEXTS / "arm.s").read_text().replace("[x1, #16]", "[sp, #16]")
    with pytest.raises(AssertionError, match="through the stack"):
        check_loops(text, assembly.ARM, 16, [4])
