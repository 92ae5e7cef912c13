"""What all tests share."""

import sys

import numpy as np
import pytest

from fastmlp._compiling.jit import jit_disabled


def pytest_collection_modifyitems(items):
    if not jit_disabled():
        return
    skip = pytest.mark.skip(reason="numba is switched off")
    for item in items:
        if "needs_jit" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def figures_are_closed():
    """Functions that plot leave their figures to the caller."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)
