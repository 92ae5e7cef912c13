"""Rules of the house that a program can check: who imports whom, where numba's options are, who owns what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastmlp
from fastmlp import reference
from fastmlp.kernels import tables

PACKAGE = Path(fastmlp.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
KERNEL_FILES = sorted((PACKAGE / "kernels").rglob("*.py"))
SIMD_FILES = sorted((PACKAGE / "kernels" / "simd").glob("*.py"))

# Floors from the bottom; a file imports only from lower floors, or from those of its own floor that stand before it.
FLOORS = [
    [
        "_version",
        "_types",
        "_cached",
        "_errors",
        "_files",
        "_archive",
        "_interruption",
        "_threads",
        "_private_files",
        "_cache",
        "_declaration",
        "_jit",
        "_check",
        "_columns",
        "_classes",
    ],
    ["kernels", "reference"],
    ["activations", "initializers", "regularizers", "layers", "losses", "schedules", "optimizers", "metrics"],
    ["program"],
    [
        "text_table",
        "attributes",
        "scores",
        "history",
        "callbacks",
        "thread_choice",
        "engine",
        "scoring",
        "trainer",
        "chunks",
        "chunk_trainer",
        "lbfgs",
        "naming",
        "inputs",
        "jitted",
        "targets",
        "bound",
        "building",
        "evaluating",
        "attempt",
        "fitting",
        "model",
        "gradcheck",
        "folding",
        "saving",
        "learning_rate",
    ],
    [
        "datasets",
        "plots",
        "trackers",
        "workers",
        "folds",
        "cross_validation",
        "sweeps",
        "benchmark",
        "cli",
    ],
]
KERNEL_ORDER = [
    "tables",
    "simd",
    "verify",
    "checks",
    "timing",
    "math",
    "rng",
    "layout",
    "matmul",
    "dense",
    "activations",
    "softmax",
    "noise",
    "normalization",
    "losses",
    "optimizers",
    "row_losses",
    "rows",
    "weights",
    "network",
]
PEERS = {"sklearn", "torch", "jax", "keras", "tensorflow", "onnx", "onnxruntime"}
OPTIONAL = PEERS | {"matplotlib", "pandas", "scipy", "tqdm", "safetensors", "tensorboardX", "wandb", "mlflow"}
# Each is imported alone, in a process of its own, once its library is known to be there.
CONTESTANTS = [p for p in (PACKAGE / "benchmark" / "contestants").glob("*.py") if p.stem != "__init__"]


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return [part for part in parts if part != "__init__"]


def module_level(tree):
    """Import statements that run when the module is imported."""
    guarded = [node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    for node in ast.walk(ast.Module([n for n in tree.body if n not in guarded], [])):
        if isinstance(node, ast.FunctionDef):
            node.body = [ast.Pass()]
    return [
        node
        for top in tree.body
        if top not in guarded
        for node in ast.walk(top)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]


def imported_from_package(path, nodes):
    """First parts, below fastmlp, of the modules of ours that are imported."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path)[:-1]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1] + (node.module.split(".") if node.module else [])
            for alias in node.names:
                yield (base or [alias.name])[0] if base else alias.name


def floor_of(part):
    for number, floor in enumerate(FLOORS):
        if part in floor:
            return number, floor.index(part)
    raise AssertionError(f"{part} is on no floor: add it to FLOORS in this test")


@pytest.mark.parametrize("path", [p for p in FILES if name_of(p) and name_of(p) != ["__main__"]], ids=str)
def test_imports_point_down(path):
    nodes = module_level(ast.parse(path.read_text()))
    own = name_of(path)[0]
    for part in imported_from_package(path, nodes):
        assert part == own or floor_of(part) < floor_of(own), f"{path.name} imports {part}"


@pytest.mark.parametrize("path", [p for p in KERNEL_FILES if p.parent.name == "kernels" and p.stem != "__init__"])
def test_kernel_files_import_only_lower_kernel_files(path):
    assert path.stem in KERNEL_ORDER
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            assert KERNEL_ORDER.index(node.module) < KERNEL_ORDER.index(path.stem)
        if isinstance(node, ast.ImportFrom) and node.level == 2:
            assert node.module == "_jit"


