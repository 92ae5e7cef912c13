"""One `fit` goes straight from its arguments to the kernels and back: changes of file and calls are bounded.

An epoch of a small network takes the kernels some microseconds, so what Python does for each epoch is counted too.
Counts do not depend on the machine and its load, as times do.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm

PACKAGE = str(Path(fm.__file__).parent)
MOST_CHANGES = 182  # 177 when this was written; it was 320 when one class lay in four files
MOST_IN_AN_EPOCH = 60  # calls: 57 when this was written; it was 76
MOST_IN_A_FIT = 250  # of one epoch, with a built model: 241 when this was written
MOST_IN_A_FIRST_FIT = 765  # 730 when this was written; it was 2706
MOST_IN_AN_ESTIMATORS_EPOCH = 68  # 65 when this was written; it was 92
MOST_IN_AN_ESTIMATORS_FIT = 1000  # of one epoch: 972 when this was written; it was 2843


def files_of_calls(function):
    """The file of each call of Python code of this package; comprehensions do not count, as newer Pythons do not."""
    files = []

    def note(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and not code.co_name.endswith("comp>"):
            files.append(code.co_filename)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return files


def in_an_epoch(fit):
    """How many calls each further epoch takes."""
    fit(2)  # loads kernels
    few, many = len(files_of_calls(lambda: fit(10))), len(files_of_calls(lambda: fit(60)))
    return (many - few) / 50


@pytest.fixture
def data():
    return np.random.default_rng(0).normal(size=(60, 4)).astype("f4"), np.arange(60) % 3


@pytest.mark.needs_jit
def test_a_fit_climbs_little():
    (x, y), validation = fm.datasets.digits(300, 100)

    def fit():
        model = fm.mlp([16], classes=10, seed=0)
        options = {"batch_size": 300, "epochs": 1, "validation_data": validation, "verbose": 0, "n_threads": 1}
        files = files_of_calls(lambda: model.fit(x, y, **options))
        return sum(file != last for last, file in itertools.pairwise(files))

    fit()  # loads kernels
    assert fit() <= MOST_CHANGES


@pytest.mark.needs_jit
def test_an_epoch_costs_few_calls(data):
    model = fm.mlp([8], classes=3, seed=0)
    assert in_an_epoch(lambda epochs: model.fit(*data, batch_size=60, epochs=epochs, verbose=0)) <= MOST_IN_AN_EPOCH


@pytest.mark.needs_jit
def test_a_fit_costs_few_calls(data):
    def calls(model):
        return len(files_of_calls(lambda: model.fit(*data, batch_size=60, verbose=0)))

    model = fm.mlp([8], classes=3, seed=0)
    calls(model)  # loads kernels
    assert calls(model) <= MOST_IN_A_FIT
    assert calls(fm.mlp([8], classes=3, seed=0)) <= MOST_IN_A_FIRST_FIT


@pytest.mark.needs_jit
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_estimators_cost_few_calls_more(data):
    pytest.importorskip("sklearn")

    def fit(epochs):
        fm.MLPClassifier((8,), max_iter=epochs, n_iter_no_change=1000, random_state=0).fit(*data)

    assert in_an_epoch(fit) <= MOST_IN_AN_ESTIMATORS_EPOCH
    assert len(files_of_calls(lambda: fit(1))) <= MOST_IN_AN_ESTIMATORS_FIT
