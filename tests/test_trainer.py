"""Parts of the training loop that need no training."""

import numpy as np
import pytest

from fastmlp.trainer import EpochTotals, GoodParameters, ThreadChoice


def test_one_thread_is_tried_when_several_are_slow_and_kept_while_it_is_faster():
    choice = ThreadChoice(most=2, work=10**8)
    assert choice.next() == 2
    choice.observe(2, 1e-3)  # 100 GFLOP/s: nothing to worry about
    assert choice.next() == 2
    choice.observe(2, 1.0)  # 0.1 GFLOP/s
    assert choice.next() == 1
    choice.observe(1, 0.1)
    for _ in range(20):
        assert choice.next() == 1
        choice.observe(1, 0.1)
    assert choice.next() == 2  # and then the others get another chance


def test_several_threads_are_kept_where_one_is_slower_still():
    choice = ThreadChoice(most=2, work=10**8)
    choice.observe(2, 1.0)
    assert choice.next() == 1
    choice.observe(1, 2.0)
    for _ in range(20):
        assert choice.next() == 2
        choice.observe(2, 1.0)
    assert choice.next() == 1


def test_one_thread_stays_one():
    choice = ThreadChoice(most=1, work=10**8)
    choice.observe(1, 100.0)
    assert choice.next() == 1


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
    logs = totals.logs(["accuracy"])
    assert logs["loss"] == 2.0
    assert logs["accuracy"] == 1.0
    assert logs["samples_per_second"] == pytest.approx(6)
