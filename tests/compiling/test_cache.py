"""The kernel cache: nothing is compiled twice, and damage costs the cache only."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import kernels
from fastmlp._compiling import cache, jit

from ..shared.models import data, network
from ..shared.processes import FORK, needs_jit, run_python, started


@needs_jit
def test_no_other_network_or_setting_compiles_anything():
    x, y = data()
    for features in (x, x.astype(np.uint8)):  # numbers and pixels: a few rows of each have a kernel of their own
        warm = network()
        warm.fit(features, y, verbose=0)
        warm.evaluate(features, y)
        warm.predict(features)
    before = list(jit.compilations)
    for hidden, optimizer, batch in [((), "sgd", 1), ((3, 50, 7), fm.Adam(0.1, beta_1=0.5), 33), ((200,), "adam", 500)]:
        for features in (x.astype(np.float64), x.astype(np.uint8), np.asfortranarray(x), x.tolist()):
            model = network(hidden, optimizer=optimizer)
            model.fit(features, np.eye(4)[y], batch_size=batch, verbose=0, shuffle=batch == 1, n_threads=1)
            model.evaluate(features, y)
            model.predict(features)
    assert jit.compilations == before


@needs_jit
def test_a_second_process_compiles_nothing(tmp_path):
    code = (
        FORK
        + """
model.fit(x[:100], y[:100], verbose=0)
model.evaluate(x[:100], y[:100])
print(jit.compilations)
"""
    )
    run_python(code)
    assert run_python(code) == "[]"


@pytest.fixture
def cache_in(tmp_path, monkeypatch):
    """A kernel cache of its own."""
    monkeypatch.setattr(cache, "_places", cache.Places(tmp_path))
    return tmp_path


def fresh_kernel():
    return jit.Kernel(kernels.shuffle.function, kernels.shuffle.declaration)


def shuffled(kernel):
    order = np.arange(50, dtype=np.int64)
    kernel.run(np.float64, 1, order, 3, 0)
    return order.tolist()


DAMAGE = {
    "empty": lambda content: b"",
    "garbage": lambda content: b"\x80\x04garbage" * 100,
    "header only": lambda content: content.partition(b"\n")[0] + b"\n",
    "first half": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "one byte more": lambda content: content + b"x",
    "one bit": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
}


@needs_jit
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_kernel_file_is_replaced(damage, cache_in):
    wanted = shuffled(fresh_kernel())
    (file,) = cache_in.glob("*.kernel")
    content = file.read_bytes()
    file.write_bytes(DAMAGE[damage](content))
    assert shuffled(fresh_kernel()) == wanted
    compiled = len(jit.compilations)
    assert shuffled(fresh_kernel()) == wanted  # from the file that replaced it
    assert len(jit.compilations) == compiled


@needs_jit
def test_a_folder_in_place_of_a_kernel_file_costs_the_cache_only(cache_in):
    wanted = shuffled(fresh_kernel())
    (file,) = cache_in.glob("*.kernel")
    file.unlink()
    file.mkdir()
    assert shuffled(fresh_kernel()) == wanted


@needs_jit
def test_a_cache_folder_that_vanishes_costs_the_cache_only(cache_in, monkeypatch):
    monkeypatch.setattr(cache, "_places", cache.Places(cache_in / "vanished"))
    assert sorted(shuffled(fresh_kernel())) == list(range(50))


@needs_jit
def test_no_cache_folder_at_all_still_compiles(monkeypatch):
    monkeypatch.setattr(cache, "_places", cache.Places(None))
    assert sorted(shuffled(fresh_kernel())) == list(range(50))


CACHED_IN = """
import warnings
import numpy as np
from fastmlp import kernels
from fastmlp._compiling import cache
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    order = np.arange(50, dtype=np.int64)
    kernels.shuffle.run(np.float64, 1, order, 3, 0)
assert sorted(order) == list(range(50))
print(len([w for w in caught if w.category is RuntimeWarning]), cache.cache_folder())
"""


@needs_jit
@pytest.mark.parametrize(
    "unwritable",
    [
        {"FASTMLP_CACHE_DIR": "{file}/below"},
        {"FASTMLP_CACHE_DIR": "{file}"},
        {"FASTMLP_CACHE_DIR": "~nobody-of-that-name/cache"},
        {"FASTMLP_CACHE_DIR": None, "XDG_CACHE_HOME": None, "HOME": "{file}"},
        {"FASTMLP_CACHE_DIR": None, "XDG_CACHE_HOME": None, "HOME": "/dev/null"},
    ],
    ids=str,
)
def test_an_unwritable_cache_folder_gives_one_warning_and_a_temporary_cache(unwritable, tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    (tmp_path / "temporary").mkdir()
    environment = {name: value and value.format(file=file) for name, value in unwritable.items()}
    output = run_python(CACHED_IN, TMPDIR=str(tmp_path / "temporary"), **environment)
    count, folder = output.split(" ", 1)
    assert count == "1"
    assert Path(folder).is_relative_to(tmp_path / "temporary")


@needs_jit
@pytest.mark.skipif(os.name != "posix", reason="HOME")
def test_a_process_without_home_finds_a_cache_folder(tmp_path):
    environment = {"HOME": None, "FASTMLP_CACHE_DIR": None, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    count, folder = run_python(CACHED_IN, **environment).split(" ", 1)
    assert count == "0"
    assert Path(folder).is_relative_to(tmp_path / "cache")


FILE_APPEARS = """
import contextlib, sys
import numpy as np
from fastmlp import kernels
from fastmlp._compiling import cache, jit

def run():
    kernel = jit.Kernel(kernels.shuffle.function, kernels.shuffle.declaration)
    kernel.run(np.float64, 1, np.arange(50), 3, 0)

