"""Parts of the training loop that need no training."""

import numpy as np
import pytest

from fastmlp import losses, metrics
from fastmlp.scoring import Scoring
from fastmlp.trainer import EpochTotals, GoodParameters


def test_only_confirmed_parameters_are_restored():
    parameters = np.zeros(3)
    good = GoodParameters(parameters)
    good.offer(parameters)
    good.confirm()
    parameters[:] = 1
    good._next = 0.0
    good.offer(parameters)  # no finite loss has been seen with these
    parameters[:] = np.nan
    good.restore(parameters)
    assert parameters.tolist() == [0, 0, 0]
    parameters[:] = 2
    good._next = 0.0
    good.offer(parameters)
    good.confirm()
    parameters[:] = np.nan
    good.restore(parameters)
    assert parameters.tolist() == [2, 2, 2]


def test_means_of_an_epoch_weigh_batches_by_their_rows():
    totals = EpochTotals()
    totals.add(np.array([1.0, 4.0]), np.array([2, 1]), np.array([2, 1]), 0.5)
    scoring = Scoring(metrics.get(["accuracy"]), losses.get("categorical_crossentropy"), "softmax", 3)
    logs = totals.logs(scoring)
    assert logs["loss"] == 2.0
    assert logs["accuracy"] == 1.0
    assert logs["samples_per_second"] == pytest.approx(6)
