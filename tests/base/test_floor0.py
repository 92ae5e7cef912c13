"""The lowest floor: kernel declarations, the disk cache, threads, argument checks."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp._base import check
from fastmlp._base import files as _files
from fastmlp._compiling import cache, declaration, jit, threads
from fastmlp.callbacks import ProgressLine
from fastmlp.callbacks.progress_bar import _duration


def test_declarations_are_read():
    parsed = declaration.parse_declaration(
        "y[a, b], n[2 * (a + step)] int64 = "
        "x[a, b] in place, k[a] int64 < b, w[b] writable, rate float, step int >= 1 < b where a > 0, b > a"
    )
    assert [(p.name, p.dims, p.kind, p.is_output, p.in_place, p.writable) for p in parsed] == [
        ("y", ("a", "b"), "real", True, False, True),
        ("n", ("2 * (a + step)",), "int64", True, False, True),
        ("x", ("a", "b"), "real", False, True, False),
        ("k", ("a",), "int64", False, False, False),
        ("w", ("b",), "real", False, False, True),
        ("rate", None, "float", False, False, False),
        ("step", None, "int", False, False, False),
    ]
    bounds = [tuple(bound and bound.text for bound in (p.least, p.below)) for p in parsed]
    assert bounds == [(None, None)] * 3 + [(None, "b")] + [(None, None)] * 2 + [("1", "b")]
    [number] = [e for e in parsed[1].computed if e is not None]
    assert number.value({"a": 3, "step": 4}) == 14


def test_a_declaration_must_match_its_function():
    with pytest.raises(ValueError, match="cannot read"):
        declaration.parse_declaration("y[a = x")
    with pytest.raises(ValueError, match="unknown name 'b'"):
        declaration.Declaration("f", "y[a] = x[2 * b]")
    with pytest.raises(ValueError, match="does not match"):
        jit.kernel("y[a] = x[a]")(lambda y, z: None)


def test_kernels_introduce_themselves():
    from fastmlp import kernels

    assert "relu_forward: y[batch, units] = x[batch, units]" in repr(kernels.relu_forward)
    with pytest.raises(AttributeError, match="there are activation_backward"):
        kernels.gelu_forward  # noqa: B018
    with pytest.raises(AttributeError):
        jit.no_such_name  # noqa: B018


# ---------------------------------------------------------------- cache


def test_files_are_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "file"
    _files.write_atomically(target, b"first")
    _files.write_atomically(target, b"second")
    assert target.read_bytes() == b"second"
    assert os.listdir(tmp_path) == ["file"]
    with pytest.raises(TypeError):
        _files.write_atomically(target, "not bytes")
    assert target.read_bytes() == b"second"
    assert os.listdir(tmp_path) == ["file"]


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
    assert cold.stderr.count("compiling kernels for this CPU") == 1
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


# ---------------------------------------------------------------- threads


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_container_quota(files, expected, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert threads.cgroup_quota(str(tmp_path)) == expected


def test_number_of_threads(monkeypatch):
    monkeypatch.setattr(threads, "_own_quota", lambda: 3)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "asked_of_openmp", lambda: None)
    assert threads.available_threads() == 3
    assert threads.resolve_threads(None) == 3
    assert threads.resolve_threads(100) == 3
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    assert threads.resolve_threads(None) == 2
    monkeypatch.setattr(threads, "_chosen", None)
    threads.set_num_threads(1)
    assert threads.get_num_threads() == 1
    assert threads.resolve_threads(2) == 2
    threads.set_num_threads(None)
    assert threads.get_num_threads() == 2
    monkeypatch.setattr(threads, "_forked", True)
    assert threads.resolve_threads(2) == 1


@pytest.mark.parametrize(("n", "error"), [(0, ArgumentError), (-1, ArgumentError), (1.5, ArgumentTypeError)])
def test_wrong_numbers_of_threads(n, error):
    with pytest.raises(error, match="n must be"):
        threads.set_num_threads(n)


# ---------------------------------------------------------------- checks and the progress line


def test_numbers_are_checked():
    assert check.whole_number(np.int32(3), "n", minimum=1) == 3
    assert check.real_number("1" and 0.5, "r", minimum=0, below=1) == 0.5
    for value in (True, "3", None, 2.5):
        with pytest.raises(ArgumentTypeError, match="n must be a whole number"):
            check.whole_number(value, "n", minimum=1)
    for value in (float("inf"), -1, 1):
        with pytest.raises(ArgumentError, match="r must be a finite number at least 0 and less than 1"):
            check.real_number(value, "r", minimum=0, below=1)
    for value in (True, "3", None, [1, 2]):
        with pytest.raises(ArgumentTypeError, match="r must be a finite number, not"):
            check.real_number(value, "r")


def test_progress_line(capsys):
    line = ProgressLine(live=True)
    line.on_train_begin({"epochs": 2, "first_epoch": 0, "batches": 4, "rows": 100})
    line.on_epoch_begin(0)
    logs = {"loss": 0.5, "accuracy": 0.25, "seconds": 1.0, "samples_per_second": 1234.5}
    line.on_batches_end(2, logs)
    line.on_epoch_end(0, {**logs, "val_loss": 0.75})
    line.on_train_end("max_time")
    shown = capsys.readouterr().out
    assert shown.startswith("epoch 1/2  loss 0.5000  accuracy 0.2500  1,234 samples/s  ETA ")
    assert "\repoch 1/2  loss 0.5000  accuracy 0.2500  val_loss 0.7500  1,234 samples/s" in shown
    assert shown.endswith("stopped: the time given is over\n")


def test_durations_read_well():
    assert [_duration(s) for s in (0.34, 59.4, 61, 3600, 86_399)] == ["0.3 s", "59.4 s", "1:01", "1:00:00", "23:59:59"]