run()
(file,) = cache.cache_folder().glob("*.kernel")
content = file.read_bytes()
file.unlink()
usual = cache.compile_lock

@contextlib.contextmanager
def another_process_was_first(folder, name):
    with usual(folder, name):
        file.write_bytes(content)
        yield

cache.compile_lock = another_process_was_first
run()
print(len(jit.compilations))
"""


@needs_jit
def test_a_kernel_that_another_process_compiled_during_the_wait_for_it_is_loaded(tmp_path):
    assert run_python(FILE_APPEARS, FASTMLP_CACHE_DIR=str(tmp_path / "cache")) == "1"


@needs_jit
def test_processes_that_compile_at_the_same_time_all_succeed(tmp_path):
    cache_dir = tmp_path / "cache"
    processes = [started("-W", "error", "-c", CACHED_IN, FASTMLP_CACHE_DIR=str(cache_dir)) for _ in range(3)]
    outputs = {process.communicate(timeout=120)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(outputs) == 1
    assert list(cache_dir.rglob(".*.kernel.*")) == []


def test_clear_removes_nothing_but_kernel_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTMLP_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path / "none"))
    ours, theirs = tmp_path / "0.1.0-0123456789abcdef", tmp_path / "thesis-final"
    for folder in (ours, theirs):
        folder.mkdir()
        (folder / "a.kernel").write_bytes(b"x" * 10)
    assert cache.clear() == 10
    assert not ours.exists()
    assert theirs.exists()
    monkeypatch.setattr(cache, "_places", None)


def test_cache_folder_depends_on_what_code_depends_on(monkeypatch):
    key = cache.cache_key()
    assert key == cache.cache_key()
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    assert key == cache.cache_key()
    monkeypatch.setenv("NUMBA_OPT", "1")
    assert key != cache.cache_key()


def test_fallbacks_of_the_cache_folder(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("FASTMLP_CACHE_DIR", str(blocked / "below"))
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
    with pytest.warns(RuntimeWarning, match="cached in .* instead. Set FASTMLP_CACHE_DIR"):
        folder = cache._choose_places().folder
    assert folder.parent.parent == tmp_path
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(blocked))
    with pytest.warns(RuntimeWarning, match="compiled in every process"):
        assert cache._choose_places().folder is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions as on POSIX")
def test_a_temporary_cache_that_others_can_write_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
    tmp_path.chmod(0o777)
    unused = []
    assert cache._made(cache._temporary, "key", unused) is None
    assert "can be written by others" in unused[0]


def test_damaged_kernel_files_count_as_missing(tmp_path):
    file = cache.KernelFile(cache.Places(tmp_path), "name")
    assert file.load_overload("sig", None) is None
    for content in (b"", b"fastmlp-kernel-1 0000\nrest", os.urandom(100)):
        (tmp_path / "name.kernel").write_bytes(content)
        assert file.load_overload("sig", _Context()) is None
        assert not file.exists()
    assert cache.KernelFile(cache.Places(None), "name").load_overload("sig", None) is None


class _Context:
    def refresh(self):
        pass


@pytest.mark.needs_jit
def test_cold_and_warm_processes(tmp_path):
    """A cold process compiles and says so, once; a warm one loads; a damaged file is made again."""
    code = (
        "import numpy as np; from fastmlp import kernels; from fastmlp._compiling import jit;"
        "y = np.empty((1, 3), np.float32);"
        "kernels.relu_forward(y, [[-1, 0, 2]]); kernels.relu_backward(y, y, y); print(y.tolist(), jit.compilations)"
    )

    def run():
        environment = {**os.environ, "FASTMLP_CACHE_DIR": str(tmp_path)}
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)

    cold, warm = run(), run()
    assert "['relu_forward_float32_serial', 'relu_backward_float32_serial']" in cold.stdout
    assert all("fastmlp: compiling relu_" in line for line in cold.stderr.splitlines())  # those that take long
    assert warm.stdout.strip().endswith("[]")
    assert warm.stderr == ""
    [file] = tmp_path.glob("*/relu_forward_float32_serial.kernel")
    file.write_bytes(file.read_bytes()[:-100])
    mended = run()
    assert "['relu_forward_float32_serial']" in mended.stdout
    assert run().stdout.strip().endswith("[]")


@pytest.mark.needs_jit
def test_compiling_kernels_leaves_numba_as_it_was(tmp_path):
    """Functions of the user's own that call what our kernels called first still compile and run."""
    code = """
import numpy as np, numba
from fastmlp import kernels
y = np.empty((40, 3), np.float32)
kernels.dense_forward(y, np.ones((40, 2)), np.ones((2, 3)), np.ones(3))
kernels.dense_forward.variant("float32", parallel=True)
kernels.predict_rows.variant("float32", parallel=False)

@numba.njit
def own(n):
    a = np.empty(n, np.float32).reshape(n // 2, 2)
    a[:] = 2.0
    return np.isfinite(a).sum() + min(a.size, 3) ** n + np.sqrt(a).sum()

@numba.njit(parallel=True)
def own_parallel(n):
    out = np.empty(n)
    for i in numba.prange(n):
        out[i] = np.empty(3, np.float32).size ** 2
    return out.sum()

assert own(4) == own.py_func(4), own(4)
assert own_parallel(10) == 90
assert numba.extending.is_jitted(own)
"""
    environment = {**os.environ, "FASTMLP_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)


@pytest.mark.skipif(sys.platform == "win32", reason="locks as on POSIX")
def test_a_lock_that_cannot_be_had_does_not_stop_anybody(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_LOCK_SECONDS", 0.1)
    with cache.compile_lock(tmp_path, "k"), cache.compile_lock(tmp_path, "k"), cache.compile_lock(None, "k"):
        pass
