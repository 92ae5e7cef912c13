"""Nearly all of these tests need scikit-learn, and are not collected without it."""

from importlib.util import find_spec
from pathlib import Path

_ALL = {path.name for path in Path(__file__).parent.glob("test_*.py")}
collect_ignore = [] if find_spec("sklearn") else sorted(_ALL - {"test_without_sklearn.py"})
