"""Without scikit-learn, the estimators name the extra, and nothing else misses it."""

from ..shared.processes import run_python

BLOCKED = """
import importlib.util, inspect, sys
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *given: None if name == "sklearn" else find_spec(name, *given)
sys.modules["sklearn"] = None
"""


def test_what_is_missing_is_named(tmp_path):
    code = """
import fastmlp as fm
from fastmlp import *
assert "MLPClassifier" not in dir(fm) and inspect.getmembers(fm)
asked = [lambda: fm.MLPClassifier, lambda: fm.MLPRegressor, lambda: fm.sklearn, lambda: __import__("fastmlp.sklearn")]
for ask in asked:
    try:
        ask()
    except fm.MissingExtraError as error:
        print(error)
"""
    said = run_python(BLOCKED + code, folder=tmp_path).splitlines()
    assert said == ["fastmlp.sklearn needs scikit-learn: pip install 'fastmlp[sklearn]'"] * 4


def test_estimators_load_scikit_learn_only_when_asked_for(tmp_path):
    said = run_python("import sys, fastmlp; print('sklearn' in sys.modules, 'scipy' in sys.modules)", folder=tmp_path)
    assert said.split() == ["False", "False"]
