"""Limits that others set: OMP_NUM_THREADS, OpenMP's runtime with threadpoolctl, joblib, and which of them counts."""

import os
import sys
import threading

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.interruption import Interruption
from fastmlp._compiling import threads
from fastmlp.search import workers

from ..shared.processes import run_python

needs_two = pytest.mark.skipif(threads.available_threads() < 2, reason="this machine has one core")


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "_chosen", None)
    monkeypatch.setattr(threads, "_ask_runtime", lambda: 0)


@pytest.fixture
def eight(monkeypatch):
    """A machine of eight cores."""
    monkeypatch.setattr(threads, "_own_quota", lambda: None)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 8)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4", 4), (" 4 ", 4), ("+4", 4), ("4,2", 4), ("4 , 2 , 1", 4), ("\t1", 1),
        ("", None), (" ", None), ("0", None), ("-1", None), ("4,", None), (",4", None), ("4,x", None), ("4,0", None),
        ("four", None), ("4.5", None), ("4 2", None), ("0x4", None), ("٤", None), ("4\n", 4),
    ],
)  # fmt: skip
def test_forms_of_omp_num_threads(text, number, monkeypatch, eight):
    assert threads.first_number(text) == number
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert fm.get_num_threads() == (number or 8)


def test_the_first_given_counts(monkeypatch, eight):
    assert threads.resolve_threads(None) == 8
    monkeypatch.setattr(threads, "_ask_runtime", lambda: 7)
    assert threads.resolve_threads(None) == 7
    monkeypatch.setenv("OMP_NUM_THREADS", "6,2")
    assert threads.resolve_threads(None) == 6
    fm.set_num_threads(7)
    assert threads.resolve_threads(None) == 7
    assert threads.resolve_threads(8) == 8
    fm.set_num_threads(None)
    assert threads.resolve_threads(None) == 6


def test_of_the_environment_and_the_runtime_the_less_counts(monkeypatch, eight):
    """OpenMP's runtime begins with what the environment says; a limit that is set later must still hold."""
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    monkeypatch.setattr(threads, "_ask_runtime", lambda: 2)
    assert threads.resolve_threads(None) == 2


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "OMP_THREAD_LIMIT"])
def test_never_more_than_the_process_may_use(name, monkeypatch, eight):
    monkeypatch.setenv(name, "3")
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert [threads.resolve_threads(n) for n in (None, 2, 64)] == [3, 2, 3]
    fm.set_num_threads(5)
    assert threads.resolve_threads(None) == 3
    monkeypatch.setattr(threads, "_own_quota", lambda: 1)
    assert threads.resolve_threads(64) == 1


def test_workers_of_sweeps_limit_what_their_callbacks_use(eight):
    """Their fits say one thread; whatever else they call must not take more."""
    seen = []
    tasks = [lambda: seen.append(threads.resolve_threads(None)) for _ in range(4)]
    workers.run_tasks(tasks, 2, Interruption(), lambda number, result: None)
    assert seen == [1, 1, 1, 1]
    workers.run_tasks(tasks[:1], 1, Interruption(), lambda number, result: None)
    assert seen[4:] == [8]
    assert threads.resolve_threads(None) == 8  # of this thread nothing has changed


def test_workers_by_default_are_as_many_as_the_threads_that_are_asked_for(monkeypatch, eight):
    assert workers.resolve_workers(None, 100) == 8
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert workers.resolve_workers(None, 100) == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert (workers.resolve_workers(None, 100), workers.resolve_workers(3, 100)) == (1, 3)


def test_a_prediction_of_one_row_asks_nobody(monkeypatch):
    model = fm.mlp([4], classes=3, seed=0)
    model.build(5)
    x = np.zeros((1, 5), np.float32)
    model.predict(x)

    def fail(*_):
        raise AssertionError("asked")

    monkeypatch.setattr(threads, "asked_of_openmp", fail)
    monkeypatch.setattr(threads, "available_threads", fail)
    model.predict(x)


# ---------------------------------------------------------------- with the real runtime


# What others set is taken away, so that each test says what it sets.
UNSET = dict.fromkeys(["OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER"])
PARALLEL = """
import numpy as np, sys, threading
import fastmlp as fm
from fastmlp import kernels
from fastmlp._compiling import jit, threads as own_threads
from numba.np.ufunc.parallel import threading_layer
x = np.ones((4000, 64), np.float32)
used = []
launch = own_threads.launch
own_threads.launch = lambda function, n, args: used.append(n) or launch(function, n, args)
def threads():
    '''How many a kernel with much work takes.'''
    del used[:]
    kernels.relu_forward(np.empty_like(x), x)
    return used[0] if used else 1
"""


