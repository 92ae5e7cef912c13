"""Docstrings and messages name what there is."""

import ast
import importlib.util
import re
from pathlib import Path

import fastmlp

NAME = re.compile(r"\bfastmlp(?:\.[A-Za-z_]\w*)+")
ELSEWHERE = {
    "fastmlp._exporting.torch_modules": "needs torch",
    "fastmlp.orders": "a namespace of numba's types",
    "fastmlp.preprocessing": "an import that fails, as an example",
    "fastmlp.workers._no_callbacks": "a name in the records of all versions",
}
if importlib.util.find_spec("sklearn") is None:
    estimators = ("fastmlp.MLPClassifier", "fastmlp.MLPRegressor", "fastmlp.sklearn")
    ELSEWHERE |= dict.fromkeys(estimators, "need scikit-learn")
PACKAGE = Path(fastmlp.__file__).parent


def texts():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.relative_to(PACKAGE).as_posix(), node.value


def exists(name):
    """Whether a dotted name can be imported, or reached by attributes."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        try:
            for part in parts[count:]:
                found = getattr(found, part)
        except (AttributeError, ImportError):
            return False
        return True
    return False


def is_elsewhere(name):
    return any(name == other or name.startswith(f"{other}.") for other in ELSEWHERE)


def test_every_name_of_ours_in_a_text_is_there():
    named = {(name, place) for place, text in texts() for name in NAME.findall(text)}
    assert len(named) > 200
    missing = sorted((name, place) for name, place in named if not is_elsewhere(name) and not exists(name))
    assert not missing
