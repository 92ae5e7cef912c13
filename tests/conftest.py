"""What all tests share."""

import signal
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


@pytest.fixture
def write(tmp_path):
    """Write a text, or bytes, to a file of the test's own folder; gives its path."""

    def write_file(content, name="data.csv"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / name

    return write_file


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """The test's own folder is the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def default_interrupt():
    """Ctrl-C raises KeyboardInterrupt, as in a program of one's own, and does so afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def sklearn_metrics():
    return pytest.importorskip("sklearn.metrics")
