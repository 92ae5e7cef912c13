"""Forked children train and predict, whatever the process did before."""

import pytest

from ..shared.processes import FORK, needs_fork, needs_jit, run_python

AFTER = {
    "nothing": "",
    "training": "model.fit(x, y, batch_size=512, verbose=0); wanted = model.predict(x).tobytes()",
    "numba.set_num_threads": "import numba; numba.set_num_threads(1)",
    "a parallel function of the program": """
import numba
@numba.njit(parallel=True)
def total(a):
    s = 0.0
    for i in numba.prange(a.size):
        s += a[i]
    return s
total(np.ones(10000))
""",
}


@needs_jit
@needs_fork
@pytest.mark.parametrize("layer", ["workqueue", None], ids=["workqueue", "default layer"])
@pytest.mark.parametrize("before", AFTER)
def test_a_forked_child_predicts_and_trains_after(before, layer, tmp_path):
    code = f"{FORK}\n{AFTER[before]}\nprint(in_child(work))"
    output = run_python(code, "-W", "ignore::DeprecationWarning", NUMBA_THREADING_LAYER=layer)
    assert output == "0"


@needs_jit
@needs_fork
def test_the_child_of_a_forked_child_predicts_and_trains_too(tmp_path):
    code = f"{FORK}\n{AFTER['training']}\nprint(in_child(lambda: os._exit(0 if in_child(work) == 0 else 1)))"
    assert run_python(code, "-W", "ignore::DeprecationWarning") == "0"


@needs_jit
@needs_fork
def test_a_pool_of_forked_workers_predicts_after_training(tmp_path):
    code = (
        FORK
        + """
import multiprocessing
model.fit(x, y, batch_size=512, verbose=0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    print({p.tobytes() for p in pool.map(model.predict, [x] * 4)} == {model.predict(x).tobytes()})
"""
    )
    assert run_python(code, "-W", "ignore::DeprecationWarning") == "True"


@needs_jit
@needs_fork
def test_a_child_forked_while_another_thread_builds_a_kernel_does_not_hang(tmp_path):
    code = (
        FORK
        + """
held = threading.Event()
def build():
    with jit._build_lock:  # as while a kernel is compiled
        held.set()
        time.sleep(0.5)
thread = threading.Thread(target=build)
thread.start()
held.wait()
double = fm.Sequential([fm.Dense(10, "softmax")], dtype="float64", seed=0)
double.build(64)
print(in_child(lambda: double.predict(x), seconds=10))
thread.join()
"""
    )
    assert run_python(code, "-W", "ignore::DeprecationWarning") == "0"
