"""These tests need scikit-learn: nothing here is collected without it."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("sklearn") else ["test_*.py"]