@pytest.mark.needs_jit
@needs_two
@pytest.mark.parametrize(("value", "expected"), [("1", "1"), ("1,2", "1"), ("64", None), ("none", None)])
def test_omp_num_threads_bounds_what_kernels_launch(value, expected):
    printed = run_python(PARALLEL + "print(threads())", **{**UNSET, "OMP_NUM_THREADS": value})
    assert printed == (expected or str(threads.available_threads()))


@pytest.mark.needs_jit
@needs_two
def test_threadpoolctl_bounds_what_kernels_launch():
    pytest.importorskip("threadpoolctl")
    code = """
from threadpoolctl import threadpool_limits
most = threads()
if threading_layer() == "omp":
    with threadpool_limits(1):
        assert threads() == 1 == fm.get_num_threads()
        fm.set_num_threads(2)
        assert threads() == 2
        fm.set_num_threads(None)
    with threadpool_limits(1, user_api="blas"):
        assert threads() == most
    def limited():
        with threadpool_limits(1, user_api="openmp"):
            seen.append(threads())
    seen = []
    thread = threading.Thread(target=limited)
    thread.start()
    thread.join()
    assert seen == [1]
assert threads() == most == own_threads.available_threads()
print("fine")
"""
    assert run_python(PARALLEL + code, **UNSET) == "fine"


@pytest.mark.needs_jit
@needs_two
@pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP")
def test_a_limit_that_was_set_before_numba_started_its_threads_still_holds():
    code = """
import ctypes
try:
    runtime = ctypes.CDLL("libgomp.so.1")
except OSError:
    print("fine")
    sys.exit()
runtime.omp_set_num_threads(1)
kernels.relu_forward.variant("float32", parallel=True)
if threading_layer() == "omp":
    assert own_threads.runtime_limit() == 1 == threads()
    runtime.omp_set_num_threads(2)
    assert threads() == 2
print("fine")
"""
    assert run_python(PARALLEL + code, **UNSET) == "fine"


@pytest.mark.needs_jit
@needs_two
@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_layers_without_openmp_have_no_limit_of_its_runtime(layer):
    code = "assert own_threads.runtime_limit() is None; threads(); print(own_threads.runtime_limit() is None)"
    printed = run_python(PARALLEL + code, **{**UNSET, "NUMBA_THREADING_LAYER": layer})
    assert printed == str(layer == "workqueue")


@pytest.mark.needs_jit
def test_asking_loads_no_runtime():
    code = """
import sys, fastmlp as fm, numba
fm.get_num_threads()
print("numba.np.ufunc.omppool" in sys.modules, "libgomp" in open("/proc/self/maps").read())
"""
    if not os.path.exists("/proc/self/maps"):
        pytest.skip("/proc")
    assert run_python(code, **UNSET) == "False False"


@pytest.mark.needs_jit
@needs_two
def test_joblib_bounds_its_workers(tmp_path):
    pytest.importorskip("joblib")
    (tmp_path / "asking.py").write_text("import fastmlp\ndef ask(_): return fastmlp.get_num_threads()\n")
    code = f"""
import sys, os
sys.path.insert(0, {str(tmp_path)!r})
os.environ["PYTHONPATH"] += os.pathsep + {str(tmp_path)!r}
import joblib
from asking import ask
if __name__ == "__main__":
    for inner in (1, 2):
        with joblib.parallel_config(backend="loky", n_jobs=2, inner_max_num_threads=inner):
            print(joblib.Parallel()(joblib.delayed(ask)(i) for i in range(2)))
"""
    assert run_python(code, **UNSET, PYTHONWARNINGS="ignore").splitlines() == ["[1, 1]", "[2, 2]"]


def test_threads_of_python_keep_their_own_limit(eight):
    seen = {}

    def limited():
        threads.limit_this_thread(3)
        seen.update(own=threads.resolve_threads(None), asked=threads.resolve_threads(5))

    thread = threading.Thread(target=limited)
    thread.start()
    thread.join()
    assert (seen, threads.resolve_threads(None)) == ({"own": 3, "asked": 5}, 8)
