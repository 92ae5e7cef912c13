"""Rules of the house that a program can check: who imports whom, where numba's options are, who owns what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastmlp

PACKAGE = Path(fastmlp.__file__).parent
TESTS = Path(__file__).parents[1]
FILES = sorted(PACKAGE.rglob("*.py"))
KERNEL_FILES = sorted((PACKAGE / "kernels").rglob("*.py"))
COMPILING = sorted((PACKAGE / "_compiling").glob("*.py"))
SIMD_FILES = sorted((PACKAGE / "kernels" / "simd").glob("*.py"))

# The floors of the house from the bottom: files at the root of the package, and folders. This is their only table.
FLOORS = [
    ["_moved", "_version"],
    ["_base"],
    ["reference"],
    ["_compiling"],
    ["kernels"],
    ["_called", "_custom", "math"],
    ["activations", "initializers", "regularizers", "constraints", "schedules", "datasets", "utils", "backend"],
    ["tables"],
    ["layers", "losses", "optimizers", "metrics"],
    ["plots"],
    ["_engine"],
    ["_network"],
    ["history", "scores"],
    ["callbacks"],
    ["trackers"],
    ["_training"],
    ["jitted", "_exporting"],
    ["model"],
    ["models"],
    ["search", "_importing", "saving"],
    ["sweeps", "sklearn"],
    ["__init__"],
    ["_contest"],
    ["cli"],
    ["__main__"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
PEERS = {"sklearn", "torch", "jax", "keras", "tensorflow", "onnx", "onnxruntime"}
TRACKERS = {"tensorboardX", "wandb", "mlflow"}
OPTIONAL = PEERS | TRACKERS | {"matplotlib", "pandas", "polars", "pyarrow", "scipy", "tqdm", "safetensors", "IPython"}
# Its classes derive from those of a library, so nothing imports it before a user asks for it.
OVER_A_LIBRARY = [*sorted((PACKAGE / "sklearn").glob("*.py")), PACKAGE / "_exporting" / "torch_modules.py"]
# Each is imported alone, in a process of its own, once its library is known to be there.
CONTESTANTS = [p for p in (PACKAGE / "_contest" / "contestants").glob("*.py") if p.stem != "__init__"]


def module_of(path):
    """Its name below `fastmlp`; that of the package itself is ''."""
    return ".".join(part for part in path.relative_to(PACKAGE).with_suffix("").parts if part != "__init__")


MODULES = {module_of(path): path for path in FILES}


def room_of(module):
    return module.partition(".")[0] or "__init__"


def imports_of(module):
    """The modules of ours that a module imports anywhere: at its top, in functions, and for annotations alone."""
    path = MODULES[module]
    here = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    here = [part for part in here if part]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name.partition(".")[2] for a in node.names if a.name.split(".")[0] == "fastmlp")
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level + 1] + (node.module.split(".") if node.module else [])
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                found = inner if inner in MODULES else ".".join(base)
                if found != module:
                    yield found


GRAPH = {module: sorted(set(imports_of(module))) for module in MODULES}


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


def test_every_room_has_its_floor():
    assert {room_of(module) for module in MODULES} == set(FLOOR)


def test_every_room_has_a_folder_of_tests():
    rooms = {path.name.strip("_") for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    rooms -= {"reference", "sweeps"}  # tested with the kernels, whose twins they are; another name of search.sweeps
    rooms -= {"layers", "losses"}  # tested with the other declarations
    assert rooms <= {path.parent.name for path in TESTS.glob("*/test_*.py")}


def test_no_file_of_tests_is_long():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in TESTS.rglob("*.py")}
    assert not {path: count for path, count in lines.items() if count > 500}, "split them by what they test"


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    """Or into the same folder: no exceptions, whether a program runs the import or only a type checker reads it."""
    own = room_of(module)
    climbing = [m for m in GRAPH[module] if room_of(m) != own and FLOOR[room_of(m)] >= FLOOR[own]]
    assert not climbing, f"fastmlp.{module} is on floor {FLOOR[own]} and imports {climbing}"


def test_no_imports_run_in_circles():
    graph = {module: set(targets) for module, targets in GRAPH.items() if module}
    free = True
    while free:  # take away what imports nothing that is left, or is imported by nothing that is left
        wanted = set().union(*graph.values())
        free = [module for module, targets in graph.items() if not targets & graph.keys() or module not in wanted]
        for module in free:
            del graph[module]
    assert not graph, f"these import each other: {sorted(graph)}"


@pytest.mark.parametrize("path", [p for p in KERNEL_FILES if p.parent.name == "kernels" and p.stem != "__init__"])
def test_kernel_files_know_kernels_tables_and_how_they_are_compiled(path):
    own = module_of(path)
    assert {room_of(m) for m in GRAPH[own]} <= {"kernels", "_compiling", "_base"}
    assert {m for m in GRAPH[own] if room_of(m) == "_base"} <= {"_base.tables"}
    assert {m for m in GRAPH[own] if room_of(m) == "_compiling"} <= {"_compiling.jit"}


@pytest.mark.parametrize("path", [p for p in KERNEL_FILES if "prange(" in p.read_text()], ids=lambda p: p.stem)
def test_numba_sees_that_loops_are_parallel(path):
    """It takes a loop over a conditional expression for a serial one, and says nothing."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    loops = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "prange"]
    assert loops
    for loop in loops:
        assert len(loop.args) == 1
        assert not [node for node in ast.walk(loop) if isinstance(node, (ast.IfExp, ast.BoolOp, ast.Compare))]