@pytest.mark.parametrize("path", [p for p in KERNEL_FILES if "prange(" in p.read_text()], ids=lambda p: p.stem)
def test_numba_sees_that_loops_are_parallel(path):
    """It takes a loop over a conditional expression for a serial one, and says nothing."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    loops = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "prange"]
    assert loops
    for loop in loops:
        assert len(loop.args) == 1
        assert not [node for node in ast.walk(loop) if isinstance(node, (ast.IfExp, ast.BoolOp, ast.Compare))]


@pytest.mark.parametrize("path", sorted((PACKAGE / "reference").glob("*.py")), ids=lambda p: p.stem)
def test_reference_imports_numpy_alone(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"numpy", "math"}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 1


@pytest.mark.parametrize("path", FILES, ids=str)
def test_only_the_lowest_floors_know_numba(path):
    text = path.read_text()
    # inside_numba.py is user code; jitted.py makes a function for such code
    allowed = {"_jit.py", "_threads.py", "_cache.py", "info.py", "jitted.py", "inside_numba.py"}
    nodes = list(ast.walk(ast.parse(text)))
    imports = [n for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom))]
    names = {a.name.split(".")[0] for n in imports if isinstance(n, ast.Import) for a in n.names}
    names |= {(n.module or "").split(".")[0] for n in imports if isinstance(n, ast.ImportFrom) and not n.level}
    assert not names & {"numba", "llvmlite"} or path.name in allowed or path in SIMD_FILES
    called = {getattr(n, "attr", getattr(n, "id", "")) for n in nodes}  # not the examples in docstrings
    assert "njit" not in called or path.name in ("_jit.py", "inside_numba.py")
    assert "fastmath" not in text or path.name == "_jit.py"
    assert "from llvmlite import ir" not in text or path in SIMD_FILES


@pytest.mark.parametrize("path", [p for p in FILES if p not in CONTESTANTS], ids=str)
def test_no_optional_package_is_imported_with_the_module(path):
    for node in module_level(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        assert not {name.split(".")[0] for name in names} & OPTIONAL


@pytest.mark.parametrize("path", CONTESTANTS, ids=lambda p: p.stem)
def test_a_contestant_imports_no_other(path):
    """Nothing in the package imports a contestant either: `Contestant.load` does."""
    nodes = module_level(ast.parse(path.read_text()))
    others = {p.stem for p in CONTESTANTS} - {"ours"}
    assert not others & {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 1}


@pytest.mark.parametrize("path", KERNEL_FILES, ids=lambda p: p.stem)
def test_parallel_loops_add_to_nothing_shared(path):
    """In a prange loop nothing is accumulated: each iteration writes what its index owns."""
    for loop in ast.walk(ast.parse(path.read_text())):
        is_parallel = isinstance(loop, ast.For) and "prange" in ast.unparse(loop.iter)
        if is_parallel:
            assert not [n for n in ast.walk(loop) if isinstance(n, ast.AugAssign)], ast.unparse(loop)


def test_nothing_unpickles_but_the_kernel_cache():
    for path in FILES:
        text = path.read_text()
        assert "allow_pickle=True" not in text
        assert "pickle.load" not in text or path.name == "_cache.py"


def test_reference_uses_the_tables_of_the_kernels():
    for module in (reference.activations, reference.losses, reference.network, reference.optimizers):
        names = [name for name in vars(module) if name.isupper() and hasattr(tables, name)]
        assert len(names) > 5
        assert {name: getattr(module, name) for name in names} == {name: getattr(tables, name) for name in names}


def test_importing_the_package_loads_no_numba_and_no_data_sets():
    code = "import sys, fastmlp; print([m for m in ('numba', 'llvmlite', 'fastmlp.datasets') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def public_objects():
    from fastmlp import callbacks, datasets, initializers, kernels, losses, plots, schedules, sweeps, trackers

    found = {name: getattr(fastmlp, name) for name in fastmlp.__all__ if name != "__version__"}
    for module in (kernels, datasets, schedules, plots, callbacks, trackers, sweeps):
        found |= {f"{module.__name__}.{name}": getattr(module, name) for name in module.__all__}
    for module in (initializers, losses):
        names = [n for n in vars(module) if not n.startswith("_")]
        own = {n: getattr(module, n) for n in names if getattr(vars(module)[n], "__module__", "") == module.__name__}
        found |= {f"{module.__name__}.{name}": value for name, value in own.items()}
    return found


@pytest.mark.parametrize("name", sorted(public_objects()))
def test_everything_public_is_documented(name):
    assert (public_objects()[name].__doc__ or "").strip(), f"{name} has no docstring"
