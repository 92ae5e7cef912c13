"""What the process had is left as it was: threads, denormals, random numbers, modules."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._compiling import threads as _threads

from ..shared.models import data, network
from ..shared.processes import FORK, needs_jit, run_python


@needs_jit
def test_numbas_number_of_threads_is_left_as_it_was():
    import numba

    x, y = data(1024, 64, 10)
    before = numba.get_num_threads()
    try:
        for own in {1, before}:
            numba.set_num_threads(own)
            for n_threads in (1, 2, None, 1000):
                model = network((96, 64), 10)
                model.fit(x, y, batch_size=512, n_threads=n_threads, verbose=0)
                model.predict(x, n_threads=n_threads)
                assert numba.get_num_threads() == own
    finally:
        numba.set_num_threads(before)


@needs_jit
@pytest.mark.parametrize("n_threads", [1, 2])
def test_numpy_still_computes_denormals_after_a_kernel(n_threads):
    x, y = data(1024, 64, 10)
    model = network((96, 64), 10)
    model.fit(x, y, batch_size=512, n_threads=n_threads, verbose=0)
    model.predict(x, n_threads=n_threads)
    model.evaluate(x, y, n_threads=n_threads)
    assert (np.full(1000, 1e-39, np.float32) * np.float32(0.5) > 0).all()
    assert (np.full(1000, 1e-310) * 0.5 > 0).all()


@pytest.mark.parametrize("seed_of", [np.random.seed, None], ids=["seeded", "not"])
def test_numpys_global_random_state_is_neither_read_nor_changed(seed_of):
    x, y = data(50)
    if seed_of:
        seed_of(3)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    model = network()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_set_num_threads_bounds_what_kernels_use():
    try:
        fm.set_num_threads(1)
        assert fm.get_num_threads() == 1
        fm.set_num_threads(10**6)
        assert fm.get_num_threads() == _threads.available_threads()
    finally:
        fm.set_num_threads(None)
    assert fm.get_num_threads() == _threads.available_threads()


@needs_jit
@pytest.mark.parametrize("limit", ["1", "64"])
def test_numba_num_threads_is_respected(limit, tmp_path):
    code = FORK + "model.fit(x, y, batch_size=512, verbose=0, n_threads=8); print(fm.get_num_threads())"
    most = _threads.available_threads()
    assert run_python(code, NUMBA_NUM_THREADS=limit) == str(min(int(limit), most))
