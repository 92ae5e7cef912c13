"""What tests of this room share."""

import warnings

import pytest


@pytest.fixture
def torch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the modules that its optimisers import as they are made
        library = pytest.importorskip("torch")
        library.optim.SGD([library.zeros(1, requires_grad=True)], lr=0.1)
    threads = library.get_num_threads()
    library.set_num_threads(1)  # anew in each test: numba's threads may share the OpenMP library, and its setting
    yield library
    library.set_num_threads(threads)
