"""Examples in docstrings run as they stand."""

import doctest
import importlib
import pkgutil

import pytest

import fastmlp
from fastmlp import kernels

# Benchmarks' contestants need the libraries that they are about.
MODULES = [
    m.name
    for m in pkgutil.walk_packages(fastmlp.__path__, "fastmlp.")
    if not m.name.endswith("__main__") and ".contestants." not in m.name
]


@pytest.mark.parametrize("name", MODULES)
def test_module_examples(name):
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert failed == 0


@pytest.mark.parametrize("name", kernels.__all__)
def test_kernel_examples(name):
    kernel = getattr(kernels, name)
    finder, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    runner.run(finder.get_doctest(kernel.__doc__ or "", {}, name, None, 0))
    assert runner.failures == 0
