"""Every kernel and its reference twin, at the sizes of `tests/cases.py`.

python -m pytest benchmarks/test_kernels.py --benchmark-enable --benchmark-group-by=param:name
"""

import copy

import pytest

from fastmlp import kernels, reference
from tests.cases import CASES


@pytest.mark.parametrize("side", ["kernel", "reference"])
@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].real])
def test_kernel(benchmark, name, side):
    module = kernels if side == "kernel" else reference
    args = copy.deepcopy(CASES[name].arguments(CASES[name].real, "float32"))
    function = getattr(module, name)
    function(*args)  # compiled, or loaded, before the clock runs
    benchmark(function, *args)
