"""Examples in docstrings and pages run as they stand."""

import ast
import doctest
import importlib.util
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import fastmlp
from fastmlp import kernels
from fastmlp._compiling.jit import jit_disabled

from ..shared.processes import needs_jit, run_python

ROOT = Path(fastmlp.__file__).parents[1]
# Benchmarks' contestants need the libraries that they are about, estimators scikit-learn, and modules PyTorch.
HAS_SKLEARN = importlib.util.find_spec("sklearn") is not None
HAS_TORCH = importlib.util.find_spec("torch") is not None
MODULES = [
    "fastmlp",
    *(
        m.name
        for m in pkgutil.walk_packages(fastmlp.__path__, "fastmlp.")
        if not m.name.endswith("__main__")
        and ".contestants." not in m.name
        and (HAS_SKLEARN or not m.name.startswith("fastmlp.sklearn"))
        and (HAS_TORCH or m.name != "fastmlp._exporting.torch_modules")
    ),
]


# What other parts of the package, and classes of the user's own, need to name.
INTERNAL = {
    "__version__",
    "METRICS",
    "NAMES",
    "Initializer",
    "Metric",
    "Regularizer",
    "Scores",
    "Logs",
    "LayerHealth",
    "larger_is_better",
    "listeners",
    "parsed",
    "progress",
}


def needs_matplotlib():
    pytest.importorskip("matplotlib").use("Agg")


class Finder(doctest.DocTestFinder):
    """Finds the examples of methods too if the home of their class is another module than their file."""

    def _from_module(self, module, object):
        is_method = inspect.isfunction(object) and "." in object.__qualname__
        return is_method or super()._from_module(module, object)


def examples_of(module):
    """The examples of a module, also of names that it imports when they are asked for."""
    lazy = [name for name in getattr(module, "__all__", ()) if name not in vars(module)]
    found = {name: getattr(module, name) for name in lazy}
    objects = {name: item for name, item in found.items() if not inspect.ismodule(item)}
    # What users find in a package is defined in another file, whose names its examples do not have here.
    for name, item in {module.__name__: module, **objects}.items():
        yield from Finder().find(item, name, extraglobs={"np": np, **objects})


@pytest.mark.parametrize("name", MODULES)
def test_module_examples(name):
    if jit_disabled() and not name.startswith(("fastmlp.kernels", "fastmlp.reference")):
        pytest.skip("examples that train take minutes without numba's compiler, and are tested with it")
    if name.startswith("fastmlp.plots"):
        needs_matplotlib()
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for example in examples_of(importlib.import_module(name)):
        runner.run(example)
    assert runner.failures == 0


def test_no_example_is_left_out():
    needs_matplotlib()
    written = set()
    for path in Path(fastmlp.__file__).parent.rglob("*.py"):
        items = [
            n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, (ast.FunctionDef, ast.ClassDef))
        ]
        written |= {text for text in map(ast.get_docstring, items) if text and ">>>" in text}
    run = {
        inspect.cleandoc(example.docstring)
        for name in MODULES
        for example in examples_of(importlib.import_module(name))
    }
    if not HAS_SKLEARN:
        pytest.skip("examples of estimators need scikit-learn")
    assert {text.splitlines()[0] for text in written} <= {text.splitlines()[0] for text in run}


@pytest.mark.parametrize("name", kernels.__all__)
def test_kernel_examples(name):
    kernel = getattr(kernels, name)
    finder, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    runner.run(finder.get_doctest(kernel.__doc__ or "", {}, name, None, 0))
    assert runner.failures == 0


NOT_RUN = {"kernels.md"}  # whose code is quoted from kernels
NEEDS = {"sklearn.md": ("sklearn",), "export.md": ("onnx", "onnxruntime", "safetensors")}
# None where the package is installed without its documentation
PAGES = [
    p for p in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if p.is_file() and p.name not in NOT_RUN
]


@needs_jit
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_on_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    if page.name == "plots.md":
        needs_matplotlib()
    for library in NEEDS.get(page.name, ()):
        pytest.importorskip(library)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    code = "\n".join(blocks).replace('fm.datasets.load("digits")', "fm.datasets.digits(600, 100)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # a page may import modules that it writes
    exec(compile(code, str(page), "exec"), {"__name__": "page"})


@needs_jit
def test_the_policy_of_the_simulation_learns_to_balance(tmp_path):
    example = ROOT / "docs" / "examples" / "policy_simulation.py"
    if not example.is_file():
        pytest.skip("installed without its documentation")
    output = run_python(example.read_text(), folder=tmp_path)
    means = [float(mean) for mean in re.findall(r"^ +\d+ +([\d.]+)", output, re.MULTILINE)]
    assert len(means) == 20
    assert max(means) > 4 * means[0]
    assert float(re.search(r"from 100 new starts: ([\d.]+)", output)[1]) > 2 * means[0]


PUBLIC = ["fastmlp", *(f"fastmlp.{name}" for name in fastmlp.__all__ if inspect.ismodule(getattr(fastmlp, name)))]


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_stands_in_the_documentation(name):
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    if not pages[0].exists():
        pytest.skip("installed without its documentation")
    words = set(re.findall(r"\w+", "".join(page.read_text(encoding="utf-8") for page in pages)))
    public = set(importlib.import_module(name).__all__) - INTERNAL
    assert public <= words, sorted(public - words)