@pytest.mark.parametrize("path", KERNEL_FILES, ids=lambda p: p.stem)
def test_inner_functions_have_few_parameters(path):
    """Records and named tuples carry the rest. Kernels are entry points on plain arrays, and a tile needs its own."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and any("inner" in ast.unparse(d) for d in node.decorator_list):
            assert len(node.args.args) <= 12 or node.name == "product_tile", node.name


READ_BY_TWINS = {(2, "_base.tables"), (2, "_base.functions")}


@pytest.mark.parametrize("path", sorted((PACKAGE / "reference").glob("*.py")), ids=lambda p: p.stem)
def test_reference_imports_numpy_and_the_tables_alone(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= {"numpy", "math"}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 1 or (node.level, node.module) in READ_BY_TWINS or node.module == "typing"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_only_the_lowest_floors_know_numba(path):
    text = path.read_text()
    # inside_numba.py is user code; jitted.py makes a function for such code
    allowed = {"info.py", "jitted.py", "inside_numba.py"}
    nodes = list(ast.walk(ast.parse(text)))
    imports = [n for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom))]
    names = {a.name.split(".")[0] for n in imports if isinstance(n, ast.Import) for a in n.names}
    names |= {(n.module or "").split(".")[0] for n in imports if isinstance(n, ast.ImportFrom) and not n.level}
    assert not names & {"numba", "llvmlite"} or path.name in allowed or path in SIMD_FILES + COMPILING
    called = {getattr(n, "attr", getattr(n, "id", "")) for n in nodes}  # not the examples in docstrings
    assert "njit" not in called or path.name in ("jit.py", "inside_numba.py")
    assert "fastmath" not in text or path.name == "jit.py"
    assert "from llvmlite import ir" not in text or path in SIMD_FILES


@pytest.mark.parametrize("path", [p for p in FILES if p not in CONTESTANTS + OVER_A_LIBRARY], ids=str)
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
        assert "pickle.load" not in text or path.name == "cache.py"


LATE = {
    "numba",
    "llvmlite",
    "fastmlp.datasets",
    "fastmlp.callbacks",
    "fastmlp.metrics",
    "fastmlp.plots",
    "fastmlp.search",
}


def test_importing_the_package_loads_only_what_a_first_look_needs():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, fastmlp; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not (LATE | OPTIONAL) & set(done.stdout.split())


def public_objects():
    from fastmlp import callbacks, datasets, initializers, kernels, losses, plots, schedules
    from fastmlp.callbacks import trackers
    from fastmlp.search import sweeps

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
