"""Private parts of numba that are not what they were: kernels are compiled the ordinary way, after one warning."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastmlp

PACKAGE = Path(fastmlp.__file__).parent

KERNELS = """
import sys, warnings
import numpy as np
from fastmlp._compiling import jit, numba_privates as privates

def fail(*args, **kwargs):
    raise AttributeError("planted")

def later(number, original):
    calls = iter([original] * number)
    return lambda *args: next(calls, fail)(*args)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    exec(sys.argv[1])
    from fastmlp import kernels, reference
    numbers = np.linspace(-3, 3, 200000, dtype="f4")
    for name, x in 2 * [("relu_forward", numbers.reshape(200, 1000)), ("exp", numbers[:9])]:  # parallel, and not
        ours, theirs = np.empty_like(x), np.empty_like(x)
        kernel = getattr(kernels, name)
        kernel(ours, x)
        getattr(reference, name)(theirs, x)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-9)
        kernel._variants.clear(), kernel._found.clear()  # what is compiled now was not stored
print(len(jit.compilations), len(caught), *(c.message for c in caught))
"""


def run(cache, plant="", warnings="error"):
    """Run two kernels in a process of its own, with a fault; how many were compiled, and what was warned of."""
    environment = os.environ | {"FASTMLP_CACHE_DIR": str(cache), "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-W", warnings, "-c", KERNELS, plant]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    compiled, count, *words = done.stdout.split()
    return int(compiled), int(count), " ".join(words)


COMPILING = {
    "the compiler": "privates.KernelCompiler.__init__ = fail",
    "the state of numba": "privates._libraries_that_collect = fail",
    "the first library": "privates.CollectingLibrary.__init__ = fail",
    "a later library": "f = privates.CollectingLibrary; f.add_llvm_module = later(9, f.add_llvm_module)",
    "a module": "privates.CollectingLibrary.own_module = fail",
    "the second kernel": "f = privates.KernelLibrary; f.finalize = later(1, f.finalize)",
    "what is checked": "privates.missing = lambda symbols: ['gone']",
}


@pytest.mark.needs_jit
@pytest.mark.parametrize("plant", COMPILING.values(), ids=COMPILING)
def test_a_fault_while_compiling_costs_time_alone(plant, tmp_path):
    compiled, warned, text = run(tmp_path, plant)
    assert (compiled, warned) == (2, 1), text
    assert "kernels take two to five times as long to compile" in text


STORING = {
    "attaching": "privates.set_cache = fail",
    "saving": "privates.packed = fail",
}


@pytest.mark.needs_jit
@pytest.mark.parametrize("plant", STORING.values(), ids=STORING)
def test_a_fault_while_storing_costs_the_cache_alone(plant, tmp_path):
    compiled, warned, text = run(tmp_path, plant)
    assert (compiled, warned) == (4, 1), text
    assert "kernels are compiled in every process" in text


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A cache that holds the kernels."""
    folder = tmp_path_factory.mktemp("warm")
    assert run(folder) == (2, 0, "")
    return folder


@pytest.mark.needs_jit
@pytest.mark.parametrize(
    ("plant", "compiled", "consequence"),
    [
        ("privates.unpacked = fail", 4, "kernels are compiled in every process"),
        ("privates.launch_threads = fail", 0, "numba starts its threads later"),
        ("privates.target_cpu = fail", 0, "code is made for this CPU as LLVM describes it"),
        ("privates.known_options = fail", 0, "kernels take longer to compile"),
        ("sys.modules[privates.__name__] = None", 4, ""),
    ],
)
def test_other_faults_end_no_run(plant, compiled, consequence, warm):
    found, warned, text = run(warm, plant)
    assert (found, warned) == (compiled, 1), text
    assert consequence in text


@pytest.mark.needs_jit
def test_the_fallback_for_the_cpu_says_what_numba_says(monkeypatch):
    from fastmlp._compiling import cache, fallback, numba_privates

    if any(name.startswith("NUMBA_CPU") for name in os.environ):
        pytest.skip("this is about the CPU at hand")
    usual = cache.target_cpu()
    monkeypatch.delattr(numba_privates, "target_cpu")
    monkeypatch.setattr(fallback, "_warned", False)
    with pytest.warns(RuntimeWarning, match=r"not like the versions that fastmlp knows \(ImportError"):
        assert cache.target_cpu() == usual


FILES = [path for path in PACKAGE.rglob("*.py") if path.name != "numba_privates.py"]
DOCUMENTED = {"import llvmlite", "import llvmlite.binding as llvm", "import numba", "from numba.core import cgutils"}
DOCUMENTED |= {"from numba import", "from numba.extending import", "from llvmlite import"}


def test_others_import_what_numba_documents():
    found = {
        line.strip()
        for path in FILES
        for line in path.read_text("utf-8").splitlines()
        if re.match(r" *(import|from) (numba|llvmlite)\b", line)
    }
    assert "import numba" in found
    assert {
        line for line in found if line not in DOCUMENTED and line.split(" import ")[0] + " import" not in DOCUMENTED
    } == set()


def test_no_other_file_names_private_attributes_of_numba():
    text = (PACKAGE / "_compiling" / "numba_privates.py").read_text("utf-8")
    private = set(re.findall(r"(?<=[a-z])\.(_[a-z]+_[a-z_]+)\b", text))
    assert {"_reload_init", "_final_module", "_library_class"} <= private
    found = {(path.name, name) for path in FILES for name in re.findall(r"\.(_\w+)", path.read_text("utf-8"))}
    assert {(file, name) for file, name in found if name in private} == set()
